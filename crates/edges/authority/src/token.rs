//! The token endpoints.

use gatepost_https::Answer;
use gatepost_names::TenantId;
use gatepost_oauth::{ClientCredential, Endpoint, Grant, SignInError, TokenRequest};
use gatepost_tokens::{
    AskingClient, GrantError, IssuedToken, Redemption, SignInEvent, SignedInUser, UserReply,
};
use http::Method;
use serde_json::{Value, json};

use crate::reply::Exchange;
use crate::{Authority, TenantName};

/// What a grant gave.
enum Given {
    Application(IssuedToken),
    User(Box<UserReply>),
}

impl Authority {
    /// `POST /{tenant}/oauth2[/v2.0]/token`
    pub(crate) fn token(&self, exchange: &Exchange<'_>, segment: &str, endpoint: Endpoint) -> Answer {
        if exchange.call.method == Method::OPTIONS {
            return exchange.preflight();
        }
        let answer = match self.grant(exchange, segment, endpoint) {
            Ok(Given::Application(token)) => exchange.secret(&application_reply(&token, endpoint)),
            Ok(Given::User(reply)) => exchange.secret(&user_reply(&reply, endpoint)),
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
        };
        Exchange::readable_anywhere(answer)
    }

    fn grant(
        &self,
        exchange: &Exchange<'_>,
        segment: &str,
        endpoint: Endpoint,
    ) -> Result<Given, SignInError> {
        let call = exchange.call;
        if call.method != Method::POST {
            return Err(SignInError::PostOnly { method: call.method.to_string() });
        }
        let path = self.tenant(exchange, segment)?;
        let request = TokenRequest::read(endpoint, segment, &exchange.form(), call.header("authorization"))?;
        let asked = Asked { exchange, segment, endpoint, request: &request };
        let tenant = self.tenant_of_grant(&asked, &path).map_err(|error| exchange.refusal_of(&error))?;
        let given = self.give(&asked, tenant);
        self.note_grant(&asked, tenant, &given);
        given.map_err(|error| exchange.refusal_of(&error))
    }

    /// The tenant whose client asks: the path's; at `common`, the one of what is to be redeemed.
    fn tenant_of_grant(&self, asked: &Asked<'_>, path: &TenantName) -> Result<TenantId, GrantError> {
        if let TenantName::One(tenant) = path {
            return Ok(tenant.id);
        }
        let found = match &asked.request.grant {
            Grant::ClientCredentials { .. } | Grant::OnBehalfOf { .. } => {
                return Err(SignInError::NoTenant.into());
            }
            Grant::AuthorizationCode { code, .. } => self.tokens.tenant_of_code(code.expose())?,
            Grant::Refresh { token, .. } => self.tokens.tenant_of_refresh(token.expose())?,
            Grant::DeviceCode { code } => {
                // Until a user signs in, it is nobody's.
                self.tokens.poll_device(asked.request.app_id, code.expose())?;
                self.tokens.tenant_of_device(code.expose())?
            }
            Grant::Password { login, .. } => {
                let domain = login.rsplit_once('@').map_or("", |(_, domain)| domain);
                let tenant = self.tokens.tenant_by_segment(domain)?;
                Some(tenant.ok_or_else(|| SignInError::UnknownUser { login: login.clone() })?.id)
            }
        };
        found.ok_or(GrantError::Refused(match asked.request.grant {
            Grant::Refresh { .. } => SignInError::Malformed,
            Grant::DeviceCode { .. } => SignInError::BadDeviceCode,
            _ => SignInError::InvalidGrant,
        }))
    }

    fn give(&self, asked: &Asked<'_>, tenant: TenantId) -> Result<Given, GrantError> {
        let request = asked.request;
        let client = self.asking_client(asked, tenant)?;
        let endpoint = asked.endpoint;
        let user = match &request.grant {
            Grant::ClientCredentials { audience } => {
                return Ok(Given::Application(self.tokens.application_token(&client, audience)?));
            }
            Grant::AuthorizationCode { code, redirect_uri, verifier, scopes } => self.tokens.redeem_code(
                &client,
                Redemption {
                    code: code.expose(),
                    redirect_uri: redirect_uri.as_deref(),
                    verifier: verifier.as_ref().map(|verifier| verifier.expose()),
                    scopes: scopes.clone(),
                },
                endpoint,
            )?,
            Grant::Refresh { token, scopes } => {
                self.tokens.refresh(&client, token.expose(), scopes.clone(), endpoint)?
            }
            Grant::DeviceCode { code } => {
                self.tokens.poll_device(request.app_id, code.expose())?;
                self.tokens.redeem_device(&client, code.expose(), endpoint)?
            }
            Grant::Password { login, password, scopes } => {
                let user = self.password_user(asked, tenant, login, password.expose())?;
                self.tokens.password_tokens(&client, &user, scopes, endpoint)?
            }
            Grant::OnBehalfOf { assertion, scopes } => {
                self.tokens.on_behalf_of(&client, assertion.expose(), scopes, endpoint)?
            }
        };
        Ok(Given::User(Box::new(user)))
    }

    /// The client that asks, with its credential verified; a public client has none, and gets no further than
    /// public clients may.
    fn asking_client(&self, asked: &Asked<'_>, tenant: TenantId) -> Result<AskingClient, GrantError> {
        let request = asked.request;
        let credential = match &request.credential {
            ClientCredential::None => None,
            other => Some(self.verified_credential(asked, tenant, other)?),
        };
        let mut client = self
            .client_of_user(tenant, request.app_id, request.capabilities.clone())
            .map_err(|error| asked.with_segment(error))?;
        let may_be_public = match request.grant {
            Grant::ClientCredentials { .. } | Grant::OnBehalfOf { .. } => false,
            Grant::DeviceCode { .. } | Grant::Password { .. } => client.registration.is_public(),
            // What was given to a proven client says so itself.
            Grant::AuthorizationCode { .. } | Grant::Refresh { .. } => true,
        };
        if credential.is_none() && !may_be_public {
            return Err(SignInError::NoCredential.into());
        }
        client.credential = credential;
        Ok(client)
    }

    /// The user of the grant `password`. One with a second factor cannot sign in like that.
    fn password_user(
        &self,
        asked: &Asked<'_>,
        tenant: TenantId,
        login: &str,
        password: &str,
    ) -> Result<SignedInUser, GrantError> {
        let address = asked.exchange.call.peer.ip().to_canonical();
        let domain = login.rsplit_once('@').map_or("", |(_, domain)| domain);
        let of_domain = self.tokens.tenant_by_segment(domain)?;
        if of_domain.is_none_or(|of_domain| of_domain.id != tenant) {
            return Err(SignInError::UnknownUser { login: login.to_owned() }.into());
        }
        let signed = self
            .directory
            .sign_in_password(tenant, login, password, Some(address))
            .map_err(|error| asked.exchange.refusal_of_user(&error))?;
        if signed.must_change_password {
            return Err(SignInError::PasswordExpired.into());
        }
        if signed.factors.totp || signed.factors.passkey {
            return Err(SignInError::MfaRequired.into());
        }
        Ok(SignedInUser {
            tenant,
            user: signed.user.id,
            methods: vec!["pwd".to_owned()],
            signed_in_at: asked.exchange.micros(),
        })
    }

    fn note_grant(&self, asked: &Asked<'_>, tenant: TenantId, given: &Result<Given, GrantError>) {
        let request = asked.request;
        let (user, methods, code) = match given {
            Ok(Given::Application(_)) => (None, String::new(), 0),
            Ok(Given::User(reply)) => {
                (Some(gatepost_names::ObjectId(reply.user.object_id)), reply.methods.clone(), 0)
            }
            // A device that waits is no sign-in that failed.
            Err(GrantError::Refused(SignInError::AuthorizationPending | SignInError::SlowDown)) => return,
            Err(error) => (None, String::new(), asked.exchange.refusal_of(error).code()),
        };
        let (kind, audience) = match &request.grant {
            Grant::ClientCredentials { audience } => ("servicePrincipal", Some(audience.as_str())),
            Grant::AuthorizationCode { scopes, .. } | Grant::Refresh { scopes, .. } => {
                ("nonInteractiveUser", scopes.as_ref().and_then(|scopes| scopes.audience.as_deref()))
            }
            Grant::DeviceCode { .. } => ("nonInteractiveUser", None),
            Grant::Password { scopes, .. } => ("interactiveUser", scopes.audience.as_deref()),
            Grant::OnBehalfOf { scopes, .. } => ("nonInteractiveUser", scopes.audience.as_deref()),
        };
        self.tokens.note_sign_in(&SignInEvent {
            tenant,
            kind,
            user,
            client: Some(request.app_id),
            audience,
            address: Some(asked.exchange.call.peer.ip()),
            client_app: request.grant.name(),
            correlation: asked.exchange.correlation_id(),
            code,
            methods: &methods,
        });
    }
}

/// A request, and what the wording of its refusal needs.
pub(crate) struct Asked<'a> {
    pub(crate) exchange: &'a Exchange<'a>,
    pub(crate) segment: &'a str,
    pub(crate) endpoint: Endpoint,
    pub(crate) request: &'a TokenRequest,
}

impl Asked<'_> {
    /// The same refusal, naming the tenant as the request did.
    pub(crate) fn with_segment(&self, error: GrantError) -> GrantError {
        let tenant = self.segment.to_owned();
        match error {
            GrantError::Refused(SignInError::ApplicationNotFound { client, .. }) => {
                SignInError::ApplicationNotFound { client, tenant }.into()
            }
            GrantError::Refused(SignInError::NoServicePrincipal { client, .. }) => {
                SignInError::NoServicePrincipal { client, tenant }.into()
            }
            other => other,
        }
    }
}

fn application_reply(token: &IssuedToken, endpoint: Endpoint) -> Value {
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

fn user_reply(reply: &UserReply, endpoint: Endpoint) -> Value {
    let mut body = application_reply(&reply.access, endpoint);
    if let Some(members) = body.as_object_mut() {
        members.insert("scope".to_owned(), json!(reply.scope));
        for (name, value) in [("refresh_token", &reply.refresh_token), ("id_token", &reply.id_token)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        members.insert("client_info".to_owned(), json!(reply.client_info));
    }
    body
}
