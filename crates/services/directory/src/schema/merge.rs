//! What a client may write into a document.

use gatepost_clock::Timestamp;
use gatepost_store::directory::ObjectKind;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Property, Shape, Writer, blank, default, properties, resource_name};
use crate::DirectoryError;

/// Most characters of a name that people see.
const LONGEST_NAME: usize = 256;
/// Most characters of any other text.
const LONGEST_TEXT: usize = 4096;
/// Most entries of a list.
const LONGEST_LIST: usize = 1200;

/// Writes what a client sent into a document: nested objects are merged, lists are replaced, null stands for the
/// value when nothing is said. A property of the server's may be repeated with the value that it has.
///
/// # Errors
/// [`DirectoryError::UnknownProperty`], [`DirectoryError::ReadOnlyProperty`],
/// [`DirectoryError::InvalidProperty`]; the document may then be half written.
pub(crate) fn merge(
    kind: ObjectKind,
    document: &mut Map<String, Value>,
    sent: &Map<String, Value>,
) -> Result<(), DirectoryError> {
    let merge = Merge { resource: resource_name(kind), new: false };
    merge.properties(properties(kind), document, sent, "")
}

/// As [`merge`], for an object that is being made.
///
/// # Errors
/// As [`merge`].
pub(crate) fn merge_new(
    kind: ObjectKind,
    document: &mut Map<String, Value>,
    sent: &Map<String, Value>,
) -> Result<(), DirectoryError> {
    let merge = Merge { resource: resource_name(kind), new: true };
    merge.properties(properties(kind), document, sent, "")
}

struct Merge {
    resource: &'static str,
    new: bool,
}

impl Merge {
    fn properties(
        &self,
        known: &[Property],
        document: &mut Map<String, Value>,
        sent: &Map<String, Value>,
        path: &str,
    ) -> Result<(), DirectoryError> {
        for (name, value) in sent.iter().filter(|(name, _)| !name.contains('@')) {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let property = known
                .iter()
                .find(|property| property.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| DirectoryError::UnknownProperty(path.clone()))?;
            let current = document.get(property.name);
            if property.writer == Writer::Server || (property.writer == Writer::Once && !self.new) {
                if current.is_some_and(|current| current == value) {
                    continue;
                }
                return Err(DirectoryError::ReadOnlyProperty(path));
            }
            let written = self.value(&property.shape, current, value, &path)?;
            document.insert(property.name.to_owned(), written);
        }
        Ok(())
    }

    fn value(
        &self,
        shape: &Shape,
        current: Option<&Value>,
        sent: &Value,
        path: &str,
    ) -> Result<Value, DirectoryError> {
        let invalid =
            || DirectoryError::InvalidProperty { property: path.to_owned(), resource: self.resource };
        if sent.is_null() {
            return match shape {
                Shape::Flag(_) | Shape::OneOf(_) => Err(invalid()),
                _ => Ok(default(shape)),
            };
        }
        let longest = if path.ends_with("displayName") { LONGEST_NAME } else { LONGEST_TEXT };
        let short = |text: &str| text.chars().count() <= longest;
        let accepted = match shape {
            Shape::Text => sent.as_str().is_some_and(short),
            Shape::OneOf(values) => sent.as_str().is_some_and(|text| values.contains(&text)),
            Shape::Guid => sent.as_str().is_some_and(|text| Uuid::try_parse(text).is_ok()),
            Shape::Time => sent.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Shape::Integer => sent.as_i64().is_some(),
            Shape::Flag(_) | Shape::OptionalFlag => sent.is_boolean(),
            Shape::Texts => sent.as_array().is_some_and(|list| {
                list.len() <= LONGEST_LIST && list.iter().all(|entry| entry.as_str().is_some_and(short))
            }),
            Shape::Object(known) | Shape::OptionalObject(known) => {
                let sent = sent.as_object().ok_or_else(invalid)?;
                let mut merged = current.and_then(Value::as_object).cloned().unwrap_or_else(|| blank(known));
                self.properties(known, &mut merged, sent, path)?;
                return Ok(Value::Object(merged));
            }
            Shape::Objects(known) => return self.objects(known, sent, path).map(Value::Array),
        };
        if accepted { Ok(sent.clone()) } else { Err(invalid()) }
    }

    fn objects(&self, known: &[Property], sent: &Value, path: &str) -> Result<Vec<Value>, DirectoryError> {
        let invalid =
            || DirectoryError::InvalidProperty { property: path.to_owned(), resource: self.resource };
        let list = sent.as_array().filter(|list| list.len() <= LONGEST_LIST).ok_or_else(invalid)?;
        list.iter()
            .map(|entry| {
                let mut merged = blank(known);
                self.properties(known, &mut merged, entry.as_object().ok_or_else(invalid)?, path)?;
                Ok(Value::Object(merged))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::blank;

    fn merged(kind: ObjectKind, sent: Value) -> Result<Value, String> {
        let mut document = blank(properties(kind));
        merge_new(kind, &mut document, sent.as_object().unwrap()).map_err(|error| error.to_string())?;
        Ok(Value::Object(document))
    }

    #[test]
    fn nested_objects_are_merged_and_lists_replaced() {
        let mut document = blank(properties(ObjectKind::Application));
        for sent in [
            json!({"web": {"redirectUris": ["https://a"], "logoutUrl": "https://out"}}),
            json!({"web": {"implicitGrantSettings": {"enableIdTokenIssuance": true}}}),
            json!({"web": {"redirectUris": ["https://b"]}, "tags": null}),
        ] {
            merge(ObjectKind::Application, &mut document, sent.as_object().unwrap()).unwrap();
        }
        assert_eq!(
            document["web"],
            json!({"homePageUrl": null, "implicitGrantSettings": {"enableAccessTokenIssuance": false,
                "enableIdTokenIssuance": true}, "logoutUrl": "https://out", "redirectUris": ["https://b"]})
        );
        assert_eq!(document["tags"], json!([]));
    }

    #[test]
    fn list_entries_get_all_their_properties() {
        let document = merged(
            ObjectKind::Application,
            json!({"@odata.type": "#microsoft.graph.application",
                "requiredResourceAccess": [{"resourceAppId": "00000003-0000-0000-c000-000000000000"}]}),
        )
        .unwrap();
        assert_eq!(
            document["requiredResourceAccess"],
            json!([{"resourceAccess": [], "resourceAppId": "00000003-0000-0000-c000-000000000000"}])
        );
    }

    #[test]
    fn wrong_types_name_the_property() {
        let wrong = |sent: Value| merged(ObjectKind::Application, sent).unwrap_err();
        for (sent, property) in [
            (json!({"displayName": 5}), "displayName"),
            (json!({"displayName": "x".repeat(257)}), "displayName"),
            (json!({"tags": "a"}), "tags"),
            (json!({"tags": [1]}), "tags"),
            (json!({"web": []}), "web"),
            (json!({"web": {"redirectUris": {}}}), "web.redirectUris"),
            (json!({"appRoles": [{"id": "x"}]}), "appRoles.id"),
            (json!({"appRoles": [7]}), "appRoles"),
            (json!({"signInAudience": "Everybody"}), "signInAudience"),
            (json!({"signInAudience": null}), "signInAudience"),
            (json!({"api": {"requestedAccessTokenVersion": "2"}}), "api.requestedAccessTokenVersion"),
        ] {
            assert_eq!(
                wrong(sent),
                format!("Invalid value specified for property '{property}' of resource 'Application'.")
            );
        }
        assert_eq!(wrong(json!({"web": {"nonsense": 1}})), "Invalid property 'web.nonsense'.");
        assert_eq!(wrong(json!({"appId": "x"})), "Property 'appId' is read-only and cannot be set.");
    }

    #[test]
    fn a_property_of_the_servers_may_be_repeated() {
        assert!(
            merged(ObjectKind::Application, json!({"keyCredentials": [], "deletedDateTime": null})).is_ok()
        );
    }
}
