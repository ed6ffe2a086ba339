//! Users' sign-ins to clients: the codes and refresh tokens that came of them.

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, Row, StoreError, Tx, params};

/// Sign-ins to one client that are kept for a user; the one that was used the longest time ago gives way.
const MAX_GRANTS: u32 = 500;
const COLUMNS: &str = "id, tenant_id, user_id, client_id, methods, signed_in_at, created_at, expires_at, \
                       revoked_at, refresh_hash, refresh_number, refresh_scope, parent_id";

/// A user's sign-in to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Its name in tokens.
    pub id: Uuid,
    /// The user's tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: ObjectId,
    /// The client.
    pub client: ApplicationId,
    /// How the user signed in: words of RFC 8176, separated by spaces.
    pub methods: String,
    /// When the user signed in, in microseconds; so for the others.
    pub signed_in_at: i64,
    /// When the client was signed in to.
    pub created_at: i64,
    /// When the last thing that can come of it is over.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// The refresh token that counts.
    pub refresh: Option<RefreshRow>,
    /// How many refresh tokens there have been.
    pub refresh_number: i64,
    /// The sign-in on whose behalf the client acts, and with which this one ends.
    pub parent: Option<Uuid>,
}

/// A refresh token, as far as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshRow {
    /// The hash of its text.
    pub hash: Vec<u8>,
    /// What it is for, if nothing else is said.
    pub scope: String,
}

fn grant_of(row: &Row<'_>) -> Result<GrantRow, StoreError> {
    Ok(GrantRow {
        id: row.uuid(0)?,
        tenant: TenantId(row.uuid(1)?),
        user: ObjectId(row.uuid(2)?),
        client: ApplicationId(row.uuid(3)?),
        methods: row.text(4)?,
        signed_in_at: row.int(5)?,
        created_at: row.int(6)?,
        expires_at: row.int(7)?,
        revoked_at: row.opt_int(8)?,
        refresh: row.opt_blob(9)?.zip(row.opt_text(11)?).map(|(hash, scope)| RefreshRow { hash, scope }),
        refresh_number: row.int(10)?,
        parent: row.opt_uuid(12)?,
    })
}

/// Adds a sign-in to a client, without a refresh token. Of the user's at the same client, those that were not used
/// for the longest time give way to it.
///
/// # Errors
/// [`StoreError`].
pub fn insert_grant(tx: &Tx<'_>, grant: &GrantRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sign_in_grants (id, tenant_id, user_id, client_id, methods, signed_in_at, created_at, \
         expires_at, revoked_at, refresh_hash, refresh_number, refresh_scope, parent_id, used_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL, NULL, 0, NULL, ?9, ?7)",
        params![
            grant.id,
            grant.tenant.bytes(),
            grant.user.bytes(),
            grant.client.bytes(),
            &grant.methods,
            grant.signed_in_at,
            grant.created_at,
            grant.expires_at,
            grant.parent,
        ],
    )?;
    tx.execute(
        "DELETE FROM sign_in_grants WHERE id IN (SELECT id FROM sign_in_grants \
         WHERE tenant_id = ?1 AND user_id = ?2 AND client_id = ?3 AND id <> ?4 \
         ORDER BY used_at DESC LIMIT -1 OFFSET ?5)",
        params![grant.tenant.bytes(), grant.user.bytes(), grant.client.bytes(), grant.id, MAX_GRANTS - 1],
    )
    .map(|_| ())
}

/// A sign-in to a client, revoked or not.
///
/// # Errors
/// [`StoreError`].
pub fn grant(conn: &Conn<'_>, id: Uuid) -> Result<Option<GrantRow>, StoreError> {
    conn.query_one(&format!("SELECT {COLUMNS} FROM sign_in_grants WHERE id = ?1"), params![id], grant_of)
}

/// The sign-in of a client that acts on behalf of the sign-in `parent`, revoked or not.
///
/// # Errors
/// [`StoreError`].
pub fn child_grant(
    conn: &Conn<'_>,
    parent: Uuid,
    client: ApplicationId,
) -> Result<Option<GrantRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {COLUMNS} FROM sign_in_grants WHERE parent_id = ?1 AND client_id = ?2"),
        params![parent, client.bytes()],
        grant_of,
    )
}

/// Makes a refresh token the one that counts, and the sign-in, with those on whose behalf it is, last until
/// `expires_at` at least.
///
/// # Errors
/// [`StoreError`].
pub fn set_refresh(
    tx: &Tx<'_>,
    grant: Uuid,
    refresh: &RefreshRow,
    number: i64,
    (now, expires_at): (i64, i64),
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE sign_in_grants SET refresh_hash = ?2, refresh_scope = ?3, refresh_number = ?4 WHERE id = ?1",
        params![grant, refresh.hash.as_slice(), &refresh.scope, number],
    )?;
    tx.execute(
        "WITH RECURSIVE above (id) AS (VALUES (?1) UNION SELECT parent_id FROM sign_in_grants \
         JOIN above USING (id) WHERE parent_id IS NOT NULL) \
         UPDATE sign_in_grants SET expires_at = max(expires_at, ?2), used_at = ?3 \
         WHERE id IN (SELECT id FROM above)",
        params![grant, expires_at, now],
    )
    .map(|_| ())
}

/// Revokes a sign-in to a client, with those of clients that act on its behalf; whether one stood until now. Belongs into a transaction of
/// [`crate::Store::write`], so that tokens that are kept in memory are looked at again.
///
/// # Errors
/// [`StoreError`].
pub fn revoke_grant(tx: &Tx<'_>, id: Uuid, now: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "WITH RECURSIVE below (id) AS (VALUES (?1) UNION SELECT sign_in_grants.id FROM sign_in_grants \
         JOIN below ON parent_id = below.id) \
         UPDATE sign_in_grants SET revoked_at = ?2, refresh_hash = NULL \
         WHERE id IN (SELECT id FROM below) AND revoked_at IS NULL",
        params![id, now],
    )?;
    Ok(changed > 0)
}

/// An authorization code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The hash of its text.
    pub handle: Vec<u8>,
    /// The sign-in that it stands for.
    pub grant: Uuid,
    /// What the authorization request said, as JSON.
    pub request: String,
    /// From when on it is over, in microseconds.
    pub expires_at: i64,
    /// When it was used.
    pub redeemed_at: Option<i64>,
}

/// Adds a code.
///
/// # Errors
/// [`StoreError`].
pub fn insert_code(tx: &Tx<'_>, code: &CodeRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO authorization_codes (handle, grant_id, request, expires_at, redeemed_at) \
         VALUES (?1, ?2, ?3, ?4, NULL)",
        params![code.handle.as_slice(), code.grant, &code.request, code.expires_at],
    )
    .map(|_| ())
}

/// A code, used or not.
///
/// # Errors
/// [`StoreError`].
pub fn code(conn: &Conn<'_>, handle: &[u8]) -> Result<Option<CodeRow>, StoreError> {
    conn.query_one(
        "SELECT handle, grant_id, request, expires_at, redeemed_at FROM authorization_codes WHERE handle = ?1",
        params![handle],
        |row| {
            Ok(CodeRow {
                handle: row.blob(0)?,
                grant: row.uuid(1)?,
                request: row.text(2)?,
                expires_at: row.int(3)?,
                redeemed_at: row.opt_int(4)?,
            })
        },
    )
}

/// Uses a code; whether it had not been used before.
///
/// # Errors
/// [`StoreError`].
pub fn redeem_code(tx: &Tx<'_>, handle: &[u8], now: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE authorization_codes SET redeemed_at = ?2 WHERE handle = ?1 AND redeemed_at IS NULL",
        params![handle, now],
    )?;
    Ok(changed > 0)
}
