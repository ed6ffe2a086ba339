//! The applications that belong to the platform: each tenant has service principals of them, and their
//! registrations are nobody's to change.

use gatepost_access::{GRAPH_PERMISSIONS, GraphPermission};
use gatepost_clock::graph_format;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{ObjectKind, ObjectRow, VerifiedDomain};
use gatepost_store::{Tx, tenants};
use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

use crate::administrators::keep_platform;
use crate::{Directory, DirectoryError, ServicePrincipal, objects, schema};

/// The organization that owns the platform's applications.
const OWNER: Uuid = uuid!("f8cdef31-a31e-4b4a-93e4-5f571e91255a");

/// The client id of Microsoft Graph, a resource.
pub const MICROSOFT_GRAPH: ApplicationId = ApplicationId(uuid!("00000003-0000-0000-c000-000000000000"));
/// The client id of Azure Resource Manager, a resource.
pub const RESOURCE_MANAGER: ApplicationId = ApplicationId(uuid!("797f4846-ba00-4fd7-ba43-dac1f8f63013"));
/// The client id of Azure Communication Services, a resource: the audience of SMTP and e-mail tokens.
pub const COMMUNICATION_SERVICES: ApplicationId =
    ApplicationId(uuid!("1fd5118e-2576-4263-8130-9503064c837a"));
/// The client id of the Azure CLI, a public client.
pub const AZURE_CLI: ApplicationId = ApplicationId(uuid!("04b07795-8ddb-461a-bbee-02f9e1bf7b46"));
/// The client id of Azure PowerShell, a public client.
pub const AZURE_POWERSHELL: ApplicationId = ApplicationId(uuid!("1950a258-227b-4e31-a9cf-717495945fc2"));

/// An application of the platform.
#[derive(Debug)]
pub struct FirstParty {
    /// Its client id.
    pub app_id: ApplicationId,
    /// What people see.
    pub display_name: &'static str,
    /// The names that it is asked for by, beside its client id.
    names: &'static [&'static str],
    /// The delegated permissions that it publishes: id, value.
    scopes: &'static [(Uuid, &'static str)],
}

/// The delegated permissions of Microsoft Graph that clients ask for.
const GRAPH_SCOPES: &[(Uuid, &str)] = &[
    (uuid!("e1fe6dd8-ba31-4d61-89e7-88639da4683d"), "User.Read"),
    (uuid!("37f7f235-527c-4136-accd-4a02d197296e"), "openid"),
    (uuid!("14dad69e-099b-42c9-810b-d002981feec1"), "profile"),
    (uuid!("64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0"), "email"),
    (uuid!("7427e0e9-2fba-42fe-b0c0-848c9e6a8182"), "offline_access"),
    (uuid!("a154be20-db9c-4678-8ab7-66f6cc099a59"), "User.Read.All"),
    (uuid!("204e0828-b5ca-4ad8-b9f3-f32a958e7cc4"), "User.ReadWrite.All"),
    (uuid!("06da0dbc-49e2-44d2-8312-53f166ab848a"), "Directory.Read.All"),
    (uuid!("c5366453-9fb0-48a5-a156-24f0c49a4b84"), "Directory.ReadWrite.All"),
    (uuid!("0e263e50-5827-48a4-b97c-d940288653c7"), "Directory.AccessAsUser.All"),
    (uuid!("c79f8feb-a9db-4090-85f9-90d820caa0eb"), "Application.Read.All"),
    (uuid!("bdfbf15f-ee85-4955-8675-146e8e5296b5"), "Application.ReadWrite.All"),
    (uuid!("5f8c59db-677d-491f-a6b8-5f174b11ec1d"), "Group.Read.All"),
    (uuid!("4e46008b-f24c-477d-8fff-7bb4ec7aafe0"), "Group.ReadWrite.All"),
    (uuid!("84bccea3-f856-4a8a-967b-dbe0a3d53a64"), "AppRoleAssignment.ReadWrite.All"),
    (uuid!("41ce6ca6-6826-4807-84f1-1c82854f7ee5"), "DelegatedPermissionGrant.ReadWrite.All"),
    (uuid!("d01b97e9-cbc0-49fe-810a-750afd5527a3"), "RoleManagement.ReadWrite.Directory"),
    (uuid!("e4c9e354-4dc5-45b8-9e7c-e1393b0b1a20"), "AuditLog.Read.All"),
];

const FIRST_PARTIES: &[FirstParty] = &[
    FirstParty {
        app_id: MICROSOFT_GRAPH,
        display_name: "Microsoft Graph",
        names: &["https://graph.microsoft.com"],
        scopes: GRAPH_SCOPES,
    },
    FirstParty {
        app_id: RESOURCE_MANAGER,
        display_name: "Windows Azure Service Management API",
        names: &["https://management.azure.com/", "https://management.core.windows.net/"],
        scopes: &[(uuid!("41094075-9dad-400e-a0bd-54e686782033"), "user_impersonation")],
    },
    FirstParty {
        app_id: COMMUNICATION_SERVICES,
        display_name: "Azure Communication Services",
        names: &["https://communication.azure.com"],
        scopes: &[],
    },
    FirstParty { app_id: AZURE_CLI, display_name: "Microsoft Azure CLI", names: &[], scopes: &[] },
    FirstParty {
        app_id: AZURE_POWERSHELL,
        display_name: "Microsoft Azure PowerShell",
        names: &[],
        scopes: &[],
    },
];

impl FirstParty {
    /// The platform's application with this client id.
    pub fn find(app_id: ApplicationId) -> Option<&'static FirstParty> {
        FIRST_PARTIES.iter().find(|known| known.app_id == app_id)
    }

    /// Whether a host, in lower case, is one by which the platform's own resources are asked for.
    pub(crate) fn has_host(host: &str) -> bool {
        FIRST_PARTIES
            .iter()
            .flat_map(|known| known.names)
            .any(|name| name.split_once("://").is_some_and(|(_, rest)| rest.trim_end_matches('/') == host))
    }

    /// The document of its service principal; what only the server may set is in it.
    fn document(&self) -> Map<String, Value> {
        let mut document = schema::blank(schema::properties(ObjectKind::ServicePrincipal));
        let app_id = self.app_id.to_string();
        let names: Vec<&str> = std::iter::once(app_id.as_str()).chain(self.names.iter().copied()).collect();
        let scopes: Vec<Value> = self
            .scopes
            .iter()
            .map(|(id, value)| {
                json!({
                    "adminConsentDescription": null,
                    "adminConsentDisplayName": value,
                    "id": id,
                    "isEnabled": true,
                    "origin": null,
                    "type": if value.ends_with(".All") || value.ends_with(".Directory") { "Admin" } else { "User" },
                    "userConsentDescription": null,
                    "userConsentDisplayName": value,
                    "value": value,
                })
            })
            .collect();
        for (name, value) in [
            ("appDisplayName", json!(self.display_name)),
            ("appOwnerOrganizationId", json!(OWNER)),
            ("displayName", json!(self.display_name)),
            ("servicePrincipalNames", json!(names)),
            ("servicePrincipalType", json!("Application")),
            ("signInAudience", json!("AzureADMultipleOrgs")),
            ("oauth2PermissionScopes", json!(scopes)),
            ("appRoles", Value::Array(self.app_roles())),
        ] {
            document.insert(name.to_owned(), value);
        }
        document
    }

    /// The application permissions that it publishes.
    fn app_roles(&self) -> Vec<Value> {
        if self.app_id != MICROSOFT_GRAPH {
            return Vec::new();
        }
        let role = |permission: &GraphPermission| {
            json!({
                "allowedMemberTypes": ["Application"],
                "description": permission.value,
                "displayName": permission.value,
                "id": permission.id,
                "isEnabled": true,
                "origin": "Application",
                "value": permission.value,
            })
        };
        GRAPH_PERMISSIONS.iter().map(role).collect()
    }
}

impl Directory {
    /// Fills a new tenant with what every tenant has: its default domain as a verified one, and the service
    /// principals of the platform's applications. What is there already stays.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] if there is no such tenant; [`DirectoryError::ValueInUse`] if another
    /// tenant has the domain; [`DirectoryError::Store`].
    pub fn seed_tenant(&self, tx: &Tx<'_>, tenant: TenantId) -> Result<(), DirectoryError> {
        let own = tenants::tenants(tx)?
            .into_iter()
            .find(|known| known.id == tenant)
            .ok_or_else(|| DirectoryError::NotFound(tenant.to_string()))?;
        let domain = own.default_domain.to_lowercase();
        if gatepost_store::directory::tenant_of_domain(tx, &domain)? != Some(tenant) {
            self.add_domain(tx, tenant, &VerifiedDomain { name: domain, is_initial: true })?;
        }
        for first_party in FIRST_PARTIES {
            match self.create_service_principal(tx, tenant, first_party.app_id) {
                Ok(_) | Err(DirectoryError::ServicePrincipalExists(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Adds the service principal of a platform's application.
    pub(crate) fn instantiate_first_party(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        first_party: &FirstParty,
        sent: &Map<String, Value>,
    ) -> Result<ServicePrincipal, DirectoryError> {
        let now = self.0.clock.now();
        let id = ObjectId(Uuid::new_v4());
        let mut document = first_party.document();
        document.insert("id".to_owned(), json!(id));
        document.insert("appId".to_owned(), json!(first_party.app_id));
        document.insert("createdDateTime".to_owned(), json!(graph_format(now)));
        schema::merge_new(ObjectKind::ServicePrincipal, &mut document, sent)?;
        let kind = ObjectKind::ServicePrincipal;
        let row = objects::blank_row(tenant, id, kind, now.as_microsecond());
        let row = objects::with_document(ObjectRow { app_id: Some(first_party.app_id), ..row }, document)?;
        if !row.enabled {
            keep_platform(&row)?;
        }
        objects::insert(tx, &row)?;
        Ok(ServicePrincipal { id, app_id: first_party.app_id, display_name: row.display_name })
    }
}
