//! How answers are worded: the headers that all have, refusals, pages.

use bytes::Bytes;
use gatepost_clock::{Clock, Timestamp};
use gatepost_https::{Answer, Call, QueryPairs, json};
use gatepost_oauth::{ErrorContext, SignInError};
use gatepost_tokens::{GrantError, StoreError};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::html::Page;
use crate::pages;

/// How long clients may keep what changes only with the server's configuration.
const CONFIGURATION_CACHE: &str = "max-age=86400, private";
/// How long they may keep the key set: short enough for a new key to be known before it signs.
pub(crate) const KEYS_CACHE: &str = "max-age=3600, private";

const CLIENT_REQUEST_ID: &str = "client-request-id";

/// One request and what its answer needs to know about it.
pub(crate) struct Exchange<'a> {
    pub(crate) call: &'a Call,
    authority: &'a str,
    now: Timestamp,
    /// The client's name for the request, if it gave one.
    correlation: Option<Uuid>,
}

pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(call: &'a Call, authority: &'a str, clock: &Clock) -> Exchange<'a> {
        let correlation = call
            .header(CLIENT_REQUEST_ID)
            .and_then(|text| text.parse().ok())
            .or_else(|| call.query_value(CLIENT_REQUEST_ID).and_then(|text| text.parse().ok()));
        Exchange { call, authority, now: clock.now(), correlation }
    }

    /// JSON that clients may keep as long as `cache` says.
    pub(crate) fn cacheable(&self, body: &Value, cache: &'static str) -> Answer {
        let mut answer = self.with_headers(json(StatusCode::OK, body), cache);
        // Discovery and keys are public, for scripts in browsers too.
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer
    }

    pub(crate) fn configuration(&self, body: &Value) -> Answer {
        self.cacheable(body, CONFIGURATION_CACHE)
    }

    /// JSON that nobody may keep.
    pub(crate) fn secret(&self, body: &Value) -> Answer {
        self.with_headers(json(StatusCode::OK, body), "no-store")
    }

    pub(crate) fn refused(&self, error: &SignInError) -> Answer {
        self.refused_as(error, error.error())
    }

    /// A refusal with a word of the endpoint's own in `error`.
    pub(crate) fn refused_as(&self, error: &SignInError, word: &str) -> Answer {
        let timestamp = self.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let context = self.context(&timestamp);
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = self.with_headers(json(status, &error.body(word, &context)), "no-store");
        match status {
            StatusCode::UNAUTHORIZED => {
                let challenge = HeaderValue::from_static("Basic realm=\"Gatepost\"");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        answer
    }

    /// The refusal for a failure of the store; the cause goes to the log alone.
    pub(crate) fn store_failed(&self, error: &StoreError) -> SignInError {
        tracing::error!(trace_id = %self.call.request_id, %error, "the store failed during sign-in");
        if error.is_temporary() { SignInError::TemporarilyUnavailable } else { SignInError::ServerError }
    }

    /// The refusal for whatever kept the token service from answering.
    pub(crate) fn refusal_of(&self, error: &GrantError) -> SignInError {
        match error {
            GrantError::Refused(refusal) => refusal.clone(),
            GrantError::Store(error) => self.store_failed(error),
            GrantError::Signing => {
                tracing::error!(trace_id = %self.call.request_id, "a token could not be signed");
                SignInError::ServerError
            }
        }
    }

    /// A page for a person.
    pub(crate) fn page(&self, status: StatusCode, page: Page) -> Answer {
        let policy = page.policy();
        let mut answer = Answer::new(Bytes::from(page.into_html()));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        self.with_headers(answer, "no-store")
    }

    /// A refusal that a person reads, with all that finds it in the log.
    pub(crate) fn failure_page(&self, refusal: &SignInError) -> Answer {
        tracing::info!(
            trace_id = %self.call.request_id,
            peer = %self.call.peer,
            code = refusal.code(),
            "a sign-in page was refused: {refusal}"
        );
        let ids = [
            ("Trace ID", self.call.request_id.to_string()),
            ("Correlation ID", self.correlation_id().to_string()),
            ("Timestamp", self.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
        ];
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
        self.page(status, pages::failure(refusal.code(), &refusal.to_string(), &ids))
    }

    /// Sends the browser elsewhere, with GET.
    pub(crate) fn see_other(&self, location: &str) -> Answer {
        let Ok(value) = HeaderValue::from_str(location) else {
            return self.failure_page(&SignInError::ServerError);
        };
        let mut answer = gatepost_https::no_content(StatusCode::SEE_OTHER);
        answer.headers_mut().insert(header::LOCATION, value);
        answer.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        self.with_headers(answer, "no-store")
    }

    /// A file that every page uses.
    pub(crate) fn asset(&self, media_type: &'static str, text: &'static str) -> Answer {
        let mut answer = Answer::new(Bytes::from_static(text.as_bytes()));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.with_headers(answer, "max-age=3600, private")
    }

    /// What a refusal says in an answer to a redirect URI.
    pub(crate) fn description(&self, refusal: &SignInError) -> String {
        let timestamp = self.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        refusal.description(&self.context(&timestamp))
    }

    /// The pairs of the body; none if it is not a form.
    pub(crate) fn form(&self) -> QueryPairs<'a> {
        let media_type = self.call.header(header::CONTENT_TYPE.as_str()).unwrap_or("");
        let media_type = media_type.split(';').next().unwrap_or("").trim();
        if self.call.method != Method::POST
            || !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Vec::new();
        }
        form_urlencoded::parse(&self.call.body).collect()
    }

    /// This request's own address, to send forms back to: on this origin whatever the path looks like. `//x/y`
    /// would be a host to a browser.
    pub(crate) fn own_url(&self, query: &str) -> String {
        let path: Vec<&str> =
            self.call.path.split(['/', '\\']).filter(|segment| !segment.is_empty()).collect();
        format!("/{}?{query}", path.join("/"))
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let all = self.call.headers.get_all(header::COOKIE);
        let mut pairs = all.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
        pairs.find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name && (16..=128).contains(&value.len())).then(|| value.to_owned())
        })
    }

    /// The client's name for the request, or the server's.
    pub(crate) fn correlation_id(&self) -> Uuid {
        self.correlation.unwrap_or(self.call.request_id)
    }

    /// Now, in microseconds.
    pub(crate) fn micros(&self) -> i64 {
        self.now.as_microsecond()
    }

    fn context<'c>(&'c self, timestamp: &'c str) -> ErrorContext<'c> {
        ErrorContext {
            authority: self.authority,
            trace_id: self.call.request_id,
            correlation_id: self.correlation_id(),
            timestamp,
        }
    }

    pub(crate) fn not_found(&self) -> Answer {
        let body = serde_json::json!({
            "error": "invalid_request",
            "error_description": "The authority has no endpoint of this name.",
            "trace_id": self.call.request_id,
        });
        self.with_headers(json(StatusCode::NOT_FOUND, &body), "no-store")
    }

    pub(crate) fn method_not_allowed(&self) -> Answer {
        let body = serde_json::json!({
            "error": "invalid_request",
            "error_description": "The endpoint only accepts GET requests.",
            "trace_id": self.call.request_id,
        });
        let mut answer = self.with_headers(json(StatusCode::METHOD_NOT_ALLOWED, &body), "no-store");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        answer
    }

    /// Lets scripts of any origin read the answer: it holds nothing that a cookie gave.
    pub(crate) fn readable_anywhere(mut answer: Answer) -> Answer {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer
    }

    /// The answer to a browser that asks whether a script may post (CORS).
    pub(crate) fn preflight(&self) -> Answer {
        let mut answer = Self::readable_anywhere(gatepost_https::no_content(StatusCode::NO_CONTENT));
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "content-type, client-request-id, return-client-request-id",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "3600"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        self.with_headers(answer, "no-store")
    }

    fn with_headers(&self, mut answer: Answer, cache: &'static str) -> Answer {
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let mut put_id = |name: &'static str, id: Uuid| {
            if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put_id("x-ms-request-id", self.call.request_id);
        if let Some(correlation) = self.correlation {
            put_id(CLIENT_REQUEST_ID, correlation);
        }
        answer
    }
}
