//! `whatIf`: who would gain and lose what, if a change were made.

use gatepost_access::{
    Caller, Change, DenyEffect, DenyPrincipal, PermissionBlock, RoleAssignment, StoredDeny, WhatIfError,
};
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::condition::Condition;
use gatepost_rbac::explain::{Effect, Named, WhatIf};
use gatepost_rbac::{Plane, RoleDefinition, builtin};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::asked::{guid, object_id, required, text};
use crate::tags::{bad, malformed};
use crate::{ResourceError, Resources};

/// Most actions of a role, and most principals of a deny assignment, that are thought of.
const MOST_ACTIONS: usize = 2000;
const MOST_PRINCIPALS: usize = 1000;
/// Most actions that are named of each gain and each loss.
const MOST_NAMED: usize = 100;

impl Resources {
    pub(super) fn what_if(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        let change = self.change_of(caller, scope, body)?;
        let catalogue = self.catalogue().own_operations();
        let found = self.platform().access.what_if(caller.tenant, &change, &catalogue);
        let found = found.map_err(refused)?;
        let seen = self.heard_by(caller, scope, found);
        let value = seen.effects.iter().map(|effect| self.effect(caller.tenant, effect));
        Ok(json!({
            "value": value.collect::<Result<Vec<_>, _>>()?,
            "compared": seen.compared,
            "truncated": seen.truncated,
        }))
    }

    /// Only effects at the scope that was asked about and below it: of what lies elsewhere the caller may have no
    /// right to hear.
    fn heard_by(&self, caller: &Caller, scope: &Scope, mut found: WhatIf) -> WhatIf {
        let below = self.platform().access.scopes_below(caller.tenant, scope);
        let is_seen = |at: &Scope| scope.contains(at) || below.iter().any(|one| one.contains(at));
        let all = found.effects.len();
        found.effects.retain(|effect| {
            is_seen(&effect.scope) || {
                let access = &self.platform().access;
                access.can(caller, super::READ, &effect.scope)
            }
        });
        found.truncated |= found.effects.len() < all;
        found
    }

    fn effect(&self, tenant: TenantId, effect: &Effect) -> Result<Value, ResourceError> {
        Ok(json!({
            "principal": self.person(tenant, effect.principal)?.shown(),
            "scope": effect.scope.as_str(),
            "gains": named(&effect.gains),
            "gainCount": effect.gains.len(),
            "loses": named(&effect.loses),
            "lossCount": effect.loses.len(),
        }))
    }

    fn change_of(&self, caller: &Caller, scope: &Scope, body: &Value) -> Result<Change, ResourceError> {
        let kind = required(body, "change")?;
        let is = |word: &str| kind.eq_ignore_ascii_case(word);
        let member = || Ok::<_, ResourceError>((object_id(body, "groupId")?, object_id(body, "memberId")?));
        if is("putRoleAssignment") {
            self.assignment_thought_of(caller, scope, body).map(Change::PutAssignment)
        } else if is("deleteRoleAssignment") {
            Ok(Change::RemoveAssignment(RoleAssignmentName(guid(body, "roleAssignmentId")?)))
        } else if is("putRoleDefinition") {
            self.role_thought_of(caller, scope, body).map(Change::PutRole)
        } else if is("deleteRoleDefinition") {
            let role = self.role_asked(caller.tenant, body, "roleDefinitionId")?;
            custom(role.id).map(Change::RemoveRole)
        } else if is("addGroupMember") {
            member().map(|(group, member)| Change::PutMember { group, member })
        } else if is("removeGroupMember") {
            member().map(|(group, member)| Change::RemoveMember { group, member })
        } else if is("putDenyAssignment") {
            self.deny_thought_of(caller, scope, body).map(Change::PutDeny)
        } else if is("deleteDenyAssignment") {
            Ok(Change::RemoveDeny(guid(body, "denyAssignmentId")?))
        } else {
            Err(bad(
                "InvalidChange",
                "'change' must be putRoleAssignment, deleteRoleAssignment, putRoleDefinition, \
                 deleteRoleDefinition, addGroupMember, removeGroupMember, putDenyAssignment or \
                 deleteDenyAssignment."
                    .into(),
            ))
        }
    }

    fn assignment_thought_of(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<RoleAssignment, ResourceError> {
        let role = self.role_asked(caller.tenant, body, "roleDefinitionId")?;
        let principal = object_id(body, "principalId")?;
        let now = self.platform().clock.now();
        let same = |conn: &gatepost_store::Conn<'_>| {
            self.platform().access.same_assignment(conn, caller.tenant, scope, role.id, principal)
        };
        // One of the same role, principal and scope would be changed, not joined.
        let name =
            self.platform().store.read(same)?.map_or_else(|| RoleAssignmentName(Uuid::new_v4()), |a| a.name);
        Ok(RoleAssignment {
            name,
            tenant: caller.tenant,
            scope: scope.clone(),
            role: role.id,
            principal,
            principal_kind: PrincipalKind::User,
            description: None,
            condition: condition_of(body)?,
            condition_version: None,
            starts: None,
            ends: None,
            created_on: now,
            updated_on: now,
            created_by: None,
            updated_by: None,
        })
    }

    fn role_thought_of(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<RoleDefinition, ResourceError> {
        let existing = self.role_asked(caller.tenant, body, "roleDefinitionId")?;
        Ok(RoleDefinition {
            id: custom(existing.id)?,
            permissions: permissions_of(body)?,
            assignable_scopes: vec![scope.clone()],
            ..existing
        })
    }

    fn deny_thought_of(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<StoredDeny, ResourceError> {
        let id = match text(body, "denyAssignmentId")? {
            Some(_) => guid(body, "denyAssignmentId")?,
            None => Uuid::new_v4(),
        };
        let now = self.platform().clock.now();
        Ok(StoredDeny {
            tenant: caller.tenant,
            id,
            scope: scope.clone(),
            name: "what if".to_owned(),
            description: None,
            permissions: permissions_of(body)?,
            principals: principals_of(body, "principals")?,
            excluded: principals_of(body, "excludePrincipals")?,
            not_for_children: body.get("doNotApplyToChildScopes") == Some(&Value::Bool(true)),
            effect: DenyEffect::Enforced,
            condition: condition_of(body)?,
            condition_version: None,
            system_protected: false,
            created_on: now,
            updated_on: now,
            created_by: None,
            updated_by: None,
        })
    }
}

fn named(list: &[Named]) -> Vec<Value> {
    let shown = list.iter().take(MOST_NAMED);
    shown
        .map(|one| {
            json!({
                "action": one.action,
                "isDataAction": one.plane == Plane::Data,
                "conditional": one.conditional,
            })
        })
        .collect()
}

fn refused(error: WhatIfError) -> ResourceError {
    match error {
        WhatIfError::NothingThere => {
            ResourceError::NotFound { code: "NotFound", message: WhatIfError::NothingThere.to_string() }
        }
        WhatIfError::Impossible(why) => bad("InvalidChange", why.to_string()),
        WhatIfError::Store(error) => error.into(),
    }
}

fn custom(id: RoleDefinitionId) -> Result<RoleDefinitionId, ResourceError> {
    match builtin::role(id) {
        None => Ok(id),
        Some(role) => {
            Err(bad("InvalidChange", format!("'{}' is a built-in role: it does not change.", role.name)))
        }
    }
}

fn condition_of(body: &Value) -> Result<Option<String>, ResourceError> {
    let Some(condition) = text(body, "condition")?.filter(|text| !text.is_empty()) else { return Ok(None) };
    match Condition::parse(condition) {
        Ok(_) => Ok(Some(condition.to_owned())),
        Err(error) => Err(bad(
            "InvalidCondition",
            format!("Line {}, character {}: {}", error.line, error.column, error.message),
        )),
    }
}

fn permissions_of(body: &Value) -> Result<Vec<PermissionBlock>, ResourceError> {
    let list = body.get("permissions").cloned().unwrap_or_default();
    let blocks = Vec::<PermissionBlock>::deserialize(list);
    let blocks = blocks
        .map_err(|error| malformed(&format!("'permissions' must be an array of permissions: {error}")))?;
    let lists =
        blocks.iter().flat_map(|b| [&b.actions, &b.not_actions, &b.data_actions, &b.not_data_actions]);
    if lists.map(Vec::len).sum::<usize>() > MOST_ACTIONS {
        return Err(bad("InvalidChange", format!("A role has at most {MOST_ACTIONS} actions.")));
    }
    Ok(blocks)
}

fn principals_of(body: &Value, name: &str) -> Result<Vec<DenyPrincipal>, ResourceError> {
    let ids = match body.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => Vec::<ObjectId>::deserialize(list),
    };
    let ids = ids.map_err(|_| malformed(&format!("'{name}' must be an array of object ids.")))?;
    if ids.len() > MOST_PRINCIPALS {
        return Err(bad("InvalidChange", format!("'{name}' has at most {MOST_PRINCIPALS} principals.")));
    }
    Ok(ids.into_iter().map(|id| DenyPrincipal { id, kind: String::new() }).collect())
}
