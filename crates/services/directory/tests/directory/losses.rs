//! What a tenant cannot lose, and what comes back only by the right hand.

use gatepost_access::Caller;
use gatepost_directory::{
    AZURE_CLI, DirectoryError, MICROSOFT_GRAPH, ObjectKey, ObjectKind, RESOURCE_MANAGER,
};
use gatepost_names::{ObjectId, PrincipalKind};
use serde_json::json;

use crate::house::{House, caller, object, role};

const SP: ObjectKind = ObjectKind::ServicePrincipal;
const USER: ObjectKind = ObjectKind::User;
const GROUP: ObjectKind = ObjectKind::Group;
const GLOBAL: &str = "Global Administrator";

fn user(house: &House, id: ObjectId) -> Caller {
    caller(house.tenant, id, PrincipalKind::User, None)
}

fn refused<T>(outcome: Result<T, DirectoryError>) -> bool {
    matches!(outcome, Err(DirectoryError::InvalidReference(_)))
}

#[test]
fn service_principals_of_the_platform_are_neither_deleted_nor_disabled() {
    let house = House::new();
    let d = &house.directory;
    for app_id in [MICROSOFT_GRAPH, RESOURCE_MANAGER, AZURE_CLI] {
        let key = ObjectKey::AppId(app_id);
        assert!(refused(d.remove(&house.admin, SP, &key)), "{app_id}");
        assert!(refused(d.update(&house.admin, SP, &key, &object(json!({"accountEnabled": false})))));
        assert!(d.client(house.tenant, app_id).unwrap().unwrap().enabled);
        d.update(&house.admin, SP, &key, &object(json!({"notes": "ours"}))).unwrap();
    }
}

#[test]
fn a_restored_user_comes_back_into_a_privileged_group_only_by_who_may_put_it_there() {
    let house = House::new();
    let d = &house.directory;
    let (victim, plain, powerful) = (house.user("v"), house.group("plain"), house.role_group());
    for group in [plain, powerful] {
        d.add_member(&house.admin, &ObjectKey::Id(group), victim).unwrap();
    }
    let weak = user(&house, house.administrator("User Administrator"));
    d.remove(&house.admin, USER, &ObjectKey::Id(victim)).unwrap();
    d.restore(&weak, victim).unwrap();
    assert_eq!(house.access.groups_of(house.tenant, victim), [plain]);
    d.add_member(&house.admin, &ObjectKey::Id(powerful), victim).unwrap();
    d.remove(&house.admin, USER, &ObjectKey::Id(victim)).unwrap();
    d.restore(&house.admin, victim).unwrap();
    assert_eq!(house.access.groups_of(house.tenant, victim).len(), 2);
}

#[test]
fn the_last_global_administrator_stays() {
    let house = House::new();
    let d = &house.directory;
    let admin = ObjectKey::Id(house.admin.object_id);
    let disable = object(json!({"accountEnabled": false}));
    let lose = || {
        [
            refused(d.remove(&house.admin, USER, &admin)),
            refused(d.update(&house.admin, USER, &admin, &disable)),
            refused(d.remove_directory_role_member(&house.admin, role(GLOBAL), house.admin.object_id)),
        ]
    };
    assert_eq!(lose(), [true; 3]);
    // One that cannot sign in is none, nor is a group without members.
    let second = house.administrator(GLOBAL);
    d.update(&house.admin, USER, &ObjectKey::Id(second), &disable).unwrap();
    let group = house.role_group();
    house.give_role(group, role(GLOBAL));
    assert_eq!(lose(), [true; 3]);

    // A member of a group is one, while it is in it and the group is there.
    let member = house.user("m");
    d.add_member(&house.admin, &ObjectKey::Id(group), member).unwrap();
    d.remove(&house.admin, USER, &admin).unwrap();
    let member_caller = user(&house, member);
    assert!(refused(d.remove_member(&member_caller, &ObjectKey::Id(group), member)));
    assert!(refused(d.remove(&member_caller, GROUP, &ObjectKey::Id(group))));
    assert!(refused(d.remove(&member_caller, USER, &ObjectKey::Id(member))));
    assert!(refused(d.remove_directory_role_member(&member_caller, role(GLOBAL), group)));
    // So is a service principal.
    let (.., own) = house.application("robot");
    house.give_role(own, role(GLOBAL));
    d.remove(&member_caller, GROUP, &ObjectKey::Id(group)).unwrap();
}

#[test]
fn owners_in_a_change_and_hidden_members_are_refused_not_ignored() {
    let house = House::new();
    let d = &house.directory;
    let group = ObjectKey::Id(house.group("g"));
    let owner = house.user("o");
    for sent in [
        json!({"owners@odata.bind": [format!("directoryObjects/{owner}")]}),
        json!({"Owners@odata.bind": []}),
    ] {
        let refused = d.update(&house.admin, GROUP, &group, &object(sent));
        assert!(
            matches!(refused, Err(DirectoryError::InvalidProperty { property, .. }) if property == "owners@odata.bind")
        );
    }
    let mut hidden = house.new_group("h", false);
    hidden["visibility"] = json!("HiddenMembership");
    let refused = d.create(&house.admin, GROUP, &object(hidden));
    assert!(
        matches!(refused, Err(DirectoryError::InvalidProperty { property, .. }) if property == "visibility")
    );
}
