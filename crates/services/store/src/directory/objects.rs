//! The objects themselves.

use gatepost_names::{ApplicationId, ObjectId, TenantId};

use crate::directory::{changes, words};
use crate::{Conn, Row, StoreError, Tx, params};

/// What a directory object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// The registration of an application.
    Application,
    /// The identity of an application in a tenant.
    ServicePrincipal,
    /// A person.
    User,
    /// A group.
    Group,
}

impl ObjectKind {
    const ALL: [ObjectKind; 4] =
        [ObjectKind::Application, ObjectKind::ServicePrincipal, ObjectKind::User, ObjectKind::Group];

    /// Microsoft Graph's name of the type, without its namespace; also what the column holds.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Application => "application",
            ObjectKind::ServicePrincipal => "servicePrincipal",
            ObjectKind::User => "user",
            ObjectKind::Group => "group",
        }
    }

    /// What the column holds once the object is deleted.
    pub(super) fn deleted(self) -> &'static str {
        match self {
            ObjectKind::Application => "deletedApplication",
            ObjectKind::ServicePrincipal => "deletedServicePrincipal",
            ObjectKind::User => "deletedUser",
            ObjectKind::Group => "deletedGroup",
        }
    }

    fn parse(text: &str) -> Result<ObjectKind, StoreError> {
        ObjectKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text || kind.deleted() == text)
            .ok_or_else(|| StoreError::Corrupt(format!("unknown kind of directory object: {text}")))
    }
}

/// A directory object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its object id, never used again after it is gone.
    pub id: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// The client id, of applications and service principals.
    pub app_id: Option<ApplicationId>,
    /// The user principal name, of users; the store compares it in lower case.
    pub login: Option<String>,
    /// What people see.
    pub display_name: String,
    /// `accountEnabled`.
    pub enabled: bool,
    /// The other properties, as JSON.
    pub doc: String,
    /// When it was made, in microseconds.
    pub created_at: i64,
}

pub(super) const COLUMNS: &str =
    "tenant_id, id, kind, app_id, login_key, display_name, enabled, doc, created_at";

pub(super) fn object_of(row: &Row<'_>) -> Result<ObjectRow, StoreError> {
    Ok(ObjectRow {
        tenant: TenantId(row.uuid(0)?),
        id: ObjectId(row.uuid(1)?),
        kind: ObjectKind::parse(&row.text(2)?)?,
        app_id: row.opt_uuid(3)?.map(ApplicationId),
        login: row.opt_text(4)?,
        display_name: row.text(5)?,
        enabled: row.bool(6)?,
        doc: row.text(7)?,
        created_at: row.int(8)?,
    })
}

/// Adds an object.
///
/// # Errors
/// [`StoreError::Conflict`] if the tenant has one of this kind with the same client id or login name.
pub fn insert(tx: &Tx<'_>, object: &ObjectRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_objects (tenant_id, id, kind, app_id, login_key, display_name, name_key, \
         enabled, doc, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            object.tenant.bytes(),
            object.id.bytes(),
            object.kind.as_str(),
            object.app_id.map(|id| id.0),
            object.login.as_deref().map(str::to_lowercase),
            &object.display_name,
            object.display_name.to_lowercase(),
            object.enabled,
            &object.doc,
            object.created_at,
        ],
    )?;
    words::write(tx, object)?;
    changes::note_change(tx, object.tenant, object.kind, object.id)
}

/// Writes an object's login and display name, state and document; the rest of an object never changes.
///
/// # Errors
/// [`StoreError::Conflict`] if the tenant has another object with the login name.
pub fn update(tx: &Tx<'_>, object: &ObjectRow) -> Result<(), StoreError> {
    let name = object.display_name.to_lowercase();
    let before = tx.query_one(
        "SELECT name_key FROM directory_objects WHERE tenant_id = ?1 AND id = ?2",
        params![object.tenant.bytes(), object.id.bytes()],
        |row| row.text(0),
    )?;
    tx.execute(
        "UPDATE directory_objects SET display_name = ?3, name_key = ?4, enabled = ?5, doc = ?6, login_key = ?7 \
         WHERE tenant_id = ?1 AND id = ?2 AND deleted_at IS NULL",
        params![
            object.tenant.bytes(),
            object.id.bytes(),
            &object.display_name,
            &name,
            object.enabled,
            &object.doc,
            object.login.as_deref().map(str::to_lowercase),
        ],
    )?;
    if before.as_ref() != Some(&name) {
        words::forget(tx, object.tenant, object.id)?;
        words::write(tx, object)?;
    }
    changes::note_change(tx, object.tenant, object.kind, object.id)
}

/// Notes the mail address that an object is looked up by.
///
/// # Errors
/// [`StoreError`].
pub fn set_mail(tx: &Tx<'_>, tenant: TenantId, id: ObjectId, mail: Option<&str>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE directory_objects SET mail_key = ?3 WHERE tenant_id = ?1 AND id = ?2",
        params![tenant.bytes(), id.bytes(), mail.map(str::to_lowercase)],
    )
    .map(|_| ())
}

/// One object by its object id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &Conn<'_>, tenant: TenantId, id: ObjectId) -> Result<Option<ObjectRow>, StoreError> {
    conn.query_one(
        &format!(
            "SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND id = ?2 AND deleted_at IS NULL"
        ),
        params![tenant.bytes(), id.bytes()],
        object_of,
    )
}

/// Which of these ids are objects of the tenant, and of which kinds.
///
/// # Errors
/// [`StoreError`].
pub fn existing(
    conn: &Conn<'_>,
    tenant: TenantId,
    ids: &[ObjectId],
) -> Result<Vec<(ObjectId, ObjectKind)>, StoreError> {
    let mut found = Vec::new();
    for id in ids {
        let kind = conn.query_one(
            "SELECT kind FROM directory_objects WHERE tenant_id = ?1 AND id = ?2 AND deleted_at IS NULL",
            params![tenant.bytes(), id.bytes()],
            |row| ObjectKind::parse(&row.text(0)?),
        )?;
        found.extend(kind.map(|kind| (*id, kind)));
    }
    Ok(found)
}

/// The application, or the service principal, of a client id.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_app(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    app_id: ApplicationId,
) -> Result<Option<ObjectRow>, StoreError> {
    conn.query_one(
        &format!(
            "SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND app_id = ?2 AND kind = ?3 \
             AND deleted_at IS NULL"
        ),
        params![tenant.bytes(), app_id.bytes(), kind.as_str()],
        object_of,
    )
}

/// The user with a user principal name, ignoring letter case.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_login(
    conn: &Conn<'_>,
    tenant: TenantId,
    login: &str,
) -> Result<Option<ObjectRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND login_key = ?2"),
        params![tenant.bytes(), login.to_lowercase()],
        object_of,
    )
}

/// The tenant where the application with this client id is registered, and the application's object id.
///
/// # Errors
/// [`StoreError`].
pub fn tenant_of_application(
    conn: &Conn<'_>,
    app_id: ApplicationId,
) -> Result<Option<(TenantId, ObjectId)>, StoreError> {
    conn.query_one(
        "SELECT tenant_id, id FROM directory_objects WHERE app_id = ?1 AND kind = 'application'",
        params![app_id.bytes()],
        |row| Ok((TenantId(row.uuid(0)?), ObjectId(row.uuid(1)?))),
    )
}
