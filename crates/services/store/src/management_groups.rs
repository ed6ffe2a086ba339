//! Management groups, and which subscription is in which. Called by `gatepost-access` alone.

use gatepost_names::{SubscriptionId, TenantId};

use crate::access::{Changes, changes_of};
use crate::{Conn, Row, StoreError, Tx, params};

/// A management group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementGroupRow {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name, unique in the tenant whatever its letter case.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// The name of the group that it is in; none for the root.
    pub parent: Option<String>,
    /// Who changed it and when.
    pub changes: Changes,
}

/// Adds a management group, or changes all of it but its creation.
///
/// # Errors
/// [`StoreError::Conflict`] if the parent does not exist.
pub fn put_management_group(tx: &Tx<'_>, group: &ManagementGroupRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO management_groups (tenant_id, name_key, name, display_name, parent_key, created_at, \
         created_by, updated_at, updated_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (tenant_id, name_key) DO UPDATE SET display_name = ?4, parent_key = ?5, \
         updated_at = ?8, updated_by = ?9",
        params![
            group.tenant.bytes(),
            group.name.to_lowercase(),
            &group.name,
            &group.display_name,
            group.parent.as_ref().map(|name| name.to_lowercase()),
            group.changes.created_at,
            group.changes.created_by.map(|id| id.0),
            group.changes.updated_at,
            group.changes.updated_by.map(|id| id.0),
        ],
    )
    .map(|_| ())
}

/// Deletes a management group; answers whether there was one.
///
/// # Errors
/// [`StoreError::Conflict`] if something is in it.
pub fn delete_management_group(tx: &Tx<'_>, tenant: TenantId, name: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM management_groups WHERE tenant_id = ?1 AND name_key = ?2";
    Ok(tx.execute(sql, params![tenant.bytes(), name.to_lowercase()])? > 0)
}

const GROUP: &str = "SELECT g.tenant_id, g.name, g.display_name, p.name, g.created_at, g.created_by, \
     g.updated_at, g.updated_by FROM management_groups AS g LEFT JOIN management_groups AS p \
     ON p.tenant_id = g.tenant_id AND p.name_key = g.parent_key";

/// The management group of a name.
///
/// # Errors
/// [`StoreError`].
pub fn management_group(
    conn: &Conn<'_>,
    tenant: TenantId,
    name: &str,
) -> Result<Option<ManagementGroupRow>, StoreError> {
    conn.query_one(
        &format!("{GROUP} WHERE g.tenant_id = ?1 AND g.name_key = ?2"),
        params![tenant.bytes(), name.to_lowercase()],
        group_of,
    )
}

/// The management groups of all tenants, each tenant's by name.
///
/// # Errors
/// [`StoreError`].
pub fn management_groups(conn: &Conn<'_>) -> Result<Vec<ManagementGroupRow>, StoreError> {
    conn.query(&format!("{GROUP} ORDER BY g.tenant_id, g.name_key"), &[], group_of)
}

/// Whether a management group is another, or contains it at any depth.
///
/// # Errors
/// [`StoreError`].
pub fn contains(conn: &Conn<'_>, tenant: TenantId, group: &str, other: &str) -> Result<bool, StoreError> {
    // UNION drops what was met, so that it ends whatever the table holds.
    let sql = "WITH RECURSIVE above (name_key) AS (SELECT ?2 UNION \
               SELECT g.parent_key FROM above JOIN management_groups AS g \
               ON g.tenant_id = ?1 AND g.name_key = above.name_key WHERE g.parent_key IS NOT NULL) \
               SELECT 1 FROM above WHERE name_key = ?3";
    let params = params![tenant.bytes(), other.to_lowercase(), group.to_lowercase()];
    Ok(conn.query_one(sql, params, |row| row.int(0))?.is_some())
}

/// Puts a subscription into a management group, or out of all.
///
/// # Errors
/// [`StoreError::Conflict`] if the group or the subscription does not exist.
pub fn place_subscription(
    tx: &Tx<'_>,
    tenant: TenantId,
    subscription: SubscriptionId,
    group: Option<&str>,
) -> Result<(), StoreError> {
    let Some(group) = group else {
        let sql = "DELETE FROM subscription_placements WHERE subscription_id = ?1 AND tenant_id = ?2";
        return tx.execute(sql, params![subscription.bytes(), tenant.bytes()]).map(|_| ());
    };
    let placed = tx.execute(
        "INSERT INTO subscription_placements (subscription_id, tenant_id, group_key) \
         SELECT id, tenant_id, ?3 FROM subscriptions WHERE id = ?1 AND tenant_id = ?2 \
         ON CONFLICT (subscription_id) DO UPDATE SET group_key = ?3",
        params![subscription.bytes(), tenant.bytes(), group.to_lowercase()],
    )?;
    if placed == 0 {
        return Err(StoreError::Conflict(format!("tenant {tenant} has no subscription {subscription}")));
    }
    Ok(())
}

/// Each subscription that is in a management group, with its tenant and the group's key.
///
/// # Errors
/// [`StoreError`].
pub fn placements(conn: &Conn<'_>) -> Result<Vec<(TenantId, SubscriptionId, String)>, StoreError> {
    let sql = "SELECT tenant_id, subscription_id, group_key FROM subscription_placements";
    conn.query(sql, &[], |row| Ok((TenantId(row.uuid(0)?), SubscriptionId(row.uuid(1)?), row.text(2)?)))
}

fn group_of(row: &Row<'_>) -> Result<ManagementGroupRow, StoreError> {
    Ok(ManagementGroupRow {
        tenant: TenantId(row.uuid(0)?),
        name: row.text(1)?,
        display_name: row.text(2)?,
        parent: row.opt_text(3)?,
        changes: changes_of(row, 4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Subscription, Tenant, insert_subscription, insert_tenant};
    use uuid::Uuid;

    const TENANT: TenantId = TenantId(Uuid::from_u128(7));
    const SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(8));

    fn group(name: &str, parent: Option<&str>) -> ManagementGroupRow {
        ManagementGroupRow {
            tenant: TENANT,
            name: name.to_owned(),
            display_name: name.to_owned(),
            parent: parent.map(str::to_owned),
            changes: Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None },
        }
    }

    #[test]
    fn a_tree_of_groups() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
        let subscription = Subscription { id: SUB, tenant: TENANT, display_name: "S".to_owned() };
        store
            .write(|tx| {
                insert_tenant(tx, &tenant, 1)?;
                insert_subscription(tx, &subscription, 1)
            })
            .unwrap();
        let put = |group: ManagementGroupRow| store.write(|tx| put_management_group(tx, &group));
        put(group("Root", None)).unwrap();
        put(group("Mid", Some("root"))).unwrap();
        put(group("Leaf", Some("MID"))).unwrap();
        assert!(matches!(put(group("Lost", Some("nowhere"))), Err(StoreError::Conflict(_))));
        let found = store.read(|c| management_group(c, TENANT, "leaf")).unwrap().unwrap();
        assert_eq!(found, group("Leaf", Some("Mid")));
        let inside = |a: &str, b: &str| store.read(|c| contains(c, TENANT, a, b)).unwrap();
        assert!(inside("ROOT", "leaf") && inside("mid", "Mid") && !inside("Leaf", "Mid"));
        store.write(|tx| place_subscription(tx, TENANT, SUB, Some("Leaf"))).unwrap();
        assert_eq!(store.read(placements).unwrap(), [(TENANT, SUB, "leaf".to_owned())]);
        let delete = |name: &str| store.write(|tx| delete_management_group(tx, TENANT, name));
        assert!(matches!(delete("leaf"), Err(StoreError::Conflict(_))));
        store.write(|tx| place_subscription(tx, TENANT, SUB, None)).unwrap();
        assert!(delete("LEAF").unwrap() && !delete("leaf").unwrap());
        let other = TenantId(Uuid::from_u128(9));
        let foreign = store.write(|tx| place_subscription(tx, other, SUB, Some("root")));
        assert!(matches!(foreign, Err(StoreError::Conflict(_))));
    }

    #[test]
    fn tenants_of_before_have_their_root_group() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let steps = ["0001_tenants", "0003_access"].map(|step| {
            std::fs::read_to_string(format!("{}/migrations/{step}.sql", env!("CARGO_MANIFEST_DIR"))).unwrap()
        });
        steps.iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection
            .execute_batch(
                "INSERT INTO tenants VALUES (x'0123456789abcdef0123456789abcdef', 'T', 't.example', 5); \
                 INSERT INTO subscriptions VALUES \
                 (x'00000000000000000000000000000008', x'0123456789abcdef0123456789abcdef', 'S', 5);",
            )
            .unwrap();
        connection.execute_batch(include_str!("../migrations/0006_access_control.sql")).unwrap();
        let placed: String = connection
            .query_row("SELECT group_key FROM subscription_placements", [], |row| row.get(0))
            .unwrap();
        assert_eq!(placed, "01234567-89ab-cdef-0123-456789abcdef");
    }
}
