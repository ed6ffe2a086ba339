//! A store with two tenants and a subscription in each, for tests.

#![allow(dead_code, reason = "each test file uses some of it")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use gatepost_access::{Access, Caller, Extent, PermissionBlock, RoleAssignment, RoleDefinition, StoredRole};
use gatepost_clock::{Clock, Timestamp};
use gatepost_names::{
    ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId, TenantId,
};
use gatepost_store::tenants::{Subscription, Tenant, insert_subscription, insert_tenant};
use gatepost_store::{Store, StoreError};
use uuid::Uuid;

pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const OTHER_TENANT: TenantId = TenantId(Uuid::from_u128(2));
pub(crate) const SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(11));
pub(crate) const OTHER_SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(12));
pub(crate) const SENDER: RoleDefinitionId = RoleDefinitionId(Uuid::from_u128(77));
pub(crate) const WRITE: &str = "Microsoft.Communication/EmailServices/Write";

pub(crate) struct House {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) access: Access,
    pub(crate) clock: Clock,
}

fn open(path: &Path, clock: &Clock) -> (Store, Access) {
    let store = Store::open(&path.join("gatepost.db")).unwrap();
    let access = Access::open(store.clone(), clock.clone()).unwrap();
    (store, access)
}

pub(crate) fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let (store, access) = open(dir.path(), &clock);
    let tenant =
        |id, domain: &str| Tenant { id, display_name: domain.to_owned(), default_domain: domain.to_owned() };
    let subscription = |id, tenant| Subscription { id, tenant, display_name: "S".to_owned() };
    store
        .write(|tx| {
            insert_tenant(tx, &tenant(TENANT, "a.example"), 1)?;
            insert_tenant(tx, &tenant(OTHER_TENANT, "b.example"), 1)?;
            insert_subscription(tx, &subscription(SUB, TENANT), 1)?;
            insert_subscription(tx, &subscription(OTHER_SUB, OTHER_TENANT), 1)
        })
        .unwrap();
    House { dir, store, access, clock }
}

impl House {
    pub(crate) fn restart(self) -> House {
        let House { dir, store, access, clock } = self;
        drop((store, access));
        let (store, access) = open(dir.path(), &clock);
        House { dir, store, access, clock }
    }

    pub(crate) fn assign(&self, assignment: &RoleAssignment) -> Result<(), StoreError> {
        self.store.write(|tx| self.access.put_assignment(tx, assignment))
    }

    /// All assignments of the tenant.
    pub(crate) fn assignments(&self) -> Vec<RoleAssignment> {
        let everywhere = self.access.places(TENANT, &Scope::root(), Extent::All);
        self.access.assignments_page(TENANT, &everywhere, None, 1000).unwrap()
    }

    pub(crate) fn unassign(&self, name: u128) -> bool {
        let name = RoleAssignmentName(Uuid::from_u128(name));
        self.store.write(|tx| self.access.delete_assignment(tx, TENANT, name)).unwrap()
    }

    pub(crate) fn put_role(&self, role: &StoredRole) -> Result<(), StoreError> {
        self.store.write(|tx| self.access.put_role(tx, TENANT, role))
    }
}

pub(crate) fn caller(id: u128) -> Caller {
    let object_id = ObjectId(Uuid::from_u128(id));
    Caller::new(TENANT, object_id, PrincipalKind::ServicePrincipal, format!("app-{id}"), None)
}

pub(crate) fn sub() -> Scope {
    Scope::subscription(SUB)
}

pub(crate) fn group(name: &str) -> Scope {
    sub().join(&format!("resourceGroups/{name}")).unwrap()
}

pub(crate) fn assignment(
    name: u128,
    principal: u128,
    role: RoleDefinitionId,
    scope: Scope,
) -> RoleAssignment {
    RoleAssignment {
        name: RoleAssignmentName(Uuid::from_u128(name)),
        tenant: TENANT,
        scope,
        role,
        principal: ObjectId(Uuid::from_u128(principal)),
        principal_kind: PrincipalKind::ServicePrincipal,
        description: None,
        condition: None,
        condition_version: None,
        starts: None,
        ends: None,
        created_on: Timestamp::UNIX_EPOCH,
        updated_on: Timestamp::UNIX_EPOCH,
        created_by: None,
        updated_by: None,
    }
}

pub(crate) fn sender_role(actions: &[&str]) -> StoredRole {
    let permissions = vec![PermissionBlock {
        actions: actions.iter().map(|s| (*s).to_owned()).collect(),
        ..Default::default()
    }];
    StoredRole {
        definition: RoleDefinition {
            id: SENDER,
            name: "Sender".to_owned(),
            description: "Sends".to_owned(),
            built_in: false,
            permissions,
            assignable_scopes: vec![sub()],
        },
        created_on: Timestamp::UNIX_EPOCH,
        updated_on: Timestamp::UNIX_EPOCH,
        created_by: Some(ObjectId(Uuid::from_u128(9))),
        updated_by: Some(ObjectId(Uuid::from_u128(9))),
    }
}
