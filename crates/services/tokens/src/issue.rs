//! Making tokens: for applications themselves.

use gatepost_directory::{Client, CredentialKind};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_oauth::{AppToken, ClientProofKind, SignInError, TOKEN_SECONDS, TokenFrame};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{AskingClient, GrantError, Tokens};

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
    /// The client may not have it.
    #[error("the resource is for assigned applications only")]
    NotAssigned,
    /// The store failed, the machine gave no randomness, or could not sign; the log says which.
    #[error("the token could not be made")]
    Signing,
}

/// Whom an application's token is for, and whose it is.
struct Applicant<'a> {
    tenant: TenantId,
    app_id: ApplicationId,
    service_principal: ObjectId,
    proof: ClientProofKind,
    credential: Option<String>,
    capabilities: &'a [String],
}

impl Tokens {
    /// Whether `audience` is a spelling of a resource of this server.
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
        let applicant = Applicant {
            tenant,
            app_id: client.app_id,
            service_principal: client.service_principal.ok_or(IssueError::NoServicePrincipal)?,
            proof: ClientProofKind::Secret,
            credential: None,
            capabilities,
        };
        self.issue(&applicant, audience).map_err(|error| match error {
            GrantError::Refused(SignInError::AppNotAssigned { .. }) => IssueError::NotAssigned,
            GrantError::Refused(_) => IssueError::UnknownResource,
            GrantError::Store(error) => {
                tracing::error!(%error, "the store failed while a token was made");
                IssueError::Signing
            }
            GrantError::Signing => IssueError::Signing,
        })
    }

    /// Issues a client's own token for the resource that `audience` names.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn application_token(
        &self,
        client: &AskingClient,
        audience: &str,
    ) -> Result<IssuedToken, GrantError> {
        let applicant = Applicant {
            tenant: client.tenant,
            app_id: client.app_id(),
            service_principal: client.service_principal,
            proof: client.proof(),
            credential: client.credential.map(credential_claim),
            capabilities: &client.capabilities,
        };
        self.issue(&applicant, audience)
    }

    fn issue(&self, applicant: &Applicant<'_>, audience: &str) -> Result<IssuedToken, GrantError> {
        let target = self.target(applicant.tenant, audience)?;
        let refusal = || SignInError::AppNotAssigned {
            client: applicant.app_id.to_string(),
            resource: audience.to_owned(),
        };
        let principal = applicant.service_principal;
        self.require_assigned(applicant.tenant, principal, Some(&target.registration), refusal)?;
        let roles = self.roles_at(applicant.tenant, principal, Some(target.service_principal))?;
        let now = self.seconds();
        let token = AppToken {
            frame: TokenFrame {
                authority: &self.0.authority,
                tenant: applicant.tenant,
                version: target.version,
                audience: &target.audience(audience),
                app_id: applicant.app_id,
                proof: applicant.proof,
                credential: applicant.credential.as_deref(),
                roles: &roles,
                capabilities: applicant.capabilities,
                now,
                entropy: entropy()?,
            },
            object_id: applicant.service_principal,
        };
        Ok(issued(self.sign(&token.claims())?, audience, now))
    }

    /// The JWT of these claims.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> Result<String, GrantError> {
        let claims = serde_json::to_vec(claims).map_err(|_| GrantError::Signing)?;
        let keys = self.keys();
        let key = keys.signing(self.0.clock.micros()).ok_or(GrantError::Signing)?;
        key.sign(&claims).ok_or(GrantError::Signing)
    }
}

/// A signed token as its client gets it.
pub(crate) fn issued(access_token: String, audience: &str, now: i64) -> IssuedToken {
    IssuedToken {
        access_token,
        expires_in: TOKEN_SECONDS - 1,
        not_before: now,
        expires_on: now + TOKEN_SECONDS,
        audience: audience.to_owned(),
    }
}

pub(crate) fn entropy() -> Result<[u8; 16], GrantError> {
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(|_| GrantError::Signing)?;
    Ok(entropy)
}

/// How a token names the credential that it was had for: removing the credential ends it.
pub(crate) fn credential_claim((_, id): (CredentialKind, Uuid)) -> String {
    id.to_string()
}
