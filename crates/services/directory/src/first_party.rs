//! The applications that belong to the platform: each tenant has service principals of them, and their
//! registrations are nobody's to change.

use gatepost_clock::graph_format;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{ObjectKind, ObjectRow, VerifiedDomain};
use gatepost_store::{Tx, tenants};
use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

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
    /// The delegated permission that it publishes: id, value.
    scope: Option<(Uuid, &'static str)>,
}

const FIRST_PARTIES: &[FirstParty] = &[
    FirstParty {
        app_id: MICROSOFT_GRAPH,
        display_name: "Microsoft Graph",
        names: &["https://graph.microsoft.com"],
        scope: Some((uuid!("e1fe6dd8-ba31-4d61-89e7-88639da4683d"), "User.Read")),
    },
    FirstParty {
        app_id: RESOURCE_MANAGER,
        display_name: "Windows Azure Service Management API",
        names: &["https://management.azure.com/", "https://management.core.windows.net/"],
        scope: Some((uuid!("41094075-9dad-400e-a0bd-54e686782033"), "user_impersonation")),
    },
    FirstParty {
        app_id: COMMUNICATION_SERVICES,
        display_name: "Azure Communication Services",
        names: &["https://communication.azure.com"],
        scope: None,
    },
    FirstParty { app_id: AZURE_CLI, display_name: "Microsoft Azure CLI", names: &[], scope: None },
    FirstParty {
        app_id: AZURE_POWERSHELL,
        display_name: "Microsoft Azure PowerShell",
        names: &[],
        scope: None,
    },
];

impl FirstParty {
    /// The platform's application with this client id.
    pub fn find(app_id: ApplicationId) -> Option<&'static FirstParty> {
        FIRST_PARTIES.iter().find(|known| known.app_id == app_id)
    }

    /// The document of its service principal; what only the server may set is in it.
    fn document(&self) -> Map<String, Value> {
        let mut document = schema::blank(schema::properties(ObjectKind::ServicePrincipal));
        let app_id = self.app_id.to_string();
        let names: Vec<&str> = std::iter::once(app_id.as_str()).chain(self.names.iter().copied()).collect();
        let scopes: Vec<Value> = self
            .scope
            .iter()
            .map(|(id, value)| {
                json!({
                    "adminConsentDescription": null,
                    "adminConsentDisplayName": value,
                    "id": id,
                    "isEnabled": true,
                    "origin": null,
                    "type": "User",
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
        ] {
            document.insert(name.to_owned(), value);
        }
        document
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
        schema::merge(ObjectKind::ServicePrincipal, &mut document, sent)?;
        let row = ObjectRow {
            tenant,
            id,
            kind: ObjectKind::ServicePrincipal,
            app_id: Some(first_party.app_id),
            login: None,
            display_name: String::new(),
            enabled: true,
            doc: String::new(),
            created_at: now.as_microsecond(),
        };
        let row = objects::with_document(row, document)?;
        objects::insert_service_principal(tx, &row)?;
        Ok(ServicePrincipal { id, app_id: first_party.app_id, display_name: row.display_name })
    }
}
