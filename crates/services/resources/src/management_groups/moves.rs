//! Who may move a management group or a subscription: rights come from above, so a move changes them.
//!
//! As in Azure: the right to write the group and to assign roles at what is moved, and the right to write the group
//! that it leaves and the one that it enters. The root group is the exception: everything begins there, so taking
//! something out of it or putting it back needs no right at it.

use gatepost_access::{Caller, ManagementGroup, StoredRole};
use gatepost_names::{RoleDefinitionId, Scope, TenantId};

use super::{WRITE, forest};
use crate::authorization::{WRITE_ASSIGNMENT, is_assignable};
use crate::{ResourceError, Resources};

/// Assignments read at a time.
const PAGE: usize = 1000;

impl Resources {
    /// Checks that the caller, who was let through for `done`, may move what `subject` names, and that it can go.
    ///
    /// # Errors
    /// [`ResourceError::LinkedDenied`]; [`ResourceError::Conflict`] where a custom role is assigned in it that is
    /// not assignable where it goes.
    pub(super) fn check_move(
        &self,
        caller: &Caller,
        done: (&str, &Scope),
        subject: &Scope,
        from: Option<&ManagementGroup>,
        to: &ManagementGroup,
    ) -> Result<(), ResourceError> {
        self.require_linked(caller, done, WRITE_ASSIGNMENT, subject)?;
        let groups = from.into_iter().chain([to]).filter(|group| group.parent.is_some());
        for group in groups {
            self.require_linked(caller, done, WRITE, &forest::scope(&group.name))?;
        }
        self.check_assignable_after(caller.tenant, subject, to)
    }

    /// Whoever may write at the assignable scopes of a custom role says what it grants: an assignment of it does
    /// not leave them.
    fn check_assignable_after(
        &self,
        tenant: TenantId,
        subject: &Scope,
        to: &ManagementGroup,
    ) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        let before = access.ancestors_of(tenant, subject);
        let above = access.ancestors_of(tenant, &forest::scope(&to.name));
        let is_lost = |scope: &Scope| scope != subject && before.contains(scope) && !above.contains(scope);
        let loses = |role: &StoredRole| role.definition.assignable_scopes.iter().any(is_lost);
        for role in access.custom_roles(tenant).iter().filter(|role| loses(role)) {
            let id = role.definition.id;
            let mut after = None;
            loop {
                let page = access.assignments_of_role_page(tenant, id, after.as_ref(), PAGE)?;
                for assignment in &page {
                    let mut lineage = access.ancestors_of(tenant, &assignment.scope);
                    if !lineage.contains(subject) {
                        continue;
                    }
                    lineage.retain(|scope| !is_lost(scope));
                    lineage.extend(above.iter().cloned());
                    if !is_assignable(&role.definition, &lineage) {
                        return Err(left_outside(id, &assignment.scope, subject, to));
                    }
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => after = Some(last.position()),
                    _ => break,
                }
            }
        }
        Ok(())
    }
}

fn left_outside(id: RoleDefinitionId, at: &Scope, subject: &Scope, to: &ManagementGroup) -> ResourceError {
    ResourceError::Conflict {
        code: "RoleDefinitionHasAssignments",
        message: format!(
            "'{subject}' cannot be moved into the management group '{}': the custom role '{id}' has a role assignment \
             at '{at}', which would not be within its assignable scopes. Delete the assignment first or add a scope \
             that contains it.",
            to.name
        ),
    }
}
