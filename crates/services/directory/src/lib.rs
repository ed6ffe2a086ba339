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

mod administrators;
mod app_roles;
mod applications;
mod assertions;
mod certificates;
mod credential_requests;
mod credentials;
mod deleted;
mod delta;
mod directory_roles;
mod ending;
mod error;
mod federated;
mod first_party;
mod grants;
mod groups;
mod hashing;
mod identifier_uris;
mod identity;
mod issuers;
mod key_requests;
mod listing;
mod lockout;
mod managed_identity;
mod memberships;
mod objects;
mod passkeys;
mod passwords;
mod policy;
mod references;
mod registration;
mod relations;
mod requests;
mod rights;
mod schema;
mod sealed;
mod secrets;
mod service_principals;
mod tenant;
mod totp;
mod users;

use std::sync::Arc;

use gatepost_access::Access;
use gatepost_clock::Clock;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::{Store, StoreError};

pub use app_roles::{AppRoleSide, Links};
pub use assertions::{ClientProof, CredentialKind};
pub use certificates::{CertificateState, KeyCredential, NewCertificate};
pub use credentials::{NewPassword, PasswordCredential};
pub use delta::{Delta, DeltaEntry, DeltaRequest};
pub use ending::{EndingCredential, WARNING_DAYS};
pub use error::{ClientError, DirectoryError};
pub use federated::{FederatedCredential, FederatedState};
pub use first_party::{
    AZURE_CLI, AZURE_POWERSHELL, COMMUNICATION_SERVICES, FirstParty, MICROSOFT_GRAPH, RESOURCE_MANAGER,
};
pub use gatepost_store::directory::ObjectKind;
pub use grants::GrantsOf;
pub use identity::{Client, Principal};
pub use listing::{ListRequest, Listing, Order};
pub use managed_identity::ManagedIdentity;
pub use objects::{Application, NewApplication, ServicePrincipal};
pub use passkeys::{Passkey, PasskeyChallenge, PasskeyParty};
pub use passwords::{PasswordChangeError, PreparedPassword, SecondFactors, UserError, UserSignIn};
pub use references::reference_id;
pub use registration::{PublishedScope, Registration};
pub use relations::{Related, RelatedListing, Relation, RelationRequest};
pub use requests::ObjectKey;
pub use schema::{default_properties, property_name};
pub use secrets::SecretState;
pub use tenant::{Tenant, VerifiedDomain};
pub use totp::TotpEnrolment;
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
    sealing: sealed::SealingKey,
    lockout: lockout::Lockout,
    hashing: hashing::Hashing,
    issuers: issuers::Issuers,
    finished: passkeys::Finished,
}

impl Directory {
    /// Opens the directory; the first time, makes the key that client secrets are hashed with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Store, clock: Clock, access: Access) -> Result<Directory, StoreError> {
        Directory::open_with(store, clock, access, gatepost_fetch::Settings::default())
    }

    /// As [`Directory::open`], with settings for fetching the keys of outside issuers.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Engine`] for a certificate authority that cannot be used.
    pub fn open_with(
        store: Store,
        clock: Clock,
        access: Access,
        outside: gatepost_fetch::Settings,
    ) -> Result<Directory, StoreError> {
        let fetcher = gatepost_fetch::Fetcher::new(outside).map_err(StoreError::Engine)?;
        let secret_key = secrets::SecretKey::open(&store)?;
        Ok(Directory(Arc::new(Inner {
            sealing: sealed::SealingKey::open(&store)?,
            lockout: lockout::Lockout::new(clock.clone()),
            hashing: hashing::Hashing::new(),
            issuers: issuers::Issuers::new(fetcher, clock.clone()),
            finished: passkeys::Finished::default(),
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
