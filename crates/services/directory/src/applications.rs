//! Applications: making and changing them inside a transaction.

use gatepost_clock::graph_format;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Tx, tenants};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::administrators::keep_platform;
use crate::identifier_uris::write_identifier_uris;
use crate::objects::{self, Application, NewApplication, blank_row, document, with_document};
use crate::{Directory, DirectoryError, schema, service_principals};

impl Directory {
    /// Registers an application.
    ///
    /// # Errors
    /// [`DirectoryError`] for a property that may not be so, for an identifier URI that another application
    /// has, and for the store's.
    pub fn create_application(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        new: NewApplication,
    ) -> Result<Application, DirectoryError> {
        let kind = ObjectKind::Application;
        let now = self.0.clock.now();
        let (id, app_id) = (ObjectId(Uuid::new_v4()), ApplicationId(Uuid::new_v4()));
        let publisher = tenants::tenants(tx)?
            .into_iter()
            .find(|known| known.id == tenant)
            .map(|known| known.default_domain);
        let mut document = schema::blank(schema::properties(kind));
        if !new.display_name.is_empty() {
            document.insert("displayName".to_owned(), json!(new.display_name));
        }
        schema::merge_new(kind, &mut document, &new.properties)?;
        for (name, value) in [
            ("id", json!(id)),
            ("appId", json!(app_id)),
            ("createdDateTime", json!(graph_format(now))),
            ("publisherDomain", json!(publisher)),
        ] {
            document.insert(name.to_owned(), value);
        }
        check_roles_and_scopes(&document)?;
        let row = ObjectRow { app_id: Some(app_id), ..blank_row(tenant, id, kind, now.as_microsecond()) };
        let row = with_document(row, document)?;
        objects::insert(tx, &row)?;
        write_identifier_uris(tx, &row)?;
        Ok(Application { id, app_id, display_name: row.display_name })
    }

    /// Changes an application or a service principal: nested objects are merged, lists are replaced. A service
    /// principal follows what it copies from its application.
    pub(crate) fn change_object(
        &self,
        tx: &Tx<'_>,
        row: ObjectRow,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        let mut document = document(&row)?;
        let before = document.clone();
        schema::merge(row.kind, &mut document, sent)?;
        if row.kind == ObjectKind::Application {
            check_roles_and_scopes(&document)?;
            keep_enabled(&before, &document)?;
        }
        let row = with_document(row, document)?;
        if !row.enabled {
            keep_platform(&row)?;
        }
        objects::update(tx, &row)?;
        if row.kind != ObjectKind::Application {
            return Ok(());
        }
        write_identifier_uris(tx, &row)?;
        let Some(app_id) = row.app_id else { return Ok(()) };
        let follower = rows::find_by_app(tx, row.tenant, ObjectKind::ServicePrincipal, app_id)?;
        if let Some(follower) = follower {
            let mut copy = self::document(&follower)?;
            service_principals::copy_from_application(&mut copy, &self::document(&row)?);
            objects::update(tx, &with_document(follower, copy)?)?;
        }
        Ok(())
    }
}

/// App roles and delegated permissions have ids and values of their own.
fn check_roles_and_scopes(document: &Map<String, Value>) -> Result<(), DirectoryError> {
    let roles = entries(document.get("appRoles"));
    let scopes = entries(document.get("api").and_then(|api| api.get("oauth2PermissionScopes")));
    for (property, list) in [("appRoles", &roles), ("api.oauth2PermissionScopes", &scopes)] {
        let (mut ids, mut values) = (Vec::new(), Vec::new());
        for entry in list {
            let of = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_lowercase);
            let invalid = |name: &str| DirectoryError::InvalidProperty {
                property: format!("{property}.{name}"),
                resource: schema::resource_name(ObjectKind::Application),
            };
            let id = of("id").ok_or_else(|| invalid("id"))?;
            let value = of("value").filter(|value| !value.is_empty());
            if value.as_ref().is_some_and(|value| value.chars().any(char::is_whitespace)) {
                return Err(invalid("value"));
            }
            if ids.contains(&id) || value.as_ref().is_some_and(|value| values.contains(value)) {
                return Err(DirectoryError::DuplicateEntry(property.to_owned()));
            }
            ids.push(id);
            values.extend(value);
        }
    }
    let members = ["User", "Application"];
    let allowed = |entry: &&Value| {
        let types = entries(entry.get("allowedMemberTypes"));
        !types.is_empty()
            && types.iter().all(|kind| kind.as_str().is_some_and(|kind| members.contains(&kind)))
    };
    match roles.iter().find(|entry| !allowed(entry)) {
        None => Ok(()),
        Some(_) => Err(DirectoryError::InvalidProperty {
            property: "appRoles.allowedMemberTypes".to_owned(),
            resource: schema::resource_name(ObjectKind::Application),
        }),
    }
}

fn entries(list: Option<&Value>) -> Vec<&Value> {
    list.and_then(Value::as_array).into_iter().flatten().collect()
}

/// An app role or a permission is disabled before it is removed, so that nobody loses it by accident.
fn keep_enabled(before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), DirectoryError> {
    let scopes = |document: &Map<String, Value>| {
        document.get("api").and_then(|api| api.get("oauth2PermissionScopes")).cloned()
    };
    for (was, is) in
        [(before.get("appRoles").cloned(), after.get("appRoles").cloned()), (scopes(before), scopes(after))]
    {
        let is = entries(is.as_ref());
        for entry in entries(was.as_ref()) {
            let enabled = entry.get("isEnabled").and_then(Value::as_bool).unwrap_or(true);
            let same = |other: &&Value| {
                let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_lowercase);
                id(entry) == id(other)
            };
            if enabled && !is.iter().any(same) {
                return Err(DirectoryError::EnabledEntry);
            }
        }
    }
    Ok(())
}
