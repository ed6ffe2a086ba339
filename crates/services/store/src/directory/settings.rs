//! What a tenant's administrators decided about its directory, as JSON under a name.

use gatepost_names::TenantId;

use crate::{Conn, StoreError, Tx, params};

/// A setting.
///
/// # Errors
/// [`StoreError`].
pub fn setting(conn: &Conn<'_>, tenant: TenantId, name: &str) -> Result<Option<String>, StoreError> {
    conn.query_one(
        "SELECT value FROM directory_settings WHERE tenant_id = ?1 AND name = ?2",
        params![tenant.bytes(), name],
        |row| row.text(0),
    )
}

/// Writes a setting.
///
/// # Errors
/// [`StoreError`].
pub fn set_setting(tx: &Tx<'_>, tenant: TenantId, name: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_settings (tenant_id, name, value) VALUES (?1, ?2, ?3) \
         ON CONFLICT (tenant_id, name) DO UPDATE SET value = ?3",
        params![tenant.bytes(), name, value],
    )
    .map(|_| ())
}
