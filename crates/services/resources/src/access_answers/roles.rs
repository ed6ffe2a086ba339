//! `least`: the smallest roles that allow some actions. `diff`: what one role grants and another does not.

use gatepost_access::{Caller, PermissionBlock};
use gatepost_names::{Scope, ScopeKind};
use gatepost_rbac::diff::{Change, Remark, Side, Standing, diff};
use gatepost_rbac::least::{Operation, Suggestion, least};
use gatepost_rbac::{Plane, RoleDefinition, builtin};
use serde_json::{Value, json};

use super::asked::actions;
use crate::authorization::role_definition_id;
use crate::tags::bad;
use crate::{ResourceError, Resources};

impl Resources {
    pub(super) fn least_role(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        let wanted = |name: &str, plane: Plane| {
            let list = actions(body, name)?;
            Ok::<_, ResourceError>(list.into_iter().map(move |action| Operation { action, plane }))
        };
        let mut asked: Vec<Operation<'_>> = wanted("actions", Plane::Control)?.collect();
        asked.extend(wanted("dataActions", Plane::Data)?);
        if asked.is_empty() {
            return Err(bad("InvalidAction", "Name at least one of 'actions' or 'dataActions'.".into()));
        }
        let above = self.platform().access.ancestors_of(caller.tenant, scope);
        let custom = self.platform().access.custom_roles(caller.tenant);
        let all = builtin::roles().iter().chain(custom.iter().map(|role| &role.definition));
        let assignable = all.filter(|role| role.assignable_scopes.iter().any(|scope| above.contains(scope)));
        let catalogue = self.catalogue().all_operations();
        let found = least(&asked, assignable, &catalogue);
        Ok(json!({
            "scope": scope.as_str(),
            "value": found.alone.iter().map(|one| suggested(one, scope)).collect::<Vec<_>>(),
            "combined": found.combined.as_ref().map(|several| suggested(several, scope)),
            "customRole": custom_role(&found.custom, scope),
            "unknown": found.unknown,
        }))
    }

    pub(super) fn role_difference(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        let first = self.role_asked(caller, scope, body, "first")?;
        let second = self.role_asked(caller, scope, body, "second")?;
        let catalogue = self.catalogue().all_operations();
        let found = diff(&first, &second, &catalogue);
        let role = |role: &RoleDefinition| json!({ "id": role.id, "roleName": role.name });
        Ok(json!({
            "first": role(&first),
            "second": role(&second),
            "same": found.is_empty(),
            "value": found.changes.iter().map(changed).collect::<Vec<_>>(),
            "remarks": found.remarks.iter().map(remarked).collect::<Vec<_>>(),
        }))
    }
}

fn suggested(suggestion: &Suggestion<'_>, scope: &Scope) -> Value {
    let roles = suggestion.roles.iter().map(|role| {
        json!({
            "roleDefinitionId": role_definition_id(role.id, scope),
            "roleName": role.name,
            "roleType": if role.built_in { "BuiltInRole" } else { "CustomRole" },
        })
    });
    json!({ "roles": roles.collect::<Vec<_>>(), "grants": suggestion.grants })
}

/// As `az role definition create` takes it.
pub(super) fn custom_role(block: &PermissionBlock, scope: &Scope) -> Value {
    json!({
        "Name": "Just these actions",
        "Description": "",
        "Actions": block.actions,
        "NotActions": [],
        "DataActions": block.data_actions,
        "NotDataActions": [],
        "AssignableScopes": [assignable(scope).as_str()],
    })
}

/// Where a custom role for this scope is best assignable: at a resource it may not be, at its group it may.
fn assignable(scope: &Scope) -> Scope {
    let is_place = |scope: &Scope| scope.kind() != ScopeKind::Resource;
    scope.self_and_ancestors().find(is_place).unwrap_or_else(|| scope.clone())
}

fn changed(change: &Change<'_>) -> Value {
    json!({
        "action": change.operation.action,
        "isDataAction": change.operation.plane == Plane::Data,
        "first": standing(change.first),
        "second": standing(change.second),
    })
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Granted => "Granted",
        Standing::Conditioned => "Conditional",
        Standing::Not => "NotGranted",
    }
}

fn remarked(remark: &Remark<'_>) -> Value {
    let side = |side: &Side| match side {
        Side::First => "first",
        Side::Second => "second",
    };
    match remark {
        Remark::Wildcard { side: of, plane, pattern } => json!({
            "kind": "wildcard", "only": side(of), "isDataAction": *plane == Plane::Data, "value": pattern,
        }),
        Remark::Condition { side: of, condition } => {
            json!({ "kind": "condition", "only": side(of), "value": condition })
        }
        Remark::AssignableScope { side: of, scope } => {
            json!({ "kind": "assignableScope", "only": side(of), "value": scope.as_str() })
        }
    }
}
