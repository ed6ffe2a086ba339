//! Reading the `properties` of a request body: right type or a refusal that names the property.
//!
//! `null` counts as absent; members that a type does not know are ignored, as Azure ignores them.

use gatepost_names::ResourceId;
use serde_json::{Map, Value};

use crate::ResourceError;

/// A JSON object of a request with its path, for error messages.
pub(super) struct Body<'a> {
    members: Option<&'a Map<String, Value>>,
    path: &'static str,
}

impl<'a> Body<'a> {
    /// The `properties` of a resource's body; an absent one reads as empty.
    pub(super) fn properties(body: &'a Value) -> Result<Body<'a>, ResourceError> {
        let whole = Body::whole(body)?;
        let members = match whole.value("properties") {
            None => None,
            Some(Value::Object(members)) => Some(members),
            Some(_) => return Err(whole.invalid("properties", "must be an object")),
        };
        Ok(Body { members, path: "properties." })
    }

    /// The body itself: the parameters of an action. `null`, which stands for no body, reads as empty.
    pub(super) fn whole(body: &'a Value) -> Result<Body<'a>, ResourceError> {
        match body {
            Value::Null => Ok(Body { members: None, path: "" }),
            Value::Object(members) => Ok(Body { members: Some(members), path: "" }),
            _ => {
                Err(ResourceError::InvalidRequestContent("The request content must be a JSON object.".into()))
            }
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_none_or(Map::is_empty)
    }

    /// A member as it is, unless it is absent or `null`.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members?.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be absent.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, ResourceError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(name, "must be a string")),
        }
    }

    /// A text that must be there and not empty.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, ResourceError> {
        self.optional_text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.invalid(name, "is required"))
    }

    /// A text of at most `most` characters, none of them a control character.
    pub(super) fn optional_line(&self, name: &str, most: usize) -> Result<Option<&'a str>, ResourceError> {
        let text = self.optional_text(name)?;
        if text.is_some_and(|text| text.chars().count() > most || text.chars().any(char::is_control)) {
            let rule = format!("must have at most {most} characters and no control characters");
            return Err(self.invalid(name, &rule));
        }
        Ok(text)
    }

    /// A boolean that may be absent.
    pub(super) fn optional_bool(&self, name: &str) -> Result<Option<bool>, ResourceError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.invalid(name, "must be true or false")),
        }
    }

    /// One of `allowed`, in any letter case; answers the spelling of `allowed`.
    pub(super) fn optional_choice(
        &self,
        name: &str,
        allowed: &[&'static str],
    ) -> Result<Option<&'static str>, ResourceError> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        allowed
            .iter()
            .find(|choice| choice.eq_ignore_ascii_case(text))
            .map(|choice| Some(*choice))
            .ok_or_else(|| self.invalid(name, &format!("must be one of: {}", allowed.join(", "))))
    }

    /// As [`Body::optional_choice`], but it must be there.
    pub(super) fn choice(&self, name: &str, allowed: &[&'static str]) -> Result<&'static str, ResourceError> {
        self.optional_choice(name, allowed)?.ok_or_else(|| self.invalid(name, "is required"))
    }

    /// The refusal of a member: `rule` goes on after "The property '…' ".
    pub(super) fn invalid(&self, name: &str, rule: &str) -> ResourceError {
        let target = format!("{}{name}", self.path);
        let message = format!("The property '{target}' {rule}.");
        ResourceError::InvalidProperty { target, message }
    }
}

/// `properties.dataLocation`: required, and fixed once the resource exists.
pub(super) fn data_location(
    properties: &Body<'_>,
    id: &ResourceId,
    existing: Option<&Map<String, Value>>,
) -> Result<String, ResourceError> {
    properties.text("dataLocation")?;
    let wanted = properties.optional_line("dataLocation", 64)?.unwrap_or_default();
    let Some(fixed) = existing.and_then(|e| e.get("dataLocation")).and_then(Value::as_str) else {
        return Ok(wanted.to_owned());
    };
    if wanted.eq_ignore_ascii_case(fixed) {
        Ok(fixed.to_owned())
    } else {
        Err(fixed_at_creation("dataLocation", id))
    }
}

/// The refusal to change what is set at creation only.
pub(super) fn fixed_at_creation(name: &str, id: &ResourceId) -> ResourceError {
    ResourceError::Conflict {
        code: "PropertyChangeNotAllowed",
        message: format!(
            "Changing property 'properties.{name}' of '{}' is not allowed: it is set when the resource is created.",
            id.name()
        ),
    }
}
