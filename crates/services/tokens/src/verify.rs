//! From a bearer token to a caller.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::Caller;
use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::PrincipalKind;
use gatepost_oauth::{ClaimsError, Resource, VerifiedClaims};
use gatepost_store::StoreError;
use serde::Deserialize;

use crate::Tokens;
use crate::cache::{self, Verified};

/// Longer texts are not looked at.
const MAX_TOKEN: usize = 16 * 1024;

/// Why a token does not stand for a caller. The text names the cause, never the token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT of this server's making: structure, encoding, or kind.
    #[error("the access token is malformed")]
    Malformed,
    /// The signature is not that of one of this server's keys, or by another algorithm than RS256.
    #[error("the access token's signature is invalid")]
    BadSignature,
    /// It is over.
    #[error("the access token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// It is for another resource.
    #[error("the access token is for another audience: '{0}'")]
    WrongAudience(String),
    /// It names another issuer: this server under an earlier address, for one.
    #[error("the access token is from another issuer: '{0}'")]
    WrongIssuer(String),
    /// The principal was deleted or disabled after the token was issued.
    #[error("the access token's principal was deleted or disabled")]
    PrincipalGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokenError {
    /// Whether the same token may be accepted later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            TokenError::Store(error) => error.is_temporary(),
            TokenError::NotYetValid => true,
            _ => false,
        }
    }
}

/// What matters of a JWT's header (RFC 7515 section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    /// Extensions that a reader must understand; this one understands none.
    crit: Option<serde::de::IgnoredAny>,
}

impl Tokens {
    /// The caller that a bearer token stands for at `resource`. A token that was verified before costs about a
    /// microsecond.
    ///
    /// # Errors
    /// [`TokenError`], by cause.
    pub fn verify(&self, bearer: &str, resource: Resource) -> Result<Caller, TokenError> {
        self.verify_until(bearer, resource).map(|(caller, _)| caller)
    }

    /// As [`Tokens::verify`]; answers also when the token ends, for who stays signed in by it.
    ///
    /// # Errors
    /// [`TokenError`], by cause.
    pub fn verify_until(&self, bearer: &str, resource: Resource) -> Result<(Caller, Timestamp), TokenError> {
        if bearer.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        let now = self.seconds();
        // INVARIANT: read before anything that is kept under it.
        let version = self.0.store.version();
        let hash = cache::hash(bearer);
        if let Some(known) = self.0.verified.get(&hash) {
            check(&known, now, resource)?;
            if known.live_at != version {
                self.require_live(&known.claims)?;
                let renewed = Verified {
                    claims: known.claims.clone(),
                    resource: known.resource,
                    caller: known.caller.clone(),
                    live_at: version,
                };
                self.0.verified.put(hash, Arc::new(renewed), now);
            }
            return Ok((known.caller.clone(), ends(&known.claims)));
        }
        let claims = self.genuine_claims(bearer)?;
        claims.check_origin(&self.0.authority).map_err(|error| of_claims(error, &claims))?;
        let verified = Verified {
            resource: self.0.audiences.resource(&claims.aud),
            caller: Caller {
                tenant: claims.tid,
                object_id: claims.oid,
                kind: PrincipalKind::ServicePrincipal,
                client: claims.appid.to_string(),
                app_id: Some(claims.appid),
            },
            claims,
            live_at: version,
        };
        check(&verified, now, resource)?;
        self.require_live(&verified.claims)?;
        let answer = (verified.caller.clone(), ends(&verified.claims));
        self.0.verified.put(hash, Arc::new(verified), now);
        Ok(answer)
    }

    /// The claims of a token that one of this server's keys signed.
    fn genuine_claims(&self, bearer: &str) -> Result<VerifiedClaims, TokenError> {
        let (message, signature) = bearer.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
        // SECURITY: the algorithm is fixed; what the header says can only exclude the token.
        if header.alg != "RS256" || header.crit.is_some() {
            return Err(TokenError::BadSignature);
        }
        let key = self.0.keys.find(&header.kid).ok_or(TokenError::BadSignature)?;
        if !key.verifies(message.as_bytes(), &decode(signature)?) {
            return Err(TokenError::BadSignature);
        }
        serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)
    }

    fn require_live(&self, claims: &VerifiedClaims) -> Result<(), TokenError> {
        match self.0.directory.is_live(claims.oid, claims.tid, Some(claims.appid))? {
            true => Ok(()),
            false => Err(TokenError::PrincipalGone),
        }
    }
}

fn ends(claims: &VerifiedClaims) -> Timestamp {
    from_micros(claims.exp.saturating_mul(1_000_000))
}

/// What is checked of a genuine token at each use, but for whether its principal lives.
fn check(verified: &Verified, now: i64, resource: Resource) -> Result<(), TokenError> {
    verified.claims.check_times(now).map_err(|error| of_claims(error, &verified.claims))?;
    if verified.resource != Some(resource) {
        return Err(TokenError::WrongAudience(verified.claims.aud.clone()));
    }
    Ok(())
}

fn of_claims(error: ClaimsError, claims: &VerifiedClaims) -> TokenError {
    match error {
        ClaimsError::WrongIssuer => TokenError::WrongIssuer(claims.iss.clone()),
        ClaimsError::Expired => TokenError::Expired,
        ClaimsError::NotYetValid => TokenError::NotYetValid,
        ClaimsError::WrongKind => TokenError::Malformed,
    }
}
