//! The authorization endpoint: signs a user in to a client in a browser (RFC 6749 section 4.1, OpenID Connect
//! Core section 3).

use std::sync::Arc;

use gatepost_directory::Registration;
use gatepost_https::Answer;
use gatepost_names::{ApplicationId, TenantId};
use gatepost_oauth::{
    AuthorizeRequest, Destination, Endpoint, Platform, Prompt, RedirectUri, SignInError, registered,
};
use gatepost_tokens::{AskingClient, BrowserSession, CodeRequest, GrantError};
use http::Method;

use crate::consent::{Consented, Wanted, ask_for_consent, consented};
use crate::reply::Exchange;
use crate::respond::Reply;
use crate::visit::{Purpose, Visit};
use crate::{Authority, TenantName};

/// A request whose redirect URI is known to be the client's.
struct Authorizing {
    url: String,
    endpoint: Endpoint,
    tenant: Option<TenantId>,
    registration: Arc<Registration>,
    destination: Destination,
    redirect: RedirectUri,
    /// In the request's spelling: of a loopback address, with the client's port.
    redirect_uri: String,
    request: AuthorizeRequest,
}

impl Authority {
    /// `GET` and `POST /{tenant}/oauth2[/v2.0]/authorize`
    pub(crate) fn authorize(&self, exchange: &Exchange<'_>, segment: &str, endpoint: Endpoint) -> Answer {
        let form = exchange.form();
        let is_step = form.iter().any(|(name, _)| name == "step");
        // A client may post its request (OpenID Connect Core section 3.1.2.1); our own forms have it in the URL.
        let pairs = match exchange.call.method == Method::POST && !is_step && exchange.call.query.is_empty() {
            true => form,
            false => exchange.call.query_pairs(),
        };
        let destination = match self.destination(exchange, segment, &pairs) {
            Ok(known) => known,
            Err(refusal) => return exchange.failure_page(&refusal),
        };
        let (tenant, registration, destination, redirect, redirect_uri) = destination;
        let reply = Reply { uri: &redirect_uri, mode: destination.mode, state: destination.state.as_deref() };
        let request = AuthorizeRequest::read(endpoint, &pairs)
            .and_then(|request| check(&registration, &redirect, &request).map(|()| request));
        let request = match request {
            Ok(request) => request,
            Err(refusal) => return exchange.refuse_to(&reply, &refusal),
        };
        let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let authorizing = Authorizing {
            url: exchange.own_url(&query),
            endpoint,
            tenant,
            registration,
            redirect,
            redirect_uri,
            request,
            destination,
        };
        match Visit::new(self, exchange) {
            Ok(mut visit) => visit.run(&authorizing),
            Err(error) => exchange.failure_page(&exchange.refusal_of(&error)),
        }
    }

    /// Who asked, and where the answer goes: whatever is wrong here is for the user's eyes only.
    #[expect(clippy::type_complexity, reason = "taken apart at its one use")]
    fn destination(
        &self,
        exchange: &Exchange<'_>,
        segment: &str,
        pairs: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Result<(Option<TenantId>, Arc<Registration>, Destination, RedirectUri, String), SignInError> {
        let tenant = self.tenant(exchange, segment)?;
        let destination = Destination::read(segment, pairs)?;
        let (tenant, registration) = self.registration_at(exchange, &tenant, segment, destination.app_id)?;
        let uris = redirects(&registration);
        let (redirect, redirect_uri) = match &destination.redirect_uri {
            Some(asked) => (registered(&uris, asked), asked.clone()),
            None => match uris.as_slice() {
                [only] => (Some(only), only.uri.clone()),
                _ => return Err(SignInError::MissingParameter { name: "redirect_uri" }),
            },
        };
        let redirect = redirect.ok_or_else(|| SignInError::RedirectNotRegistered {
            client: destination.app_id.to_string(),
            uri: redirect_uri.clone(),
        })?;
        Ok((tenant, registration, destination, redirect.clone(), redirect_uri))
    }

    /// What is known of a client before anybody has signed in: at `common`, what its own tenant knows.
    pub(crate) fn registration_at(
        &self,
        exchange: &Exchange<'_>,
        tenant: &TenantName,
        segment: &str,
        app_id: ApplicationId,
    ) -> Result<(Option<TenantId>, Arc<Registration>), SignInError> {
        let not_found =
            || SignInError::ApplicationNotFound { client: app_id.to_string(), tenant: segment.to_owned() };
        let failed = |error: gatepost_tokens::StoreError| exchange.store_failed(&error);
        let (tenant, home) = match tenant {
            TenantName::One(tenant) => (Some(tenant.id), tenant.id),
            TenantName::Any => {
                if let Some(platform) = Registration::of_platform(app_id) {
                    return Ok((None, Arc::new(platform)));
                }
                let home = self.directory.home_of_application(app_id).map_err(failed)?;
                (None, home.ok_or_else(not_found)?)
            }
        };
        let known = self.tokens.registration(home, app_id).map_err(failed)?.ok_or_else(not_found)?;
        if tenant.is_none() && !known.multi_tenant {
            return Err(SignInError::NotMultiTenant { client: app_id.to_string() });
        }
        if known.service_principal.is_none() {
            return Err(SignInError::NoServicePrincipal {
                client: app_id.to_string(),
                tenant: segment.to_owned(),
            });
        }
        if !known.enabled {
            return Err(SignInError::ApplicationDisabled { client: app_id.to_string() });
        }
        Ok((tenant, known))
    }

    /// The client as the tenant of the signed-in user knows it.
    pub(crate) fn client_of_user(
        &self,
        tenant: TenantId,
        app_id: ApplicationId,
        capabilities: Vec<String>,
    ) -> Result<AskingClient, GrantError> {
        let client = app_id.to_string();
        let registration = self.tokens.registration(tenant, app_id)?.ok_or_else(|| {
            SignInError::ApplicationNotFound { client: client.clone(), tenant: tenant.to_string() }
        })?;
        let service_principal = registration.service_principal.ok_or_else(|| {
            SignInError::NoServicePrincipal { client: client.clone(), tenant: tenant.to_string() }
        })?;
        if !registration.enabled {
            return Err(SignInError::ApplicationDisabled { client }.into());
        }
        Ok(AskingClient { tenant, registration, service_principal, credential: None, capabilities })
    }
}

/// The redirect URIs of an application, each as what it is registered as.
pub(crate) fn redirects(registration: &Registration) -> Vec<RedirectUri> {
    [
        (&registration.web_redirects, Platform::Web),
        (&registration.spa_redirects, Platform::Spa),
        (&registration.public_redirects, Platform::PublicClient),
    ]
    .into_iter()
    .flat_map(|(uris, platform)| uris.iter().map(move |uri| RedirectUri { uri: uri.clone(), platform }))
    .collect()
}

/// What the client's registration allows.
fn check(
    registration: &Registration,
    redirect: &RedirectUri,
    request: &AuthorizeRequest,
) -> Result<(), SignInError> {
    let response = request.response;
    if response.token && !registration.implicit_access_tokens {
        return Err(SignInError::ResponseTypeNotEnabled { kind: "token" });
    }
    if response.id_token && !registration.implicit_id_tokens {
        return Err(SignInError::ResponseTypeNotEnabled { kind: "id_token" });
    }
    if response.code && redirect.platform.is_public() && request.challenge.is_none() {
        return Err(SignInError::PkceRequired { client: registration.app_id.to_string() });
    }
    Ok(())
}

impl Purpose for Authorizing {
    fn url(&self) -> &str {
        &self.url
    }

    fn app(&self) -> &str {
        &self.registration.display_name
    }

    fn client(&self) -> Option<ApplicationId> {
        Some(self.destination.app_id)
    }

    fn audience(&self) -> Option<&str> {
        self.request.scopes.audience.as_deref()
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    fn login_hint(&self) -> Option<&str> {
        self.request.login_hint.as_deref()
    }

    fn leads_to(&self) -> Option<&str> {
        Some(&self.redirect_uri)
    }

    fn prompt(&self) -> Prompt {
        self.request.prompt
    }

    fn max_age(&self) -> Option<i64> {
        self.request.max_age
    }

    fn signed_in(&self, visit: &mut Visit<'_>, session: &BrowserSession) -> Answer {
        self.go_on(visit, session, false)
    }

    fn step(&self, visit: &mut Visit<'_>, step: &str) -> Answer {
        if step != "consent" {
            return visit.exchange.failure_page(&SignInError::FlowExpired);
        }
        match consented(visit, self, &self.wanted()) {
            Ok(Consented::Given(session)) => self.go_on(visit, &session, true),
            Ok(Consented::Changed(session)) => self.go_on(visit, &session, false),
            Ok(Consented::SignedOut) => visit.ask_for_password(self, "", None),
            Err(error) => visit.failed(&error),
        }
    }

    fn refused(&self, visit: &mut Visit<'_>, refusal: &SignInError) -> Answer {
        visit.exchange.refuse_to(&self.reply(), refusal)
    }
}

impl Authorizing {
    fn reply(&self) -> Reply<'_> {
        let mode = self.destination.mode;
        Reply { uri: &self.redirect_uri, mode, state: self.destination.state.as_deref() }
    }

    /// How the consent step finds what is missing.
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            app_id: self.destination.app_id,
            scopes: &self.request.scopes,
            capabilities: &self.request.capabilities,
        }
    }

    fn go_on(&self, visit: &mut Visit<'_>, session: &BrowserSession, has_consented: bool) -> Answer {
        match self.try_to_go_on(visit, session, has_consented) {
            Ok(answer) => answer,
            Err(error) => {
                let refusal = visit.exchange.refusal_of(&error);
                visit.note(self, session.user.tenant, Some(session.user.user), refusal.code(), "");
                self.refused(visit, &refusal)
            }
        }
    }

    fn try_to_go_on(
        &self,
        visit: &mut Visit<'_>,
        session: &BrowserSession,
        has_consented: bool,
    ) -> Result<Answer, GrantError> {
        let (authority, user) = (visit.authority, &session.user);
        let capabilities = self.request.capabilities.clone();
        let client = authority.client_of_user(user.tenant, self.destination.app_id, capabilities)?;
        let missing = authority.tokens.missing_consent(&client, user.user, &self.request.scopes)?;
        if !missing.is_empty() {
            if self.request.prompt.none {
                let client = self.destination.app_id.to_string();
                return Err(SignInError::ConsentRequired { client }.into());
            }
            return ask_for_consent(visit, self, &client, session, (&self.wanted(), &missing));
        }
        if self.request.prompt.consent && !has_consented && !client.registration.first_party {
            let again = authority.tokens.all_wanted(&client, &self.request.scopes)?;
            return ask_for_consent(visit, self, &client, session, (&self.wanted(), &again));
        }
        self.answer(visit, session, &client)
    }

    fn answer(
        &self,
        visit: &mut Visit<'_>,
        session: &BrowserSession,
        client: &AskingClient,
    ) -> Result<Answer, GrantError> {
        let tokens = &visit.authority.tokens;
        let request = CodeRequest {
            redirect_uri: self.redirect_uri.clone(),
            redirect_said: self.destination.redirect_uri.is_some(),
            platform: self.redirect.platform,
            scopes: self.request.scopes.clone(),
            nonce: self.request.nonce.clone(),
            challenge: self.request.challenge.clone(),
            with_time: self.request.max_age.is_some(),
        };
        let response = self.request.response;
        let authorized = tokens.authorize(client, &session.user, &request, response.code)?;
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        fields.extend(authorized.code.clone().map(|code| ("code", code)));
        if response.id_token || response.token {
            let front =
                tokens.front_channel_tokens(client, &authorized, &request, self.endpoint, response.token)?;
            if response.token {
                fields.push(("access_token", front.access.access_token));
                fields.push(("token_type", "Bearer".to_owned()));
                fields.push(("expires_in", front.access.expires_in.to_string()));
                fields.push(("scope", front.scope));
            }
            fields.extend(front.id_token.map(|token| ("id_token", token)));
        }
        if self.request.client_info {
            let user = &session.user;
            fields.push(("client_info", gatepost_oauth::client_info(user.user.0, user.tenant)));
        }
        fields.extend(self.destination.state.clone().map(|state| ("state", state)));
        fields.push(("session_state", session.id.to_string()));
        let user = &session.user;
        visit.note(self, user.tenant, Some(user.user), 0, &user.methods.join(" "));
        Ok(visit.exchange.reply_to(&self.reply(), fields))
    }
}
