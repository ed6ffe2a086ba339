//! Tokens: signing keys, issuing, verification, and the sign-ins that they come from.
//!
//! The authority edge issues through [`Tokens::application_token`], [`Tokens::redeem_code`] and their like; every
//! edge that takes a token asks [`Tokens::verify`], which answers the [`Caller`] that `gatepost-access` decides
//! for. Tokens are JWTs signed with RS256 (RFC 7515, RFC 7519); what stands in them is in `gatepost-oauth`.
//!
//! A user's tokens all hang on one row, the user's sign-in to the client: revoking it ends codes, refresh tokens
//! and access tokens alike. An application's tokens hang on its service principal and on the credential that
//! they were had for.

mod behalf;
mod browser;
mod cache;
mod codes;
mod consent;
mod devices;
mod error;
mod facts;
mod issue;
mod kept;
mod keys;
mod log;
mod refresh;
mod sealing;
mod sign_ins;
mod upkeep;
mod users;
mod verify;

use std::sync::{Arc, PoisonError, RwLock};

pub use gatepost_access::Caller;
pub use gatepost_oauth::{Resource, SignInError};
pub use gatepost_store::StoreError;
pub use gatepost_store::sessions_log::{SignInQuery, SignInRow};

use gatepost_clock::Clock;
use gatepost_directory::{Directory, Registration, Tenant};
use gatepost_names::{ApplicationId, ObjectId, Origins, TenantId};
use gatepost_oauth::{Audiences, UserFacts};
use gatepost_store::Store;
use serde_json::{Value, json};

pub use behalf::IdTokenHint;
pub use browser::BrowserSession;
pub use codes::{Authorized, CodeRequest, Redemption};
pub use consent::{AskedOf, MissingConsent};
pub use devices::{DEVICE_SECONDS, DeviceCode, POLL_SECONDS, WaitingDevice, network_of, normal_user_code};
pub use error::GrantError;
pub use facts::AskingClient;
pub use issue::{IssueError, IssuedToken};
pub use keys::KeyError;
pub use sign_ins::SignInEvent;
pub use users::{SignedInUser, UserReply};
pub use verify::{Presented, TokenError};

use cache::VerifiedTokens;
use facts::Target;
use kept::Kept;
use keys::KeyRing;
use log::SignInLog;
use sealing::Sealing;
use upkeep::{SharedKeys, Upkeep};

/// Issues and verifies tokens. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    directory: Directory,
    /// The authority's base URL, without a trailing slash; so for the next.
    authority: String,
    graph: String,
    audiences: Audiences,
    keys: SharedKeys,
    sealing: Sealing,
    verified: VerifiedTokens,
    tenants: Kept<String, Tenant>,
    registrations: Kept<(TenantId, ApplicationId), Registration>,
    targets: Kept<(TenantId, String), Target>,
    roles: Kept<(TenantId, ObjectId, ObjectId), Vec<String>>,
    users: Kept<(TenantId, ObjectId), UserFacts>,
    upkeep: Upkeep,
    log: SignInLog,
}

impl Tokens {
    /// Loads the signing keys; makes the first one where there is none, which takes a good part of a second at
    /// worst. Starts the thread that writes the log of sign-ins and renews the keys.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(
        store: Store,
        clock: Clock,
        directory: Directory,
        origins: Origins,
    ) -> Result<Tokens, KeyError> {
        let keys = Arc::new(RwLock::new(Arc::new(KeyRing::open(&store, &clock)?)));
        let upkeep = Upkeep { store: store.clone(), clock: clock.clone(), keys: Arc::clone(&keys) };
        upkeep.renew_keys(false)?;
        Ok(Tokens(Arc::new(Inner {
            audiences: Audiences::new(&origins),
            authority: origins.authority.trim_end_matches('/').to_owned(),
            graph: origins.graph.trim_end_matches('/').to_owned(),
            sealing: Sealing::open(&store)?,
            log: SignInLog::start(upkeep.clone())?,
            upkeep,
            store,
            clock,
            directory,
            keys,
            verified: VerifiedTokens::default(),
            tenants: Kept::new(),
            registrations: Kept::new(),
            targets: Kept::new(),
            roles: Kept::new(),
            users: Kept::new(),
        })))
    }

    /// The keys that verify tokens, as a JSON Web Key Set (RFC 7517). `tenant` fills the keys' `issuer`; without
    /// it, it is the template `{tenantid}` that stands for any.
    pub fn jwks(&self, tenant: Option<TenantId>) -> Value {
        let tenant = tenant.map_or_else(|| "{tenantid}".to_owned(), |tenant| tenant.to_string());
        let issuer = format!("{}/{tenant}/v2.0", self.0.authority);
        let keys: Vec<Value> = self.keys().all().map(|key| key.to_jwk(&issuer)).collect();
        json!({ "keys": keys })
    }

    /// Publishes the next signing key now instead of when it is due. It signs a day later, when everybody knows
    /// it; the key before it goes on verifying its tokens.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn publish_next_key(&self) -> Result<(), KeyError> {
        self.0.upkeep.renew_keys(true)
    }

    /// Does what is due now: new keys, the end of old ones and of what is over. The server does it by itself
    /// each minute.
    pub fn maintain(&self) {
        self.0.upkeep.run();
    }

    fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The authority's base URL, without a trailing slash.
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// Seconds since the Unix epoch.
    fn seconds(&self) -> i64 {
        self.0.clock.now().as_second()
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("authority", &self.0.authority).finish_non_exhaustive()
    }
}
