//! The token endpoints.

use gatepost_directory::ClientError;
use gatepost_https::{Answer, QueryPairs};
use gatepost_names::{ApplicationId, TenantId};
use gatepost_oauth::{Endpoint, SignInError, TokenRequest};
use gatepost_tokens::{IssueError, IssuedToken};
use http::{Method, header};
use serde_json::{Value, json};

use crate::reply::Exchange;
use crate::{Authority, TenantName};

impl Authority {
    /// `POST /{tenant}/oauth2[/v2.0]/token`
    pub(crate) fn token(&self, exchange: &Exchange<'_>, segment: &str, endpoint: Endpoint) -> Answer {
        match self.grant(exchange, segment, endpoint) {
            Ok(token) => exchange.secret(&reply(&token, endpoint)),
            Err(error) => {
                // The trace id leads from what the client shows to this line.
                tracing::info!(
                    trace_id = %exchange.call.request_id,
                    peer = %exchange.call.peer,
                    code = error.code(),
                    "no token: {error}"
                );
                exchange.refused(&error)
            }
        }
    }

    fn grant(
        &self,
        exchange: &Exchange<'_>,
        segment: &str,
        endpoint: Endpoint,
    ) -> Result<IssuedToken, SignInError> {
        let call = exchange.call;
        if call.method != Method::POST {
            return Err(SignInError::PostOnly { method: call.method.to_string() });
        }
        let tenant = self.tenant(exchange, segment)?;
        let authorization = call.header("authorization");
        let request = TokenRequest::read(endpoint, segment, &form(exchange), authorization)?;
        let TenantName::One(tenant) = tenant else { return Err(SignInError::NoTenant) };
        let refusal = Refusal { exchange, segment, tenant: tenant.id, app_id: request.app_id };
        let client = self
            .directory
            .verify_secret(tenant.id, request.app_id, request.secret.expose())
            .map_err(|error| refusal.of_client(&error))?;
        self.tokens
            .client_credentials(tenant.id, &client, &request.audience, &request.capabilities)
            .map_err(|error| refusal.of_issue(error, request.audience))
    }
}

/// Who was refused: what the wording of a refusal needs.
struct Refusal<'a> {
    exchange: &'a Exchange<'a>,
    segment: &'a str,
    tenant: TenantId,
    app_id: ApplicationId,
}

impl Refusal<'_> {
    fn of_client(&self, error: &ClientError) -> SignInError {
        // The operator's log is told what the client is not.
        tracing::info!(
            trace_id = %self.exchange.call.request_id,
            tenant = %self.tenant,
            client = %self.app_id,
            "client credential refused: {error}"
        );
        let client = self.app_id.to_string();
        let tenant = self.segment.to_owned();
        match error {
            ClientError::NotFound => SignInError::ApplicationNotFound { client, tenant },
            ClientError::NoServicePrincipal => SignInError::NoServicePrincipal { client, tenant },
            ClientError::Disabled => SignInError::ApplicationDisabled { client },
            ClientError::WrongSecret | ClientError::NotYetValidSecret => SignInError::WrongSecret { client },
            ClientError::ExpiredSecret => SignInError::ExpiredSecret { client },
            ClientError::Store(error) => self.exchange.store_failed(error),
        }
    }

    fn of_issue(&self, error: IssueError, resource: String) -> SignInError {
        let tenant = self.segment.to_owned();
        match error {
            IssueError::UnknownResource => SignInError::ResourceNotFound { resource, tenant },
            IssueError::NoServicePrincipal => {
                SignInError::NoServicePrincipal { client: self.app_id.to_string(), tenant }
            }
            IssueError::Signing => {
                tracing::error!(trace_id = %self.exchange.call.request_id, "a token could not be signed");
                SignInError::ServerError
            }
        }
    }
}

/// The pairs of the body; none if it is not a form.
fn form<'a>(exchange: &Exchange<'a>) -> QueryPairs<'a> {
    let media_type = exchange.call.header(header::CONTENT_TYPE.as_str()).unwrap_or("");
    let media_type = media_type.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Vec::new();
    }
    form_urlencoded::parse(&exchange.call.body).collect()
}

fn reply(token: &IssuedToken, endpoint: Endpoint) -> Value {
    let expires_in = token.expires_in;
    match endpoint {
        Endpoint::V1 => json!({
            "token_type": "Bearer",
            "expires_in": expires_in.to_string(),
            "ext_expires_in": expires_in.to_string(),
            "expires_on": token.expires_on.to_string(),
            "not_before": token.not_before.to_string(),
            "resource": token.audience,
            "access_token": token.access_token,
        }),
        Endpoint::V2 => json!({
            "token_type": "Bearer",
            "expires_in": expires_in,
            "ext_expires_in": expires_in,
            "access_token": token.access_token,
        }),
    }
}
