//! Signing in on a device that has no browser (RFC 8628): what the device asks, and the page where its user
//! enters the code.

use std::sync::Arc;

use gatepost_directory::Registration;
use gatepost_https::Answer;
use gatepost_names::{ApplicationId, TenantId};
use gatepost_oauth::{Endpoint, Scopes, SignInError};
use gatepost_tokens::{
    BrowserSession, DEVICE_SECONDS, GrantError, POLL_SECONDS, WaitingDevice, normal_user_code,
};
use http::Method;
use serde_json::{Value, json};

use crate::consent::{Consented, Wanted, ask_for_consent, consented};
use crate::pages;
use crate::reply::Exchange;
use crate::visit::{Purpose, Visit};
use crate::{Authority, TenantName};

/// Where a user enters a code.
pub(crate) const PATH: &str = "/device";

impl Authority {
    /// `POST /{tenant}/oauth2[/v2.0]/devicecode`
    pub(crate) fn device_code(&self, exchange: &Exchange<'_>, segment: &str, endpoint: Endpoint) -> Answer {
        match self.begin_device(exchange, segment, endpoint) {
            Ok(reply) => exchange.secret(&reply),
            Err(error) => exchange.refused(&exchange.refusal_of(&error)),
        }
    }

    fn begin_device(
        &self,
        exchange: &Exchange<'_>,
        segment: &str,
        endpoint: Endpoint,
    ) -> Result<Value, GrantError> {
        if exchange.call.method != Method::POST {
            return Err(SignInError::PostOnly { method: exchange.call.method.to_string() }.into());
        }
        let tenant = self.tenant(exchange, segment)?;
        let form = exchange.form();
        let field = |name: &'static str| {
            let found = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
            found.filter(|value| !value.is_empty()).ok_or(SignInError::MissingParameter { name })
        };
        let client = field("client_id")?;
        let app_id: ApplicationId = client.parse().map_err(|_| SignInError::ApplicationNotFound {
            client: client.to_owned(),
            tenant: segment.to_owned(),
        })?;
        let scopes = match endpoint {
            Endpoint::V1 => Scopes::all_of(field("resource")?)?,
            Endpoint::V2 => Scopes::read(field("scope")?)?,
        };
        let (tenant, registration) = self.registration_at(exchange, &tenant, segment, app_id)?;
        if !registration.is_public() {
            return Err(SignInError::NoCredential.into());
        }
        let codes = self.tokens.begin_device(tenant, &registration, &scopes, exchange.call.peer.ip())?;
        let page = format!("{}{PATH}", self.origins.authority);
        let code = &codes.user_code;
        Ok(json!({
            "user_code": code,
            "device_code": codes.device_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={code}"),
            "verification_url": page,
            "expires_in": DEVICE_SECONDS,
            "interval": POLL_SECONDS,
            "message": format!(
                "To sign in, use a web browser to open the page {page} and enter the code {code} to authenticate."
            ),
        }))
    }

    /// `GET` and `POST /device`
    pub(crate) fn device_page(&self, exchange: &Exchange<'_>) -> Answer {
        let mut visit = match Visit::new(self, exchange) {
            Ok(visit) => visit,
            Err(error) => return exchange.failure_page(&exchange.refusal_of(&error)),
        };
        let answer = self.on_device_page(exchange, &mut visit);
        visit.finish(answer)
    }

    fn on_device_page(&self, exchange: &Exchange<'_>, visit: &mut Visit<'_>) -> Answer {
        if visit.field("step").as_deref() == Some("code") {
            if let Err(refusal) = visit.ticket(&EnteringCode, "code") {
                return exchange.failure_page(&refusal);
            }
            let typed = normal_user_code(&visit.field("user_code").unwrap_or_default());
            return match self.found_device(exchange, &typed) {
                Ok(Some(_)) => exchange.see_other(&format!("{PATH}?user_code={typed}")),
                Ok(None) => {
                    ask_for_code(visit, &typed, Some("That code is wrong, or has expired. Try again."))
                }
                Err(error) => visit.failed(&error),
            };
        }
        let Some(code) = exchange.call.query_value("user_code") else { return ask_for_code(visit, "", None) };
        let code = normal_user_code(&code);
        let device = match self.found_device(exchange, &code) {
            Ok(Some(device)) => device,
            Ok(None) => {
                return ask_for_code(visit, &code, Some("That code is wrong, or has expired. Try again."));
            }
            Err(error) => return visit.failed(&error),
        };
        let registration = match self.registration_of_device(exchange, &device) {
            Ok(registration) => registration,
            Err(refusal) => return exchange.failure_page(&refusal),
        };
        visit.run(&SigningInDevice { url: format!("{PATH}?user_code={code}"), device, registration })
    }

    fn found_device(&self, exchange: &Exchange<'_>, code: &str) -> Result<Option<WaitingDevice>, GrantError> {
        let (from, now) = (exchange.call.peer.ip(), exchange.micros());
        if !self.guesses.may_try(from, now) {
            return Err(SignInError::TemporarilyUnavailable.into());
        }
        let found = self.tokens.waiting_device(code)?;
        if found.is_none() {
            self.guesses.failed(from, now);
        }
        Ok(found)
    }

    fn registration_of_device(
        &self,
        exchange: &Exchange<'_>,
        device: &WaitingDevice,
    ) -> Result<Arc<Registration>, SignInError> {
        let tenant = match device.tenant() {
            None => TenantName::Any,
            Some(id) => match self.directory.tenant(id) {
                Ok(Some(tenant)) => TenantName::One(tenant.into()),
                Ok(None) => return Err(SignInError::UnknownTenant { tenant: id.to_string() }),
                Err(error) => return Err(exchange.store_failed(&error)),
            },
        };
        Ok(self.registration_at(exchange, &tenant, "common", device.client())?.1)
    }
}

fn ask_for_code(visit: &Visit<'_>, typed: &str, problem: Option<&str>) -> Answer {
    let ticket = visit.make_ticket(&EnteringCode, "code", None);
    visit.page(pages::device_code(&visit.form_of(&EnteringCode, &ticket), typed, problem))
}

/// The page where the code is entered; nobody signs in there yet.
struct EnteringCode;

impl Purpose for EnteringCode {
    fn url(&self) -> &str {
        PATH
    }
}

/// A user on the way to sign in on a device.
struct SigningInDevice {
    url: String,
    device: WaitingDevice,
    registration: Arc<Registration>,
}

impl Purpose for SigningInDevice {
    fn url(&self) -> &str {
        &self.url
    }

    fn app(&self) -> &str {
        &self.registration.display_name
    }

    fn client(&self) -> Option<ApplicationId> {
        Some(self.registration.app_id)
    }

    fn audience(&self) -> Option<&str> {
        self.device.scopes.audience.as_deref()
    }

    fn tenant(&self) -> Option<TenantId> {
        self.device.tenant()
    }

    fn signed_in(&self, visit: &mut Visit<'_>, session: &BrowserSession) -> Answer {
        let login = visit.login_of(session.user.tenant, session.user.user);
        let ticket = visit.make_ticket(self, "device", None);
        let form = visit.form_of(self, &ticket);
        visit.page(pages::device_question(&form, self.app(), &login, self.device.address()))
    }

    fn step(&self, visit: &mut Visit<'_>, step: &str) -> Answer {
        let session = match step {
            "device" => visit.ticket(self, "device").map_err(GrantError::from).and_then(|_| visit.session()),
            "consent" => consented(visit, self, &self.wanted()).map(|consented| match consented {
                Consented::Given(session) | Consented::Changed(session) => Some(session),
                Consented::SignedOut => None,
            }),
            _ => Err(SignInError::FlowExpired.into()),
        };
        match session {
            Ok(Some(session)) if self.tenant().is_none_or(|tenant| tenant == session.user.tenant) => {
                self.approve(visit, &session).unwrap_or_else(|error| visit.failed(&error))
            }
            Ok(_) => visit.ask_for_password(self, "", None),
            Err(error) => visit.failed(&error),
        }
    }

    fn refused(&self, visit: &mut Visit<'_>, refusal: &SignInError) -> Answer {
        if !matches!(refusal, SignInError::ConsentDeclined { .. }) {
            return visit.exchange.failure_page(refusal);
        }
        match visit.authority.tokens.decide_device(&self.device, None) {
            Ok(_) => visit.page(pages::notice(
                "Sign-in cancelled",
                "The device will not be signed in. You can close this window.",
            )),
            Err(error) => visit.failed(&error),
        }
    }
}

impl SigningInDevice {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { app_id: self.device.client(), scopes: &self.device.scopes, capabilities: &[] }
    }

    fn approve(&self, visit: &mut Visit<'_>, session: &BrowserSession) -> Result<Answer, GrantError> {
        let (authority, user) = (visit.authority, &session.user);
        let client = authority.client_of_user(user.tenant, self.device.client(), Vec::new())?;
        let missing = authority.tokens.missing_consent(&client, user.user, &self.device.scopes)?;
        if !missing.is_empty() {
            return ask_for_consent(visit, self, &client, session, (&self.wanted(), &missing));
        }
        if !authority.tokens.decide_device(&self.device, Some((&client, user)))? {
            return Ok(ask_for_code(visit, "", Some("That code is wrong, or has expired. Try again.")));
        }
        visit.note(self, user.tenant, Some(user.user), 0, &user.methods.join(" "));
        Ok(visit.page(pages::notice(
            "You are signed in",
            "You have signed in on your device. You can close this window.",
        )))
    }
}
