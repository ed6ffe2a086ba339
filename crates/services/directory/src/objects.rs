//! Documents of objects: as they are kept, as they are shown, and the columns that follow from them.

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Map, Value, json};

use crate::{DirectoryError, PasswordCredential, certificates, schema};

/// What a new application is to be like.
#[derive(Clone, Debug, Default)]
pub struct NewApplication {
    /// What people see.
    pub display_name: String,
    /// Other properties, as Microsoft Graph spells them.
    pub properties: Map<String, Value>,
}

/// The registration of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its object id.
    pub id: ObjectId,
    /// Its client id.
    pub app_id: ApplicationId,
    /// What people see.
    pub display_name: String,
}

/// The identity of an application in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePrincipal {
    /// Its object id: the principal of role assignments.
    pub id: ObjectId,
    /// The client id of its application.
    pub app_id: ApplicationId,
    /// What people see.
    pub display_name: String,
}

/// The document of an object as it is kept: without what says nothing.
pub(crate) fn kept(row: &ObjectRow) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(&row.doc).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The document of an object with all properties of its kind.
pub(crate) fn document(row: &ObjectRow) -> Result<Map<String, Value>, StoreError> {
    Ok(schema::complete(row.kind, kept(row)?))
}

/// An object as Microsoft Graph shows it, with its credentials.
pub(crate) fn entity(conn: &Conn<'_>, row: &ObjectRow) -> Result<Value, StoreError> {
    let mut document = document(row)?;
    if matches!(row.kind, ObjectKind::Application | ObjectKind::ServicePrincipal) {
        let secrets = rows::secrets(conn, row.tenant, row.id)?;
        let shown = secrets.iter().map(|secret| PasswordCredential::of(secret).to_json(None)).collect();
        document.insert("passwordCredentials".to_owned(), Value::Array(shown));
        let certificates = certificates::shown(conn, row.tenant, row.id)?;
        document.insert("keyCredentials".to_owned(), Value::Array(certificates));
    } else {
        document.insert("securityIdentifier".to_owned(), json!(security_identifier(row.id)));
    }
    Ok(Value::Object(document))
}

/// The Windows form of an object id: four numbers of 32 bits, the parts of the GUID in Windows' order of bytes.
fn security_identifier(id: ObjectId) -> String {
    let parts = id.0.to_bytes_le();
    let numbers = parts
        .chunks_exact(4)
        .map(|part| part.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)));
    numbers.fold("S-1-12-1".to_owned(), |text, number| format!("{text}-{number}"))
}

/// The mail address of an object, in lower case.
pub(crate) fn mail(row: &ObjectRow) -> Option<String> {
    let document = kept(row).ok()?;
    document.get("mail").and_then(Value::as_str).map(str::to_lowercase)
}

/// A text of a document; `None` where there is none.
pub(crate) fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str)
}

/// The row with this document, and with the columns that follow from it.
///
/// # Errors
/// [`DirectoryError::MissingProperty`] for an object without a name.
pub(crate) fn with_document(
    mut row: ObjectRow,
    mut document: Map<String, Value>,
) -> Result<ObjectRow, DirectoryError> {
    let name = text(&document, "displayName").map(str::to_owned);
    row.display_name = name
        .filter(|name| !name.trim().is_empty())
        .ok_or_else(|| DirectoryError::missing(row.kind, "displayName"))?;
    row.enabled = document.get("accountEnabled").and_then(Value::as_bool).unwrap_or(true);
    row.login = match row.kind {
        ObjectKind::User => text(&document, "userPrincipalName").map(str::to_owned),
        // A colon is in no principal name: the names of all kinds live side by side.
        kind => text(&document, "uniqueName").map(|name| unique_login(kind, name)),
    };
    // Credentials have tables of their own.
    for credentials in ["passwordCredentials", "keyCredentials"] {
        if document.contains_key(credentials) {
            document.insert(credentials.to_owned(), json!([]));
        }
    }
    row.doc = Value::Object(schema::prune(document)).to_string();
    Ok(row)
}

/// What the store knows the object of a unique name by.
pub(crate) fn unique_login(kind: ObjectKind, name: &str) -> String {
    format!("{}:{name}", kind.as_str())
}

/// Adds an object.
///
/// # Errors
/// [`DirectoryError::ServicePrincipalExists`], [`DirectoryError::ValueInUse`], [`DirectoryError::Store`].
pub(crate) fn insert(tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
    rows::insert(tx, row).map_err(|error| conflict(row, error))?;
    Ok(rows::set_mail(tx, row.tenant, row.id, mail(row).as_deref())?)
}

/// Writes an object that changed.
///
/// # Errors
/// As [`insert`].
pub(crate) fn update(tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
    rows::update(tx, row).map_err(|error| conflict(row, error))?;
    Ok(rows::set_mail(tx, row.tenant, row.id, mail(row).as_deref())?)
}

/// What it means that an object collides with another.
pub(crate) fn conflict(row: &ObjectRow, error: StoreError) -> DirectoryError {
    match (error, row.kind) {
        (StoreError::Conflict(_), ObjectKind::ServicePrincipal) => {
            let app_id = row.app_id.map(|id| id.to_string()).unwrap_or_default();
            DirectoryError::ServicePrincipalExists(app_id)
        }
        (StoreError::Conflict(_), ObjectKind::User) => {
            DirectoryError::ValueInUse("userPrincipalName".to_owned())
        }
        (StoreError::Conflict(_), _) => DirectoryError::ValueInUse("uniqueName".to_owned()),
        (other, _) => other.into(),
    }
}

/// What every object has from the beginning.
pub(crate) fn blank_row(tenant: TenantId, id: ObjectId, kind: ObjectKind, created_at: i64) -> ObjectRow {
    ObjectRow {
        tenant,
        id,
        kind,
        app_id: None,
        login: None,
        display_name: String::new(),
        enabled: true,
        doc: String::new(),
        created_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_as_a_windows_identifier() {
        let id: ObjectId = "03020100-0504-0706-0809-0a0b0c0d0e0f".parse().unwrap();
        assert_eq!(security_identifier(id), "S-1-12-1-50462976-117835012-185207048-252579084");
    }
}
