//! Role definitions.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{ROLES, Server, object};
use gatepost_names::ObjectId;
use gatepost_rbac::builtin;

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const MINE: &str = "11111111-2222-3333-4444-555555555555";

fn roles(scope: &str, rest: &str) -> String {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    format!("{scope}/providers/Microsoft.Authorization/roleDefinitions{path}?api-version={ROLES}&{query}")
}

fn custom(name: &str, actions: &[&str], scopes: &[&str]) -> Value {
    json!({"properties": {
        "roleName": name, "description": "d", "permissions": [{"actions": actions}], "assignableScopes": scopes,
    }})
}

#[test]
fn a_built_in_role_takes_its_id_from_the_scope() {
    let server = Server::with_group();
    let one = server.get("owner", &roles(&server.sub, &format!("/{READER}"))).ok(200);
    assert_eq!(
        one["id"],
        format!("{}/providers/Microsoft.Authorization/roleDefinitions/{READER}", server.sub)
    );
    assert_eq!(one["name"], READER);
    assert_eq!(one["type"], "Microsoft.Authorization/roleDefinitions");
    let properties = &one["properties"];
    assert_eq!(properties["roleName"], "Reader");
    assert_eq!(properties["type"], "BuiltInRole");
    assert_eq!(properties["assignableScopes"], json!(["/"]));
    assert_eq!(
        properties["permissions"],
        json!([{"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}])
    );
    assert_eq!(properties["createdBy"], Value::Null);
    let group = server.at("/resourceGroups/rg");
    assert_eq!(server.get("reader", &roles(&group, &format!("/{READER}"))).ok(200)["id"], one["id"]);
    let tenant = server.get("nobody", &roles("", &format!("/{READER}"))).ok(200);
    assert_eq!(tenant["id"], format!("/providers/Microsoft.Authorization/roleDefinitions/{READER}"));
    let found = server
        .get("owner", &roles(&server.sub, "?$filter=roleName+eq+'reader'&disambiguation_dummy="))
        .ok(200);
    assert_eq!(found["value"], json!([one]));
    let all = server.get("owner", &roles(&server.sub, "")).ok(200);
    assert!(all["value"].as_array().unwrap().len() > 900);
    let refused = server.get("nobody", &roles(&server.sub, ""));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    let absent = server.get("owner", &roles(&server.sub, &format!("/{MINE}")));
    assert_eq!(absent.error(), (404, "RoleDefinitionDoesNotExist"));
    assert_eq!(absent.message(), format!("The specified role definition with ID '{MINE}' does not exist."));
    assert_eq!(server.get("owner", &roles(&server.sub, "/junk")).status, 404);
    assert_eq!(
        server.get("owner", &roles(&server.sub, "?$filter=junk")).error(),
        (400, "InvalidFilterInQueryString")
    );
}

#[test]
fn a_custom_role_is_made_changed_and_deleted() {
    let server = Server::with_group();
    let group = server.at("/resourceGroups/rg");
    let path = roles(&server.sub, &format!("/{MINE}"));
    let body = custom("Box opener", &["Test.Things/Boxes/Open/action", "*/read"], &[&group]);
    let made = server.ask("owner", Method::PUT, &path, &body).ok(201);
    assert_eq!(
        made,
        json!({
            "id": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{MINE}", server.sub),
            "type": "Microsoft.Authorization/roleDefinitions", "name": MINE,
            "properties": {
                "roleName": "Box opener", "type": "CustomRole", "description": "d", "assignableScopes": [group],
                "permissions": [{
                    "actions": ["Test.Things/Boxes/Open/action", "*/read"], "notActions": [], "dataActions": [],
                    "notDataActions": [],
                }],
                "createdOn": "2026-09-21T14:13:20.1234560Z", "updatedOn": "2026-09-21T14:13:20.1234560Z",
                "createdBy": object("owner").to_string(), "updatedBy": object("owner").to_string(),
            },
        })
    );
    let mut changed = made.clone();
    changed["properties"]["roleName"] = json!("Opener of boxes");
    let changed = server.ask("owner", Method::PUT, &path, &changed).ok(201);
    assert_eq!(changed["properties"]["roleName"], "Opener of boxes");
    let only = roles(&group, "?$filter=type eq 'CustomRole'");
    assert_eq!(server.get("reader", &only).names(), [MINE]);
    let at_sub = roles(&server.sub, "?$filter=type eq 'CustomRole'");
    assert_eq!(server.get("owner", &at_sub).names(), Vec::<String>::new(), "cannot be assigned there");
    let below = roles(&server.sub, "?$filter=atScopeAndBelow() and type eq 'CustomRole'");
    assert_eq!(server.get("owner", &below).names(), [MINE]);
    let tenant = roles("", "?$filter=type eq 'CustomRole'");
    assert_eq!(server.get("reader", &tenant).names(), [MINE]);
    assert_eq!(server.get("nobody", &tenant).names(), Vec::<String>::new());
    assert_eq!(server.get("nobody", &roles("", &format!("/{MINE}"))).error(), (403, "AuthorizationFailed"));
    let id = MINE.parse().unwrap();
    server.assign(server.tenant, object("x"), id, &group);
    let refused = server.delete("owner", &path);
    assert_eq!(refused.error(), (400, "RoleDefinitionHasAssignments"));
    let path_of = server.at(&format!("/resourceGroups/rg?api-version={}", crate::fixture::RESOURCES));
    assert_eq!(server.delete("owner", &path_of).status, 202);
    assert_eq!(server.delete("owner", &path).ok(200)["name"], MINE);
    assert_eq!(server.delete("owner", &path).status, 204);
    assert_eq!(server.delete("owner", &roles(&server.sub, "/junk")).status, 204);
}

#[test]
fn a_narrowed_role_leaves_no_assignment_outside_its_scopes() {
    let server = Server::with_group();
    server.put_group("other");
    let (group, other) = (server.at("/resourceGroups/rg"), server.at("/resourceGroups/other"));
    let path = roles(&group, &format!("/{MINE}"));
    let put = |who: &str, actions: &[&str], scopes: &[&str]| {
        server.ask(who, Method::PUT, &path, &custom("r", actions, scopes))
    };
    put("owner", &["*/read"], &[&group, &other]).ok(201);
    server.assign(server.tenant, object("x"), MINE.parse().unwrap(), &other);
    let refused = put("owner", &["*/read"], &[&group]);
    assert_eq!(refused.error(), (409, "RoleDefinitionHasAssignments"));
    assert!(refused.message().contains(&other), "{}", refused.message());
    // So the author of one scope cannot change what the role grants at the other.
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, &group);
    assert_eq!(put("admin", &["*"], &[&group]).error(), (403, "LinkedAuthorizationFailed"));
    put("owner", &["*/read"], &[&server.sub]).ok(201);
    put("owner", &["*/read"], &[&other]).ok(201);
}

#[test]
fn every_refusal_of_a_custom_role() {
    let server = Server::with_group();
    let group = server.at("/resourceGroups/rg");
    let put = |id: &str, body: &Value| {
        server.ask("owner", Method::PUT, &roles(&server.sub, &format!("/{id}")), body)
    };
    let good = custom("r", &["*/read"], &[&group]);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body["properties"][name] = value;
        body
    };
    for (body, code) in [
        (with("roleName", json!("")), "RoleDefinitionNameNullOrEmpty"),
        (with("roleName", Value::Null), "RoleDefinitionNameNullOrEmpty"),
        (with("assignableScopes", json!([])), "MissingAssignableScopes"),
        (with("type", json!("BuiltInRole")), "InvalidRoleDefinitionType"),
        (with("assignableScopes", json!(["nonsense"])), "LinkedInvalidPropertyId"),
        (with("permissions", json!([{"actions": ["No.Such/thing/read"]}])), "InvalidActionOrNotAction"),
        (
            with("permissions", json!([{"dataActions": ["Test.Things/Boxes/read"]}])),
            "InvalidActionOrNotAction",
        ),
        (with("permissions", json!([{"actions": "x"}])), "InvalidRequestContent"),
        (with("permissions", json!("x")), "InvalidRequestContent"),
        (with("permissions", json!(["x"])), "InvalidRequestContent"),
        (with("roleName", json!(3)), "InvalidRequestContent"),
        (json!("x"), "InvalidRequestContent"),
        (json!({"properties": 3}), "InvalidRequestContent"),
    ] {
        assert_eq!(put(MINE, &body).error(), (400, code), "{body}");
    }
    let unknown = put(MINE, &with("permissions", json!([{"actions": ["No.Such/thing/read"]}])));
    assert_eq!(
        unknown.message(),
        "'No.Such/thing/read' does not match any of the actions supported by the providers."
    );
    assert_eq!(put("junk", &good).error(), (400, "InvalidRoleDefinitionId"));
    assert_eq!(put(READER, &good).error(), (409, "RoleDefinitionExists"));
    put(MINE, &good).ok(201);
    let same = put(&Uuid::new_v4().to_string(), &with("roleName", json!("R")));
    assert_eq!(same.error(), (409, "RoleDefinitionWithSameNameExists"));
    assert_eq!(
        same.message(),
        "A custom role with the same name already exists in this directory. Use a different name"
    );
    let foreign = format!("{}/resourceGroups/rg", server.foreign_sub);
    assert_eq!(
        put(&Uuid::new_v4().to_string(), &custom("f", &["*/read"], &[&foreign])).error(),
        (403, "LinkedAuthorizationFailed")
    );
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, &group);
    let path = roles(&group, &format!("/{}", Uuid::new_v4()));
    let linked = server.ask("admin", Method::PUT, &path, &custom("w", &["*/read"], &[&group, &server.sub]));
    assert_eq!(linked.error(), (403, "LinkedAuthorizationFailed"));
    assert!(linked.message().contains(&format!("on the linked scope(s) '{}'", server.sub)));
    let refused = server.ask("reader", Method::PUT, &path, &custom("w", &["*/read"], &[&group]));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    assert_eq!(
        server.delete("owner", &roles(&server.sub, &format!("/{READER}"))).error(),
        (400, "InvalidRoleDefinitionType")
    );
}

#[test]
fn a_clone_of_any_built_in_role_is_accepted() {
    let server = Server::start();
    for id in [builtin::OWNER, builtin::CONTRIBUTOR, builtin::COMMUNICATION_AND_EMAIL_SERVICE_OWNER] {
        let mut role = server.get("owner", &roles(&server.sub, &format!("/{id}"))).ok(200);
        role["properties"]["roleName"] = json!(format!("Clone of {id}"));
        role["properties"]["type"] = json!("CustomRole");
        role["properties"]["assignableScopes"] = json!([server.sub]);
        let own = Uuid::new_v4().to_string();
        (role["id"], role["name"]) = (Value::Null, json!(own));
        server.ask("owner", Method::PUT, &roles(&server.sub, &format!("/{own}")), &role).ok(201);
    }
}

#[test]
fn what_the_caller_may_do() {
    let server = Server::with_group();
    let permissions = |who: &str, scope: &str| {
        server.get(who, &format!("{scope}/providers/Microsoft.Authorization/permissions?api-version={ROLES}"))
    };
    let group = server.at("/resourceGroups/rg");
    assert_eq!(
        permissions("reader", &group).ok(200),
        json!({
            "value": [{"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}],
            "nextLink": null,
        })
    );
    assert_eq!(permissions("owner", &group).ok(200)["value"][0]["actions"], json!(["*"]));
    assert_eq!(permissions("nobody", &group).error(), (403, "AuthorizationFailed"));
    assert_eq!(
        permissions("owner", &server.at("/resourceGroups/no")).error(),
        (404, "ResourceGroupNotFound")
    );
    let classic =
        server.at("/providers/Microsoft.Authorization/classicAdministrators?api-version=2015-07-01");
    assert_eq!(server.get("owner", &classic).ok(200)["value"], json!([]));
    assert_eq!(server.get("nobody", &classic).status, 403);
    for kind in ["roleAssignmentSchedules", "roleEligibilityScheduleInstances", "policyAssignments"] {
        let path = server.at(&format!("/providers/Microsoft.Authorization/{kind}?api-version=2020-10-01"));
        assert_eq!(server.get("owner", &path).error(), (404, "InvalidResourceType"), "absent, not pretended");
    }
    let _: ObjectId = object("owner");
}

#[test]
fn two_thousand_forbidden_scopes_are_refused_with_the_first_fifty() {
    let server = Server::with_group();
    let scopes: Vec<String> =
        (0..1999).map(|n| format!("{}/resourceGroups/g{n}", server.foreign_sub)).collect();
    let mut scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    scopes.insert(0, &server.sub);
    let path = roles(&server.sub, &format!("/{MINE}"));
    let refused = server.ask("owner", Method::PUT, &path, &custom("r", &["*/read"], &scopes));
    assert_eq!(refused.error(), (403, "LinkedAuthorizationFailed"));
    let named = refused.message().matches("/resourceGroups/g").count();
    assert_eq!(named, 50);
    assert!(refused.message().contains("/g0, ") && !refused.message().contains("/g50"));
    assert_eq!(server.get("owner", &path).status, 404);
}
