//! Role definitions on the wire: what a body asks for, what a reader sees.

use gatepost_access::StoredRole;
use gatepost_clock::arm_format;
use gatepost_names::{RoleDefinitionId, Scope};
use gatepost_rbac::custom::{self, CustomRoleError, Draft};
use gatepost_rbac::{PermissionBlock, Plane, RoleDefinition};
use serde_json::{Map, Value};

use super::bodies::{check_name, object, properties_of, strings};
use super::conditions::block_condition_of;
use super::{optional_text, role_definition_id};
use crate::ResourceError;
use crate::catalogue::Catalogue;
use crate::error::Detail;
use crate::tags::{bad, malformed};
use crate::versions::ApiVersion;

/// The first api-version that has data actions.
pub(super) const DATA_ACTIONS_SINCE: &str = "2018-01-01";

/// The custom role that the body of a PUT asks for.
///
/// # Errors
/// The refusals of reference rbac.md section 4.3 that need no more than the body and the catalogue.
pub(super) fn definition_of(
    catalogue: &Catalogue,
    id: RoleDefinitionId,
    body: &Value,
) -> Result<RoleDefinition, ResourceError> {
    let properties = properties_of(body)?;
    check_name(body, id.0)?;
    if optional_text(properties, "type")?.is_some_and(|kind| !kind.eq_ignore_ascii_case("CustomRole")) {
        return Err(bad(
            "InvalidRoleDefinitionType",
            "The role definition type must be 'CustomRole'.".into(),
        ));
    }
    let name = optional_text(properties, "roleName")?.unwrap_or("");
    let description = optional_text(properties, "description")?.unwrap_or("");
    let permissions = permissions_of(properties)?;
    let scopes = strings(properties, "assignableScopes")?;
    let draft = Draft { name, description, permissions: &permissions, assignable_scopes: &scopes };
    let known = |action: &str, plane: Plane| catalogue.knows(action, plane);
    let assignable_scopes = custom::check(&draft, &known).map_err(refused)?;
    Ok(RoleDefinition {
        id,
        name: name.to_owned(),
        description: description.to_owned(),
        built_in: false,
        permissions,
        assignable_scopes,
    })
}

/// The refusal of a custom role on the wire.
pub(crate) fn refused(error: CustomRoleError) -> ResourceError {
    let (code, message) = (error.code(), error.to_string());
    let CustomRoleError::BadActions(actions) = error else {
        return ResourceError::BadRequest { code, message };
    };
    let details = actions
        .iter()
        .map(|action| Detail { code, message: action.to_string(), target: "properties.permissions" })
        .collect();
    ResourceError::Detailed { code, message, details }
}

/// The blocks of `permissions`.
pub(crate) fn permissions_of(properties: &Value) -> Result<Vec<PermissionBlock>, ResourceError> {
    let blocks = match properties.get("permissions") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(malformed("'permissions' must be an array.")),
    };
    blocks
        .iter()
        .map(|block| {
            if !block.is_object() {
                return Err(malformed("Each of 'permissions' must be an object."));
            }
            let (condition, condition_version) = block_condition_of(block)?;
            Ok(PermissionBlock {
                actions: strings(block, "actions")?,
                not_actions: strings(block, "notActions")?,
                data_actions: strings(block, "dataActions")?,
                not_data_actions: strings(block, "notDataActions")?,
                condition,
                condition_version,
            })
        })
        .collect()
}

/// A block as it is read. A condition is shown in every api-version: without it the block would say more than
/// it grants.
pub(super) fn block_shown(block: &PermissionBlock, version: ApiVersion<'_>) -> Value {
    let mut shown = Map::new();
    shown.insert("actions".into(), block.actions.clone().into());
    shown.insert("notActions".into(), block.not_actions.clone().into());
    if version.since(DATA_ACTIONS_SINCE) {
        shown.insert("dataActions".into(), block.data_actions.clone().into());
        shown.insert("notDataActions".into(), block.not_data_actions.clone().into());
    }
    if let Some(condition) = &block.condition {
        shown.insert("condition".into(), condition.as_str().into());
        shown.insert("conditionVersion".into(), block.condition_version.clone().into());
    }
    Value::Object(shown)
}

/// A role as it is read at `scope`. Of the built-in ones it is not known when they were made.
pub(super) fn shown(role: &StoredRole, scope: &Scope, version: ApiVersion<'_>) -> Value {
    let definition = &role.definition;
    let at = |time| (!definition.built_in).then(|| arm_format(time));
    let blocks = definition.permissions.iter().map(|block| block_shown(block, version));
    let properties = object([
        ("roleName", definition.name.as_str().into()),
        ("type", if definition.built_in { "BuiltInRole" } else { "CustomRole" }.into()),
        ("description", definition.description.as_str().into()),
        ("assignableScopes", definition.assignable_scopes.iter().map(Scope::as_str).collect()),
        ("permissions", blocks.collect()),
        ("createdOn", at(role.created_on).into()),
        ("updatedOn", at(role.updated_on).into()),
        ("createdBy", role.created_by.map(|id| id.to_string()).into()),
        ("updatedBy", role.updated_by.map(|id| id.to_string()).into()),
    ]);
    object([
        ("id", role_definition_id(definition.id, scope).into()),
        ("type", "Microsoft.Authorization/roleDefinitions".into()),
        ("name", definition.id.to_string().into()),
        ("properties", properties),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn data_actions_are_shown_since_2018_and_conditions_always() {
        let block = PermissionBlock {
            actions: vec!["*/read".into()],
            data_actions: vec!["A.B/c/read".into()],
            condition: Some("c".into()),
            condition_version: Some("2.0".into()),
            ..Default::default()
        };
        let old = block_shown(&block, ApiVersion::new("2015-07-01"));
        assert_eq!(
            old,
            json!({"actions": ["*/read"], "notActions": [], "condition": "c", "conditionVersion": "2.0"})
        );
        let new = block_shown(&block, ApiVersion::new("2018-01-01-preview"));
        assert_eq!(new["dataActions"], json!(["A.B/c/read"]));
    }

    #[test]
    fn blocks_of_another_shape_are_refused() {
        for wrong in [
            json!({"permissions": "x"}),
            json!({"permissions": ["x"]}),
            json!({"permissions": [{"actions": "x"}]}),
            json!({"permissions": [{"actions": [1]}]}),
            json!({"permissions": [{"notDataActions": {}}]}),
            json!({"permissions": [{"condition": 1}]}),
        ] {
            assert!(permissions_of(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(permissions_of(&json!({"permissions": null})).unwrap(), []);
        let nulls = json!({"permissions": [{"actions": null, "condition": " "}]});
        assert_eq!(permissions_of(&nulls).unwrap(), [PermissionBlock::default()]);
    }
}
