//! What a caller asks of the client secrets of applications and service principals.

use gatepost_access::Caller;
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, Tx};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::requests::{find, refuse_others, take};
use crate::{Directory, DirectoryError, FederatedCredential, NewPassword, ObjectKey, rights, schema};

impl Directory {
    /// Removes the client secrets that a PATCH's list no longer has. A list cannot bring new ones: their texts
    /// could not be told.
    pub(crate) fn keep_passwords(
        &self,
        tx: &Tx<'_>,
        row: &ObjectRow,
        kept: &Value,
    ) -> Result<(), DirectoryError> {
        let property = "passwordCredentials";
        let invalid = || DirectoryError::InvalidProperty {
            property: property.to_owned(),
            resource: schema::resource_name(row.kind),
        };
        let mut ids = Vec::new();
        for entry in kept.as_array().ok_or_else(invalid)? {
            let id = entry.get("keyId").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
            ids.push(id.ok_or_else(invalid)?);
        }
        let present = rows::secrets(tx, row.tenant, row.id)?;
        if let Some(unknown) = ids.iter().find(|id| present.iter().all(|secret| secret.key_id != **id)) {
            return Err(DirectoryError::UnknownCredential(unknown.to_string()));
        }
        for gone in present.iter().filter(|secret| !ids.contains(&secret.key_id)) {
            rows::delete_secret(tx, row.tenant, row.id, gone.key_id)?;
        }
        Ok(())
    }

    /// Makes a client secret as Microsoft Graph's `addPassword` does; answers it with its text.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn request_password(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &Map<String, Value>,
    ) -> Result<Value, DirectoryError> {
        self.check_manageable(caller, kind, key)?;
        let resource = schema::resource_name(kind);
        let mut sent = sent.clone();
        let new = match take(&mut sent, "passwordCredential") {
            None | Some(Value::Null) => NewPassword::default(),
            Some(Value::Object(credential)) => NewPassword::parse(&credential, resource)?,
            Some(_) => {
                let property = "passwordCredential".to_owned();
                return Err(DirectoryError::InvalidProperty { property, resource });
            }
        };
        refuse_others(&sent)?;
        self.0.store.write(|tx| {
            let row = self.manageable(tx, caller, kind, key)?;
            let (credential, text) = self.add_password(tx, caller.tenant, row.id, new)?;
            Ok(credential.to_json(Some(&text)))
        })
    }

    /// Removes a client secret as Microsoft Graph's `removePassword` does.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn withdraw_password(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        self.check_manageable(caller, kind, key)?;
        let (property, resource) = ("keyId".to_owned(), schema::resource_name(kind));
        let mut sent = sent.clone();
        let key_id = match take(&mut sent, "keyId") {
            None | Some(Value::Null) => return Err(DirectoryError::MissingProperty { property, resource }),
            Some(value) => value.as_str().and_then(|text| Uuid::try_parse(text).ok()),
        };
        let key_id = key_id.ok_or(DirectoryError::InvalidProperty { property, resource })?;
        refuse_others(&sent)?;
        self.0.store.write(|tx| {
            let row = self.manageable(tx, caller, kind, key)?;
            self.remove_password(tx, caller.tenant, row.id, key_id)
        })
    }

    /// The federated credentials of an object, as Microsoft Graph shows them.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn list_federated(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
    ) -> Result<Vec<Value>, DirectoryError> {
        self.0.store.read(|conn| {
            let row = self.readable(conn, caller, kind, key)?;
            let kept = self.federated(conn, caller.tenant, row.id)?;
            Ok(kept.iter().map(FederatedCredential::to_json).collect())
        })
    }

    /// One federated credential, by its id or its name.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn get_federated(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        id_or_name: &str,
    ) -> Result<Value, DirectoryError> {
        self.0.store.read(|conn| {
            let row = self.readable(conn, caller, kind, key)?;
            Ok(self.federated_named(conn, caller.tenant, row.id, id_or_name)?.to_json())
        })
    }

    /// Adds a federated credential; answers it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn create_federated(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &Map<String, Value>,
    ) -> Result<Value, DirectoryError> {
        self.0.store.write(|tx| {
            let row = self.manageable(tx, caller, kind, key)?;
            Ok(self.add_federated(tx, caller.tenant, row.id, sent)?.to_json())
        })
    }

    /// Changes a federated credential.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn update_federated(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        id_or_name: &str,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let row = self.manageable(tx, caller, kind, key)?;
            self.change_federated(tx, caller.tenant, row.id, id_or_name, sent)
        })
    }

    /// Removes a federated credential.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn delete_federated(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        id_or_name: &str,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let row = self.manageable(tx, caller, kind, key)?;
            self.remove_federated(tx, caller.tenant, row.id, id_or_name)
        })
    }

    fn readable(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
    ) -> Result<ObjectRow, DirectoryError> {
        let found = find(conn, caller.tenant, kind, key)?;
        self.require_found(conn, caller, rights::reading(kind), found, key)
    }
}

/// Takes the client secrets that are to be made along with an object out of what was sent.
pub(crate) fn take_passwords(
    sent: &mut Map<String, Value>,
    resource: &'static str,
) -> Result<Vec<NewPassword>, DirectoryError> {
    let invalid = || DirectoryError::InvalidProperty { property: "passwordCredentials".to_owned(), resource };
    match take(sent, "passwordCredentials") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(entries)) => entries
            .iter()
            .map(|entry| NewPassword::parse(entry.as_object().ok_or_else(invalid)?, resource))
            .collect(),
        Some(_) => Err(invalid()),
    }
}
