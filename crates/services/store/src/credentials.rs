//! Certificates, federated credentials and used assertions of applications and service principals.

use gatepost_names::{ObjectId, TenantId};
use uuid::Uuid;

use crate::directory::ObjectKind;
use crate::{Conn, Row, StoreError, Tx, params};

/// A registered certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// Its id.
    pub key_id: Uuid,
    /// DER.
    pub certificate: Vec<u8>,
    /// What people see.
    pub display_name: Option<String>,
    /// From when it is good, in microseconds.
    pub start_at: i64,
    /// Until when it is good, in microseconds.
    pub end_at: i64,
}

/// Adds a certificate to an application or a service principal.
///
/// # Errors
/// [`StoreError::Conflict`] if the object has one with this id.
pub fn insert_certificate(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    row: &CertificateRow,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO certificates (tenant_id, object_id, key_id, certificate, display_name, start_at, end_at, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            tenant.bytes(),
            object.bytes(),
            row.key_id,
            row.certificate.as_slice(),
            row.display_name.as_deref(),
            row.start_at,
            row.end_at,
            now,
        ],
    )
    .map(|_| ())
}

/// Removes a certificate; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_certificate(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    key_id: Uuid,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM certificates WHERE tenant_id = ?1 AND object_id = ?2 AND key_id = ?3",
        params![tenant.bytes(), object.bytes(), key_id],
    )?;
    Ok(removed > 0)
}

/// The certificates of an object, the newest first.
///
/// # Errors
/// [`StoreError`].
pub fn certificates(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<CertificateRow>, StoreError> {
    conn.query(
        "SELECT key_id, certificate, display_name, start_at, end_at FROM certificates \
         WHERE tenant_id = ?1 AND object_id = ?2 ORDER BY created_at DESC, key_id",
        params![tenant.bytes(), object.bytes()],
        |row| {
            Ok(CertificateRow {
                key_id: row.uuid(0)?,
                certificate: row.blob(1)?,
                display_name: row.opt_text(2)?,
                start_at: row.int(3)?,
                end_at: row.int(4)?,
            })
        },
    )
}

/// A federated credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedRow {
    /// Its id.
    pub id: Uuid,
    /// What people, and `az`, call it; unique for an object, ignoring letter case.
    pub name: String,
    /// The `iss` of the tokens.
    pub issuer: String,
    /// Their `sub`.
    pub subject: String,
    /// Their `aud`, one of these, as a JSON list.
    pub audiences: String,
    /// What people see.
    pub description: Option<String>,
}

/// Adds a federated credential.
///
/// # Errors
/// [`StoreError::Conflict`] if the object has one of this name, or one of this issuer and subject.
pub fn insert_federated(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    row: &FederatedRow,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO federated_credentials (tenant_id, object_id, id, name, name_key, issuer, subject, audiences, \
         description, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            tenant.bytes(),
            object.bytes(),
            row.id,
            &row.name,
            row.name.to_lowercase(),
            &row.issuer,
            &row.subject,
            &row.audiences,
            row.description.as_deref(),
            now,
        ],
    )
    .map(|_| ())
}

/// Changes all of a federated credential but its id and name.
///
/// # Errors
/// [`StoreError::Conflict`] if the object has another of this issuer and subject.
pub fn update_federated(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    row: &FederatedRow,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE federated_credentials SET issuer = ?4, subject = ?5, audiences = ?6, description = ?7 \
         WHERE tenant_id = ?1 AND object_id = ?2 AND id = ?3",
        params![
            tenant.bytes(),
            object.bytes(),
            row.id,
            &row.issuer,
            &row.subject,
            &row.audiences,
            row.description.as_deref(),
        ],
    )
    .map(|_| ())
}

/// Removes a federated credential; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn delete_federated(
    tx: &Tx<'_>,
    tenant: TenantId,
    object: ObjectId,
    id: Uuid,
) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM federated_credentials WHERE tenant_id = ?1 AND object_id = ?2 AND id = ?3",
        params![tenant.bytes(), object.bytes(), id],
    )?;
    Ok(removed > 0)
}

/// The federated credentials of an object, by name.
///
/// # Errors
/// [`StoreError`].
pub fn federated(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<FederatedRow>, StoreError> {
    conn.query(
        "SELECT id, name, issuer, subject, audiences, description FROM federated_credentials \
         WHERE tenant_id = ?1 AND object_id = ?2 ORDER BY name_key",
        params![tenant.bytes(), object.bytes()],
        |row| {
            Ok(FederatedRow {
                id: row.uuid(0)?,
                name: row.text(1)?,
                issuer: row.text(2)?,
                subject: row.text(3)?,
                audiences: row.text(4)?,
                description: row.opt_text(5)?,
            })
        },
    )
}

/// Whose assertions are counted: a client's, by one of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The tenant.
    pub tenant: TenantId,
    /// The client's application, or its service principal.
    pub object: ObjectId,
    /// The key.
    pub key_id: Uuid,
}

/// Uses an assertion up. Assertions that have ended are forgotten along the way.
///
/// # Errors
/// [`StoreError::Conflict`] if it was used before.
pub fn use_assertion(
    tx: &Tx<'_>,
    signer: Signer,
    assertion: &[u8],
    expires: i64,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM used_assertions WHERE expires_at < ?1", params![now])?;
    tx.execute(
        "INSERT INTO used_assertions (tenant_id, object_id, key_id, assertion, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![signer.tenant.bytes(), signer.object.bytes(), signer.key_id, assertion, expires],
    )
    .map(|_| ())
}

/// How many assertions of a client by one key are remembered; counting stops at `most`.
///
/// # Errors
/// [`StoreError`].
pub fn count_used_assertions(conn: &Conn<'_>, signer: Signer, most: i64) -> Result<i64, StoreError> {
    let counted = conn.query_one(
        "SELECT count(*) FROM (SELECT 1 FROM used_assertions \
         WHERE tenant_id = ?1 AND object_id = ?2 AND key_id = ?3 LIMIT ?4)",
        params![signer.tenant.bytes(), signer.object.bytes(), signer.key_id, most],
        |row| row.int(0),
    )?;
    Ok(counted.unwrap_or_default())
}

/// What ends: a client secret or a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndingKind {
    /// A client secret.
    Secret,
    /// A certificate.
    Certificate,
}

/// A credential that ends within some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingRow {
    /// What it is.
    pub kind: EndingKind,
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whose it is.
    pub object: ObjectId,
    /// Whether that is an application or a service principal.
    pub object_kind: ObjectKind,
    /// The holder's display name.
    pub holder: String,
    /// The credential's id.
    pub key_id: Uuid,
    /// What people see of the credential.
    pub display_name: Option<String>,
    /// When it ends, in microseconds.
    pub end_at: i64,
}

/// At most `limit` client secrets and certificates of all tenants that end between two times, by the time.
///
/// # Errors
/// [`StoreError`].
pub fn ending(conn: &Conn<'_>, from: i64, until: i64, limit: u32) -> Result<Vec<EndingRow>, StoreError> {
    let mut found = Vec::new();
    for (kind, table) in [(EndingKind::Secret, "client_secrets"), (EndingKind::Certificate, "certificates")] {
        found.extend(conn.query(
            &format!(
                "SELECT c.tenant_id, c.object_id, o.kind, o.display_name, c.key_id, c.display_name, c.end_at \
                 FROM {table} c JOIN directory_objects o ON o.tenant_id = c.tenant_id AND o.id = c.object_id \
                 WHERE c.end_at > ?1 AND c.end_at < ?2 AND o.deleted_at IS NULL \
                 ORDER BY c.end_at LIMIT ?3"
            ),
            params![from, until, limit],
            |row| ending_of(row, kind),
        )?);
    }
    found.sort_by_key(|row| row.end_at);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

fn ending_of(row: &Row<'_>, kind: EndingKind) -> Result<EndingRow, StoreError> {
    let object_kind = match row.text(2)?.as_str() {
        "application" => ObjectKind::Application,
        _ => ObjectKind::ServicePrincipal,
    };
    Ok(EndingRow {
        kind,
        tenant: TenantId(row.uuid(0)?),
        object: ObjectId(row.uuid(1)?),
        object_kind,
        holder: row.text(3)?,
        key_id: row.uuid(4)?,
        display_name: row.opt_text(5)?,
        end_at: row.int(6)?,
    })
}

/// How many client secrets and certificates of all tenants end between two times.
///
/// # Errors
/// [`StoreError`].
pub fn count_ending(conn: &Conn<'_>, from: i64, until: i64) -> Result<i64, StoreError> {
    let mut count = 0;
    for table in ["client_secrets", "certificates"] {
        let counted = conn.query_one(
            &format!("SELECT count(*) FROM {table} WHERE end_at > ?1 AND end_at < ?2"),
            params![from, until],
            |row| row.int(0),
        )?;
        count += counted.unwrap_or_default();
    }
    Ok(count)
}
