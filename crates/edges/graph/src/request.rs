//! One request on its way to the directory: what every route needs of it.

use gatepost_access::Caller;
use gatepost_directory::{Directory, ObjectKey, ObjectKind};
use gatepost_https::{Answer, Call};
use gatepost_names::{ApplicationId, ObjectId};
use gatepost_tokens::Tokens;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::GraphError;
use crate::options::Options;
use crate::path::{self, Segment};
use crate::reply::Replies;

pub(crate) type Routed = Result<Answer, GraphError>;

/// Every kind, in the order in which Graph looks for them.
pub(crate) const ALL_KINDS: [ObjectKind; 4] =
    [ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal, ObjectKind::Application];

/// One request.
pub(crate) struct Request<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) tokens: &'a Tokens,
    pub(crate) caller: &'a Caller,
    pub(crate) call: &'a Call,
    pub(crate) replies: &'a Replies<'a>,
    pub(crate) version: &'static str,
}

impl Request<'_> {
    pub(crate) fn only(&self, method: &Method, allow: &'static str) -> Result<(), GraphError> {
        if self.call.method == *method { Ok(()) } else { Err(GraphError::method(allow)) }
    }

    /// The body, which must be a JSON object.
    pub(crate) fn body(&self) -> Result<Map<String, Value>, GraphError> {
        if self.call.body.is_empty() {
            return Err(GraphError::bad_request("Empty Payload. JSON content expected."));
        }
        serde_json::from_slice(&self.call.body).map_err(|_| {
            GraphError::bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of \
                 valid JSON format.",
            )
        })
    }

    /// As [`Request::body`], where none says nothing.
    pub(crate) fn optional_body(&self) -> Result<Map<String, Value>, GraphError> {
        if self.call.body.is_empty() { Ok(Map::new()) } else { self.body() }
    }

    /// Whether the client takes an answer that may be behind.
    pub(crate) fn is_eventual(&self) -> bool {
        self.call.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    pub(crate) fn require_eventual(&self) -> Result<(), GraphError> {
        if self.is_eventual() {
            return Ok(());
        }
        Err(GraphError::unsupported_query(
            "$count is supported only with the request header 'ConsistencyLevel: eventual'.",
        ))
    }

    /// A page of a collection.
    pub(crate) fn page(
        &self,
        context: &str,
        values: Vec<Value>,
        count: Option<u64>,
        next: Option<String>,
    ) -> Answer {
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, context))]);
        if let Some(count) = count {
            body.insert("@odata.count".to_owned(), json!(count));
        }
        if let Some(next) = next {
            body.insert("@odata.nextLink".to_owned(), json!(next));
        }
        body.insert("value".to_owned(), Value::Array(values));
        self.replies.json(StatusCode::OK, &Value::Object(body))
    }

    /// The link to the next page of what this request asks for.
    pub(crate) fn next_link(&self, options: &Options, next: &str) -> String {
        format!("{}?{}", self.own_url(), options.next_query(next))
    }

    /// The URL of this request without its query.
    pub(crate) fn own_url(&self) -> String {
        let segments = self.call.path.split('/').filter(|segment| !segment.is_empty()).skip(1);
        let path: Vec<&str> = segments.collect();
        format!("{}/{}/{}", self.replies.graph, self.version, path.join("/"))
    }

    /// One object that is no collection's.
    pub(crate) fn single(&self, context: &str, members: Map<String, Value>) -> Answer {
        self.single_with(StatusCode::OK, context, members)
    }

    pub(crate) fn single_with(
        &self,
        status: StatusCode,
        context: &str,
        members: Map<String, Value>,
    ) -> Answer {
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, context))]);
        body.extend(members);
        self.replies.json(status, &Value::Object(body))
    }
}

/// The members of a JSON object.
pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The beginning of a text that goes into an error message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

pub(crate) fn object_id(text: &str) -> Result<ObjectId, GraphError> {
    text.parse().map_err(|_| {
        GraphError::request_bad_request(format!("Invalid object identifier '{}'.", shortened(text)))
    })
}

/// The ids in a list of a body.
pub(crate) fn object_ids(
    body: &Map<String, Value>,
    name: &str,
    most: usize,
) -> Result<Vec<ObjectId>, GraphError> {
    let invalid =
        || GraphError::request_bad_request(format!("Invalid value specified for property '{name}'."));
    let ids = body.get(name).and_then(Value::as_array).ok_or_else(invalid)?;
    if ids.len() > most {
        return Err(GraphError::request_bad_request(format!(
            "Too many items specified for property '{name}': at most {most} are allowed."
        )));
    }
    ids.iter().map(|id| object_id(id.as_str().ok_or_else(invalid)?)).collect()
}

/// Takes the key that names an object of a collection off a path: `users('x')` and `users/x` are the same.
pub(crate) fn split_key<'s>(
    first: &Segment,
    rest: &'s [Segment],
) -> Result<(Option<path::Key>, &'s [Segment]), GraphError> {
    match (&first.key, rest) {
        (Some(key), rest) => Ok((Some(key.clone()), rest)),
        (None, [second, rest @ ..]) => match second.key {
            Some(_) => Err(GraphError::unknown_segment(&second.name)),
            None => Ok((Some(path::Key { property: None, value: second.name.clone() }), rest)),
        },
        (None, []) => Ok((None, rest)),
    }
}

/// The object that a key of a path names.
pub(crate) fn object_key(kind: ObjectKind, key: &path::Key) -> Result<ObjectKey, GraphError> {
    let is = |property: &str, name: &str| property.eq_ignore_ascii_case(name);
    let by_app = matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal);
    let by_name = matches!(kind, ObjectKind::Application | ObjectKind::Group);
    match key.property.as_deref() {
        Some(property) if is(property, "appId") && by_app => {
            key.value.parse::<ApplicationId>().map(ObjectKey::AppId).map_err(|_| {
                let text = shortened(&key.value);
                GraphError::request_bad_request(format!("Invalid object identifier '{text}'."))
            })
        }
        Some(property) if is(property, "uniqueName") && by_name => {
            Ok(ObjectKey::UniqueName(key.value.clone()))
        }
        Some(property) if is(property, "userPrincipalName") && kind == ObjectKind::User => {
            Ok(ObjectKey::Login(key.value.clone()))
        }
        Some(property) if !is(property, "id") => Err(GraphError::bad_request(format!(
            "The key '{property}' is not valid for the type 'microsoft.graph.{}'.",
            kind.as_str()
        ))),
        _ => match key.value.parse::<ObjectId>() {
            Ok(id) => Ok(ObjectKey::Id(id)),
            Err(_) if kind == ObjectKind::User => Ok(ObjectKey::Login(key.value.clone())),
            Err(_) => object_id(&key.value).map(ObjectKey::Id),
        },
    }
}
