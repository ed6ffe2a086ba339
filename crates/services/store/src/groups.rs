//! Who is directly in which group. Called by `gatepost-access` to write, and by the directory to list.

use gatepost_names::{ObjectId, TenantId};

use crate::{Conn, StoreError, Tx, params};

/// Puts a member into a group; answers whether it was not in it. That neither becomes part of itself is for
/// the caller to check ([`contains`]).
///
/// # Errors
/// [`StoreError`].
pub fn put_member(
    tx: &Tx<'_>,
    tenant: TenantId,
    group: ObjectId,
    member: ObjectId,
    now: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO group_members (tenant_id, group_id, member_id, created_at) \
               VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![tenant.bytes(), group.bytes(), member.bytes(), now])? > 0)
}

/// Takes a member out of a group; answers whether it was in it.
///
/// # Errors
/// [`StoreError`].
pub fn delete_member(
    tx: &Tx<'_>,
    tenant: TenantId,
    group: ObjectId,
    member: ObjectId,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM group_members WHERE tenant_id = ?1 AND group_id = ?2 AND member_id = ?3";
    Ok(tx.execute(sql, params![tenant.bytes(), group.bytes(), member.bytes()])? > 0)
}

/// Takes a principal out of all groups, and, where it is a group, everybody out of it.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &Tx<'_>, tenant: TenantId, principal: ObjectId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM group_members WHERE tenant_id = ?1 AND member_id = ?2",
        "DELETE FROM group_members WHERE tenant_id = ?1 AND group_id = ?2",
    ] {
        tx.execute(sql, params![tenant.bytes(), principal.bytes()])?;
    }
    Ok(())
}

/// Whether a principal is directly in a group.
///
/// # Errors
/// [`StoreError`].
pub fn is_member(
    conn: &Conn<'_>,
    tenant: TenantId,
    group: ObjectId,
    member: ObjectId,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM group_members WHERE tenant_id = ?1 AND group_id = ?2 AND member_id = ?3";
    let found = conn.query_one(sql, params![tenant.bytes(), group.bytes(), member.bytes()], |r| r.int(0))?;
    Ok(found.is_some())
}

/// Whether a group is a principal, or contains it at any depth.
///
/// # Errors
/// [`StoreError`].
pub fn contains(
    conn: &Conn<'_>,
    tenant: TenantId,
    group: ObjectId,
    principal: ObjectId,
) -> Result<bool, StoreError> {
    // From below: a principal is in far fewer groups than a group has members. UNION drops what was met.
    let sql = "WITH RECURSIVE above (id) AS (SELECT ?2 UNION \
               SELECT m.group_id FROM above JOIN group_members AS m \
               ON m.tenant_id = ?1 AND m.member_id = above.id) \
               SELECT 1 FROM above WHERE id = ?3";
    let found =
        conn.query_one(sql, params![tenant.bytes(), principal.bytes(), group.bytes()], |r| r.int(0))?;
    Ok(found.is_some())
}

/// The direct members of a group by their ids, those after `after` and at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn members_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    group: ObjectId,
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<ObjectId>, StoreError> {
    page(
        conn,
        "SELECT member_id FROM group_members \
         WHERE tenant_id = ?1 AND group_id = ?2 AND member_id > ?3 ORDER BY member_id LIMIT ?4",
        (tenant, group, after, limit),
    )
}

/// The groups that a principal is directly in, by their ids, those after `after` and at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn memberships_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    member: ObjectId,
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<ObjectId>, StoreError> {
    page(
        conn,
        "SELECT group_id FROM group_members \
         WHERE tenant_id = ?1 AND member_id = ?2 AND group_id > ?3 ORDER BY group_id LIMIT ?4",
        (tenant, member, after, limit),
    )
}

fn page(
    conn: &Conn<'_>,
    sql: &str,
    (tenant, of, after, limit): (TenantId, ObjectId, Option<ObjectId>, usize),
) -> Result<Vec<ObjectId>, StoreError> {
    let after = after.map_or_else(Vec::new, |id| id.bytes().to_vec());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.query(sql, params![tenant.bytes(), of.bytes(), after, limit], |row| Ok(ObjectId(row.uuid(0)?)))
}

/// Every membership of all tenants, group and member, each handed to `take`.
///
/// # Errors
/// [`StoreError`].
pub fn each_membership(
    conn: &Conn<'_>,
    mut take: impl FnMut(TenantId, ObjectId, ObjectId),
) -> Result<(), StoreError> {
    conn.query_each("SELECT tenant_id, group_id, member_id FROM group_members", &[], |row| {
        take(TenantId(row.uuid(0)?), ObjectId(row.uuid(1)?), ObjectId(row.uuid(2)?));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::tenants::{Tenant, insert_tenant};
    use uuid::Uuid;

    const TENANT: TenantId = TenantId(Uuid::from_u128(7));

    fn id(n: u128) -> ObjectId {
        ObjectId(Uuid::from_u128(n))
    }

    #[test]
    fn members_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
        store.write(|tx| insert_tenant(tx, &tenant, 1)).unwrap();
        let put = |group, member| store.write(|tx| put_member(tx, TENANT, id(group), id(member), 1)).unwrap();
        assert!(put(1, 2) && put(2, 3) && put(1, 3) && !put(1, 2));
        let inside = |group, member| store.read(|c| contains(c, TENANT, id(group), id(member))).unwrap();
        assert!(inside(1, 3) && inside(2, 3) && inside(1, 1) && !inside(3, 1) && !inside(2, 1));
        let members = |after| store.read(|c| members_page(c, TENANT, id(1), after, 1)).unwrap();
        assert_eq!(members(None), [id(2)]);
        assert_eq!(members(Some(id(2))), [id(3)]);
        assert_eq!(store.read(|c| memberships_page(c, TENANT, id(3), None, 9)).unwrap(), [id(1), id(2)]);
        store.write(|tx| forget(tx, TENANT, id(2))).unwrap();
        assert!(!inside(2, 3) && inside(1, 3));
        let direct = |member| store.read(|c| is_member(c, TENANT, id(1), id(member))).unwrap();
        assert!(!direct(2) && direct(3));
        let mut all = Vec::new();
        store.read(|c| each_membership(c, |_, group, member| all.push((group, member)))).unwrap();
        assert_eq!(all, [(id(1), id(3))]);
        assert!(store.write(|tx| delete_member(tx, TENANT, id(1), id(3))).unwrap());
    }
}
