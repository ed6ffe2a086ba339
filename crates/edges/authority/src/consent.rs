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

/// Asks the user whether the client may have `missing`; where the user cannot give it, says so. Who may give it to
/// everybody is shown all that the client wants: others may lack more of it.
pub(crate) fn ask_for_consent(
    visit: &mut Visit<'_>,
    purpose: &dyn Purpose,
    client: &AskingClient,
    session: &BrowserSession,
    (wanted, missing): (&Wanted<'_>, &MissingConsent),
) -> Result<Answer, GrantError> {
    let may_for_all = may_consent_for_all(visit, session);
    let all = match may_for_all {
        true => Some(visit.authority.tokens.all_wanted(client, wanted.scopes)?),
        false => None,
    };
    let asked = all.as_ref().unwrap_or(missing);
    if asked.needs_administrator() && !may_for_all {
        let ticket = visit.make_ticket(purpose, "consent", None);
        let form = visit.form_of(purpose, &ticket);
        let refusal = SignInError::AdminConsentRequired { client: client.app_id().to_string() };
        visit.note(purpose, session.user.tenant, Some(session.user.user), refusal.code(), "");
        let page = pages::needs_administrator(&form, purpose.app(), refusal.code(), &refusal.to_string());
        return Ok(visit.page(page));
    }
    let ticket = visit.make_consent_ticket(purpose, "consent", &asked.digest(may_for_all));
    let form = visit.form_of(purpose, &ticket);
    let login = visit.login_of(session.user.tenant, session.user.user);
    let question = ConsentQuestion {
        app: purpose.app(),
        publisher: client.registration.publisher_domain.as_deref(),
        login: &login,
        asked,
        may_for_all,
        only_for_all: false,
    };
    Ok(visit.page(pages::consent(&form, &question)))
}

/// What sending the consent page came to.
pub(crate) enum Consented {
    /// It is written down.
    Given(BrowserSession),
    /// The page showed something else than would be given now: nothing was written, the user is to be asked again.
    Changed(BrowserSession),
    /// The session ended meanwhile.
    SignedOut,
}

/// Writes down what the user agreed to on the consent page.
pub(crate) fn consented(
    visit: &Visit<'_>,
    purpose: &dyn Purpose,
    wanted: &Wanted<'_>,
) -> Result<Consented, GrantError> {
    let ticket = visit.ticket(purpose, "consent")?;
    let Some(session) = visit.session()? else { return Ok(Consented::SignedOut) };
    let user = &session.user;
    if purpose.tenant().is_some_and(|tenant| tenant != user.tenant) {
        return Ok(Consented::SignedOut);
    }
    let capabilities = wanted.capabilities.to_vec();
    let client = visit.authority.client_of_user(user.tenant, wanted.app_id, capabilities)?;
    let may_for_all = may_consent_for_all(visit, &session);
    let for_all = visit.field("for_all").is_some();
    let refusal = SignInError::AdminConsentRequired { client: wanted.app_id.to_string() };
    // SECURITY: asked again here: the page that left the box out proves nothing.
    if for_all && !may_for_all {
        return Err(refusal.into());
    }
    // SECURITY: the manifest may have changed since the page was made: what is written is what the page showed.
    let tokens = &visit.authority.tokens;
    let missing = tokens.missing_consent(&client, user.user, wanted.scopes)?;
    let possible = [missing, tokens.all_wanted(&client, wanted.scopes)?];
    let shown = ticket.shown.unwrap_or_default();
    let Some(given) = possible.into_iter().find(|asked| asked.digest(may_for_all) == shown) else {
        return Ok(Consented::Changed(session));
    };
    if given.needs_administrator() && !may_for_all {
        return Err(refusal.into());
    }
    let whose = if for_all { None } else { Some(user.user) };
    tokens.give_consent(user.tenant, client.service_principal, whose, &given)?;
    Ok(Consented::Given(session))
}

/// Whether the user may consent for everybody in the tenant.
pub(crate) fn may_consent_for_all(visit: &Visit<'_>, session: &BrowserSession) -> bool {
    let user = &session.user;
    let login = visit.login_of(user.tenant, user.user);
    let caller = Caller::new(user.tenant, user.user, PrincipalKind::User, login, None);
    visit.authority.directory.may_consent_for_all(&caller)
}
