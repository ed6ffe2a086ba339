//! Tenants, subscriptions, and facts about the server itself.

use gatepost_names::{SubscriptionId, TenantId};

use crate::{Conn, Row, StoreError, Tx, params};

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What people see.
    pub display_name: String,
    /// Its first verified domain, in lower case.
    pub default_domain: String,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The tenant that it trusts.
    pub tenant: TenantId,
    /// What people see.
    pub display_name: String,
}

/// Adds a tenant.
///
/// # Errors
/// [`StoreError::Conflict`] if there is one with this id.
pub fn insert_tenant(tx: &Tx<'_>, tenant: &Tenant, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tenants (id, display_name, default_domain, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![tenant.id.bytes(), &tenant.display_name, &tenant.default_domain, now],
    )
    .map(|_| ())
}

/// Adds a subscription.
///
/// # Errors
/// [`StoreError::Conflict`] if there is one with this id.
pub fn insert_subscription(tx: &Tx<'_>, subscription: &Subscription, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO subscriptions (id, tenant_id, display_name, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![subscription.id.bytes(), subscription.tenant.bytes(), &subscription.display_name, now],
    )
    .map(|_| ())
}

/// All tenants, by id.
///
/// # Errors
/// [`StoreError`].
pub fn tenants(conn: &Conn<'_>) -> Result<Vec<Tenant>, StoreError> {
    conn.query("SELECT id, display_name, default_domain FROM tenants ORDER BY id", &[], |row| {
        Ok(Tenant { id: TenantId(row.uuid(0)?), display_name: row.text(1)?, default_domain: row.text(2)? })
    })
}

/// All subscriptions of a tenant, by id.
///
/// # Errors
/// [`StoreError`].
pub fn subscriptions(conn: &Conn<'_>, tenant: TenantId) -> Result<Vec<Subscription>, StoreError> {
    conn.query(
        "SELECT id, tenant_id, display_name FROM subscriptions WHERE tenant_id = ?1 ORDER BY id",
        params![tenant.bytes()],
        subscription_of,
    )
}

/// One subscription, whichever tenant it trusts.
///
/// # Errors
/// [`StoreError`].
pub fn subscription(conn: &Conn<'_>, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
    conn.query_one(
        "SELECT id, tenant_id, display_name FROM subscriptions WHERE id = ?1",
        params![id.bytes()],
        subscription_of,
    )
}

fn subscription_of(row: &Row<'_>) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        id: SubscriptionId(row.uuid(0)?),
        tenant: TenantId(row.uuid(1)?),
        display_name: row.text(2)?,
    })
}

/// A fact about the server by its name.
///
/// # Errors
/// [`StoreError`].
pub fn meta(conn: &Conn<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    conn.query_one("SELECT value FROM meta WHERE name = ?1", params![name], |row| row.blob(0))
}

/// Sets a fact about the server.
///
/// # Errors
/// [`StoreError`].
pub fn set_meta(tx: &Tx<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        params![name, value],
    )
    .map(|_| ())
}
