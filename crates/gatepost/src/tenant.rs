//! What a new tenant begins with: a subscription, the root management group, an administrator, and a service
//! principal with the same rights for scripts.

use gatepost_access::{GLOBAL_ADMINISTRATOR, ManagementGroup, RoleAssignment};
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{NewApplication, NewPassword, NewUser};
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, Scope, SubscriptionId, TenantId};
use gatepost_store::{Tx, tenants};
use uuid::Uuid;

use crate::bootstrap::{Administrator, Automation, BootstrapError, FirstStart, OtherTenant};

/// The domain of the first tenant. `localhost` names never leave the machine (RFC 6761).
const TENANT_DOMAIN: &str = "gatepost.localhost";
/// How long the automation principal's secret is good: a hundred years.
const AUTOMATION_SECRET_MICROS: i64 = 100 * 365 * 86_400 * 1_000_000;
/// Characters of a generated password: no look-alikes.
const PASSWORD_ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What people call a new tenant.
pub(crate) struct Named {
    domain: String,
    tenant: String,
    subscription: String,
}

impl Named {
    /// The first tenant of a folder.
    pub(crate) fn first() -> Named {
        Named {
            domain: TENANT_DOMAIN.to_owned(),
            tenant: "Gatepost".to_owned(),
            subscription: "Gatepost subscription".to_owned(),
        }
    }

    /// A tenant that is called after its domain.
    pub(crate) fn after(domain: &str) -> Named {
        Named {
            domain: domain.to_owned(),
            tenant: domain.to_owned(),
            subscription: format!("{domain} subscription"),
        }
    }
}

/// Makes a tenant with all that it begins with. The password is the administrator's.
///
/// # Errors
/// [`BootstrapError`].
pub(crate) fn make_tenant(
    first: &FirstStart<'_>,
    tx: &Tx<'_>,
    named: &Named,
    password: String,
) -> Result<OtherTenant, BootstrapError> {
    let tenant = TenantId(Uuid::new_v4());
    let subscription = SubscriptionId(Uuid::new_v4());
    let now = first.clock.micros();
    let row = tenants::Tenant {
        id: tenant,
        display_name: named.tenant.clone(),
        default_domain: named.domain.clone(),
    };
    tenants::insert_tenant(tx, &row, now)?;
    let row = tenants::Subscription { id: subscription, tenant, display_name: named.subscription.clone() };
    tenants::insert_subscription(tx, &row, now)?;
    let root = ManagementGroup::root(tenant, from_micros(now));
    first.access.put_management_group(tx, &root)?;
    first.access.place_subscription(tx, tenant, subscription, Some(&root.name))?;
    first.directory.seed_tenant(tx, tenant)?;
    let admin = make_administrator(first, tx, tenant, &named.domain, password)?;
    let automation = make_automation(first, tx, tenant)?;
    for (principal, kind) in
        [(admin.object_id, PrincipalKind::User), (automation.object_id, PrincipalKind::ServicePrincipal)]
    {
        first.access.put_directory_role(tx, tenant, principal, GLOBAL_ADMINISTRATOR)?;
        first.access.put_assignment(tx, &owner(first.clock, tenant, subscription, principal, kind))?;
    }
    Ok(OtherTenant {
        tenant_id: tenant,
        tenant_domain: named.domain.clone(),
        subscription_id: subscription,
        admin,
        automation,
    })
}

fn make_administrator(
    first: &FirstStart<'_>,
    tx: &Tx<'_>,
    tenant: TenantId,
    domain: &str,
    password: String,
) -> Result<Administrator, BootstrapError> {
    let user_principal_name = format!("admin@{domain}");
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
        description: Some("Made with the tenant.".to_owned()),
        condition: None,
        condition_version: None,
        starts: None,
        ends: None,
        created_on: now,
        updated_on: now,
        created_by: None,
        updated_by: None,
    }
}

/// Twenty-four characters, each drawn evenly.
pub(crate) fn generate_password() -> Result<String, getrandom::Error> {
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
