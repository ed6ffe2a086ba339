//! Directory roles and decisions over the directory's own objects.

use std::sync::Arc;

use gatepost_names::{ObjectId, PrincipalKind, TenantId};
use gatepost_rbac::directory::{DirectoryAction, Target, allows, name};
use gatepost_rbac::graph_permissions::{ACCESS_AS_USER, permits, permits_delegated};
use gatepost_store::access::{self as table, DirectoryRoleRow};
use gatepost_store::{StoreError, Tx};
use uuid::Uuid;

use crate::{Access, Caller, DirectoryDenied};

impl Access {
    /// Whether the caller may do this to any object of its directory that nobody in particular owns.
    ///
    /// # Errors
    /// [`DirectoryDenied`] with the roles that would allow it.
    pub fn require_directory(&self, caller: &Caller, action: DirectoryAction) -> Result<(), DirectoryDenied> {
        self.require_directory_on(caller, action, &Target::default())
    }

    /// Whether the caller may do this to this object of its directory; a client that acts for a user, whether both
    /// may.
    ///
    /// # Errors
    /// [`DirectoryDenied`] with the roles that would allow it.
    pub fn require_directory_on(
        &self,
        caller: &Caller,
        action: DirectoryAction,
        target: &Target,
    ) -> Result<(), DirectoryDenied> {
        let held = self.effective_directory_roles(caller.tenant, caller.object_id);
        let given = caller.scopes.as_deref().is_none_or(|scopes| permits_delegated(action, scopes, target));
        if given && allows(action, caller.kind, &held, target) {
            return Ok(());
        }
        Err(denied(caller, action, &held))
    }

    /// Whether a client that acts for a user may do all that the user may: nothing less lets it set passwords.
    ///
    /// # Errors
    /// [`DirectoryDenied`].
    pub fn require_access_as_user(
        &self,
        caller: &Caller,
        action: DirectoryAction,
    ) -> Result<(), DirectoryDenied> {
        let given = caller
            .scopes
            .as_deref()
            .is_none_or(|scopes| scopes.iter().any(|scope| scope.eq_ignore_ascii_case(ACCESS_AS_USER)));
        if given {
            return Ok(());
        }
        Err(denied(caller, action, &self.effective_directory_roles(caller.tenant, caller.object_id)))
    }

    /// As [`Access::require_directory_on`], for an application that has application permissions of Microsoft
    /// Graph, by their values.
    ///
    /// # Errors
    /// [`DirectoryDenied`].
    pub fn require_directory_with(
        &self,
        caller: &Caller,
        action: DirectoryAction,
        target: &Target,
        permissions: &[String],
    ) -> Result<(), DirectoryDenied> {
        if caller.kind == PrincipalKind::ServicePrincipal && permits(action, permissions, target) {
            return Ok(());
        }
        self.require_directory_on(caller, action, target)
    }

    /// The template ids of the directory roles that a principal has, itself or as a member of a group.
    pub fn effective_directory_roles(&self, tenant: TenantId, principal: ObjectId) -> Vec<Uuid> {
        let mut roles = self.directory_roles(tenant, principal);
        for group in self.groups_of(tenant, principal) {
            roles.extend(self.directory_roles(tenant, group));
        }
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// The template ids of the directory roles of a principal.
    pub fn directory_roles(&self, tenant: TenantId, principal: ObjectId) -> Vec<Uuid> {
        self.state().directory_roles.get(&(tenant, principal)).cloned().unwrap_or_default()
    }

    /// Who has a directory role itself, in the order of ids.
    pub fn directory_role_holders(&self, tenant: TenantId, template: Uuid) -> Vec<ObjectId> {
        let state = self.state();
        let mut holders: Vec<ObjectId> = state
            .directory_roles
            .iter()
            .filter(|((of, _), held)| *of == tenant && held.contains(&template))
            .map(|((_, principal), _)| *principal)
            .collect();
        holders.sort_unstable();
        holders
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

fn denied(caller: &Caller, action: DirectoryAction, held: &[Uuid]) -> DirectoryDenied {
    DirectoryDenied {
        client: caller.client.clone(),
        object_id: caller.object_id,
        action,
        roles: held.iter().filter_map(|role| name(*role)).collect(),
    }
}
