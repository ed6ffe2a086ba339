//! Signing out of a browser (OpenID Connect RP-Initiated Logout).

use gatepost_https::Answer;
use gatepost_names::ApplicationId;
use gatepost_oauth::redirect_matches;
use gatepost_tokens::IdTokenHint;

use crate::Authority;
use crate::authorize::redirects;
use crate::pages;
use crate::reply::Exchange;
use crate::visit::{Purpose, Visit};

impl Authority {
    /// `GET` and `POST /{tenant}/oauth2[/v2.0]/logout`
    pub(crate) fn logout(&self, exchange: &Exchange<'_>) -> Answer {
        let mut visit = match Visit::new(self, exchange) {
            Ok(visit) => visit,
            Err(error) => return exchange.failure_page(&exchange.refusal_of(&error)),
        };
        let answer = self.on_logout(exchange, &mut visit);
        visit.finish(answer)
    }

    fn on_logout(&self, exchange: &Exchange<'_>, visit: &mut Visit<'_>) -> Answer {
        let url = exchange.own_url(&exchange.call.query);
        let purpose = SigningOut { url };
        let session = match visit.session() {
            Ok(session) => session,
            Err(error) => return visit.failed(&error),
        };
        let hint = self.hint(exchange);
        let back = self.back(exchange, hint.map(|hint| hint.client));
        if let Some(session) = session {
            // Without a token that this user got, a page of anybody's could sign the user out: the user is asked.
            let user = &session.user;
            let hinted = hint.is_some_and(|hint| hint.tenant == user.tenant && hint.user == user.user);
            let asked = visit.field("step").as_deref() == Some("sign-out");
            if asked {
                if let Err(refusal) = visit.ticket(&purpose, "sign-out") {
                    return exchange.failure_page(&refusal);
                }
            } else if !hinted {
                let login = visit.login_of(session.user.tenant, session.user.user);
                let ticket = visit.make_ticket(&purpose, "sign-out", None);
                return visit.page(pages::sign_out_question(&visit.form_of(&purpose, &ticket), &login));
            }
            if let Err(error) = visit.end_session() {
                return visit.failed(&error);
            }
        }
        match back {
            Some(uri) => exchange.see_other(&uri),
            None => visit.page(pages::notice(
                "You signed out of your account",
                "It is a good idea to close all browser windows.",
            )),
        }
    }

    /// Whom the ID token that came along was for.
    fn hint(&self, exchange: &Exchange<'_>) -> Option<IdTokenHint> {
        let hint = parameter(exchange, "id_token_hint")?;
        self.tokens.read_id_token_hint(&hint)
    }

    /// Where the user goes afterwards: to a redirect URI or the logout URL of the client that is named, nowhere
    /// else.
    fn back(&self, exchange: &Exchange<'_>, hinted: Option<ApplicationId>) -> Option<String> {
        let uri = parameter(exchange, "post_logout_redirect_uri")?;
        let app_id = hinted.or_else(|| parameter(exchange, "client_id")?.parse().ok())?;
        let home = self.directory.home_of_application(app_id).ok().flatten()?;
        let known = self.tokens.registration(home, app_id).ok().flatten()?;
        let registered = redirects(&known).iter().any(|known| redirect_matches(&known.uri, &uri))
            || known.logout_url.as_deref().is_some_and(|known| redirect_matches(known, &uri));
        if !registered {
            return None;
        }
        let Some(state) = parameter(exchange, "state") else { return Some(uri) };
        let state: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("state", &state).finish();
        let sign = if uri.contains('?') { '&' } else { '?' };
        Some(format!("{uri}{sign}{state}"))
    }
}

/// A parameter of the query, or of the form that a client posted.
fn parameter(exchange: &Exchange<'_>, name: &str) -> Option<String> {
    let value = exchange.call.query_value(name).map(std::borrow::Cow::into_owned);
    value.or_else(|| {
        let form = exchange.form();
        form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone().into_owned())
    })
}

struct SigningOut {
    url: String,
}

impl Purpose for SigningOut {
    fn url(&self) -> &str {
        &self.url
    }
}
