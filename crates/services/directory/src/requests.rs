//! What a caller asks of single objects. Each use case asks `access` first, and reads or writes in the
//! caller's own tenant only.

use gatepost_access::{Caller, DirectoryAction, DirectoryTarget, owns_what_it_makes};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Map, Value};

use crate::administrators::keeping_an_administrator;
use crate::credential_requests::take_passwords;
use crate::policy::member_policy;
use crate::references::Links;
use crate::users::PasswordChange;
use crate::{Directory, DirectoryError, NewApplication, objects, rights, schema};

/// How a request names one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKey {
    /// By its object id.
    Id(ObjectId),
    /// By its client id: applications and service principals.
    AppId(ApplicationId),
    /// By its user principal name: users.
    Login(String),
    /// By its unique name: applications and groups.
    UniqueName(String),
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ObjectKey::Id(id) => id.fmt(f),
            ObjectKey::AppId(id) => id.fmt(f),
            ObjectKey::Login(name) | ObjectKey::UniqueName(name) => name.fmt(f),
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
            let row = self.require_found(conn, caller, rights::reading(kind), found, key)?;
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
                let Some(row) = rows::find(conn, caller.tenant, *id)? else {
                    self.require(caller, DirectoryAction::ReadServicePrincipals)?;
                    continue;
                };
                self.require_on(conn, caller, rights::reading(row.kind), &row)?;
                if kinds.contains(&row.kind) {
                    found.push((row.kind, objects::entity(conn, &row)?));
                }
            }
            Ok(found)
        })
    }

    /// Any object by its id, with its kind.
    ///
    /// # Errors
    /// As [`Directory::get`].
    pub fn get_any(&self, caller: &Caller, id: ObjectId) -> Result<(ObjectKind, Value), DirectoryError> {
        self.0.store.read(|conn| {
            let row = self.any(conn, caller, id)?;
            Ok((row.kind, objects::entity(conn, &row)?))
        })
    }

    /// Any object that the caller may read.
    pub(crate) fn any(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        id: ObjectId,
    ) -> Result<ObjectRow, DirectoryError> {
        let found = rows::find(conn, caller.tenant, id)?;
        let kind = found.as_ref().map_or(ObjectKind::ServicePrincipal, |row| row.kind);
        self.require_found(conn, caller, rights::reading(kind), found, &id)
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
        let mut sent = sent.clone();
        self.0.store.read(|conn| self.require_creating(conn, caller, kind, &sent))?;
        let passwords = take_passwords(&mut sent, schema::resource_name(kind))?;
        let own_password = if kind == ObjectKind::User { self.take_password(&mut sent, None)? } else { None };
        let certificates = take_certificates(kind, &mut sent);
        let links = Links::take(kind, &mut sent)?;
        self.0.store.write(|tx| {
            // Once more: the application may have changed hands since.
            self.require_creating(tx, caller, kind, &sent)?;
            let id = self.create_of_kind(tx, caller.tenant, kind, sent, own_password)?;
            let row = rows::find(tx, caller.tenant, id)?;
            let row = row.ok_or_else(|| DirectoryError::NotFound(id.to_string()))?;
            self.link_new(tx, caller, &row, links)?;
            if let Some(certificates) = certificates {
                let resource = schema::resource_name(kind);
                self.set_certificates(tx, caller.tenant, id, resource, &certificates)?;
            }
            let mut told = Vec::new();
            for password in passwords {
                let (credential, text) = self.add_password(tx, caller.tenant, id, password)?;
                told.push(credential.to_json(Some(&text)));
            }
            let mut entity = objects::entity(tx, &row)?;
            if let Some(entity) = entity.as_object_mut().filter(|_| !told.is_empty()) {
                entity.insert("passwordCredentials".to_owned(), Value::Array(told));
            }
            Ok(entity)
        })
    }

    /// Whether the caller may make this object.
    fn require_creating(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        kind: ObjectKind,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        let mut target = DirectoryTarget::default();
        match kind {
            ObjectKind::Application => {
                target.members_may = member_policy(conn, caller.tenant)?.creates_applications;
            }
            ObjectKind::Group => {
                target.members_may = member_policy(conn, caller.tenant)?.creates_groups;
                target.privileged = given(sent, "isAssignableToRole") == Some(&Value::Bool(true));
            }
            ObjectKind::ServicePrincipal => {
                let app_id = given(sent, "appId").and_then(Value::as_str).and_then(|id| id.parse().ok());
                let application = match app_id {
                    Some(app_id) => rows::find_by_app(conn, caller.tenant, ObjectKind::Application, app_id)?,
                    None => None,
                };
                if let Some(application) = application {
                    target.owned = rows::is_owner(conn, caller.tenant, application.id, caller.object_id)?;
                }
            }
            ObjectKind::User => {}
        }
        self.permit(caller, rights::creating(kind), &target)
    }

    fn create_of_kind(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        kind: ObjectKind,
        mut properties: Map<String, Value>,
        password: Option<PasswordChange>,
    ) -> Result<ObjectId, DirectoryError> {
        match kind {
            ObjectKind::Application => {
                let new = NewApplication { display_name: String::new(), properties };
                Ok(self.create_application(tx, tenant, new)?.id)
            }
            ObjectKind::ServicePrincipal => {
                let app_id = match take(&mut properties, "appId") {
                    None | Some(Value::Null) => return Err(DirectoryError::missing(kind, "appId")),
                    Some(Value::String(text)) => text,
                    Some(_) => return Err(DirectoryError::invalid(kind, "appId")),
                };
                let app_id: ApplicationId =
                    app_id.parse().map_err(|_| DirectoryError::UnknownApplication(app_id.clone()))?;
                Ok(self.create_service_principal_with(tx, tenant, app_id, &properties)?.id)
            }
            ObjectKind::User => self.create_user_with(tx, tenant, &properties, password),
            ObjectKind::Group => self.create_group_with(tx, tenant, &properties),
        }
    }

    /// Gives a new object its owners and members.
    fn link_new(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        row: &ObjectRow,
        links: Links,
    ) -> Result<(), DirectoryError> {
        let mut owners = links.owners;
        let roles = self.0.access.effective_directory_roles(caller.tenant, caller.object_id);
        let owns = match row.kind {
            ObjectKind::Application | ObjectKind::ServicePrincipal => owns_what_it_makes(caller.kind, &roles),
            // A group of somebody's own has an owner; a group of an application that named none has not.
            ObjectKind::Group => owners.is_empty() && caller.kind == gatepost_names::PrincipalKind::User,
            ObjectKind::User => false,
        };
        if owns && !owners.contains(&caller.object_id) {
            owners.push(caller.object_id);
        }
        for owner in owners {
            self.put_owner(tx, row, owner)?;
        }
        for member in links.members {
            self.put_into_group(tx, row, member)?;
        }
        Ok(())
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
        let action =
            if kind == ObjectKind::User { rights::changing_user(sent) } else { rights::managing(kind) };
        let mut sent = sent.clone();
        // Hashing a password takes a while: not before it is known that the caller may, nor inside a transaction.
        let known = self.0.store.read(|conn| {
            let found = find(conn, caller.tenant, kind, key)?;
            self.require_found(conn, caller, action, found, key)
        })?;
        if kind == ObjectKind::User && given(&sent, "passwordProfile").is_some() {
            self.0.access.require_access_as_user(caller, action)?;
        }
        // Owners are added one by one.
        if given(&sent, "owners@odata.bind").is_some() {
            return Err(DirectoryError::invalid(kind, "owners@odata.bind"));
        }
        let password =
            if kind == ObjectKind::User { self.take_password(&mut sent, Some(&known))? } else { None };
        let certificates = take_certificates(kind, &mut sent);
        let kept = match kind {
            ObjectKind::Application | ObjectKind::ServicePrincipal => take(&mut sent, "passwordCredentials"),
            _ => None,
        };
        let links = Links::take(kind, &mut sent)?;
        self.0.store.write(|tx| {
            let found = find(tx, caller.tenant, kind, key)?;
            let row = self.require_found(tx, caller, action, found, key)?;
            if let Some(kept) = kept {
                self.keep_passwords(tx, &row, &kept)?;
            }
            if let Some(certificates) = certificates {
                let resource = schema::resource_name(kind);
                self.set_certificates(tx, caller.tenant, row.id, resource, &certificates)?;
            }
            for member in links.members {
                self.put_into_group(tx, &row, member)?;
            }
            let change = || match kind {
                ObjectKind::User => self.change_user(tx, row, &sent, password),
                ObjectKind::Group => self.change_group(tx, row, &sent),
                ObjectKind::Application | ObjectKind::ServicePrincipal => self.change_object(tx, row, &sent),
            };
            match given(&sent, "accountEnabled") {
                Some(_) => keeping_an_administrator(tx, caller.tenant, change),
                None => change(),
            }
        })
    }

    /// Deletes an object; it can be restored for a while. An application takes its service principal along.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn remove(&self, caller: &Caller, kind: ObjectKind, key: &ObjectKey) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let found = find(tx, caller.tenant, kind, key)?;
            let row = self.require_found(tx, caller, rights::deleting(kind), found, key)?;
            keeping_an_administrator(tx, caller.tenant, || self.remove_object(tx, &row))
        })
    }

    /// Whether the caller may change an object: before what it sent is looked at.
    pub(crate) fn check_manageable(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
    ) -> Result<(), DirectoryError> {
        self.0.store.read(|conn| {
            let found = find(conn, caller.tenant, kind, key)?;
            self.require_found(conn, caller, rights::managing(kind), found, key).map(|_| ())
        })
    }

    /// The object, if the caller may change it: inside the transaction that does.
    pub(crate) fn manageable(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
    ) -> Result<ObjectRow, DirectoryError> {
        let found = find(tx, caller.tenant, kind, key)?;
        self.require_found(tx, caller, rights::managing(kind), found, key)
    }
}

pub(crate) fn find(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    key: &ObjectKey,
) -> Result<Option<ObjectRow>, StoreError> {
    let found = match key {
        ObjectKey::Id(id) => rows::find(conn, tenant, *id)?,
        ObjectKey::AppId(app_id) => rows::find_by_app(conn, tenant, kind, *app_id)?,
        ObjectKey::Login(name) => rows::find_by_login(conn, tenant, name)?,
        ObjectKey::UniqueName(name) => rows::find_by_login(conn, tenant, &objects::unique_login(kind, name))?,
    };
    Ok(found.filter(|row| row.kind == kind))
}

/// Takes a property out of what was sent, ignoring letter case.
pub(crate) fn take(sent: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let spelled = sent.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    sent.shift_remove(&spelled)
}

pub(crate) fn refuse_others(sent: &Map<String, Value>) -> Result<(), DirectoryError> {
    match sent.keys().find(|name| !name.contains("@odata.")) {
        Some(other) => Err(DirectoryError::UnknownProperty(other.clone())),
        None => Ok(()),
    }
}

/// Takes the certificates of an application or a service principal out of what was sent.
fn take_certificates(kind: ObjectKind, sent: &mut Map<String, Value>) -> Option<Value> {
    match kind {
        ObjectKind::Application | ObjectKind::ServicePrincipal => take(sent, "keyCredentials"),
        ObjectKind::User | ObjectKind::Group => None,
    }
}

/// A property that was sent, ignoring letter case.
fn given<'a>(sent: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    sent.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
