//! Deny assignments. Called by `gatepost-access` alone.

use gatepost_names::{Scope, TenantId};
use uuid::Uuid;

use crate::access::{Changes, changes_of};
use crate::reach::{self, Reach};
use crate::{Conn, Param, Row, StoreError, Tx, params};

/// A deny assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyRow {
    /// The tenant.
    pub tenant: TenantId,
    /// Its GUID.
    pub id: Uuid,
    /// Where.
    pub scope: Scope,
    /// `denyAssignmentName`, unique at its scope.
    pub name: String,
    /// A remark.
    pub description: Option<String>,
    /// `permissions`, as JSON.
    pub permissions: String,
    /// `principals`, as JSON.
    pub principals: String,
    /// `excludePrincipals`, as JSON.
    pub excluded: String,
    /// `doNotApplyToChildScopes`.
    pub not_for_children: bool,
    /// `denyAssignmentEffect`.
    pub effect: String,
    /// A condition.
    pub condition: Option<String>,
    /// The version of the condition's language.
    pub condition_version: Option<String>,
    /// `isSystemProtected`.
    pub system_protected: bool,
    /// Who changed it and when.
    pub changes: Changes,
}

/// Adds a deny assignment, or changes all of it but its creation and its scope.
///
/// # Errors
/// [`StoreError::Conflict`] if another one has this name at this scope, or if the id is taken by one of
/// another scope.
pub fn put_deny(tx: &Tx<'_>, deny: &DenyRow) -> Result<(), StoreError> {
    let changed = tx.execute(
        "INSERT INTO deny_assignments (tenant_id, id, scope, scope_key, name, name_key, description, \
         permissions, principals, excluded, not_for_children, effect, condition, condition_version, \
         system_protected, created_at, created_by, updated_at, updated_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
         ON CONFLICT (tenant_id, id) DO UPDATE SET name = ?5, name_key = ?6, description = ?7, \
         permissions = ?8, principals = ?9, excluded = ?10, not_for_children = ?11, effect = ?12, \
         condition = ?13, condition_version = ?14, system_protected = ?15, updated_at = ?18, \
         updated_by = ?19 WHERE scope_key = ?4",
        params![
            deny.tenant.bytes(),
            deny.id,
            deny.scope.as_str(),
            deny.scope.key(),
            &deny.name,
            deny.name.to_lowercase(),
            deny.description.as_ref(),
            &deny.permissions,
            &deny.principals,
            &deny.excluded,
            deny.not_for_children,
            &deny.effect,
            deny.condition.as_ref(),
            deny.condition_version.as_ref(),
            deny.system_protected,
            deny.changes.created_at,
            deny.changes.created_by.map(|id| id.0),
            deny.changes.updated_at,
            deny.changes.updated_by.map(|id| id.0),
        ],
    )?;
    if changed == 0 {
        return Err(StoreError::Conflict(format!("deny assignment {} is at another scope", deny.id)));
    }
    Ok(())
}

/// Deletes a deny assignment; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_deny(tx: &Tx<'_>, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
    let sql = "DELETE FROM deny_assignments WHERE tenant_id = ?1 AND id = ?2";
    Ok(tx.execute(sql, params![tenant.bytes(), id])? > 0)
}

const DENY: &str = "SELECT tenant_id, id, scope, name, description, permissions, principals, excluded, \
     not_for_children, effect, condition, condition_version, system_protected, created_at, created_by, \
     updated_at, updated_by FROM deny_assignments";

/// The deny assignment of an id.
///
/// # Errors
/// [`StoreError`].
pub fn deny(conn: &Conn<'_>, tenant: TenantId, id: Uuid) -> Result<Option<DenyRow>, StoreError> {
    let sql = format!("{DENY} WHERE tenant_id = ?1 AND id = ?2");
    conn.query_one(&sql, params![tenant.bytes(), id], deny_of)
}

/// The deny assignments of all tenants.
///
/// # Errors
/// [`StoreError`].
pub fn denies(conn: &Conn<'_>) -> Result<Vec<DenyRow>, StoreError> {
    conn.query(&format!("{DENY} ORDER BY tenant_id, id"), &[], deny_of)
}

/// The deny assignments at these places, place after place, by scope and name in each; those after the scope
/// and name of `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn denies_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    places: &[Reach],
    after: Option<(&Scope, &str)>,
    limit: usize,
) -> Result<Vec<DenyRow>, StoreError> {
    reach::page(places, after.map(|(scope, _)| scope.key()), limit, |place, goes_on, limit| {
        let (from, name, end) = reach::named_range(place, after.filter(|_| goes_on));
        conn.query(
            &format!(
                "{DENY} WHERE tenant_id = ?1 AND (scope_key, name_key) > (?2, ?3) AND scope_key < ?4 \
                 ORDER BY scope_key, name_key LIMIT ?5"
            ),
            params![tenant.bytes(), from, name, end, i64::try_from(limit).unwrap_or(i64::MAX)],
            deny_of,
        )
    })
}

/// How many deny assignments there are at a scope and below it; it stops counting at `most`.
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
        "SELECT count(*) FROM (SELECT 1 FROM deny_assignments \
         WHERE tenant_id = ?1 AND scope_key > ?2 AND scope_key < ?3 LIMIT ?4)",
        params![tenant.bytes(), after, before, most],
    )?;
    Ok(count_at(conn, tenant, scope, most)?.saturating_add(below).min(most))
}

/// How many deny assignments there are at exactly this scope; it stops counting at `most`.
///
/// # Errors
/// [`StoreError`].
pub fn count_at(conn: &Conn<'_>, tenant: TenantId, scope: &Scope, most: i64) -> Result<i64, StoreError> {
    count(
        conn,
        "SELECT count(*) FROM (SELECT 1 FROM deny_assignments \
         WHERE tenant_id = ?1 AND scope_key = ?2 LIMIT ?3)",
        params![tenant.bytes(), scope.key(), most],
    )
}

fn count(conn: &Conn<'_>, sql: &str, params: &[Param<'_>]) -> Result<i64, StoreError> {
    conn.query_one(sql, params, |row| row.int(0)).map(|count| count.unwrap_or(0))
}

fn deny_of(row: &Row<'_>) -> Result<DenyRow, StoreError> {
    let scope = Scope::parse(row.text_ref(2)?);
    Ok(DenyRow {
        tenant: TenantId(row.uuid(0)?),
        id: row.uuid(1)?,
        scope: scope.map_err(|error| StoreError::Corrupt(format!("deny assignment: {error}")))?,
        name: row.text(3)?,
        description: row.opt_text(4)?,
        permissions: row.text(5)?,
        principals: row.text(6)?,
        excluded: row.text(7)?,
        not_for_children: row.bool(8)?,
        effect: row.text(9)?,
        condition: row.opt_text(10)?,
        condition_version: row.opt_text(11)?,
        system_protected: row.bool(12)?,
        changes: changes_of(row, 13)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Tenant, insert_tenant};

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
    const TENANT: TenantId = TenantId(Uuid::from_u128(7));

    fn row(id: u128, scope: &str, name: &str) -> DenyRow {
        DenyRow {
            tenant: TENANT,
            id: Uuid::from_u128(id),
            scope: Scope::parse(scope).unwrap(),
            name: name.to_owned(),
            description: None,
            permissions: "[]".to_owned(),
            principals: "[]".to_owned(),
            excluded: "[]".to_owned(),
            not_for_children: false,
            effect: "enforced".to_owned(),
            condition: None,
            condition_version: None,
            system_protected: false,
            changes: Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None },
        }
    }

    #[test]
    fn listings_names_and_pages() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
        store.write(|tx| insert_tenant(tx, &tenant, 1)).unwrap();
        let put = |row: DenyRow| store.write(|tx| put_deny(tx, &row));
        let rg = format!("{SUB}/resourceGroups/RG");
        for made in [row(1, "/", "a"), row(2, SUB, "B"), row(3, SUB, "a"), row(4, &rg, "a")] {
            put(made).unwrap();
        }
        assert!(matches!(put(row(5, SUB, "A")), Err(StoreError::Conflict(_))), "same name at a scope");
        assert!(matches!(put(row(4, SUB, "z")), Err(StoreError::Conflict(_))), "a scope never changes");
        let changed = DenyRow { effect: "audit".to_owned(), ..row(2, SUB, "C") };
        put(changed.clone()).unwrap();
        assert_eq!(store.read(|c| deny(c, TENANT, changed.id)).unwrap(), Some(changed));
        let places = [Reach::At(SUB.to_owned()), Reach::At("/".to_owned()), Reach::Below(SUB.to_owned())];
        let (mut shown, mut last): (Vec<u128>, Option<DenyRow>) = (Vec::new(), None);
        loop {
            let after = last.as_ref().map(|row| (&row.scope, row.name.as_str()));
            let page = store.read(|c| denies_page(c, TENANT, &places, after, 1)).unwrap();
            let Some(row) = page.into_iter().next() else { break };
            shown.push(row.id.as_u128());
            last = Some(row);
        }
        assert_eq!(shown, [3, 2, 1, 4]);
        let sub = Scope::parse(SUB).unwrap();
        let counted = |most| store.read(|c| count_at_or_below(c, TENANT, &sub, most)).unwrap();
        assert_eq!((counted(10), counted(2)), (3, 2), "at the scope and below it");
        assert_eq!(store.read(|c| count_at(c, TENANT, &sub, 10)).unwrap(), 2);
        assert!(store.write(|tx| delete_deny(tx, TENANT, Uuid::from_u128(1))).unwrap());
        assert_eq!(store.read(denies).unwrap().len(), 3);
    }
}
