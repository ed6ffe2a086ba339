//! What a caller asks of single objects. Each use case asks `access` first, and reads or writes in the
//! caller's own tenant only.

use gatepost_access::{Caller, DirectoryAction, DirectoryDenied};
use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Directory, DirectoryError, NewApplication, NewPassword, objects, schema};

/// How a request names one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKey {
    /// By its object id.
    Id(ObjectId),
    /// By its client id: applications and service principals.
    AppId(ApplicationId),
    /// By its user principal name: users.
    Login(String),
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ObjectKey::Id(id) => id.fmt(f),
            ObjectKey::AppId(id) => id.fmt(f),
            ObjectKey::Login(name) => name.fmt(f),
        }
    }
}

impl Directory {
    /// One object, as Microsoft Graph shows it.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Denied`], [`DirectoryError::Store`].
    pub fn get(&self, caller: &Caller, kind: ObjectKind, key: &ObjectKey) -> Result<Value, DirectoryError> {
        self.0.store.read(|conn| {
            let found = find(conn, caller.tenant, kind, key)?;
            if !found.as_ref().is_some_and(|row| is_own(caller, row)) {
                self.0.access.require_directory(caller, reading(kind))?;
            }
            let row = found.ok_or_else(|| DirectoryError::NotFound(key.to_string()))?;
            Ok(objects::entity(conn, &row)?)
        })
    }

    /// The objects with these ids, of these kinds, with their kinds; those that do not exist are left out.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] unless each is the caller's own or the caller may read the directory;
    /// [`DirectoryError::Store`].
    pub fn get_by_ids(
        &self,
        caller: &Caller,
        ids: &[ObjectId],
        kinds: &[ObjectKind],
    ) -> Result<Vec<(ObjectKind, Value)>, DirectoryError> {
        self.0.store.read(|conn| {
            let mut found = Vec::new();
            for id in ids {
                let row = rows::find(conn, caller.tenant, *id)?;
                if !row.as_ref().is_some_and(|row| is_own(caller, row)) {
                    self.0.access.require_directory(caller, DirectoryAction::ReadServicePrincipals)?;
                }
                if let Some(row) = row.filter(|row| kinds.contains(&row.kind)) {
                    found.push((row.kind, objects::entity(conn, &row)?));
                }
            }
            Ok(found)
        })
    }

    /// Makes an object from what a client sent; answers it, with the texts of client secrets made along with it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn create(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        sent: &Map<String, Value>,
    ) -> Result<Value, DirectoryError> {
        let action = match kind {
            ObjectKind::Application => DirectoryAction::CreateApplications,
            other => writing(other),
        };
        self.0.access.require_directory(caller, action)?;
        let mut properties = sent.clone();
        let passwords = take_passwords(&mut properties, schema::resource_name(kind))?;
        self.0.store.write(|tx| {
            let id = self.create_of_kind(tx, caller.tenant, kind, properties)?;
            let mut told = Vec::new();
            for password in passwords {
                let (credential, text) = self.add_password(tx, caller.tenant, id, password)?;
                told.push(credential.to_json(Some(&text)));
            }
            let row = rows::find(tx, caller.tenant, id)?;
            let row = row.ok_or_else(|| DirectoryError::NotFound(id.to_string()))?;
            let mut entity = objects::entity(tx, &row)?;
            if let Some(entity) = entity.as_object_mut().filter(|_| !told.is_empty()) {
                entity.insert("passwordCredentials".to_owned(), Value::Array(told));
            }
            Ok(entity)
        })
    }

    fn create_of_kind(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        kind: ObjectKind,
        mut properties: Map<String, Value>,
    ) -> Result<ObjectId, DirectoryError> {
        let resource = schema::resource_name(kind);
        match kind {
            ObjectKind::Application => {
                let new = NewApplication { display_name: String::new(), properties };
                Ok(self.create_application(tx, tenant, new)?.id)
            }
            ObjectKind::ServicePrincipal => {
                let property = || "appId".to_owned();
                let app_id = match take(&mut properties, "appId") {
                    None | Some(Value::Null) => {
                        return Err(DirectoryError::MissingProperty { property: property(), resource });
                    }
                    Some(Value::String(text)) => text,
                    Some(_) => {
                        return Err(DirectoryError::InvalidProperty { property: property(), resource });
                    }
                };
                let app_id: ApplicationId =
                    app_id.parse().map_err(|_| DirectoryError::UnknownApplication(app_id.clone()))?;
                Ok(self.create_service_principal_with(tx, tenant, app_id, &properties)?.id)
            }
            // People are made at the first start only.
            ObjectKind::User | ObjectKind::Group => Err(DirectoryError::UnsupportedQuery(
                "The operation is not supported on this resource.".to_owned(),
            )),
        }
    }

    /// Changes an object as Microsoft Graph's PATCH does.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn update(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        self.0.access.require_directory(caller, writing(kind))?;
        let mut properties = sent.clone();
        let kept = take(&mut properties, "passwordCredentials");
        self.0.store.write(|tx| {
            let row = existing(tx, caller.tenant, kind, key)?;
            if let Some(kept) = kept {
                self.keep_passwords(tx, &row, &kept)?;
            }
            self.change_object(tx, row, &properties)
        })
    }

    /// Removes the client secrets that a PATCH's list no longer has. A list cannot bring new ones: their texts
    /// could not be told.
    fn keep_passwords(&self, tx: &Tx<'_>, row: &ObjectRow, kept: &Value) -> Result<(), DirectoryError> {
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

    /// Removes an object with its credentials. An application takes its service principal along.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn remove(&self, caller: &Caller, kind: ObjectKind, key: &ObjectKey) -> Result<(), DirectoryError> {
        self.0.access.require_directory(caller, writing(kind))?;
        self.0.store.write(|tx| {
            let row = existing(tx, caller.tenant, kind, key)?;
            self.remove_object(tx, &row)
        })
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
        self.0.access.require_directory(caller, writing(kind))?;
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
            let row = existing(tx, caller.tenant, kind, key)?;
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
        self.0.access.require_directory(caller, writing(kind))?;
        let (property, resource) = ("keyId".to_owned(), schema::resource_name(kind));
        let mut sent = sent.clone();
        let key_id = match take(&mut sent, "keyId") {
            None | Some(Value::Null) => return Err(DirectoryError::MissingProperty { property, resource }),
            Some(value) => value.as_str().and_then(|text| Uuid::try_parse(text).ok()),
        };
        let key_id = key_id.ok_or(DirectoryError::InvalidProperty { property, resource })?;
        refuse_others(&sent)?;
        self.0.store.write(|tx| {
            let row = existing(tx, caller.tenant, kind, key)?;
            self.remove_password(tx, caller.tenant, row.id, key_id)
        })
    }

    /// Whether the caller may read a kind of objects; its own it may always.
    pub(crate) fn require_reading(&self, caller: &Caller, kind: ObjectKind) -> Result<(), DirectoryDenied> {
        self.0.access.require_directory(caller, reading(kind))
    }
}

fn reading(kind: ObjectKind) -> DirectoryAction {
    match kind {
        ObjectKind::Application => DirectoryAction::ReadApplications,
        ObjectKind::ServicePrincipal => DirectoryAction::ReadServicePrincipals,
        ObjectKind::User => DirectoryAction::ReadUsers,
        ObjectKind::Group => DirectoryAction::ReadGroups,
    }
}

fn writing(kind: ObjectKind) -> DirectoryAction {
    match kind {
        ObjectKind::Application => DirectoryAction::ManageApplications,
        ObjectKind::ServicePrincipal => DirectoryAction::ManageServicePrincipals,
        ObjectKind::User => DirectoryAction::ManageUsers,
        ObjectKind::Group => DirectoryAction::ManageGroups,
    }
}

/// Whether the object is the caller, or the registration of the application that the caller is.
fn is_own(caller: &Caller, row: &ObjectRow) -> bool {
    let same_application =
        caller.kind == PrincipalKind::ServicePrincipal && row.app_id.is_some() && row.app_id == caller.app_id;
    row.tenant == caller.tenant && (row.id == caller.object_id || same_application)
}

fn find(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    key: &ObjectKey,
) -> Result<Option<ObjectRow>, StoreError> {
    let found = match key {
        ObjectKey::Id(id) => rows::find(conn, tenant, *id)?,
        ObjectKey::AppId(app_id) => rows::find_by_app(conn, tenant, kind, *app_id)?,
        ObjectKey::Login(name) => rows::find_by_login(conn, tenant, name)?,
    };
    Ok(found.filter(|row| row.kind == kind))
}

fn existing(
    tx: &Tx<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    key: &ObjectKey,
) -> Result<ObjectRow, DirectoryError> {
    find(tx, tenant, kind, key)?.ok_or_else(|| DirectoryError::NotFound(key.to_string()))
}

/// Takes a property out of what was sent, ignoring letter case.
fn take(sent: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let spelled = sent.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    sent.shift_remove(&spelled)
}

fn refuse_others(sent: &Map<String, Value>) -> Result<(), DirectoryError> {
    match sent.keys().find(|name| !name.contains("@odata.")) {
        Some(other) => Err(DirectoryError::UnknownProperty(other.clone())),
        None => Ok(()),
    }
}

/// Takes the client secrets that are to be made along with an object out of what was sent.
fn take_passwords(
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
