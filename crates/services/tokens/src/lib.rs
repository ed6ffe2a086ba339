//! Access tokens: signing keys, issuing, verification.
//!
//! The authority edge issues through [`Tokens::client_credentials`]; every edge that takes a token asks
//! [`Tokens::verify`], which answers the [`Caller`] that `gatepost-access` decides for. Tokens are JWTs signed
//! with RS256 (RFC 7515, RFC 7519); what stands in them is in `gatepost-oauth`.

mod cache;
mod issue;
mod keys;
mod verify;

use std::sync::Arc;

pub use gatepost_access::Caller;
pub use gatepost_oauth::Resource;
pub use gatepost_store::StoreError;

use gatepost_clock::Clock;
use gatepost_directory::Directory;
use gatepost_names::{Origins, TenantId};
use gatepost_oauth::Audiences;
use gatepost_store::Store;
use serde_json::{Value, json};

pub use issue::{IssueError, IssuedToken};
pub use keys::KeyError;
pub use verify::TokenError;

use cache::VerifiedTokens;
use keys::KeyRing;

/// Issues and verifies tokens. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    directory: Directory,
    /// The authority's base URL, without a trailing slash.
    authority: String,
    audiences: Audiences,
    keys: KeyRing,
    verified: VerifiedTokens,
}

impl Tokens {
    /// Loads the signing keys; makes the first one where there is none, which takes a good part of a second at
    /// worst.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(
        store: Store,
        clock: Clock,
        directory: Directory,
        origins: Origins,
    ) -> Result<Tokens, KeyError> {
        let keys = KeyRing::open(&store, &clock)?;
        Ok(Tokens(Arc::new(Inner {
            audiences: Audiences::new(&origins),
            authority: origins.authority.trim_end_matches('/').to_owned(),
            store,
            clock,
            directory,
            keys,
            verified: VerifiedTokens::default(),
        })))
    }

    /// The keys that verify tokens, as a JSON Web Key Set (RFC 7517). `tenant` fills the keys' `issuer`; without
    /// it, it is the template `{tenantid}` that stands for any.
    pub fn jwks(&self, tenant: Option<TenantId>) -> Value {
        let tenant = tenant.map_or_else(|| "{tenantid}".to_owned(), |tenant| tenant.to_string());
        let issuer = format!("{}/{tenant}/v2.0", self.0.authority);
        let keys: Vec<Value> = self.0.keys.all().map(|key| key.to_jwk(&issuer)).collect();
        json!({ "keys": keys })
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
