//! Directory roles and decisions over the directory's own objects.

use std::sync::Arc;

use gatepost_names::{ObjectId, TenantId};
use gatepost_rbac::directory::{DirectoryAction, allows, name};
use gatepost_store::access::{self as table, DirectoryRoleRow};
use gatepost_store::{StoreError, Tx};
use uuid::Uuid;

use crate::{Access, Caller, DirectoryDenied};

impl Access {
    /// Whether the caller may do this to any object of its directory. Rights over its own objects are for the
    /// directory to add.
    ///
    /// # Errors
    /// [`DirectoryDenied`] with the roles that would allow it.
    pub fn require_directory(&self, caller: &Caller, action: DirectoryAction) -> Result<(), DirectoryDenied> {
        let state = self.state();
        let held = state.directory_roles.get(&(caller.tenant, caller.object_id));
        let held = held.map_or(&[][..], Vec::as_slice);
        if allows(action, caller.kind, held) {
            return Ok(());
        }
        Err(DirectoryDenied {
            client: caller.client.clone(),
            object_id: caller.object_id,
            action,
            roles: held.iter().filter_map(|role| name(*role)).collect(),
        })
    }

    /// The template ids of the directory roles of a principal.
    pub fn directory_roles(&self, tenant: TenantId, principal: ObjectId) -> Vec<Uuid> {
        self.state().directory_roles.get(&(tenant, principal)).cloned().unwrap_or_default()
    }

    /// Gives a principal a directory role; nothing happens if it has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_directory_role(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        principal: ObjectId,
        template: Uuid,
    ) -> Result<(), StoreError> {
        let row = DirectoryRoleRow { tenant, principal, template };
        table::put_directory_role(tx, &row, self.0.clock.micros())?;
        self.after_commit(tx, move |state| {
            let held = Arc::make_mut(&mut state.directory_roles).entry((tenant, principal)).or_default();
            if !held.contains(&template) {
                held.push(template);
            }
        });
        Ok(())
    }

    /// Takes a directory role from a principal; answers whether it had it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_directory_role(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        principal: ObjectId,
        template: Uuid,
    ) -> Result<bool, StoreError> {
        let had = table::delete_directory_role(tx, &DirectoryRoleRow { tenant, principal, template })?;
        self.after_commit(tx, move |state| {
            let all = Arc::make_mut(&mut state.directory_roles);
            if let Some(held) = all.get_mut(&(tenant, principal)) {
                held.retain(|role| *role != template);
                if held.is_empty() {
                    all.remove(&(tenant, principal));
                }
            }
        });
        Ok(had)
    }
}
