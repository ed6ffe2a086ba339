//! Applications and service principals: making, changing and removing them inside a transaction.

use gatepost_clock::graph_format;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx, tenants};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Directory, DirectoryError, FirstParty, PasswordCredential, schema};

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

/// The document of a stored object.
pub(crate) fn document(row: &ObjectRow) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(&row.doc).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// An object as Microsoft Graph shows it, with its client secrets.
pub(crate) fn entity(conn: &Conn<'_>, row: &ObjectRow) -> Result<Value, StoreError> {
    let mut document = document(row)?;
    if matches!(row.kind, ObjectKind::Application | ObjectKind::ServicePrincipal) {
        let secrets = rows::secrets(conn, row.tenant, row.id)?;
        let shown = secrets.iter().map(|secret| PasswordCredential::of(secret).to_json(None)).collect();
        document.insert("passwordCredentials".to_owned(), Value::Array(shown));
    }
    Ok(Value::Object(document))
}

/// The row with this document, and with the columns that follow from it.
///
/// # Errors
/// [`DirectoryError::MissingProperty`], [`DirectoryError::InvalidProperty`] for an object without a name.
pub(crate) fn with_document(
    mut row: ObjectRow,
    mut document: Map<String, Value>,
) -> Result<ObjectRow, DirectoryError> {
    let name = document.get("displayName").and_then(Value::as_str).map(str::to_owned);
    row.display_name =
        name.filter(|name| !name.trim().is_empty()).ok_or_else(|| DirectoryError::MissingProperty {
            property: "displayName".to_owned(),
            resource: schema::resource_name(row.kind),
        })?;
    row.enabled = document.get("accountEnabled").and_then(Value::as_bool).unwrap_or(true);
    // Client secrets have a table of their own.
    document.insert("passwordCredentials".to_owned(), json!([]));
    row.doc = Value::Object(document).to_string();
    Ok(row)
}

/// Adds the row of a service principal.
pub(crate) fn insert_service_principal(tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
    match rows::insert(tx, row) {
        Err(StoreError::Conflict(_)) => {
            let app_id = row.app_id.map(|id| id.to_string()).unwrap_or_default();
            Err(DirectoryError::ServicePrincipalExists(app_id))
        }
        other => Ok(other?),
    }
}

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
        schema::merge(kind, &mut document, &new.properties)?;
        for (name, value) in [
            ("id", json!(id)),
            ("appId", json!(app_id)),
            ("createdDateTime", json!(graph_format(now))),
            ("publisherDomain", json!(publisher)),
        ] {
            document.insert(name.to_owned(), value);
        }
        let row = ObjectRow {
            tenant,
            id,
            kind,
            app_id: Some(app_id),
            login: None,
            display_name: String::new(),
            enabled: true,
            doc: String::new(),
            created_at: now.as_microsecond(),
        };
        let row = with_document(row, document)?;
        rows::insert(tx, &row)?;
        write_identifier_uris(tx, &row)?;
        Ok(Application { id, app_id, display_name: row.display_name })
    }

    /// Makes the service principal of an application of the tenant, or of the platform.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownApplication`] for a client id of another tenant or of nobody,
    /// [`DirectoryError::ServicePrincipalExists`] for a second one, [`DirectoryError::Store`].
    pub fn create_service_principal(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        app_id: ApplicationId,
    ) -> Result<ServicePrincipal, DirectoryError> {
        self.create_service_principal_with(tx, tenant, app_id, &Map::new())
    }

    /// As [`Directory::create_service_principal`], with properties that the client chose.
    pub(crate) fn create_service_principal_with(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        app_id: ApplicationId,
        sent: &Map<String, Value>,
    ) -> Result<ServicePrincipal, DirectoryError> {
        let kind = ObjectKind::ServicePrincipal;
        if let Some(first_party) = FirstParty::find(app_id) {
            return self.instantiate_first_party(tx, tenant, first_party, sent);
        }
        let application = rows::find_by_app(tx, tenant, ObjectKind::Application, app_id)?
            .ok_or_else(|| DirectoryError::UnknownApplication(app_id.to_string()))?;
        let now = self.0.clock.now();
        let id = ObjectId(Uuid::new_v4());
        let mut document = schema::blank(schema::properties(kind));
        copy_from_application(&mut document, &self::document(&application)?);
        for (name, value) in [
            ("id", json!(id)),
            ("appId", json!(app_id)),
            ("createdDateTime", json!(graph_format(now))),
            ("appOwnerOrganizationId", json!(tenant)),
            ("servicePrincipalType", json!("Application")),
        ] {
            document.insert(name.to_owned(), value);
        }
        schema::merge(kind, &mut document, sent)?;
        let row = ObjectRow { id, kind, created_at: now.as_microsecond(), ..application };
        let row = with_document(row, document)?;
        insert_service_principal(tx, &row)?;
        Ok(ServicePrincipal { id, app_id, display_name: row.display_name })
    }

    /// Changes an object: nested objects are merged, lists are replaced. A service principal follows what it
    /// copies from its application.
    pub(crate) fn change_object(
        &self,
        tx: &Tx<'_>,
        row: ObjectRow,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        let mut document = document(&row)?;
        schema::merge(row.kind, &mut document, sent)?;
        let row = with_document(row, document)?;
        rows::update(tx, &row)?;
        if row.kind != ObjectKind::Application {
            return Ok(());
        }
        write_identifier_uris(tx, &row)?;
        let Some(app_id) = row.app_id else { return Ok(()) };
        let follower = rows::find_by_app(tx, row.tenant, ObjectKind::ServicePrincipal, app_id)?;
        if let Some(follower) = follower {
            let mut copy = self::document(&follower)?;
            copy_from_application(&mut copy, &self::document(&row)?);
            rows::update(tx, &with_document(follower, copy)?)?;
        }
        Ok(())
    }

    /// Removes an object with its credentials and its directory roles; an application takes its service principal along.
    pub(crate) fn remove_object(&self, tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
        if let (ObjectKind::Application, Some(app_id)) = (row.kind, row.app_id)
            && let Some(follower) = rows::find_by_app(tx, row.tenant, ObjectKind::ServicePrincipal, app_id)?
        {
            self.remove_row(tx, &follower)?;
        }
        self.remove_row(tx, row)
    }

    fn remove_row(&self, tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
        for template in self.0.access.directory_roles(row.tenant, row.id) {
            self.0.access.delete_directory_role(tx, row.tenant, row.id, template)?;
        }
        rows::delete(tx, row.tenant, row.id)?;
        Ok(())
    }
}

/// What a service principal shows of its application.
fn copy_from_application(copy: &mut Map<String, Value>, application: &Map<String, Value>) {
    let of = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(application.get(*first)?, |at, name| at.get(name)).cloned()
    };
    for (name, path) in [
        ("displayName", &["displayName"][..]),
        ("appDisplayName", &["displayName"]),
        ("appRoles", &["appRoles"]),
        ("description", &["description"]),
        ("info", &["info"]),
        ("oauth2PermissionScopes", &["api", "oauth2PermissionScopes"]),
        ("homepage", &["web", "homePageUrl"]),
        ("logoutUrl", &["web", "logoutUrl"]),
        ("signInAudience", &["signInAudience"]),
    ] {
        if let Some(value) = of(path) {
            copy.insert(name.to_owned(), value);
        }
    }
    let list = |path: &[&str]| of(path).and_then(|value| value.as_array().cloned()).unwrap_or_default();
    let mut names = Vec::from_iter(of(&["appId"]));
    names.extend(list(&["identifierUris"]));
    copy.insert("servicePrincipalNames".to_owned(), Value::Array(names));
    let redirects = [["web", "redirectUris"], ["spa", "redirectUris"], ["publicClient", "redirectUris"]];
    let urls = redirects.iter().flat_map(|path| list(path)).collect();
    copy.insert("replyUrls".to_owned(), Value::Array(urls));
}

/// Keeps the index of identifier URIs true.
fn write_identifier_uris(tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
    let document = document(row)?;
    let uris = document.get("identifierUris").and_then(Value::as_array);
    let uris: Vec<&str> = uris.into_iter().flatten().filter_map(Value::as_str).collect();
    if uris.iter().any(|uri| !uri.contains(':') || uri.chars().any(char::is_whitespace)) {
        return Err(DirectoryError::InvalidProperty {
            property: "identifierUris".to_owned(),
            resource: schema::resource_name(row.kind),
        });
    }
    match rows::set_identifier_uris(tx, row.tenant, row.id, &uris) {
        Err(StoreError::Conflict(_)) => Err(DirectoryError::ValueInUse("identifierUris".to_owned())),
        other => Ok(other?),
    }
}
