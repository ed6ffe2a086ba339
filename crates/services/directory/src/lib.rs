//! The directory: applications, service principals, users, and the credentials that they sign in with.
//!
//! Two sorts of callers. Sign-in, submission and readiness ask for facts about identities
//! ([`Directory::client`], [`Directory::verify_secret`], [`Directory::principal`]); those answers are kept in
//! memory until something changes. The Graph edge asks for use cases on behalf of a [`Caller`]
//! ([`Directory::create`], [`Directory::list`], …); each asks `access` first. The first start uses the parts of
//! those use cases inside its own transaction ([`Directory::create_application`], …).
//!
//! Objects are what Microsoft Graph shows (reference entra-arm-clients.md section 7); an object that is made
//! again gets a new object id, so a role assignment of the old one never applies to the new one.
//!
//! [`Caller`]: gatepost_access::Caller

mod credentials;
mod error;
mod first_party;
mod identity;
mod listing;
mod objects;
mod requests;
mod schema;
mod secrets;
mod tenant;
mod users;

use std::sync::Arc;

use gatepost_access::Access;
use gatepost_clock::Clock;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::{Store, StoreError};

pub use credentials::{NewPassword, PasswordCredential};
pub use error::{ClientError, DirectoryError};
pub use first_party::{
    AZURE_CLI, AZURE_POWERSHELL, COMMUNICATION_SERVICES, FirstParty, MICROSOFT_GRAPH, RESOURCE_MANAGER,
};
pub use gatepost_store::directory::ObjectKind;
pub use identity::{Client, Principal};
pub use listing::{ListRequest, Listing, Order};
pub use objects::{Application, NewApplication, ServicePrincipal};
pub use requests::ObjectKey;
pub use schema::{default_properties, property_name};
pub use secrets::SecretState;
pub use tenant::{Tenant, VerifiedDomain};
pub use users::NewUser;

/// The directory of every tenant. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    access: Access,
    secret_key: secrets::SecretKey,
    clients: identity::Remembered<(TenantId, ApplicationId), Arc<Client>>,
    principals: identity::Remembered<(TenantId, ObjectId), Principal>,
}

impl Directory {
    /// Opens the directory; the first time, makes the key that client secrets are hashed with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Store, clock: Clock, access: Access) -> Result<Directory, StoreError> {
        let secret_key = secrets::SecretKey::open(&store)?;
        Ok(Directory(Arc::new(Inner {
            store,
            clock,
            access,
            secret_key,
            clients: identity::Remembered::new(),
            principals: identity::Remembered::new(),
        })))
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}
