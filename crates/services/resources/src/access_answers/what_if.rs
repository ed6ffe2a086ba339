//! `whatIf`: who would gain and lose what, if a change were made.

use gatepost_access::{Caller, Change, DenyEffect, DenyPrincipal, RoleAssignment, StoredDeny, WhatIfError};
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::custom::{Draft, check};
use gatepost_rbac::explain::{Effect, Named, WhatIf};
use gatepost_rbac::{Plane, RoleDefinition, builtin};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::asked::{guid, object_id, required, text};
use crate::authorization::{READ_DENY, condition_of, denied_of, permissions_of, role_refused};
use crate::tags::{bad, malformed};
use crate::{ResourceError, Resources};

/// Most principals of a deny assignment that are thought of.
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
            self.assignment_that_goes(caller, body).map(Change::RemoveAssignment)
        } else if is("putRoleDefinition") {
            self.role_thought_of(caller, scope, body).map(Change::PutRole)
        } else if is("deleteRoleDefinition") {
            let role = self.role_asked(caller, scope, body, "roleDefinitionId")?;
            custom(role.id).map(Change::RemoveRole)
        } else if is("addGroupMember") {
            member().map(|(group, member)| Change::PutMember { group, member })
        } else if is("removeGroupMember") {
            member().map(|(group, member)| Change::RemoveMember { group, member })
        } else if is("putDenyAssignment") {
            self.deny_thought_of(caller, scope, body).map(Change::PutDeny)
        } else if is("deleteDenyAssignment") {
            self.deny_that_goes(caller, body).map(Change::RemoveDeny)
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

    /// What the caller may not read is not there.
    fn assignment_that_goes(
        &self,
        caller: &Caller,
        body: &Value,
    ) -> Result<RoleAssignmentName, ResourceError> {
        let name = RoleAssignmentName(guid(body, "roleAssignmentId")?);
        let found = self.platform().access.assignment(caller.tenant, name)?;
        let heard = found.filter(|found| self.may(caller, super::READ, &found.scope));
        heard.map(|found| found.name).ok_or_else(|| refused(WhatIfError::NothingThere))
    }

    fn deny_that_goes(&self, caller: &Caller, body: &Value) -> Result<Uuid, ResourceError> {
        let id = guid(body, "denyAssignmentId")?;
        let found = self.platform().access.deny(caller.tenant, id)?;
        let heard = found.filter(|found| self.may(caller, READ_DENY, &found.scope));
        heard.map(|found| found.id).ok_or_else(|| refused(WhatIfError::NothingThere))
    }

    fn assignment_thought_of(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<RoleAssignment, ResourceError> {
        let role = self.role_asked(caller, scope, body, "roleDefinitionId")?;
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
        let existing = self.role_asked(caller, scope, body, "roleDefinitionId")?;
        let (id, permissions) = (custom(existing.id)?, permissions_of(body)?);
        let scopes: Vec<String> = existing.assignable_scopes.iter().map(Scope::to_string).collect();
        let draft = Draft {
            name: &existing.name,
            description: &existing.description,
            permissions: &permissions,
            assignable_scopes: &scopes,
        };
        let known = |action: &str, plane: Plane| self.catalogue().knows(action, plane);
        check(&draft, &known).map_err(role_refused)?;
        Ok(RoleDefinition { id, permissions, assignable_scopes: vec![scope.clone()], ..existing })
    }

    fn deny_thought_of(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<StoredDeny, ResourceError> {
        let id = match text(body, "denyAssignmentId")? {
            // One elsewhere would not be changed by this, and is not for the caller to hear of.
            Some(_) => {
                let id = guid(body, "denyAssignmentId")?;
                let existing = self.platform().access.deny(caller.tenant, id)?;
                if existing.is_some_and(|existing| existing.scope != *scope) {
                    return Err(refused(WhatIfError::NothingThere));
                }
                id
            }
            None => Uuid::new_v4(),
        };
        let now = self.platform().clock.now();
        Ok(StoredDeny {
            tenant: caller.tenant,
            id,
            scope: scope.clone(),
            name: "what if".to_owned(),
            description: None,
            permissions: denied_of(self.catalogue(), body)?,
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
