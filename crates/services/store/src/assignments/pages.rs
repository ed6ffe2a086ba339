//! Listings of role assignments, page by page.

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, TenantId};

use super::{ASSIGNMENT, AssignmentRow, assignment_of};
use crate::reach::{self, AFTER_ALL_IDS, Reach};
use crate::{Conn, StoreError, params};

/// Rows that are read at once where a principal's assignments are filtered by scope.
const CHUNK: usize = 256;

/// The last row that a listing has shown: the next page begins after it, whether it still exists or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its scope in lower case.
    pub scope_key: String,
    /// Its role.
    pub role: RoleDefinitionId,
    /// Its principal.
    pub principal: ObjectId,
    /// Its name.
    pub name: RoleAssignmentName,
}

/// The assignments at these places, place after place, by scope, role and principal in each; those after
/// `after` and at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn assignments_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    places: &[Reach],
    after: Option<&Position>,
    limit: usize,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let after_key = after.map(|position| position.scope_key.as_str());
    reach::page(places, after_key, limit, |place, goes_on, limit| {
        let last = after.filter(|_| goes_on);
        let role = last.map_or_else(Vec::new, |last| last.role.bytes().to_vec());
        let principal = last.map_or_else(Vec::new, |last| last.principal.bytes().to_vec());
        let rows = i64::try_from(limit).unwrap_or(i64::MAX);
        match place {
            Reach::At(key) => conn.query(
                &format!(
                    "{ASSIGNMENT} WHERE tenant_id = ?1 AND scope_key = ?2 \
                     AND (role_id, principal_id) > (?3, ?4) ORDER BY role_id, principal_id LIMIT ?5"
                ),
                params![tenant.bytes(), key, role, principal, rows],
                assignment_of,
            ),
            Reach::Below(key) => {
                let (first, end) = Reach::keys_below(key);
                let (from, role) = match last {
                    Some(last) => (last.scope_key.clone(), role),
                    None => (first, AFTER_ALL_IDS.to_vec()),
                };
                conn.query(
                    &format!(
                        "{ASSIGNMENT} WHERE tenant_id = ?1 \
                         AND (scope_key, role_id, principal_id) > (?2, ?3, ?4) AND scope_key < ?5 \
                         ORDER BY scope_key, role_id, principal_id LIMIT ?6"
                    ),
                    params![tenant.bytes(), from, role, principal, end, rows],
                    assignment_of,
                )
            }
        }
    })
}

/// The assignments of some principals themselves at these places, by principal, scope and name; those after
/// `after` and at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn assignments_of_principals_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    principals: &[ObjectId],
    places: &[Reach],
    after: Option<&Position>,
    limit: usize,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let mut principals = principals.to_vec();
    principals.sort_unstable();
    principals.dedup();
    let mut found = Vec::new();
    for principal in principals {
        if after.is_some_and(|last| principal < last.principal) {
            continue;
        }
        let goes_on = after.filter(|last| last.principal == principal);
        let mut last = goes_on.map(|last| (last.scope_key.clone(), last.name.bytes().to_vec()));
        while found.len() < limit {
            let chunk = of_principal(conn, tenant, principal, last.take())?;
            let is_last = chunk.len() < CHUNK;
            last = chunk.last().map(|row| (row.scope.key().to_owned(), row.name.bytes().to_vec()));
            let covered =
                chunk.into_iter().filter(|row| places.iter().any(|place| place.covers(row.scope.key())));
            found.extend(covered.take(limit - found.len()));
            if is_last {
                break;
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Up to [`CHUNK`] assignments of a principal after this scope's key and name.
fn of_principal(
    conn: &Conn<'_>,
    tenant: TenantId,
    principal: ObjectId,
    after: Option<(String, Vec<u8>)>,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let (key, name) = after.unwrap_or_default();
    let rows = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    conn.query(
        &format!(
            "{ASSIGNMENT} WHERE tenant_id = ?1 AND principal_id = ?2 AND (scope_key, name) > (?3, ?4) \
             ORDER BY scope_key, name LIMIT ?5"
        ),
        params![tenant.bytes(), principal.bytes(), key, name, rows],
        assignment_of,
    )
}

/// The assignments of a role, by scope and principal; those after `after` and at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn assignments_of_role_page(
    conn: &Conn<'_>,
    tenant: TenantId,
    role: RoleDefinitionId,
    after: Option<&Position>,
    limit: usize,
) -> Result<Vec<AssignmentRow>, StoreError> {
    let key = after.map_or("", |last| last.scope_key.as_str());
    let principal = after.map_or_else(Vec::new, |last| last.principal.bytes().to_vec());
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.query(
        &format!(
            "{ASSIGNMENT} WHERE tenant_id = ?1 AND role_id = ?2 AND (scope_key, principal_id) > (?3, ?4) \
             ORDER BY scope_key, principal_id LIMIT ?5"
        ),
        params![tenant.bytes(), role.bytes(), key, principal, rows],
        assignment_of,
    )
}
