//! `elevateAccess`: a Global Administrator becomes User Access Administrator at the tenant root (reference rbac.md
//! section 11). It is undone like any assignment, by deleting it at `/`.

use gatepost_access::{Access, Caller, DenialCause, Denied, DirectoryAction, RoleAssignment};
use gatepost_names::{RoleAssignmentName, Scope};
use gatepost_rbac::builtin;
use uuid::Uuid;

use super::assignment_writes::path;
use crate::activity::Intended;
use crate::provider::Change;
use crate::{ResourceError, Resources};

const ELEVATE: &str = "Microsoft.Authorization/elevateAccess/action";

impl Resources {
    /// Makes the caller User Access Administrator at `/`; nothing happens if it is already. An assignment with a
    /// condition or with times, which may grant nothing, loses these.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] for everybody but a Global Administrator.
    pub fn elevate_access(&self, caller: &Caller) -> Result<(), ResourceError> {
        let (access, root) = (&self.platform().access, Scope::root());
        if !may_elevate(access, caller) {
            return Err(self.refused(caller, not_global_administrator(caller)));
        }
        let name = RoleAssignmentName(Uuid::new_v4());
        let intended = Intended::post(ELEVATE, &root)
            .of(path(&root, &name.to_string()))
            .allowed_as("Global Administrator", may_elevate);
        self.change(caller, intended, |attempt| {
            attempt.commit(|change| {
                let (tenant, role) = (caller.tenant, builtin::USER_ACCESS_ADMINISTRATOR);
                let existing = access.same_assignment(change.tx, tenant, &root, role, caller.object_id)?;
                if let Some(existing) = existing {
                    if !is_plain(&existing) {
                        access.put_assignment(change.tx, &plain(existing, change))?;
                    }
                    return Ok(());
                }
                access.put_assignment(
                    change.tx,
                    &RoleAssignment {
                        name,
                        tenant,
                        scope: root.clone(),
                        role,
                        principal: caller.object_id,
                        principal_kind: caller.kind,
                        description: None,
                        condition: None,
                        condition_version: None,
                        starts: None,
                        ends: None,
                        created_on: change.now,
                        updated_on: change.now,
                        created_by: Some(caller.object_id),
                        updated_by: Some(caller.object_id),
                    },
                )?;
                Ok(())
            })
        })
    }
}

fn may_elevate(access: &Access, caller: &Caller) -> bool {
    access.require_directory(caller, DirectoryAction::ElevateAccess).is_ok()
}

/// Whether an assignment grants at all times and without a condition.
fn is_plain(assignment: &RoleAssignment) -> bool {
    assignment.condition.is_none() && assignment.starts.is_none() && assignment.ends.is_none()
}

/// The same assignment without what narrows it.
fn plain(existing: RoleAssignment, change: &Change<'_>) -> RoleAssignment {
    RoleAssignment {
        condition: None,
        condition_version: None,
        starts: None,
        ends: None,
        updated_on: change.now,
        updated_by: Some(change.caller.object_id),
        ..existing
    }
}

/// No role of Azure allows it: the directory's does.
fn not_global_administrator(caller: &Caller) -> Denied {
    Denied {
        client: caller.client.clone(),
        object_id: caller.object_id,
        action: ELEVATE.to_owned(),
        scope: Scope::root(),
        cause: Box::new(DenialCause::NoAssignment),
    }
}
