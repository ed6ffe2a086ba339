//! Writing custom roles (reference rbac.md section 4.3).

use std::collections::HashSet;

use gatepost_access::{Caller, StoredRole};
use gatepost_names::{RoleDefinitionId, Scope, ScopeKind};
use gatepost_rbac::{RoleDefinition, builtin};
use serde_json::Value;

use super::base_of;
use super::definition_bodies::{definition_of, shown};
use super::places::{is_assignable, reaches_data};
use crate::activity::Intended;
use crate::provider::Change;
use crate::tags::bad;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

pub(crate) const WRITE: &str = "Microsoft.Authorization/roleDefinitions/write";
const DELETE: &str = "Microsoft.Authorization/roleDefinitions/delete";
/// Most linked scopes that one refusal names.
const MOST_NAMED: usize = 50;

impl Resources {
    /// Makes a custom role, or replaces one.
    ///
    /// # Errors
    /// Those of reference rbac.md section 7, and [`ResourceError::Conflict`] with `RoleDefinitionHasAssignments`
    /// where an assignment would lie outside the assignable scopes; nothing is written then.
    pub fn put_role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        body: &Value,
        version: ApiVersion<'_>,
    ) -> Result<Value, ResourceError> {
        self.change(caller, Intended::put(WRITE, scope).of(path(scope, id)), |attempt| {
            let id: RoleDefinitionId = id.parse().map_err(|_| no_guid(id))?;
            if builtin::role(id).is_some() {
                return Err(ResourceError::Conflict {
                    code: "RoleDefinitionExists",
                    message: format!("The role definition '{id}' is a built-in role and cannot be changed."),
                });
            }
            let definition = definition_of(self.catalogue(), id, body)?;
            // A first look that keeps no other writer waiting; the second one counts.
            self.require_at_each(caller, (WRITE, scope), &definition.assignable_scopes)?;
            attempt.commit(|change| {
                let role = self.replace_role(change, scope, definition)?;
                Ok(shown(&role, scope, version))
            })
        })
    }

    fn replace_role(
        &self,
        change: &Change<'_>,
        scope: &Scope,
        definition: RoleDefinition,
    ) -> Result<StoredRole, ResourceError> {
        let (caller, access) = (change.caller, &self.platform().access);
        let existing = access.role(caller.tenant, definition.id);
        let before = existing.iter().flat_map(|role| &role.definition.assignable_scopes);
        let scopes = definition.assignable_scopes.iter().chain(before);
        self.require_at_each(caller, (WRITE, scope), scopes)?;
        if let Some(existing) = &existing {
            self.check_assigned_scopes(change, &existing.definition, &definition)?;
        }
        self.check_unique(caller, &definition, existing.is_some())?;
        let role = StoredRole {
            definition,
            created_on: existing.as_ref().map_or(change.now, |role| role.created_on),
            updated_on: change.now,
            created_by: existing.as_ref().map_or(Some(caller.object_id), |role| role.created_by),
            updated_by: Some(caller.object_id),
        };
        access.put_role(change.tx, caller.tenant, &role)?;
        Ok(role)
    }

    /// Deletes a custom role that nobody has; answers what it was, `None` if there was none.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] with `RoleDefinitionHasAssignments`.
    pub fn delete_role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        version: ApiVersion<'_>,
    ) -> Result<Option<Value>, ResourceError> {
        self.change(caller, Intended::delete(DELETE, scope).of(path(scope, id)), |attempt| {
            let id = id.parse::<RoleDefinitionId>().ok();
            if id.is_some_and(|id| builtin::role(id).is_some()) {
                return Err(bad("InvalidRoleDefinitionType", "A built-in role cannot be deleted.".into()));
            }
            attempt.commit(|change| {
                let access = &self.platform().access;
                let Some(role) = id.and_then(|id| access.role(caller.tenant, id)) else { return Ok(None) };
                let id = role.definition.id;
                self.require_at_each(caller, (DELETE, scope), &role.definition.assignable_scopes)?;
                if access.is_assigned(change.tx, caller.tenant, id)? {
                    return Err(has_assignments(id));
                }
                access.delete_role(change.tx, caller.tenant, id)?;
                Ok(Some(shown(&role, scope, version)))
            })
        })
    }

    /// The right to do `done` at each of a role's assignable scopes, too. A scope of nobody, of another tenant
    /// and one without the right are refused alike.
    fn require_at_each<'s>(
        &self,
        caller: &Caller,
        done: (&str, &Scope),
        scopes: impl IntoIterator<Item = &'s Scope>,
    ) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        let mut seen = HashSet::new();
        let unseen = scopes.into_iter().filter(|linked| seen.insert(linked.key()));
        let mut refused = unseen.filter(|linked| !access.can(caller, done.0, linked)).take(MOST_NAMED);
        // The reason, which is the costly part, is asked for once.
        let Some((at, first)) = refused
            .by_ref()
            .find_map(|linked| access.require(caller, done.0, linked).err().map(|denied| (linked, denied)))
        else {
            return Ok(());
        };
        Err(ResourceError::LinkedDenied {
            action: done.0.to_owned(),
            scope: done.1.to_string(),
            linked: Box::new(first),
            scopes: std::iter::once(at).chain(refused).cloned().collect(),
        })
    }

    /// An assignment stays in force where it is. Were it left outside the assignable scopes, an author with no
    /// right there could from then on change what it grants. And what could not be assigned at a management group
    /// does not come there by a change of the role.
    fn check_assigned_scopes(
        &self,
        change: &Change<'_>,
        before: &RoleDefinition,
        after: &RoleDefinition,
    ) -> Result<(), ResourceError> {
        let keeps = |scope: &Scope| after.assignable_scopes.contains(scope);
        let is_group = |scope: &Scope| scope.kind() == ScopeKind::ManagementGroup;
        // What is in a management group may change; what is in another scope does not.
        if before.assignable_scopes.iter().all(keeps) && !after.assignable_scopes.iter().any(is_group) {
            return Ok(());
        }
        let (access, tenant) = (&self.platform().access, change.caller.tenant);
        if !access.is_assigned(change.tx, tenant, after.id)? {
            return Ok(());
        }
        const BATCH: usize = 1000;
        let mut from = None;
        loop {
            let assigned = access.assignments_of_role_page(tenant, after.id, from.as_ref(), BATCH)?;
            for assignment in &assigned {
                if !is_assignable(after, &self.lineage(tenant, &assignment.scope)) {
                    return Err(left_outside(after.id, &assignment.scope));
                }
                if is_group(&assignment.scope) && reaches_data(after) {
                    return Err(reaches_data_of_group(after.id, &assignment.scope));
                }
            }
            match assigned.last() {
                Some(last) if assigned.len() == BATCH => from = Some(last.position()),
                _ => return Ok(()),
            }
        }
    }

    fn check_unique(
        &self,
        caller: &Caller,
        definition: &RoleDefinition,
        exists: bool,
    ) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        let same = access.role_named(caller.tenant, &definition.name);
        if same.is_some_and(|other| other.definition.id != definition.id) {
            return Err(ResourceError::Conflict {
                code: "RoleDefinitionWithSameNameExists",
                message:
                    "A custom role with the same name already exists in this directory. Use a different name"
                        .into(),
            });
        }
        let most = self.limits().custom_roles;
        if !exists && access.custom_role_count(caller.tenant) >= most as usize {
            return Err(bad(
                "RoleDefinitionLimitExceeded",
                format!("The limit of {most} custom roles in this directory is reached."),
            ));
        }
        Ok(())
    }
}

fn path(scope: &Scope, id: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/roleDefinitions/{id}", base_of(scope))
}

fn no_guid(id: &str) -> ResourceError {
    bad(
        "InvalidRoleDefinitionId",
        format!(
            "The role definition ID '{}' is not valid. The role definition ID must be a GUID.",
            super::bodies::excerpt(id)
        ),
    )
}

fn has_assignments(id: RoleDefinitionId) -> ResourceError {
    bad(
        "RoleDefinitionHasAssignments",
        format!("There are existing role assignments referencing role (code: {id})."),
    )
}

fn reaches_data_of_group(id: RoleDefinitionId, scope: &Scope) -> ResourceError {
    ResourceError::Conflict {
        code: "RoleDefinitionHasAssignments",
        message: format!(
            "The role definition '{id}' has a role assignment at the management group '{scope}', so that it cannot \
             have DataActions. Delete the assignment first."
        ),
    }
}

fn left_outside(id: RoleDefinitionId, scope: &Scope) -> ResourceError {
    ResourceError::Conflict {
        code: "RoleDefinitionHasAssignments",
        message: format!(
            "The role definition '{id}' has a role assignment at '{scope}', which is not within the requested \
             assignable scopes. Delete the assignment first or keep a scope that contains it."
        ),
    }
}
