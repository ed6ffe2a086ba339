//! The rules on tags and locations, the same for every tracked type.

use serde_json::{Map, Value};

use crate::ResourceError;

/// Most tags of a resource, most characters of a name, most of a value (Azure documentation, tag limits).
const MOST_TAGS: usize = 50;
const LONGEST_NAME: usize = 512;
const LONGEST_VALUE: usize = 256;

/// The tags of a body: an object of strings within the limits; none if absent or null.
///
/// # Errors
/// [`ResourceError::InvalidRequestContent`] for another shape, [`ResourceError::BadRequest`] for a broken limit.
pub(crate) fn tags_of(body: &Value) -> Result<Option<Map<String, Value>>, ResourceError> {
    let tags = match body.get("tags") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(tags)) => tags,
        Some(_) => return Err(malformed("The 'tags' property must be an object of strings.")),
    };
    if tags.len() > MOST_TAGS {
        return Err(bad(
            "InvalidTagsCount",
            format!("The number of tags '{}' exceeds the maximum of '{MOST_TAGS}'.", tags.len()),
        ));
    }
    let mut names: Vec<String> = Vec::with_capacity(tags.len());
    for (name, value) in tags {
        let Some(value) = value.as_str() else {
            return Err(malformed("The 'tags' property must be an object of strings."));
        };
        if name.is_empty() || name.chars().any(|c| c.is_control() || "<>%&\\?/".contains(c)) {
            return Err(bad(
                "InvalidTagNameCharacters",
                format!(
                    "The tag name '{name}' has reserved characters '<,>,%,&,\\,?,/' or control characters."
                ),
            ));
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(bad("InvalidTagName", format!("A tag name has at most {LONGEST_NAME} characters.")));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(bad(
                "InvalidTagValue",
                format!("A tag value has at most {LONGEST_VALUE} characters."),
            ));
        }
        let key = name.to_lowercase();
        if names.contains(&key) {
            return Err(bad("DuplicateTag", format!("The tag name '{name}' is there more than once.")));
        }
        names.push(key);
    }
    Ok(Some(tags.clone()))
}

/// A location as it is compared: `West Europe` and `westeurope` are one place.
pub(crate) fn normal_location(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase()
}

/// The `location` of a body; `None` if absent or null.
///
/// # Errors
/// [`ResourceError::InvalidRequestContent`] for anything but text.
pub(crate) fn location_of(body: &Value) -> Result<Option<&str>, ResourceError> {
    match body.get("location") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed("The 'location' property must be a string.")),
    }
}

/// The refusal of a body that has no location where one is needed.
pub(crate) fn location_required() -> ResourceError {
    bad("LocationRequired", "The location property is required for this definition.".into())
}

pub(crate) fn malformed(message: &str) -> ResourceError {
    ResourceError::InvalidRequestContent(format!(
        "The request content was invalid and could not be deserialized: '{message}'"
    ))
}

pub(crate) fn bad(code: &'static str, message: String) -> ResourceError {
    ResourceError::BadRequest { code, message }
}

/// A body must be a JSON object.
pub(crate) fn must_be_object(body: &Value) -> Result<(), ResourceError> {
    if body.is_object() { Ok(()) } else { Err(malformed("The request body must be a JSON object.")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tags_within_the_limits_pass() {
        assert_eq!(tags_of(&json!({})).unwrap(), None);
        assert_eq!(tags_of(&json!({"tags": null})).unwrap(), None);
        let tags = json!({"a": "1", "b": ""});
        assert_eq!(tags_of(&json!({ "tags": tags })).unwrap().map(Value::Object), Some(tags));
    }

    #[test]
    fn tags_beyond_the_limits_do_not() {
        let many: Map<String, Value> = (0..51).map(|n| (format!("t{n}"), "x".into())).collect();
        for tags in [
            json!(many),
            json!({"a/b": "x"}),
            json!({"": "x"}),
            json!({"a": 1}),
            json!({"a": "x".repeat(257)}),
            json!({"a".repeat(513): "x"}),
            json!({"a": "x", "A": "y"}),
            json!(["a"]),
            json!("a"),
        ] {
            assert!(tags_of(&json!({ "tags": tags })).is_err(), "{tags}");
        }
    }

    #[test]
    fn locations_are_compared_without_spaces_and_case() {
        assert_eq!(normal_location("West Europe"), "westeurope");
        assert!(location_of(&json!({"location": 1})).is_err());
        assert_eq!(location_of(&json!({"location": " "})).unwrap(), None);
    }
}
