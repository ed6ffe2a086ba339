//! From a path and a method to what the directory is asked.

use gatepost_access::Caller;
use gatepost_directory::{Directory, ObjectKey, ObjectKind};
use gatepost_https::{Answer, Call};
use gatepost_names::{ApplicationId, ObjectId, PrincipalKind};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::GraphError;
use crate::options::Options;
use crate::path::{self, Segment};
use crate::reply::{Replies, collection_context, odata_type, shown};

/// Most ids of one `getByIds`.
const MOST_IDS: usize = 1000;

type Routed = Result<Answer, GraphError>;

/// One request, on its way to the directory.
struct Request<'a> {
    directory: &'a Directory,
    caller: &'a Caller,
    call: &'a Call,
    replies: &'a Replies<'a>,
    version: &'static str,
}

/// Answers a call of an authenticated caller.
///
/// # Errors
/// [`GraphError`], by cause.
pub(crate) fn answer(directory: &Directory, caller: &Caller, call: &Call, replies: &Replies<'_>) -> Routed {
    let (version, segments) = path::parse(&call.path)?;
    let request = Request { directory, caller, call, replies, version };
    let Some((first, rest)) = segments.split_first() else {
        return Err(GraphError::unknown_segment(version));
    };
    for (name, kind) in [
        ("applications", ObjectKind::Application),
        ("servicePrincipals", ObjectKind::ServicePrincipal),
        ("users", ObjectKind::User),
    ] {
        if first.is(name) {
            return request.collection(name, kind, first, rest);
        }
    }
    match (first.key.is_none(), rest) {
        (true, rest) if first.is("organization") => request.organization(rest),
        (true, rest) if first.is("directoryObjects") => request.directory_objects(rest),
        (true, rest) if first.is("me") => request.me(rest),
        _ => Err(GraphError::unknown_segment(&first.name)),
    }
}

impl Request<'_> {
    fn collection(&self, name: &'static str, kind: ObjectKind, first: &Segment, rest: &[Segment]) -> Routed {
        // `users('x')` and `users/x` name the same object.
        let (key, rest) = match (&first.key, rest) {
            (Some(key), rest) => (Some(key.clone()), rest),
            (None, [second, rest @ ..]) if second.is("$count") && rest.is_empty() => {
                return self.count(kind);
            }
            (None, [second, rest @ ..]) => {
                if second.key.is_some() {
                    return Err(GraphError::unknown_segment(&second.name));
                }
                (Some(path::Key { property: None, value: second.name.clone() }), rest)
            }
            (None, []) => (None, rest),
        };
        let Some(key) = key else {
            return match (&self.call.method, kind) {
                (&Method::GET, _) => self.list(name, kind),
                (&Method::POST, ObjectKind::Application | ObjectKind::ServicePrincipal) => {
                    self.create(name, kind)
                }
                (_, ObjectKind::User) => Err(GraphError::method("GET")),
                _ => Err(GraphError::method("GET, POST")),
            };
        };
        let key = object_key(kind, &key)?;
        match rest {
            [] => self.object(name, kind, &key),
            [action] if kind != ObjectKind::User && action.is("addPassword") => self.add_password(kind, &key),
            [action] if kind != ObjectKind::User && action.is("removePassword") => {
                self.remove_password(kind, &key)
            }
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    fn object(&self, name: &'static str, kind: ObjectKind, key: &ObjectKey) -> Routed {
        match (&self.call.method, kind) {
            (&Method::GET, _) => self.get(name, kind, key),
            (&Method::PATCH, ObjectKind::Application | ObjectKind::ServicePrincipal) => {
                self.directory.update(self.caller, kind, key, &self.body()?)?;
                Ok(self.replies.no_content())
            }
            (&Method::DELETE, ObjectKind::Application | ObjectKind::ServicePrincipal) => {
                self.directory.remove(self.caller, kind, key)?;
                Ok(self.replies.no_content())
            }
            (_, ObjectKind::User) => Err(GraphError::method("GET")),
            _ => Err(GraphError::method("GET, PATCH, DELETE")),
        }
    }

    fn get(&self, name: &str, kind: ObjectKind, key: &ObjectKey) -> Routed {
        let options = Options::parse(self.call, kind)?.for_one()?;
        let object = self.directory.get(self.caller, kind, key)?;
        Ok(self.entity(name, kind, &object, options.select.as_deref()))
    }

    /// The reply that is one object.
    fn entity(
        &self,
        name: &str,
        kind: ObjectKind,
        object: &Value,
        select: Option<&[&'static str]>,
    ) -> Answer {
        let of = format!("{}/$entity", collection_context(name, select));
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, &of))]);
        body.extend(shown(kind, object, select));
        self.replies.json(StatusCode::OK, &Value::Object(body))
    }

    fn list(&self, name: &'static str, kind: ObjectKind) -> Routed {
        let options = Options::parse(self.call, kind)?;
        let listing = self.directory.list(self.caller, kind, &options.list)?;
        let select = options.select.as_deref();
        let of = collection_context(name, select);
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, &of))]);
        if let Some(count) = listing.count {
            body.insert("@odata.count".to_owned(), json!(count));
        }
        if let Some(next) = &listing.next {
            let link = format!("{}/{}/{name}?{}", self.replies.graph, self.version, options.next_query(next));
            body.insert("@odata.nextLink".to_owned(), json!(link));
        }
        let objects =
            listing.objects.iter().map(|object| Value::Object(shown(kind, object, select))).collect();
        body.insert("value".to_owned(), Value::Array(objects));
        Ok(self.replies.json(StatusCode::OK, &Value::Object(body)))
    }

    fn count(&self, kind: ObjectKind) -> Routed {
        if self.call.method != Method::GET {
            return Err(GraphError::method("GET"));
        }
        let eventual = self.call.header("consistencylevel").unwrap_or_default();
        if !eventual.eq_ignore_ascii_case("eventual") {
            return Err(GraphError::unsupported_query(
                "$count is supported only with the request header 'ConsistencyLevel: eventual'.",
            ));
        }
        let mut options = Options::parse(self.call, kind)?;
        options.list.count = true;
        options.list.top = 1;
        let listing = self.directory.list(self.caller, kind, &options.list)?;
        Ok(self.replies.number(listing.count.unwrap_or_default()))
    }

    fn create(&self, name: &str, kind: ObjectKind) -> Routed {
        let object = self.directory.create(self.caller, kind, &self.body()?)?;
        let of = format!("{name}/$entity");
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, &of))]);
        body.extend(shown(kind, &object, None));
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
        let location = format!("{}/{}/{name}/{id}", self.replies.graph, self.version);
        Ok(self.replies.created(&location, &Value::Object(body)))
    }

    fn add_password(&self, kind: ObjectKind, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        let sent = if self.call.body.is_empty() { Map::new() } else { self.body()? };
        let credential = self.directory.request_password(self.caller, kind, key, &sent)?;
        let of = "microsoft.graph.passwordCredential";
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, of))]);
        body.extend(credential.as_object().cloned().unwrap_or_default());
        Ok(self.replies.json(StatusCode::OK, &Value::Object(body)))
    }

    fn remove_password(&self, kind: ObjectKind, key: &ObjectKey) -> Routed {
        self.only(&Method::POST, "POST")?;
        self.directory.withdraw_password(self.caller, kind, key, &self.body()?)?;
        Ok(self.replies.no_content())
    }

    fn organization(&self, rest: &[Segment]) -> Routed {
        self.only(&Method::GET, "GET")?;
        let organization = self.directory.organization(self.caller)?;
        match rest {
            [] => Ok(self.replies.json(
                StatusCode::OK,
                &json!({
                    "@odata.context": self.replies.context(self.version, "organization"),
                    "value": [organization],
                }),
            )),
            [id] => {
                if id.name.parse().ok() != Some(self.caller.tenant) {
                    return Err(GraphError::not_found(&id.name));
                }
                let context = self.replies.context(self.version, "organization/$entity");
                let mut body = Map::from_iter([("@odata.context".to_owned(), context)]);
                body.extend(organization.as_object().cloned().unwrap_or_default());
                Ok(self.replies.json(StatusCode::OK, &Value::Object(body)))
            }
            [_, next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    fn directory_objects(&self, rest: &[Segment]) -> Routed {
        match rest {
            [action] if action.is("getByIds") => {
                self.only(&Method::POST, "POST")?;
                self.get_by_ids()
            }
            [id] if id.key.is_none() => {
                self.only(&Method::GET, "GET")?;
                let object_id = object_id(&id.name)?;
                let found = self.directory.get_by_ids(self.caller, &[object_id], &ALL_KINDS)?;
                let (kind, object) = found.first().ok_or_else(|| GraphError::not_found(&id.name))?;
                let context = self.replies.context(self.version, "directoryObjects/$entity");
                let mut body = Map::from_iter([("@odata.context".to_owned(), context)]);
                body.extend(typed(*kind, object));
                Ok(self.replies.json(StatusCode::OK, &Value::Object(body)))
            }
            [] => Err(GraphError::unsupported_query("The collection 'directoryObjects' cannot be listed.")),
            [first] => Err(GraphError::unknown_segment(&first.name)),
            [_, next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    fn get_by_ids(&self) -> Routed {
        let body = self.body()?;
        let invalid = |name: &str| {
            GraphError::request_bad_request(format!("Invalid value specified for property '{name}'."))
        };
        let ids = body.get("ids").and_then(Value::as_array).ok_or_else(|| invalid("ids"))?;
        if ids.len() > MOST_IDS {
            return Err(GraphError::request_bad_request(format!(
                "Too many items specified for property 'ids': at most {MOST_IDS} are allowed."
            )));
        }
        let ids = ids
            .iter()
            .map(|id| object_id(id.as_str().ok_or_else(|| invalid("ids"))?))
            .collect::<Result<Vec<ObjectId>, GraphError>>()?;
        let kinds = match body.get("types") {
            None | Some(Value::Null) => ALL_KINDS.to_vec(),
            Some(Value::Array(types)) if types.iter().all(Value::is_string) => {
                let named = |kind: &ObjectKind| {
                    let mut names = types.iter().filter_map(Value::as_str);
                    names.any(|name| {
                        name.eq_ignore_ascii_case(kind.as_str())
                            || name.eq_ignore_ascii_case("directoryObject")
                    })
                };
                ALL_KINDS.into_iter().filter(named).collect()
            }
            Some(_) => return Err(invalid("types")),
        };
        let found = self.directory.get_by_ids(self.caller, &ids, &kinds)?;
        let objects = found.iter().map(|(kind, object)| Value::Object(typed(*kind, object))).collect();
        Ok(self.replies.json(
            StatusCode::OK,
            &json!({
                "@odata.context": self.replies.context(self.version, "directoryObjects"),
                "value": Value::Array(objects),
            }),
        ))
    }

    fn me(&self, rest: &[Segment]) -> Routed {
        if self.caller.kind != PrincipalKind::User {
            return Err(GraphError::bad_request(
                "/me request is only valid with delegated authentication flow.",
            ));
        }
        match rest {
            [] => {
                self.only(&Method::GET, "GET")?;
                self.get("users", ObjectKind::User, &ObjectKey::Id(self.caller.object_id))
            }
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    fn only(&self, method: &Method, allow: &'static str) -> Result<(), GraphError> {
        if self.call.method == *method { Ok(()) } else { Err(GraphError::method(allow)) }
    }

    /// The body, which must be a JSON object.
    fn body(&self) -> Result<Map<String, Value>, GraphError> {
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
}

const ALL_KINDS: [ObjectKind; 4] =
    [ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal, ObjectKind::Application];

/// An object among objects of several types.
fn typed(kind: ObjectKind, object: &Value) -> Map<String, Value> {
    let mut body = Map::from_iter([("@odata.type".to_owned(), odata_type(kind))]);
    body.extend(shown(kind, object, None));
    body
}

fn object_id(text: &str) -> Result<ObjectId, GraphError> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(100).collect();
        GraphError::request_bad_request(format!("Invalid object identifier '{text}'."))
    })
}

/// The object that a key of a path names.
fn object_key(kind: ObjectKind, key: &path::Key) -> Result<ObjectKey, GraphError> {
    match key.property.as_deref() {
        Some(property) if property.eq_ignore_ascii_case("appId") && kind != ObjectKind::User => {
            key.value.parse::<ApplicationId>().map(ObjectKey::AppId).map_err(|_| {
                let text: String = key.value.chars().take(100).collect();
                GraphError::request_bad_request(format!("Invalid object identifier '{text}'."))
            })
        }
        Some(property) if !property.eq_ignore_ascii_case("id") => Err(GraphError::bad_request(format!(
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
