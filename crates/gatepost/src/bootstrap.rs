//! The first start of a data folder: a tenant, a subscription, an administrator, and a service principal with
//! the same rights for scripts; and `bootstrap.json`, which tells a client all that it needs.

use std::path::Path;

use gatepost_access::{Access, GLOBAL_ADMINISTRATOR, RoleAssignment};
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Directory, DirectoryError, NewApplication, NewPassword, NewUser};
use gatepost_names::{
    ApplicationId, ObjectId, Origins, PrincipalKind, RoleAssignmentName, Scope, SubscriptionId, TenantId,
};
use gatepost_store::{Store, StoreError, Tx, tenants};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data_folder::write_private;

/// The first domain of a new tenant. `localhost` names never leave the machine (RFC 6761).
const TENANT_DOMAIN: &str = "gatepost.localhost";
/// How long the automation principal's secret is good: a hundred years.
const AUTOMATION_SECRET_MICROS: i64 = 100 * 365 * 86_400 * 1_000_000;
/// Characters of a generated password: no look-alikes.
const PASSWORD_ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

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
/// those given; [`Bootstrap::save`] puts them into the file.
///
/// # Errors
/// [`BootstrapError`].
pub fn open(
    first: &FirstStart<'_>,
    file: &Path,
    ca_file: &Path,
    endpoints: Endpoints,
) -> Result<Bootstrap, BootstrapError> {
    let known = first.store.read(tenants::tenants)?;
    if known.is_empty() {
        return set_up(first, file, ca_file, endpoints);
    }
    if !file.is_file() {
        return Err(BootstrapError::FileGone(file.display().to_string()));
    }
    let mut bootstrap = Bootstrap::load(file)?;
    bootstrap.endpoints = endpoints;
    bootstrap.ca_file = ca_file.display().to_string();
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
    let tenant = TenantId(Uuid::new_v4());
    let subscription = SubscriptionId(Uuid::new_v4());
    let password = generate_password()?;
    first.store.write(|tx| {
        let now = first.clock.micros();
        let named = tenants::Tenant {
            id: tenant,
            display_name: "Gatepost".to_owned(),
            default_domain: TENANT_DOMAIN.to_owned(),
        };
        tenants::insert_tenant(tx, &named, now)?;
        let of_tenant = tenants::Subscription {
            id: subscription,
            tenant,
            display_name: "Gatepost subscription".to_owned(),
        };
        tenants::insert_subscription(tx, &of_tenant, now)?;
        first.directory.seed_tenant(tx, tenant)?;
        let admin = make_administrator(first, tx, tenant, password)?;
        let automation = make_automation(first, tx, tenant)?;
        for (principal, kind) in
            [(admin.object_id, PrincipalKind::User), (automation.object_id, PrincipalKind::ServicePrincipal)]
        {
            first.access.put_directory_role(tx, tenant, principal, GLOBAL_ADMINISTRATOR)?;
            first.access.put_assignment(tx, &owner(first.clock, tenant, subscription, principal, kind))?;
        }
        let bootstrap = Bootstrap {
            tenant_id: tenant,
            tenant_domain: TENANT_DOMAIN.to_owned(),
            subscription_id: subscription,
            ca_file: ca_file.display().to_string(),
            admin,
            automation,
            endpoints,
        };
        // INVARIANT: the secrets are in the file before their hashes are in the database. A crash in between
        // leaves a file that the next first start replaces, never a tenant whose secrets nobody knows.
        bootstrap.save(file)?;
        Ok(bootstrap)
    })
}

fn make_administrator(
    first: &FirstStart<'_>,
    tx: &Tx<'_>,
    tenant: TenantId,
    password: String,
) -> Result<Administrator, BootstrapError> {
    let user_principal_name = format!("admin@{TENANT_DOMAIN}");
    let new = NewUser {
        display_name: "Administrator",
        user_principal_name: &user_principal_name,
        password: &password,
    };
    let object_id = first.directory.create_user(tx, tenant, new)?;
    Ok(Administrator { user_principal_name, password, object_id })
}

fn make_automation(
    first: &FirstStart<'_>,
    tx: &Tx<'_>,
    tenant: TenantId,
) -> Result<Automation, BootstrapError> {
    let new = NewApplication { display_name: "Gatepost automation".to_owned(), ..NewApplication::default() };
    let application = first.directory.create_application(tx, tenant, new)?;
    let principal = first.directory.create_service_principal(tx, tenant, application.app_id)?;
    // Nobody renews this secret: it lasts as long as the folder. Whoever reads the file owns the folder anyway.
    let end = from_micros(first.clock.micros().saturating_add(AUTOMATION_SECRET_MICROS));
    let new =
        NewPassword { display_name: Some("bootstrap".to_owned()), end: Some(end), ..NewPassword::default() };
    let (_, secret) = first.directory.add_password(tx, tenant, application.id, new)?;
    Ok(Automation { client_id: application.app_id, client_secret: secret, object_id: principal.id })
}

fn owner(
    clock: &Clock,
    tenant: TenantId,
    subscription: SubscriptionId,
    principal: ObjectId,
    principal_kind: PrincipalKind,
) -> RoleAssignment {
    let now = from_micros(clock.micros());
    RoleAssignment {
        name: RoleAssignmentName(Uuid::new_v4()),
        tenant,
        scope: Scope::subscription(subscription),
        role: gatepost_rbac::builtin::OWNER,
        principal,
        principal_kind,
        description: Some("Made at the first start.".to_owned()),
        condition: None,
        condition_version: None,
        created_on: now,
        updated_on: now,
        created_by: None,
        updated_by: None,
    }
}

/// Twenty-four characters, each drawn evenly.
fn generate_password() -> Result<String, getrandom::Error> {
    let mut password = String::with_capacity(24);
    let limit = 256 - 256 % PASSWORD_ALPHABET.len();
    while password.len() < 24 {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        for byte in bytes.into_iter().map(usize::from).filter(|byte| *byte < limit) {
            if let Some(character) = PASSWORD_ALPHABET.get(byte % PASSWORD_ALPHABET.len()) {
                password.push(char::from(*character));
            }
        }
    }
    password.truncate(24);
    Ok(password)
}
