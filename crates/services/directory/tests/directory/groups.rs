//! Groups and what is in them, owners, deleted objects, changes, app roles, grants.

use std::time::Duration;

use gatepost_directory::{
    AppRoleSide, DeltaEntry, DeltaRequest, DirectoryError, GrantsOf, ListRequest, ObjectKey, ObjectKind,
    Order, Relation, RelationRequest,
};
use gatepost_names::{ObjectId, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{House, object};

const APP: ObjectKind = ObjectKind::Application;
const SP: ObjectKind = ObjectKind::ServicePrincipal;
const USER: ObjectKind = ObjectKind::User;
const GROUP: ObjectKind = ObjectKind::Group;

fn related(house: &House, kind: ObjectKind, id: ObjectId, relation: Relation) -> Vec<ObjectId> {
    let request = RelationRequest { top: 999, ..RelationRequest::default() };
    let key = ObjectKey::Id(id);
    let listing = house.directory.related(&house.admin, kind, &key, relation, &request).unwrap();
    listing.objects.iter().map(|one| one.object["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn set(mut ids: Vec<ObjectId>) -> Vec<ObjectId> {
    ids.sort_unstable();
    ids
}

#[test]
fn nested_groups_hold_what_their_groups_hold() {
    let house = House::new();
    let (outer, inner, user) = (house.group("outer"), house.group("inner"), house.user("u"));
    let (.., robot) = house.application("robot");
    let add = |group, member| house.directory.add_member(&house.admin, &ObjectKey::Id(group), member);
    add(outer, inner).unwrap();
    add(inner, user).unwrap();
    add(inner, robot).unwrap();
    assert_eq!(related(&house, GROUP, outer, Relation::Members), [inner]);
    assert_eq!(related(&house, GROUP, outer, Relation::TransitiveMembers), set(vec![inner, user, robot]));
    assert_eq!(related(&house, USER, user, Relation::MemberOf), [inner]);
    assert_eq!(related(&house, USER, user, Relation::TransitiveMemberOf), set(vec![inner, outer]));
    let ids = house.directory.group_ids(&house.admin, Some(USER), &ObjectKey::Id(user), false).unwrap();
    assert_eq!(ids, set(vec![inner, outer]));
    let asked = [outer, ObjectId(Uuid::new_v4())];
    let key = ObjectKey::Id(robot);
    assert_eq!(house.directory.check_groups(&house.admin, None, &key, &asked, false).unwrap(), [outer]);

    assert!(matches!(add(inner, user), Err(DirectoryError::ReferenceExists("members"))));
    assert!(matches!(add(inner, outer), Err(DirectoryError::MembershipCycle)));
    assert!(matches!(add(inner, inner), Err(DirectoryError::MembershipCycle)));
    assert!(matches!(add(inner, ObjectId(Uuid::new_v4())), Err(DirectoryError::NotFound(_))));
    let (application, ..) = house.application("registration");
    assert!(matches!(add(inner, application), Err(DirectoryError::InvalidReference(_))));
    let remove = |member| house.directory.remove_member(&house.admin, &ObjectKey::Id(inner), member);
    remove(user).unwrap();
    assert!(matches!(remove(user), Err(DirectoryError::NotFound(_))));
    assert_eq!(related(&house, USER, user, Relation::TransitiveMemberOf), []);
}

#[test]
fn members_come_in_pages_filtered_and_ordered() {
    let house = House::new();
    let group = house.group("g");
    let key = ObjectKey::Id(group);
    for number in 0..25 {
        let user = house.user(&format!("user {number:02}"));
        house.directory.add_member(&house.admin, &key, user).unwrap();
    }
    house.directory.add_member(&house.admin, &key, house.group("inner")).unwrap();
    for (order, filter, kind, expected) in [
        (Order::Any, None, None, 26),
        (Order::Any, None, Some(USER), 25),
        (Order::Name, None, None, 26),
        (Order::NameDescending, Some("startswith(displayName,'user 1')"), None, 10),
        (Order::Any, Some("startswith(displayName,'user 1')"), Some(USER), 10),
    ] {
        let filter = filter.map(|text| gatepost_odata::parse(text).unwrap());
        let (mut after, mut names) = (None, Vec::new());
        loop {
            let request = RelationRequest {
                kind,
                filter: filter.clone(),
                order,
                top: 7,
                after,
                count: true,
                search: None,
            };
            let page =
                house.directory.related(&house.admin, GROUP, &key, Relation::Members, &request).unwrap();
            assert_eq!(page.count, Some(expected as u64), "{order:?} {kind:?}");
            let page_names = page.objects.iter().map(|one| one.object["displayName"].as_str().unwrap());
            names.extend(page_names.map(str::to_owned));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names.len(), expected, "{order:?}");
        match order {
            Order::Name => assert!(names.is_sorted()),
            Order::NameDescending => assert!(names.iter().rev().is_sorted()),
            _ => {}
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), expected, "each once");
    }
}

#[test]
fn groups_are_security_groups() {
    let house = House::new();
    let create = |sent: Value| house.directory.create(&house.admin, GROUP, &object(sent));
    for (change, message) in [
        (json!({"mailEnabled": true}), "mail-enabled groups"),
        (json!({"securityEnabled": false}), "mail-enabled groups"),
        (json!({"groupTypes": ["Unified"]}), "mail-enabled groups"),
        (json!({"mailNickname": "a b"}), "property 'mailNickname'"),
        (json!({"mailNickname": null}), "required for property 'mailNickname'"),
        (json!({"displayName": null}), "required for property 'displayName'"),
        (json!({"visibility": "Nobody"}), "property 'visibility'"),
        (json!({"members@odata.bind": ["x"]}), "property 'members@odata.bind'"),
        (json!({"nope": 1}), "Invalid property 'nope'"),
    ] {
        let mut sent = house.new_group("g", false);
        sent.as_object_mut().unwrap().extend(object(change.clone()));
        let refused = create(sent).unwrap_err().to_string();
        assert!(refused.contains(message), "{change}: {refused}");
    }
    let user = house.user("u");
    let mut sent = house.new_group("g", false);
    let reference = format!("https://graph/v1.0/users/{user}");
    sent["members@odata.bind"] = json!([reference]);
    sent["owners@odata.bind"] = json!([reference]);
    let made = create(sent).unwrap();
    let id: ObjectId = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(related(&house, GROUP, id, Relation::Members), [user]);
    assert_eq!(related(&house, GROUP, id, Relation::Owners), [user]);
    assert_eq!(related(&house, USER, user, Relation::OwnedObjects), [id]);
    assert_eq!(made["securityEnabled"], true);
    assert!(made["securityIdentifier"].as_str().unwrap().starts_with("S-1-12-1-"));
    // What can have a role was made so, and stays so.
    let update = |sent: Value| house.directory.update(&house.admin, GROUP, &ObjectKey::Id(id), &object(sent));
    assert!(matches!(update(json!({"isAssignableToRole": true})), Err(DirectoryError::ReadOnlyProperty(_))));
    update(json!({"description": "d"})).unwrap();
}

#[test]
fn users_have_names_of_the_tenants_domains() {
    let house = House::new();
    let create = |change: Value| {
        let mut sent = house.new_user("u");
        sent.as_object_mut().unwrap().extend(object(change));
        house.directory.create(&house.admin, USER, &object(sent))
    };
    for (change, message) in [
        (json!({"userPrincipalName": "a@elsewhere.example"}), "domain portion"),
        (json!({"userPrincipalName": "nobody"}), "property 'userPrincipalName'"),
        (json!({"userPrincipalName": "a b@contoso.example"}), "property 'userPrincipalName'"),
        (json!({"userPrincipalName": "admin@CONTOSO.example"}), "same value for property userPrincipalName"),
        (json!({"mailNickname": null}), "required for property 'mailNickname'"),
        (json!({"passwordProfile": null}), "required for property 'passwordProfile"),
        (json!({"passwordProfile": {"password": "x"}}), "assword"),
        (json!({"passwordProfile": 5}), "property 'passwordProfile'"),
        (json!({"mail": "no address"}), "property 'mail'"),
        (json!({"id": "x"}), "read-only"),
    ] {
        let refused = create(change.clone()).unwrap_err().to_string();
        assert!(refused.contains(message), "{change}: {refused}");
    }
    let made = create(json!({"mail": "U@mail.example"})).unwrap();
    assert_eq!(made["passwordProfile"], Value::Null);
    let login = made["userPrincipalName"].as_str().unwrap().to_owned();
    let signed_in = house.directory.sign_in_password(house.tenant, &login, crate::house::PASSWORD, None);
    assert!(signed_in.unwrap().must_change_password);
    for filter in ["mail eq 'u@MAIL.example'", "startswith(mail,'u@')", "mail in ('u@mail.example')"] {
        assert_eq!(house.filtered(USER, filter).len(), 1, "{filter}");
    }
    // A rename is a new name to sign in with.
    let key = ObjectKey::Login(login);
    let rename = object(json!({"userPrincipalName": "renamed@contoso.example"}));
    house.directory.update(&house.admin, USER, &key, &rename).unwrap();
    assert!(house.directory.get(&house.admin, USER, &key).is_err());
    let renamed = ObjectKey::Login("Renamed@contoso.example".to_owned());
    assert_eq!(house.directory.get(&house.admin, USER, &renamed).unwrap()["id"], made["id"]);
}

#[test]
fn what_was_deleted_comes_back_whole() {
    let house = House::new();
    let (group, user) = (house.group("g"), house.user("u"));
    house.directory.add_member(&house.admin, &ObjectKey::Id(group), user).unwrap();
    let login = house.login(user);
    house.directory.remove(&house.admin, USER, &ObjectKey::Id(user)).unwrap();
    assert!(house.directory.principal(house.tenant, user).unwrap().is_none());
    assert_eq!(related(&house, GROUP, group, Relation::Members), []);
    assert!(house.directory.sign_in_password(house.tenant, &login, crate::house::PASSWORD, None).is_err());
    let request = ListRequest { top: 9, count: true, ..ListRequest::default() };
    let listing = house.directory.list_deleted(&house.admin, USER, &request).unwrap();
    assert_eq!((listing.count, &listing.objects[0]["id"]), (Some(1), &json!(user)));
    assert!(listing.objects[0]["deletedDateTime"].is_string());
    house.directory.restore(&house.admin, user).unwrap();
    assert_eq!(related(&house, GROUP, group, Relation::Members), [user]);
    assert!(house.directory.sign_in_password(house.tenant, &login, crate::house::PASSWORD, None).is_ok());
    assert!(house.directory.restore(&house.admin, user).is_err());

    // An application, its service principal and its secrets.
    let (application, app_id, own) = house.application("robot");
    let (_, text) = house.secret(application, gatepost_directory::NewPassword::default());
    let uris = object(json!({"identifierUris": ["api://robot"]}));
    house.directory.update(&house.admin, APP, &ObjectKey::Id(application), &uris).unwrap();
    house.directory.remove(&house.admin, APP, &ObjectKey::Id(application)).unwrap();
    assert!(house.directory.verify_secret(house.tenant, app_id, &text).is_err());
    house.directory.restore(&house.admin, application).unwrap();
    assert!(house.directory.verify_secret(house.tenant, app_id, &text).is_ok());
    assert_eq!(house.directory.get(&house.admin, SP, &ObjectKey::Id(own)).unwrap()["id"], json!(own));
    assert_eq!(house.filtered(APP, "identifierUris/any(u:u eq 'api://robot')"), ["robot"]);

    // A name that was taken meanwhile.
    house.directory.remove(&house.admin, USER, &ObjectKey::Id(user)).unwrap();
    let mut again = house.new_user("again");
    again["userPrincipalName"] = json!(login);
    house.directory.create(&house.admin, USER, &object(again)).unwrap();
    assert!(matches!(house.directory.restore(&house.admin, user), Err(DirectoryError::ValueInUse(_))));
    house.directory.purge(&house.admin, user).unwrap();
    assert!(matches!(house.directory.get_deleted(&house.admin, user), Err(DirectoryError::NotFound(_))));

    // Thirty days, and it is gone.
    house.directory.remove(&house.admin, GROUP, &ObjectKey::Id(group)).unwrap();
    house.clock.advance(Duration::from_secs(31 * 86_400));
    assert!(matches!(house.directory.restore(&house.admin, group), Err(DirectoryError::NotFound(_))));
}

#[test]
fn service_principals_are_deleted_and_made_again_any_number_of_times() {
    let house = House::new();
    let (_, app_id, mut own) = house.application("robot");
    for _ in 0..3 {
        house.directory.remove(&house.admin, SP, &ObjectKey::Id(own)).unwrap();
        let made = house.store.write(|tx| house.directory.create_service_principal(tx, house.tenant, app_id));
        own = made.unwrap().id;
    }
    let deleted =
        house.directory.list_deleted(&house.admin, SP, &ListRequest { top: 9, ..Default::default() });
    let deleted = deleted.unwrap().objects;
    assert_eq!(deleted.len(), 3);
    let first: ObjectId = deleted[0]["id"].as_str().unwrap().parse().unwrap();
    let refused = house.directory.restore(&house.admin, first);
    assert!(matches!(refused, Err(DirectoryError::ServicePrincipalExists(_))));
}

#[test]
fn a_delta_query_tells_each_change() {
    let house = House::new();
    let ask = |kind, token: Option<String>| {
        let (mut token, mut entries) = (token, Vec::new());
        loop {
            let request = DeltaRequest { token, top: 2, members: true, latest: false };
            let page = house.directory.delta(&house.admin, kind, &request).unwrap();
            entries.extend(page.entries);
            match (page.next, page.delta) {
                (Some(next), None) => token = Some(next),
                (None, Some(delta)) => return (entries, Some(delta)),
                other => panic!("{other:?}"),
            }
        }
    };
    let id_of = |entry: &DeltaEntry| match entry {
        DeltaEntry::There(object, _) => object["id"].as_str().unwrap().parse().unwrap(),
        DeltaEntry::Gone(id, _) => *id,
    };
    let users: Vec<ObjectId> = (0..5).map(|number| house.user(&format!("u{number}"))).collect();
    let (all, token) = ask(USER, None);
    assert_eq!(all.len(), 6, "five and the administrator");
    let (none, token) = ask(USER, token);
    assert_eq!(none, []);
    let change = object(json!({"jobTitle": "x"}));
    house.directory.update(&house.admin, USER, &ObjectKey::Id(users[3]), &change).unwrap();
    house.directory.remove(&house.admin, USER, &ObjectKey::Id(users[1])).unwrap();
    let new = house.user("new");
    let (changed, token) = ask(USER, token);
    assert_eq!(changed.iter().map(id_of).collect::<Vec<_>>(), [users[3], users[1], new]);
    assert_eq!(changed[1], DeltaEntry::Gone(users[1], true));
    house.directory.purge(&house.admin, users[1]).unwrap();
    let (changed, _) = ask(USER, token);
    assert_eq!(changed, [DeltaEntry::Gone(users[1], false)]);

    let group = house.group("g");
    let (_, token) = ask(GROUP, None);
    for user in [users[0], users[2]] {
        house.directory.add_member(&house.admin, &ObjectKey::Id(group), user).unwrap();
    }
    let members = |entries: &[DeltaEntry]| match entries {
        [DeltaEntry::There(_, members)] => members.clone(),
        other => panic!("{other:?}"),
    };
    let (changed, token) = ask(GROUP, token);
    assert_eq!(members(&changed).len(), 2);
    house.directory.remove_member(&house.admin, &ObjectKey::Id(group), users[0]).unwrap();
    let (changed, _) = ask(GROUP, token);
    assert_eq!(members(&changed), [json!({"id": users[0], "@removed": {"reason": "deleted"}})]);
    let (all, _) = ask(GROUP, None);
    assert_eq!(members(&all), [json!({"@odata.type": "#microsoft.graph.user", "id": users[2]})]);
    let junk = DeltaRequest { token: Some("junk".to_owned()), top: 1, ..DeltaRequest::default() };
    let refused = house.directory.delta(&house.admin, USER, &junk);
    assert!(matches!(refused, Err(DirectoryError::InvalidPageToken)));
}

/// Gives the application two app roles; its service principal shows them.
fn with_roles(house: &House, application: ObjectId) -> [Uuid; 2] {
    let roles = [Uuid::new_v4(), Uuid::new_v4()];
    let sent = json!({"appRoles": [
        {"id": roles[0], "value": "Api.Read", "displayName": "r", "description": "r",
            "allowedMemberTypes": ["Application"], "isEnabled": true},
        {"id": roles[1], "value": "Api.ReadUser", "displayName": "u", "description": "u",
            "allowedMemberTypes": ["User"], "isEnabled": true},
    ]});
    house.directory.update(&house.admin, APP, &ObjectKey::Id(application), &object(sent)).unwrap();
    roles
}

#[test]
fn app_roles_of_users_groups_and_service_principals() {
    let house = House::new();
    let (application, _, api) = house.application("api");
    let [for_apps, for_users] = with_roles(&house, application);
    let (.., robot) = house.application("robot");
    let (user, other, group, inner) =
        (house.user("u"), house.user("o"), house.group("g"), house.group("inner"));
    for (outer, member) in [(group, user), (group, inner), (inner, other)] {
        house.directory.add_member(&house.admin, &ObjectKey::Id(outer), member).unwrap();
    }
    let give = |principal: ObjectId, role: Uuid| {
        let sent = object(json!({"principalId": principal, "resourceId": api, "appRoleId": role}));
        let key = ObjectKey::Id(api);
        house.directory.give_app_role(&house.admin, SP, &key, AppRoleSide::Resource, &sent)
    };
    let values = |principal| house.directory.app_role_values(house.tenant, principal, api).unwrap();
    let given = give(robot, for_apps).unwrap();
    assert_eq!(
        (&given["principalType"], &given["resourceDisplayName"]),
        (&json!("ServicePrincipal"), &json!("api"))
    );
    give(group, for_users).unwrap();
    assert_eq!(values(robot), ["Api.Read"]);
    assert_eq!(values(user), ["Api.ReadUser"], "through a direct group");
    assert_eq!(values(other), [""; 0], "a group in the group is not enough");
    assert!(house.directory.has_app_role_assignment(house.tenant, user, api).unwrap());
    assert!(!house.directory.has_app_role_assignment(house.tenant, other, api).unwrap());
    give(other, Uuid::nil()).unwrap();
    assert!(house.directory.has_app_role_assignment(house.tenant, other, api).unwrap());
    assert_eq!(values(other), [""; 0]);

    assert!(matches!(give(robot, for_apps), Err(DirectoryError::PermissionExists)));
    assert!(matches!(give(robot, for_users), Err(DirectoryError::UnknownAppRole(_))));
    assert!(matches!(give(user, for_apps), Err(DirectoryError::UnknownAppRole(_))));
    assert!(matches!(give(user, Uuid::new_v4()), Err(DirectoryError::UnknownAppRole(_))));
    assert!(matches!(give(ObjectId(Uuid::new_v4()), for_users), Err(DirectoryError::NotFound(_))));

    // An app role is disabled before it goes.
    let gone = object(json!({"appRoles": []}));
    let key = ObjectKey::Id(application);
    let refused = house.directory.update(&house.admin, APP, &key, &gone);
    assert!(matches!(refused, Err(DirectoryError::EnabledEntry)));

    let page = |side, of, kind| {
        let key = ObjectKey::Id(of);
        house.directory.app_role_assignments(&house.admin, kind, &key, side, None, 2).unwrap()
    };
    let first = page(AppRoleSide::Resource, api, SP);
    assert_eq!((first.values.len(), first.next.is_some()), (2, true));
    assert_eq!(page(AppRoleSide::Principal, group, GROUP).values.len(), 1);
    let id = given["id"].as_str().unwrap();
    house
        .directory
        .take_app_role(&house.admin, SP, &ObjectKey::Id(robot), AppRoleSide::Principal, id)
        .unwrap();
    assert_eq!(values(robot), [""; 0]);
    // Deleting the user hides what it has; restoring brings it back.
    house.directory.remove(&house.admin, GROUP, &ObjectKey::Id(group)).unwrap();
    assert_eq!(values(user), [""; 0]);
    house.directory.restore(&house.admin, group).unwrap();
    assert_eq!(values(user), ["Api.ReadUser"]);
}

#[test]
fn delegated_permissions() {
    let house = House::new();
    let ((.., client), (.., resource)) = (house.application("client"), house.application("resource"));
    let (user, other) = (house.user("u"), house.user("o"));
    let scopes = |user| house.directory.delegated_scopes(house.tenant, client, resource, user).unwrap();
    let grant = |change: Value| {
        let mut sent = json!({"clientId": client, "resourceId": resource, "consentType": "AllPrincipals",
            "scope": " a b  a "});
        sent.as_object_mut().unwrap().extend(object(change));
        house.directory.create_grant(&house.admin, &object(sent))
    };
    let made = grant(json!({})).unwrap();
    assert_eq!(made["scope"], "a b");
    let consent = |scopes: &[&str]| {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        house.store.write(|tx| {
            house.directory.put_delegated_grant(tx, house.tenant, client, resource, Some(user), &scopes)
        })
    };
    consent(&["b", "c"]).unwrap();
    consent(&["d"]).unwrap();
    assert_eq!(scopes(user), ["a", "b", "c", "d"]);
    assert_eq!(scopes(other), ["a", "b"]);
    for (change, message) in [
        (json!({}), "already exists"),
        (json!({"consentType": "Somebody"}), "'consentType'"),
        (json!({"consentType": "Principal"}), "'principalId'"),
        (json!({"principalId": user}), "'principalId'"),
        (json!({"clientId": "x"}), "'clientId'"),
        (json!({"clientId": user, "principalId": null}), "does not exist"),
    ] {
        let refused = grant(change.clone()).unwrap_err().to_string();
        assert!(refused.contains(message), "{change}: {refused}");
    }
    let list = |text: &str| {
        let filter = gatepost_odata::parse(text).unwrap();
        house.directory.grants(&house.admin, &GrantsOf::Tenant, Some(&filter), None, 9).unwrap().values.len()
    };
    assert_eq!(list(&format!("clientId eq '{client}'")), 2);
    assert_eq!(list(&format!("clientId eq '{client}' and consentType eq 'AllPrincipals'")), 1);
    assert_eq!(list(&format!("clientId eq '{resource}'")), 0);
    let id = made["id"].as_str().unwrap();
    house.directory.change_grant(&house.admin, id, &object(json!({"scope": "z"}))).unwrap();
    assert_eq!(scopes(other), ["z"]);
    house.directory.delete_grant(&house.admin, id).unwrap();
    assert_eq!(scopes(other), [""; 0]);
    assert!(house.directory.grant(&house.admin, id).is_err());
}

#[test]
fn nothing_of_another_tenant_is_there() {
    let house = House::new();
    let (application, _, own) = house.application("robot");
    let (user, group) = (house.user("u"), house.group("g"));
    let role = house.directory.directory_role_assignments(&house.admin).unwrap();
    let role = role[0]["id"].as_str().unwrap().to_owned();
    let deleted = house.user("gone");
    house.directory.remove(&house.admin, USER, &ObjectKey::Id(deleted)).unwrap();
    let stranger = house.add_tenant(TenantId(Uuid::new_v4()), "fabrikam.example");
    let d = &house.directory;
    let theirs: ObjectId = {
        let sent =
            json!({"displayName": "t", "mailEnabled": false, "mailNickname": "t", "securityEnabled": true});
        let made = d.create(&stranger, GROUP, &object(sent)).unwrap();
        made["id"].as_str().unwrap().parse().unwrap()
    };
    let none = object(json!({}));
    let all = RelationRequest { top: 9, ..RelationRequest::default() };
    let mut outcomes = Vec::new();
    for (kind, id) in [(APP, application), (SP, own), (USER, user), (GROUP, group)] {
        let key = ObjectKey::Id(id);
        outcomes.push(d.get(&stranger, kind, &key).err());
        outcomes.push(d.update(&stranger, kind, &key, &none).err());
        outcomes.push(d.remove(&stranger, kind, &key).err());
        outcomes.push(d.get_any(&stranger, id).err());
        outcomes.push(d.related(&stranger, kind, &key, Relation::Owners, &all).err());
        outcomes.push(d.add_owner(&stranger, kind, &key, stranger.object_id).err());
        outcomes.push(d.group_ids(&stranger, Some(kind), &key, false).err());
        outcomes.push(d.add_member(&stranger, &ObjectKey::Id(theirs), id).err());
        outcomes.push(d.add_directory_role_member(&stranger, crate::house::role("Global Reader"), id).err());
    }
    outcomes.push(d.add_member(&stranger, &ObjectKey::Id(group), stranger.object_id).err());
    outcomes.push(d.get_deleted(&stranger, deleted).err());
    outcomes.push(d.restore(&stranger, deleted).err());
    outcomes.push(d.purge(&stranger, deleted).err());
    outcomes.push(d.directory_role_assignment(&stranger, &role).err());
    outcomes.push(d.delete_directory_role_assignment(&stranger, &role).err());
    let login = ObjectKey::Login(house.login(user));
    outcomes.push(d.get(&stranger, USER, &login).err());
    for outcome in outcomes {
        assert!(matches!(outcome, Some(DirectoryError::NotFound(_))), "{outcome:?}");
    }
    let ids = [application, own, user, group];
    assert_eq!(d.get_by_ids(&stranger, &ids, &[APP, SP, USER, GROUP]).unwrap(), []);
    assert_eq!(d.existing(stranger.tenant, &ids).unwrap(), []);
    for kind in [APP, USER] {
        let listing = d.list(&stranger, kind, &ListRequest { top: 99, ..ListRequest::default() }).unwrap();
        let shown = listing.objects.iter().any(|one| ids.iter().any(|id| one["id"] == json!(id)));
        assert!(!shown);
    }
    let delta = d.delta(&stranger, USER, &DeltaRequest { top: 99, ..DeltaRequest::default() }).unwrap();
    assert_eq!(delta.entries.len(), 1);
}
