//! Names of things: identifiers, scopes of the resource tree, domain names and e-mail addresses.
//!
//! A value of one of these types is well formed; parsing is the only way to make one. Everybody above uses
//! them. Comparison rules live here and nowhere else: scopes and domains ignore letter case, identifiers are
//! UUIDs.

mod address;
mod ids;
mod origins;
mod scope;

pub use address::{AddressError, DomainName, EmailAddress};
pub use ids::{
    ApplicationId, MessageId, ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, SubscriptionId,
    TenantId,
};
pub use origins::Origins;
pub use scope::{ResourceId, Scope, ScopeError, ScopeKind};
