//! Decisions over a real store: what is committed decides at once, and the same after a restart.

mod house;

use gatepost_access::{Caller, DenialCause, Denied, DirectoryAction, GLOBAL_ADMINISTRATOR, RoleAssignment};
use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId};
use gatepost_rbac::builtin;
use gatepost_store::StoreError;
use house::{
    House, OTHER_SUB, OTHER_TENANT, SENDER, SUB, TENANT, WRITE, assignment, caller, group, house,
    sender_role, sub,
};
use uuid::Uuid;

#[test]
fn a_change_decides_at_once_and_after_a_restart() {
    let house = house();
    let rg = group("rg");
    let denied = house.access.require(&caller(5), WRITE, &rg).unwrap_err();
    assert_eq!(*denied.cause, DenialCause::NoAssignment);
    house.put_role(&sender_role(&["Microsoft.Communication/CommunicationServices/Read"])).unwrap();
    house.assign(&assignment(1, 5, SENDER, sub())).unwrap();
    assert!(house.access.require(&caller(5), WRITE, &rg).is_err());

    house.put_role(&sender_role(&[WRITE])).unwrap();
    let granted = house.access.require(&caller(5), WRITE, &rg).unwrap();
    assert_eq!((granted.role_name.as_str(), granted.assignment_scope.clone()), ("Sender", sub()));
    assert!(house.access.require_data(&caller(5), WRITE, &rg).is_err(), "the planes are apart");

    let house = house.restart();
    assert_eq!(house.access.require(&caller(5), WRITE, &rg).unwrap(), granted);
    assert_eq!(house.access.role(TENANT, SENDER).unwrap(), sender_role(&[WRITE]));
    assert_eq!(house.assignments(), [assignment(1, 5, SENDER, sub())]);

    assert!(house.unassign(1));
    assert!(!house.unassign(1));
    assert!(house.access.require(&caller(5), WRITE, &rg).is_err());
    let house = house.restart();
    assert!(house.access.require(&caller(5), WRITE, &rg).is_err());
}

#[test]
fn what_is_rolled_back_decides_nothing() {
    let house = house();
    let refused: Result<(), StoreError> = house.store.write(|tx| {
        house.access.put_assignment(tx, &assignment(1, 5, builtin::OWNER, sub()))?;
        Err(StoreError::Busy)
    });
    assert!(refused.is_err());
    assert!(!house.access.can(&caller(5), WRITE, &sub()));
}

#[test]
fn the_same_triple_is_assigned_once() {
    let house = house();
    house.assign(&assignment(1, 5, builtin::READER, sub())).unwrap();
    let again = house.assign(&assignment(2, 5, builtin::READER, sub()));
    assert!(matches!(again, Err(StoreError::Conflict(_))));
    let moved = house.assign(&assignment(1, 5, builtin::OWNER, sub()));
    assert!(matches!(moved, Err(StoreError::Conflict(_))));
    assert!(!house.access.can(&caller(5), WRITE, &sub()), "the refused change left nothing in memory");
    let found = house.store.read(|conn| {
        house.access.same_assignment(conn, TENANT, &sub(), builtin::READER, ObjectId(Uuid::from_u128(5)))
    });
    assert_eq!(found.unwrap().unwrap().name, RoleAssignmentName(Uuid::from_u128(1)));
}

#[test]
fn a_condition_that_cannot_be_read_grants_nothing_even_when_it_is_added_later() {
    let house = house();
    let plain = assignment(1, 5, builtin::OWNER, sub());
    house.assign(&plain).unwrap();
    assert!(house.access.can(&caller(5), WRITE, &sub()));
    let conditioned = RoleAssignment { condition: Some("@Request[".to_owned()), ..plain.clone() };
    house.assign(&conditioned).unwrap();
    let check = |house: &House| {
        let denied = house.access.require(&caller(5), WRITE, &sub()).unwrap_err();
        assert!(matches!(*denied.cause, DenialCause::Conditioned { by_assignment: true, .. }));
        assert!(denied.client_message().contains("or an ABAC condition not fulfilled"));
        assert_eq!(house.access.permissions(&caller(5), &sub()), []);
    };
    check(&house);
    let house = house.restart();
    check(&house);
    house.assign(&plain).unwrap();
    assert!(house.access.can(&caller(5), WRITE, &sub()));
}

#[test]
fn a_role_at_the_root_reaches_no_other_tenant() {
    let house = house();
    house.assign(&assignment(1, 5, builtin::OWNER, Scope::root())).unwrap();
    assert!(house.access.can(&caller(5), WRITE, &sub()));
    assert!(house.access.sees_subscription(&caller(5), SUB));
    let foreign = Scope::subscription(OTHER_SUB);
    let denied = house.access.require(&caller(5), WRITE, &foreign).unwrap_err();
    assert_eq!(*denied.cause, DenialCause::ForeignSubscription);
    assert!(!house.access.can(&caller(5), WRITE, &foreign));
    assert!(!house.access.sees_subscription(&caller(5), OTHER_SUB));
    let nobodys = Scope::subscription(SubscriptionId(Uuid::from_u128(0xff)));
    let denied = house.access.require(&caller(5), WRITE, &nobodys).unwrap_err();
    assert_eq!(*denied.cause, DenialCause::ForeignSubscription, "whose it is does not show");
    let guest = Caller { tenant: OTHER_TENANT, ..caller(5) };
    assert!(!house.access.can(&guest, WRITE, &foreign), "an assignment belongs to its tenant");
}

#[test]
fn subscriptions_are_seen_from_any_depth() {
    let house = house();
    assert!(!house.access.sees_subscription(&caller(5), SUB));
    let deep = group("rg").join("providers/Microsoft.Communication/emailServices/e/domains/d").unwrap();
    house.assign(&assignment(1, 5, builtin::READER, deep)).unwrap();
    assert!(house.access.sees_subscription(&caller(5), SUB));
    assert!(!house.access.can(&caller(5), "Microsoft.Resources/subscriptions/read", &sub()));
}

#[test]
fn permissions_have_a_block_for_each_grant() {
    let house = house();
    house.put_role(&sender_role(&[WRITE])).unwrap();
    house.assign(&assignment(1, 5, SENDER, sub())).unwrap();
    house.assign(&assignment(2, 5, builtin::READER, group("rg"))).unwrap();
    let actions = |scope: &Scope| -> Vec<Vec<String>> {
        house.access.permissions(&caller(5), scope).into_iter().map(|block| block.actions).collect()
    };
    assert_eq!(actions(&group("rg")), [vec![WRITE.to_owned()], vec!["*/read".to_owned()]]);
    assert_eq!(actions(&group("rg2")), [vec![WRITE.to_owned()]]);
}

#[test]
fn refusals_speak_to_operators_and_to_clients() {
    let house = house();
    house.assign(&assignment(1, 5, builtin::OWNER, group("other"))).unwrap();
    let denied: Denied = house.access.require(&caller(5), WRITE, &group("rg")).unwrap_err();
    let id = Uuid::from_u128(5);
    assert_eq!(
        denied.to_string(),
        format!(
            "'app-5' (object id {id}) may not do '{WRITE}' at '{}': role 'Owner', which grants the action, is \
             assigned to it at '{}' only, which does not contain this scope",
            group("rg"),
            group("other")
        )
    );
    assert_eq!(
        denied.client_message(),
        format!(
            "The client 'app-5' with object id '{id}' does not have authorization to perform action '{WRITE}' \
             over scope '{}' or the scope is invalid. If access was recently granted, please refresh your \
             credentials.",
            group("rg")
        )
    );
    let about = house.access.decide_for(TENANT, ObjectId(id), WRITE, &group("rg")).unwrap_err();
    assert_eq!(about.client, id.to_string());
    assert!(about.to_string().starts_with(&format!("'{id}' may not do")));
}

#[test]
fn roles_are_built_in_and_custom() {
    let house = house();
    assert_eq!(house.access.roles(TENANT).len(), 932);
    house.put_role(&sender_role(&[WRITE])).unwrap();
    assert_eq!(house.access.roles(TENANT).len(), 933);
    assert_eq!(house.access.roles(OTHER_TENANT).len(), 932);
    let count = |tenant| house.access.custom_role_count(tenant);
    assert_eq!((count(TENANT), count(OTHER_TENANT)), (1, 0));
    assert!(house.access.role(OTHER_TENANT, SENDER).is_none());
    assert_eq!(house.access.role_named(TENANT, "SENDER").unwrap().definition.id, SENDER);
    assert_eq!(house.access.role_named(TENANT, "owner").unwrap().definition.id, builtin::OWNER);
    let mut twin = sender_role(&[]);
    twin.definition.id = RoleDefinitionId(Uuid::from_u128(78));
    assert!(matches!(house.put_role(&twin), Err(StoreError::Conflict(_))));
    twin.definition.id = builtin::OWNER;
    assert!(matches!(house.put_role(&twin), Err(StoreError::Conflict(_))));

    house.assign(&assignment(1, 5, SENDER, sub())).unwrap();
    assert!(house.store.read(|conn| house.access.is_assigned(conn, TENANT, SENDER)).unwrap());
    house.store.write(|tx| house.access.delete_role(tx, TENANT, SENDER)).unwrap();
    assert!(house.access.role(TENANT, SENDER).is_none());
    let denied = house.access.require(&caller(5), WRITE, &sub()).unwrap_err();
    assert!(denied.to_string().ends_with("(the role definition does not exist)"), "{denied}");
}

#[test]
fn directory_roles_are_apart_and_durable() {
    let house = house();
    let admin = ObjectId(Uuid::from_u128(5));
    let manage = DirectoryAction::ManageApplications;
    let denied = house.access.require_directory(&caller(5), manage).unwrap_err();
    assert_eq!(
        denied.to_string(),
        format!(
            "'app-5' (object id {admin}) may not manage applications in the directory: it has no directory \
             role; any of these would: Global Administrator, Application Administrator, Cloud Application \
             Administrator"
        )
    );
    let put = |house: &House| {
        house.store.write(|tx| house.access.put_directory_role(tx, TENANT, admin, GLOBAL_ADMINISTRATOR))
    };
    put(&house).unwrap();
    put(&house).unwrap();
    let house = house.restart();
    assert_eq!(house.access.require_directory(&caller(5), manage), Ok(()));
    assert_eq!(house.access.directory_roles(TENANT, admin), [GLOBAL_ADMINISTRATOR]);
    assert!(!house.access.can(&caller(5), WRITE, &sub()), "no right over resources");
    let took =
        house.store.write(|tx| house.access.delete_directory_role(tx, TENANT, admin, GLOBAL_ADMINISTRATOR));
    assert!(took.unwrap());
    assert!(house.access.require_directory(&caller(5), manage).is_err());
}
