//! Finding the principal that an operator means: by object id, sign-in name, application id or display name.

use http::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Api, Client, ClientError};

/// The object id of the principal that `text` names.
///
/// # Errors
/// [`ClientError::Setup`] if nothing or more than one has this name.
pub(crate) async fn resolve(client: &Client, text: &str) -> Result<String, ClientError> {
    let text = text.trim();
    if let Ok(id) = text.parse::<Uuid>() {
        let path = format!("/v1.0/servicePrincipals(appId='{id}')?$select=id");
        // What is no application's id is an object's, be it that of one which is deleted.
        return Ok(found(client, &path).await?.unwrap_or_else(|| id.to_string()));
    }
    if text.contains('@') {
        let found = found(client, &format!("/v1.0/users/{}?$select=id", path(text))).await?;
        return found.ok_or_else(|| ClientError::Setup(format!("there is no user '{text}'")));
    }
    let filter = query(&format!("displayName eq '{}'", text.replace('\'', "''")));
    let mut ids = Vec::new();
    for kind in ["users", "groups", "servicePrincipals"] {
        let path = format!("/v1.0/{kind}?$filter={filter}&$select=id,displayName");
        let (_, page) = client.call(Api::Graph, Method::GET, &path, None).await?;
        let all = page.get("value").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        ids.extend(all.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)));
    }
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(ClientError::Setup(format!("there is no user, group or application called '{text}'"))),
        several => Err(ClientError::Setup(format!(
            "{} principals are called '{text}': name one by its object id: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

/// The id of what a path of Graph names, if it names something.
async fn found(client: &Client, path: &str) -> Result<Option<String>, ClientError> {
    match client.call(Api::Graph, Method::GET, path, None).await {
        Ok((_, Value::Object(found))) => Ok(found.get("id").and_then(Value::as_str).map(str::to_owned)),
        Ok(_) => Ok(None),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A path with what must not stand in one encoded; slashes stay.
pub(crate) fn path(text: &str) -> String {
    encoded(text, b"-._~/@:()$,=+!*;&'")
}

fn query(text: &str) -> String {
    encoded(text, b"-._~")
}

fn encoded(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_stand_in_a_path_is_encoded() {
        assert_eq!(path("/subscriptions/a b/ü?#%"), "/subscriptions/a%20b/%C3%BC%3F%23%25");
        assert_eq!(
            query("displayName eq 'O''Neil & Sons'"),
            "displayName%20eq%20%27O%27%27Neil%20%26%20Sons%27"
        );
    }
}
