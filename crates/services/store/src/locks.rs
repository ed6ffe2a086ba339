//! Locks. Called by `gatepost-access` alone.

use gatepost_names::{Scope, TenantId};

use crate::access::{Changes, changes_of};
use crate::reach::{self, Reach};
use crate::{Conn, Row, StoreError, Tx, params};

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRow {
    /// The tenant.
    pub tenant: TenantId,
    /// What it locks, with all that is below.
    pub scope: Scope,
    /// Its name, unique at its scope.
    pub name: String,
    /// `level`.
    pub level: String,
    /// `notes`.
    pub notes: Option<String>,
    /// `owners`, as JSON.
    pub owners: String,
    /// Who changed it and when.
    pub changes: Changes,
}

/// Adds a lock, or changes level, notes and owners of the one of this name.
///
/// # Errors
/// [`StoreError`].
pub fn put_lock(tx: &Tx<'_>, lock: &LockRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO locks (tenant_id, scope_key, name_key, scope, name, level, notes, owners, created_at, \
         created_by, updated_at, updated_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
         ON CONFLICT (tenant_id, scope_key, name_key) DO UPDATE SET level = ?6, notes = ?7, owners = ?8, \
         updated_at = ?11, updated_by = ?12",
        params![
            lock.tenant.bytes(),
            lock.scope.key(),
            lock.name.to_lowercase(),
            lock.scope.as_str(),
            &lock.name,
            &lock.level,
            lock.notes.as_ref(),
            &lock.owners,
            lock.changes.created_at,
            lock.changes.created_by.map(|id| id.0),
            lock.changes.updated_at,
            lock.changes.updated_by.map(|id| id.0),
        ],
    )
    .map(|_| ())
}

/// Deletes a lock; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_lock(tx: &Tx<'_>, tenant: TenantId, scope: &Scope, name: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM locks WHERE tenant_id = ?1 AND scope_key = ?2 AND name_key = ?3";
    Ok(tx.execute(sql, params![tenant.bytes(), scope.key(), name.to_lowercase()])? > 0)
}

const LOCK: &str = "SELECT tenant_id, scope, name, level, notes, owners, created_at, created_by, updated_at, \
     updated_by FROM locks";

/// The lock of a name at a scope.
///
/// # Errors
/// [`StoreError`].
pub fn lock(
    conn: &Conn<'_>,
    tenant: TenantId,
    scope: &Scope,
    name: &str,
) -> Result<Option<LockRow>, StoreError> {
    let sql = format!("{LOCK} WHERE tenant_id = ?1 AND scope_key = ?2 AND name_key = ?3");
    conn.query_one(&sql, params![tenant.bytes(), scope.key(), name.to_lowercase()], lock_of)
}

/// The locks of all tenants.
///
/// # Errors
/// [`StoreError`].
pub fn locks(conn: &Conn<'_>) -> Result<Vec<LockRow>, StoreError> {
    conn.query(&format!("{LOCK} ORDER BY tenant_id, scope_key, name_key"), &[], lock_of)
}

/// The locks at these places, place after place, by scope and name in each; those after the scope and name of
/// `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn locks_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    places: &[Reach],
    after: Option<(&Scope, &str)>,
    limit: usize,
) -> Result<Vec<LockRow>, StoreError> {
    reach::page(places, after.map(|(scope, _)| scope.key()), limit, |place, goes_on, limit| {
        let (from, name, end) = reach::named_range(place, after.filter(|_| goes_on));
        conn.query(
            &format!(
                "{LOCK} WHERE tenant_id = ?1 AND (scope_key, name_key) > (?2, ?3) AND scope_key < ?4 \
                 ORDER BY scope_key, name_key LIMIT ?5"
            ),
            params![tenant.bytes(), from, name, end, i64::try_from(limit).unwrap_or(i64::MAX)],
            lock_of,
        )
    })
}

fn lock_of(row: &Row<'_>) -> Result<LockRow, StoreError> {
    let scope = Scope::parse(row.text_ref(1)?);
    Ok(LockRow {
        tenant: TenantId(row.uuid(0)?),
        scope: scope.map_err(|error| StoreError::Corrupt(format!("lock: {error}")))?,
        name: row.text(2)?,
        level: row.text(3)?,
        notes: row.opt_text(4)?,
        owners: row.text(5)?,
        changes: changes_of(row, 6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Tenant, insert_tenant};
    use uuid::Uuid;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
    const TENANT: TenantId = TenantId(Uuid::from_u128(7));

    fn row(scope: &str, name: &str) -> LockRow {
        LockRow {
            tenant: TENANT,
            scope: Scope::parse(scope).unwrap(),
            name: name.to_owned(),
            level: "ReadOnly".to_owned(),
            notes: None,
            owners: "[]".to_owned(),
            changes: Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None },
        }
    }

    #[test]
    fn locks_by_place_and_name() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
        store.write(|tx| insert_tenant(tx, &tenant, 1)).unwrap();
        let rg = format!("{SUB}/resourceGroups/RG");
        for made in [row(SUB, "keep"), row(SUB, "Also"), row(&rg, "keep")] {
            store.write(|tx| put_lock(tx, &made)).unwrap();
        }
        let changed = LockRow { level: "CanNotDelete".to_owned(), ..row(SUB, "keep") };
        store.write(|tx| put_lock(tx, &changed)).unwrap();
        let found = store.read(|c| lock(c, TENANT, &changed.scope, "KEEP")).unwrap();
        assert_eq!(found.as_ref(), Some(&changed));
        let places = [Reach::At(SUB.to_owned()), Reach::Below(SUB.to_owned())];
        let page = |after: Option<(&Scope, &str)>, limit| {
            let rows = store.read(|c| locks_page(c, TENANT, &places, after, limit)).unwrap();
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 9), ["Also", "keep", "keep"]);
        assert_eq!(page(Some((&changed.scope, "also")), 1), ["keep"]);
        assert_eq!(page(Some((&changed.scope, "keep")), 9), ["keep"]);
        assert!(store.write(|tx| delete_lock(tx, TENANT, &changed.scope, "ALSO")).unwrap());
        assert_eq!(store.read(locks).unwrap().len(), 2);
    }
}
