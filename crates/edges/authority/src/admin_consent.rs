//! Consent by an administrator, for everybody in the tenant: `/{tenant}/adminconsent`.

use std::sync::Arc;

use gatepost_directory::Registration;
use gatepost_https::Answer;
use gatepost_names::{ApplicationId, TenantId};
use gatepost_oauth::{Destination, ResponseMode, Scopes, SignInError, registered};
use gatepost_tokens::{AskingClient, BrowserSession, GrantError, MissingConsent};

use crate::Authority;
use crate::authorize::redirects;
use crate::consent::may_consent_for_all;
use crate::pages::{self, ConsentQuestion};
use crate::reply::Exchange;
use crate::respond::Reply;
use crate::visit::{Purpose, Visit};

struct Consenting {
    url: String,
    tenant: Option<TenantId>,
    registration: Arc<Registration>,
    redirect_uri: String,
    state: Option<String>,
    /// What is asked for; all that the client was registered to need, if nothing is said.
    scopes: Option<Scopes>,
}

impl Authority {
    /// `GET` and `POST /{tenant}[/v2.0]/adminconsent`
    pub(crate) fn admin_consent(&self, exchange: &Exchange<'_>, segment: &str) -> Answer {
        match self.consenting(exchange, segment) {
            Ok(purpose) => match Visit::new(self, exchange) {
                Ok(mut visit) => visit.run(&purpose),
                Err(error) => exchange.failure_page(&exchange.refusal_of(&error)),
            },
            Err(refusal) => exchange.failure_page(&refusal),
        }
    }

    fn consenting(&self, exchange: &Exchange<'_>, segment: &str) -> Result<Consenting, SignInError> {
        let tenant = self.tenant(exchange, segment)?;
        let pairs = exchange.call.query_pairs();
        let destination = Destination::read(segment, &pairs)?;
        let (tenant, registration) = self.registration_at(exchange, &tenant, segment, destination.app_id)?;
        let redirect_uri =
            destination.redirect_uri.ok_or(SignInError::MissingParameter { name: "redirect_uri" })?;
        if registered(&redirects(&registration), &redirect_uri).is_none() {
            let client = destination.app_id.to_string();
            return Err(SignInError::RedirectNotRegistered { client, uri: redirect_uri });
        }
        let scopes = exchange.call.query_value("scope").map(|text| Scopes::read(&text)).transpose()?;
        let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        Ok(Consenting {
            url: exchange.own_url(&query),
            tenant,
            registration,
            redirect_uri,
            state: destination.state,
            scopes,
        })
    }
}

impl Purpose for Consenting {
    fn url(&self) -> &str {
        &self.url
    }

    fn app(&self) -> &str {
        &self.registration.display_name
    }

    fn client(&self) -> Option<ApplicationId> {
        Some(self.registration.app_id)
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    fn leads_to(&self) -> Option<&str> {
        Some(&self.redirect_uri)
    }

    fn signed_in(&self, visit: &mut Visit<'_>, session: &BrowserSession) -> Answer {
        match self.asked(visit, session) {
            Ok((_, asked)) => {
                let login = visit.login_of(session.user.tenant, session.user.user);
                let ticket = visit.make_consent_ticket(self, "admin-consent", &asked.digest(true));
                let question = ConsentQuestion {
                    app: self.app(),
                    publisher: self.registration.publisher_domain.as_deref(),
                    login: &login,
                    asked: &asked,
                    may_for_all: true,
                    only_for_all: true,
                };
                visit.page(pages::consent(&visit.form_of(self, &ticket), &question))
            }
            Err(GrantError::Refused(SignInError::AdminConsentRequired { client })) => {
                let ticket = visit.make_ticket(self, "admin-consent", None);
                let refusal = SignInError::AdminConsentRequired { client };
                let form = visit.form_of(self, &ticket);
                let text = refusal.to_string();
                visit.page(pages::needs_administrator(&form, self.app(), refusal.code(), &text))
            }
            Err(error) => visit.failed(&error),
        }
    }

    fn step(&self, visit: &mut Visit<'_>, step: &str) -> Answer {
        if step != "consent" {
            return visit.exchange.failure_page(&SignInError::FlowExpired);
        }
        self.given(visit).unwrap_or_else(|error| visit.failed(&error))
    }

    fn refused(&self, visit: &mut Visit<'_>, refusal: &SignInError) -> Answer {
        visit.exchange.refuse_to(&self.reply(), refusal)
    }
}

impl Consenting {
    fn reply(&self) -> Reply<'_> {
        Reply { uri: &self.redirect_uri, mode: ResponseMode::Query, state: self.state.as_deref() }
    }

    /// What is asked for, if the user may give it.
    fn asked(
        &self,
        visit: &Visit<'_>,
        session: &BrowserSession,
    ) -> Result<(AskingClient, MissingConsent), GrantError> {
        let (authority, tenant) = (visit.authority, session.user.tenant);
        let client = authority.client_of_user(tenant, self.registration.app_id, Vec::new())?;
        if !may_consent_for_all(visit, session) {
            let client = self.registration.app_id.to_string();
            return Err(SignInError::AdminConsentRequired { client }.into());
        }
        let asked = match &self.scopes {
            Some(scopes) => authority.tokens.all_wanted(&client, scopes)?,
            None => authority.tokens.registered_needs(&client)?,
        };
        Ok((client, asked))
    }

    fn given(&self, visit: &mut Visit<'_>) -> Result<Answer, GrantError> {
        let ticket = visit.ticket(self, "admin-consent")?;
        let session = visit.session()?;
        let Some(session) = session.filter(|session| self.tenant.is_none_or(|id| id == session.user.tenant))
        else {
            return Ok(visit.ask_for_password(self, "", None));
        };
        let (client, asked) = self.asked(visit, &session)?;
        // SECURITY: what is written is what the page showed, not what the manifest has come to say since.
        if ticket.shown.as_deref() != Some(asked.digest(true).as_str()) {
            return Ok(self.signed_in(visit, &session));
        }
        let tenant = session.user.tenant;
        visit.authority.tokens.give_consent(tenant, client.service_principal, None, &asked)?;
        let mut fields = vec![("admin_consent", "True".to_owned()), ("tenant", tenant.to_string())];
        fields.extend(self.state.clone().map(|state| ("state", state)));
        Ok(visit.exchange.reply_to(&self.reply(), fields))
    }
}
