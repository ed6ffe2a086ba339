//! The rules of role assignments: reference rbac.md sections 6 and 7, each by a test that names it.

use std::time::Duration;

use gatepost_directory::ObjectKind;
use gatepost_names::{ObjectId, RoleDefinitionId, Scope};
use gatepost_rbac::builtin;
use gatepost_resources::Limits;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Got, ROLES, Server, object};

pub(crate) const NAME: &str = "22222222-3333-4444-5555-666666666666";
pub(crate) const UNTIL: &str = "@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00.0Z'";

pub(crate) fn at_version(scope: &str, name: &str, version: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version={version}")
}

pub(crate) fn at(scope: &str, name: &str) -> String {
    at_version(scope, name, ROLES)
}

pub(crate) fn body(role: RoleDefinitionId, principal: ObjectId) -> Value {
    json!({"properties": {"roleDefinitionId": role.to_string(), "principalId": principal.to_string()}})
}

pub(crate) fn with(name: &str, value: Value, principal: ObjectId) -> Value {
    let mut body = body(builtin::READER, principal);
    body["properties"][name] = value;
    body
}

pub(crate) fn put(server: &Server, scope: &str, name: &str, body: &Value) -> Got {
    server.ask("owner", Method::PUT, &at(scope, name), body)
}

pub(crate) fn fresh() -> String {
    Uuid::new_v4().to_string()
}

#[test]
fn role_assignment_exists_names_the_existing_id() {
    let server = Server::with_group();
    let principal = server.service_principal();
    put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(201);
    let plain = put(&server, &server.sub, &fresh(), &body(builtin::READER, principal));
    let conditioned = put(&server, &server.sub, &fresh(), &with("condition", json!(UNTIL), principal));
    for same in [plain, conditioned] {
        assert_eq!(same.error(), (409, "RoleAssignmentExists"), "also if only the condition differs");
        assert_eq!(
            same.message(),
            "The role assignment already exists. The ID of the existing role assignment is \
             22222222333344445555666666666666."
        );
    }
}

#[test]
fn role_assignment_update_not_permitted_for_what_identifies_it() {
    let server = Server::with_group();
    let (one, other) = (server.service_principal(), server.service_principal());
    put(&server, &server.sub, NAME, &body(builtin::READER, one)).ok(201);
    let group = server.at("/resourceGroups/rg");
    for (scope, changed) in [
        (&server.sub, body(builtin::OWNER, one)),
        (&server.sub, body(builtin::READER, other)),
        (&group, body(builtin::READER, one)),
        (&server.sub, with("principalType", json!("User"), one)),
    ] {
        let refused = put(&server, scope, NAME, &changed);
        assert_eq!(refused.error(), (400, "RoleAssignmentUpdateNotPermitted"), "{changed}");
        assert_eq!(
            refused.message(),
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        );
    }
}

#[test]
fn a_second_put_changes_description_condition_and_times() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let mut wanted = with("description", json!("for the printers"), principal);
    wanted["properties"]["condition"] = json!(UNTIL);
    put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(201);
    let changed = put(&server, &server.sub, NAME, &wanted).ok(200);
    assert_eq!(changed["properties"]["description"], "for the printers");
    assert_eq!(changed["properties"]["condition"], UNTIL);
    assert_eq!(changed["properties"]["conditionVersion"], "2.0");
    // A client of an older api-version knows none of these, and takes none away.
    let old = at_version(&server.sub, NAME, "2018-09-01-preview");
    server.ask("owner", Method::PUT, &old, &body(builtin::READER, principal)).ok(200);
    let kept = server.get("owner", &at(&server.sub, NAME)).ok(200);
    assert_eq!(kept["properties"]["condition"], UNTIL);
    let gone = put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(200);
    assert_eq!(gone["properties"]["condition"], Value::Null);
    assert_eq!(gone["properties"]["conditionVersion"], Value::Null);
}

#[test]
fn principal_not_found_says_what_to_do() {
    let server = Server::with_group();
    let nobody = ObjectId(Uuid::from_u128(77));
    let absent = put(&server, &server.sub, NAME, &body(builtin::READER, nobody));
    assert_eq!(absent.error(), (400, "PrincipalNotFound"));
    assert_eq!(
        absent.message(),
        format!(
            "Principal {nobody} does not exist in the directory {}. Check that you have the correct principal \
             ID. If you are creating this principal and then immediately assigning a role, this error might be \
             related to a replication delay. In this case, set the role assignment principalType property to a \
             value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            server.tenant
        )
    );
}

#[test]
fn unmatched_principal_type_names_both_types() {
    let server = Server::with_group();
    let group = server.put_principal("staff", ObjectKind::Group);
    for kind in ["User", "ServicePrincipal"] {
        let refused = put(&server, &server.sub, NAME, &with("principalType", json!(kind), group));
        assert_eq!(refused.error(), (400, "UnmatchedPrincipalType"));
        assert_eq!(
            refused.message(),
            format!(
                "The PrincipalId '{group}' has type 'Group' , which is different from specified PrinciaplType \
                 '{kind}'."
            )
        );
    }
    let made = put(&server, &server.sub, NAME, &with("principalType", json!("Group"), group)).ok(201);
    assert_eq!(made["properties"]["principalType"], "Group");
}

#[test]
fn role_definition_does_not_exist_for_an_assignment() {
    let server = Server::with_group();
    let role = RoleDefinitionId(Uuid::from_u128(5));
    let refused = put(&server, &server.sub, NAME, &body(role, server.service_principal()));
    assert_eq!(refused.error(), (400, "RoleDefinitionDoesNotExist"));
    assert_eq!(refused.message(), format!("The specified role definition with ID '{role}' does not exist."));
}

#[test]
fn role_assignment_not_found() {
    let server = Server::with_group();
    let absent = server.get("owner", &at(&server.sub, NAME));
    assert_eq!(absent.error(), (404, "RoleAssignmentNotFound"));
    assert_eq!(absent.message(), format!("The role assignment '{NAME}' is not found."));
    assert_eq!(server.delete("owner", &at(&server.sub, NAME)).status, 204);
}

#[test]
fn role_assignment_limit_exceeded_is_settable_and_counted_per_subscription() {
    // The owner and the reader have one each.
    let limits = Limits { assignments_in_subscription: 4, ..Limits::default() };
    let server = Server::with_group().with_limits(limits);
    let group = server.at("/resourceGroups/rg");
    for scope in [&server.sub, &group] {
        put(&server, scope, &fresh(), &body(builtin::READER, server.service_principal())).ok(201);
    }
    for scope in [&server.sub, &group] {
        let refused = put(&server, scope, NAME, &body(builtin::READER, server.service_principal()));
        assert_eq!(refused.error(), (400, "RoleAssignmentLimitExceeded"), "{scope}");
        assert_eq!(refused.message(), "No more role assignments can be created");
    }
    assert_eq!(Limits::default().assignments_in_subscription, 4000);
}

#[test]
fn role_assignment_limit_of_a_management_group_is_its_own() {
    let limits = Limits { assignments_in_management_group: 2, ..Limits::default() };
    let server = Server::with_group().with_limits(limits);
    let group = server.put_management_group();
    server.assign(server.tenant, object("owner"), builtin::OWNER, &group);
    put(&server, &group, &fresh(), &body(builtin::READER, server.service_principal())).ok(201);
    let refused = put(&server, &group, NAME, &body(builtin::READER, server.service_principal()));
    assert_eq!(refused.error(), (400, "RoleAssignmentLimitExceeded"));
    put(&server, &server.sub, NAME, &body(builtin::READER, server.service_principal())).ok(201);
    assert_eq!(Limits::default().assignments_in_management_group, 500);
}

#[test]
fn assignments_at_a_management_group_and_at_the_root_reach_the_subscription() {
    let server = Server::with_group();
    let group = server.put_management_group();
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, "/");
    let sub = Scope::parse(&server.sub).unwrap();
    for scope in [group.to_lowercase(), String::new()] {
        let principal = server.service_principal();
        let name = fresh();
        let path = at(&scope, &name);
        let made = server.ask("admin", Method::PUT, &path, &body(builtin::READER, principal)).ok(201);
        let spelled = if scope.is_empty() { "/" } else { &group };
        assert_eq!(made["properties"]["scope"], spelled, "as the group is spelled");
        assert_eq!(
            made["properties"]["roleDefinitionId"],
            format!("/providers/Microsoft.Authorization/roleDefinitions/{}", builtin::READER)
        );
        let read = "Microsoft.Resources/subscriptions/read";
        assert!(server.platform.access.decide_for(server.tenant, principal, read, &sub).is_ok());
        assert_eq!(server.get("admin", &path).ok(200)["id"], made["id"]);
        server.delete("admin", &path).ok(200);
        assert!(server.platform.access.decide_for(server.tenant, principal, read, &sub).is_err());
    }
    let nowhere = "/providers/Microsoft.Management/managementGroups/no";
    for scope in [nowhere, "/providers/Foo.Bar"] {
        let refused = server.ask("admin", Method::PUT, &at(scope, NAME), &body(builtin::READER, object("x")));
        assert_eq!(refused.error(), (404, "NotFound"), "{scope}");
    }
}

#[test]
fn a_custom_role_with_data_actions_is_not_assigned_at_a_management_group() {
    let server = Server::with_group();
    let group = server.put_management_group();
    server.assign(server.tenant, object("owner"), builtin::OWNER, &group);
    let role = Uuid::new_v4();
    let definition = json!({"properties": {
        "roleName": "data", "permissions": [{"dataActions": ["*"]}], "assignableScopes": [group],
    }});
    let path =
        format!("{group}/providers/Microsoft.Authorization/roleDefinitions/{role}?api-version={ROLES}");
    server.ask("owner", Method::PUT, &path, &definition).ok(201);
    let principal = server.service_principal();
    let refused = put(&server, &group, NAME, &body(RoleDefinitionId(role), principal));
    assert_eq!(refused.error(), (400, "InvalidCreateRoleAssignmentRequest"));
    assert_eq!(
        refused.message(),
        "Role assignments to Management Groups can not be made to custom role definitions with DataActions"
    );
    put(&server, &server.sub, NAME, &body(RoleDefinitionId(role), principal)).ok(201);
    // And not at all by a client that knows no data actions.
    let old = at_version(&server.sub, &fresh(), "2015-07-01");
    let refused =
        server.ask("owner", Method::PUT, &old, &body(RoleDefinitionId(role), server.service_principal()));
    assert_eq!(refused.error(), (400, "UnsupportedApiVersionForRoleDefinitionHasDataActions"));
    assert!(refused.message().contains("'2015-07-01'"));
}

#[test]
fn an_assignment_of_a_deleted_principal_is_listed_as_unknown_and_can_be_removed() {
    let server = Server::with_group();
    let principal = server.service_principal();
    put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(201);
    server.forget(principal);
    let shown = server.get("owner", &at(&server.sub, NAME)).ok(200);
    assert_eq!(shown["properties"]["principalType"], "Unknown");
    assert_eq!(shown["properties"]["principalId"], principal.to_string());
    let list = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}&$filter=principalId eq \
         '{principal}'",
        server.sub
    );
    let listed = server.get("owner", &list).ok(200);
    assert_eq!(listed["value"][0]["properties"]["principalType"], "Unknown");
    put(&server, &server.sub, NAME, &shown).ok(200);
    assert_eq!(server.delete("owner", &at(&server.sub, NAME)).ok(200)["name"], NAME);
}

#[test]
fn the_last_owner_of_a_subscription_stays_unless_a_global_administrator_removes_it() {
    let server = Server::with_group();
    let owner = server.put_principal("owner", ObjectKind::User);
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, "/");
    let owned = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}&$filter=principalId eq '{owner}'",
        server.sub
    );
    let first = server.get("owner", &owned).names().remove(0);
    let refused = server.delete("admin", &at(&server.sub, &first));
    assert_eq!(refused.error(), (412, "CannotDeleteLastRbacAdminAssignment"));
    assert_eq!(refused.message(), "Cannot delete the last RBAC admin assignment");
    // An Owner above it is none of its own; nor is one that nobody has any more, or not yet.
    server.assign(server.tenant, object("above"), builtin::OWNER, "/");
    let gone = server.service_principal();
    put(&server, &server.sub, &fresh(), &body(builtin::OWNER, gone)).ok(201);
    server.forget(gone);
    let mut later = body(builtin::OWNER, server.service_principal());
    later["properties"]["startDateTime"] = json!("2040-01-01T00:00:00Z");
    put(&server, &server.sub, &fresh(), &later).ok(201);
    assert_eq!(server.delete("admin", &at(&server.sub, &first)).status, 412);
    let second = server.put_principal("second", ObjectKind::User);
    put(&server, &server.sub, NAME, &body(builtin::OWNER, second)).ok(201);
    server.delete("admin", &at(&server.sub, &first)).ok(200);
    assert_eq!(server.delete("admin", &at(&server.sub, NAME)).status, 412);
    server.make_global_administrator("admin");
    server.delete("admin", &at(&server.sub, NAME)).ok(200);
}

#[test]
fn of_the_last_two_owners_removed_at_once_one_stays() {
    let server = Server::start();
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, "/");
    let owners: Vec<String> = ["first", "second"]
        .map(|name| {
            let owner = server.put_principal(name, ObjectKind::User);
            let made = put(&server, &server.sub, &fresh(), &body(builtin::OWNER, owner)).ok(201);
            made["name"].as_str().unwrap().to_owned()
        })
        .to_vec();
    let barrier = std::sync::Barrier::new(2);
    let statuses: Vec<u16> = std::thread::scope(|threads| {
        let asked: Vec<_> = owners
            .iter()
            .map(|name| {
                let (server, barrier) = (&server, &barrier);
                threads.spawn(move || {
                    barrier.wait();
                    server.delete("admin", &at(&server.sub, name)).status
                })
            })
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // The first owner of the fixture is in no directory: it counts for nothing.
    assert!(statuses.contains(&200) && statuses.contains(&412), "{statuses:?}");
}

#[test]
fn an_assignment_may_have_a_start_and_an_end() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let scope = Scope::parse(&server.sub).unwrap();
    let reads = || {
        let read = "Microsoft.Resources/subscriptions/read";
        server.platform.access.decide_for(server.tenant, principal, read, &scope).is_ok()
    };
    // It is 2026-09-21T14:13:20Z.
    let mut wanted = with("startDateTime", json!("2026-09-21T15:00:00Z"), principal);
    wanted["properties"]["endDateTime"] = json!("2026-09-21T18:00:00+02:00");
    let made = put(&server, &server.sub, NAME, &wanted).ok(201);
    assert_eq!(made["properties"]["startDateTime"], "2026-09-21T15:00:00.0000000Z");
    assert_eq!(made["properties"]["endDateTime"], "2026-09-21T16:00:00.0000000Z");
    assert!(!reads(), "not yet");
    server.clock.advance(Duration::from_secs(3600));
    assert!(reads());
    // Azure's clients leave them out: that changes nothing.
    put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(200);
    server.clock.advance(Duration::from_secs(3600));
    assert!(!reads(), "no longer");
    let endless = put(&server, &server.sub, NAME, &with("endDateTime", Value::Null, principal)).ok(200);
    assert_eq!(endless["properties"].get("endDateTime"), None);
    assert!(reads());
    let backwards =
        put(&server, &server.sub, NAME, &with("endDateTime", json!("2026-01-01T00:00:00Z"), principal));
    assert_eq!(backwards.error(), (400, "InvalidRoleAssignmentSchedule"));
}

#[test]
fn of_two_puts_of_the_same_triple_at_once_one_wins() {
    let server = Server::with_group();
    let wanted = body(builtin::READER, server.service_principal());
    let barrier = std::sync::Barrier::new(8);
    let codes: Vec<(u16, String)> = std::thread::scope(|threads| {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                threads.spawn(|| {
                    barrier.wait();
                    let got = put(&server, &server.sub, &fresh(), &wanted);
                    (got.status, got.code().to_owned())
                })
            })
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|(status, _)| *status == 201).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|(_, code)| code == "RoleAssignmentExists").count(), 7, "{codes:?}");
}

#[test]
fn a_name_is_unique_in_the_tenant_and_outlives_its_principal() {
    let server = Server::with_group();
    let gone = server.service_principal();
    put(&server, &server.sub, NAME, &body(builtin::READER, gone)).ok(201);
    server.forget(gone);
    // The application is made again: it has another object id, and a deterministic name collides.
    let again = put(&server, &server.sub, NAME, &body(builtin::READER, server.service_principal()));
    assert_eq!(again.error(), (400, "RoleAssignmentUpdateNotPermitted"));
}

#[test]
fn contributors_assign_nothing_and_user_access_administrators_even_owner_to_themselves() {
    let server = Server::with_group();
    for (name, role) in [
        ("contributor", builtin::CONTRIBUTOR),
        ("uaa", builtin::USER_ACCESS_ADMINISTRATOR),
        ("rbac", builtin::RBAC_ADMINISTRATOR),
    ] {
        let who = server.put_principal(name, ObjectKind::User);
        server.assign(server.tenant, who, role, &server.sub);
        let got = server.ask(name, Method::PUT, &at(&server.sub, &fresh()), &body(builtin::OWNER, who));
        if name == "contributor" {
            assert_eq!(got.error(), (403, "AuthorizationFailed"));
        } else {
            got.ok(201);
        }
    }
}
