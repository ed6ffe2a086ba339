//! Delegated permissions that were granted to clients.

use gatepost_names::{ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, Param, Row, StoreError, Tx, params};

/// What a client may do with a resource on behalf of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Its id.
    pub id: Uuid,
    /// The service principal that acts.
    pub client: ObjectId,
    /// The service principal that is acted on.
    pub resource: ObjectId,
    /// The user on whose behalf; `None` for every user.
    pub principal: Option<ObjectId>,
    /// Values of delegated permissions, separated by blanks.
    pub scope: String,
}

const COLUMNS: &str = "g.id, g.client_id, g.resource_id, g.principal_id, g.scope";

/// Only grants all of whose parties live.
const LIVING: &str = "JOIN directory_objects AS c ON c.tenant_id = g.tenant_id AND c.id = g.client_id \
     JOIN directory_objects AS r ON r.tenant_id = g.tenant_id AND r.id = g.resource_id \
     LEFT JOIN directory_objects AS p ON p.tenant_id = g.tenant_id AND p.id = g.principal_id";
const ALIVE: &str = "c.deleted_at IS NULL AND r.deleted_at IS NULL AND p.deleted_at IS NULL";

fn grant_of(row: &Row<'_>) -> Result<GrantRow, StoreError> {
    Ok(GrantRow {
        id: row.uuid(0)?,
        client: ObjectId(row.uuid(1)?),
        resource: ObjectId(row.uuid(2)?),
        principal: row.opt_uuid(3)?.map(ObjectId),
        scope: row.text(4)?,
    })
}

/// Adds a grant.
///
/// # Errors
/// [`StoreError::Conflict`] if there is one of this client, resource and principal.
pub fn insert_grant(tx: &Tx<'_>, tenant: TenantId, grant: &GrantRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO permission_grants (tenant_id, id, client_id, resource_id, principal_id, scope) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            tenant.bytes(),
            grant.id,
            grant.client.bytes(),
            grant.resource.bytes(),
            grant.principal.map(|id| id.0),
            &grant.scope,
        ],
    )
    .map(|_| ())
}

/// Writes the permissions of a grant.
///
/// # Errors
/// [`StoreError`].
pub fn update_grant(tx: &Tx<'_>, tenant: TenantId, id: Uuid, scope: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE permission_grants SET scope = ?3 WHERE tenant_id = ?1 AND id = ?2",
        params![tenant.bytes(), id, scope],
    )
    .map(|_| ())
}

/// Removes a grant; whether it was there.
///
/// # Errors
/// [`StoreError`].
pub fn delete_grant(tx: &Tx<'_>, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM permission_grants WHERE tenant_id = ?1 AND id = ?2",
        params![tenant.bytes(), id],
    )?;
    Ok(removed > 0)
}

/// One grant.
///
/// # Errors
/// [`StoreError`].
pub fn grant(conn: &Conn<'_>, tenant: TenantId, id: Uuid) -> Result<Option<GrantRow>, StoreError> {
    conn.query_one(
        &format!(
            "SELECT {COLUMNS} FROM permission_grants AS g {LIVING} \
             WHERE g.tenant_id = ?1 AND g.id = ?2 AND {ALIVE}"
        ),
        params![tenant.bytes(), id],
        grant_of,
    )
}

/// The grant of a client on a resource for a user, or for every user.
///
/// # Errors
/// [`StoreError`].
pub fn find_grant(
    conn: &Conn<'_>,
    tenant: TenantId,
    client: ObjectId,
    resource: ObjectId,
    principal: Option<ObjectId>,
) -> Result<Option<GrantRow>, StoreError> {
    let principal = principal.map_or_else(Vec::new, |id| id.bytes().to_vec());
    conn.query_one(
        &format!(
            "SELECT {COLUMNS} FROM permission_grants AS g WHERE g.tenant_id = ?1 AND g.client_id = ?2 \
             AND g.resource_id = ?3 AND coalesce(g.principal_id, x'') = ?4"
        ),
        params![tenant.bytes(), client.bytes(), resource.bytes(), principal],
        grant_of,
    )
}

/// At most `limit` grants, of one client if it is given, by id, after one.
///
/// # Errors
/// [`StoreError`].
pub fn grants(
    conn: &Conn<'_>,
    tenant: TenantId,
    client: Option<ObjectId>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<GrantRow>, StoreError> {
    list(conn, tenant, client.map(|id| ("client_id", id)), after, limit)
}

/// As [`grants`], of one resource.
///
/// # Errors
/// [`StoreError`].
pub fn grants_of_resource(
    conn: &Conn<'_>,
    tenant: TenantId,
    resource: ObjectId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<GrantRow>, StoreError> {
    list(conn, tenant, Some(("resource_id", resource)), after, limit)
}

/// As [`grants`], for one user.
///
/// # Errors
/// [`StoreError`].
pub fn grants_of_principal(
    conn: &Conn<'_>,
    tenant: TenantId,
    principal: ObjectId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<GrantRow>, StoreError> {
    list(conn, tenant, Some(("principal_id", principal)), after, limit)
}

fn list(
    conn: &Conn<'_>,
    tenant: TenantId,
    of: Option<(&str, ObjectId)>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<GrantRow>, StoreError> {
    let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    let only = of.map_or_else(String::new, |(side, _)| format!(" AND g.{side} = ?4"));
    let mut values = vec![Param::from(tenant.bytes()), Param::from(after), Param::from(limit)];
    values.extend(of.map(|(_, id)| Param::from(id.0)));
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM permission_grants AS g {LIVING} \
             WHERE g.tenant_id = ?1 AND g.id > ?2 AND {ALIVE}{only} ORDER BY g.id LIMIT ?3"
        ),
        &values,
        grant_of,
    )
}
