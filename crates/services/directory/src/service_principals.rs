//! Service principals: made from their applications, and following them.

use gatepost_clock::graph_format;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::Tx;
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::objects::{self, ServicePrincipal, document, with_document};
use crate::{Directory, DirectoryError, FirstParty, schema};

impl Directory {
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
        schema::merge_new(kind, &mut document, sent)?;
        let row = ObjectRow { id, kind, created_at: now.as_microsecond(), ..application };
        let row = with_document(row, document)?;
        objects::insert(tx, &row)?;
        Ok(ServicePrincipal { id, app_id, display_name: row.display_name })
    }
}

/// What a service principal shows of its application.
pub(crate) fn copy_from_application(copy: &mut Map<String, Value>, application: &Map<String, Value>) {
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
