//! Reading a question.

use std::net::IpAddr;

use gatepost_access::Caller;
use gatepost_clock::Timestamp;
use gatepost_names::{ObjectId, RoleDefinitionId, Scope};
use gatepost_rbac::{MAX_ACTION, Plane, RoleDefinition};
use serde_json::Value;
use uuid::Uuid;

use super::given::Given;
use crate::authorization::role_missing;
use crate::tags::{bad, malformed};
use crate::{ResourceError, Resources};

/// Most actions in one question.
const MOST_ACTIONS: usize = 200;

/// What is asked about, apart from where.
pub(super) struct Asked {
    pub(super) action: String,
    pub(super) plane: Plane,
    pub(super) at: Option<Timestamp>,
    pub(super) address: Option<IpAddr>,
    pub(super) given: Given,
}

impl Asked {
    pub(super) fn read(body: &Value) -> Result<Asked, ResourceError> {
        let action = required(body, "action")?.to_owned();
        check_action(&action)?;
        if action.contains('*') {
            return Err(bad("InvalidAction", format!("'{action}' is a pattern: ask about one action.")));
        }
        let at = text(body, "at")?.map(str::parse).transpose();
        let address = text(body, "address")?.map(str::parse).transpose();
        let attributes = match body.get("attributes") {
            None | Some(Value::Null) => None,
            Some(Value::Object(attributes)) => Some(attributes),
            Some(_) => return Err(malformed("'attributes' must be an object.")),
        };
        Ok(Asked {
            action,
            plane: plane_of(body)?,
            at: at.map_err(|_| malformed("'at' must be a time such as 2030-01-31T12:00:00Z."))?,
            address: address.map_err(|_| malformed("'address' must be an IP address."))?,
            given: Given::read(attributes)?,
        })
    }
}

fn plane_of(body: &Value) -> Result<Plane, ResourceError> {
    match body.get("isDataAction") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(Plane::Control),
        Some(Value::Bool(true)) => Ok(Plane::Data),
        Some(_) => Err(malformed("'isDataAction' must be true or false.")),
    }
}

/// A string that may be absent or null.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, ResourceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim())),
        Some(_) => Err(malformed(&format!("'{name}' must be a string."))),
    }
}

pub(super) fn required<'a>(body: &'a Value, name: &str) -> Result<&'a str, ResourceError> {
    text(body, name)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| malformed(&format!("Required property '{name}' not found in JSON.")))
}

pub(super) fn object_id(body: &Value, name: &str) -> Result<ObjectId, ResourceError> {
    required(body, name)?.parse().map_err(|_| malformed(&format!("'{name}' must be an object id.")))
}

/// The GUID that a full id ends with, or the GUID alone.
pub(super) fn guid(body: &Value, name: &str) -> Result<Uuid, ResourceError> {
    let text = required(body, name)?;
    let last = text.rsplit('/').next().unwrap_or(text);
    last.parse().map_err(|_| malformed(&format!("'{name}' must be an id that ends with a GUID.")))
}

/// The actions of a list.
pub(super) fn actions<'a>(body: &'a Value, name: &str) -> Result<Vec<&'a str>, ResourceError> {
    let list = match body.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= MOST_ACTIONS => list,
        Some(_) => {
            return Err(malformed(&format!("'{name}' must be an array of at most {MOST_ACTIONS} strings.")));
        }
    };
    list.iter()
        .map(|action| {
            let action = action.as_str().ok_or_else(|| malformed(&format!("'{name}' must hold strings.")))?;
            check_action(action)?;
            Ok(action)
        })
        .collect()
}

fn check_action(action: &str) -> Result<(), ResourceError> {
    let is_one = action.len() <= MAX_ACTION && !action.chars().any(|c| c.is_control() || c.is_whitespace());
    if is_one && action.contains('/') {
        return Ok(());
    }
    let shown: String = action.chars().take(100).collect();
    Err(bad(
        "InvalidAction",
        format!("'{shown}' is not an action such as Microsoft.Communication/EmailServices/read."),
    ))
}

impl Resources {
    /// The role that a question names: by full id, by GUID, or by name.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`] also for a role that the caller may not hear of.
    pub(super) fn role_asked(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
        name: &str,
    ) -> Result<RoleDefinition, ResourceError> {
        let text = required(body, name)?;
        let (access, tenant) = (&self.platform().access, caller.tenant);
        let id = guid(body, name).ok().map(RoleDefinitionId);
        let found = id.and_then(|id| access.role(tenant, id)).or_else(|| access.role_named(tenant, text));
        found
            .map(|role| role.definition)
            .filter(|role| self.may_name_role(caller, scope, role))
            .ok_or_else(|| role_missing(text))
    }
}
