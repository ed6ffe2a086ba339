//! What sign-in needs to know of an application: where its users are sent back to, what it publishes to others,
//! what its tokens are to look like. Read from the application object and its service principal; the platform's
//! own clients have it here.

use gatepost_access::{Caller, DirectoryAction};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{AZURE_CLI, AZURE_POWERSHELL, Directory, FirstParty, identifier_uris, objects};

/// Where the platform's own command-line clients wait for their users.
const NATIVE_REDIRECT: &str = "http://localhost";

/// An application as sign-in sees it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The client id.
    pub app_id: ApplicationId,
    /// The service principal in the tenant.
    pub service_principal: Option<ObjectId>,
    /// Whether the service principal may be used.
    pub enabled: bool,
    /// What people see.
    pub display_name: String,
    /// The domain of its publisher.
    pub publisher_domain: Option<String>,
    /// Whether it belongs to the platform: nobody is asked for consent.
    pub first_party: bool,
    /// Whether users of other tenants may sign in.
    pub multi_tenant: bool,
    /// Registered redirect URIs of servers.
    pub web_redirects: Vec<String>,
    /// Registered redirect URIs of scripts in browsers.
    pub spa_redirects: Vec<String>,
    /// Registered redirect URIs of installed applications.
    pub public_redirects: Vec<String>,
    /// Whether it is a public client where no redirect URI says so: device code, user name and password.
    pub public_client: bool,
    /// Whether the authorization endpoint gives it access tokens.
    pub implicit_access_tokens: bool,
    /// Whether the authorization endpoint gives it ID tokens.
    pub implicit_id_tokens: bool,
    /// Where users may be sent when they sign out, beside the redirect URIs.
    pub logout_url: Option<String>,
    /// Whether only assigned users and applications get tokens.
    pub assignment_required: bool,
    /// Whether its access tokens are of version 2.
    pub wants_v2_tokens: bool,
    /// The delegated permissions that it publishes.
    pub scopes: Vec<PublishedScope>,
    /// The clients that need no consent, with the permissions for which that holds.
    pub pre_authorized: Vec<(ApplicationId, Vec<Uuid>)>,
    /// The permissions that it was registered to need: resource, permission, whether delegated.
    pub required: Vec<(ApplicationId, Uuid, bool)>,
    /// `groupMembershipClaims`.
    pub group_claims: Option<String>,
    /// Names by which it is asked for as a resource.
    pub names: Vec<String>,
}

/// A delegated permission that an application publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedScope {
    /// Its id.
    pub id: Uuid,
    /// Its name in `scp`.
    pub value: String,
    /// Whether only administrators can give it.
    pub admin_only: bool,
    /// What the user is told that it means.
    pub title: String,
    /// The same at length.
    pub description: String,
}

impl Registration {
    fn blank(app_id: ApplicationId, display_name: &str) -> Registration {
        Registration {
            app_id,
            service_principal: None,
            enabled: true,
            display_name: display_name.to_owned(),
            publisher_domain: None,
            first_party: FirstParty::find(app_id).is_some(),
            multi_tenant: false,
            web_redirects: Vec::new(),
            spa_redirects: Vec::new(),
            public_redirects: Vec::new(),
            public_client: false,
            implicit_access_tokens: false,
            implicit_id_tokens: false,
            logout_url: None,
            assignment_required: false,
            wants_v2_tokens: false,
            scopes: Vec::new(),
            pre_authorized: Vec::new(),
            required: Vec::new(),
            group_claims: None,
            names: Vec::new(),
        }
    }

    /// A client of the platform, as far as it is the same in every tenant.
    pub fn of_platform(app_id: ApplicationId) -> Option<Registration> {
        let mut known = Registration::blank(app_id, FirstParty::find(app_id)?.display_name);
        known.read_platform();
        Some(known)
    }

    fn read_platform(&mut self) {
        self.multi_tenant = true;
        if self.app_id == AZURE_CLI || self.app_id == AZURE_POWERSHELL {
            self.public_client = true;
            self.public_redirects = vec![NATIVE_REDIRECT.to_owned()];
        }
    }

    /// Whether it is a public client at all: some client of it can keep no secret.
    pub fn is_public(&self) -> bool {
        self.public_client || !self.public_redirects.is_empty() || !self.spa_redirects.is_empty()
    }

    /// The published permission of this name, ignoring letter case.
    pub fn scope(&self, value: &str) -> Option<&PublishedScope> {
        self.scopes.iter().find(|scope| scope.value.eq_ignore_ascii_case(value))
    }
}

impl Directory {
    /// The application with this client id as a tenant sees it; `None` if the tenant has neither its
    /// registration nor its service principal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn registration(
        &self,
        tenant: TenantId,
        app_id: ApplicationId,
    ) -> Result<Option<Registration>, StoreError> {
        self.0.store.read(|conn| registration(conn, tenant, app_id))
    }

    /// The application that a resource name stands for in a tenant: by its client id, or by an identifier URI.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn resource_named(&self, tenant: TenantId, name: &str) -> Result<Option<Registration>, StoreError> {
        self.0.store.read(|conn| {
            let app_id = match name.parse::<ApplicationId>() {
                Ok(app_id) => Some(app_id),
                Err(_) => application_of_uri(conn, tenant, name)?,
            };
            app_id.map_or(Ok(None), |app_id| registration(conn, tenant, app_id))
        })
    }

    /// The tenant where an application is registered; `None` for the platform's own, which every tenant has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn home_of_application(&self, app_id: ApplicationId) -> Result<Option<TenantId>, StoreError> {
        self.0.store.read(|conn| Ok(rows::tenant_of_application(conn, app_id)?.map(|(tenant, _)| tenant)))
    }
}

impl Directory {
    /// The groups of a user or service principal, through other groups too: for tokens.
    pub fn groups_of(&self, tenant: TenantId, principal: ObjectId) -> Vec<ObjectId> {
        self.0.access.groups_of(tenant, principal)
    }

    /// Whether somebody may consent to delegated permissions for everybody in the tenant.
    pub fn may_consent_for_all(&self, caller: &Caller) -> bool {
        self.0.access.require_directory(caller, DirectoryAction::ManagePermissionGrants).is_ok()
    }

    /// Template ids of the directory roles of a principal, those through groups too: for tokens.
    pub fn directory_roles_of(&self, tenant: TenantId, principal: ObjectId) -> Vec<Uuid> {
        self.0.access.effective_directory_roles(tenant, principal)
    }
}

/// The application with an identifier URI. Every application has `api://` with its client id, registered or not,
/// and nobody else can.
fn application_of_uri(
    conn: &Conn<'_>,
    tenant: TenantId,
    name: &str,
) -> Result<Option<ApplicationId>, StoreError> {
    if let Some(app_id) = identifier_uris::own_name(name) {
        return Ok(Some(app_id));
    }
    match rows::application_of_uri(conn, tenant, name)? {
        Some(id) => Ok(rows::find(conn, tenant, id)?.and_then(|row| row.app_id)),
        None => Ok(None),
    }
}

fn registration(
    conn: &Conn<'_>,
    tenant: TenantId,
    app_id: ApplicationId,
) -> Result<Option<Registration>, StoreError> {
    let application = rows::find_by_app(conn, tenant, ObjectKind::Application, app_id)?;
    let service_principal = rows::find_by_app(conn, tenant, ObjectKind::ServicePrincipal, app_id)?;
    let Some(named) = service_principal.as_ref().or(application.as_ref()) else { return Ok(None) };
    let mut known = Registration::blank(app_id, &named.display_name);
    if let Some(row) = &service_principal {
        known.service_principal = Some(row.id);
        known.enabled = row.enabled;
        known.read_service_principal(&objects::document(row)?);
    }
    if let Some(row) = &application {
        known.read_application(row)?;
    }
    if known.first_party {
        known.read_platform();
    }
    Ok(Some(known))
}

impl Registration {
    fn read_service_principal(&mut self, document: &Map<String, Value>) {
        self.assignment_required = flag(document, &["appRoleAssignmentRequired"]);
        self.scopes = scopes(at(document, &["oauth2PermissionScopes"]));
        self.names = texts(document, &["servicePrincipalNames"]);
        self.logout_url = text(document, &["logoutUrl"]);
    }

    fn read_application(&mut self, row: &ObjectRow) -> Result<(), StoreError> {
        let document = objects::document(row)?;
        self.web_redirects = texts(&document, &["web", "redirectUris"]);
        self.spa_redirects = texts(&document, &["spa", "redirectUris"]);
        self.public_redirects = texts(&document, &["publicClient", "redirectUris"]);
        self.public_client = flag(&document, &["isFallbackPublicClient"]);
        let implicit = |name| flag(&document, &["web", "implicitGrantSettings", name]);
        self.implicit_access_tokens = implicit("enableAccessTokenIssuance");
        self.implicit_id_tokens = implicit("enableIdTokenIssuance");
        self.logout_url = text(&document, &["web", "logoutUrl"]);
        self.publisher_domain = text(&document, &["publisherDomain"]);
        self.group_claims = text(&document, &["groupMembershipClaims"]);
        self.multi_tenant =
            text(&document, &["signInAudience"]).is_some_and(|audience| audience != "AzureADMyOrg");
        self.wants_v2_tokens =
            at(&document, &["api", "requestedAccessTokenVersion"]).and_then(Value::as_i64) == Some(2);
        self.scopes = scopes(at(&document, &["api", "oauth2PermissionScopes"]));
        self.pre_authorized = list(at(&document, &["api", "preAuthorizedApplications"]))
            .filter_map(|entry| {
                let app_id = entry.get("appId")?.as_str()?.parse().ok()?;
                let ids = list(entry.get("delegatedPermissionIds"));
                Some((app_id, ids.filter_map(|id| id.as_str()?.parse().ok()).collect()))
            })
            .collect();
        self.required = list(at(&document, &["requiredResourceAccess"])).flat_map(required_of).collect();
        Ok(())
    }
}

/// The permissions of one resource that an application was registered to need.
fn required_of(entry: &Value) -> Vec<(ApplicationId, Uuid, bool)> {
    let Some(resource) = entry.get("resourceAppId").and_then(Value::as_str).and_then(|id| id.parse().ok())
    else {
        return Vec::new();
    };
    list(entry.get("resourceAccess"))
        .filter_map(|access| {
            let id = access.get("id")?.as_str()?.parse().ok()?;
            Some((resource, id, access.get("type")?.as_str()? == "Scope"))
        })
        .collect()
}

fn scopes(value: Option<&Value>) -> Vec<PublishedScope> {
    list(value)
        .filter(|scope| scope.get("isEnabled").and_then(Value::as_bool).unwrap_or(true))
        .filter_map(|scope| {
            let of = |name: &str| scope.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let value = of("value")?;
            let title = of("userConsentDisplayName").or(of("adminConsentDisplayName")).unwrap_or(value);
            let description = of("userConsentDescription").or(of("adminConsentDescription")).unwrap_or("");
            Some(PublishedScope {
                id: of("id")?.parse().ok()?,
                value: value.to_owned(),
                admin_only: of("type").is_some_and(|kind| kind.eq_ignore_ascii_case("admin")),
                title: title.to_owned(),
                description: description.to_owned(),
            })
        })
        .collect()
}

fn at<'a>(document: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(document.get(*first)?, |value, name| value.get(name))
}

fn text(document: &Map<String, Value>, path: &[&str]) -> Option<String> {
    at(document, path).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn flag(document: &Map<String, Value>, path: &[&str]) -> bool {
    at(document, path).and_then(Value::as_bool).unwrap_or(false)
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn texts(document: &Map<String, Value>, path: &[&str]) -> Vec<String> {
    list(at(document, path)).filter_map(Value::as_str).map(str::to_owned).collect()
}
