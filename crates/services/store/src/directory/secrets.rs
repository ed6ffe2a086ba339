//! Client secrets of applications and service principals, and passwords of users: only hashes of them.

use gatepost_names::{ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, StoreError, Tx, params};

/// A client secret, as far as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its id.
    pub key_id: Uuid,
    /// The keyed hash of its text.
    pub hash: Vec<u8>,
    /// What people see.
    pub display_name: Option<String>,
    /// The first characters of its text.
    pub hint: String,
    /// From when it is good, in microseconds.
    pub start_at: i64,
    /// Until when it is good, in microseconds.
    pub end_at: i64,
}

/// Adds a client secret to an application or a service principal.
///
/// # Errors
/// [`StoreError`].
pub fn insert_secret(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    secret: &SecretRow,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO client_secrets (tenant_id, object_id, key_id, hash, display_name, hint, start_at, end_at, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            tenant.bytes(),
            object.bytes(),
            secret.key_id,
            secret.hash.as_slice(),
            secret.display_name.as_deref(),
            &secret.hint,
            secret.start_at,
            secret.end_at,
            now,
        ],
    )
    .map(|_| ())
}

/// Removes a client secret; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_secret(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    key_id: Uuid,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM client_secrets WHERE tenant_id = ?1 AND object_id = ?2 AND key_id = ?3",
        params![tenant.bytes(), object.bytes(), key_id],
    )?;
    Ok(removed > 0)
}

/// The client secrets of an object, the newest first.
///
/// # Errors
/// [`StoreError`].
pub fn secrets(conn: &Conn<'_>, tenant: TenantId, object: ObjectId) -> Result<Vec<SecretRow>, StoreError> {
    conn.query(
        "SELECT key_id, hash, display_name, hint, start_at, end_at FROM client_secrets \
         WHERE tenant_id = ?1 AND object_id = ?2 ORDER BY created_at DESC, key_id",
        params![tenant.bytes(), object.bytes()],
        |row| {
            Ok(SecretRow {
                key_id: row.uuid(0)?,
                hash: row.blob(1)?,
                display_name: row.opt_text(2)?,
                hint: row.text(3)?,
                start_at: row.int(4)?,
                end_at: row.int(5)?,
            })
        },
    )
}

/// Sets a user's password hash.
///
/// # Errors
/// [`StoreError`].
pub fn set_password(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    hash: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO user_passwords (tenant_id, object_id, hash, changed_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (tenant_id, object_id) DO UPDATE SET hash = ?3, changed_at = ?4",
        params![tenant.bytes(), user.bytes(), hash, now],
    )
    .map(|_| ())
}

/// A user's password hash.
///
/// # Errors
/// [`StoreError`].
pub fn password(conn: &Conn<'_>, tenant: TenantId, user: ObjectId) -> Result<Option<String>, StoreError> {
    conn.query_one(
        "SELECT hash FROM user_passwords WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), user.bytes()],
        |row| row.text(0),
    )
}
