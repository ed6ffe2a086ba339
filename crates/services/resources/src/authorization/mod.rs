//! Microsoft.Authorization: role definitions, role assignments, and what the caller may do
//! (reference authorization-arm.md, rbac.md sections 4 to 7).

mod assignment_bodies;
mod assignments;
mod definitions;
mod permissions;

pub(crate) use assignments::WRITE as WRITE_ASSIGNMENT;
pub(crate) use definitions::WRITE as WRITE_DEFINITION;
use gatepost_names::{RoleDefinitionId, Scope};
use serde_json::Value;

use crate::provider::Operation;

macro_rules! operations {
    ($($name:literal, $display:literal;)*) => {
        &[$(Operation {
            name: concat!("Microsoft.Authorization/", $name),
            display_name: $display,
            description: concat!($display, "."),
            is_data_action: false,
        }),*]
    };
}

/// Of Microsoft.Authorization, the operations that exist here.
pub(crate) const OPERATIONS: &[Operation] = operations! {
    "classicAdministrators/read", "Read the administrators of a subscription";
    "operations/read", "List the operations of Microsoft.Authorization";
    "permissions/read", "List the permissions that the caller has at a scope";
    "providerOperations/read", "List the operations of all resource providers";
    "roleAssignments/read", "Read role assignments";
    "roleAssignments/write", "Create a role assignment at a scope";
    "roleAssignments/delete", "Delete a role assignment at a scope";
    "roleDefinitions/read", "Read role definitions";
    "roleDefinitions/write", "Create a custom role or change it";
    "roleDefinitions/delete", "Delete a custom role";
};

/// The id of a role definition as it is shown at `scope`: below the subscription in which the scope lies, or
/// below the tenant. Clients compare these ids as exact strings.
pub(crate) fn role_definition_id(id: RoleDefinitionId, scope: &Scope) -> String {
    let base = scope.subscription_id().map_or(String::new(), |s| format!("/subscriptions/{s}"));
    format!("{base}/providers/Microsoft.Authorization/roleDefinitions/{id}")
}

/// A JSON string that may be absent or null.
fn optional_text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, crate::ResourceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(crate::tags::malformed(&format!("'{name}' must be a string."))),
    }
}

/// The `properties` of a body, or the body itself where a client left the envelope out (as older ones do).
fn properties_of(body: &Value) -> Result<&Value, crate::ResourceError> {
    match body.get("properties") {
        Some(properties) if properties.is_object() => Ok(properties),
        Some(_) => Err(crate::tags::malformed("'properties' must be an object.")),
        None if body.is_object() => Ok(body),
        None => Err(crate::tags::malformed("The request body must be a JSON object.")),
    }
}
