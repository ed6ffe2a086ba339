//! Who has which app role of which service principal.

use gatepost_names::{ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, Row, StoreError, Tx, params};

/// An app role that a principal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppRoleRow {
    /// The id of the assignment.
    pub id: Uuid,
    /// The user, group or service principal.
    pub principal: ObjectId,
    /// The service principal whose role it is.
    pub resource: ObjectId,
    /// The role; nil for access without a role.
    pub role: Uuid,
    /// When it was given, in microseconds.
    pub created_at: i64,
}

const COLUMNS: &str = "a.id, a.principal_id, a.resource_id, a.app_role_id, a.created_at";

/// Only assignments whose both ends live.
const LIVING: &str = "JOIN directory_objects AS p ON p.tenant_id = a.tenant_id AND p.id = a.principal_id \
     JOIN directory_objects AS r ON r.tenant_id = a.tenant_id AND r.id = a.resource_id";

fn assignment_of(row: &Row<'_>) -> Result<AppRoleRow, StoreError> {
    Ok(AppRoleRow {
        id: row.uuid(0)?,
        principal: ObjectId(row.uuid(1)?),
        resource: ObjectId(row.uuid(2)?),
        role: row.uuid(3)?,
        created_at: row.int(4)?,
    })
}

/// Gives an app role.
///
/// # Errors
/// [`StoreError::Conflict`] if the principal has it.
pub fn insert_app_role(tx: &Tx<'_>, tenant: TenantId, row: &AppRoleRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO app_role_assignments (tenant_id, id, principal_id, resource_id, app_role_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            tenant.bytes(),
            row.id,
            row.principal.bytes(),
            row.resource.bytes(),
            row.role,
            row.created_at,
        ],
    )
    .map(|_| ())
}

/// Takes an app role; whether it was there.
///
/// # Errors
/// [`StoreError`].
pub fn delete_app_role(tx: &Tx<'_>, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM app_role_assignments WHERE tenant_id = ?1 AND id = ?2",
        params![tenant.bytes(), id],
    )?;
    Ok(removed > 0)
}

/// One assignment.
///
/// # Errors
/// [`StoreError`].
pub fn app_role(conn: &Conn<'_>, tenant: TenantId, id: Uuid) -> Result<Option<AppRoleRow>, StoreError> {
    conn.query_one(
        &format!(
            "SELECT {COLUMNS} FROM app_role_assignments AS a {LIVING} WHERE a.tenant_id = ?1 AND a.id = ?2 \
             AND p.deleted_at IS NULL AND r.deleted_at IS NULL"
        ),
        params![tenant.bytes(), id],
        assignment_of,
    )
}

/// At most `limit` assignments of a principal, by id, after one.
///
/// # Errors
/// [`StoreError`].
pub fn app_roles_of(
    conn: &Conn<'_>,
    tenant: TenantId,
    principal: ObjectId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<AppRoleRow>, StoreError> {
    list(conn, tenant, "principal_id", principal, after, limit)
}

/// At most `limit` assignments of the roles of a resource, by id, after one.
///
/// # Errors
/// [`StoreError`].
pub fn app_roles_for(
    conn: &Conn<'_>,
    tenant: TenantId,
    resource: ObjectId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<AppRoleRow>, StoreError> {
    list(conn, tenant, "resource_id", resource, after, limit)
}

fn list(
    conn: &Conn<'_>,
    tenant: TenantId,
    side: &str,
    of: ObjectId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<AppRoleRow>, StoreError> {
    let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM app_role_assignments AS a {LIVING} WHERE a.tenant_id = ?1 AND a.{side} = ?2 \
             AND a.id > ?3 AND p.deleted_at IS NULL AND r.deleted_at IS NULL ORDER BY a.id LIMIT ?4"
        ),
        params![tenant.bytes(), of.bytes(), after, limit],
        assignment_of,
    )
}

/// The roles of a resource that a principal has itself.
///
/// # Errors
/// [`StoreError`].
pub fn has_app_role(
    conn: &Conn<'_>,
    tenant: TenantId,
    principal: ObjectId,
    resource: ObjectId,
) -> Result<Vec<Uuid>, StoreError> {
    conn.query(
        "SELECT app_role_id FROM app_role_assignments \
         WHERE tenant_id = ?1 AND principal_id = ?2 AND resource_id = ?3",
        params![tenant.bytes(), principal.bytes(), resource.bytes()],
        |row| row.uuid(0),
    )
}
