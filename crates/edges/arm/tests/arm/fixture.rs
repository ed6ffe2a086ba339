//! A server's services, and a way to ask.

use std::net::SocketAddr;

use bytes::Bytes;
use gatepost_access::{
    Access, Caller, GLOBAL_ADMINISTRATOR, ManagementGroup, ManagementGroupError, MemberError, RoleAssignment,
};
use gatepost_arm::Arm;
use gatepost_clock::{Clock, from_micros};
use gatepost_delivery::{Delivery, Settings};
use gatepost_directory::{Directory, NewApplication, ObjectKind};
use gatepost_https::{Call, Edge};
use gatepost_names::{
    ObjectId, Origins, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId, TenantId,
};
use gatepost_rbac::builtin;
use gatepost_resources::communication::RefusalLog;
use gatepost_resources::mail::MailQueue;
use gatepost_resources::provider::Platform;
use gatepost_resources::{Limits, Resources};
use gatepost_store::directory::{ObjectRow, find, insert, soft_delete};
use gatepost_store::tenants::{Subscription, Tenant, insert_subscription, insert_tenant};
use gatepost_store::{Store, StoreError, Tx};
use gatepost_tokens::TokenError;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use uuid::Uuid;

use crate::things;

/// The api-versions that the tests ask for.
pub(crate) const RESOURCES: &str = "2024-11-01";
pub(crate) const THINGS: &str = "2025-01-01";
pub(crate) const ROLES: &str = "2022-04-01";

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const FOREIGN: TenantId = TenantId(Uuid::from_u128(2));
const SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(11));
const FOREIGN_SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(12));

pub(crate) struct Server {
    dir: tempfile::TempDir,
    pub(crate) platform: Platform,
    pub(crate) delivery: Delivery,
    pub(crate) clock: Clock,
    pub(crate) tenant: TenantId,
    /// `/subscriptions/{guid}` of the tenant.
    pub(crate) sub: String,
    /// The same of another tenant.
    pub(crate) foreign_sub: String,
    arm: Arm,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("")
    }

    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or("")
    }

    /// The status and the error code.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// The names in a list.
    #[track_caller]
    pub(crate) fn names(self) -> Vec<String> {
        let body = self.ok(200);
        body["value"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Server {
    /// Callers: `owner` (of the subscription), `nobody`, `reader` (role Reader at the group `rg`), `stranger`
    /// (owner of the other tenant's subscription). Their bearer tokens are these names.
    pub(crate) fn start() -> Server {
        let server = Server::open(tempfile::tempdir().unwrap());
        let (tenant, foreign) = (server.tenant, FOREIGN);
        server
            .platform
            .store
            .write::<_, StoreError>(|tx| {
                for (id, sub, name) in [(tenant, SUB, "Contoso"), (foreign, FOREIGN_SUB, "Fabrikam")] {
                    let domain = format!("{}.example", name.to_lowercase());
                    insert_tenant(tx, &Tenant { id, display_name: name.into(), default_domain: domain }, 0)?;
                    let subscription =
                        Subscription { id: sub, tenant: id, display_name: format!("{name}'s") };
                    insert_subscription(tx, &subscription, 0)?;
                }
                Ok(())
            })
            .unwrap();
        server.assign(tenant, object("owner"), builtin::OWNER, &server.sub);
        server.assign(foreign, object("stranger"), builtin::OWNER, &server.foreign_sub);
        server
    }

    /// The same data after a stop.
    pub(crate) fn restart(self) -> Server {
        Server::open(self.dir)
    }

    fn open(dir: tempfile::TempDir) -> Server {
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let clock = Clock::fixed(from_micros(1_790_000_000_123_456));
        let access = Access::open(store.clone(), clock.clone()).unwrap();
        let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
        let settings = Settings::in_folder(dir.path());
        let delivery = Delivery::open(store.clone(), clock.clone(), settings).unwrap();
        let platform = Platform {
            store,
            clock: clock.clone(),
            access,
            directory,
            origins: origins(),
            refusals: RefusalLog::default(),
        };
        let mut types = things::types();
        types.extend(gatepost_resources::communication::types());
        let resources = Resources::with_types(platform.clone(), types);
        let arm = Arm::with_verifier(resources.clone(), clock.clone(), origins(), verify)
            .with_mail_queue(MailQueue::new(resources, delivery.clone()));
        Server {
            dir,
            platform,
            delivery,
            clock,
            tenant: TENANT,
            sub: format!("/subscriptions/{SUB}"),
            foreign_sub: format!("/subscriptions/{FOREIGN_SUB}"),
            arm,
        }
    }

    /// As [`Server::start`], with the group `rg` and a Reader of it.
    pub(crate) fn with_group() -> Server {
        let server = Server::start();
        server.put_group("rg");
        server.assign(server.tenant, object("reader"), builtin::READER, &server.at("/resourceGroups/rg"));
        server
    }

    pub(crate) fn put_group(&self, name: &str) {
        let path = format!("{}/resourcegroups/{name}?api-version={RESOURCES}", self.sub);
        self.ask("owner", Method::PUT, &path, &serde_json::json!({"location": "westeurope"})).ok(201);
    }

    /// A path below the subscription.
    pub(crate) fn at(&self, rest: &str) -> String {
        format!("{}{rest}", self.sub)
    }

    /// A path below Test.Things in the group `rg`, with the api-version.
    pub(crate) fn things(&self, rest: &str) -> String {
        self.at(&format!("/resourceGroups/rg/providers/Test.Things/{rest}?api-version={THINGS}"))
    }

    pub(crate) fn assign(&self, tenant: TenantId, principal: ObjectId, role: RoleDefinitionId, scope: &str) {
        let now = self.clock.now();
        let assignment = RoleAssignment {
            name: RoleAssignmentName(Uuid::new_v4()),
            tenant,
            scope: Scope::parse(scope).unwrap(),
            role,
            principal,
            principal_kind: PrincipalKind::User,
            description: None,
            condition: None,
            condition_version: None,
            starts: None,
            ends: None,
            created_on: now,
            updated_on: now,
            created_by: None,
            updated_by: None,
        };
        self.platform.store.write(|tx| self.platform.access.put_assignment(tx, &assignment)).unwrap();
    }

    /// The same server with other limits.
    pub(crate) fn with_limits(self, limits: Limits) -> Server {
        let mut server = Server::open(self.dir);
        server.arm = Arm::with_verifier(
            Resources::open(server.platform.clone()).with_limits(limits),
            server.clock.clone(),
            origins(),
            verify,
        );
        server
    }

    /// A service principal of the tenant.
    pub(crate) fn service_principal(&self) -> ObjectId {
        let directory = &self.platform.directory;
        let made = self.platform.store.write(|tx| {
            let new = NewApplication { display_name: "app".into(), ..NewApplication::default() };
            let application = directory.create_application(tx, self.tenant, new)?;
            directory.create_service_principal(tx, self.tenant, application.app_id)
        });
        made.map_err(|error: gatepost_directory::DirectoryError| error).unwrap().id
    }

    /// A principal of the directory: a caller by its name, or a group.
    pub(crate) fn put_principal(&self, name: &str, kind: ObjectKind) -> ObjectId {
        let row = ObjectRow {
            tenant: self.tenant,
            id: object(name),
            kind,
            app_id: None,
            login: (kind == ObjectKind::User).then(|| format!("{name}@contoso.example")),
            display_name: name.to_owned(),
            enabled: true,
            doc: "{}".to_owned(),
            created_at: 0,
        };
        self.platform.store.write(|tx| insert(tx, &row)).unwrap();
        row.id
    }

    /// Deletes a principal as the directory does: its assignments stay.
    pub(crate) fn forget(&self, principal: ObjectId) {
        let access = &self.platform.access;
        self.platform
            .store
            .write::<_, StoreError>(|tx| {
                access.forget_principal(tx, self.tenant, principal)?;
                let row = find(tx, self.tenant, principal)?.expect("a principal");
                soft_delete(tx, &row, 0)
            })
            .unwrap();
    }

    pub(crate) fn make_global_administrator(&self, name: &str) {
        let access = &self.platform.access;
        let give =
            |tx: &Tx<'_>| access.put_directory_role(tx, self.tenant, object(name), GLOBAL_ADMINISTRATOR);
        self.platform.store.write(give).unwrap();
    }

    pub(crate) fn put_member(&self, group: ObjectId, member: ObjectId) {
        let put = |tx: &Tx<'_>| self.platform.access.put_member(tx, self.tenant, group, member);
        self.platform.store.write(put).map(|_| ()).map_err(|error: MemberError| error).unwrap();
    }

    /// The management group `mg` below the tenant's own, with the subscription in it: its scope.
    pub(crate) fn put_management_group(&self) -> String {
        let access = &self.platform.access;
        let root = ManagementGroup::root(self.tenant, self.clock.now());
        let group = ManagementGroup {
            name: "MG".to_owned(),
            display_name: "Group".to_owned(),
            parent: Some(root.name.clone()),
            ..root.clone()
        };
        let put = |tx: &Tx<'_>| -> Result<(), ManagementGroupError> {
            access.put_management_group(tx, &root)?;
            access.put_management_group(tx, &group)?;
            access.place_subscription(tx, self.tenant, SUB, Some("MG"))?;
            Ok(())
        };
        self.platform.store.write(put).unwrap();
        "/providers/Microsoft.Management/managementGroups/MG".to_owned()
    }

    pub(crate) fn get(&self, who: &str, path: &str) -> Got {
        self.send(who, Method::GET, path, Bytes::new(), &[])
    }

    pub(crate) fn delete(&self, who: &str, path: &str) -> Got {
        self.send(who, Method::DELETE, path, Bytes::new(), &[])
    }

    pub(crate) fn ask(&self, who: &str, method: Method, path: &str, body: &Value) -> Got {
        self.send(who, method, path, Bytes::from(body.to_string()), &[])
    }

    pub(crate) fn send(
        &self,
        who: &str,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(&str, &str)],
    ) -> Got {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut fields = HeaderMap::new();
        if !who.is_empty() {
            fields.insert("authorization", HeaderValue::from_str(&format!("Bearer {who}")).unwrap());
        }
        for (name, value) in headers {
            fields.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let answer = self.arm.answer(Call {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: fields,
            body,
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            request_id: Uuid::from_u128(99),
        });
        assert!(!answer.headers().get("x-ms-request-id").unwrap().is_empty());
        assert_ne!(answer.status().as_u16(), 500, "{path}: {answer:?}");
        let body = match answer.body().is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(answer.body()).unwrap(),
        };
        Got { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
    }

    /// Follows an absolute address that the server gave.
    pub(crate) fn follow(&self, who: &str, link: &str) -> Got {
        self.get(who, link.strip_prefix("https://localhost:8445").expect(link))
    }

    pub(crate) fn too_large(&self) -> Got {
        let call = Call {
            method: Method::PUT,
            path: "/".into(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            request_id: Uuid::nil(),
        };
        let answer = self.arm.too_large(&call);
        let body = serde_json::from_slice(answer.body()).unwrap();
        Got { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
    }
}

/// The object id of a caller.
pub(crate) fn object(name: &str) -> ObjectId {
    let number = name.bytes().fold(7_u128, |sum, byte| sum * 31 + u128::from(byte));
    ObjectId(Uuid::from_u128(number))
}

fn origins() -> Origins {
    let origin = |port: u16| format!("https://localhost:{port}");
    Origins {
        portal: origin(8443),
        authority: origin(8444),
        resource_manager: origin(8445),
        graph: origin(8446),
        email: origin(8447),
        provisioning: origin(8448),
    }
}

fn verify(bearer: &str) -> Result<Caller, TokenError> {
    match bearer {
        "expired" => Err(TokenError::Expired),
        "early" => Err(TokenError::NotYetValid),
        "forged" => Err(TokenError::BadSignature),
        "graph" => Err(TokenError::WrongAudience("https://graph\r\n\"x\"".into())),
        "elsewhere" => Err(TokenError::WrongIssuer("https://sts.example/".into())),
        "deleted" => Err(TokenError::PrincipalGone),
        "full" => Err(TokenError::Store(StoreError::Full)),
        "busy" => Err(TokenError::Store(StoreError::Busy)),
        _ => Ok(Caller::new(
            if bearer == "stranger" { FOREIGN } else { TENANT },
            object(bearer),
            PrincipalKind::User,
            format!("{bearer}@contoso.example"),
            None,
        )),
    }
}
