//! Role definitions, role assignments and directory roles. Called by `gatepost-access` alone: whoever writes
//! here without it leaves the decisions in memory behind.

use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
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

/// Adds an assignment, or changes description, condition and `updated` of the one of this name. Scope, role
/// and principal never change.
///
/// # Errors
/// [`StoreError::Conflict`] if the name is taken by an assignment of another scope, role or principal, or if
/// these three are assigned under another name.
pub fn put_assignment(tx: &Tx<'_>, a: &AssignmentRow) -> Result<(), StoreError> {
    let changed = tx.execute(
        "INSERT INTO role_assignments (tenant_id, name, scope, scope_key, role_id, principal_id, \
         principal_kind, description, condition, condition_version, created_at, created_by, updated_at, \
         updated_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (tenant_id, name) DO UPDATE SET description = ?8, condition = ?9, \
         condition_version = ?10, updated_at = ?13, updated_by = ?14 \
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
     condition, condition_version, created_at, created_by, updated_at, updated_by FROM role_assignments";

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
pub fn each_assignment(conn: &Conn<'_>, mut take: impl FnMut(AssignmentRow)) -> Result<(), StoreError> {
    conn.query(&format!("{ASSIGNMENT} ORDER BY tenant_id, name"), &[], |row| {
        take(assignment_of(row)?);
        Ok(())
    })
    .map(|_| ())
}

/// The assignments of a tenant, by name.
///
/// # Errors
/// [`StoreError`].
pub fn assignments(conn: &Conn<'_>, tenant: TenantId) -> Result<Vec<AssignmentRow>, StoreError> {
    conn.query(
        &format!("{ASSIGNMENT} WHERE tenant_id = ?1 ORDER BY name"),
        params![tenant.bytes()],
        assignment_of,
    )
}

/// The assignments at a scope and above it, nearest first.
///
/// # Errors
/// [`StoreError`].
pub fn assignments_at_or_above(
    conn: &Conn<'_>,
    tenant: TenantId,
    scope: &Scope,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let sql = format!("{ASSIGNMENT} WHERE tenant_id = ?1 AND scope_key = ?2 ORDER BY role_id, principal_id");
    let mut found = Vec::new();
    for above in scope.self_and_ancestors() {
        found.extend(conn.query(&sql, params![tenant.bytes(), above.key()], assignment_of)?);
    }
    Ok(found)
}

/// The assignments below a scope, without those at it, by scope.
///
/// # Errors
/// [`StoreError`].
pub fn assignments_below(
    conn: &Conn<'_>,
    tenant: TenantId,
    scope: &Scope,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let (after, before) = keys_below(scope);
    conn.query(
        &format!(
            "{ASSIGNMENT} WHERE tenant_id = ?1 AND scope_key > ?2 AND scope_key < ?3 \
             ORDER BY scope_key, role_id, principal_id"
        ),
        params![tenant.bytes(), after, before],
        assignment_of,
    )
}

/// The assignments of a principal itself, without those of its groups, by scope.
///
/// # Errors
/// [`StoreError`].
pub fn assignments_of_principal(
    conn: &Conn<'_>,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Vec<AssignmentRow>, StoreError> {
    conn.query(
        &format!("{ASSIGNMENT} WHERE tenant_id = ?1 AND principal_id = ?2 ORDER BY scope_key"),
        params![tenant.bytes(), principal.bytes()],
        assignment_of,
    )
}

/// How many assignments there are at a scope and below it.
///
/// # Errors
/// [`StoreError`].
pub fn count_at_or_below(conn: &Conn<'_>, tenant: TenantId, scope: &Scope) -> Result<i64, StoreError> {
    let (after, before) = keys_below(scope);
    let count = |sql: &str, params: &[crate::Param<'_>]| {
        conn.query_one(sql, params, |row| row.int(0)).map(|count| count.unwrap_or(0))
    };
    let below = count(
        "SELECT count(*) FROM role_assignments WHERE tenant_id = ?1 AND scope_key > ?2 AND scope_key < ?3",
        params![tenant.bytes(), after, before],
    )?;
    let at = count(
        "SELECT count(*) FROM role_assignments WHERE tenant_id = ?1 AND scope_key = ?2",
        params![tenant.bytes(), scope.key()],
    )?;
    Ok(at + below)
}

/// Whether a role is assigned anywhere in a tenant.
///
/// # Errors
/// [`StoreError`].
pub fn is_assigned(conn: &Conn<'_>, tenant: TenantId, role: RoleDefinitionId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM role_assignments WHERE tenant_id = ?1 AND role_id = ?2 LIMIT 1";
    Ok(conn.query_one(sql, params![tenant.bytes(), role.bytes()], |row| row.int(0))?.is_some())
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

/// Between which keys those of the scopes below a scope lie: all that begin with its key and a slash. `0` is
/// the character after the slash.
fn keys_below(scope: &Scope) -> (String, String) {
    let key = scope.key().trim_end_matches('/');
    (format!("{key}/"), format!("{key}0"))
}

fn changes_of(row: &Row<'_>, first: usize) -> Result<Changes, StoreError> {
    Ok(Changes {
        created_at: row.int(first)?,
        created_by: row.opt_uuid(first + 1)?.map(ObjectId),
        updated_at: row.int(first + 2)?,
        updated_by: row.opt_uuid(first + 3)?.map(ObjectId),
    })
}

fn assignment_of(row: &Row<'_>) -> Result<AssignmentRow, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt(format!("role assignment: {what}"));
    let kind = row.text(5)?;
    Ok(AssignmentRow {
        tenant: TenantId(row.uuid(0)?),
        name: RoleAssignmentName(row.uuid(1)?),
        scope: Scope::parse(&row.text(2)?).map_err(|error| corrupt(error.to_string()))?,
        role: RoleDefinitionId(row.uuid(3)?),
        principal: ObjectId(row.uuid(4)?),
        principal_kind: PrincipalKind::parse(&kind).ok_or_else(|| corrupt(format!("kind {kind}")))?,
        description: row.opt_text(6)?,
        condition: row.opt_text(7)?,
        condition_version: row.opt_text(8)?,
        changes: changes_of(row, 9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Tenant, insert_tenant};

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
    const TENANT: TenantId = TenantId(Uuid::from_u128(7));

    fn temporary() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
        store.write(|tx| insert_tenant(tx, &tenant, 1)).unwrap();
        (dir, store)
    }

    fn row(name: u128, scope: &str, role: u128, principal: u128) -> AssignmentRow {
        AssignmentRow {
            tenant: TENANT,
            name: RoleAssignmentName(Uuid::from_u128(name)),
            scope: Scope::parse(scope).unwrap(),
            role: RoleDefinitionId(Uuid::from_u128(role)),
            principal: ObjectId(Uuid::from_u128(principal)),
            principal_kind: PrincipalKind::User,
            description: None,
            condition: None,
            condition_version: None,
            changes: Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None },
        }
    }

    fn names(rows: &[AssignmentRow]) -> Vec<u128> {
        rows.iter().map(|row| row.name.0.as_u128()).collect()
    }

    #[test]
    fn listings_by_scope_and_principal() {
        let (_dir, store) = temporary();
        let rg = |name: &str| format!("{SUB}/resourceGroups/{name}");
        store
            .write(|tx| {
                for row in [
                    row(1, "/", 1, 1),
                    row(2, SUB, 1, 2),
                    row(3, &rg("RG1"), 1, 1),
                    row(4, &rg("rg10"), 1, 1),
                    row(5, &format!("{}/providers/A.B/c/d", rg("rg1")), 1, 2),
                ] {
                    put_assignment(tx, &row)?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
        let at = |text: &str| Scope::parse(text).unwrap();
        let read = |work: &dyn Fn(&Conn<'_>) -> Result<Vec<AssignmentRow>, StoreError>| {
            names(&store.read(|conn| work(conn)).unwrap())
        };
        assert_eq!(read(&|c| assignments_at_or_above(c, TENANT, &at(&rg("rg1")))), [3, 2, 1]);
        assert_eq!(read(&|c| assignments_below(c, TENANT, &at(&rg("rg1")))), [5]);
        assert_eq!(read(&|c| assignments_below(c, TENANT, &at(SUB))), [3, 5, 4]);
        assert_eq!(read(&|c| assignments_below(c, TENANT, &Scope::root())), [2, 3, 5, 4]);
        assert_eq!(read(&|c| assignments_of_principal(c, TENANT, ObjectId(Uuid::from_u128(1)))), [1, 3, 4]);
        assert_eq!(store.read(|c| count_at_or_below(c, TENANT, &at(&rg("rg1")))).unwrap(), 2);
        assert_eq!(store.read(|c| count_at_or_below(c, TENANT, &Scope::root())).unwrap(), 5);
    }

    #[test]
    fn scope_role_and_principal_are_one_and_never_change() {
        let (_dir, store) = temporary();
        let put = |row: AssignmentRow| store.write(|tx| put_assignment(tx, &row));
        put(row(1, SUB, 1, 1)).unwrap();
        assert!(matches!(
            put(row(2, &SUB.to_uppercase().replace("SUBS", "subs"), 1, 1)),
            Err(StoreError::Conflict(_))
        ));
        assert!(matches!(put(row(1, SUB, 2, 1)), Err(StoreError::Conflict(_))));
        put(AssignmentRow { description: Some("why".to_owned()), ..row(1, SUB, 1, 1) }).unwrap();
        let kept =
            store.read(|c| assignment(c, TENANT, RoleAssignmentName(Uuid::from_u128(1)))).unwrap().unwrap();
        assert_eq!(kept.description.as_deref(), Some("why"));
        let same = |c: &Conn<'_>| assignment_of_triple(c, TENANT, &kept.scope, kept.role, kept.principal);
        assert_eq!(store.read(same).unwrap(), Some(kept.clone()));
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
