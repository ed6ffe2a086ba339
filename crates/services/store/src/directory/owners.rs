//! Who owns applications, service principals and groups.

use gatepost_names::{ObjectId, TenantId};

use crate::{Conn, StoreError, Tx, params};

/// Makes somebody an owner of an object.
///
/// # Errors
/// [`StoreError::Conflict`] if it is one.
pub fn insert_owner(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    owner: ObjectId,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_owners (tenant_id, object_id, owner_id) VALUES (?1, ?2, ?3)",
        params![tenant.bytes(), object.bytes(), owner.bytes()],
    )
    .map(|_| ())
}

/// Takes an object from one of its owners; whether it was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_owner(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    owner: ObjectId,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM directory_owners WHERE tenant_id = ?1 AND object_id = ?2 AND owner_id = ?3",
        params![tenant.bytes(), object.bytes(), owner.bytes()],
    )?;
    Ok(removed > 0)
}

/// Whether somebody owns an object.
///
/// # Errors
/// [`StoreError`].
pub fn is_owner(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
    owner: ObjectId,
) -> Result<bool, StoreError> {
    let found = conn.query_one(
        "SELECT 1 FROM directory_owners WHERE tenant_id = ?1 AND object_id = ?2 AND owner_id = ?3",
        params![tenant.bytes(), object.bytes(), owner.bytes()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// At most `limit` living owners of an object, by id, after one.
///
/// # Errors
/// [`StoreError`].
pub fn owners_of(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
    after: Option<ObjectId>,
    limit: u32,
) -> Result<Vec<ObjectId>, StoreError> {
    let after = after.map_or_else(Vec::new, |id| id.bytes().to_vec());
    conn.query(
        "SELECT w.owner_id FROM directory_owners AS w \
         JOIN directory_objects AS o ON o.tenant_id = w.tenant_id AND o.id = w.owner_id \
         WHERE w.tenant_id = ?1 AND w.object_id = ?2 AND w.owner_id > ?3 AND o.deleted_at IS NULL \
         ORDER BY w.owner_id LIMIT ?4",
        params![tenant.bytes(), object.bytes(), after, limit],
        |row| Ok(ObjectId(row.uuid(0)?)),
    )
}

/// At most `limit` living objects that somebody owns, by id, after one.
///
/// # Errors
/// [`StoreError`].
pub fn owned_by(
    conn: &Conn<'_>,
    tenant: TenantId,
    owner: ObjectId,
    after: Option<ObjectId>,
    limit: u32,
) -> Result<Vec<ObjectId>, StoreError> {
    let after = after.map_or_else(Vec::new, |id| id.bytes().to_vec());
    conn.query(
        "SELECT w.object_id FROM directory_owners AS w \
         JOIN directory_objects AS o ON o.tenant_id = w.tenant_id AND o.id = w.object_id \
         WHERE w.tenant_id = ?1 AND w.owner_id = ?2 AND w.object_id > ?3 AND o.deleted_at IS NULL \
         ORDER BY w.object_id LIMIT ?4",
        params![tenant.bytes(), owner.bytes(), after, limit],
        |row| Ok(ObjectId(row.uuid(0)?)),
    )
}
