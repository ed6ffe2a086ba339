//! How clients prove themselves at the token endpoint, and how the directory's refusals are worded.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_directory::{ClientError, CredentialKind, UserError};
use gatepost_names::TenantId;
use gatepost_oauth::{ClientCredential, Secret, SignInError};
use gatepost_tokens::GrantError;
use serde_json::Value;
use uuid::Uuid;

use crate::Authority;
use crate::reply::Exchange;
use crate::token::Asked;

impl Authority {
    /// The credential that a client proved itself with.
    pub(crate) fn verified_credential(
        &self,
        asked: &Asked<'_>,
        tenant: TenantId,
        credential: &ClientCredential,
    ) -> Result<(CredentialKind, Uuid), GrantError> {
        let app_id = asked.request.app_id;
        if gatepost_directory::FirstParty::find(app_id).is_some() {
            return Err(SignInError::CredentialNotAllowed { client: app_id.to_string() }.into());
        }
        let verified = match credential {
            ClientCredential::None => return Err(SignInError::NoCredential.into()),
            ClientCredential::Secret(secret) => self
                .directory
                .match_secret(tenant, app_id, secret.expose())
                .map(|(_, id)| (CredentialKind::Secret, id)),
            ClientCredential::Assertion(assertion) => self.verified_assertion(asked, tenant, assertion),
        };
        verified.map_err(|error| asked.of_client(tenant, error))
    }

    fn verified_assertion(
        &self,
        asked: &Asked<'_>,
        tenant: TenantId,
        assertion: &Secret,
    ) -> Result<(CredentialKind, Uuid), ClientError> {
        let domains = self.directory.domains(tenant)?;
        let mut names = vec![asked.segment.to_owned(), tenant.to_string()];
        names.extend(domains.into_iter().map(|domain| domain.name));
        let authority = &self.origins.authority;
        let audiences: Vec<String> = names
            .iter()
            .flat_map(|name| {
                ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/"]
                    .map(|rest| format!("{authority}/{name}{rest}"))
            })
            .collect();
        let proof = self.directory.verify_assertion(
            tenant,
            Some(asked.request.app_id),
            assertion.expose(),
            &audiences,
        )?;
        Ok((proof.kind, proof.credential))
    }
}

impl Asked<'_> {
    fn of_client(&self, tenant: TenantId, error: ClientError) -> GrantError {
        // The operator's log is told what the client is not.
        tracing::info!(
            trace_id = %self.exchange.call.request_id,
            %tenant,
            client = %self.request.app_id,
            "client credential refused: {error}"
        );
        let client = self.request.app_id.to_string();
        let segment = self.segment.to_owned();
        let refusal = match error {
            ClientError::NotFound => SignInError::ApplicationNotFound { client, tenant: segment },
            ClientError::NoServicePrincipal => SignInError::NoServicePrincipal { client, tenant: segment },
            ClientError::Disabled => SignInError::ApplicationDisabled { client },
            ClientError::WrongSecret | ClientError::NotYetValidSecret => SignInError::WrongSecret { client },
            ClientError::ExpiredSecret | ClientError::ExpiredCertificate => {
                SignInError::ExpiredSecret { client }
            }
            ClientError::BadAssertion | ClientError::FederatedSignature => SignInError::AssertionMalformed,
            ClientError::WrongAssertionSignature => {
                signature("The signature does not match the certificate.")
            }
            ClientError::UnknownCertificate => signature("The key was not found."),
            ClientError::AssertionReplayed => signature("The assertion was used before."),
            ClientError::AssertionAudience => SignInError::AssertionAudience,
            ClientError::AssertionTime => SignInError::AssertionTime,
            ClientError::AssertionSubject => SignInError::AssertionSubject,
            ClientError::NoFederatedCredential => SignInError::NoFederatedCredential,
            ClientError::FederatedIssuer => SignInError::FederatedIssuer { issuer: self.presented("iss") },
            ClientError::FederatedAudience => {
                SignInError::FederatedAudience { audience: self.presented("aud") }
            }
            ClientError::FederatedSubject => SignInError::FederatedSubject { subject: self.presented("sub") },
            ClientError::FederatedCase => SignInError::FederatedCase,
            ClientError::IssuerUnavailable => SignInError::TemporarilyUnavailable,
            ClientError::Store(error) => return error.into(),
        };
        refusal.into()
    }
}

impl Asked<'_> {
    /// A claim of the client's assertion as it came, for the text of a refusal: nothing else rests on it.
    fn presented(&self, name: &str) -> String {
        let ClientCredential::Assertion(assertion) = &self.request.credential else { return String::new() };
        let claims = assertion.expose().split('.').nth(1).unwrap_or_default();
        let claims: Option<Value> =
            URL_SAFE_NO_PAD.decode(claims).ok().and_then(|json| serde_json::from_slice(&json).ok());
        let claim = claims.as_ref().and_then(|claims| claims.get(name));
        claim.map(|claim| claim.as_str().map_or_else(|| claim.to_string(), str::to_owned)).unwrap_or_default()
    }
}

fn signature(reason: &str) -> SignInError {
    SignInError::AssertionSignature { reason: reason.to_owned() }
}

impl Exchange<'_> {
    /// The refusal of a user's credential. An unknown user and a wrong password are one.
    pub(crate) fn refusal_of_user(&self, error: &UserError) -> SignInError {
        match error {
            UserError::Wrong => SignInError::WrongPassword,
            UserError::Locked { .. } => SignInError::UserLocked,
            UserError::Disabled => SignInError::UserDisabled,
            UserError::Busy => SignInError::TemporarilyUnavailable,
            UserError::Store(error) => self.store_failed(error),
        }
    }
}
