//! Replies in Microsoft Graph's form.

use bytes::Bytes;
use gatepost_clock::Timestamp;
use gatepost_directory::{ObjectKind, default_properties};
use gatepost_https::{Answer, Call, no_content};
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::GraphError;

const JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
/// The client id of Microsoft Graph, which a client without a token is told.
const GRAPH_CLIENT_ID: &str = "00000003-0000-0000-c000-000000000000";
/// Seconds after which to try again what could not be done now; clients take 0 for unsaid.
const RETRY_SECONDS: &str = "1";

/// Makes the replies to one call.
pub(crate) struct Replies<'a> {
    pub(crate) call: &'a Call,
    pub(crate) now: Timestamp,
    /// The base URL of this edge.
    pub(crate) graph: &'a str,
    /// The base URL of the authority.
    pub(crate) authority: &'a str,
}

impl Replies<'_> {
    /// A JSON body.
    pub(crate) fn json(&self, status: StatusCode, body: &Value) -> Answer {
        let mut answer = Answer::new(Bytes::from(body.to_string()));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        self.signed(answer)
    }

    /// A made object, and where it is.
    pub(crate) fn created(&self, location: &str, body: &Value) -> Answer {
        let mut answer = self.json(StatusCode::CREATED, body);
        if let Ok(location) = HeaderValue::from_str(location) {
            answer.headers_mut().insert(LOCATION, location);
        }
        answer
    }

    /// Success with nothing to say.
    pub(crate) fn no_content(&self) -> Answer {
        self.signed(no_content(StatusCode::NO_CONTENT))
    }

    /// A bare number: `/$count`.
    pub(crate) fn number(&self, number: u64) -> Answer {
        let mut answer = Answer::new(Bytes::from(number.to_string()));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        self.signed(answer)
    }

    /// A refusal.
    pub(crate) fn error(&self, error: &GraphError) -> Answer {
        let body = json!({
            "error": {
                "code": error.code,
                "message": error.message,
                "innerError": {
                    "date": self.now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                    "request-id": self.call.request_id,
                    "client-request-id": self.client_request_id(),
                },
            },
        });
        let mut answer = self.json(error.status, &body);
        let headers = answer.headers_mut();
        if error.status == StatusCode::UNAUTHORIZED {
            let challenge = format!(
                "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"{}\"",
                self.authority, GRAPH_CLIENT_ID
            );
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
        }
        if matches!(error.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        if let Some(allow) = error.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        answer
    }

    /// How the client calls this request; our own id where it does not.
    fn client_request_id(&self) -> String {
        ["client-request-id", "x-ms-client-request-id"]
            .iter()
            .filter_map(|name| self.call.header(name))
            .find(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
            .map_or_else(|| self.call.request_id.to_string(), str::to_owned)
    }

    fn signed(&self, mut answer: Answer) -> Answer {
        let headers = answer.headers_mut();
        for (name, value) in [
            ("request-id", self.call.request_id.to_string()),
            ("client-request-id", self.client_request_id()),
            ("odata-version", "4.0".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        answer
    }

    /// `@odata.context`: what a body is.
    pub(crate) fn context(&self, version: &str, of: &str) -> Value {
        Value::from(format!("{}/{version}/$metadata#{of}", self.graph))
    }
}

/// An object with the properties that are asked for.
pub(crate) fn shown(kind: ObjectKind, object: &Value, select: Option<&[&'static str]>) -> Map<String, Value> {
    let pick = |name: &'static str| object.get(name).map(|value| (name.to_owned(), value.clone()));
    match select {
        Some(chosen) => chosen.iter().filter_map(|name| pick(name)).collect(),
        None => default_properties(kind).filter_map(pick).collect(),
    }
}

/// The type of an object among objects of several types.
pub(crate) fn odata_type(kind: ObjectKind) -> Value {
    Value::from(format!("#microsoft.graph.{}", kind.as_str()))
}

/// `applications` or `applications(id,appId)`: a collection and what is selected of it.
pub(crate) fn collection_context(collection: &str, select: Option<&[&'static str]>) -> String {
    match select {
        Some(chosen) => format!("{collection}({})", chosen.join(",")),
        None => collection.to_owned(),
    }
}
