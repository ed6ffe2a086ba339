//! Objects that were deleted and can be restored.

use gatepost_names::{ObjectId, TenantId};

use crate::directory::objects::{COLUMNS, object_of};
use crate::directory::{ObjectKind, ObjectRow, changes, words};
use crate::{Conn, StoreError, Tx, params};

/// A deleted object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedRow {
    /// As it was; its login name is in its document only.
    pub object: ObjectRow,
    /// When it was deleted, in microseconds.
    pub deleted_at: i64,
}

/// Deletes an object so that it can come back: it keeps its row and its credentials, and gives up its names.
/// The memberships that it has at this moment are noted with it.
///
/// # Errors
/// [`StoreError`].
pub fn soft_delete(tx: &Tx<'_>, object: &ObjectRow, now: i64) -> Result<(), StoreError> {
    let (tenant, id) = (object.tenant.bytes(), object.id.bytes());
    // Two statements: one with OR would walk the table.
    for side in ["group_id", "member_id"] {
        tx.execute(
            &format!(
                "INSERT INTO deleted_memberships (tenant_id, object_id, group_id, member_id) \
                 SELECT tenant_id, ?2, group_id, member_id FROM group_members \
                 WHERE tenant_id = ?1 AND {side} = ?2"
            ),
            params![tenant, id],
        )?;
    }
    words::forget(tx, object.tenant, object.id)?;
    tx.execute("DELETE FROM identifier_uris WHERE tenant_id = ?1 AND object_id = ?2", params![tenant, id])?;
    tx.execute(
        "UPDATE directory_objects SET kind = ?3, deleted_at = ?4, login_key = NULL, mail_key = NULL \
         WHERE tenant_id = ?1 AND id = ?2",
        params![tenant, id, object.kind.deleted(), now],
    )?;
    changes::note_change(tx, object.tenant, object.kind, object.id)
}

/// Brings a deleted object back, as it is given here.
///
/// # Errors
/// [`StoreError::Conflict`] if another object has one of its names by now.
pub fn restore(tx: &Tx<'_>, object: &ObjectRow) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE directory_objects SET kind = ?3, deleted_at = NULL, login_key = ?4 \
         WHERE tenant_id = ?1 AND id = ?2 AND deleted_at IS NOT NULL",
        params![
            object.tenant.bytes(),
            object.id.bytes(),
            object.kind.as_str(),
            object.login.as_deref().map(str::to_lowercase),
        ],
    )?;
    tx.execute(
        "DELETE FROM deleted_memberships WHERE tenant_id = ?1 AND object_id = ?2",
        params![object.tenant.bytes(), object.id.bytes()],
    )?;
    words::write(tx, object)?;
    changes::note_change(tx, object.tenant, object.kind, object.id)
}

/// The memberships, group and member, that an object had when it was deleted.
///
/// # Errors
/// [`StoreError`].
pub fn memberships_at_deletion(
    conn: &Conn<'_>,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Vec<(ObjectId, ObjectId)>, StoreError> {
    conn.query(
        "SELECT group_id, member_id FROM deleted_memberships WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), id.bytes()],
        |row| Ok((ObjectId(row.uuid(0)?), ObjectId(row.uuid(1)?))),
    )
}

/// Removes an object, deleted or not, and all that hangs on it; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn purge(tx: &Tx<'_>, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM directory_objects WHERE tenant_id = ?1 AND id = ?2",
        params![tenant.bytes(), id.bytes()],
    )?;
    Ok(removed > 0)
}

/// One deleted object.
///
/// # Errors
/// [`StoreError`].
pub fn deleted(conn: &Conn<'_>, tenant: TenantId, id: ObjectId) -> Result<Option<DeletedRow>, StoreError> {
    conn.query_one(
        &format!(
            "SELECT {COLUMNS}, deleted_at FROM directory_objects \
             WHERE tenant_id = ?1 AND id = ?2 AND deleted_at IS NOT NULL"
        ),
        params![tenant.bytes(), id.bytes()],
        |row| Ok(DeletedRow { object: object_of(row)?, deleted_at: row.int(9)? }),
    )
}

/// At most `limit` deleted objects of a kind, by id, after one.
///
/// # Errors
/// [`StoreError`].
pub fn deleted_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    after: Option<ObjectId>,
    limit: u32,
) -> Result<Vec<DeletedRow>, StoreError> {
    let after = after.map_or_else(Vec::new, |id| id.bytes().to_vec());
    conn.query(
        &format!(
            "SELECT {COLUMNS}, deleted_at FROM directory_objects \
             WHERE tenant_id = ?1 AND kind = ?2 AND id > ?3 ORDER BY id LIMIT ?4"
        ),
        params![tenant.bytes(), kind.deleted(), after, limit],
        |row| Ok(DeletedRow { object: object_of(row)?, deleted_at: row.int(9)? }),
    )
}

/// At most `limit` objects that were deleted before a moment.
///
/// # Errors
/// [`StoreError`].
pub fn expired(
    conn: &Conn<'_>,
    tenant: TenantId,
    before: i64,
    limit: u32,
) -> Result<Vec<(ObjectKind, ObjectId)>, StoreError> {
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM directory_objects \
             WHERE tenant_id = ?1 AND deleted_at < ?2 ORDER BY deleted_at, id LIMIT ?3"
        ),
        params![tenant.bytes(), before, limit],
        |row| object_of(row).map(|object| (object.kind, object.id)),
    )
}
