//! A store with a tenant, its directory, and short ways to fill it.

use std::sync::OnceLock;
use std::time::Duration;

use gatepost_access::{Access, Caller, DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR};
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{
    Directory, DirectoryError, ListRequest, NewApplication, NewPassword, NewUser, ObjectKey, ObjectKind,
    Order, PreparedPassword, Relation, RelationRequest,
};
use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};
use gatepost_store::directory::{self as rows, ObjectRow};
use gatepost_store::{Store, tenants};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The password of every user.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct House {
    pub(crate) _dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) directory: Directory,
    pub(crate) tenant: TenantId,
    password: OnceLock<PreparedPassword>,
    /// A Global Administrator.
    pub(crate) admin: Caller,
}

impl House {
    pub(crate) fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let clock = Clock::fixed(from_micros(1_767_225_600_000_000)); // 2026-01-01
        let access = Access::open(store.clone(), clock.clone()).unwrap();
        let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
        let tenant = TenantId(Uuid::new_v4());
        let mut house = House {
            _dir: dir,
            admin: caller(tenant, ObjectId(Uuid::nil()), PrincipalKind::User, None),
            store,
            clock,
            access,
            directory,
            tenant,
            password: OnceLock::new(),
        };
        house.admin = house.add_tenant(tenant, "contoso.example");
        house
    }

    /// Adds a tenant; answers its administrator.
    pub(crate) fn add_tenant(&self, id: TenantId, domain: &str) -> Caller {
        let admin = self.store.write(|tx| {
            let tenant =
                tenants::Tenant { id, display_name: "Contoso".to_owned(), default_domain: domain.to_owned() };
            tenants::insert_tenant(tx, &tenant, 0)?;
            self.directory.seed_tenant(tx, id)?;
            let name = format!("admin@{domain}");
            let new = NewUser { display_name: "Admin", user_principal_name: &name, password: PASSWORD };
            let admin = self.directory.create_user(tx, id, new)?;
            self.access.put_directory_role(tx, id, admin, GLOBAL_ADMINISTRATOR)?;
            Ok::<_, DirectoryError>(admin)
        });
        caller(id, admin.unwrap(), PrincipalKind::User, None)
    }

    /// Registers an application with a service principal.
    pub(crate) fn application(&self, name: &str) -> (ObjectId, ApplicationId, ObjectId) {
        self.store
            .write(|tx| {
                let new = NewApplication { display_name: name.to_owned(), ..NewApplication::default() };
                let application = self.directory.create_application(tx, self.tenant, new)?;
                let own = self.directory.create_service_principal(tx, self.tenant, application.app_id)?;
                Ok::<_, DirectoryError>((application.id, application.app_id, own.id))
            })
            .unwrap()
    }

    pub(crate) fn secret(&self, object: ObjectId, new: NewPassword) -> (Uuid, String) {
        let made = self.store.write(|tx| self.directory.add_password(tx, self.tenant, object, new));
        let (credential, text) = made.unwrap();
        (credential.key_id, text)
    }

    pub(crate) fn verify(&self, app_id: ApplicationId, secret: &str) -> Result<(), String> {
        match self.directory.verify_secret(self.tenant, app_id, secret) {
            Ok(client) => {
                assert_eq!(client.app_id, app_id);
                Ok(())
            }
            Err(error) => Err(format!("{error:?}")),
        }
    }

    pub(crate) fn names(&self, kind: ObjectKind, request: ListRequest) -> Vec<String> {
        let request = ListRequest { top: if request.top == 0 { 100 } else { request.top }, ..request };
        let listing = self.directory.list(&self.admin, kind, &request).unwrap();
        listing.objects.iter().map(|object| object["displayName"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn filtered(&self, kind: ObjectKind, filter: &str) -> Vec<String> {
        let filter = Some(gatepost_odata::parse(filter).unwrap());
        self.names(kind, ListRequest { filter, order: Order::Name, ..ListRequest::default() })
    }

    /// The client id of an application without a service principal.
    pub(crate) fn registration(&self, name: &str) -> ApplicationId {
        let new = NewApplication { display_name: name.to_owned(), ..NewApplication::default() };
        let made = self.store.write(|tx| self.directory.create_application(tx, self.tenant, new));
        made.unwrap().app_id
    }

    /// What makes a user, under a name of its own.
    pub(crate) fn new_user(&self, name: &str) -> Value {
        let nickname = format!("n{}", Uuid::new_v4().simple());
        json!({
            "displayName": name,
            "userPrincipalName": format!("{nickname}@contoso.example"),
            "mailNickname": nickname,
            "accountEnabled": true,
            "passwordProfile": {"password": PASSWORD},
        })
    }

    /// What makes a group.
    pub(crate) fn new_group(&self, name: &str, has_roles: bool) -> Value {
        json!({
            "displayName": name,
            "mailEnabled": false,
            "mailNickname": "g",
            "securityEnabled": true,
            "isAssignableToRole": has_roles,
        })
    }

    fn made(&self, kind: ObjectKind, sent: Value) -> ObjectId {
        let made = self.directory.create(&self.admin, kind, &object(sent)).unwrap();
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// A new user. The password is hashed once for all of them.
    pub(crate) fn user(&self, name: &str) -> ObjectId {
        let (id, sent) = (ObjectId(Uuid::new_v4()), self.new_user(name));
        let login = sent["userPrincipalName"].as_str().unwrap();
        let doc = json!({"id": id, "displayName": name, "userPrincipalName": login, "accountEnabled": true,
            "mailNickname": sent["mailNickname"], "userType": "Member"});
        let row = ObjectRow {
            tenant: self.tenant,
            id,
            kind: ObjectKind::User,
            app_id: None,
            login: Some(login.to_owned()),
            display_name: name.to_owned(),
            enabled: true,
            doc: doc.to_string(),
            created_at: self.clock.micros(),
        };
        let password = self.password.get_or_init(|| self.directory.prepare_password(PASSWORD, &[]).unwrap());
        let added = self.store.write(|tx| {
            rows::insert(tx, &row)?;
            self.directory.store_password(tx, self.tenant, id, password, false)
        });
        added.unwrap();
        id
    }

    /// A user's principal name.
    pub(crate) fn login(&self, user: ObjectId) -> String {
        let shown = self.directory.get(&self.admin, ObjectKind::User, &ObjectKey::Id(user)).unwrap();
        shown["userPrincipalName"].as_str().unwrap().to_owned()
    }

    /// A new group without owners or members.
    pub(crate) fn group(&self, name: &str) -> ObjectId {
        self.made(ObjectKind::Group, self.new_group(name, false))
    }

    /// A new group that directory roles can be assigned to.
    pub(crate) fn role_group(&self) -> ObjectId {
        self.made(ObjectKind::Group, self.new_group("roles", true))
    }

    /// Gives a principal a directory role.
    pub(crate) fn give_role(&self, principal: ObjectId, role: Uuid) {
        let given = self.store.write(|tx| self.access.put_directory_role(tx, self.tenant, principal, role));
        given.unwrap();
    }

    /// A new user with a directory role.
    pub(crate) fn administrator(&self, name: &str) -> ObjectId {
        let user = self.user(name);
        self.give_role(user, role(name));
        user
    }

    /// Who owns an object.
    pub(crate) fn owners(&self, kind: ObjectKind, id: ObjectId) -> Vec<Value> {
        let request = RelationRequest { top: 99, ..RelationRequest::default() };
        let key = ObjectKey::Id(id);
        let listing = self.directory.related(&self.admin, kind, &key, Relation::Owners, &request).unwrap();
        listing.objects.into_iter().map(|one| one.object).collect()
    }
}

/// The template of a directory role.
pub(crate) fn role(name: &str) -> Uuid {
    DIRECTORY_ROLES.iter().find(|(_, known)| *known == name).unwrap().0
}

pub(crate) fn caller(
    tenant: TenantId,
    object_id: ObjectId,
    kind: PrincipalKind,
    app_id: Option<ApplicationId>,
) -> Caller {
    Caller::new(tenant, object_id, kind, "a caller".to_owned(), app_id)
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(crate) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}
