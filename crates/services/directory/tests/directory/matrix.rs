//! Each directory role against each operation of the directory: allowed, or refused.

use gatepost_access::{Caller, DirectoryAction};
use gatepost_directory::{
    AppRoleSide, DirectoryError, ListRequest, MICROSOFT_GRAPH, NewApplication, ObjectKey, ObjectKind,
};
use gatepost_names::{ObjectId, PrincipalKind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{House, caller, object, role};

const APP: ObjectKind = ObjectKind::Application;
const SP: ObjectKind = ObjectKind::ServicePrincipal;
const USER: ObjectKind = ObjectKind::User;
const GROUP: ObjectKind = ObjectKind::Group;

/// The callers, each a service principal with one role; then one without any, and a user without any.
const CALLERS: [&str; 11] = [
    "Global Administrator",
    "Privileged Role Administrator",
    "Application Administrator",
    "Cloud Application Administrator",
    "User Administrator",
    "Groups Administrator",
    "Directory Readers",
    "Global Reader",
    "Application Developer",
    "none",
    "member",
];

const G: &str = "Global Administrator";
const P: &str = "Privileged Role Administrator";
const A: &str = "Application Administrator";
const C: &str = "Cloud Application Administrator";
const U: &str = "User Administrator";
const R: &str = "Groups Administrator";
const D: &str = "Directory Readers";
const L: &str = "Global Reader";
const V: &str = "Application Developer";
const M: &str = "member";
const READERS: &[&str] = &[G, P, A, C, U, R, D, L, V, M];

type Done = Result<(), DirectoryError>;
type Operation = fn(&House, &Caller) -> Done;

/// What is done, by whom it may be done, and how.
const OPERATIONS: &[(&str, &[&str], Operation)] = &[
    ("list applications", READERS, |h, c| list(h, c, APP)),
    ("list service principals", READERS, |h, c| list(h, c, SP)),
    ("list users", READERS, |h, c| list(h, c, USER)),
    ("list groups", READERS, |h, c| list(h, c, GROUP)),
    ("create an application", &[G, A, C, V, M], |h, c| make(h, c, APP, json!({"displayName": "a"}))),
    ("change an application", &[G, A, C], |h, c| {
        let (app, ..) = h.application("a");
        change(h, c, APP, app, json!({"displayName": "b"}))
    }),
    ("delete an application", &[G, A, C], |h, c| {
        let (app, ..) = h.application("a");
        h.directory.remove(c, APP, &ObjectKey::Id(app))
    }),
    ("give an application a secret", &[G, A, C], |h, c| {
        let (app, ..) = h.application("a");
        h.directory.request_password(c, APP, &ObjectKey::Id(app), &object(json!({}))).map(drop)
    }),
    ("give an application an owner", &[G, A, C], |h, c| {
        let (app, ..) = h.application("a");
        h.directory.add_owner(c, APP, &ObjectKey::Id(app), h.admin.object_id)
    }),
    ("trust an issuer for an application", &[G, A, C], |h, c| {
        let (app, ..) = h.application("a");
        let sent = json!({"name": "github", "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:a/b:ref:refs/heads/main", "audiences": ["api://AzureADTokenExchange"]});
        h.directory.create_federated(c, APP, &ObjectKey::Id(app), &object(sent)).map(drop)
    }),
    ("create a service principal", &[G, A, C], |h, c| {
        let app_id = h.registration("a");
        make(h, c, SP, json!({"appId": app_id}))
    }),
    ("disable a service principal", &[G, A, C], |h, c| {
        let (.., own) = h.application("a");
        change(h, c, SP, own, json!({"accountEnabled": false}))
    }),
    ("delete a service principal", &[G, A, C], |h, c| {
        let (.., own) = h.application("a");
        h.directory.remove(c, SP, &ObjectKey::Id(own))
    }),
    ("give a service principal a secret", &[G, A, C], |h, c| {
        let (.., own) = h.application("a");
        h.directory.request_password(c, SP, &ObjectKey::Id(own), &object(json!({}))).map(drop)
    }),
    ("give an app role", &[G, P, A, C, U], |h, c| {
        let (.., own) = h.application("a");
        give(h, c, own, h.user("someone"), Uuid::nil())
    }),
    ("give an application permission of Microsoft Graph", &[G, P], |h, c| {
        let (.., own) = h.application("a");
        let graph =
            h.directory.client(h.tenant, MICROSOFT_GRAPH).unwrap().unwrap().service_principal.unwrap();
        give(h, c, graph, own, Uuid::new_v4())
    }),
    ("list app role assignments", READERS, |h, c| {
        let (.., own) = h.application("a");
        let key = ObjectKey::Id(own);
        h.directory.app_role_assignments(c, SP, &key, AppRoleSide::Resource, None, 10).map(drop)
    }),
    ("grant delegated permissions", &[G, P, A, C, U], |h, c| {
        let ((.., client), (.., resource)) = (h.application("a"), h.application("b"));
        let sent = json!({"clientId": client, "resourceId": resource, "consentType": "AllPrincipals",
            "scope": "read"});
        h.directory.create_grant(c, &object(sent)).map(drop)
    }),
    ("create a user", &[G, U], |h, c| make(h, c, USER, h.new_user("new"))),
    ("change a user", &[G, U], |h, c| change(h, c, USER, h.user("u"), json!({"jobTitle": "x"}))),
    ("change an administrator's job title", &[G, U], |h, c| {
        change(h, c, USER, h.administrator(A), json!({"jobTitle": "x"}))
    }),
    ("disable a user", &[G, U], |h, c| change(h, c, USER, h.user("u"), json!({"accountEnabled": false}))),
    ("set a user's password", &[G, U], |h, c| {
        change(h, c, USER, h.user("u"), json!({"passwordProfile": {"password": "a new one, and a long one"}}))
    }),
    ("set a reader's password", &[G, U], |h, c| {
        let sent = json!({"passwordProfile": {"password": "a new one, and a long one"}});
        change(h, c, USER, h.administrator(D), sent)
    }),
    ("set an administrator's password", &[G], |h, c| {
        let sent = json!({"passwordProfile": {"password": "a new one, and a long one"}});
        change(h, c, USER, h.administrator(A), sent)
    }),
    ("set the password of a member of a role-assignable group", &[G], |h, c| {
        let (group, user) = (h.role_group(), h.user("u"));
        h.directory.add_member(&h.admin, &ObjectKey::Id(group), user).unwrap();
        let sent = json!({"passwordProfile": {"password": "a new one, and a long one"}});
        change(h, c, USER, user, sent)
    }),
    ("delete a user", &[G, U], |h, c| h.directory.remove(c, USER, &ObjectKey::Id(h.user("u")))),
    ("delete an administrator", &[G], |h, c| h.directory.remove(c, USER, &ObjectKey::Id(h.administrator(P)))),
    ("end a user's sessions", &[G, U], |h, c| h.directory.revoke_sessions(c, &ObjectKey::Id(h.user("u")))),
    ("create a group", &[G, U, R, M], |h, c| make(h, c, GROUP, h.new_group("g", false))),
    ("change a group", &[G, U, R], |h, c| change(h, c, GROUP, h.group("g"), json!({"description": "x"}))),
    ("put a member into a group", &[G, U, R], |h, c| {
        h.directory.add_member(c, &ObjectKey::Id(h.group("g")), h.user("u"))
    }),
    ("give a group an owner", &[G, U, R], |h, c| {
        h.directory.add_owner(c, GROUP, &ObjectKey::Id(h.group("g")), h.user("u"))
    }),
    ("delete a group", &[G, U, R], |h, c| h.directory.remove(c, GROUP, &ObjectKey::Id(h.group("g")))),
    ("create a role-assignable group", &[G, P], |h, c| make(h, c, GROUP, h.new_group("g", true))),
    ("put a member into a role-assignable group", &[G, P], |h, c| {
        h.directory.add_member(c, &ObjectKey::Id(h.role_group()), h.user("u"))
    }),
    ("change a role-assignable group", &[G, P], |h, c| {
        change(h, c, GROUP, h.role_group(), json!({"description": "x"}))
    }),
    ("delete a role-assignable group", &[G, P], |h, c| {
        h.directory.remove(c, GROUP, &ObjectKey::Id(h.role_group()))
    }),
    ("give a directory role", &[G, P], |h, c| h.directory.add_directory_role_member(c, role(D), h.user("u"))),
    ("take a directory role", &[G, P], |h, c| {
        h.directory.remove_directory_role_member(c, role(D), h.administrator(D))
    }),
    ("list directory roles", READERS, |h, c| h.directory.directory_role_assignments(c).map(drop)),
    ("see the policy", READERS, |h, c| h.directory.authorization_policy(c).map(drop)),
    ("change the policy", &[G, P], |h, c| h.directory.change_authorization_policy(c, &object(json!({})))),
    ("list domains", READERS, |h, c| h.directory.shown_domains(c).map(drop)),
    ("list deleted users", &[G, A, C, U, R, L], |h, c| {
        h.directory.list_deleted(c, USER, &ListRequest { top: 9, ..ListRequest::default() }).map(drop)
    }),
    ("restore a user", &[G, U], |h, c| {
        let user = h.user("u");
        h.directory.remove(&h.admin, USER, &ObjectKey::Id(user)).unwrap();
        h.directory.restore(c, user).map(drop)
    }),
    ("restore an application", &[G, A, C], |h, c| {
        let (app, ..) = h.application("a");
        h.directory.remove(&h.admin, APP, &ObjectKey::Id(app)).unwrap();
        h.directory.restore(c, app).map(drop)
    }),
    ("purge a group", &[G, U, R], |h, c| {
        let group = h.group("g");
        h.directory.remove(&h.admin, GROUP, &ObjectKey::Id(group)).unwrap();
        h.directory.purge(c, group)
    }),
    ("see sign-ins", &[G, L], |h, c| h.directory.require(c, DirectoryAction::ReadSignIns)),
    ("elevate access", &[G], |h, c| h.directory.require(c, DirectoryAction::ElevateAccess)),
];

fn list(house: &House, caller: &Caller, kind: ObjectKind) -> Done {
    house.directory.list(caller, kind, &ListRequest { top: 1, ..ListRequest::default() }).map(drop)
}

fn make(house: &House, caller: &Caller, kind: ObjectKind, sent: Value) -> Done {
    house.directory.create(caller, kind, &object(sent)).map(drop)
}

fn change(house: &House, caller: &Caller, kind: ObjectKind, id: ObjectId, sent: Value) -> Done {
    house.directory.update(caller, kind, &ObjectKey::Id(id), &object(sent))
}

fn give(house: &House, caller: &Caller, resource: ObjectId, principal: ObjectId, role: Uuid) -> Done {
    let sent = json!({"principalId": principal, "resourceId": resource, "appRoleId": role});
    let key = ObjectKey::Id(resource);
    match house.directory.give_app_role(caller, SP, &key, AppRoleSide::Resource, &object(sent)) {
        // That the resource lacks the role is no matter of rights.
        Err(DirectoryError::UnknownAppRole(_)) => Ok(()),
        other => other.map(drop),
    }
}

#[test]
fn each_role_may_do_exactly_its_part() {
    let house = House::new();
    let mut callers = Vec::new();
    for name in CALLERS {
        let (_, app_id, own) = house.application(name);
        callers.push(match name {
            "member" => caller(house.tenant, house.user("member"), PrincipalKind::User, None),
            "none" => caller(house.tenant, own, PrincipalKind::ServicePrincipal, Some(app_id)),
            _ => {
                house.give_role(own, role(name));
                caller(house.tenant, own, PrincipalKind::ServicePrincipal, Some(app_id))
            }
        });
    }
    for (operation, allowed, run) in OPERATIONS {
        for (name, caller) in CALLERS.iter().zip(&callers) {
            let outcome = run(&house, caller);
            let expected = allowed.contains(name);
            match outcome {
                Ok(()) => assert!(expected, "{name} must not {operation}"),
                Err(DirectoryError::Denied(_)) => assert!(!expected, "{name} must be able to {operation}"),
                Err(other) => panic!("{operation} as {name}: {other}"),
            }
        }
    }
}

#[test]
fn owners_may_manage_what_they_own_and_nothing_else() {
    let house = House::new();
    let owner = house.user("owner");
    let member = caller(house.tenant, owner, PrincipalKind::User, None);
    // What a user makes is its own.
    let made = house.directory.create(&member, APP, &object(json!({"displayName": "mine"}))).unwrap();
    let mine = ObjectKey::Id(made["id"].as_str().unwrap().parse().unwrap());
    house.directory.update(&member, APP, &mine, &object(json!({"notes": "x"}))).unwrap();
    let secret = house.directory.request_password(&member, APP, &mine, &object(json!({}))).unwrap();
    assert_eq!(secret["secretText"].as_str().unwrap().len(), 40);
    let own = house.directory.create(&member, SP, &object(json!({"appId": made["appId"]}))).unwrap();
    let own = ObjectKey::Id(own["id"].as_str().unwrap().parse().unwrap());
    house.directory.update(&member, SP, &own, &object(json!({"notes": "x"}))).unwrap();
    house.directory.add_owner(&member, APP, &mine, house.admin.object_id).unwrap();
    house.directory.remove_owner(&member, APP, &mine, owner).unwrap();
    let refused = house.directory.update(&member, APP, &mine, &object(json!({"notes": "y"})));
    assert!(matches!(refused, Err(DirectoryError::Denied(_))));

    let group = house.directory.create(&member, GROUP, &object(house.new_group("ours", false))).unwrap();
    let group = ObjectKey::Id(group["id"].as_str().unwrap().parse().unwrap());
    house.directory.add_member(&member, &group, house.user("friend")).unwrap();
    let last = house.directory.remove_owner(&member, GROUP, &group, owner);
    assert!(matches!(last, Err(DirectoryError::LastOwner)));
    // An owner of a role-assignable group manages its members.
    let roles = house.role_group();
    house.directory.add_owner(&house.admin, GROUP, &ObjectKey::Id(roles), owner).unwrap();
    house.directory.add_member(&member, &ObjectKey::Id(roles), house.user("another")).unwrap();
}

#[test]
fn administrators_of_applications_own_none_of_what_they_make() {
    let house = House::new();
    let owners_of = |name: &str| {
        let user = house.user("maker");
        if name != "member" {
            house.give_role(user, role(name));
        }
        let maker = caller(house.tenant, user, PrincipalKind::User, None);
        let made = house.directory.create(&maker, APP, &object(json!({"displayName": "x"}))).unwrap();
        house.owners(APP, made["id"].as_str().unwrap().parse().unwrap()).len()
    };
    for (name, expected) in [(M, 1), (V, 1), (A, 0), (C, 0)] {
        assert_eq!(owners_of(name), expected, "{name}");
    }
}

#[test]
fn a_tenant_can_keep_its_users_from_making_things() {
    let house = House::new();
    let member = caller(house.tenant, house.user("member"), PrincipalKind::User, None);
    let closed = json!({"defaultUserRolePermissions": {"allowedToCreateApps": false,
        "allowedToCreateSecurityGroups": false}});
    house.directory.change_authorization_policy(&house.admin, &object(closed)).unwrap();
    let policy = house.directory.authorization_policy(&member).unwrap();
    assert_eq!(policy["defaultUserRolePermissions"]["allowedToCreateApps"], false);
    for (kind, sent) in [(APP, json!({"displayName": "a"})), (GROUP, house.new_group("g", false))] {
        let refused = house.directory.create(&member, kind, &object(sent));
        assert!(matches!(refused, Err(DirectoryError::Denied(_))));
    }
    house.give_role(member.object_id, role(V));
    assert!(house.directory.create(&member, APP, &object(json!({"displayName": "a"}))).is_ok());
}

#[test]
fn a_role_of_a_group_is_its_members_while_they_are_in_it() {
    let house = House::new();
    let (group, user) = (house.role_group(), house.user("u"));
    let member = caller(house.tenant, user, PrincipalKind::User, None);
    house.directory.add_directory_role_member(&house.admin, role(U), group).unwrap();
    let create = || house.directory.create(&member, USER, &object(house.new_user("x")));
    assert!(matches!(create(), Err(DirectoryError::Denied(_))));
    house.directory.add_member(&house.admin, &ObjectKey::Id(group), user).unwrap();
    create().unwrap();
    house.directory.remove_member(&house.admin, &ObjectKey::Id(group), user).unwrap();
    assert!(matches!(create(), Err(DirectoryError::Denied(_))));
    // A plain group cannot have a role, and a role-assignable one no groups.
    let plain = house.group("plain");
    let refused = house.directory.add_directory_role_member(&house.admin, role(U), plain);
    assert!(matches!(refused, Err(DirectoryError::InvalidReference(_))));
    let nested = house.directory.add_member(&house.admin, &ObjectKey::Id(group), plain);
    assert!(matches!(nested, Err(DirectoryError::InvalidReference(_))));
}

#[test]
fn a_tenant_keeps_a_global_administrator() {
    let house = House::new();
    let remove = |id| house.directory.remove_directory_role_member(&house.admin, role(G), id);
    assert!(matches!(remove(house.admin.object_id), Err(DirectoryError::InvalidReference(_))));
    let second = house.administrator(G);
    remove(house.admin.object_id).unwrap();
    let second = caller(house.tenant, second, PrincipalKind::User, None);
    assert!(house.directory.directory_role_assignments(&second).is_ok());
    let new = NewApplication { display_name: "x".to_owned(), ..NewApplication::default() };
    house.store.write(|tx| house.directory.create_application(tx, house.tenant, new)).unwrap();
}

#[test]
fn application_permissions_of_microsoft_graph_count_from_the_moment_they_are_given() {
    let house = House::new();
    let (_, app_id, own) = house.application("robot");
    let robot = caller(house.tenant, own, PrincipalKind::ServicePrincipal, Some(app_id));
    let graph =
        house.directory.client(house.tenant, MICROSOFT_GRAPH).unwrap().unwrap().service_principal.unwrap();
    let user_read = "df021288-bdef-4463-88db-98f22de89214";
    let sent = object(json!({"principalId": own, "resourceId": graph, "appRoleId": user_read}));
    let key = ObjectKey::Id(graph);
    assert!(matches!(list(&house, &robot, USER), Err(DirectoryError::Denied(_))));
    let given = house.directory.give_app_role(&house.admin, SP, &key, AppRoleSide::Resource, &sent).unwrap();
    list(&house, &robot, USER).unwrap();
    assert!(matches!(list(&house, &robot, GROUP), Err(DirectoryError::Denied(_))));
    assert!(matches!(make(&house, &robot, USER, house.new_user("x")), Err(DirectoryError::Denied(_))));
    let id = given["id"].as_str().unwrap();
    house.directory.take_app_role(&house.admin, SP, &key, AppRoleSide::Resource, id).unwrap();
    assert!(matches!(list(&house, &robot, USER), Err(DirectoryError::Denied(_))));
}
