//! Directory objects, their credentials, and the verified domains of tenants.
//!
//! Everything is asked within one tenant; only [`tenant_of_application`] and [`tenant_of_domain`] look across.

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use uuid::Uuid;

use crate::{Conn, Param, Row, StoreError, Tx, params};

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
    /// Microsoft Graph's name of the type, without its namespace; also what the column holds.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Application => "application",
            ObjectKind::ServicePrincipal => "servicePrincipal",
            ObjectKind::User => "user",
            ObjectKind::Group => "group",
        }
    }

    fn parse(text: &str) -> Result<ObjectKind, StoreError> {
        [ObjectKind::Application, ObjectKind::ServicePrincipal, ObjectKind::User, ObjectKind::Group]
            .into_iter()
            .find(|kind| kind.as_str() == text)
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

const COLUMNS: &str = "tenant_id, id, kind, app_id, login_key, display_name, enabled, doc, created_at";

fn object_of(row: &Row<'_>) -> Result<ObjectRow, StoreError> {
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
    )
    .map(|_| ())
}

/// Writes an object's display name, state and document; the rest of an object never changes.
///
/// # Errors
/// [`StoreError`].
pub fn update(tx: &Tx<'_>, object: &ObjectRow) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE directory_objects SET display_name = ?3, name_key = ?4, enabled = ?5, doc = ?6 \
         WHERE tenant_id = ?1 AND id = ?2",
        params![
            object.tenant.bytes(),
            object.id.bytes(),
            &object.display_name,
            object.display_name.to_lowercase(),
            object.enabled,
            &object.doc,
        ],
    )
    .map(|_| ())
}

/// Removes an object with its credentials; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete(tx: &Tx<'_>, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM directory_objects WHERE tenant_id = ?1 AND id = ?2",
        params![tenant.bytes(), id.bytes()],
    )?;
    Ok(removed > 0)
}

/// One object by its object id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &Conn<'_>, tenant: TenantId, id: ObjectId) -> Result<Option<ObjectRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND id = ?2"),
        params![tenant.bytes(), id.bytes()],
        object_of,
    )
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
            "SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND app_id = ?2 AND kind = ?3"
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

/// In which order a page of objects comes, and after which object it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// By object id, after this one.
    ById(Option<ObjectId>),
    /// By display name (in lower case) and object id, after these.
    ByName(Option<(String, ObjectId)>),
    /// The same, backwards.
    ByNameDescending(Option<(String, ObjectId)>),
}

/// Narrows a page to display names, in lower case, of a range: from the first on, and before the second if
/// there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRange {
    /// The least name.
    pub from: String,
    /// The least name that is too great.
    pub before: Option<String>,
}

/// At most `limit` objects of a kind.
///
/// # Errors
/// [`StoreError`].
pub fn page(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    page: &Page,
    names: Option<&NameRange>,
    limit: u32,
) -> Result<Vec<ObjectRow>, StoreError> {
    // A bound that may be NULL keeps the engine from seeking in the index: each page has its own text.
    let (seek, order) = match page {
        // Every id is greater than no bytes at all; without a bound the engine walks other kinds too.
        Page::ById(_) => (" AND id > ?3", "id"),
        Page::ByName(None) => ("", "name_key, id"),
        Page::ByName(Some(_)) => (" AND (name_key, id) > (?4, ?3)", "name_key, id"),
        Page::ByNameDescending(None) => ("", "name_key DESC, id DESC"),
        Page::ByNameDescending(Some(_)) => (" AND (name_key, id) < (?4, ?3)", "name_key DESC, id DESC"),
    };
    let range = match names {
        None => "",
        Some(NameRange { before: None, .. }) => " AND name_key >= ?5",
        Some(NameRange { before: Some(_), .. }) => " AND name_key >= ?5 AND name_key < ?6",
    };
    let (id, name) = match page {
        Page::ById(after) => (after.map(|id| id.bytes().to_vec()).or(Some(Vec::new())), None),
        Page::ByName(after) | Page::ByNameDescending(after) => {
            (after.as_ref().map(|(_, id)| id.bytes().to_vec()), after.as_ref().map(|(name, _)| name.clone()))
        }
    };
    let from = names.map(|range| range.from.clone());
    let before = names.and_then(|range| range.before.clone());
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND kind = ?2{seek}{range} \
             ORDER BY {order} LIMIT ?7"
        ),
        params![tenant.bytes(), kind.as_str(), id, name, from, before, limit],
        object_of,
    )
}

/// A client secret, as far as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its id.
    pub key_id: Uuid,
    /// The keyed hash of its text.
    pub hash: Vec<u8>,
    /// What people see.
    pub display_name: Option<String>,
    /// The first characters of its text.
    pub hint: String,
    /// From when it is good, in microseconds.
    pub start_at: i64,
    /// Until when it is good, in microseconds.
    pub end_at: i64,
}

/// Adds a client secret to an application or a service principal.
///
/// # Errors
/// [`StoreError`].
pub fn insert_secret(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    secret: &SecretRow,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO client_secrets (tenant_id, object_id, key_id, hash, display_name, hint, start_at, end_at, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            tenant.bytes(),
            object.bytes(),
            secret.key_id,
            secret.hash.as_slice(),
            secret.display_name.as_deref(),
            &secret.hint,
            secret.start_at,
            secret.end_at,
            now,
        ],
    )
    .map(|_| ())
}

/// Removes a client secret; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_secret(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    key_id: Uuid,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM client_secrets WHERE tenant_id = ?1 AND object_id = ?2 AND key_id = ?3",
        params![tenant.bytes(), object.bytes(), key_id],
    )?;
    Ok(removed > 0)
}

/// The client secrets of an object, the newest first.
///
/// # Errors
/// [`StoreError`].
pub fn secrets(conn: &Conn<'_>, tenant: TenantId, object: ObjectId) -> Result<Vec<SecretRow>, StoreError> {
    conn.query(
        "SELECT key_id, hash, display_name, hint, start_at, end_at FROM client_secrets \
         WHERE tenant_id = ?1 AND object_id = ?2 ORDER BY created_at DESC, key_id",
        params![tenant.bytes(), object.bytes()],
        |row| {
            Ok(SecretRow {
                key_id: row.uuid(0)?,
                hash: row.blob(1)?,
                display_name: row.opt_text(2)?,
                hint: row.text(3)?,
                start_at: row.int(4)?,
                end_at: row.int(5)?,
            })
        },
    )
}

/// Sets a user's password hash.
///
/// # Errors
/// [`StoreError`].
pub fn set_password(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: ObjectId,
    hash: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO user_passwords (tenant_id, object_id, hash, changed_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (tenant_id, object_id) DO UPDATE SET hash = ?3, changed_at = ?4",
        params![tenant.bytes(), user.bytes(), hash, now],
    )
    .map(|_| ())
}

/// A user's password hash.
///
/// # Errors
/// [`StoreError`].
pub fn password(conn: &Conn<'_>, tenant: TenantId, user: ObjectId) -> Result<Option<String>, StoreError> {
    conn.query_one(
        "SELECT hash FROM user_passwords WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), user.bytes()],
        |row| row.text(0),
    )
}

/// Replaces the identifier URIs of an application.
///
/// # Errors
/// [`StoreError::Conflict`] if another application of the tenant has one of them.
pub fn set_identifier_uris(
    tx: &Tx<'_>,
    tenant: TenantId,
    application: ObjectId,
    uris: &[&str],
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM identifier_uris WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), application.bytes()],
    )?;
    for uri in uris {
        tx.execute(
            "INSERT INTO identifier_uris (tenant_id, uri_key, object_id) VALUES (?1, ?2, ?3)",
            params![tenant.bytes(), uri.to_lowercase(), application.bytes()],
        )?;
    }
    Ok(())
}

/// The application that has an identifier URI, ignoring letter case.
///
/// # Errors
/// [`StoreError`].
pub fn application_of_uri(
    conn: &Conn<'_>,
    tenant: TenantId,
    uri: &str,
) -> Result<Option<ObjectId>, StoreError> {
    conn.query_one(
        "SELECT object_id FROM identifier_uris WHERE tenant_id = ?1 AND uri_key = ?2",
        params![tenant.bytes(), Param::from(uri.to_lowercase())],
        |row| Ok(ObjectId(row.uuid(0)?)),
    )
}

/// A domain that a tenant proved to own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDomain {
    /// Its name, in lower case.
    pub name: String,
    /// Whether the tenant was made with it.
    pub is_initial: bool,
}

/// Gives a domain to a tenant.
///
/// # Errors
/// [`StoreError::Conflict`] if a tenant has it.
pub fn insert_domain(
    tx: &Tx<'_>,
    tenant: TenantId,
    domain: &VerifiedDomain,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO verified_domains (name, tenant_id, is_initial, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![domain.name.to_lowercase(), tenant.bytes(), domain.is_initial, now],
    )
    .map(|_| ())
}

/// The verified domains of a tenant, by name.
///
/// # Errors
/// [`StoreError`].
pub fn domains(conn: &Conn<'_>, tenant: TenantId) -> Result<Vec<VerifiedDomain>, StoreError> {
    conn.query(
        "SELECT name, is_initial FROM verified_domains WHERE tenant_id = ?1 ORDER BY name",
        params![tenant.bytes()],
        |row| Ok(VerifiedDomain { name: row.text(0)?, is_initial: row.bool(1)? }),
    )
}

/// The tenant that owns a domain, ignoring letter case.
///
/// # Errors
/// [`StoreError`].
pub fn tenant_of_domain(conn: &Conn<'_>, name: &str) -> Result<Option<TenantId>, StoreError> {
    conn.query_one(
        "SELECT tenant_id FROM verified_domains WHERE name = ?1",
        params![name.to_lowercase()],
        |row| Ok(TenantId(row.uuid(0)?)),
    )
}
