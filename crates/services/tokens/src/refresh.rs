//! Refresh tokens (RFC 6749 section 6): each is good for one use and gives the next. The use of an older one
//! tells that somebody else has a copy, and ends the whole sign-in (RFC 9700 section 4.14).

use gatepost_oauth::{Endpoint, Scopes, SignInError};
use gatepost_store::StoreError;
use gatepost_store::sessions_grants::{GrantRow, RefreshRow, child_grant, grant, insert_grant, set_refresh};

use crate::codes::KeptScopes;
use crate::sealing;
use crate::users::{IdTokenWishes, SignedInUser, UserReply};
use crate::{AskingClient, GrantError, Tokens};

/// How long a refresh token may rest: 90 days.
const REFRESH_MICROS: i64 = 90 * 24 * 3600 * 1_000_000;

/// What using a refresh token came to, decided inside the transaction.
enum Use {
    /// The grant, and the token that comes next.
    Good(Box<GrantRow>, Scopes, String),
    Reused(uuid::Uuid),
    Refused(SignInError),
}

impl Tokens {
    /// The first refresh token of a sign-in to a client.
    pub(crate) fn first_refresh(
        &self,
        client: &AskingClient,
        grant: &GrantRow,
        scopes: &Scopes,
    ) -> Result<String, GrantError> {
        self.next_refresh(client, grant, scopes, |row, number, times| {
            self.0.store.write_queue(|tx| set_refresh(tx, grant.id, row, number, times))
        })
    }

    /// A refresh token for a client that acts on behalf of a user. It belongs to a sign-in of its own, one for all that
    /// the client does on behalf of the sign-in `origin`, and which ends with that.
    pub(crate) fn refresh_on_behalf(
        &self,
        client: &AskingClient,
        origin: &GrantRow,
        scopes: &Scopes,
    ) -> Result<String, GrantError> {
        let user = SignedInUser {
            tenant: origin.tenant,
            user: origin.user,
            methods: origin.methods.split(' ').map(str::to_owned).collect(),
            signed_in_at: origin.signed_in_at,
        };
        self.0.store.write_queue(|tx| {
            // It may have ended since it was looked at.
            let stands = grant(tx, origin.id)?.is_some_and(|origin| origin.revoked_at.is_none());
            let own = match child_grant(tx, origin.id, client.app_id())? {
                _ if !stands => return Err(SignInError::InvalidGrant.into()),
                Some(own) if own.revoked_at.is_some() => return Err(SignInError::InvalidGrant.into()),
                Some(own) => own,
                None => {
                    let own = GrantRow { parent: Some(origin.id), ..self.new_grant(client, &user) };
                    insert_grant(tx, &own)?;
                    own
                }
            };
            self.next_refresh(client, &own, scopes, |row, number, times| {
                set_refresh(tx, own.id, row, number, times)
            })
        })
    }

    fn next_refresh(
        &self,
        client: &AskingClient,
        grant: &GrantRow,
        scopes: &Scopes,
        write: impl FnOnce(&RefreshRow, i64, (i64, i64)) -> Result<(), StoreError>,
    ) -> Result<String, GrantError> {
        let number = grant.refresh_number + 1;
        let token = self.0.sealing.refresh_token(grant.id, number).ok_or(GrantError::Signing)?;
        let kept = KeptScopes::of(scopes, client.credential.is_some());
        let row = RefreshRow {
            hash: sealing::hash(&token),
            scope: serde_json::to_string(&kept).map_err(|_| GrantError::Signing)?,
        };
        let now = self.0.clock.micros();
        write(&row, number, (now, now + REFRESH_MICROS))?;
        Ok(token)
    }

    /// Changes a refresh token into new tokens, for any resource that the client may use.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn refresh(
        &self,
        client: &AskingClient,
        token: &str,
        scopes: Option<Scopes>,
        endpoint: Endpoint,
    ) -> Result<UserReply, GrantError> {
        let (id, number) = self.0.sealing.read_refresh_token(token).ok_or(SignInError::Malformed)?;
        // Whatever can be refused is, before the token is used up.
        let found = self.0.store.read(|conn| grant(conn, id))?;
        let Some(found) =
            found.filter(|grant| grant.client == client.app_id() && grant.tenant == client.tenant)
        else {
            return Err(SignInError::InvalidGrant.into());
        };
        if found.refresh_number == number && found.revoked_at.is_none() {
            self.require_user(&found)?;
            if let Some(scopes) = &scopes {
                let audience = scopes.audience_or_graph();
                let target = self.target(found.tenant, &audience)?;
                self.granted(client, &target, found.user, scopes)?;
            }
        }
        let used =
            self.0.store.write_queue(|tx| self.use_refresh(tx, client, token, (id, number), scopes))?;
        match used {
            Use::Good(grant, scopes, next) => {
                let mut reply =
                    self.user_tokens(client, &grant, &scopes, endpoint, &IdTokenWishes::default())?;
                reply.refresh_token = Some(next);
                Ok(reply)
            }
            Use::Reused(id) => {
                self.end_grant(id, "a refresh token was used a second time")?;
                Err(SignInError::InvalidGrant.into())
            }
            Use::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Uses a refresh token up and writes the next, if it may be used.
    fn use_refresh(
        &self,
        tx: &gatepost_store::Tx<'_>,
        client: &AskingClient,
        token: &str,
        (id, number): (uuid::Uuid, i64),
        scopes: Option<Scopes>,
    ) -> Result<Use, GrantError> {
        let Some(grant) = grant(tx, id)? else { return Ok(Use::Refused(SignInError::InvalidGrant)) };
        if grant.revoked_at.is_some() {
            return Ok(Use::Refused(SignInError::InvalidGrant));
        }
        let Some(row) = &grant.refresh else { return Ok(Use::Refused(SignInError::InvalidGrant)) };
        let is_latest = number == grant.refresh_number && row.hash == sealing::hash(token);
        // Every instance of a client that acts on behalf of a user asks for a token of its own, and only the latest
        // counts: an older one tells of no theft, and without the client's credential it is worth nothing.
        if !is_latest && grant.parent.is_some() {
            return Ok(Use::Refused(SignInError::InvalidGrant));
        }
        if !is_latest {
            return Ok(Use::Reused(id));
        }
        if self.0.clock.micros() >= grant.expires_at {
            return Ok(Use::Refused(SignInError::RefreshExpired));
        }
        let kept: KeptScopes =
            serde_json::from_str(&row.scope).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        // SECURITY: a token that was given to a proven client is good for a proven client only.
        if kept.confidential && client.credential.is_none() {
            return Ok(Use::Refused(SignInError::NoCredential));
        }
        let before = kept.scopes()?;
        let scopes = match scopes {
            Some(scopes) if scopes.audience.is_some() => scopes,
            Some(scopes) => before.clone().with_identity_of(&scopes),
            None => before,
        };
        let next = self.next_refresh(client, &grant, &scopes, |row, number, times| {
            set_refresh(tx, grant.id, row, number, times)
        })?;
        Ok(Use::Good(Box::new(grant), scopes, next))
    }
}
