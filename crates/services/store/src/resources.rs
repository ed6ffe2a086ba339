//! Resource groups, resources and long-running operations.
//!
//! JSON columns are handed through as text. Keys are ids in lower case; the callers make them with
//! `Scope::key`, so that letter case is decided in one place.

use gatepost_names::{ObjectId, SubscriptionId, TenantId};
use uuid::Uuid;

use crate::{Conn, Row, StoreError, Tx, params};

/// A resource group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceGroupRow {
    /// Its subscription.
    pub subscription: SubscriptionId,
    /// Its name in the letter case of its creation.
    pub name: String,
    /// Its location as it was written.
    pub location: String,
    /// The id of a resource that manages it.
    pub managed_by: Option<String>,
    /// A JSON object.
    pub tags: String,
    /// A JSON object.
    pub system_data: String,
}

/// A resource of any type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRow {
    /// The id in lower case.
    pub key: String,
    /// The id in its canonical letter case.
    pub id: String,
    /// The full type in lower case.
    pub kind: String,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The resource group's name in lower case; empty directly in a subscription.
    pub group_key: String,
    /// The parent resource's key; empty for a top-level resource.
    pub parent_key: String,
    /// Whether it has a location and shows in lists of all resources.
    pub tracked: bool,
    /// Its location as it was written.
    pub location: Option<String>,
    /// A JSON object.
    pub tags: String,
    /// JSON, for a type that has an identity.
    pub identity: Option<String>,
    /// A JSON object.
    pub properties: String,
    /// A JSON object.
    pub system_data: String,
}

/// A long-running operation. Operations are complete when they are recorded: the record lets a client that
/// polls find its result, after a restart too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Its id.
    pub id: Uuid,
    /// The tenant of who started it.
    pub tenant: TenantId,
    /// Who started it.
    pub started_by: ObjectId,
    /// The subscription that it is about.
    pub subscription: SubscriptionId,
    /// The resource that it is about.
    pub resource_id: String,
    /// When it began, in microseconds.
    pub started_at: i64,
    /// When it ended, in microseconds.
    pub ended_at: i64,
}

const GROUP: &str = "subscription_id, name, location, managed_by, tags, system_data";
const RESOURCE: &str = "key, id, kind, subscription_id, group_key, parent_key, tracked, \
                        location, tags, identity, properties, system_data";

/// A resource group by its name in lower case.
///
/// # Errors
/// [`StoreError`].
pub fn group(
    conn: &Conn<'_>,
    subscription: SubscriptionId,
    key: &str,
) -> Result<Option<ResourceGroupRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {GROUP} FROM resource_groups WHERE subscription_id = ?1 AND key = ?2"),
        params![subscription.bytes(), key],
        group_of,
    )
}

/// At most `limit` resource groups of a subscription in the order of their names, from after `after`.
///
/// # Errors
/// [`StoreError`].
pub fn groups(
    conn: &Conn<'_>,
    subscription: SubscriptionId,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceGroupRow>, StoreError> {
    conn.query(
        &format!(
            "SELECT {GROUP} FROM resource_groups WHERE subscription_id = ?1 AND key > ?2 ORDER BY key LIMIT ?3"
        ),
        params![subscription.bytes(), after, limit],
        group_of,
    )
}

/// Adds a resource group, or replaces the one of this name but keeps the name's letter case.
///
/// # Errors
/// [`StoreError`].
pub fn put_group(tx: &Tx<'_>, key: &str, group: &ResourceGroupRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO resource_groups (subscription_id, key, name, location, managed_by, tags, system_data) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (subscription_id, key) DO UPDATE SET \
             location = ?4, managed_by = ?5, tags = ?6, system_data = ?7",
        params![
            group.subscription.bytes(),
            key,
            &group.name,
            &group.location,
            group.managed_by.as_deref(),
            &group.tags,
            &group.system_data
        ],
    )
    .map(|_| ())
}

/// Removes a resource group's own row; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_group(tx: &Tx<'_>, subscription: SubscriptionId, key: &str) -> Result<bool, StoreError> {
    tx.execute(
        "DELETE FROM resource_groups WHERE subscription_id = ?1 AND key = ?2",
        params![subscription.bytes(), key],
    )
    .map(|rows| rows > 0)
}

/// A resource by its key.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &Conn<'_>, key: &str) -> Result<Option<ResourceRow>, StoreError> {
    conn.query_one(&format!("SELECT {RESOURCE} FROM resources WHERE key = ?1"), params![key], resource_of)
}

/// All resources of one type directly below a resource, by key.
///
/// # Errors
/// [`StoreError`].
pub fn children(conn: &Conn<'_>, parent_key: &str, kind: &str) -> Result<Vec<ResourceRow>, StoreError> {
    children_after(conn, parent_key, kind, "", u32::MAX)
}

/// At most `limit` resources of one type directly below a resource, by key, from after the key `after`.
///
/// # Errors
/// [`StoreError`].
pub fn children_after(
    conn: &Conn<'_>,
    parent_key: &str,
    kind: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    conn.query(
        &format!(
            "SELECT {RESOURCE} FROM resources WHERE parent_key = ?1 AND kind = ?2 AND key > ?3 \
             ORDER BY key LIMIT ?4"
        ),
        params![parent_key, kind, after, limit],
        resource_of,
    )
}

/// At most `limit` resources of one type in a subscription, by key, from after the key `after`.
///
/// # Errors
/// [`StoreError`].
pub fn of_kind(
    conn: &Conn<'_>,
    subscription: SubscriptionId,
    kind: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    conn.query(
        &format!(
            "SELECT {RESOURCE} FROM resources WHERE subscription_id = ?1 AND kind = ?2 AND key > ?3 \
             ORDER BY key LIMIT ?4"
        ),
        params![subscription.bytes(), kind, after, limit],
        resource_of,
    )
}

/// At most `limit` resources of one type in a resource group, by key, from after the key `after`.
///
/// # Errors
/// [`StoreError`].
pub fn of_kind_in_group(
    conn: &Conn<'_>,
    subscription: SubscriptionId,
    group_key: &str,
    kind: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    conn.query(
        &format!(
            "SELECT {RESOURCE} FROM resources WHERE subscription_id = ?1 AND group_key = ?2 AND kind = ?3 \
             AND key > ?4 ORDER BY key LIMIT ?5"
        ),
        params![subscription.bytes(), group_key, kind, after, limit],
        resource_of,
    )
}

/// At most `limit` tracked resources below a scope (not at it), by key, from after the key `after`.
///
/// # Errors
/// [`StoreError`].
pub fn tracked_below(
    conn: &Conn<'_>,
    scope_key: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    let (first, end) = range_below(scope_key);
    conn.query(
        &format!(
            "SELECT {RESOURCE} FROM resources INDEXED BY tracked_resources \
             WHERE tracked = 1 AND key > max(?1, ?2) AND key < ?3 ORDER BY key LIMIT ?4"
        ),
        params![&first, after, &end, limit],
        resource_of,
    )
}

/// All resources below a scope (not at it), deepest last in each branch.
///
/// # Errors
/// [`StoreError`].
pub fn below(conn: &Conn<'_>, scope_key: &str) -> Result<Vec<ResourceRow>, StoreError> {
    let (first, end) = range_below(scope_key);
    conn.query(
        &format!("SELECT {RESOURCE} FROM resources WHERE key > ?1 AND key < ?2 ORDER BY key"),
        params![&first, &end],
        resource_of,
    )
}

/// The bounds, both exclusive, of the keys below a scope. `0` is the character after `/`.
fn range_below(scope_key: &str) -> (String, String) {
    let base = scope_key.trim_end_matches('/');
    (format!("{base}/"), format!("{base}0"))
}

/// Adds a resource.
///
/// # Errors
/// [`StoreError::Conflict`] if there is one with this key.
pub fn insert(tx: &Tx<'_>, row: &ResourceRow) -> Result<(), StoreError> {
    tx.execute(
        &format!(
            "INSERT INTO resources ({RESOURCE}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        ),
        params![
            &row.key,
            &row.id,
            &row.kind,
            row.subscription.bytes(),
            &row.group_key,
            &row.parent_key,
            row.tracked,
            row.location.as_deref(),
            &row.tags,
            row.identity.as_deref(),
            &row.properties,
            &row.system_data
        ],
    )
    .map(|_| ())
}

/// Changes what may change of a resource: location, tags, identity, properties, system data. Answers whether
/// there is one.
///
/// # Errors
/// [`StoreError`].
pub fn update(tx: &Tx<'_>, row: &ResourceRow) -> Result<bool, StoreError> {
    tx.execute(
        "UPDATE resources SET location = ?2, tags = ?3, identity = ?4, properties = ?5, system_data = ?6 \
         WHERE key = ?1",
        params![
            &row.key,
            row.location.as_deref(),
            &row.tags,
            row.identity.as_deref(),
            &row.properties,
            &row.system_data
        ],
    )
    .map(|rows| rows > 0)
}

/// Removes one resource's row; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete(tx: &Tx<'_>, key: &str) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM resources WHERE key = ?1", params![key]).map(|rows| rows > 0)
}

/// Records an operation, and forgets those that began before `forget_before`.
///
/// # Errors
/// [`StoreError`].
pub fn insert_operation(tx: &Tx<'_>, row: &OperationRow, forget_before: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM operations WHERE started_at < ?1", params![forget_before])?;
    tx.execute(
        "INSERT INTO operations \
             (id, tenant_id, started_by, subscription_id, resource_id, started_at, ended_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            row.id,
            row.tenant.bytes(),
            row.started_by.bytes(),
            row.subscription.bytes(),
            &row.resource_id,
            row.started_at,
            row.ended_at
        ],
    )
    .map(|_| ())
}

/// An operation by its id.
///
/// # Errors
/// [`StoreError`].
pub fn operation(conn: &Conn<'_>, id: Uuid) -> Result<Option<OperationRow>, StoreError> {
    conn.query_one(
        "SELECT id, tenant_id, started_by, subscription_id, resource_id, started_at, ended_at \
         FROM operations WHERE id = ?1",
        params![id],
        |row| {
            Ok(OperationRow {
                id: row.uuid(0)?,
                tenant: TenantId(row.uuid(1)?),
                started_by: ObjectId(row.uuid(2)?),
                subscription: SubscriptionId(row.uuid(3)?),
                resource_id: row.text(4)?,
                started_at: row.int(5)?,
                ended_at: row.int(6)?,
            })
        },
    )
}

fn group_of(row: &Row<'_>) -> Result<ResourceGroupRow, StoreError> {
    Ok(ResourceGroupRow {
        subscription: SubscriptionId(row.uuid(0)?),
        name: row.text(1)?,
        location: row.text(2)?,
        managed_by: row.opt_text(3)?,
        tags: row.text(4)?,
        system_data: row.text(5)?,
    })
}

fn resource_of(row: &Row<'_>) -> Result<ResourceRow, StoreError> {
    Ok(ResourceRow {
        key: row.text(0)?,
        id: row.text(1)?,
        kind: row.text(2)?,
        subscription: SubscriptionId(row.uuid(3)?),
        group_key: row.text(4)?,
        parent_key: row.text(5)?,
        tracked: row.bool(6)?,
        location: row.opt_text(7)?,
        tags: row.text(8)?,
        identity: row.opt_text(9)?,
        properties: row.text(10)?,
        system_data: row.text(11)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Subscription, Tenant, insert_subscription, insert_tenant};

    fn subscription() -> SubscriptionId {
        SubscriptionId(Uuid::from_u128(2))
    }

    fn row(path: &str, tracked: bool) -> ResourceRow {
        ResourceRow {
            key: format!("/s/{path}"),
            id: format!("/S/{path}"),
            kind: "a.b/c".into(),
            subscription: subscription(),
            group_key: "rg".into(),
            parent_key: String::new(),
            tracked,
            location: tracked.then(|| "global".into()),
            tags: "{}".into(),
            identity: None,
            properties: "{}".into(),
            system_data: "{}".into(),
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant = TenantId(Uuid::from_u128(1));
        store
            .write::<_, StoreError>(|tx| {
                insert_tenant(
                    tx,
                    &Tenant { id: tenant, display_name: "t".into(), default_domain: "t.example".into() },
                    0,
                )?;
                insert_subscription(
                    tx,
                    &Subscription { id: subscription(), tenant, display_name: "s".into() },
                    0,
                )
            })
            .unwrap();
        (dir, store)
    }

    #[test]
    fn a_range_below_a_scope_goes_by_whole_segments() {
        let (_dir, store) = store();
        store
            .write::<_, StoreError>(|tx| {
                for path in ["rg1/a", "rg1/a/b", "rg10/a", "rg1-x/a"] {
                    insert(tx, &row(path, true))?;
                }
                insert(tx, &row("rg1/p", false))
            })
            .unwrap();
        let keys = |rows: Vec<ResourceRow>| rows.into_iter().map(|r| r.key).collect::<Vec<_>>();
        store
            .read::<_, StoreError>(|conn| {
                assert_eq!(keys(below(conn, "/s/rg1")?), ["/s/rg1/a", "/s/rg1/a/b", "/s/rg1/p"]);
                assert_eq!(keys(tracked_below(conn, "/s/rg1", "", 10)?), ["/s/rg1/a", "/s/rg1/a/b"]);
                assert_eq!(keys(tracked_below(conn, "/s/rg1", "/s/rg1/a", 10)?), ["/s/rg1/a/b"]);
                assert_eq!(keys(of_kind(conn, subscription(), "a.b/c", "", 2)?).len(), 2);
                assert_eq!(
                    keys(of_kind_in_group(conn, subscription(), "rg", "a.b/c", "/s/rg1/a/b", 9)?),
                    ["/s/rg1/p", "/s/rg10/a"]
                );
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn old_operations_are_forgotten() {
        let (_dir, store) = store();
        let operation_at = |n: u128, at: i64| OperationRow {
            id: Uuid::from_u128(n),
            tenant: TenantId(Uuid::from_u128(1)),
            started_by: ObjectId(Uuid::from_u128(3)),
            subscription: subscription(),
            resource_id: "/x".into(),
            started_at: at,
            ended_at: at,
        };
        store.write(|tx| insert_operation(tx, &operation_at(7, 10), 0)).unwrap();
        store.write(|tx| insert_operation(tx, &operation_at(8, 20), 15)).unwrap();
        let found = |n: u128| store.read(|conn| operation(conn, Uuid::from_u128(n))).unwrap();
        assert_eq!(found(7), None);
        assert_eq!(found(8), Some(operation_at(8, 20)));
    }
}
