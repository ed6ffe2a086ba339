//! Acting on behalf of a user: a client that was shown a user's token for itself gets one for another resource
//! (`urn:ietf:params:oauth:grant-type:jwt-bearer`). And what a token says of its user (OpenID Connect Core
//! section 5.3).

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_oauth::{
    ClaimsError, Endpoint, Resource, Scopes, SignInError, TokenVersion, VerifiedClaims, same_audience,
};
use gatepost_store::sessions_grants::{GrantRow, grant};
use serde_json::{Value, json};

use crate::users::{IdTokenWishes, UserReply};
use crate::{AskingClient, GrantError, TokenError, Tokens};

/// Whom an ID token was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The user's tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: ObjectId,
    /// The client.
    pub client: ApplicationId,
}

impl Tokens {
    /// Changes a user's token for the client into one for another resource.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn on_behalf_of(
        &self,
        client: &AskingClient,
        assertion: &str,
        scopes: &Scopes,
        endpoint: Endpoint,
    ) -> Result<UserReply, GrantError> {
        if client.credential.is_none() {
            return Err(SignInError::NoCredential.into());
        }
        let invalid = |reason: &str| SignInError::InvalidAssertion { reason: reason.to_owned() };
        let claims =
            self.genuine_claims(assertion).map_err(|_| invalid("The signature is not this authority's."))?;
        claims
            .check_origin(self.authority())
            .map_err(|_| invalid("It is no access token of this authority."))?;
        match claims.check_times(self.seconds()) {
            Ok(()) => {}
            Err(ClaimsError::Expired) => return Err(SignInError::AssertionExpired.into()),
            Err(_) => return Err(invalid("It is not valid yet.").into()),
        }
        if claims.tid != client.tenant || !is_for(&claims, client) {
            return Err(invalid("Its audience is not the client.").into());
        }
        if !claims.is_users() {
            return Err(invalid("It is an application's own token, not a user's.").into());
        }
        match self.require_live(&claims) {
            Ok(()) => {}
            Err(TokenError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(invalid("It was revoked.").into()),
        }
        let origin = self.live_grant(&claims)?.ok_or(invalid("The user's sign-in was revoked."))?;
        let grant = GrantRow { client: client.app_id(), ..origin };
        let mut reply = self.user_tokens(client, &grant, scopes, endpoint, &IdTokenWishes::default())?;
        if scopes.offline {
            reply.refresh_token = Some(self.refresh_on_behalf(client, &grant, scopes)?);
        }
        Ok(reply)
    }

    /// The sign-in that a user's token came from, if it still stands.
    fn live_grant(&self, claims: &VerifiedClaims) -> Result<Option<GrantRow>, GrantError> {
        let Some(id) = claims.sid else { return Ok(None) };
        let found = self.0.store.read(|conn| grant(conn, id))?;
        Ok(found.filter(|grant| {
            grant.revoked_at.is_none() && grant.tenant == claims.tid && grant.user == claims.oid
        }))
    }

    /// Whom an ID token of this server was for, over or not: what a client shows when it signs its
    /// user out.
    pub fn read_id_token_hint(&self, hint: &str) -> Option<IdTokenHint> {
        if hint.len() > 16 * 1024 {
            return None;
        }
        let claims: Value = self.genuine(hint).ok()?;
        let of = |name: &str| claims.get(name).and_then(Value::as_str);
        let tenant = of("tid")?.parse().ok()?;
        let issuer = of("iss")?;
        let ours = [TokenVersion::V1, TokenVersion::V2]
            .iter()
            .any(|version| issuer == version.issuer(self.authority(), tenant));
        // Access tokens are no hint: they are shown to resources.
        let is_id_token = claims.get("idtyp").is_none() && claims.get("scp").is_none();
        let (user, client) = (of("oid")?.parse().ok()?, of("aud")?.parse().ok()?);
        (ours && is_id_token).then_some(IdTokenHint { tenant, user, client })
    }

    /// What the user of a token for Microsoft Graph is called: the answer of the userinfo endpoint.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::Malformed`] for an application's own token.
    pub fn userinfo(&self, bearer: &str) -> Result<Value, TokenError> {
        let presented = self.verify_token(bearer, Resource::Graph)?;
        let (Some(app_id), true) = (presented.caller.app_id, presented.delegated) else {
            return Err(TokenError::Malformed);
        };
        let caller = &presented.caller;
        let user = self.user_facts(caller.tenant, caller.object_id)?.ok_or(TokenError::PrincipalGone)?;
        let has = |scope: &str| presented.scopes.iter().any(|known| known == scope);
        let mut info = json!({"sub": self.0.sealing.subject(app_id, caller.object_id)});
        if let Some(info) = info.as_object_mut() {
            let mut put = |name: &str, value: &Option<String>| {
                if let Some(value) = value {
                    info.insert(name.to_owned(), json!(value));
                }
            };
            put("name", &Some(user.name.clone()));
            put("family_name", &user.family_name);
            put("given_name", &user.given_name);
            put("preferred_username", &Some(user.login.clone()));
            if has("email") {
                put("email", &user.mail);
            }
        }
        Ok(info)
    }
}

/// Whether a token is for the client that shows it.
fn is_for(claims: &VerifiedClaims, client: &AskingClient) -> bool {
    let own = client.named();
    same_audience(&claims.aud, &own)
        || same_audience(&claims.aud, &format!("api://{own}"))
        || client.registration.names.iter().any(|name| same_audience(name, &claims.aud))
}
