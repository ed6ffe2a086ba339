//! `elevateAccess`: a Global Administrator becomes User Access Administrator at the tenant root (reference rbac.md
//! section 11). It is undone like any assignment, by deleting it at `/`.

use gatepost_access::{Caller, DenialCause, Denied, DirectoryAction, RoleAssignment};
use gatepost_names::{RoleAssignmentName, Scope};
use gatepost_rbac::builtin;
use uuid::Uuid;

use super::assignment_writes::path;
use crate::activity::Intended;
use crate::{ResourceError, Resources};

const ELEVATE: &str = "Microsoft.Authorization/elevateAccess/action";

impl Resources {
    /// Makes the caller User Access Administrator at `/`; nothing happens if it is already.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] for everybody but a Global Administrator.
    pub fn elevate_access(&self, caller: &Caller) -> Result<(), ResourceError> {
        let (access, root) = (&self.platform().access, Scope::root());
        if access.require_directory(caller, DirectoryAction::ElevateAccess).is_err() {
            return Err(self.refused(caller, not_global_administrator(caller)));
        }
        let name = RoleAssignmentName(Uuid::new_v4());
        let intended = Intended::post(ELEVATE, &root)
            .of(path(&root, &name.to_string()))
            .allowed_as("Global Administrator");
        self.change(caller, intended, |attempt| {
            attempt.commit(|change| {
                let (tenant, role) = (caller.tenant, builtin::USER_ACCESS_ADMINISTRATOR);
                if access.same_assignment(change.tx, tenant, &root, role, caller.object_id)?.is_some() {
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
