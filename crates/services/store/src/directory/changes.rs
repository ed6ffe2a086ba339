//! What changed since when: the last change of each object and of each membership has a number, and numbers
//! grow in a tenant.

use gatepost_names::{ObjectId, TenantId};

use crate::directory::ObjectKind;
use crate::{Conn, StoreError, Tx, params};

/// An object that changed, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: ObjectId,
    /// The number of its last change.
    pub sequence: i64,
}

/// A membership that came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// The member.
    pub member: ObjectId,
    /// Whether it went.
    pub removed: bool,
    /// The number of the change.
    pub sequence: i64,
}

/// The number of the last change in a tenant; 0 before the first.
///
/// # Errors
/// [`StoreError`].
pub fn current_sequence(conn: &Conn<'_>, tenant: TenantId) -> Result<i64, StoreError> {
    let value = conn.query_one(
        "SELECT value FROM directory_sequences WHERE tenant_id = ?1",
        params![tenant.bytes()],
        |row| row.int(0),
    )?;
    Ok(value.unwrap_or_default())
}

fn next_sequence(tx: &Tx<'_>, tenant: TenantId) -> Result<i64, StoreError> {
    tx.execute(
        "INSERT INTO directory_sequences (tenant_id, value) VALUES (?1, 1) \
         ON CONFLICT (tenant_id) DO UPDATE SET value = value + 1",
        params![tenant.bytes()],
    )?;
    current_sequence(tx, tenant)
}

/// Notes that an object changed, came or went.
///
/// # Errors
/// [`StoreError`].
pub fn note_change(
    tx: &Tx<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    object: ObjectId,
) -> Result<(), StoreError> {
    let sequence = next_sequence(tx, tenant)?;
    put_change(tx, tenant, kind, object, sequence)
}

fn put_change(
    tx: &Tx<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    object: ObjectId,
    sequence: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_changes (tenant_id, kind, object_id, sequence) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (tenant_id, kind, object_id) DO UPDATE SET sequence = ?4",
        params![tenant.bytes(), kind.as_str(), object.bytes(), sequence],
    )
    .map(|_| ())
}

/// Notes that a member came into a group, or left it.
///
/// # Errors
/// [`StoreError`].
pub fn note_member(
    tx: &Tx<'_>,
    tenant: TenantId,
    group: ObjectId,
    member: ObjectId,
    removed: bool,
) -> Result<(), StoreError> {
    let sequence = next_sequence(tx, tenant)?;
    put_change(tx, tenant, ObjectKind::Group, group, sequence)?;
    tx.execute(
        "INSERT INTO membership_changes (tenant_id, group_id, member_id, sequence, removed) \
         VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (tenant_id, group_id, member_id) DO UPDATE SET sequence = ?4, removed = ?5",
        params![tenant.bytes(), group.bytes(), member.bytes(), sequence, removed],
    )
    .map(|_| ())
}

/// At most `limit` objects of a kind that changed after a number, in the order of their changes.
///
/// # Errors
/// [`StoreError`].
pub fn changes_after(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    sequence: i64,
    limit: u32,
) -> Result<Vec<Change>, StoreError> {
    conn.query(
        "SELECT object_id, sequence FROM directory_changes \
         WHERE tenant_id = ?1 AND kind = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4",
        params![tenant.bytes(), kind.as_str(), sequence, limit],
        |row| Ok(Change { object: ObjectId(row.uuid(0)?), sequence: row.int(1)? }),
    )
}

/// At most `limit` memberships of a group that changed after a number.
///
/// # Errors
/// [`StoreError`].
pub fn member_changes_after(
    conn: &Conn<'_>,
    tenant: TenantId,
    group: ObjectId,
    sequence: i64,
    limit: u32,
) -> Result<Vec<MemberChange>, StoreError> {
    conn.query(
        "SELECT member_id, removed, sequence FROM membership_changes \
         WHERE tenant_id = ?1 AND group_id = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4",
        params![tenant.bytes(), group.bytes(), sequence, limit],
        |row| {
            Ok(MemberChange { member: ObjectId(row.uuid(0)?), removed: row.bool(1)?, sequence: row.int(2)? })
        },
    )
}
