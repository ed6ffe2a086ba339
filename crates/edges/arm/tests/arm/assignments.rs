//! Role assignments.

use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope};
use gatepost_rbac::builtin;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Got, ROLES, Server, object};

const NAME: &str = "22222222-3333-4444-5555-666666666666";

fn at(scope: &str, rest: &str) -> String {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments{path}?api-version={ROLES}&{query}")
}

fn body(server: &Server, role: RoleDefinitionId, principal: ObjectId) -> Value {
    json!({"properties": {
        "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}", server.sub),
        "principalId": principal.to_string(),
    }})
}

fn put(server: &Server, scope: &str, name: &str, role: RoleDefinitionId, principal: ObjectId) -> Got {
    server.ask("owner", Method::PUT, &at(scope, &format!("/{name}")), &body(server, role, principal))
}

fn boxed(server: &Server) -> String {
    let made = json!({"location": "global", "properties": {"size": 1}});
    server.ask("owner", Method::PUT, &server.things("boxes/b"), &made).ok(201);
    server.at("/resourceGroups/rg/providers/Test.Things/boxes/b")
}

#[test]
fn an_assignment_works_at_once_at_every_depth() {
    let server = Server::with_group();
    let a_box = boxed(&server);
    let scopes =
        [server.sub.clone(), server.at("/resourceGroups/rg"), a_box.clone(), format!("{a_box}/items/lid")];
    for scope in scopes {
        let principal = server.service_principal();
        let name = Uuid::new_v4().to_string();
        let made = put(&server, &scope, &name, builtin::READER, principal).ok(201);
        assert_eq!(
            made,
            json!({
                "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"),
                "type": "Microsoft.Authorization/roleAssignments", "name": name,
                "properties": {
                    "roleDefinitionId": format!(
                        "{}/providers/Microsoft.Authorization/roleDefinitions/{}", server.sub, builtin::READER
                    ),
                    "principalId": principal.to_string(), "principalType": "ServicePrincipal", "scope": scope,
                    "condition": null, "conditionVersion": null,
                    "createdOn": "2026-09-21T14:13:20.1234560Z", "updatedOn": "2026-09-21T14:13:20.1234560Z",
                    "createdBy": object("owner").to_string(), "updatedBy": object("owner").to_string(),
                    "delegatedManagedIdentityResourceId": null, "description": null,
                },
            })
        );
        let parsed = Scope::parse(&scope).unwrap();
        let access = &server.platform.access;
        let read = "Test.Things/Boxes/Items/read";
        assert!(access.decide_for(server.tenant, principal, read, &parsed).is_ok(), "{scope}");
        assert_eq!(server.get("owner", &at(&scope, &format!("/{name}"))).ok(200), made);
        assert_eq!(server.delete("owner", &at(&scope, &format!("/{name}"))).ok(200)["name"], name);
        assert!(access.decide_for(server.tenant, principal, read, &parsed).is_err(), "{scope}");
        assert_eq!(server.delete("owner", &at(&scope, &format!("/{name}"))).status, 204);
    }
}

#[test]
fn a_second_put_may_change_the_remark_alone() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let path = at(&server.sub, &format!("/{NAME}"));
    put(&server, &server.sub, NAME, builtin::READER, principal).ok(201);
    let mut again = body(&server, builtin::READER, principal);
    again["properties"]["description"] = json!("for the printers");
    let changed = server.ask("owner", Method::PUT, &path, &again).ok(200);
    assert_eq!(changed["properties"]["description"], "for the printers");
    let other = server.service_principal();
    let group = server.at("/resourceGroups/rg");
    for refused in [
        put(&server, &server.sub, NAME, builtin::OWNER, principal),
        put(&server, &server.sub, NAME, builtin::READER, other),
        put(&server, &group, NAME, builtin::READER, principal),
    ] {
        assert_eq!(refused.error(), (400, "RoleAssignmentUpdateNotPermitted"));
        assert_eq!(
            refused.message(),
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        );
    }
    let same = put(&server, &server.sub, &Uuid::new_v4().to_string(), builtin::READER, principal);
    assert_eq!(same.error(), (409, "RoleAssignmentExists"));
    assert_eq!(
        same.message(),
        "The role assignment already exists. The ID of the existing role assignment is \
         22222222333344445555666666666666."
    );
}

#[test]
fn every_refusal_of_an_assignment() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let group = server.at("/resourceGroups/rg");
    let stranger = ObjectId(Uuid::from_u128(77));
    let absent = put(&server, &group, NAME, builtin::READER, stranger);
    assert_eq!(absent.error(), (400, "PrincipalNotFound"));
    assert!(absent.message().starts_with(&format!(
        "Principal {stranger} does not exist in the directory {}. Check that you have the correct principal ID.",
        server.tenant
    )));
    let send = |body: &Value| server.ask("owner", Method::PUT, &at(&group, &format!("/{NAME}")), body);
    let with = |name: &str, value: Value| {
        let mut changed = body(&server, builtin::READER, principal);
        changed["properties"][name] = value;
        changed
    };
    let unmatched = send(&with("principalType", json!("User")));
    assert_eq!(unmatched.error(), (400, "UnmatchedPrincipalType"));
    assert_eq!(
        unmatched.message(),
        format!(
            "The PrincipalId '{principal}' has type 'ServicePrincipal' , which is different from specified \
             PrinciaplType 'User'."
        )
    );
    for (name, value, code) in [
        ("roleDefinitionId", json!(NAME), "RoleDefinitionDoesNotExist"),
        ("roleDefinitionId", json!("junk"), "InvalidRoleDefinitionId"),
        ("roleDefinitionId", Value::Null, "InvalidRequestContent"),
        ("principalId", json!("junk"), "InvalidPrincipalId"),
        ("principalId", json!(3), "InvalidRequestContent"),
        ("principalType", json!("Robot"), "InvalidPrincipalType"),
        ("description", json!("x".repeat(2049)), "RoleAssignmentDescriptionTooLong"),
        ("condition", json!("@Resource[x] StringEquals 'y'"), "InvalidCondition"),
    ] {
        assert_eq!(send(&with(name, value)).error(), (400, code), "{name}");
    }
    assert_eq!(
        put(&server, &group, "junk", builtin::READER, principal).error(),
        (400, "InvalidRoleAssignmentId")
    );
    let nowhere = server.at("/resourceGroups/no");
    assert_eq!(
        put(&server, &nowhere, NAME, builtin::READER, principal).error(),
        (404, "ResourceGroupNotFound")
    );
    let no_box = server.at("/resourceGroups/rg/providers/Test.Things/boxes/no");
    assert_eq!(put(&server, &no_box, NAME, builtin::READER, principal).error(), (404, "ResourceNotFound"));
    let foreign = put(&server, &server.foreign_sub, NAME, builtin::READER, principal);
    assert_eq!(foreign.error(), (404, "SubscriptionNotFound"));
    let root = put(&server, "", NAME, builtin::READER, principal);
    assert_eq!(root.error(), (403, "AuthorizationFailed"));
    let by_reader = server.ask(
        "reader",
        Method::PUT,
        &at(&group, &format!("/{NAME}")),
        &with("description", Value::Null),
    );
    assert_eq!(by_reader.error(), (403, "AuthorizationFailed"));
    assert!(by_reader.message().contains("'Microsoft.Authorization/roleAssignments/write'"));
    let absent = server.get("owner", &at(&group, &format!("/{NAME}")));
    assert_eq!(absent.error(), (404, "RoleAssignmentNotFound"));
    assert_eq!(absent.message(), format!("The role assignment '{NAME}' is not found."));
    assert_eq!(server.get("nobody", &at(&group, &format!("/{NAME}"))).status, 403);
    assert_eq!(server.delete("reader", &at(&group, &format!("/{NAME}"))).status, 403);
}

#[test]
fn a_custom_role_is_assigned_only_where_it_may_be() {
    let server = Server::with_group();
    server.put_group("rg10");
    let (principal, role) = (server.service_principal(), Uuid::new_v4());
    let group = server.at("/resourceGroups/rg");
    let definition = json!({"properties": {
        "roleName": "r", "permissions": [{"actions": ["*/read"]}], "assignableScopes": [group],
    }});
    let path =
        format!("{group}/providers/Microsoft.Authorization/roleDefinitions/{role}?api-version={ROLES}");
    server.ask("owner", Method::PUT, &path, &definition).ok(201);
    for elsewhere in [server.sub.clone(), server.at("/resourceGroups/rg10")] {
        let refused = put(&server, &elsewhere, NAME, RoleDefinitionId(role), principal);
        assert_eq!(refused.error(), (400, "RoleDefinitionDoesNotExist"), "{elsewhere}");
    }
    put(&server, &group, NAME, RoleDefinitionId(role), principal).ok(201);
}

#[test]
fn lists_and_filters() {
    let server = Server::with_group();
    let a_box = boxed(&server);
    let (one, two) = (server.service_principal(), server.service_principal());
    let group = server.at("/resourceGroups/rg");
    for (scope, principal) in [(&server.sub, one), (&group, two), (&a_box, one)] {
        put(&server, scope, &Uuid::new_v4().to_string(), builtin::READER, principal).ok(201);
    }
    let list = |who: &str, scope: &str, filter: &str| {
        let found = server.get(who, &at(scope, &format!("?$filter={filter}"))).ok(200);
        let mut scopes: Vec<String> = found["value"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| {
                [one, two]
                    .map(|p| p.to_string())
                    .contains(&a["properties"]["principalId"].as_str().unwrap().to_owned())
            })
            .map(|a| a["properties"]["scope"].as_str().unwrap().to_owned())
            .collect();
        scopes.sort_by_key(String::len);
        scopes
    };
    assert_eq!(list("owner", &server.sub, ""), [&server.sub, &group, &a_box].map(String::clone));
    assert_eq!(list("owner", &server.sub, "atScope()"), std::slice::from_ref(&server.sub));
    assert_eq!(list("owner", &group, "atScope()"), [server.sub.clone(), group.clone()]);
    assert_eq!(
        list("owner", &group, &format!("principalId eq '{one}'")),
        [server.sub.clone(), a_box.clone()]
    );
    assert_eq!(
        list("owner", &a_box, &format!("atScope() and assignedTo('{two}')")),
        std::slice::from_ref(&group)
    );
    assert_eq!(list("reader", &a_box, ""), [&server.sub, &group, &a_box].map(String::clone));
    assert_eq!(server.get("reader", &at(&server.sub, "")).error(), (403, "AuthorizationFailed"));
    assert_eq!(
        server.get("owner", &at(&server.sub, "?$filter=junk")).error(),
        (400, "InvalidFilterInQueryString")
    );
    // Clients compare these ids as exact strings with those of the role list at the same scope.
    let shown = server.get("owner", &at(&a_box, "")).ok(200);
    for assignment in shown["value"].as_array().unwrap() {
        let role = assignment["properties"]["roleDefinitionId"].as_str().unwrap();
        assert!(role.starts_with(&format!("{}/providers/", server.sub)), "{role}");
    }
}

#[test]
fn an_inherited_assignment_is_deleted_at_its_own_scope() {
    let server = Server::with_group();
    let principal = server.service_principal();
    put(&server, &server.sub, NAME, builtin::READER, principal).ok(201);
    let group = server.at("/resourceGroups/rg");
    assert_eq!(server.delete("owner", &at(&group, &format!("/{NAME}"))).status, 204);
    assert_eq!(server.get("owner", &at(&group, &format!("/{NAME}"))).status, 404);
    assert_eq!(server.get("owner", &at(&server.sub, &format!("/{NAME}"))).status, 200);
}

#[test]
fn a_subscription_holds_4000_assignments() {
    let server = Server::with_group();
    let now = server.clock.now();
    let access = &server.platform.access;
    server
        .platform
        .store
        .write::<_, gatepost_store::StoreError>(|tx| {
            // The owner and the reader have one each.
            for number in 0..3998 {
                access.put_assignment(
                    tx,
                    &gatepost_access::RoleAssignment {
                        name: RoleAssignmentName(Uuid::new_v4()),
                        tenant: server.tenant,
                        scope: Scope::parse(&server.sub).unwrap(),
                        role: builtin::READER,
                        principal: ObjectId(Uuid::from_u128(1_000_000 + number)),
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
                    },
                )?;
            }
            Ok(())
        })
        .unwrap();
    let refused = put(&server, &server.sub, NAME, builtin::READER, server.service_principal());
    assert_eq!(refused.error(), (400, "RoleAssignmentLimitExceeded"));
    assert_eq!(refused.message(), "No more role assignments can be created");
}

#[test]
fn a_scope_is_kept_in_the_spelling_of_the_resource() {
    let server = Server::with_group();
    let a_box = boxed(&server);
    let principal = server.service_principal();
    for scope in [server.at("/resourceGroups/rg"), a_box] {
        let name = Uuid::new_v4().to_string();
        let shouted = scope.to_uppercase();
        let made = put(&server, &shouted, &name, builtin::READER, principal).ok(201);
        assert_eq!(made["properties"]["scope"], scope);
        let again = put(&server, &scope, &name, builtin::READER, principal).ok(200);
        assert_eq!(again["id"], format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"));
    }
}
