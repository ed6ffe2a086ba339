//! What a tenant cannot lose: its last Global Administrator, and the service principals of the platform.

use gatepost_access::GLOBAL_ADMINISTRATOR;
use gatepost_names::TenantId;
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx, access, groups};

use crate::{DirectoryError, FirstParty};

/// Members of a group that are looked at in one query.
const CHUNK: usize = 200;

/// Does what might take the last Global Administrator from a tenant, and refuses it if it did: the tenant could
/// never have one again.
pub(crate) fn keeping_an_administrator<T>(
    tx: &Tx<'_>,
    tenant: TenantId,
    change: impl FnOnce() -> Result<T, DirectoryError>,
) -> Result<T, DirectoryError> {
    let had = has_administrator(tx, tenant)?;
    let done = change()?;
    if had && !has_administrator(tx, tenant)? {
        return Err(DirectoryError::InvalidReference(
            "The last Global Administrator of the tenant cannot be removed.",
        ));
    }
    Ok(done)
}

/// Whether some enabled user or service principal is a Global Administrator, itself or as a member of a group.
/// Read from the rows: what memory has does not know of this transaction yet.
fn has_administrator(conn: &Conn<'_>, tenant: TenantId) -> Result<bool, StoreError> {
    for holder in access::directory_role_holders(conn, tenant, GLOBAL_ADMINISTRATOR)? {
        let Some(row) = rows::find(conn, tenant, holder)? else { continue };
        if is_somebody(&row) || (row.kind == ObjectKind::Group && has_somebody(conn, &row)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_somebody(row: &ObjectRow) -> bool {
    matches!(row.kind, ObjectKind::User | ObjectKind::ServicePrincipal) && row.enabled
}

/// Groups that have roles have no groups in them.
fn has_somebody(conn: &Conn<'_>, group: &ObjectRow) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let chunk = groups::members_page(conn, group.tenant, group.id, after, CHUNK)?;
        for member in &chunk {
            if rows::find(conn, group.tenant, *member)?.is_some_and(|row| is_somebody(&row)) {
                return Ok(true);
            }
        }
        match chunk.last() {
            Some(last) if chunk.len() == CHUNK => after = Some(*last),
            _ => return Ok(false),
        }
    }
}

/// Refuses to delete or disable a service principal of the platform: nobody could sign in any more, or nothing
/// would be asked of it any more.
pub(crate) fn keep_platform(row: &ObjectRow) -> Result<(), DirectoryError> {
    let is_platform = row.app_id.is_some_and(|app_id| FirstParty::find(app_id).is_some());
    if row.kind == ObjectKind::ServicePrincipal && is_platform {
        return Err(DirectoryError::InvalidReference(
            "The service principal of a first-party application cannot be deleted or disabled.",
        ));
    }
    Ok(())
}
