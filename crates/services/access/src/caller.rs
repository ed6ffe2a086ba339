//! Who is asking.

use std::net::IpAddr;
use std::sync::Arc;

use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};
use uuid::Uuid;

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
    /// The request that it makes; each edge sets it.
    pub request: RequestOrigin,
    /// How the request reads, where an edge tells it: for the activity log.
    pub line: Option<Arc<RequestLine>>,
    /// What its client may do for it in the directory, where a client acts for a user: no decision goes further.
    pub scopes: Option<Arc<[String]>>,
}

/// What of an HTTP request may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// GET, PUT, ….
    pub method: String,
    /// The address without whatever in its query could be a secret.
    pub uri: String,
    /// `x-ms-client-request-id`, as the client sent it.
    pub client_request_id: Option<String>,
}

/// Where a request came from, and under which id it is on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestOrigin {
    /// The correlation id that the client gets and the activity log keeps; nil where there is no request.
    pub correlation: Uuid,
    /// The address of the client, for conditions that ask for it. An IPv4 address is never in IPv6's mapped
    /// form.
    pub address: Option<IpAddr>,
}

impl RequestOrigin {
    /// A request of this correlation id that came from this address.
    pub fn new(correlation: Uuid, address: IpAddr) -> RequestOrigin {
        RequestOrigin { correlation, address: Some(address.to_canonical()) }
    }
}

impl Caller {
    /// A principal that makes no request yet.
    pub fn new(
        tenant: TenantId,
        object_id: ObjectId,
        kind: PrincipalKind,
        client: String,
        app_id: Option<ApplicationId>,
    ) -> Caller {
        let request = RequestOrigin::default();
        Caller { tenant, object_id, kind, client, app_id, request, line: None, scopes: None }
    }

    /// The same principal, making this request.
    #[must_use]
    pub fn at(self, request: RequestOrigin) -> Caller {
        Caller { request, ..self }
    }

    /// The same user, acting through a client that was given these permissions of Microsoft Graph.
    #[must_use]
    pub fn through(self, scopes: &[String]) -> Caller {
        Caller { scopes: Some(scopes.into()), ..self }
    }

    /// The same principal, with the request as it reads.
    #[must_use]
    pub fn asking(self, line: RequestLine) -> Caller {
        Caller { line: Some(Arc::new(line)), ..self }
    }
}
