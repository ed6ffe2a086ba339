//! Tenants by what people call them.

use gatepost_access::{Caller, DirectoryAction};
use gatepost_names::TenantId;
use gatepost_store::{StoreError, Tx, directory as rows, tenants};
use serde_json::{Value, json};

pub use gatepost_store::directory::VerifiedDomain;
pub use gatepost_store::tenants::Tenant;

use crate::{Directory, DirectoryError};

impl Directory {
    /// The tenant that a path segment names: by its GUID, or by one of its verified domains.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tenant_by_segment(&self, segment: &str) -> Result<Option<Tenant>, StoreError> {
        self.0.store.read(|conn| {
            let id = match segment.parse::<TenantId>() {
                Ok(id) => Some(id),
                Err(_) => rows::tenant_of_domain(conn, segment)?,
            };
            let all = tenants::tenants(conn)?;
            let by_domain = |tenant: &Tenant| tenant.default_domain.eq_ignore_ascii_case(segment);
            Ok(all.into_iter().find(|tenant| id.map_or_else(|| by_domain(tenant), |id| tenant.id == id)))
        })
    }

    /// The tenant with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.0.store.read(|conn| Ok(tenants::tenants(conn)?.into_iter().find(|tenant| tenant.id == id)))
    }

    /// The verified domains of a tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn domains(&self, tenant: TenantId) -> Result<Vec<VerifiedDomain>, StoreError> {
        self.0.store.read(|conn| rows::domains(conn, tenant))
    }

    /// Gives the tenant a domain; it is one that the tenant proved to own.
    ///
    /// # Errors
    /// [`DirectoryError::ValueInUse`] if a tenant has it; [`DirectoryError::Store`].
    pub fn add_domain(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        domain: &VerifiedDomain,
    ) -> Result<(), DirectoryError> {
        match rows::insert_domain(tx, tenant, domain, self.0.clock.micros()) {
            Err(StoreError::Conflict(_)) => Err(DirectoryError::ValueInUse("verifiedDomains".to_owned())),
            other => Ok(other?),
        }
    }

    /// The caller's own tenant as Microsoft Graph's `organization`. Everybody in it may see it.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn organization(&self, caller: &Caller) -> Result<Value, DirectoryError> {
        let tenant =
            self.tenant(caller.tenant)?.ok_or_else(|| DirectoryError::NotFound(caller.tenant.to_string()))?;
        let domains: Vec<Value> = self
            .domains(caller.tenant)?
            .iter()
            .map(|domain| {
                json!({
                    "capabilities": "",
                    "isDefault": domain.name.eq_ignore_ascii_case(&tenant.default_domain),
                    "isInitial": domain.is_initial,
                    "name": domain.name,
                    "type": "Managed",
                })
            })
            .collect();
        Ok(json!({
            "id": tenant.id,
            "deletedDateTime": null,
            "displayName": tenant.display_name,
            "tenantType": "AAD",
            "verifiedDomains": domains,
        }))
    }

    /// The domains of the caller's own tenant, as Microsoft Graph shows them.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn shown_domains(&self, caller: &Caller) -> Result<Vec<Value>, DirectoryError> {
        self.require(caller, DirectoryAction::ReadOrganization)?;
        let tenant =
            self.tenant(caller.tenant)?.ok_or_else(|| DirectoryError::NotFound(caller.tenant.to_string()))?;
        let domains = self.domains(caller.tenant)?;
        Ok(domains
            .iter()
            .map(|domain| {
                json!({
                    "id": domain.name,
                    "authenticationType": "Managed",
                    "availabilityStatus": null,
                    "isAdminManaged": true,
                    "isDefault": domain.name.eq_ignore_ascii_case(&tenant.default_domain),
                    "isInitial": domain.is_initial,
                    "isRoot": true,
                    "isVerified": true,
                    "manufacturer": null,
                    "model": null,
                    "passwordNotificationWindowInDays": null,
                    "passwordValidityPeriodInDays": null,
                    "state": null,
                    "supportedServices": [],
                })
            })
            .collect())
    }
}
