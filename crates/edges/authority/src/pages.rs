//! The few pages that a person may come to. None of them repeats what the request said.

use gatepost_https::Call;
use gatepost_oauth::SignInError;
use http::StatusCode;

type Page = (StatusCode, String);

/// Where a browser is sent to sign in. Nothing is sent back to the redirect URI: none is registered with this
/// version, and an unregistered one is never followed.
pub(crate) fn interactive_sign_in(call: &Call) -> Page {
    let error = SignInError::InteractiveNotSupported { what: "authorize".to_owned() };
    let text = format!("AADSTS{}: {error}</p><p>Trace ID: {}", error.code(), call.request_id);
    page(StatusCode::BAD_REQUEST, "Sign-in is not available", &text)
}

/// Where a browser is sent to sign out.
pub(crate) fn signed_out() -> Page {
    page(
        StatusCode::OK,
        "Nothing to sign out of",
        "This version of Gatepost has no interactive sign-in, so there is no session to end.",
    )
}

/// What `error_uri` of a refusal leads to.
pub(crate) fn error_code(call: &Call) -> Page {
    let code = call.query_value("code").and_then(|code| code.parse().ok());
    match code.and_then(|code| Some((code, SignInError::explain(code)?))) {
        Some((code, meaning)) => page(StatusCode::OK, &format!("AADSTS{code}"), meaning),
        None => {
            page(StatusCode::NOT_FOUND, "Unknown code", "This version of Gatepost never gives this code.")
        }
    }
}

fn page(status: StatusCode, title: &str, text: &str) -> Page {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
    );
    (status, html)
}
