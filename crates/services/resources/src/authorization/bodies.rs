//! What the bodies of Microsoft.Authorization have in common.

use gatepost_names::Scope;
use serde_json::Value;
use uuid::Uuid;

use super::optional_text;
use crate::ResourceError;
use crate::tags::{bad, malformed};

/// The `properties` of a body, or the body itself where a client left the envelope out (as older ones do).
pub(super) fn properties_of(body: &Value) -> Result<&Value, ResourceError> {
    match body.get("properties") {
        Some(properties) if properties.is_object() => Ok(properties),
        Some(_) => Err(malformed("'properties' must be an object.")),
        None if body.is_object() => Ok(body),
        None => Err(malformed("The request body must be a JSON object.")),
    }
}

/// That a body which names its resource names the one of the path, by `name` and the end of `id`. Without the
/// envelope `name` is something else.
///
/// # Errors
/// [`ResourceError::BadRequest`] with `MismatchingResourceName`.
pub(super) fn check_name(body: &Value, name: Uuid) -> Result<(), ResourceError> {
    if body.get("properties").is_none() {
        return Ok(());
    }
    let named = optional_text(body, "name")?;
    let identified = optional_text(body, "id")?.and_then(|id| id.rsplit('/').next());
    for given in [named, identified].into_iter().flatten() {
        if Uuid::try_parse(given).ok() != Some(name) {
            let given = excerpt(given);
            return Err(bad(
                "MismatchingResourceName",
                format!("The provided resource name '{given}' did not match the name in the Url '{name}'."),
            ));
        }
    }
    Ok(())
}

/// That the `scope` among the properties, if there is one, is the one of the path.
///
/// # Errors
/// [`ResourceError::InvalidRequestContent`].
pub(super) fn check_scope(properties: &Value, scope: &Scope) -> Result<(), ResourceError> {
    match optional_text(properties, "scope")?.filter(|given| !given.is_empty()) {
        Some(given) if Scope::parse(given).ok().as_ref() != Some(scope) => Err(malformed(&format!(
            "The scope '{}' does not match the scope of the Url '{scope}'.",
            excerpt(given)
        ))),
        _ => Ok(()),
    }
}

/// The beginning of what a client sent, short enough for an error text.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 200;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// An object of these members. They are moved into it: `json!` copies what it is given, and lists are long.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// An array of strings that may be absent or null.
pub(super) fn strings(body: &Value, name: &str) -> Result<Vec<String>, ResourceError> {
    let wrong = || malformed(&format!("'{name}' must be an array of strings."));
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    #[test]
    fn a_body_that_contradicts_its_path_is_refused() {
        let name = Uuid::from_u128(9);
        let scope = Scope::parse(SUB).unwrap();
        let check = |body: Value| {
            check_name(&body, name)?;
            check_scope(properties_of(&body)?, &scope)
        };
        for fine in [
            json!({"properties": {}}),
            json!({"properties": {"scope": SUB.to_uppercase()}, "name": name.to_string().to_uppercase()}),
            json!({"properties": {}, "id": format!("/providers/x/roleDefinitions/{name}")}),
            json!({"name": "a role's name, of a client without the envelope"}),
            json!({"properties": {"scope": null}, "name": null, "id": null}),
        ] {
            assert!(check(fine.clone()).is_ok(), "{fine}");
        }
        for wrong in [
            json!({"properties": {}, "name": Uuid::nil().to_string()}),
            json!({"properties": {}, "name": "x".repeat(10_000)}),
            json!({"properties": {}, "id": format!("{SUB}/providers/x/y/{}", Uuid::nil())}),
            json!({"properties": {"scope": "/"}}),
            json!({"properties": {"scope": "nonsense"}}),
            json!({"properties": {}, "name": 3}),
        ] {
            let refused = check(wrong.clone()).unwrap_err().to_string();
            assert!(refused.len() < 400, "{refused}");
        }
    }
}
