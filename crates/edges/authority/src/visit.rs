//! A browser on its way through sign-in: who it is, which page it comes from, which one it gets next.
//!
//! Every page posts back to the address that it was asked for at, so nothing about the request is kept here: it
//! is read and checked again at each step. A form carries a ticket, which says which page it belongs to, for
//! which request, and which user has proved what so far. A ticket is good in one browser only: the one with the
//! cookie that it was made for. That is what keeps forms of other sites out (CSRF).

use std::net::IpAddr;

use gatepost_https::{Answer, QueryPairs};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_oauth::{Prompt, SignInError};
use gatepost_tokens::{BrowserSession, GrantError, SignInEvent};
use http::header::{self, HeaderValue};
use serde_json::{Value, json};

use crate::Authority;
use crate::html::Page;
use crate::pages;
use crate::reply::Exchange;

/// The browser's cookie. Its name keeps other origins and plain HTTP from setting it (RFC 6265bis).
const COOKIE: &str = "__Host-gatepost";
/// How long a page may be open before its form is sent, in microseconds.
const PAGE_MICROS: i64 = 3600 * 1_000_000;
/// The same for a page that stands for a password that was proved.
const PROVED_MICROS: i64 = 600 * 1_000_000;

/// What a user signs in for. What a purpose does not say is that it does not care.
pub(crate) trait Purpose {
    /// Where the pages' forms are sent.
    fn url(&self) -> &str;

    /// What the user is told that it is for.
    fn app(&self) -> &str {
        ""
    }

    /// The client.
    fn client(&self) -> Option<ApplicationId> {
        None
    }

    /// The resource, for the log.
    fn audience(&self) -> Option<&str> {
        None
    }

    /// The tenant whose users may; none for any.
    fn tenant(&self) -> Option<TenantId> {
        None
    }

    /// The user whom the client expects.
    fn login_hint(&self) -> Option<&str> {
        None
    }

    /// Where the user goes when all is done.
    fn leads_to(&self) -> Option<&str> {
        None
    }

    /// How much the user is to be bothered.
    fn prompt(&self) -> Prompt {
        Prompt::default()
    }

    /// Seconds since the sign-in that will do.
    fn max_age(&self) -> Option<i64> {
        None
    }

    /// What comes when the user is known.
    fn signed_in(&self, visit: &mut Visit<'_>, _session: &BrowserSession) -> Answer {
        visit.exchange.failure_page(&SignInError::FlowExpired)
    }

    /// A step of its own, of a page with this name.
    fn step(&self, visit: &mut Visit<'_>, _step: &str) -> Answer {
        visit.exchange.failure_page(&SignInError::FlowExpired)
    }

    /// What comes when it cannot be.
    fn refused(&self, visit: &mut Visit<'_>, refusal: &SignInError) -> Answer {
        visit.exchange.failure_page(refusal)
    }
}

/// The browser.
pub(crate) struct Visit<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) exchange: &'a Exchange<'a>,
    form: QueryPairs<'a>,
    pub(crate) cookie: String,
    /// Whether the browser has to be told of the cookie.
    pub(crate) is_new: bool,
}

/// What a form proves about itself.
pub(crate) struct Ticket {
    proved: Option<Proved>,
    /// What the page asked for, where it asked for consent.
    pub(crate) shown: Option<String>,
}

/// A user whose password was right, and who has still something to do.
#[derive(Clone, Copy)]
pub(crate) struct Proved {
    pub(crate) tenant: TenantId,
    pub(crate) user: ObjectId,
    /// When the password was right, in microseconds.
    pub(crate) at: i64,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(authority: &'a Authority, exchange: &'a Exchange<'a>) -> Result<Visit<'a>, GrantError> {
        let kept = exchange.cookie(COOKIE);
        let is_new = kept.is_none();
        let cookie = kept.map_or_else(|| authority.tokens.new_cookie(), Ok)?;
        Ok(Visit { authority, exchange, form: exchange.form(), cookie, is_new })
    }

    /// One step on the way to `purpose`.
    pub(crate) fn run(&mut self, purpose: &dyn Purpose) -> Answer {
        let step = self.field("step").unwrap_or_default();
        let answer = match step.as_str() {
            "" => self.arrive(purpose),
            "password" => self.password(purpose),
            "factor" => self.factor(purpose),
            "passkey" => self.passkey(purpose),
            "new-password" => self.new_password(purpose),
            "account" => self.account(purpose),
            "other" => match self.ticket(purpose, "") {
                Ok(_) => self.ask_for_password(purpose, "", None),
                Err(refusal) => self.exchange.failure_page(&refusal),
            },
            "cancel" => match self.ticket(purpose, "") {
                Ok(_) => self.cancel(purpose),
                Err(refusal) => self.exchange.failure_page(&refusal),
            },
            other => purpose.step(self, other),
        };
        self.finish(answer)
    }

    /// The answer, with the cookie that the browser has to know.
    pub(crate) fn finish(&self, mut answer: Answer) -> Answer {
        if self.is_new {
            let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.cookie);
            if let Ok(value) = HeaderValue::from_str(&cookie) {
                answer.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        answer
    }

    /// A field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone().into_owned())
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.exchange.call.peer.ip().to_canonical()
    }

    /// The user who is signed in in this browser.
    pub(crate) fn session(&self) -> Result<Option<BrowserSession>, GrantError> {
        if self.is_new { Ok(None) } else { self.authority.tokens.session(&self.cookie) }
    }

    /// Signs the browser's user out of it.
    pub(crate) fn end_session(&mut self) -> Result<(), GrantError> {
        self.authority.tokens.end_session(&self.cookie)?;
        self.cookie = self.authority.tokens.new_cookie()?;
        self.is_new = true;
        Ok(())
    }

    fn cancel(&mut self, purpose: &dyn Purpose) -> Answer {
        let client = purpose.client().map(|client| client.to_string()).unwrap_or_default();
        purpose.refused(self, &SignInError::ConsentDeclined { client })
    }

    /// Writes the log of sign-ins.
    pub(crate) fn note(
        &self,
        purpose: &dyn Purpose,
        tenant: TenantId,
        user: Option<ObjectId>,
        code: u32,
        methods: &str,
    ) {
        if tenant.0.is_nil() {
            return;
        }
        self.authority.tokens.note_sign_in(&SignInEvent {
            tenant,
            kind: "interactiveUser",
            user,
            client: purpose.client(),
            audience: purpose.audience(),
            address: Some(self.address()),
            client_app: "Browser",
            correlation: self.exchange.correlation_id(),
            code,
            methods,
        });
    }

    /// The ticket for the forms of a page.
    pub(crate) fn make_ticket(&self, purpose: &dyn Purpose, page: &str, proved: Option<Proved>) -> String {
        let text = json!({
            "page": page,
            // The time of the proof, not of the page: trying again makes it last no longer.
            "at": proved.map_or_else(|| self.exchange.micros(), |proved| proved.at),
            "url": purpose.url(),
            "tenant": proved.map(|proved| proved.tenant),
            "user": proved.map(|proved| proved.user),
        });
        self.authority.tokens.ticket(&self.cookie, &text.to_string())
    }

    /// The ticket for the form of a page that asks for consent to what `shown` stands for.
    pub(crate) fn make_consent_ticket(&self, purpose: &dyn Purpose, page: &str, shown: &str) -> String {
        let text = json!({
            "page": page,
            "at": self.exchange.micros(),
            "url": purpose.url(),
            "shown": shown,
        });
        self.authority.tokens.ticket(&self.cookie, &text.to_string())
    }

    /// The ticket that came with the form: of this browser, for this request, of this page (any, if empty), not
    /// too old.
    pub(crate) fn ticket(&self, purpose: &dyn Purpose, page: &str) -> Result<Ticket, SignInError> {
        let sent = self.field("ticket").ok_or(SignInError::FlowExpired)?;
        let text = self.authority.tokens.read_ticket(&self.cookie, &sent).ok_or(SignInError::FlowExpired)?;
        let ticket: Value = serde_json::from_str(&text).map_err(|_| SignInError::FlowExpired)?;
        let of = |name: &str| ticket.get(name).and_then(Value::as_str);
        let at = ticket.get("at").and_then(Value::as_i64).ok_or(SignInError::FlowExpired)?;
        let tenant = of("tenant").and_then(|id| id.parse().ok());
        let user = of("user").and_then(|id| id.parse().ok());
        let proved = tenant.zip(user).map(|(tenant, user)| Proved { tenant, user, at });
        let lasts = if proved.is_some() { PROVED_MICROS } else { PAGE_MICROS };
        let of_page = of("page").unwrap_or_default();
        let is_old = self.exchange.micros() - at > lasts;
        if of("url") != Some(purpose.url()) || (!page.is_empty() && of_page != page) || is_old {
            return Err(SignInError::FlowExpired);
        }
        Ok(Ticket { proved, shown: of("shown").map(str::to_owned) })
    }

    /// The user who proved the password on the way to this page, if that still counts: nothing revoked the
    /// user's sign-ins since, and the user is enabled.
    pub(crate) fn proved(&self, purpose: &dyn Purpose, page: &str) -> Result<Proved, GrantError> {
        let proved = self.ticket(purpose, page)?.proved.ok_or(SignInError::FlowExpired)?;
        if !self.authority.tokens.counts(proved.tenant, proved.user, proved.at)? {
            return Err(SignInError::FlowExpired.into());
        }
        Ok(proved)
    }

    pub(crate) fn form_of<'f>(&self, purpose: &'f dyn Purpose, ticket: &'f str) -> pages::Form<'f> {
        pages::Form { url: purpose.url(), ticket, leads_to: purpose.leads_to() }
    }

    pub(crate) fn login_of(&self, tenant: TenantId, user: ObjectId) -> String {
        let facts = self.authority.tokens.user_facts(tenant, user);
        facts.ok().flatten().map(|user| user.login.clone()).unwrap_or_default()
    }

    pub(crate) fn page(&self, page: Page) -> Answer {
        self.exchange.page(http::StatusCode::OK, page)
    }

    /// The page for what went wrong on the server's side, or for a refusal that cannot be told the client.
    pub(crate) fn failed(&self, error: &GrantError) -> Answer {
        self.exchange.failure_page(&self.exchange.refusal_of(error))
    }
}
