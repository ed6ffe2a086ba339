//! How answers are worded: the headers that all have, refusals, pages.

use bytes::Bytes;
use gatepost_clock::{Clock, Timestamp};
use gatepost_https::{Answer, Call, json};
use gatepost_oauth::{ErrorContext, SignInError};
use gatepost_tokens::StoreError;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

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
        let context = ErrorContext {
            authority: self.authority,
            trace_id: self.call.request_id,
            correlation_id: self.correlation.unwrap_or(self.call.request_id),
            timestamp: &timestamp,
        };
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

    pub(crate) fn page(&self, (status, html): (StatusCode, String)) -> Answer {
        let mut answer = Answer::new(Bytes::from(html));
        *answer.status_mut() = status;
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        self.with_headers(answer, "no-store")
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
