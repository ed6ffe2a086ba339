//! Who is asking.

use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};

/// An authenticated principal. Made by `gatepost-tokens` from a verified token, or by a service that verified
/// a credential itself; never from anything that a client merely claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that signed it in.
    pub tenant: TenantId,
    /// The user's or the service principal's object id.
    pub object_id: ObjectId,
    /// User or service principal.
    pub kind: PrincipalKind,
    /// How error texts name it: a user's principal name, an application's client id.
    pub client: String,
    /// The application that the call came through; for a service principal its own.
    pub app_id: Option<ApplicationId>,
}
