//! What an edge gets and what it gives back.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use uuid::Uuid;

/// A request whose body has been read whole, within the edge's limit.
#[derive(Clone, Debug)]
pub struct Call {
    /// GET, PUT, ….
    pub method: Method,
    /// The path as it came, percent-encoding and all, without the query. Begins with a slash.
    pub path: String,
    /// What stands after the `?`, as it came.
    pub query: String,
    /// All header fields.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// Who connected.
    pub peer: SocketAddr,
    /// Names this request in the log and in the reply (`x-ms-request-id`, trace id, `request-id`).
    pub request_id: Uuid,
}

/// What an edge answers.
pub type Answer = http::Response<Bytes>;

/// The decoded pairs of a query or a form.
pub type QueryPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

impl Call {
    /// The pairs of the query, decoded (`+` is a space).
    pub fn query_pairs(&self) -> QueryPairs<'_> {
        form_urlencoded::parse(self.query.as_bytes()).collect()
    }

    /// The first value of a query parameter. The name is compared ignoring letter case, as Azure does.
    pub fn query_value(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// A header field's value, if it is there once or more and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of `Authorization: Bearer …`; the scheme ignores letter case.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }
}

/// One protocol over HTTPS.
pub trait Edge: Send + Sync + 'static {
    /// Most bytes of a request's body. A longer one is refused through [`Edge::too_large`].
    fn body_limit(&self) -> usize {
        4 * 1024 * 1024
    }

    /// Answers a request. Runs on a thread that may block. Must not panic; if it does, the listener answers
    /// through [`Edge::failed`].
    fn answer(&self, call: Call) -> Answer;

    /// The refusal of a body over the limit, in this protocol's error format; by custom 413. The call's body is
    /// empty.
    fn too_large(&self, call: &Call) -> Answer;

    /// The answer when [`Edge::answer`] panicked, in this protocol's error format: a 500 that names the request
    /// id only. The call's body is empty.
    fn failed(&self, call: &Call) -> Answer;
}

/// A response with a JSON body.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut answer = Answer::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json; charset=utf-8"));
    answer
}

/// A response without a body.
pub fn no_content(status: StatusCode) -> Answer {
    let mut answer = Answer::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}
