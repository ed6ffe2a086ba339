//! `condition` and `conditionVersion` of a body.

use gatepost_rbac::condition::{self, Condition, ConditionError};
use serde_json::Value;

use super::optional_text;
use crate::ResourceError;
use crate::tags::bad;

/// The only version of the language.
pub(super) const VERSION: &str = "2.0";

const INVALID: &str = "The given role assignment condition is invalid.";

/// A condition that a body asks for: its text, checked. There is none where it is absent, null or blank.
///
/// # Errors
/// [`ResourceError::BadRequest`] for one that cannot be read, is too long, is of another version, or asks for
/// an attribute that nothing here supplies.
pub(crate) fn condition_of(properties: &Value) -> Result<Option<String>, ResourceError> {
    let text = optional_text(properties, "condition")?.filter(|text| !text.trim().is_empty());
    let Some(text) = text else { return Ok(None) };
    let version = optional_text(properties, "conditionVersion")?.map(str::trim).filter(|v| !v.is_empty());
    if version.is_some_and(|version| version != VERSION) {
        return Err(invalid(&format!("The conditionVersion must be '{VERSION}'.")));
    }
    let read = read(text)?;
    condition::check_known(&read).map_err(|why| bad("InvalidCondition", why.to_string()))?;
    Ok(Some(text.to_owned()))
}

/// The condition of a permission block. It may come from a built-in role, whose conditions ask for attributes
/// of services that are not here: such an attribute is absent, and the block grants nothing.
pub(super) fn block_condition_of(block: &Value) -> Result<(Option<String>, Option<String>), ResourceError> {
    let text = optional_text(block, "condition")?.filter(|text| !text.trim().is_empty());
    let Some(text) = text else { return Ok((None, None)) };
    let version = optional_text(block, "conditionVersion")?.unwrap_or(VERSION);
    // One built-in role has 1.0.
    if version != VERSION && version != "1.0" {
        return Err(invalid(&format!("The conditionVersion must be '{VERSION}'.")));
    }
    read(text)?;
    Ok((Some(text.to_owned()), Some(version.to_owned())))
}

fn read(text: &str) -> Result<Condition, ResourceError> {
    if text.len() > condition::MAX_BYTES {
        return Err(invalid(&format!("It has more than {} bytes.", condition::MAX_BYTES)));
    }
    Condition::parse(text).map_err(|error| invalid(&place(&error)))
}

fn place(error: &ConditionError) -> String {
    format!("Line {}, character {}: {}", error.line, error.column, error.message)
}

fn invalid(why: &str) -> ResourceError {
    bad("InvalidCondition", format!("{INVALID} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GOOD: &str = "@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00.0Z'";

    fn refused(body: &Value) -> String {
        let Err(ResourceError::BadRequest { code, message }) = condition_of(body) else {
            panic!("not refused: {body}")
        };
        assert_eq!(code, "InvalidCondition");
        message
    }

    #[test]
    fn condition_version_defaults_to_2_0_and_is_nothing_else() {
        for version in [json!(null), json!("2.0"), json!("")] {
            let read = condition_of(&json!({"condition": GOOD, "conditionVersion": version})).unwrap();
            assert_eq!(read.as_deref(), Some(GOOD));
        }
        let message = refused(&json!({"condition": GOOD, "conditionVersion": "1.0"}));
        assert!(message.starts_with(INVALID), "{message}");
    }

    #[test]
    fn no_condition_is_no_condition() {
        for body in [json!({}), json!({"condition": null}), json!({"condition": "  "})] {
            assert_eq!(condition_of(&body).unwrap(), None);
        }
        assert!(condition_of(&json!({"condition": 3})).is_err());
    }

    #[test]
    fn an_invalid_condition_is_refused_with_its_place() {
        let message = refused(&json!({"condition": "@Environment[UtcNow] NoSuchOperator 'x'"}));
        assert!(message.starts_with(&format!("{INVALID} Line 1, character ")), "{message}");
    }

    #[test]
    fn an_unknown_attribute_is_named() {
        let message = refused(&json!({"condition": "@Resource[Microsoft.X/y:Name] StringEquals 'foo'"}));
        assert_eq!(message, "Resource attribute Microsoft.X/y:Name is not valid.");
    }

    #[test]
    fn a_condition_of_a_mebibyte_or_10_000_deep_is_refused() {
        for text in ["x".repeat(1 << 20), format!("{}{GOOD}{}", "(".repeat(10_000), ")".repeat(10_000))] {
            assert!(refused(&json!({ "condition": text })).contains("more than 8192 bytes"));
        }
        let deep = format!("{}{GOOD}{}", "(".repeat(4000), ")".repeat(4000));
        assert!(refused(&json!({ "condition": deep })).starts_with(INVALID));
    }

    #[test]
    fn a_block_keeps_conditions_of_built_in_roles() {
        let block = json!({"condition": "@Resource[HasObotoken] boolequals true", "conditionVersion": "1.0"});
        let (text, version) = block_condition_of(&block).unwrap();
        assert!(text.is_some());
        assert_eq!(version.as_deref(), Some("1.0"));
        assert!(block_condition_of(&json!({"condition": "@", "conditionVersion": "2.0"})).is_err());
        assert!(block_condition_of(&json!({"condition": GOOD, "conditionVersion": "3.0"})).is_err());
    }
}
