//! Locks on the wire: what a body asks for, what a reader sees.

use gatepost_access::{LockLevel, StoredLock};
use gatepost_clock::arm_format;
use gatepost_names::Scope;
use serde_json::{Value, json};

use crate::ResourceError;
use crate::tags::{bad, malformed};

/// Most characters of a name, and of the notes.
const LONGEST_NAME: usize = 260;
const LONGEST_NOTES: usize = 512;
/// Most owners: more than any client lists.
const MOST_OWNERS: usize = 100;

/// What the body of a PUT asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) level: LockLevel,
    pub(super) notes: Option<String>,
    pub(super) owners: Vec<String>,
}

impl Wanted {
    pub(super) fn read(body: &Value) -> Result<Wanted, ResourceError> {
        let properties = match body.get("properties") {
            Some(properties) if properties.is_object() => properties,
            _ => return Err(malformed("Required property 'properties' not found in JSON.")),
        };
        let level = match properties.get("level") {
            None | Some(Value::Null) => {
                return Err(malformed("Required property 'level' not found in JSON."));
            }
            Some(level) => level.as_str().and_then(level_of).ok_or_else(|| {
                malformed(&format!("The lock level {level} is not valid: 'CanNotDelete' and 'ReadOnly' are."))
            })?,
        };
        let notes = match properties.get("notes") {
            None | Some(Value::Null) => None,
            Some(Value::String(notes)) if notes.chars().count() <= LONGEST_NOTES => Some(notes.clone()),
            Some(Value::String(_)) => {
                return Err(bad(
                    "LockNotesTooLong",
                    format!("The notes of a lock have at most {LONGEST_NOTES} characters."),
                ));
            }
            Some(_) => return Err(malformed("'notes' must be a string.")),
        };
        Ok(Wanted { level, notes, owners: owners_of(properties)? })
    }
}

fn level_of(text: &str) -> Option<LockLevel> {
    [LockLevel::CanNotDelete, LockLevel::ReadOnly]
        .into_iter()
        .find(|level| level_name(*level).eq_ignore_ascii_case(text))
}

fn level_name(level: LockLevel) -> &'static str {
    match level {
        LockLevel::CanNotDelete => "CanNotDelete",
        LockLevel::ReadOnly => "ReadOnly",
    }
}

fn owners_of(properties: &Value) -> Result<Vec<String>, ResourceError> {
    let wrong = || malformed("'owners' must be an array of objects with an 'applicationId' each.");
    let owners = match properties.get("owners") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(owners)) if owners.len() <= MOST_OWNERS => owners,
        Some(_) => return Err(wrong()),
    };
    let id_of = |owner: &Value| owner.get("applicationId").and_then(Value::as_str).map(str::to_owned);
    let is_short = |id: &String| id.chars().count() <= LONGEST_NAME;
    owners.iter().map(|owner| id_of(owner).filter(is_short).ok_or_else(wrong)).collect()
}

/// The rule on names: 1 to 260 characters, none of `<>%&:\?/` and no control characters.
///
/// # Errors
/// [`ResourceError::InvalidName`] with the rule.
pub(super) fn check_name(name: &str) -> Result<(), ResourceError> {
    let length = name.chars().count();
    let wrong = name.chars().any(|c| c.is_control() || "<>%&:\\?/".contains(c));
    if length == 0 || length > LONGEST_NAME || wrong || name.trim() != name {
        return Err(ResourceError::InvalidName(format!(
            "The lock name '{}' is not valid: it has 1 to {LONGEST_NAME} characters, none of '<', '>', '%', '&', \
             ':', '\\', '?', '/', no control characters, and no space at its ends.",
            name.chars().take(LONGEST_NAME).collect::<String>()
        )));
    }
    Ok(())
}

/// The id of a lock.
pub(super) fn id(scope: &Scope, name: &str) -> String {
    let base = if scope.as_str() == "/" { "" } else { scope.as_str() };
    format!("{base}/providers/Microsoft.Authorization/locks/{name}")
}

/// A lock as its readers see it.
pub(super) fn shown(lock: &StoredLock) -> Value {
    let owners: Vec<Value> = lock.owners.iter().map(|id| json!({"applicationId": id})).collect();
    let mut properties = json!({"level": level_name(lock.level)});
    if let Some(members) = properties.as_object_mut() {
        members.extend(lock.notes.as_ref().map(|notes| ("notes".to_owned(), notes.as_str().into())));
        if !owners.is_empty() {
            members.insert("owners".to_owned(), owners.into());
        }
    }
    json!({
        "id": id(&lock.scope, &lock.name),
        "name": lock.name,
        "type": "Microsoft.Authorization/locks",
        "properties": properties,
        "systemData": {
            "createdBy": lock.created_by.map(|id| id.to_string()),
            "createdAt": arm_format(lock.created_on),
            "lastModifiedBy": lock.updated_by.map(|id| id.to_string()),
            "lastModifiedAt": arm_format(lock.updated_on),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["l", "keep me", "Größe #1", &"x".repeat(260)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for wrong in
            ["", "a/b", "a:b", "a%b", "a<b", "a>b", "a&b", "a?b", "a\\b", "a\u{7}", " a", &"x".repeat(261)]
        {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_body_is_checked() {
        let read = |properties: Value| Wanted::read(&json!({ "properties": properties }));
        let good = read(json!({
            "level": "readonly", "notes": "x".repeat(512), "owners": [{"applicationId": "a"}]
        }));
        assert_eq!(
            good.unwrap(),
            Wanted { level: LockLevel::ReadOnly, notes: Some("x".repeat(512)), owners: vec!["a".into()] }
        );
        assert!(read(json!({"level": "CanNotDelete", "notes": null, "owners": null})).is_ok());
        for wrong in [
            json!({}),
            json!({"level": null}),
            json!({"level": "NotSpecified"}),
            json!({"level": 1}),
            json!({"level": "ReadOnly", "notes": "x".repeat(513)}),
            json!({"level": "ReadOnly", "notes": 1}),
            json!({"level": "ReadOnly", "owners": {}}),
            json!({"level": "ReadOnly", "owners": ["a"]}),
            json!({"level": "ReadOnly", "owners": [{"applicationId": 1}]}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        for wrong in [json!("x"), json!({}), json!({"properties": []}), json!(null)] {
            assert!(Wanted::read(&wrong).is_err(), "{wrong}");
        }
    }
}
