//! Asking users for consent, and writing down what they say.

use gatepost_access::Caller;
use gatepost_https::Answer;
use gatepost_names::{ApplicationId, PrincipalKind};
use gatepost_oauth::SignInError;
use gatepost_tokens::{AskingClient, BrowserSession, GrantError, MissingConsent};

use crate::pages::{self, ConsentQuestion};
use crate::visit::{Purpose, Visit};

/// What the consent step is about.
pub(crate) struct Wanted<'a> {
    pub(crate) app_id: ApplicationId,
    pub(crate) scopes: &'a gatepost_oauth::Scopes,
    pub(crate) capabilities: &'a [String],
}

/// Asks the user whether the client may have what is missing; where the user cannot give it, says so.
pub(crate) fn ask_for_consent(
    visit: &mut Visit<'_>,
    purpose: &dyn Purpose,
    client: &AskingClient,
    session: &BrowserSession,
    missing: &MissingConsent,
) -> Answer {
    let may_for_all = may_consent_for_all(visit, session);
    let ticket = visit.make_ticket(purpose, "consent", None);
    let form = visit.form_of(purpose, &ticket);
    if missing.needs_administrator() && !may_for_all {
        let refusal = SignInError::AdminConsentRequired { client: client.app_id().to_string() };
        visit.note(purpose, session.user.tenant, Some(session.user.user), refusal.code(), "");
        let page = pages::needs_administrator(&form, purpose.app(), refusal.code(), &refusal.to_string());
        return visit.page(page);
    }
    let login = visit.login_of(session.user.tenant, session.user.user);
    let question = ConsentQuestion {
        app: purpose.app(),
        publisher: client.registration.publisher_domain.as_deref(),
        login: &login,
        asked: missing,
        may_for_all,
        only_for_all: false,
    };
    visit.page(pages::consent(&form, &question))
}

/// Writes down what the user agreed to on the consent page; the session, or none if it ended meanwhile.
pub(crate) fn consented(
    visit: &Visit<'_>,
    purpose: &dyn Purpose,
    wanted: &Wanted<'_>,
) -> Result<Option<BrowserSession>, GrantError> {
    visit.ticket(purpose, "consent")?;
    let Some(session) = visit.session()? else { return Ok(None) };
    let user = &session.user;
    if purpose.tenant().is_some_and(|tenant| tenant != user.tenant) {
        return Ok(None);
    }
    let capabilities = wanted.capabilities.to_vec();
    let client = visit.authority.client_of_user(user.tenant, wanted.app_id, capabilities)?;
    let may_for_all = may_consent_for_all(visit, &session);
    let for_all = visit.field("for_all").is_some();
    let given = match for_all {
        true => visit.authority.tokens.all_wanted(&client, wanted.scopes)?,
        false => visit.authority.tokens.missing_consent(&client, user.user, wanted.scopes)?,
    };
    // SECURITY: asked again here: the page that left the box out proves nothing.
    if (for_all || given.needs_administrator()) && !may_for_all {
        return Err(SignInError::AdminConsentRequired { client: wanted.app_id.to_string() }.into());
    }
    let whose = if for_all { None } else { Some(user.user) };
    visit.authority.tokens.give_consent(user.tenant, client.service_principal, whose, &given)?;
    Ok(Some(session))
}

/// Whether the user may consent for everybody in the tenant.
pub(crate) fn may_consent_for_all(visit: &Visit<'_>, session: &BrowserSession) -> bool {
    let user = &session.user;
    let login = visit.login_of(user.tenant, user.user);
    let caller = Caller::new(user.tenant, user.user, PrincipalKind::User, login, None);
    visit.authority.directory.may_consent_for_all(&caller)
}
