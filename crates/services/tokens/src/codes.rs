//! Authorization codes (RFC 6749 section 4.1, RFC 7636): given once, used once. A second use tells that the code
//! was stolen, and ends what the first one gave.

use aws_lc_rs::digest;
use gatepost_names::TenantId;
use gatepost_oauth::{Challenge, Endpoint, Platform, Scopes, SignInError};
use gatepost_store::StoreError;
use gatepost_store::sessions_grants::{
    CodeRow, GrantRow, code, grant, insert_code, redeem_code, revoke_grant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::sealing;
use crate::users::{GRANT_MICROS, IdTokenWishes, SignedInUser, UserReply};
use crate::{AskingClient, GrantError, Tokens};

/// How long a code may wait: ten minutes.
const CODE_MICROS: i64 = 600 * 1_000_000;

/// What an authorization request asked for, as far as it matters at the token endpoint.
#[derive(Clone, Debug)]
pub struct CodeRequest {
    /// The redirect URI in the request's spelling.
    pub redirect_uri: String,
    /// Whether the request had it, or left it to the registration.
    pub redirect_said: bool,
    /// What is registered there.
    pub platform: Platform,
    /// The scopes.
    pub scopes: Scopes,
    /// For the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// Whether the ID token is to say when the user signed in.
    pub with_time: bool,
}

/// The same, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    redirect_uri: String,
    redirect_said: bool,
    public: bool,
    scopes: KeptScopes,
    nonce: Option<String>,
    challenge: Option<String>,
    with_time: bool,
}

/// Scopes, as they are kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptScopes {
    scope: String,
    /// Of the v1 endpoint.
    resource: Option<String>,
    /// Whether the client proved itself when it was given the token.
    #[serde(default)]
    pub(crate) confidential: bool,
}

impl KeptScopes {
    pub(crate) fn of(scopes: &Scopes, confidential: bool) -> KeptScopes {
        let resource = if scopes.requested.is_empty() { scopes.audience.clone() } else { None };
        KeptScopes { scope: scopes.requested.clone(), resource, confidential }
    }

    pub(crate) fn scopes(&self) -> Result<Scopes, GrantError> {
        match &self.resource {
            Some(resource) => Ok(Scopes::all_of(resource)?),
            None if self.scope.is_empty() => {
                Ok(Scopes { openid: true, profile: true, offline: true, ..Scopes::default() })
            }
            None => Ok(Scopes::read(&self.scope)?),
        }
    }
}

/// How a code is shown at the token endpoint.
#[derive(Clone, Debug)]
pub struct Redemption<'a> {
    /// The code.
    pub code: &'a str,
    /// The redirect URI, said again.
    pub redirect_uri: Option<&'a str>,
    /// The PKCE verifier.
    pub verifier: Option<&'a str>,
    /// What the token is for, if it is said again.
    pub scopes: Option<Scopes>,
}

/// A code that was given, with what else the authorization endpoint may give.
pub struct Authorized {
    /// The code, if one was asked for.
    pub code: Option<String>,
    /// The sign-in to the client.
    pub(crate) grant: GrantRow,
}

impl Tokens {
    /// Signs a user in to a client: gives a code, if one is wanted. The caller knows that the redirect URI is
    /// the client's, and that the user agreed.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn authorize(
        &self,
        client: &AskingClient,
        user: &SignedInUser,
        request: &CodeRequest,
        with_code: bool,
    ) -> Result<Authorized, GrantError> {
        let text = sealing::handle().ok_or(GrantError::Signing)?;
        let kept = Kept {
            redirect_uri: request.redirect_uri.clone(),
            redirect_said: request.redirect_said,
            public: request.platform.is_public(),
            scopes: KeptScopes::of(&request.scopes, false),
            nonce: request.nonce.clone(),
            challenge: request.challenge.as_ref().map(|challenge| challenge.as_str().to_owned()),
            with_time: request.with_time,
        };
        let kept = serde_json::to_string(&kept).map_err(|_| GrantError::Signing)?;
        let grant = self.begin_grant(client, user, |tx, grant| {
            if !with_code {
                return Ok(());
            }
            let row = CodeRow {
                handle: sealing::hash(&text),
                grant: grant.id,
                request: kept,
                expires_at: grant.created_at + CODE_MICROS,
                redeemed_at: None,
            };
            insert_code(tx, &row)
        })?;
        Ok(Authorized { code: with_code.then_some(text), grant })
    }

    /// The tokens that the authorization endpoint itself gives: the ID token, and the access token of the
    /// implicit grant.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn front_channel_tokens(
        &self,
        client: &AskingClient,
        authorized: &Authorized,
        request: &CodeRequest,
        endpoint: Endpoint,
        with_access: bool,
    ) -> Result<UserReply, GrantError> {
        let wishes = IdTokenWishes {
            nonce: request.nonce.as_deref(),
            with_time: request.with_time,
            code: authorized.code.as_deref(),
            access_token: None,
        };
        let mut reply = self.user_tokens(client, &authorized.grant, &request.scopes, endpoint, &wishes)?;
        if with_access {
            let wishes = IdTokenWishes { access_token: Some(&reply.access.access_token), ..wishes };
            let id_token =
                self.id_token(client, &authorized.grant, &reply.user, &request.scopes, endpoint, &wishes)?;
            reply.id_token = Some(id_token);
        }
        Ok(reply)
    }

    /// Changes a code into tokens.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn redeem_code(
        &self,
        client: &AskingClient,
        redemption: Redemption<'_>,
        endpoint: Endpoint,
    ) -> Result<UserReply, GrantError> {
        let handle = sealing::hash(redemption.code);
        let found = self.0.store.read(|conn| match code(conn, &handle)? {
            Some(row) => Ok::<_, StoreError>(grant(conn, row.grant)?.map(|grant| (row, grant))),
            None => Ok(None),
        })?;
        let Some((row, grant)) = found else { return Err(SignInError::InvalidGrant.into()) };
        // Another client's code is nobody's business: it neither uses it up nor revokes what it gave.
        if grant.client != client.app_id() || grant.tenant != client.tenant {
            return Err(SignInError::InvalidGrant.into());
        }
        if row.redeemed_at.is_some() {
            self.end_grant(grant.id, "an authorization code was used a second time")?;
            return Err(SignInError::CodeRedeemed.into());
        }
        let now = self.0.clock.micros();
        if now >= row.expires_at {
            return Err(SignInError::CodeExpired.into());
        }
        let kept: Kept =
            serde_json::from_str(&row.request).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        check_redemption(client, &kept, &redemption)?;
        if !self.0.store.write_queue(|tx| redeem_code(tx, &handle, now))? {
            self.end_grant(grant.id, "an authorization code was used twice at once")?;
            return Err(SignInError::CodeRedeemed.into());
        }
        let asked = kept.scopes.scopes()?;
        let scopes = match redemption.scopes {
            Some(scopes) if scopes.audience.is_some() => scopes.with_identity_of(&asked),
            _ => asked,
        };
        let wishes = IdTokenWishes {
            nonce: kept.nonce.as_deref(),
            with_time: kept.with_time,
            ..IdTokenWishes::default()
        };
        let mut reply = self.user_tokens(client, &grant, &scopes, endpoint, &wishes)?;
        if scopes.offline {
            reply.refresh_token = Some(self.first_refresh(client, &grant, &scopes)?);
        }
        Ok(reply)
    }

    /// The tenant whose user a code stands for: a client that asked at `common` does not know it.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn tenant_of_code(&self, text: &str) -> Result<Option<TenantId>, GrantError> {
        let handle = sealing::hash(text);
        Ok(self.0.store.read(|conn| match code(conn, &handle)? {
            Some(row) => Ok::<_, StoreError>(grant(conn, row.grant)?.map(|grant| grant.tenant)),
            None => Ok(None),
        })?)
    }

    /// The tenant whose user a refresh token stands for.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn tenant_of_refresh(&self, token: &str) -> Result<Option<TenantId>, GrantError> {
        let Some((id, _)) = self.0.sealing.read_refresh_token(token) else { return Ok(None) };
        Ok(self.0.store.read(|conn| grant(conn, id))?.map(|grant| grant.tenant))
    }

    /// Revokes a sign-in to a client with all that came of it.
    pub(crate) fn end_grant(&self, id: Uuid, why: &str) -> Result<(), GrantError> {
        let now = self.0.clock.micros();
        if self.0.store.write(|tx| revoke_grant(tx, id, now))? {
            tracing::warn!(grant = %id, "a sign-in was revoked: {why}");
        }
        Ok(())
    }
}

// A code outlives its grant row never: the row is kept for longer.
const _: () = assert!(CODE_MICROS < GRANT_MICROS);

fn check_redemption(
    client: &AskingClient,
    kept: &Kept,
    redemption: &Redemption<'_>,
) -> Result<(), SignInError> {
    // What was sent to a server must be fetched by the server, with its credential.
    if !kept.public && client.credential.is_none() {
        return Err(SignInError::NoCredential);
    }
    match redemption.redirect_uri {
        Some(uri) if uri == kept.redirect_uri => {}
        None if !kept.redirect_said => {}
        _ => return Err(SignInError::RedirectMismatch),
    }
    let challenge = kept.challenge.clone().map(Challenge::kept);
    match (challenge, redemption.verifier) {
        (None, None) if !kept.public => Ok(()),
        (None, None) => Err(SignInError::PkceRequired { client: client.named() }),
        (Some(challenge), Some(verifier)) => {
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            if challenge.accepts(hash.as_ref()) { Ok(()) } else { Err(SignInError::VerifierMismatch) }
        }
        // SECURITY: a verifier without a challenge tells that somebody took the challenge out of the request.
        _ => Err(SignInError::VerifierMismatch),
    }
}
