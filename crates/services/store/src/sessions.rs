//! Browsers in which users are signed in, and from when on a user's sign-ins count.

use gatepost_names::{ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, Row, StoreError, Tx, params};

/// Sessions that a user may have; the oldest gives way.
const MAX_SESSIONS: u32 = 100;

/// A browser in which a user is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The hash of its cookie.
    pub handle: Vec<u8>,
    /// Its name in tokens.
    pub id: Uuid,
    /// The user's tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: ObjectId,
    /// How the user signed in: words of RFC 8176, separated by spaces.
    pub methods: String,
    /// When, in microseconds; so for the next.
    pub signed_in_at: i64,
    /// From when on the session is over.
    pub expires_at: i64,
}

fn session_of(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        handle: row.blob(0)?,
        id: row.uuid(1)?,
        tenant: TenantId(row.uuid(2)?),
        user: ObjectId(row.uuid(3)?),
        methods: row.text(4)?,
        signed_in_at: row.int(5)?,
        expires_at: row.int(6)?,
    })
}

/// Adds a session. The user's oldest ones give way to it.
///
/// # Errors
/// [`StoreError`].
pub fn insert_session(tx: &Tx<'_>, session: &SessionRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO browser_sessions (handle, id, tenant_id, user_id, methods, signed_in_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            session.handle.as_slice(),
            session.id,
            session.tenant.bytes(),
            session.user.bytes(),
            &session.methods,
            session.signed_in_at,
            session.expires_at,
        ],
    )?;
    tx.execute(
        "DELETE FROM browser_sessions WHERE handle IN (SELECT handle FROM browser_sessions \
         WHERE tenant_id = ?1 AND user_id = ?2 ORDER BY signed_in_at DESC LIMIT -1 OFFSET ?3)",
        params![session.tenant.bytes(), session.user.bytes(), MAX_SESSIONS],
    )
    .map(|_| ())
}

/// The session with this cookie, over or not.
///
/// # Errors
/// [`StoreError`].
pub fn session(conn: &Conn<'_>, handle: &[u8]) -> Result<Option<SessionRow>, StoreError> {
    conn.query_one(
        "SELECT handle, id, tenant_id, user_id, methods, signed_in_at, expires_at FROM browser_sessions \
         WHERE handle = ?1",
        params![handle],
        session_of,
    )
}

/// Ends a session; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_session(tx: &Tx<'_>, handle: &[u8]) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM browser_sessions WHERE handle = ?1", params![handle])? > 0)
}

/// Ends everything that a user signed in to before `now`: sessions in browsers, codes, refresh tokens, access
/// tokens. Belongs into a transaction of [`crate::Store::write`], so that what is kept in memory is looked at
/// again.
///
/// # Errors
/// [`StoreError`].
pub fn invalidate_user(tx: &Tx<'_>, tenant: TenantId, user: ObjectId, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO session_validity (tenant_id, user_id, valid_from) VALUES (?1, ?2, ?3) \
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET valid_from = ?3",
        params![tenant.bytes(), user.bytes(), now],
    )
    .map(|_| ())
}

/// From when on a user's sign-ins count, in microseconds: since the last revocation or change of password.
///
/// # Errors
/// [`StoreError`].
pub fn valid_from(conn: &Conn<'_>, tenant: TenantId, user: ObjectId) -> Result<i64, StoreError> {
    let latest = conn.query_one(
        "SELECT max(coalesce((SELECT valid_from FROM session_validity WHERE tenant_id = ?1 AND user_id = ?2), 0), \
         coalesce((SELECT changed_at FROM user_passwords WHERE tenant_id = ?1 AND object_id = ?2), 0))",
        params![tenant.bytes(), user.bytes()],
        |row| row.int(0),
    )?;
    Ok(latest.unwrap_or(0))
}

/// Removes what has been over for long enough that nobody asks for it any more.
///
/// # Errors
/// [`StoreError`].
pub fn purge(tx: &Tx<'_>, now: i64) -> Result<usize, StoreError> {
    // A code that is used a second time, long after it is over, still tells that it was stolen.
    const KEPT_CODES: i64 = 24 * 3_600_000_000;
    let mut removed = tx.execute("DELETE FROM browser_sessions WHERE expires_at < ?1", params![now])?;
    removed +=
        tx.execute("DELETE FROM device_codes WHERE expires_at < ?1", params![now - KEPT_CODES / 24])?;
    removed +=
        tx.execute("DELETE FROM authorization_codes WHERE expires_at < ?1", params![now - KEPT_CODES])?;
    removed += tx.execute("DELETE FROM sign_in_grants WHERE expires_at < ?1", params![now - KEPT_CODES])?;
    Ok(removed)
}
