//! Role definitions, built-in and custom.

use std::sync::{Arc, LazyLock};

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::{PermissionBlock, RoleDefinition, builtin};
use gatepost_store::access::{self as table, Changes, RoleRow};
use gatepost_store::{Conn, StoreError, Tx, assignments};

use crate::Access;
use crate::state::State;

/// A role definition with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRole {
    /// The definition.
    pub definition: RoleDefinition,
    /// When it was made. Of the built-in roles this server does not know; they all have the Unix epoch.
    pub created_on: Timestamp,
    /// When it was last changed.
    pub updated_on: Timestamp,
    /// Who made it; nobody, for a built-in role.
    pub created_by: Option<ObjectId>,
    /// Who changed it last.
    pub updated_by: Option<ObjectId>,
}

impl StoredRole {
    fn built_in(definition: &RoleDefinition) -> StoredRole {
        StoredRole {
            definition: definition.clone(),
            created_on: Timestamp::UNIX_EPOCH,
            updated_on: Timestamp::UNIX_EPOCH,
            created_by: None,
            updated_by: None,
        }
    }

    pub(crate) fn from_row(row: RoleRow) -> Result<StoredRole, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt(format!("role definition {}: {what}", row.id));
        let permissions: Vec<PermissionBlock> =
            serde_json::from_str(&row.permissions).map_err(|error| corrupt(error.to_string()))?;
        let scopes: Vec<String> =
            serde_json::from_str(&row.assignable_scopes).map_err(|error| corrupt(error.to_string()))?;
        let scopes = scopes.iter().map(|scope| Scope::parse(scope));
        Ok(StoredRole {
            definition: RoleDefinition {
                id: row.id,
                assignable_scopes: scopes.collect::<Result<_, _>>().map_err(|e| corrupt(e.to_string()))?,
                permissions,
                name: row.name,
                description: row.description,
                built_in: false,
            },
            created_on: from_micros(row.changes.created_at),
            updated_on: from_micros(row.changes.updated_at),
            created_by: row.changes.created_by,
            updated_by: row.changes.updated_by,
        })
    }

    fn to_row(&self, tenant: TenantId) -> Result<RoleRow, StoreError> {
        let unwritable = |error: serde_json::Error| StoreError::Engine(error.to_string());
        let definition = &self.definition;
        let scopes: Vec<&str> = definition.assignable_scopes.iter().map(Scope::as_str).collect();
        Ok(RoleRow {
            tenant,
            id: definition.id,
            name: definition.name.clone(),
            description: definition.description.clone(),
            permissions: serde_json::to_string(&definition.permissions).map_err(unwritable)?,
            assignable_scopes: serde_json::to_string(&scopes).map_err(unwritable)?,
            changes: Changes {
                created_at: self.created_on.as_microsecond(),
                created_by: self.created_by,
                updated_at: self.updated_on.as_microsecond(),
                updated_by: self.updated_by,
            },
        })
    }
}

impl State {
    /// The definition of a role that a tenant can assign.
    pub(crate) fn definition(&self, tenant: TenantId, id: RoleDefinitionId) -> Option<&RoleDefinition> {
        let custom = || self.roles.get(&(tenant, id)).map(|role| &role.definition);
        builtin::role(id).or_else(custom)
    }
}

impl Access {
    /// A role, built-in or of the tenant.
    pub fn role(&self, tenant: TenantId, id: RoleDefinitionId) -> Option<StoredRole> {
        let custom = || self.state().roles.get(&(tenant, id)).map(|role| role.as_ref().clone());
        builtin::role(id).map(StoredRole::built_in).or_else(custom)
    }

    /// All roles: built-in ones, then those of the tenant, each in the order of their ids.
    pub fn roles(&self, tenant: TenantId) -> Vec<Arc<StoredRole>> {
        static BUILT_IN: LazyLock<Vec<Arc<StoredRole>>> =
            LazyLock::new(|| builtin::roles().iter().map(StoredRole::built_in).map(Arc::new).collect());
        let mut roles = BUILT_IN.clone();
        roles.extend(self.custom_roles(tenant));
        roles
    }

    /// The tenant's own roles, in the order of their ids.
    pub fn custom_roles(&self, tenant: TenantId) -> Vec<Arc<StoredRole>> {
        let state = self.state();
        let of_tenant = state.roles.iter().filter(|((owner, _), _)| *owner == tenant);
        let mut roles: Vec<Arc<StoredRole>> = of_tenant.map(|(_, role)| Arc::clone(role)).collect();
        roles.sort_by_key(|role| role.definition.id);
        roles
    }

    /// How many roles the tenant has of its own.
    pub fn custom_role_count(&self, tenant: TenantId) -> usize {
        self.state().roles.keys().filter(|(owner, _)| *owner == tenant).count()
    }

    /// The role of a name, ignoring letter case; a built-in one goes before the tenant's own.
    pub fn role_named(&self, tenant: TenantId, name: &str) -> Option<StoredRole> {
        let name = name.to_lowercase();
        let is_it = |role: &RoleDefinition| role.name.to_lowercase() == name;
        if let Some(role) = builtin::roles().iter().find(|role| is_it(role)) {
            return Some(StoredRole::built_in(role));
        }
        let state = self.state();
        let mut of_tenant = state.roles.iter().filter(|((owner, _), _)| *owner == tenant);
        of_tenant.find(|(_, role)| is_it(&role.definition)).map(|(_, role)| role.as_ref().clone())
    }

    /// Whether a role is assigned anywhere in the tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_assigned(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        id: RoleDefinitionId,
    ) -> Result<bool, StoreError> {
        assignments::is_assigned(conn, tenant, id)
    }

    /// Adds a custom role, or changes it; assignments of it follow. What it must be like is for the caller to
    /// check (`gatepost_rbac::custom`).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another custom role has its name, or a built-in one its id.
    pub fn put_role(&self, tx: &Tx<'_>, tenant: TenantId, role: &StoredRole) -> Result<(), StoreError> {
        if builtin::role(role.definition.id).is_some() {
            return Err(StoreError::Conflict(format!("role {} is built in", role.definition.id)));
        }
        table::put_role(tx, &role.to_row(tenant)?)?;
        let mut role = role.clone();
        role.definition.built_in = false;
        self.after_commit(tx, move |state| {
            state.world_mut(tenant).put_role(&role.definition);
            let id = role.definition.id;
            Arc::make_mut(&mut state.roles).insert((tenant, id), Arc::new(role));
        });
        Ok(())
    }

    /// Deletes a custom role; nothing happens if there is none. That it is not assigned is for the caller to
    /// check.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_role(&self, tx: &Tx<'_>, tenant: TenantId, id: RoleDefinitionId) -> Result<(), StoreError> {
        table::delete_role(tx, tenant, id)?;
        self.after_commit(tx, move |state| {
            state.world_mut(tenant).remove_role(id);
            Arc::make_mut(&mut state.roles).remove(&(tenant, id));
        });
        Ok(())
    }
}
