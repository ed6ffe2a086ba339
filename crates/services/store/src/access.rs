//! Role definitions and directory roles. Called by `gatepost-access` alone: whoever writes
//! here without it leaves the decisions in memory behind.

use gatepost_names::{ObjectId, RoleDefinitionId, TenantId};
use uuid::Uuid;

use crate::{Conn, Row, StoreError, Tx, params};

/// A custom role definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRow {
    /// The tenant.
    pub tenant: TenantId,
    /// Its GUID.
    pub id: RoleDefinitionId,
    /// `roleName`.
    pub name: String,
    /// `description`.
    pub description: String,
    /// `permissions`, as JSON.
    pub permissions: String,
    /// `assignableScopes`, as JSON.
    pub assignable_scopes: String,
    /// Who changed it and when.
    pub changes: Changes,
}

/// Who made and last changed a row, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// When it was made.
    pub created_at: i64,
    /// By whom.
    pub created_by: Option<ObjectId>,
    /// When it was last changed.
    pub updated_at: i64,
    /// By whom.
    pub updated_by: Option<ObjectId>,
}

/// A directory role that a principal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryRoleRow {
    /// The tenant.
    pub tenant: TenantId,
    /// Who has it.
    pub principal: ObjectId,
    /// The role's template id.
    pub template: Uuid,
}

/// Adds a custom role, or changes all of it but its creation.
///
/// # Errors
/// [`StoreError::Conflict`] if another role of the tenant has this name, in whichever letter case.
pub fn put_role(tx: &Tx<'_>, role: &RoleRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO role_definitions (tenant_id, id, name, name_key, description, permissions, \
         assignable_scopes, created_at, created_by, updated_at, updated_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (tenant_id, id) DO UPDATE SET name = ?3, name_key = ?4, description = ?5, \
         permissions = ?6, assignable_scopes = ?7, updated_at = ?10, updated_by = ?11",
        params![
            role.tenant.bytes(),
            role.id.bytes(),
            &role.name,
            role.name.to_lowercase(),
            &role.description,
            &role.permissions,
            &role.assignable_scopes,
            role.changes.created_at,
            role.changes.created_by.map(|id| id.0),
            role.changes.updated_at,
            role.changes.updated_by.map(|id| id.0),
        ],
    )
    .map(|_| ())
}

/// Deletes a custom role; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_role(tx: &Tx<'_>, tenant: TenantId, id: RoleDefinitionId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM role_definitions WHERE tenant_id = ?1 AND id = ?2";
    Ok(tx.execute(sql, params![tenant.bytes(), id.bytes()])? > 0)
}

/// The custom roles of all tenants.
///
/// # Errors
/// [`StoreError`].
pub fn roles(conn: &Conn<'_>) -> Result<Vec<RoleRow>, StoreError> {
    conn.query(
        "SELECT tenant_id, id, name, description, permissions, assignable_scopes, \
         created_at, created_by, updated_at, updated_by FROM role_definitions ORDER BY tenant_id, id",
        &[],
        |row| {
            Ok(RoleRow {
                tenant: TenantId(row.uuid(0)?),
                id: RoleDefinitionId(row.uuid(1)?),
                name: row.text(2)?,
                description: row.text(3)?,
                permissions: row.text(4)?,
                assignable_scopes: row.text(5)?,
                changes: changes_of(row, 6)?,
            })
        },
    )
}

/// Gives a principal a directory role; nothing happens if it has it.
///
/// # Errors
/// [`StoreError`].
pub fn put_directory_role(tx: &Tx<'_>, row: &DirectoryRoleRow, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_role_assignments (tenant_id, principal_id, template_id, created_at) \
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![row.tenant.bytes(), row.principal.bytes(), row.template, now],
    )
    .map(|_| ())
}

/// Takes a directory role from a principal; answers whether it had it.
///
/// # Errors
/// [`StoreError`].
pub fn delete_directory_role(tx: &Tx<'_>, row: &DirectoryRoleRow) -> Result<bool, StoreError> {
    let sql = "DELETE FROM directory_role_assignments \
               WHERE tenant_id = ?1 AND principal_id = ?2 AND template_id = ?3";
    Ok(tx.execute(sql, params![row.tenant.bytes(), row.principal.bytes(), row.template])? > 0)
}

/// The directory roles of all principals of all tenants.
///
/// # Errors
/// [`StoreError`].
pub fn directory_roles(conn: &Conn<'_>) -> Result<Vec<DirectoryRoleRow>, StoreError> {
    conn.query(
        "SELECT tenant_id, principal_id, template_id FROM directory_role_assignments \
         ORDER BY tenant_id, principal_id, template_id",
        &[],
        |row| {
            Ok(DirectoryRoleRow {
                tenant: TenantId(row.uuid(0)?),
                principal: ObjectId(row.uuid(1)?),
                template: row.uuid(2)?,
            })
        },
    )
}

/// Who has a directory role itself, in the order of ids.
///
/// # Errors
/// [`StoreError`].
pub fn directory_role_holders(
    conn: &Conn<'_>,
    tenant: TenantId,
    template: Uuid,
) -> Result<Vec<ObjectId>, StoreError> {
    conn.query(
        "SELECT principal_id FROM directory_role_assignments \
         WHERE tenant_id = ?1 AND template_id = ?2 ORDER BY principal_id",
        params![tenant.bytes(), template],
        |row| Ok(ObjectId(row.uuid(0)?)),
    )
}

pub(crate) fn changes_of(row: &Row<'_>, first: usize) -> Result<Changes, StoreError> {
    Ok(Changes {
        created_at: row.int(first)?,
        created_by: row.opt_uuid(first + 1)?.map(ObjectId),
        updated_at: row.int(first + 2)?,
        updated_by: row.opt_uuid(first + 3)?.map(ObjectId),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Tenant, insert_tenant};

    const TENANT: TenantId = TenantId(Uuid::from_u128(7));

    fn temporary() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
        store.write(|tx| insert_tenant(tx, &tenant, 1)).unwrap();
        (dir, store)
    }

    #[test]
    fn role_names_are_unique_in_a_tenant() {
        let (_dir, store) = temporary();
        let role = |id: u128, name: &str| RoleRow {
            tenant: TENANT,
            id: RoleDefinitionId(Uuid::from_u128(id)),
            name: name.to_owned(),
            description: String::new(),
            permissions: "[]".to_owned(),
            assignable_scopes: "[]".to_owned(),
            changes: Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None },
        };
        store.write(|tx| put_role(tx, &role(1, "Sender"))).unwrap();
        store.write(|tx| put_role(tx, &role(1, "SENDER"))).unwrap();
        let clash = store.write(|tx| put_role(tx, &role(2, "sender")));
        assert!(matches!(clash, Err(StoreError::Conflict(_))));
        assert!(store.write(|tx| delete_role(tx, TENANT, role(1, "").id)).unwrap());
        assert_eq!(store.read(roles).unwrap(), []);
    }
}
