//! Groups, management groups, deny assignments, locks, conditions and times over a real store: each decides at
//! once, and the same after a restart.

#![expect(clippy::unwrap_used, reason = "tests")]

mod house;

use std::time::Duration;

use gatepost_access::{
    DenialCause, DenyEffect, DenyPrincipal, Extent, LockLevel, LockedOperation, ManagementGroup,
    ManagementGroupError, MemberError, PermissionBlock, Plane, RequestOrigin, RoleAssignment, StoredDeny,
    StoredLock,
};
use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, Scope};
use gatepost_rbac::builtin;
use gatepost_rbac::condition::{Attribute, Attributes, Source, Value};
use gatepost_store::StoreError;
use house::{House, OTHER_TENANT, SUB, TENANT, WRITE, assignment, caller, group, house, sub};
use uuid::Uuid;

const DELETE: &str = "Microsoft.Communication/EmailServices/Delete";

fn id(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

/// What must hold now and after a restart.
fn twice(house: House, check: impl Fn(&House)) -> House {
    check(&house);
    let house = house.restart();
    check(&house);
    house
}

fn join(house: &House, group: u128, member: u128) -> Result<bool, MemberError> {
    house.store.write(|tx| house.access.put_member(tx, TENANT, id(group), id(member)))
}

#[test]
fn membership_counts_at_any_depth_and_stops_at_once() {
    let house = house();
    house.assign(&assignment(1, 100, builtin::OWNER, sub())).unwrap();
    assert!(join(&house, 100, 101).unwrap() && join(&house, 101, 5).unwrap());
    assert!(!join(&house, 101, 5).unwrap(), "it is in it already");
    let house = twice(house, |house| {
        let granted = house.access.require(&caller(5), WRITE, &group("rg")).unwrap();
        assert_eq!((granted.principal, granted.conditional), (id(100), false));
        let mut groups = house.access.groups_of(TENANT, id(5));
        groups.sort();
        assert_eq!(groups, [id(100), id(101)]);
        assert_eq!(house.access.members_of(TENANT, id(100)).len(), 2);
        assert!(house.access.sees_subscription(&caller(5), SUB));
    });
    assert!(matches!(join(&house, 101, 100), Err(MemberError::Cycle)));
    assert!(matches!(join(&house, 100, 100), Err(MemberError::Cycle)));
    house.store.write(|tx| house.access.delete_member(tx, TENANT, id(100), id(101))).unwrap();
    let house = twice(house, |house| assert!(!house.access.can(&caller(5), WRITE, &sub())));
    join(&house, 100, 101).unwrap();
    assert!(house.access.can(&caller(5), WRITE, &sub()));
    house.store.write(|tx| house.access.forget_principal(tx, TENANT, id(101))).unwrap();
    twice(house, |house| {
        assert!(!house.access.can(&caller(5), WRITE, &sub()));
        assert!(house.access.groups_of(TENANT, id(5)).is_empty());
    });
}

#[test]
fn two_steps_of_a_circle_in_one_transaction_are_refused() {
    let house = house();
    let outcome: Result<bool, MemberError> = house.store.write(|tx| {
        house.access.put_member(tx, TENANT, id(100), id(101))?;
        house.access.put_member(tx, TENANT, id(101), id(100))
    });
    assert!(matches!(outcome, Err(MemberError::Cycle)));
    assert!(house.access.groups_of(TENANT, id(101)).is_empty());
}

fn management_group(name: &str, parent: Option<&str>) -> ManagementGroup {
    let root = ManagementGroup::root(TENANT, Timestamp::UNIX_EPOCH);
    let parent = parent.map(str::to_owned);
    ManagementGroup { name: name.to_owned(), display_name: name.to_owned(), parent, ..root }
}

fn put_management_group(house: &House, name: &str, parent: Option<&str>) -> Result<(), ManagementGroupError> {
    let group = management_group(name, parent);
    house.store.write(|tx| house.access.put_management_group(tx, &group))
}

fn place(house: &House, group: Option<&str>) {
    house.store.write(|tx| house.access.place_subscription(tx, TENANT, SUB, group)).unwrap();
}

fn of_group(name: &str) -> Scope {
    Scope::parse(&format!("/providers/Microsoft.Management/managementGroups/{name}")).unwrap()
}

#[test]
fn a_management_group_reaches_the_subscriptions_in_it() {
    let house = house();
    let root = TENANT.to_string();
    let put = |name: &str, parent: Option<&str>| put_management_group(&house, name, parent);
    put(&root, None).unwrap();
    put("Corp", Some(&root)).unwrap();
    put("Mail", Some("corp")).unwrap();
    assert!(matches!(put("corp", Some("MAIL")), Err(ManagementGroupError::Cycle(_))));
    assert!(matches!(put("lost", Some("nowhere")), Err(ManagementGroupError::NoParent(_))));
    place(&house, Some("mail"));
    house.assign(&assignment(1, 5, builtin::OWNER, of_group("corp"))).unwrap();
    let house = twice(house, |house| {
        assert!(house.access.can(&caller(5), WRITE, &group("rg")));
        assert!(house.access.can(&caller(5), WRITE, &of_group("MAIL")));
        assert!(!house.access.can(&caller(5), WRITE, &of_group(&root)));
        let above: Vec<String> =
            house.access.ancestors_of(TENANT, &sub()).iter().map(|s| s.key().to_owned()).collect();
        let keys = [sub(), of_group("mail"), of_group("corp"), of_group(&root), Scope::root()];
        assert_eq!(above, keys.map(|scope| scope.key().to_owned()));
        let below = house.access.scopes_below(TENANT, &of_group("Corp"));
        assert_eq!(below, [of_group("mail"), sub()]);
        assert_eq!(house.access.management_group_of(SUB).as_deref(), Some("Mail"));
        assert_eq!(house.access.subscriptions_of(TENANT, "MAIL"), [SUB]);
        let names: Vec<String> =
            house.access.management_groups(TENANT).into_iter().map(|group| group.name).collect();
        assert_eq!(names, [root.as_str(), "Corp", "Mail"]);
    });
    let all = house.access.places(TENANT, &of_group("corp"), Extent::All);
    let page = house.access.assignments_page(TENANT, &all, None, 10).unwrap();
    assert_eq!(page.len(), 1);
    let delete = |name: &str| house.store.write(|tx| house.access.delete_management_group(tx, TENANT, name));
    assert!(matches!(delete("mail"), Err(ManagementGroupError::NotEmpty(_))));
    place(&house, Some(&root));
    assert!(!house.access.can(&caller(5), WRITE, &group("rg")), "it moved away");
    assert!(delete("MAIL").unwrap() && !delete("mail").unwrap());
    twice(house, |house| {
        assert!(house.access.management_group(TENANT, "mail").is_none());
        assert!(!house.access.can(&caller(5), WRITE, &group("rg")));
    });
}

#[test]
fn the_root_group_of_another_tenant_is_out_of_reach() {
    let house = house();
    let foreign = ManagementGroup::root(OTHER_TENANT, Timestamp::UNIX_EPOCH);
    house.store.write(|tx| house.access.put_management_group(tx, &foreign)).unwrap();
    house.assign(&assignment(1, 5, builtin::OWNER, Scope::root())).unwrap();
    let nobodys = "00000000-0000-0000-0000-0000000000ff";
    for root in [OTHER_TENANT.to_string().as_str(), nobodys] {
        let denied = house.access.require(&caller(5), WRITE, &of_group(root)).unwrap_err();
        assert_eq!(*denied.cause, DenialCause::ForeignSubscription, "{root}");
    }
    assert!(house.access.can(&caller(5), WRITE, &of_group(&TENANT.to_string())));
    let placed: Result<(), StoreError> =
        house.store.write(|tx| house.access.place_subscription(tx, OTHER_TENANT, SUB, Some(&foreign.name)));
    assert!(matches!(placed, Err(StoreError::Conflict(_))), "a subscription stays in its tenant");
}

fn deny(excluded: &[u128]) -> StoredDeny {
    let principal = |id: ObjectId, kind: &str| DenyPrincipal { id, kind: kind.to_owned() };
    StoredDeny {
        tenant: TENANT,
        id: Uuid::from_u128(0xD),
        scope: sub(),
        name: "No deletes".to_owned(),
        description: None,
        permissions: vec![PermissionBlock { actions: vec!["*/delete".to_owned()], ..Default::default() }],
        principals: vec![principal(id(0), "SystemDefined")],
        excluded: excluded.iter().map(|n| principal(id(*n), "User")).collect(),
        not_for_children: false,
        effect: DenyEffect::Enforced,
        condition: None,
        condition_version: None,
        system_protected: false,
        created_on: Timestamp::UNIX_EPOCH,
        updated_on: Timestamp::UNIX_EPOCH,
        created_by: None,
        updated_by: None,
    }
}

#[test]
fn a_deny_assignment_beats_every_role() {
    let house = house();
    house.assign(&assignment(1, 5, builtin::OWNER, sub())).unwrap();
    house.assign(&assignment(2, 6, builtin::OWNER, sub())).unwrap();
    let put = |house: &House, deny: &StoredDeny| {
        house.store.write(|tx| house.access.put_deny(tx, deny)).unwrap();
    };
    put(&house, &deny(&[6]));
    let house = twice(house, |house| {
        let denied = house.access.require(&caller(5), DELETE, &group("rg")).unwrap_err();
        assert_eq!(denied.code(), "DenyAssignmentAuthorizationFailed");
        assert_eq!(
            denied.client_message(),
            format!(
                "The client 'app-5' with object id '{}' has permission to perform action '{DELETE}' on scope \
                 '{}'; however, the access is denied because of the deny assignment with name 'No deletes' \
                 and Id '0000000000000000000000000000000d' at scope '{}'.",
                id(5),
                group("rg"),
                sub()
            )
        );
        assert!(house.access.can(&caller(5), WRITE, &group("rg")));
        assert!(house.access.can(&caller(6), DELETE, &group("rg")), "it is excluded");
        let stranger = house.access.require(&caller(7), DELETE, &sub()).unwrap_err();
        assert_eq!(stranger.code(), "AuthorizationFailed", "nothing would grant it");
        assert_eq!(house.access.deny(TENANT, Uuid::from_u128(0xD)).unwrap().unwrap(), deny(&[6]));
    });
    put(&house, &StoredDeny { effect: DenyEffect::Audit, ..deny(&[6]) });
    let house = twice(house, |house| assert!(house.access.can(&caller(5), DELETE, &group("rg"))));
    put(&house, &StoredDeny { condition: Some("@Request[".to_owned()), ..deny(&[6]) });
    let house = twice(house, |house| {
        assert!(!house.access.can(&caller(5), DELETE, &sub()), "a condition that cannot be read denies");
    });
    put(&house, &StoredDeny { not_for_children: true, ..deny(&[6]) });
    assert!(!house.access.can(&caller(5), DELETE, &sub()));
    assert!(house.access.can(&caller(5), DELETE, &group("rg")));
    let places = house.access.places(TENANT, &group("rg"), Extent::AtOrAbove);
    assert_eq!(house.access.denies_page(TENANT, &places, None, 10).unwrap().len(), 1);
    assert!(house.store.write(|tx| house.access.delete_deny(tx, TENANT, Uuid::from_u128(0xD))).unwrap());
    twice(house, |house| assert!(house.access.can(&caller(5), DELETE, &sub())));
}

#[test]
fn locks_bind_what_is_below_and_deletes_also_ask_below() {
    let house = house();
    let lock = StoredLock {
        tenant: TENANT,
        scope: group("rg"),
        name: "Keep".to_owned(),
        level: LockLevel::CanNotDelete,
        notes: Some("why".to_owned()),
        owners: vec!["app".to_owned()],
        created_on: Timestamp::UNIX_EPOCH,
        updated_on: Timestamp::UNIX_EPOCH,
        created_by: None,
        updated_by: None,
    };
    house.store.write(|tx| house.access.put_lock(tx, &lock)).unwrap();
    let inside = group("rg").join("providers/Microsoft.Communication/emailServices/e").unwrap();
    let house = twice(house, |house| {
        let is_free = |scope: &Scope, operation| house.access.check_locks(TENANT, scope, operation).is_ok();
        assert!(!is_free(&inside, LockedOperation::Delete) && is_free(&inside, LockedOperation::Write));
        assert!(!is_free(&sub(), LockedOperation::Delete), "what is deleted with it is locked");
        assert!(is_free(&group("rg2"), LockedOperation::Delete));
        let locked = house.access.check_locks(TENANT, &inside, LockedOperation::Delete).unwrap_err();
        assert_eq!(locked.locks[0].name, "Keep");
        assert_eq!(house.access.lock(TENANT, &group("RG"), "keep").unwrap().as_ref(), Some(&lock));
        assert_eq!(
            house.access.locks(TENANT, &inside, Extent::AtOrAbove).unwrap(),
            std::slice::from_ref(&lock)
        );
        assert_eq!(house.access.locks(TENANT, &sub(), Extent::Below).unwrap(), std::slice::from_ref(&lock));
    });
    let stricter = StoredLock { level: LockLevel::ReadOnly, ..lock.clone() };
    house.store.write(|tx| house.access.put_lock(tx, &stricter)).unwrap();
    assert!(house.access.check_locks(TENANT, &inside, LockedOperation::Write).is_err());
    assert!(house.access.check_locks(TENANT, &sub(), LockedOperation::Write).is_ok());
    let deleted = house.store.write(|tx| house.access.delete_lock(tx, TENANT, &group("RG"), "KEEP"));
    assert!(deleted.unwrap());
    twice(house, |house| {
        assert!(house.access.check_locks(TENANT, &inside, LockedOperation::Write).is_ok());
    });
}

struct Assigns(Uuid);

impl Attributes for Assigns {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        let asked = "Microsoft.Authorization/roleAssignments:RoleDefinitionId";
        match source == Source::Request && name.eq_ignore_ascii_case(asked) {
            true => Attribute::Known(Value::Guid(self.0)),
            false => Attribute::Absent,
        }
    }
}

#[test]
fn a_condition_on_the_request_is_possible_before_it_is_known() {
    const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";
    let house = house();
    let condition = format!(
        "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
         ForAnyOfAnyValues:GuidEquals {{{}}}",
        builtin::READER
    );
    let conditioned = RoleAssignment {
        condition: Some(condition.clone()),
        condition_version: Some("2.0".to_owned()),
        ..assignment(1, 5, builtin::OWNER, sub())
    };
    house.assign(&conditioned).unwrap();
    twice(house, |house| {
        let assign = |role: Uuid| {
            house.access.require_with(&caller(5), ASSIGN, &sub(), Plane::Control, &Assigns(role)).is_ok()
        };
        assert!(assign(builtin::READER.0) && !assign(builtin::OWNER.0));
        let denied = house.access.require(&caller(5), ASSIGN, &sub()).unwrap_err();
        assert!(denied.client_message().contains("or an ABAC condition not fulfilled"), "{denied}");
        assert!(house.access.require_possible(&caller(5), ASSIGN, &sub()).unwrap().conditional);
        assert!(house.access.decide_for(TENANT, id(5), ASSIGN, &sub()).unwrap().conditional);
        assert!(!house.access.can(&caller(5), ASSIGN, &sub()));
        assert!(house.access.require_possible(&caller(6), ASSIGN, &sub()).is_err());
        let blocks = house.access.permissions(&caller(5), &sub());
        assert_eq!(blocks[0].condition.as_deref(), Some(condition.as_str()));
    });
}

#[test]
fn conditions_see_the_clock_and_the_clients_address() {
    let house = house();
    let condition = "@Environment[UtcNow] DateTimeLessThan '1970-01-01T00:01:00.0000000Z' AND \
                     @Environment[ClientAddress] StringEquals '10.0.0.7'";
    let conditioned =
        RoleAssignment { condition: Some(condition.to_owned()), ..assignment(1, 5, builtin::OWNER, sub()) };
    house.assign(&conditioned).unwrap();
    let at = |address: &str| caller(5).at(RequestOrigin::new(Uuid::nil(), address.parse().unwrap()));
    assert!(house.access.can(&at("10.0.0.7"), WRITE, &sub()));
    assert!(house.access.can(&at("::ffff:10.0.0.7"), WRITE, &sub()));
    assert!(!house.access.can(&at("10.0.0.8"), WRITE, &sub()));
    assert!(!house.access.can(&caller(5), WRITE, &sub()), "it came from nowhere");
    assert!(house.access.decide_for(TENANT, id(5), WRITE, &sub()).unwrap().conditional);
    house.clock.advance(Duration::from_mins(1));
    assert!(!house.access.can(&at("10.0.0.7"), WRITE, &sub()));
    assert!(house.access.decide_for(TENANT, id(5), WRITE, &sub()).is_err());
}

#[test]
fn an_assignment_grants_from_its_start_until_its_end() {
    let house = house();
    let timed = RoleAssignment {
        starts: Some(from_micros(10_000_000)),
        ends: Some(from_micros(20_000_000)),
        ..assignment(1, 5, builtin::OWNER, sub())
    };
    house.assign(&timed).unwrap();
    let house = twice(house, |house| {
        let denied = house.access.require(&caller(5), WRITE, &sub()).unwrap_err();
        assert!(matches!(*denied.cause, DenialCause::NotYet { .. }), "{denied}");
        assert!(!house.access.sees_subscription(&caller(5), SUB));
        assert_eq!(house.assignments(), std::slice::from_ref(&timed));
    });
    house.clock.advance(Duration::from_secs(10));
    let house = twice(house, |house| {
        assert!(house.access.can(&caller(5), WRITE, &sub()));
        assert!(house.access.sees_subscription(&caller(5), SUB));
    });
    house.clock.advance(Duration::from_secs(10));
    twice(house, |house| {
        let denied = house.access.require(&caller(5), WRITE, &sub()).unwrap_err();
        assert!(matches!(*denied.cause, DenialCause::NoLonger { .. }), "{denied}");
        assert_eq!(house.access.permissions(&caller(5), &sub()), []);
    });
}
