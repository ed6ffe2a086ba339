//! A server's services over a store of its own, for the tests of this module.

use std::net::{IpAddr, Ipv4Addr};

use gatepost_access::{Access, Caller, RequestOrigin, RoleAssignment, StoredRole};
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Directory, NewApplication, NewPassword, ObjectKey, ObjectKind};
use gatepost_names::{
    ApplicationId, EmailAddress, ObjectId, Origins, PrincipalKind, ResourceId, RoleAssignmentName,
    RoleDefinitionId, Scope, SubscriptionId, TenantId,
};
use gatepost_rbac::{PermissionBlock, RoleDefinition, builtin};
use gatepost_store::{Store, tenants};
use gatepost_tokens::Tokens;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ACTIONS_TO_SEND, Readiness, RefusalLog, Sending};
use crate::provider::Platform;
use crate::{Acted, Conditions, Deleted, ResourceError, Resources, Written};

pub(crate) const SECRET_SECONDS: u64 = 1000;
/// Where clients come from.
pub(crate) const ORIGIN: RequestOrigin =
    RequestOrigin { correlation: Uuid::nil(), address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) };

pub(crate) struct Fixture {
    _dir: tempfile::TempDir,
    pub(crate) tenant: TenantId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) admin: Caller,
    pub(crate) clock: Clock,
    pub(crate) platform: Platform,
    pub(crate) tokens: Tokens,
    pub(crate) resources: Resources,
    pub(crate) sending: Sending,
}

/// An application that can sign in.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) object: ObjectId,
    pub(crate) app_id: ApplicationId,
    pub(crate) principal: ObjectId,
    pub(crate) key_id: Uuid,
    pub(crate) secret: String,
}

impl Fixture {
    /// A tenant, a subscription, a user who owns it, and the resource groups `rg` and `other`.
    pub(crate) fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let clock = Clock::fixed(from_micros(1_790_000_000_000_000));
        let access = Access::open(store.clone(), clock.clone()).unwrap();
        let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
        let origin = |port: u16| format!("https://localhost:{port}");
        let origins = Origins {
            portal: origin(8443),
            authority: origin(8444),
            resource_manager: origin(8445),
            graph: origin(8446),
            email: origin(8447),
            provisioning: origin(8448),
        };
        let tokens = Tokens::open(store.clone(), clock.clone(), directory.clone(), origins.clone()).unwrap();
        let platform = Platform {
            store,
            clock: clock.clone(),
            access,
            directory,
            origins,
            refusals: RefusalLog::default(),
        };
        let mut fixture = Fixture {
            _dir: dir,
            tenant: TenantId(Uuid::new_v4()),
            subscription: SubscriptionId(Uuid::new_v4()),
            admin: user(TenantId(Uuid::nil())),
            clock,
            tokens: tokens.clone(),
            resources: Resources::open(platform.clone()),
            sending: Sending::open(platform.clone(), tokens),
            platform,
        };
        (fixture.tenant, fixture.subscription, fixture.admin) = fixture.tenant("contoso.example");
        for group in ["rg", "other"] {
            fixture.put_group(group);
        }
        fixture
    }

    /// One more tenant with its subscription and the user who owns that.
    pub(crate) fn tenant(&self, domain: &str) -> (TenantId, SubscriptionId, Caller) {
        let id = TenantId(Uuid::new_v4());
        let subscription = SubscriptionId(Uuid::new_v4());
        let store = &self.platform.store;
        store
            .write::<_, gatepost_directory::DirectoryError>(|tx| {
                let tenant =
                    tenants::Tenant { id, display_name: domain.into(), default_domain: domain.into() };
                tenants::insert_tenant(tx, &tenant, 0)?;
                let subscription =
                    tenants::Subscription { id: subscription, tenant: id, display_name: "s".into() };
                tenants::insert_subscription(tx, &subscription, 0)?;
                self.platform.directory.seed_tenant(tx, id)
            })
            .unwrap();
        let caller = user(id);
        self.assign(
            id,
            caller.object_id,
            PrincipalKind::User,
            builtin::OWNER,
            &Scope::subscription(subscription),
        );
        (id, subscription, caller)
    }

    pub(crate) fn put_group(&self, name: &str) {
        let scope = Scope::subscription(self.subscription).join(&format!("resourceGroups/{name}")).unwrap();
        let body = json!({"location": "global"});
        self.resources.put_group(&self.admin, &scope, &body, &Conditions::default()).unwrap();
    }

    /// The id of a resource below `Microsoft.Communication` in the group `rg`.
    pub(crate) fn id(&self, path: &str) -> ResourceId {
        self.id_in("rg", path)
    }

    pub(crate) fn id_in(&self, group: &str, path: &str) -> ResourceId {
        let text = format!(
            "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Communication/{path}",
            self.subscription
        );
        ResourceId::parse(&text).unwrap()
    }

    pub(crate) fn try_put(&self, path: &str, body: Value) -> Result<Written, ResourceError> {
        self.resources.put(&self.admin, &self.id(path), &body, &Conditions::default())
    }

    /// Creates or replaces a resource; answers it as it is shown.
    pub(crate) fn put(&self, path: &str, body: Value) -> Value {
        self.try_put(path, body).unwrap().shown.body
    }

    pub(crate) fn try_patch(&self, path: &str, properties: Value) -> Result<Written, ResourceError> {
        let body = json!({"properties": properties});
        self.resources.patch(&self.admin, &self.id(path), &body, &Conditions::default())
    }

    pub(crate) fn patch(&self, path: &str, properties: Value) -> Value {
        self.try_patch(path, properties).unwrap().shown.body
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.resources.get(&self.admin, &self.id(path)).unwrap().body
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Deleted, ResourceError> {
        self.resources.delete(&self.admin, &self.id(path), &Conditions::default())
    }

    pub(crate) fn act(&self, path: &str, action: &str, body: Value) -> Result<Acted, ResourceError> {
        self.resources.act(&self.admin, &self.id(path), action, &body)
    }

    /// A communication service in the group `rg`.
    pub(crate) fn communication_service(&self, name: &str) -> String {
        let path = format!("communicationServices/{name}");
        self.put(&path, json!({"location": "global", "properties": {"dataLocation": "Europe"}}));
        path
    }

    /// An e-mail service with a domain that is verified; answers the domain's path.
    pub(crate) fn managed_domain(&self, email_service: &str, data_location: &str) -> String {
        let service = format!("emailServices/{email_service}");
        let body = json!({"location": "global", "properties": {"dataLocation": data_location}});
        self.put(&service, body);
        let domain = format!("{service}/domains/AzureManagedDomain");
        self.put(&domain, json!({"location": "global", "properties": {"domainManagement": "AzureManaged"}}));
        domain
    }

    /// Sets the state of one verification, as looking at DNS will one day.
    pub(crate) fn set_verification(&self, domain: &str, kind: &str, status: &str) {
        let store = &self.platform.store;
        store
            .write::<_, gatepost_store::StoreError>(|tx| {
                let key = self.id(domain).scope().key().to_owned();
                let row = gatepost_store::resources::find(tx, &key)?.unwrap();
                let mut states = super::stored::properties_of(&row)?["verificationStates"].clone();
                states[kind]["status"] = status.into();
                super::stored::set_property(tx, &key, "verificationStates", states)
            })
            .unwrap();
    }

    pub(crate) fn links(&self, service: &str, domains: &[&str]) -> Result<Written, ResourceError> {
        let ids: Vec<String> = domains.iter().map(|path| self.id(path).to_string()).collect();
        self.try_patch(service, json!({"linkedDomains": ids}))
    }

    /// An application with a service principal and a client secret that lives for [`SECRET_SECONDS`].
    pub(crate) fn application(&self, name: &str) -> App {
        let directory = &self.platform.directory;
        let app = self
            .platform
            .store
            .write(|tx| {
                let new = NewApplication { display_name: name.into(), ..NewApplication::default() };
                directory.create_application(tx, self.tenant, new)
            })
            .unwrap();
        let principal = self.service_principal(app.app_id);
        let (key_id, secret) = self.secret(app.id);
        App { object: app.id, app_id: app.app_id, principal, key_id, secret }
    }

    pub(crate) fn service_principal(&self, app_id: ApplicationId) -> ObjectId {
        let directory = &self.platform.directory;
        let store = &self.platform.store;
        store.write(|tx| directory.create_service_principal(tx, self.tenant, app_id)).unwrap().id
    }

    pub(crate) fn secret(&self, object: ObjectId) -> (Uuid, String) {
        let end = self.clock.now() + std::time::Duration::from_secs(SECRET_SECONDS);
        let new = NewPassword { end: Some(end), ..NewPassword::default() };
        let directory = &self.platform.directory;
        let store = &self.platform.store;
        let made = store.write(|tx| directory.add_password(tx, self.tenant, object, new.clone())).unwrap();
        (made.0.key_id, made.1)
    }

    pub(crate) fn enable(&self, principal: ObjectId, enabled: bool) {
        let sent = json!({"accountEnabled": enabled});
        let key = ObjectKey::Id(principal);
        let directory = &self.platform.directory;
        directory.update(&self.admin, ObjectKind::ServicePrincipal, &key, sent.as_object().unwrap()).unwrap();
    }

    /// A custom role with these actions.
    pub(crate) fn role(&self, name: &str, actions: &[&str]) -> RoleDefinitionId {
        let id = RoleDefinitionId(Uuid::new_v4());
        self.put_role(id, name, actions);
        id
    }

    pub(crate) fn put_role(&self, id: RoleDefinitionId, name: &str, actions: &[&str]) {
        let permissions = PermissionBlock {
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            ..PermissionBlock::default()
        };
        let role = StoredRole {
            definition: RoleDefinition {
                id,
                name: name.into(),
                description: String::new(),
                built_in: false,
                permissions: vec![permissions],
                assignable_scopes: vec![Scope::subscription(self.subscription)],
            },
            created_on: self.clock.now(),
            updated_on: self.clock.now(),
            created_by: None,
            updated_by: None,
        };
        let access = &self.platform.access;
        self.platform.store.write(|tx| access.put_role(tx, self.tenant, &role)).unwrap();
    }

    pub(crate) fn assign(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        principal_kind: PrincipalKind,
        role: RoleDefinitionId,
        scope: &Scope,
    ) -> RoleAssignmentName {
        let name = RoleAssignmentName(Uuid::new_v4());
        self.put_assignment(name, tenant, (principal, principal_kind), role, scope, None);
        name
    }

    /// Makes an assignment, or puts it in the place of the one of this name.
    fn put_assignment(
        &self,
        name: RoleAssignmentName,
        tenant: TenantId,
        (principal, principal_kind): (ObjectId, PrincipalKind),
        role: RoleDefinitionId,
        scope: &Scope,
        condition: Option<&str>,
    ) {
        let now = self.clock.now();
        let assignment = RoleAssignment {
            name,
            tenant,
            scope: scope.clone(),
            role,
            principal,
            principal_kind,
            description: None,
            condition: condition.map(str::to_owned),
            condition_version: condition.map(|_| "2.0".to_owned()),
            starts: None,
            ends: None,
            created_on: now,
            updated_on: now,
            created_by: None,
            updated_by: None,
        };
        let access = &self.platform.access;
        self.platform.store.write(|tx| access.put_assignment(tx, &assignment)).unwrap();
    }

    pub(crate) fn unassign(&self, name: RoleAssignmentName) {
        let access = &self.platform.access;
        assert!(self.platform.store.write(|tx| access.delete_assignment(tx, self.tenant, name)).unwrap());
    }
}

fn user(tenant: TenantId) -> Caller {
    let object_id = ObjectId(Uuid::new_v4());
    Caller::new(tenant, object_id, PrincipalKind::User, "admin@contoso.example".into(), None)
}

/// Everything that is needed to send, in place.
pub(crate) struct Ready {
    pub(crate) fixture: Fixture,
    pub(crate) service: String,
    pub(crate) domain: String,
    pub(crate) app: App,
    pub(crate) role: RoleDefinitionId,
    pub(crate) assignment: RoleAssignmentName,
}

impl Ready {
    pub(crate) const USERNAME: &'static str = "mailer";

    pub(crate) fn new() -> Ready {
        let fixture = Fixture::new();
        // Updating applications is a right in the directory, not in the subscription.
        let access = &fixture.platform.access;
        let administrator = gatepost_access::GLOBAL_ADMINISTRATOR;
        fixture
            .platform
            .store
            .write(|tx| access.put_directory_role(tx, fixture.tenant, fixture.admin.object_id, administrator))
            .unwrap();
        let service = fixture.communication_service("contoso");
        let domain = fixture.managed_domain("mail", "Europe");
        fixture.links(&service, &[&domain]).unwrap();
        let app = fixture.application("Mailer");
        let role = fixture.role("Mail sender", &ACTIONS_TO_SEND);
        let mut ready =
            Ready { assignment: RoleAssignmentName(Uuid::nil()), fixture, service, domain, app, role };
        ready.assignment = ready.assign();
        ready.username(Self::USERNAME);
        ready
    }

    pub(crate) fn assign(&self) -> RoleAssignmentName {
        let scope = self.fixture.id(&self.service).scope().clone();
        let kind = PrincipalKind::ServicePrincipal;
        self.fixture.assign(self.fixture.tenant, self.app.principal, kind, self.role, &scope)
    }

    /// Puts the assignment under a condition, or takes the condition away.
    pub(crate) fn hold_to(&self, condition: Option<&str>) {
        let scope = self.fixture.id(&self.service).scope().clone();
        let who = (self.app.principal, PrincipalKind::ServicePrincipal);
        self.fixture.put_assignment(self.assignment, self.fixture.tenant, who, self.role, &scope, condition);
    }

    /// Registers one more sender of the linked domain; answers its address.
    pub(crate) fn add_sender(&self, username: &str) -> EmailAddress {
        let path = format!("{}/senderUsernames/{username}", self.domain);
        self.fixture.put(&path, json!({"properties": {"username": username}}));
        EmailAddress::parse(&format!("{username}@{}", self.sender().domain())).unwrap()
    }

    /// Makes the SMTP username resource of the same name.
    pub(crate) fn username(&self, username: &str) {
        self.fixture.put(
            &format!("{}/smtpUsernames/{}", self.service, username.replace(['@', '.'], "-")),
            self.username_body(username),
        );
    }

    pub(crate) fn username_body(&self, username: &str) -> Value {
        json!({"properties": {
            "username": username,
            "entraApplicationId": self.app.app_id.to_string(),
            "tenantId": self.fixture.tenant.to_string(),
        }})
    }

    /// The default sender of the linked domain.
    pub(crate) fn sender(&self) -> EmailAddress {
        let domain = self.fixture.get(&self.domain)["properties"]["fromSenderDomain"].clone();
        EmailAddress::parse(&format!("donotreply@{}", domain.as_str().unwrap())).unwrap()
    }

    pub(crate) fn readiness(&self, username: &str) -> Readiness {
        self.fixture.sending.readiness(&self.fixture.id(&self.service), username).unwrap()
    }
}
