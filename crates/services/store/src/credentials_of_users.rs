//! Passwords, one-time passwords and passkeys of users.

use gatepost_names::{ObjectId, TenantId};

use crate::{Conn, StoreError, Tx, params};

/// A user's password, as far as the server knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRow {
    /// A PHC string.
    pub hash: String,
    /// Whether the user has to choose another at the next sign-in.
    pub must_change: bool,
    /// When it was set, in microseconds.
    pub changed_at: i64,
}

/// Sets a user's password.
///
/// # Errors
/// [`StoreError`].
pub fn put_password(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    row: &PasswordRow,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO user_passwords (tenant_id, object_id, hash, changed_at, must_change) \
         VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (tenant_id, object_id) DO UPDATE SET hash = ?3, changed_at = ?4, must_change = ?5",
        params![tenant.bytes(), user.bytes(), &row.hash, row.changed_at, row.must_change],
    )
    .map(|_| ())
}

/// Whether a user has to choose another password at the next sign-in.
///
/// # Errors
/// [`StoreError`].
pub fn require_password_change(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    must_change: bool,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE user_passwords SET must_change = ?3 WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), user.bytes(), must_change],
    )
    .map(|_| ())
}

/// A user's password; `None` for a user without one.
///
/// # Errors
/// [`StoreError`].
pub fn password(
    conn: &Conn<'_>,
    tenant: TenantId,
    user: ObjectId,
) -> Result<Option<PasswordRow>, StoreError> {
    conn.query_one(
        "SELECT hash, must_change, changed_at FROM user_passwords WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), user.bytes()],
        |row| Ok(PasswordRow { hash: row.text(0)?, must_change: row.bool(1)?, changed_at: row.int(2)? }),
    )
}

/// A user's secret of one-time passwords, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeRow {
    /// Whether the user has shown a code of it.
    pub confirmed: bool,
    /// The sealed secret.
    pub secret: Vec<u8>,
    /// The last step whose code was accepted.
    pub used_step: i64,
}

/// Sets a user's secret, the one that counts or the one that is being set up.
///
/// # Errors
/// [`StoreError`].
pub fn put_one_time(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    row: &OneTimeRow,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO one_time_passwords (tenant_id, object_id, confirmed, secret, used_step, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant_id, object_id, confirmed) \
         DO UPDATE SET secret = ?4, used_step = ?5, created_at = ?6",
        params![tenant.bytes(), user.bytes(), row.confirmed, row.secret.as_slice(), row.used_step, now],
    )
    .map(|_| ())
}

/// A user's secret, the one that counts or the one that is being set up.
///
/// # Errors
/// [`StoreError`].
pub fn one_time(
    conn: &Conn<'_>,
    tenant: TenantId,
    user: ObjectId,
    confirmed: bool,
) -> Result<Option<OneTimeRow>, StoreError> {
    conn.query_one(
        "SELECT secret, used_step FROM one_time_passwords \
         WHERE tenant_id = ?1 AND object_id = ?2 AND confirmed = ?3",
        params![tenant.bytes(), user.bytes(), confirmed],
        |row| Ok(OneTimeRow { confirmed, secret: row.blob(0)?, used_step: row.int(1)? }),
    )
}

/// Uses the code of a step up; whether no later step, nor this one, was used before.
///
/// # Errors
/// [`StoreError`].
pub fn use_step(tx: &Tx<'_>, tenant: TenantId, user: ObjectId, step: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE one_time_passwords SET used_step = ?3 \
         WHERE tenant_id = ?1 AND object_id = ?2 AND confirmed = 1 AND used_step < ?3",
        params![tenant.bytes(), user.bytes(), step],
    )?;
    Ok(changed > 0)
}

/// Removes a user's secrets: all, or only the one that is being set up; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_one_time(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    only_pending: bool,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM one_time_passwords WHERE tenant_id = ?1 AND object_id = ?2 AND confirmed <= ?3",
        params![tenant.bytes(), user.bytes(), !only_pending],
    )?;
    Ok(removed > 0)
}

/// A user's passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRow {
    /// The authenticator's name for it.
    pub credential_id: Vec<u8>,
    /// A COSE key.
    pub public_key: Vec<u8>,
    /// The authenticator's counter at its last use.
    pub counter: i64,
    /// What people see.
    pub display_name: String,
    /// When it was registered, in microseconds.
    pub created_at: i64,
}

/// Adds a passkey.
///
/// # Errors
/// [`StoreError::Conflict`] if the tenant has one of this credential id.
pub fn insert_passkey(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    row: &PasskeyRow,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO passkeys (tenant_id, object_id, credential_id, public_key, counter, display_name, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            tenant.bytes(),
            user.bytes(),
            row.credential_id.as_slice(),
            row.public_key.as_slice(),
            row.counter,
            &row.display_name,
            row.created_at,
        ],
    )
    .map(|_| ())
}

/// The passkeys of a user, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub fn passkeys(conn: &Conn<'_>, tenant: TenantId, user: ObjectId) -> Result<Vec<PasskeyRow>, StoreError> {
    let mut found = conn.query(
        "SELECT credential_id, public_key, counter, display_name, created_at FROM passkeys \
         WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), user.bytes()],
        |row| {
            Ok(PasskeyRow {
                credential_id: row.blob(0)?,
                public_key: row.blob(1)?,
                counter: row.int(2)?,
                display_name: row.text(3)?,
                created_at: row.int(4)?,
            })
        },
    )?;
    found.sort_by_key(|row| row.created_at);
    Ok(found)
}

/// The user who has a passkey.
///
/// # Errors
/// [`StoreError`].
pub fn user_of_passkey(
    conn: &Conn<'_>,
    tenant: TenantId,
    credential_id: &[u8],
) -> Result<Option<ObjectId>, StoreError> {
    conn.query_one(
        "SELECT object_id FROM passkeys WHERE tenant_id = ?1 AND credential_id = ?2",
        params![tenant.bytes(), credential_id],
        |row| Ok(ObjectId(row.uuid(0)?)),
    )
}

/// Notes the counter of a passkey's last use.
///
/// # Errors
/// [`StoreError`].
pub fn set_passkey_counter(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    credential_id: &[u8],
    counter: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE passkeys SET counter = ?4 WHERE tenant_id = ?1 AND object_id = ?2 AND credential_id = ?3",
        params![tenant.bytes(), user.bytes(), credential_id, counter],
    )
    .map(|_| ())
}

/// Removes a passkey; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_passkey(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    credential_id: &[u8],
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM passkeys WHERE tenant_id = ?1 AND object_id = ?2 AND credential_id = ?3",
        params![tenant.bytes(), user.bytes(), credential_id],
    )?;
    Ok(removed > 0)
}
