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
use serde::de::DeserializeOwned;

use gatepost_names::TenantId;
use gatepost_store::{sessions, sessions_grants};
use uuid::Uuid;

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
    /// The principal, or the application that the token came through, was deleted or disabled after the token
    /// was issued.
    #[error("the access token's principal was deleted or disabled")]
    PrincipalGone,
    /// The credential that the token was had for was removed, or the user's sign-in was revoked.
    #[error("the access token was revoked")]
    Revoked,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A token that was accepted, and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Whom it stands for.
    pub caller: Caller,
    /// Whether it is a user's, through a client: its rights are the user's as far as the client was given them.
    pub delegated: bool,
    /// The permissions that the client was given (`scp`).
    pub scopes: Vec<String>,
    /// The app roles of the principal at the resource.
    pub roles: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
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
        Ok(self.verified(bearer, resource)?.caller.clone())
    }

    /// As [`Tokens::verify`]; answers also when the token ends, for who stays signed in by it.
    ///
    /// # Errors
    /// [`TokenError`], by cause.
    pub fn verify_until(&self, bearer: &str, resource: Resource) -> Result<(Caller, Timestamp), TokenError> {
        let verified = self.verified(bearer, resource)?;
        Ok((verified.caller.clone(), ends(&verified.claims)))
    }

    /// As [`Tokens::verify`]; answers also what the token may be used for.
    ///
    /// # Errors
    /// [`TokenError`], by cause.
    pub fn verify_token(&self, bearer: &str, resource: Resource) -> Result<Presented, TokenError> {
        let verified = self.verified(bearer, resource)?;
        let claims = &verified.claims;
        Ok(Presented {
            caller: verified.caller.clone(),
            delegated: claims.is_users(),
            scopes: claims.scopes().map(str::to_owned).collect(),
            roles: claims.roles.clone(),
            expires: ends(claims),
        })
    }

    fn verified(&self, bearer: &str, resource: Resource) -> Result<Arc<Verified>, TokenError> {
        if bearer.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        let now = self.seconds();
        // INVARIANT: read before anything that is kept under it.
        let version = self.0.store.version();
        let hash = cache::hash(bearer);
        if let Some(known) = self.0.verified.get(&hash) {
            check(&known, now, resource)?;
            if known.live_at == version {
                return Ok(known);
            }
            self.require_live(&known.claims)?;
            let renewed = Arc::new(Verified {
                claims: known.claims.clone(),
                resource: known.resource,
                caller: known.caller.clone(),
                live_at: version,
            });
            self.0.verified.put(hash, Arc::clone(&renewed), now);
            return Ok(renewed);
        }
        let claims = self.genuine_claims(bearer)?;
        claims.check_origin(&self.0.authority).map_err(|error| of_claims(error, &claims))?;
        let verified = Arc::new(Verified {
            resource: self.0.audiences.resource(&claims.aud),
            caller: self.caller_of(&claims)?,
            claims,
            live_at: version,
        });
        check(&verified, now, resource)?;
        self.require_live(&verified.claims)?;
        self.0.verified.put(hash, Arc::clone(&verified), now);
        Ok(verified)
    }

    fn caller_of(&self, claims: &VerifiedClaims) -> Result<Caller, TokenError> {
        let (kind, client) = match claims.is_users() {
            true => {
                let user = self.user_facts(claims.tid, claims.oid)?.ok_or(TokenError::PrincipalGone)?;
                (PrincipalKind::User, user.login.clone())
            }
            false => (PrincipalKind::ServicePrincipal, claims.appid.to_string()),
        };
        Ok(Caller::new(claims.tid, claims.oid, kind, client, Some(claims.appid)))
    }

    /// The claims of a token that one of this server's keys signed.
    pub(crate) fn genuine_claims(&self, bearer: &str) -> Result<VerifiedClaims, TokenError> {
        self.genuine(bearer)
    }

    /// The content of a JWT that one of this server's keys signed.
    pub(crate) fn genuine<T: DeserializeOwned>(&self, bearer: &str) -> Result<T, TokenError> {
        let (message, signature) = bearer.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
        // SECURITY: the algorithm is fixed; what the header says can only exclude the token.
        if header.alg != "RS256" || header.crit.is_some() {
            return Err(TokenError::BadSignature);
        }
        let keys = self.keys();
        let key = keys.find(&header.kid).ok_or(TokenError::BadSignature)?;
        if !key.verifies(message.as_bytes(), &decode(signature)?) {
            return Err(TokenError::BadSignature);
        }
        serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)
    }

    /// Whether principal, application, credential and sign-in still stand.
    pub(crate) fn require_live(&self, claims: &VerifiedClaims) -> Result<(), TokenError> {
        if !self.0.directory.is_live(claims.oid, claims.tid, Some(claims.appid))? {
            return Err(TokenError::PrincipalGone);
        }
        if let Some(credential) = &claims.cred {
            let id: Uuid = credential.parse().map_err(|_| TokenError::Malformed)?;
            let client = self.0.directory.client(claims.tid, claims.appid)?;
            if !client.is_some_and(|client| client.has_credential(id)) {
                return Err(TokenError::Revoked);
            }
        }
        match claims.sid {
            Some(sign_in) if !self.stands(sign_in, claims.tid)? => Err(TokenError::Revoked),
            _ => Ok(()),
        }
    }

    /// Whether a user's sign-in to a client was not revoked.
    fn stands(&self, sign_in: Uuid, tenant: TenantId) -> Result<bool, StoreError> {
        self.0.store.read(|conn| {
            let Some(grant) = sessions_grants::grant(conn, sign_in)? else { return Ok(false) };
            let valid_from = sessions::valid_from(conn, grant.tenant, grant.user)?;
            Ok(grant.tenant == tenant && grant.revoked_at.is_none() && grant.signed_in_at >= valid_from)
        })
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
