//! Making tokens.

use gatepost_directory::Client;
use gatepost_names::TenantId;
use gatepost_oauth::{AppToken, TOKEN_SECONDS};

use crate::Tokens;

/// A token as a client gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The JWT.
    pub access_token: String,
    /// Seconds that it lives, as clients are told: one less than it does, so that they never use it too late.
    pub expires_in: i64,
    /// From when it is valid, in seconds since the Unix epoch.
    pub not_before: i64,
    /// From when on it is not valid.
    pub expires_on: i64,
    /// Whom it is for, as the client spelled it.
    pub audience: String,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("audience", &self.audience).finish_non_exhaustive()
    }
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// No resource is known by this name.
    #[error("no resource is known by the name that was asked for")]
    UnknownResource,
    /// The client has no identity in the tenant.
    #[error("the application has no service principal in the tenant")]
    NoServicePrincipal,
    /// The machine gave no randomness, or could not sign.
    #[error("the token could not be signed")]
    Signing,
}

impl Tokens {
    /// Whether `audience` is a spelling of a resource that tokens can be had for.
    pub fn knows_audience(&self, audience: &str) -> bool {
        self.0.audiences.resource(audience).is_some()
    }

    /// Issues an application's own token for the resource that `audience` names; `capabilities` are repeated in
    /// it. The caller has verified the client's credential.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn client_credentials(
        &self,
        tenant: TenantId,
        client: &Client,
        audience: &str,
        capabilities: &[String],
    ) -> Result<IssuedToken, IssueError> {
        if !self.knows_audience(audience) {
            return Err(IssueError::UnknownResource);
        }
        let mut entropy = [0; 16];
        getrandom::fill(&mut entropy).map_err(|_| IssueError::Signing)?;
        let now = self.seconds();
        let token = AppToken {
            authority: &self.0.authority,
            tenant,
            app_id: client.app_id,
            object_id: client.service_principal.ok_or(IssueError::NoServicePrincipal)?,
            audience,
            roles: &[],
            capabilities,
            now,
            entropy,
        };
        let claims = serde_json::to_vec(&token.claims()).map_err(|_| IssueError::Signing)?;
        Ok(IssuedToken {
            access_token: self.0.keys.signing().sign(&claims).ok_or(IssueError::Signing)?,
            expires_in: TOKEN_SECONDS - 1,
            not_before: now,
            expires_on: now + TOKEN_SECONDS,
            audience: audience.to_owned(),
        })
    }
}
