//! Role assignments. Called by `gatepost-access` alone: whoever writes here without it leaves the decisions in
//! memory behind.

use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};

use crate::access::{Changes, changes_of};
use crate::reach::Reach;
use crate::{Conn, Param, Row, StoreError, Tx, params};

mod pages;
#[cfg(test)]
mod tests;

pub use pages::{Position, assignments_of_principals_page, assignments_of_role_page, assignments_page};

/// A role assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRow {
    /// The tenant.
    pub tenant: TenantId,
    /// The GUID that names it.
    pub name: RoleAssignmentName,
    /// Where.
    pub scope: Scope,
    /// Which role.
    pub role: RoleDefinitionId,
    /// Who gets it.
    pub principal: ObjectId,
    /// What the principal is.
    pub principal_kind: PrincipalKind,
    /// A remark.
    pub description: Option<String>,
    /// A condition.
    pub condition: Option<String>,
    /// The version of the condition's language.
    pub condition_version: Option<String>,
    /// From when it grants.
    pub starts_at: Option<i64>,
    /// Until when.
    pub ends_at: Option<i64>,
    /// Who changed it and when.
    pub changes: Changes,
}

/// What a decision needs of an assignment, borrowed from its row.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of AssignmentRow")]
pub struct HeldRow<'a> {
    pub tenant: TenantId,
    pub name: RoleAssignmentName,
    pub scope: &'a str,
    pub role: RoleDefinitionId,
    pub principal: ObjectId,
    pub condition: Option<&'a str>,
    pub starts_at: Option<i64>,
    pub ends_at: Option<i64>,
}

/// Adds an assignment, or changes description, condition, times and `updated` of the one of this name. Scope,
/// role and principal never change.
///
/// # Errors
/// [`StoreError::Conflict`] if the name is taken by an assignment of another scope, role or principal, or if
/// these three are assigned under another name.
pub fn put_assignment(tx: &Tx<'_>, a: &AssignmentRow) -> Result<(), StoreError> {
    let changed = tx.execute(
        "INSERT INTO role_assignments (tenant_id, name, scope, scope_key, role_id, principal_id, \
         principal_kind, description, condition, condition_version, created_at, created_by, updated_at, \
         updated_by, starts_at, ends_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
         ON CONFLICT (tenant_id, name) DO UPDATE SET description = ?8, condition = ?9, \
         condition_version = ?10, updated_at = ?13, updated_by = ?14, starts_at = ?15, ends_at = ?16 \
         WHERE scope_key = ?4 AND role_id = ?5 AND principal_id = ?6",
        params![
            a.tenant.bytes(),
            a.name.bytes(),
            a.scope.as_str(),
            a.scope.key(),
            a.role.bytes(),
            a.principal.bytes(),
            a.principal_kind.as_str(),
            a.description.as_ref(),
            a.condition.as_ref(),
            a.condition_version.as_ref(),
            a.changes.created_at,
            a.changes.created_by.map(|id| id.0),
            a.changes.updated_at,
            a.changes.updated_by.map(|id| id.0),
            a.starts_at,
            a.ends_at,
        ],
    )?;
    if changed == 0 {
        return Err(StoreError::Conflict(format!("role assignment {} is about something else", a.name)));
    }
    Ok(())
}

/// Deletes an assignment; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_assignment(
    tx: &Tx<'_>,
    tenant: TenantId,
    name: RoleAssignmentName,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM role_assignments WHERE tenant_id = ?1 AND name = ?2";
    Ok(tx.execute(sql, params![tenant.bytes(), name.bytes()])? > 0)
}

const ASSIGNMENT: &str = "SELECT tenant_id, name, scope, role_id, principal_id, principal_kind, description, \
     condition, condition_version, created_at, created_by, updated_at, updated_by, starts_at, ends_at \
     FROM role_assignments";

/// The assignment of a name.
///
/// # Errors
/// [`StoreError`].
pub fn assignment(
    conn: &Conn<'_>,
    tenant: TenantId,
    name: RoleAssignmentName,
) -> Result<Option<AssignmentRow>, StoreError> {
    conn.query_one(
        &format!("{ASSIGNMENT} WHERE tenant_id = ?1 AND name = ?2"),
        params![tenant.bytes(), name.bytes()],
        assignment_of,
    )
}

/// The assignment of a role to a principal at exactly this scope.
///
/// # Errors
/// [`StoreError`].
pub fn assignment_of_triple(
    conn: &Conn<'_>,
    tenant: TenantId,
    scope: &Scope,
    role: RoleDefinitionId,
    principal: ObjectId,
) -> Result<Option<AssignmentRow>, StoreError> {
    conn.query_one(
        &format!(
            "{ASSIGNMENT} WHERE tenant_id = ?1 AND scope_key = ?2 AND role_id = ?3 AND principal_id = ?4"
        ),
        params![tenant.bytes(), scope.key(), role.bytes(), principal.bytes()],
        assignment_of,
    )
}

/// The assignments of all tenants, each handed to `take`: there may be very many.
///
/// # Errors
/// [`StoreError`].
pub fn each_assignment(
    conn: &Conn<'_>,
    mut take: impl FnMut(HeldRow<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = "SELECT tenant_id, name, scope, role_id, principal_id, condition, starts_at, ends_at \
               FROM role_assignments";
    conn.query_each(sql, &[], |row| {
        take(HeldRow {
            tenant: TenantId(row.uuid(0)?),
            name: RoleAssignmentName(row.uuid(1)?),
            scope: row.text_ref(2)?,
            role: RoleDefinitionId(row.uuid(3)?),
            principal: ObjectId(row.uuid(4)?),
            condition: row.opt_text_ref(5)?,
            starts_at: row.opt_int(6)?,
            ends_at: row.opt_int(7)?,
        })
    })
}

/// How many assignments there are at a scope and below it; it stops counting at `most`.
///
/// # Errors
/// [`StoreError`].
pub fn count_at_or_below(
    conn: &Conn<'_>,
    tenant: TenantId,
    scope: &Scope,
    most: i64,
) -> Result<i64, StoreError> {
    let (after, before) = Reach::keys_below(scope.key());
    let below = count(
        conn,
        "SELECT count(*) FROM (SELECT 1 FROM role_assignments \
         WHERE tenant_id = ?1 AND scope_key > ?2 AND scope_key < ?3 LIMIT ?4)",
        params![tenant.bytes(), after, before, most],
    )?;
    Ok(count_at(conn, tenant, scope, most)?.saturating_add(below).min(most))
}

/// How many assignments there are at exactly this scope; it stops counting at `most`.
///
/// # Errors
/// [`StoreError`].
pub fn count_at(conn: &Conn<'_>, tenant: TenantId, scope: &Scope, most: i64) -> Result<i64, StoreError> {
    count(
        conn,
        "SELECT count(*) FROM (SELECT 1 FROM role_assignments \
         WHERE tenant_id = ?1 AND scope_key = ?2 LIMIT ?3)",
        params![tenant.bytes(), scope.key(), most],
    )
}

fn count(conn: &Conn<'_>, sql: &str, params: &[Param<'_>]) -> Result<i64, StoreError> {
    conn.query_one(sql, params, |row| row.int(0)).map(|count| count.unwrap_or(0))
}

/// Whether a role is assigned anywhere in a tenant.
///
/// # Errors
/// [`StoreError`].
pub fn is_assigned(conn: &Conn<'_>, tenant: TenantId, role: RoleDefinitionId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM role_assignments WHERE tenant_id = ?1 AND role_id = ?2 LIMIT 1";
    Ok(conn.query_one(sql, params![tenant.bytes(), role.bytes()], |row| row.int(0))?.is_some())
}

fn assignment_of(row: &Row<'_>) -> Result<AssignmentRow, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt(format!("role assignment: {what}"));
    let kind = row.text_ref(5)?;
    Ok(AssignmentRow {
        tenant: TenantId(row.uuid(0)?),
        name: RoleAssignmentName(row.uuid(1)?),
        scope: Scope::parse(row.text_ref(2)?).map_err(|error| corrupt(error.to_string()))?,
        role: RoleDefinitionId(row.uuid(3)?),
        principal: ObjectId(row.uuid(4)?),
        principal_kind: PrincipalKind::parse(kind).ok_or_else(|| corrupt(format!("kind {kind}")))?,
        description: row.opt_text(6)?,
        condition: row.opt_text(7)?,
        condition_version: row.opt_text(8)?,
        changes: changes_of(row, 9)?,
        starts_at: row.opt_int(13)?,
        ends_at: row.opt_int(14)?,
    })
}
