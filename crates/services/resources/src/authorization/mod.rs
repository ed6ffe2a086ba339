//! Microsoft.Authorization: role definitions, role assignments, deny assignments, and what the caller may do
//! (reference authorization-arm.md, rbac.md sections 4 to 7 and 10).

mod assignment_bodies;
mod assignment_writes;
mod assignments;
mod bodies;
mod conditions;
mod definition_bodies;
mod definition_writes;
mod definitions;
mod delegation;
mod denies;
mod deny_bodies;
mod deny_writes;
mod elevation;
mod filters;
mod limits;
mod pages;
mod permissions;
mod places;

mod validation;

pub(crate) use assignment_writes::WRITE as WRITE_ASSIGNMENT;
pub(crate) use conditions::condition_of;
pub(crate) use definition_bodies::{permissions_of, refused as role_refused};
pub(crate) use definition_writes::WRITE as WRITE_DEFINITION;
pub(crate) use definitions::missing as role_missing;
pub(crate) use denies::READ as READ_DENY;
pub(crate) use deny_bodies::denied_of;
pub(crate) use deny_writes::WRITE as WRITE_DENY;
use gatepost_names::{RoleDefinitionId, Scope, ScopeKind};
pub use limits::Limits;
pub(crate) use places::is_assignable;
use serde_json::Value;

use crate::provider::Operation;
use crate::request::Page;
use crate::versions::ApiVersion;

/// How a list is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The api-version.
    pub version: ApiVersion<'a>,
    /// `$filter`.
    pub filter: Option<&'a str>,
    /// `$skiptoken` and `$top`.
    pub page: &'a Page,
}

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
    "denyAssignments/read", "Read deny assignments";
    "denyAssignments/write", "Create a deny assignment at a scope or change it";
    "denyAssignments/delete", "Delete a deny assignment at a scope";
    "elevateAccess/action", "Make the caller User Access Administrator at the tenant root";
    "locks/read", "Read locks";
    "locks/write", "Create a lock at a scope or change it";
    "locks/delete", "Delete a lock at a scope";
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

/// The role that a `roleDefinitionId` names: the full id below any scope, or the GUID alone.
fn role_named_by(text: &str) -> Option<RoleDefinitionId> {
    const KIND: &str = "/providers/microsoft.authorization/roledefinitions/";
    let guid = match text.to_ascii_lowercase().rfind(KIND) {
        Some(at) => text.get(at + KIND.len()..)?,
        None => text,
    };
    guid.parse().ok()
}

/// What stands before `/providers/` in the ids of what is at a scope.
fn base_of(scope: &Scope) -> &str {
    if scope.kind() == ScopeKind::TenantRoot { "" } else { scope.as_str() }
}

/// A JSON string that may be absent or null.
fn optional_text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, crate::ResourceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(crate::tags::malformed(&format!("'{name}' must be a string."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

    #[test]
    fn a_role_is_named_by_any_id_of_it() {
        let wanted: RoleDefinitionId = ROLE.parse().unwrap();
        for text in [
            ROLE.to_owned(),
            format!("/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
            format!("/subscriptions/x/providers/microsoft.authorization/ROLEDEFINITIONS/{ROLE}"),
            format!(
                "/providers/Microsoft.Management/managementGroups/m/providers/Microsoft.Authorization/\
                 roleDefinitions/{ROLE}"
            ),
        ] {
            assert_eq!(role_named_by(&text), Some(wanted), "{text}");
        }
        for wrong in ["", "Reader", "/providers/Microsoft.Authorization/roleDefinitions/", "/x/acdd72a7"] {
            assert_eq!(role_named_by(wrong), None, "{wrong}");
        }
    }
}
