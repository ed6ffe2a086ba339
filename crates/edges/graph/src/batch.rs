//! `$batch`: up to twenty requests in one (OData 4.01 JSON Batch, as Microsoft Graph has it).

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gatepost_https::{Answer, Call};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::GraphError;

/// Most requests of one batch.
const MOST_REQUESTS: usize = 20;

/// One request of a batch.
struct Inner {
    id: String,
    method: Method,
    /// Without the version; with the query.
    url: String,
    headers: HeaderMap,
    body: Bytes,
    depends_on: Vec<String>,
}

/// Answers a batch, each of its requests with `answer`.
///
/// # Errors
/// 400 for what is no batch.
pub(crate) fn answer(
    call: &Call,
    version: &str,
    answer: &dyn Fn(Call) -> Answer,
) -> Result<Value, GraphError> {
    let body: Value =
        serde_json::from_slice(&call.body).map_err(|_| malformed("Invalid batch payload format."))?;
    let requests = body.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| malformed("Invalid batch payload format."))?;
    if requests.is_empty() {
        return Err(malformed("Invalid batch payload format."));
    }
    if requests.len() > MOST_REQUESTS {
        return Err(malformed("Number of batch request steps exceeds the maximum value of 20."));
    }
    let requests = requests.iter().map(parse).collect::<Result<Vec<Inner>, GraphError>>()?;
    check_order(&requests)?;
    let mut statuses: HashMap<&str, u16> = HashMap::new();
    let mut responses = Vec::new();
    for request in &requests {
        let failed = request.depends_on.iter().any(|id| statuses.get(id.as_str()).is_none_or(|s| *s >= 400));
        let response = if failed {
            failed_dependency(request)
        } else {
            shown(&request.id, answer(inner_call(call, version, request)))
        };
        let status = response.get("status").and_then(Value::as_u64).unwrap_or(500);
        statuses.insert(&request.id, u16::try_from(status).unwrap_or(500));
        responses.push(response);
    }
    Ok(json!({"responses": responses}))
}

fn malformed(message: &str) -> GraphError {
    GraphError::bad_request(message)
}

fn parse(sent: &Value) -> Result<Inner, GraphError> {
    let text = |name: &str| sent.get(name).and_then(Value::as_str);
    let id = text("id").filter(|id| !id.is_empty() && id.len() <= 100);
    let id = id.ok_or_else(|| malformed("Request Id is either missing or invalid."))?.to_owned();
    let method = text("method").and_then(|method| method.to_ascii_uppercase().parse::<Method>().ok());
    let known = [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
    let method = method.filter(|method| known.contains(method));
    let method = method.ok_or_else(|| malformed("Invalid request method in the batch."))?;
    let url = text("url").ok_or_else(|| malformed("Request url is missing in the batch."))?;
    let mut headers = HeaderMap::new();
    for (name, value) in sent.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        match (name, value) {
            // SECURITY: the whole batch is one caller's.
            (Some(name), Some(value)) if name != AUTHORIZATION => {
                headers.insert(name, value);
            }
            (Some(_), Some(_)) => {}
            _ => return Err(malformed("Invalid header in the batch.")),
        }
    }
    let body = match sent.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => {
            Bytes::from(STANDARD.decode(text).unwrap_or_else(|_| text.clone().into()))
        }
        Some(other) => Bytes::from(other.to_string()),
    };
    let depends_on = sent.get("dependsOn").and_then(Value::as_array).into_iter().flatten();
    let depends_on = depends_on.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(Inner { id, method, url: url.to_owned(), headers, body, depends_on })
}

/// Ids are unique, and a request depends on requests before it only.
fn check_order(requests: &[Inner]) -> Result<(), GraphError> {
    let mut known = HashSet::new();
    for request in requests {
        if let Some(unknown) = request.depends_on.iter().find(|id| !known.contains(id.as_str())) {
            let unknown: String = unknown.chars().take(100).collect();
            return Err(malformed(&format!(
                "Request '{}' depends on '{unknown}', which does not come before it.",
                request.id
            )));
        }
        if !known.insert(request.id.as_str()) {
            return Err(malformed("Request Id's must be unique in the batch."));
        }
    }
    Ok(())
}

fn inner_call(outer: &Call, version: &str, request: &Inner) -> Call {
    let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let mut headers = request.headers.clone();
    if let Some(token) = outer.headers.get(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, token.clone());
    }
    Call {
        method: request.method.clone(),
        path: format!("/{version}/{}", path.trim_start_matches('/')),
        query: query.to_owned(),
        headers,
        body: request.body.clone(),
        peer: outer.peer,
        request_id: outer.request_id,
    }
}

fn shown(id: &str, answer: Answer) -> Value {
    let (parts, body) = answer.into_parts();
    let mut headers = Map::new();
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(title(name.as_str()), json!(value));
        }
    }
    let mut response = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("status".to_owned(), json!(parts.status.as_u16())),
        ("headers".to_owned(), Value::Object(headers)),
    ]);
    if !body.is_empty() {
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| json!(STANDARD.encode(&body)));
        response.insert("body".to_owned(), body);
    }
    Value::Object(response)
}

fn failed_dependency(request: &Inner) -> Value {
    json!({
        "id": request.id,
        "status": StatusCode::FAILED_DEPENDENCY.as_u16(),
        "headers": {"Content-Type": "application/json"},
        "body": {"error": {
            "code": "FailedDependency",
            "message": "A request that this one depends on failed.",
        }},
    })
}

/// `content-type` as `Content-Type`.
fn title(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headers() {
        assert_eq!(title("content-type"), "Content-Type");
        assert_eq!(title("location"), "Location");
    }
}
