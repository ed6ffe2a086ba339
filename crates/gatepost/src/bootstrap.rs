//! The first start of a data folder, the tenants that a later start adds, and `bootstrap.json`, which tells a client
//! all that it needs.

use std::path::Path;

use gatepost_access::{Access, ManagementGroupError};
use gatepost_clock::Clock;
use gatepost_directory::{Directory, DirectoryError};
use gatepost_names::{ApplicationId, DomainName, ObjectId, Origins, SubscriptionId, TenantId};
use gatepost_store::{Store, StoreError, directory, tenants};
use serde::{Deserialize, Serialize};

use crate::data_folder::write_private;
use crate::tenant::{Named, generate_password, make_tenant};

/// The content of `bootstrap.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its first verified domain.
    pub tenant_domain: String,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// PEM file of the certificate authority that signed the server's certificate.
    pub ca_file: String,
    /// Global Administrator and Owner.
    pub admin: Administrator,
    /// A service principal with the same rights.
    pub automation: Automation,
    /// Where each protocol answers.
    pub endpoints: Endpoints,
    /// The identity of this machine's programs, where the managed-identity endpoint is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_identity: Option<MachineIdentity>,
    /// The tenants beside the first one (`--tenant`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<OtherTenant>,
}

/// A tenant beside the first one: a directory and a subscription of its own, apart from all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherTenant {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its first verified domain.
    pub tenant_domain: String,
    /// Its subscription.
    pub subscription_id: SubscriptionId,
    /// Its Global Administrator, Owner of its subscription.
    pub admin: Administrator,
    /// A service principal with the same rights.
    pub automation: Automation,
}

/// The identity that a program on this machine has without a credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineIdentity {
    /// The client id.
    pub client_id: ApplicationId,
    /// The service principal's object id: what a role is assigned to.
    pub object_id: ObjectId,
    /// What `AZURE_POD_IDENTITY_AUTHORITY_HOST` is set to.
    pub endpoint: String,
}

/// The administrator who can sign in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// The sign-in name.
    pub user_principal_name: String,
    /// The password.
    pub password: String,
    /// The object id.
    pub object_id: ObjectId,
}

/// The service principal for scripts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Automation {
    /// The application's client id.
    pub client_id: ApplicationId,
    /// A client secret.
    pub client_secret: String,
    /// The service principal's object id.
    pub object_id: ObjectId,
}

// SECURITY: neither shows its secret to a log.
impl std::fmt::Debug for Administrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrator").field("object_id", &self.object_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Automation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Automation").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Where each protocol answers. The HTTPS ones are URLs, the SMTP ones `host:port`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are the names of the protocols")]
pub struct Endpoints {
    pub portal: String,
    pub authority: String,
    pub resource_manager: String,
    pub graph: String,
    pub email: String,
    pub provisioning: String,
    pub smtp: String,
    pub smtps: String,
    pub management: String,
}

impl Endpoints {
    /// The HTTPS origins among them.
    pub fn origins(&self) -> Origins {
        Origins {
            portal: self.portal.clone(),
            authority: self.authority.clone(),
            resource_manager: self.resource_manager.clone(),
            graph: self.graph.clone(),
            email: self.email.clone(),
            provisioning: self.provisioning.clone(),
        }
    }
}

/// Why a folder could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Access control refused.
    #[error(transparent)]
    ManagementGroup(#[from] ManagementGroupError),
    /// The directory refused.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The machine has no randomness to give.
    #[error("the system's random source failed: {0}")]
    Random(#[from] getrandom::Error),
    /// `bootstrap.json` cannot be written or read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The database has a tenant, but the file that goes with it is gone.
    #[error(
        "{0} is missing, though the data folder is set up: restore it from a backup, or start on a new folder"
    )]
    FileGone(String),
}

/// What the first start needs.
pub struct FirstStart<'a> {
    /// The store.
    pub store: &'a Store,
    /// The time.
    pub clock: &'a Clock,
    /// For the Owner assignments.
    pub access: &'a Access,
    /// For the identities.
    pub directory: &'a Directory,
}

/// Reads `bootstrap.json` of a folder that is set up, or sets the folder up. The endpoints in the answer are
/// those given; [`Bootstrap::save`] puts them into the file. Each domain of `others` that no tenant has yet gets a
/// tenant of its own.
///
/// # Errors
/// [`BootstrapError`].
pub fn open(
    first: &FirstStart<'_>,
    file: &Path,
    ca_file: &Path,
    endpoints: Endpoints,
    others: &[DomainName],
) -> Result<Bootstrap, BootstrapError> {
    let known = first.store.read(tenants::tenants)?;
    let mut bootstrap = if known.is_empty() {
        set_up(first, file, ca_file, endpoints)?
    } else {
        if !file.is_file() {
            return Err(BootstrapError::FileGone(file.display().to_string()));
        }
        let mut bootstrap = Bootstrap::load(file)?;
        bootstrap.endpoints = endpoints;
        bootstrap.managed_identity = None;
        bootstrap.ca_file = ca_file.display().to_string();
        bootstrap.tenants.retain(|other| known.iter().any(|tenant| tenant.id == other.tenant_id));
        bootstrap
    };
    for domain in others {
        add_tenant(first, &mut bootstrap, file, domain)?;
    }
    Ok(bootstrap)
}

impl Bootstrap {
    /// Reads the file.
    ///
    /// # Errors
    /// [`BootstrapError::File`].
    pub fn load(file: &Path) -> Result<Bootstrap, BootstrapError> {
        let failed = |reason: String| BootstrapError::File { path: file.display().to_string(), reason };
        let text = std::fs::read(file).map_err(|e| failed(e.to_string()))?;
        serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))
    }

    /// Writes the file, for its owner only.
    ///
    /// # Errors
    /// [`BootstrapError::File`].
    pub fn save(&self, file: &Path) -> Result<(), BootstrapError> {
        let failed = |reason: String| BootstrapError::File { path: file.display().to_string(), reason };
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(e.to_string()))?;
        write_private(file, format!("{text}\n").as_bytes()).map_err(|e| failed(e.to_string()))
    }
}

fn set_up(
    first: &FirstStart<'_>,
    file: &Path,
    ca_file: &Path,
    endpoints: Endpoints,
) -> Result<Bootstrap, BootstrapError> {
    let password = generate_password()?;
    first.store.write(|tx| {
        let made = make_tenant(first, tx, &Named::first(), password)?;
        let bootstrap = Bootstrap {
            tenant_id: made.tenant_id,
            tenant_domain: made.tenant_domain,
            subscription_id: made.subscription_id,
            ca_file: ca_file.display().to_string(),
            admin: made.admin,
            automation: made.automation,
            endpoints,
            managed_identity: None,
            tenants: Vec::new(),
        };
        // INVARIANT: the secrets are in the file before their hashes are in the database. A crash in between
        // leaves a file that the next first start replaces, never a tenant whose secrets nobody knows.
        bootstrap.save(file)?;
        Ok(bootstrap)
    })
}

/// Makes a tenant for a domain, unless one has it.
fn add_tenant(
    first: &FirstStart<'_>,
    bootstrap: &mut Bootstrap,
    file: &Path,
    domain: &DomainName,
) -> Result<(), BootstrapError> {
    let domain = domain.to_string();
    if first.store.read(|conn| directory::tenant_of_domain(conn, &domain))?.is_some() {
        return Ok(());
    }
    let password = generate_password()?;
    first.store.write(|tx| {
        let made = make_tenant(first, tx, &Named::after(&domain), password)?;
        bootstrap.tenants.push(made);
        // INVARIANT: as at the first start: the secrets are in the file first. A tenant that is in the file alone
        // is taken out of it at the next start.
        bootstrap.save(file)
    })
}
