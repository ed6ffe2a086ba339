//! The steps of signing in: who is it, the password, the second factor, a new password where one is due.

use gatepost_directory::{PasswordChangeError, UserError};
use gatepost_https::Answer;
use gatepost_names::{ObjectId, TenantId};
use gatepost_oauth::SignInError;
use gatepost_tokens::{BrowserSession, GrantError};
use uuid::Uuid;

use crate::pages;
use crate::visit::{Proved, Purpose, Visit};

/// Longest password that is looked at.
const MAX_PASSWORD: usize = 1024;

impl Visit<'_> {
    pub(crate) fn arrive(&mut self, purpose: &dyn Purpose) -> Answer {
        let session = match self.session() {
            Ok(session) => session,
            Err(error) => return self.failed(&error),
        };
        let prompt = purpose.prompt();
        let hint = purpose.login_hint().unwrap_or_default().to_owned();
        let fitting = session.filter(|session| self.fits(purpose, session));
        let Some(session) = fitting else {
            return match prompt.none {
                true => purpose.refused(self, &SignInError::LoginRequired),
                false => self.ask_for_password(purpose, &hint, None),
            };
        };
        if prompt.login {
            return self.ask_for_password(purpose, &hint, None);
        }
        if prompt.select_account {
            let login = self.login_of(session.user.tenant, session.user.user);
            let ticket = self.make_ticket(purpose, "account", None);
            return self.page(pages::account(&self.form_of(purpose, &ticket), purpose.app(), &login));
        }
        purpose.signed_in(self, &session)
    }

    /// Whether the user who is signed in is one that the purpose can do with.
    fn fits(&self, purpose: &dyn Purpose, session: &BrowserSession) -> bool {
        let user = &session.user;
        let hinted = purpose.login_hint().is_none_or(|hint| {
            hint.is_empty() || self.login_of(user.tenant, user.user).eq_ignore_ascii_case(hint)
        });
        let young = purpose
            .max_age()
            .is_none_or(|age| self.exchange.micros() - user.signed_in_at <= age.saturating_mul(1_000_000));
        hinted && young && purpose.tenant().is_none_or(|tenant| tenant == user.tenant)
    }

    pub(crate) fn account(&mut self, purpose: &dyn Purpose) -> Answer {
        if let Err(refusal) = self.ticket(purpose, "account") {
            return self.exchange.failure_page(&refusal);
        }
        match self.session() {
            Ok(Some(session)) if self.fits(purpose, &session) => purpose.signed_in(self, &session),
            Ok(_) => self.ask_for_password(purpose, "", None),
            Err(error) => self.failed(&error),
        }
    }

    pub(crate) fn ask_for_password(
        &mut self,
        purpose: &dyn Purpose,
        login: &str,
        problem: Option<&str>,
    ) -> Answer {
        let ticket = self.make_ticket(purpose, "sign-in", None);
        self.page(pages::sign_in(&self.form_of(purpose, &ticket), purpose.app(), login, problem))
    }

    pub(crate) fn password(&mut self, purpose: &dyn Purpose) -> Answer {
        if let Err(refusal) = self.ticket(purpose, "sign-in") {
            return self.exchange.failure_page(&refusal);
        }
        let login = self.field("username").unwrap_or_default().trim().to_owned();
        let password = self.field("password").unwrap_or_default();
        let tenant = match self.tenant_of_login(purpose, &login) {
            Ok(tenant) => tenant,
            Err(error) => return self.failed(&error),
        };
        if password.len() > MAX_PASSWORD {
            return self.wrong(purpose, tenant, &login, &SignInError::WrongPassword);
        }
        let directory = &self.authority.directory;
        match directory.sign_in_password(tenant, &login, &password, Some(self.address())) {
            Ok(signed) if signed.must_change_password => {
                let proved = Proved { tenant, user: signed.user.id, at: self.exchange.micros() };
                let ticket = self.make_ticket(purpose, "new-password", Some(proved));
                self.page(pages::new_password(&self.form_of(purpose, &ticket), &login, None))
            }
            Ok(signed) => {
                let at = self.exchange.micros();
                self.password_was_right(purpose, Proved { tenant, user: signed.user.id, at })
            }
            Err(error) => self.refused_user(purpose, tenant, &login, &error),
        }
    }

    /// The tenant that a user name belongs to. Of an unknown domain, one that nobody has: whether there is such a
    /// user takes as long to answer as for any other.
    fn tenant_of_login(&self, purpose: &dyn Purpose, login: &str) -> Result<TenantId, GrantError> {
        if let Some(tenant) = purpose.tenant() {
            return Ok(tenant);
        }
        let domain = login.rsplit_once('@').map_or("", |(_, domain)| domain);
        let found = match domain.is_empty() || domain.len() > 255 {
            true => None,
            false => self.authority.tokens.tenant_by_segment(domain)?,
        };
        Ok(found.map_or(TenantId(Uuid::nil()), |tenant| tenant.id))
    }

    fn password_was_right(&mut self, purpose: &dyn Purpose, proved: Proved) -> Answer {
        let Proved { tenant, user, .. } = proved;
        match self.authority.directory.second_factors(tenant, user) {
            Ok(factors) if factors.totp || factors.passkey => self.ask_for_factor(purpose, proved, None),
            Ok(_) => self.begin(purpose, tenant, user, &["pwd"]),
            Err(error) => self.failed(&error.into()),
        }
    }

    fn ask_for_factor(&mut self, purpose: &dyn Purpose, proved: Proved, problem: Option<&str>) -> Answer {
        let Proved { tenant, user, .. } = proved;
        let directory = &self.authority.directory;
        let factors = match directory.second_factors(tenant, user) {
            Ok(factors) => factors,
            Err(error) => return self.failed(&error.into()),
        };
        let challenge = match factors.passkey {
            true => {
                directory.begin_passkey_sign_in(tenant, Some(user), &self.authority.passkey_party()).map(Some)
            }
            false => Ok(None),
        };
        let challenge = match challenge {
            Ok(challenge) => challenge,
            Err(error) => return self.exchange.failure_page(&self.exchange.refusal_of_user(&error)),
        };
        let ticket = self.make_ticket(purpose, "factor", Some(proved));
        let login = self.login_of(tenant, user);
        let asked = pages::Factors { totp: factors.totp, passkey: challenge.as_ref(), login: &login };
        self.page(pages::second_factor(&self.form_of(purpose, &ticket), &asked, problem))
    }

    /// The answer of an authenticator, which the page's script put into the form.
    pub(crate) fn passkey(&mut self, purpose: &dyn Purpose) -> Answer {
        let proved = match self.proved(purpose, "factor") {
            Ok(proved) => proved,
            Err(error) => return self.failed(&error),
        };
        let Proved { tenant, user, .. } = proved;
        let state = self.field("state").unwrap_or_default();
        let credential = self.field("credential").unwrap_or_default();
        let credential = serde_json::from_str(&credential).unwrap_or_default();
        let party = self.authority.passkey_party();
        let address = Some(self.address());
        let directory = &self.authority.directory;
        match directory.finish_passkey_sign_in(tenant, Some(user), &party, &state, &credential, address) {
            Ok(_) => self.begin(purpose, tenant, user, &["pwd", "fido", "mfa"]),
            Err(UserError::Wrong) => {
                self.note(purpose, tenant, Some(user), SignInError::WrongPassword.code(), "");
                self.ask_for_factor(purpose, proved, Some("That passkey was not accepted."))
            }
            Err(error) => {
                let login = self.login_of(tenant, user);
                self.refused_user(purpose, tenant, &login, &error)
            }
        }
    }

    pub(crate) fn factor(&mut self, purpose: &dyn Purpose) -> Answer {
        let proved = match self.proved(purpose, "factor") {
            Ok(proved) => proved,
            Err(error) => return self.failed(&error),
        };
        let Proved { tenant, user, .. } = proved;
        let code: String =
            self.field("otp").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let verified = self.authority.directory.verify_totp(tenant, user, &code, Some(self.address()));
        match verified {
            Ok(()) => self.begin(purpose, tenant, user, &["pwd", "otp", "mfa"]),
            Err(UserError::Wrong) => {
                self.note(purpose, tenant, Some(user), SignInError::WrongPassword.code(), "");
                self.ask_for_factor(purpose, proved, Some("That code is wrong, or was used before."))
            }
            Err(error) => {
                let login = self.login_of(tenant, user);
                self.refused_user(purpose, tenant, &login, &error)
            }
        }
    }

    pub(crate) fn new_password(&mut self, purpose: &dyn Purpose) -> Answer {
        let proved = match self.proved(purpose, "new-password") {
            Ok(proved) => proved,
            Err(error) => return self.failed(&error),
        };
        let Proved { tenant, user, .. } = proved;
        let login = self.login_of(tenant, user);
        let [old, new, again] = ["password", "new", "again"].map(|name| self.field(name).unwrap_or_default());
        let problem = if new != again {
            "The two passwords differ.".to_owned()
        } else if old.len().max(new.len()) > MAX_PASSWORD {
            "The password is too long.".to_owned()
        } else {
            let address = Some(self.address());
            match self.authority.directory.change_password(tenant, user, &old, &new, address) {
                Ok(()) => {
                    // The change ended what was proved before it, and came after the request.
                    let at = self.authority.clock.micros();
                    return self.password_was_right(purpose, Proved { tenant, user, at });
                }
                Err(PasswordChangeError::Refused(UserError::Wrong)) => {
                    "The current password is wrong.".to_owned()
                }
                Err(PasswordChangeError::Refused(error)) => {
                    return self.refused_user(purpose, tenant, &login, &error);
                }
                Err(PasswordChangeError::Store(error)) => return self.failed(&error.into()),
                Err(other) => other.to_string(),
            }
        };
        let ticket = self.make_ticket(purpose, "new-password", Some(proved));
        self.page(pages::new_password(&self.form_of(purpose, &ticket), &login, Some(&problem)))
    }

    /// The user is who it says: signs it in in this browser, under a new cookie.
    fn begin(&mut self, purpose: &dyn Purpose, tenant: TenantId, user: ObjectId, methods: &[&str]) -> Answer {
        match self.authority.tokens.begin_session(tenant, user, methods, Some(&self.cookie)) {
            Ok((cookie, session)) => {
                self.cookie = cookie;
                self.is_new = true;
                purpose.signed_in(self, &session)
            }
            Err(error) => self.failed(&error),
        }
    }

    fn refused_user(
        &mut self,
        purpose: &dyn Purpose,
        tenant: TenantId,
        login: &str,
        error: &UserError,
    ) -> Answer {
        let refusal = self.exchange.refusal_of_user(error);
        match refusal.is_temporary() {
            true => self.exchange.failure_page(&refusal),
            false => self.wrong(purpose, tenant, login, &refusal),
        }
    }

    fn wrong(
        &mut self,
        purpose: &dyn Purpose,
        tenant: TenantId,
        login: &str,
        refusal: &SignInError,
    ) -> Answer {
        self.note(purpose, tenant, None, refusal.code(), "");
        let text = match refusal {
            SignInError::WrongPassword => "Your account or password is incorrect.".to_owned(),
            other => other.to_string(),
        };
        let shown: String = login.chars().take(256).collect();
        self.ask_for_password(purpose, &shown, Some(&text))
    }
}
