//! Answers and the header fields that all of them carry.

use gatepost_clock::{Timestamp, graph_format};
use gatepost_https::{Answer, Call, json, no_content};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use uuid::Uuid;

use crate::correlation;
use crate::refusal::Refusal;

/// An answer before the common header fields are added.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    body: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

impl Reply {
    /// 200 with a body.
    pub(crate) fn ok(body: Value) -> Reply {
        Reply::with(StatusCode::OK, body)
    }

    /// A body with any status.
    pub(crate) fn with(status: StatusCode, body: Value) -> Reply {
        Reply { status, body: Some(body), headers: Vec::new() }
    }

    /// No body.
    pub(crate) fn empty(status: StatusCode) -> Reply {
        Reply { status, body: None, headers: Vec::new() }
    }

    /// 200 with `{"value": [..]}`.
    pub(crate) fn list(value: Vec<Value>) -> Reply {
        Reply::ok(serde_json::json!({ "value": value }))
    }

    /// The same with one more member in the body's object.
    pub(crate) fn member(mut self, name: &str, value: Value) -> Reply {
        if let Some(members) = self.body.as_mut().and_then(Value::as_object_mut) {
            members.insert(name.to_owned(), value);
        }
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn etag(self, etag: &str) -> Reply {
        self.header(header::ETAG, etag)
    }

    pub(crate) fn finish(self, call: &Call, now: Timestamp) -> Answer {
        let mut answer = match &self.body {
            Some(body) => json(self.status, body),
            None => no_content(self.status),
        };
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(name, value);
            }
        }
        common_headers(&mut answer, call, now);
        answer
    }
}

impl Refusal {
    pub(crate) fn finish(self, call: &Call, now: Timestamp) -> Answer {
        let mut answer = json(self.status, &self.body());
        for (name, value) in &self.headers {
            answer.headers_mut().insert(name, value.clone());
        }
        common_headers(&mut answer, call, now);
        answer
    }
}

/// What each reply of the resource manager carries (reference entra-arm-clients.md section 6.2).
fn common_headers(answer: &mut Answer, call: &Call, now: Timestamp) {
    let headers = answer.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let id = call.request_id.to_string();
    let echoed = |name: &str| call.header(name).filter(|text| text.len() <= 128);
    set("x-ms-request-id", &id);
    set("x-ms-correlation-request-id", &correlation::id(call).to_string());
    let stamp: String = graph_format(now).chars().filter(|c| *c != '-' && *c != ':').collect();
    set("x-ms-routing-request-id", &format!("GATEPOST:{stamp}:{}", Uuid::new_v4()));
    let returned = echoed("x-ms-return-client-request-id").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if let (true, Some(client)) = (returned, echoed("x-ms-client-request-id")) {
        set("x-ms-client-request-id", client);
    }
    if call.method == http::Method::GET || call.method == http::Method::HEAD {
        set("x-ms-ratelimit-remaining-subscription-reads", "11999");
    } else {
        set("x-ms-ratelimit-remaining-subscription-writes", "1199");
    }
    set("cache-control", "no-cache");
    set("pragma", "no-cache");
    set("x-content-type-options", "nosniff");
    set("strict-transport-security", "max-age=31536000; includeSubDomains");
}
