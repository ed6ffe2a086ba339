//! The pages that a person sees. None needs a script; each says in words what happens next.

use gatepost_directory::PasskeyChallenge;
use gatepost_oauth::SignInError;
use gatepost_tokens::MissingConsent;
use http::StatusCode;

use crate::html::{Html, Page};

/// What every form of a sign-in carries.
pub(crate) struct Form<'a> {
    /// Where it is sent.
    pub(crate) url: &'a str,
    /// What the server recognises it by.
    pub(crate) ticket: &'a str,
    /// Where the user goes when all is done, for the page's policy.
    pub(crate) leads_to: Option<&'a str>,
}

impl Form<'_> {
    /// A form whose submission is this step.
    fn step(&self, step: &str, fields: Html) -> Html {
        Html::new()
            .raw("<form method=\"post\" action=\"")
            .text(self.url)
            .raw("\">\n")
            .hidden("ticket", self.ticket)
            .hidden("step", step)
            .with(fields)
            .raw("</form>\n")
    }

    fn button(&self, step: &str, label: &str) -> Html {
        self.step(step, Html::new().raw("<button class=\"plain\">").text(label).raw("</button>\n"))
    }

    fn page(&self, title: &'static str, body: Html) -> Page {
        Page::new(title, body).leading_to(self.leads_to)
    }
}

fn alert(text: Option<&str>) -> Option<Html> {
    text.map(|text| Html::new().raw("<p class=\"alert\" role=\"alert\">").text(text).raw("</p>\n"))
}

fn continue_to(app: &str) -> Html {
    Html::new().raw("<p>to continue to <strong>").text(app).raw("</strong></p>\n")
}

/// User name and password.
pub(crate) fn sign_in(form: &Form<'_>, app: &str, login: &str, problem: Option<&str>) -> Page {
    let invalid = if problem.is_some() { " aria-invalid=\"true\"" } else { "" };
    let fields = Html::new()
        .raw("<label for=\"username\">User name</label>\n<input type=\"text\" id=\"username\" name=\"username\" ")
        .raw("inputmode=\"email\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required")
        .raw(if login.is_empty() { " autofocus" } else { "" })
        .raw(invalid)
        .raw(" value=\"")
        .text(login)
        .raw("\">\n<label for=\"password\">Password</label>\n<input type=\"password\" id=\"password\" ")
        .raw("name=\"password\" autocomplete=\"current-password\" required")
        .raw(if login.is_empty() { "" } else { " autofocus" })
        .raw(invalid)
        .raw(">\n<button>Sign in</button>\n");
    let body = Html::new()
        .raw("<h1>Sign in</h1>\n")
        .with(continue_to(app))
        .maybe(alert(problem))
        .with(form.step("password", fields))
        .with(form.button("cancel", "Cancel"));
    form.page("Sign in", body)
}

/// What a user can prove itself with, beside the password.
pub(crate) struct Factors<'a> {
    pub(crate) totp: bool,
    pub(crate) passkey: Option<&'a PasskeyChallenge>,
    pub(crate) login: &'a str,
}

/// The code of an authenticator, or a passkey.
pub(crate) fn second_factor(form: &Form<'_>, factors: &Factors<'_>, problem: Option<&str>) -> Page {
    let code = Html::new()
        .raw("<label for=\"otp\">Code</label>\n<input type=\"text\" class=\"code\" id=\"otp\" name=\"otp\" ")
        .raw("inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"10\" required autofocus")
        .raw(if problem.is_some() { " aria-invalid=\"true\"" } else { "" })
        .raw(">\n<button>Verify</button>\n");
    let body = Html::new()
        .raw("<h1>Verify your identity</h1>\n<p>")
        .raw(if factors.totp { "Enter the code that your authenticator app shows for <strong>" } else { "" })
        .raw(if factors.totp { "" } else { "Use your passkey to go on as <strong>" })
        .text(factors.login)
        .raw("</strong>.</p>\n")
        .maybe(alert(problem))
        .maybe(factors.totp.then(|| form.step("factor", code)))
        .maybe(factors.passkey.map(|challenge| passkey(form, challenge)))
        .with(form.button("cancel", "Cancel"));
    let mut page = form.page("Verify your identity", body);
    page.script = factors.passkey.map(|_| "/assets/passkey.js");
    page
}

/// The one form that needs a script: only the browser can talk to an authenticator.
fn passkey(form: &Form<'_>, challenge: &PasskeyChallenge) -> Html {
    Html::new()
        .raw("<p class=\"alert\" id=\"passkey-problem\" role=\"alert\" hidden>The browser gave no passkey.</p>\n")
        .raw("<noscript><p>A passkey needs JavaScript.</p></noscript>\n<form id=\"passkey\" method=\"post\" action=\"")
        .text(form.url)
        .raw("\" data-options=\"")
        .text(&challenge.options.to_string())
        .raw("\">\n")
        .hidden("ticket", form.ticket)
        .hidden("step", "passkey")
        .hidden("state", &challenge.state)
        .hidden("credential", "")
        .raw("<button>Use a passkey</button>\n</form>\n")
}

/// A password that must be replaced.
pub(crate) fn new_password(form: &Form<'_>, login: &str, problem: Option<&str>) -> Page {
    let field = |id: &'static str, label: &'static str, autocomplete: &'static str| {
        Html::new()
            .raw("<label for=\"")
            .text(id)
            .raw("\">")
            .text(label)
            .raw("</label>\n<input type=\"password\" id=\"")
            .text(id)
            .raw("\" name=\"")
            .text(id)
            .raw("\" autocomplete=\"")
            .text(autocomplete)
            .raw("\" required>\n")
    };
    let fields = field("password", "Current password", "current-password")
        .with(field("new", "New password", "new-password"))
        .with(field("again", "Confirm password", "new-password"))
        .raw("<button>Change password</button>\n");
    let body = Html::new()
        .raw("<h1>Update your password</h1>\n<p>The password of <strong>")
        .text(login)
        .raw("</strong> was given by somebody else, or has expired. Choose one of your own.</p>\n")
        .maybe(alert(problem))
        .with(form.step("new-password", fields))
        .with(form.button("cancel", "Cancel"));
    form.page("Update your password", body)
}

/// Which account.
pub(crate) fn account(form: &Form<'_>, app: &str, login: &str) -> Page {
    let fields = Html::new().raw("<button>Continue as ").text(login).raw("</button>\n");
    let body = Html::new()
        .raw("<h1>Pick an account</h1>\n")
        .with(continue_to(app))
        .with(form.step("account", fields))
        .with(form.button("other", "Use another account"))
        .with(form.button("cancel", "Cancel"));
    form.page("Pick an account", body)
}

/// What an application asks for.
pub(crate) struct ConsentQuestion<'a> {
    pub(crate) app: &'a str,
    pub(crate) publisher: Option<&'a str>,
    pub(crate) login: &'a str,
    pub(crate) asked: &'a MissingConsent,
    /// Whether the answer may be for everybody.
    pub(crate) may_for_all: bool,
    /// Whether it is for everybody in any case.
    pub(crate) only_for_all: bool,
}

/// Whether an application may have what it asks for.
pub(crate) fn consent(form: &Form<'_>, question: &ConsentQuestion<'_>) -> Page {
    let publisher = match question.publisher {
        Some(domain) => Html::new().raw("<p class=\"quiet\">Published by ").text(domain).raw("</p>\n"),
        None => Html::new(),
    };
    let asked = Html::new().each(&question.asked.asked, |asked| {
        Html::new()
            .raw("<h2>")
            .text(&asked.resource_name)
            .raw("</h2>\n<ul>\n")
            .each(&asked.scopes, |scope| {
                Html::new()
                    .raw("<li>")
                    .text(&scope.title)
                    .raw("<span>")
                    .text(&scope.description)
                    .raw("</span></li>\n")
            })
            .raw("</ul>\n")
    });
    let for_all = match (question.only_for_all, question.may_for_all) {
        (true, _) => Html::new().raw("<p>You give this for everybody in your organization.</p>\n"),
        (false, true) => Html::new()
            .raw(
                "<p><label><input type=\"checkbox\" name=\"for_all\" value=\"1\"> Consent on behalf of your ",
            )
            .raw("organization</label></p>\n"),
        (false, false) => Html::new(),
    };
    let body = Html::new()
        .raw("<h1>Permissions requested</h1>\n<p><strong>")
        .text(question.app)
        .raw("</strong> would like to, as <strong>")
        .text(question.login)
        .raw("</strong>:</p>\n")
        .with(publisher)
        .with(asked)
        .with(form.step("consent", for_all.raw("<button>Accept</button>\n")))
        .with(form.button("cancel", "Cancel"));
    form.page("Permissions requested", body)
}

/// An application wants what only an administrator can give.
pub(crate) fn needs_administrator(form: &Form<'_>, app: &str, code: u32, text: &str) -> Page {
    let body = Html::new()
        .raw("<h1>Need admin approval</h1>\n<p><strong>")
        .text(app)
        .raw("</strong> needs permissions that only an administrator can give. Ask an administrator to give them, ")
        .raw("or sign in with an account that may.</p>\n<p class=\"quiet\">AADSTS")
        .text(&code.to_string())
        .raw(": ")
        .text(text)
        .raw("</p>\n")
        .with(form.button("other", "Use another account"))
        .with(form.button("cancel", "Return to the application without consenting"));
    form.page("Need admin approval", body)
}

/// Where a device's code is entered.
pub(crate) fn device_code(form: &Form<'_>, typed: &str, problem: Option<&str>) -> Page {
    let fields = Html::new()
        .raw("<label for=\"code\">Code</label>\n<input type=\"text\" class=\"code\" id=\"code\" name=\"user_code\" ")
        .raw("autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" maxlength=\"32\" required ")
        .raw("autofocus value=\"")
        .text(typed)
        .raw("\">\n<button>Next</button>\n");
    let body = Html::new()
        .raw("<h1>Enter code</h1>\n<p>Enter the code that your app or device shows. Enter only a code that you ")
        .raw("asked for yourself.</p>\n")
        .maybe(alert(problem))
        .with(form.step("code", fields));
    form.page("Enter code", body)
}

/// Whether the user means this device.
pub(crate) fn device_question(form: &Form<'_>, app: &str, login: &str, address: &str) -> Page {
    let body = Html::new()
        .raw("<h1>Are you trying to sign in to ")
        .text(app)
        .raw("?</h1>\n<p>A device at <strong>")
        .text(address)
        .raw("</strong> will be signed in as <strong>")
        .text(login)
        .raw("</strong>. Only continue if you started this on a device of yours: nobody else should ever send ")
        .raw("you a code.</p>\n")
        .with(form.step("device", Html::new().raw("<button>Continue</button>\n")))
        .with(form.button("cancel", "Cancel"));
    form.page("Confirm sign-in", body)
}

/// A page that only says something.
pub(crate) fn notice(title: &'static str, text: &str) -> Page {
    let body = Html::new().raw("<h1>").text(title).raw("</h1>\n<p>").text(text).raw("</p>\n");
    Page::new(title, body)
}

/// Whether to sign out.
pub(crate) fn sign_out_question(form: &Form<'_>, login: &str) -> Page {
    let body = Html::new()
        .raw("<h1>Sign out</h1>\n<p>You are signed in as <strong>")
        .text(login)
        .raw("</strong>.</p>\n")
        .with(form.step("sign-out", Html::new().raw("<button>Sign out</button>\n")));
    form.page("Sign out", body)
}

/// The answer on its way to an application.
pub(crate) fn form_post(redirect_uri: &str, fields: &[(&'static str, String)]) -> Page {
    let body = Html::new()
        .raw("<h1>Signing you in</h1>\n<form method=\"post\" action=\"")
        .text(redirect_uri)
        .raw("\">\n")
        .each(fields, |(name, value)| Html::new().hidden(name, value))
        .raw("<p>You are being sent on to the application.</p>\n<button>Continue</button>\n</form>\n");
    let mut page = Page::new("Signing you in", body).leading_to(Some(redirect_uri));
    page.script = Some("/assets/post.js");
    page
}

/// What went wrong, with all that an administrator needs to find it in the log.
pub(crate) fn failure(code: u32, text: &str, ids: &[(&'static str, String)]) -> Page {
    let body = Html::new()
        .raw("<h1>Sorry, but we're having trouble signing you in</h1>\n<p class=\"alert\" role=\"alert\">AADSTS")
        .text(&code.to_string())
        .raw(": ")
        .text(text)
        .raw("</p>\n<dl>\n")
        .each(ids, |(name, value)| {
            Html::new().raw("<dt>").text(name).raw("</dt><dd>").text(value).raw("</dd>\n")
        })
        .raw("</dl>\n");
    Page::new("Trouble signing in", body)
}

/// What `error_uri` of a refusal leads to.
pub(crate) fn error_code(code: Option<u32>) -> (StatusCode, Page) {
    match code.and_then(|code| Some((code, SignInError::explain(code)?))) {
        Some((code, meaning)) => {
            (StatusCode::OK, notice("What the code means", &format!("AADSTS{code}: {meaning}")))
        }
        None => (StatusCode::NOT_FOUND, notice("Unknown code", "This server never gives this code.")),
    }
}
