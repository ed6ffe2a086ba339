//! Tokens whose signature was verified already.
//!
//! Verifying a signature costs tens of microseconds, finding it here one. A token is known by the SHA-256 of its
//! whole text, so nothing that was not verified is ever found.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use gatepost_access::Caller;
use gatepost_oauth::{Resource, VerifiedClaims};

/// Parts with a lock each, so that threads seldom meet.
const SHARDS: usize = 16;
/// Tokens in one part.
const SHARD_TOKENS: usize = 512;

/// The SHA-256 of a token.
pub(crate) type TokenHash = [u8; 32];

/// A token that is genuine; whether it is valid now is checked each time.
pub(crate) struct Verified {
    pub(crate) claims: VerifiedClaims,
    pub(crate) resource: Option<Resource>,
    pub(crate) caller: Caller,
    /// The store's version at which the principal was last seen to live.
    pub(crate) live_at: u64,
}

/// At most [`SHARDS`] times [`SHARD_TOKENS`] tokens.
#[derive(Default)]
pub(crate) struct VerifiedTokens {
    shards: [Mutex<HashMap<TokenHash, Arc<Verified>>>; SHARDS],
}

pub(crate) fn hash(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, token.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

impl VerifiedTokens {
    pub(crate) fn get(&self, hash: &TokenHash) -> Option<Arc<Verified>> {
        self.shard(hash)?.lock().unwrap_or_else(PoisonError::into_inner).get(hash).map(Arc::clone)
    }

    /// Keeps a token; where its part is full, those that have expired at `now` go first, then all.
    pub(crate) fn put(&self, hash: TokenHash, verified: Arc<Verified>, now: i64) {
        let Some(shard) = self.shard(&hash) else { return };
        let mut tokens = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= SHARD_TOKENS && !tokens.contains_key(&hash) {
            tokens.retain(|_, kept| kept.claims.exp > now);
            if tokens.len() >= SHARD_TOKENS {
                tokens.clear();
            }
        }
        tokens.insert(hash, verified);
    }

    fn shard(&self, hash: &TokenHash) -> Option<&Mutex<HashMap<TokenHash, Arc<Verified>>>> {
        self.shards.get(usize::from(hash.first()?.to_owned()) % SHARDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};
    use uuid::Uuid;

    fn verified(exp: i64) -> Arc<Verified> {
        let id = Uuid::nil();
        Arc::new(Verified {
            claims: VerifiedClaims {
                aud: String::new(),
                iss: String::new(),
                iat: 0,
                nbf: 0,
                exp,
                tid: TenantId(id),
                oid: ObjectId(id),
                appid: ApplicationId(id),
                idtyp: String::new(),
                ver: String::new(),
                roles: Vec::new(),
                scp: None,
                sid: None,
                cred: None,
            },
            resource: None,
            caller: Caller::new(
                TenantId(id),
                ObjectId(id),
                PrincipalKind::ServicePrincipal,
                String::new(),
                None,
            ),
            live_at: 0,
        })
    }

    #[test]
    fn it_stays_bounded() {
        let tokens = VerifiedTokens::default();
        for n in 0..20_000 {
            tokens.put(hash(&n.to_string()), verified(i64::MAX), 0);
        }
        let kept: usize = tokens.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * SHARD_TOKENS, "{kept}");
        assert!(tokens.get(&hash("19999")).is_some());
    }
}
