//! References from one object to others, as requests write them.

use gatepost_names::ObjectId;
use gatepost_store::directory::ObjectKind;
use serde_json::{Map, Value};

use crate::DirectoryError;
use crate::requests::take;

/// Most references in one list of a request.
const MOST_REFERENCES: usize = 20;

/// Owners and members that come with an object: `owners@odata.bind`, `members@odata.bind`.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) owners: Vec<ObjectId>,
    pub(crate) members: Vec<ObjectId>,
}

impl Links {
    /// Takes them out of what was sent.
    pub(crate) fn take(kind: ObjectKind, sent: &mut Map<String, Value>) -> Result<Links, DirectoryError> {
        let mut links = Links::default();
        if kind == ObjectKind::User {
            return Ok(links);
        }
        if let Some(bound) = take(sent, "owners@odata.bind") {
            links.owners = references(&bound, kind, "owners@odata.bind")?;
        }
        if kind == ObjectKind::Group
            && let Some(bound) = take(sent, "members@odata.bind")
        {
            links.members = references(&bound, kind, "members@odata.bind")?;
        }
        Ok(links)
    }
}

fn references(bound: &Value, kind: ObjectKind, name: &str) -> Result<Vec<ObjectId>, DirectoryError> {
    let invalid = || DirectoryError::invalid(kind, name);
    let list = bound.as_array().filter(|list| list.len() <= MOST_REFERENCES).ok_or_else(invalid)?;
    let mut ids = Vec::new();
    for reference in list {
        let id = reference.as_str().and_then(reference_id).ok_or_else(invalid)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The object that an OData reference names: `https://graph/v1.0/directoryObjects/{id}`. Whose host it names
/// does not matter: ids are of the caller's own tenant.
pub fn reference_id(reference: &str) -> Option<ObjectId> {
    let last = reference.trim_end_matches('/').rsplit('/').next()?;
    let key =
        last.split_once('(').and_then(|(_, key)| key.strip_suffix(')')).map(|key| key.trim_matches('\''));
    key.unwrap_or(last).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_clients_send() {
        let id = "5f1b6b38-9d7e-4ff9-8cf0-0f3f6f2a3d11";
        for text in [
            format!("https://localhost:8446/v1.0/directoryObjects/{id}"),
            format!("https://localhost:8446/v1.0/users/{id}/"),
            format!("https://graph.microsoft.com/v1.0/directoryObjects('{id}')"),
            format!("directoryObjects/{id}"),
            id.to_owned(),
        ] {
            assert_eq!(reference_id(&text).map(|id| id.to_string()).as_deref(), Some(id), "{text}");
        }
        for text in ["", "/", "https://g/v1.0/users/a@b", "users('x')", "users("] {
            assert_eq!(reference_id(text), None, "{text}");
        }
    }
}
