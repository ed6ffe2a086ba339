//! The domains of tenants, and the identifier URIs of applications: names that only one may have.

use gatepost_names::{ObjectId, TenantId};

use crate::{Conn, Param, StoreError, Tx, params};

/// How an identifier URI is kept: letter case and slashes at its end make no other name of it.
fn uri_key(uri: &str) -> String {
    uri.trim_end_matches('/').to_lowercase()
}

/// Replaces the identifier URIs of an application.
///
/// # Errors
/// [`StoreError::Conflict`] if another application of the tenant has one of them.
pub fn set_identifier_uris(
    tx: &Tx<'_>,
    tenant: TenantId,
    application: ObjectId,
    uris: &[&str],
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM identifier_uris WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), application.bytes()],
    )?;
    let mut keys: Vec<String> = uris.iter().map(|uri| uri_key(uri)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        tx.execute(
            "INSERT INTO identifier_uris (tenant_id, uri_key, object_id) VALUES (?1, ?2, ?3)",
            params![tenant.bytes(), key, application.bytes()],
        )?;
    }
    Ok(())
}

/// The application that has an identifier URI, ignoring letter case and slashes at its end.
///
/// # Errors
/// [`StoreError`].
pub fn application_of_uri(
    conn: &Conn<'_>,
    tenant: TenantId,
    uri: &str,
) -> Result<Option<ObjectId>, StoreError> {
    conn.query_one(
        "SELECT object_id FROM identifier_uris WHERE tenant_id = ?1 AND uri_key = ?2",
        params![tenant.bytes(), Param::from(uri_key(uri))],
        |row| Ok(ObjectId(row.uuid(0)?)),
    )
}

/// A domain that a tenant proved to own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDomain {
    /// Its name, in lower case.
    pub name: String,
    /// Whether the tenant was made with it.
    pub is_initial: bool,
}

/// Gives a domain to a tenant.
///
/// # Errors
/// [`StoreError::Conflict`] if a tenant has it.
pub fn insert_domain(
    tx: &Tx<'_>,
    tenant: TenantId,
    domain: &VerifiedDomain,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO verified_domains (name, tenant_id, is_initial, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![domain.name.to_lowercase(), tenant.bytes(), domain.is_initial, now],
    )
    .map(|_| ())
}

/// The verified domains of a tenant, by name.
///
/// # Errors
/// [`StoreError`].
pub fn domains(conn: &Conn<'_>, tenant: TenantId) -> Result<Vec<VerifiedDomain>, StoreError> {
    conn.query(
        "SELECT name, is_initial FROM verified_domains WHERE tenant_id = ?1 ORDER BY name",
        params![tenant.bytes()],
        |row| Ok(VerifiedDomain { name: row.text(0)?, is_initial: row.bool(1)? }),
    )
}

/// The tenant that owns a domain, ignoring letter case.
///
/// # Errors
/// [`StoreError`].
pub fn tenant_of_domain(conn: &Conn<'_>, name: &str) -> Result<Option<TenantId>, StoreError> {
    conn.query_one(
        "SELECT tenant_id FROM verified_domains WHERE name = ?1",
        params![name.to_lowercase()],
        |row| Ok(TenantId(row.uuid(0)?)),
    )
}
