//! Deny assignments (reference rbac.md sections 3, 7 and 10).

use gatepost_directory::ObjectKind;
use gatepost_names::ObjectId;
use gatepost_rbac::builtin;
use gatepost_resources::Limits;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Got, RESOURCES, Server, object};

const ID: &str = "33333333-4444-5555-6666-777777777777";
const AZURE: &str = "2026-09-01";
const OWN: &str = "2026-11-01-gatepost";

fn at_version(scope: &str, rest: &str, version: &str) -> String {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    format!("{scope}/providers/Microsoft.Authorization/denyAssignments{path}?api-version={version}&{query}")
}

fn at(scope: &str, rest: &str) -> String {
    at_version(scope, rest, AZURE)
}

/// A deny of these actions for everyone but `owner`.
fn everyone(name: &str, actions: &[&str]) -> Value {
    json!({"properties": {
        "denyAssignmentName": name,
        "permissions": [{"actions": actions}],
        "principals": [{"id": Uuid::nil().to_string(), "type": "SystemDefined"}],
        "excludePrincipals": [{"id": object("owner").to_string(), "type": "User"}],
    }})
}

fn one(name: &str, actions: &[&str], principal: ObjectId) -> Value {
    json!({"properties": {
        "denyAssignmentName": name,
        "permissions": [{"actions": actions}],
        "principals": [{"id": principal.to_string(), "type": "User"}],
    }})
}

fn put(server: &Server, scope: &str, id: &str, body: &Value) -> Got {
    server.ask("owner", Method::PUT, &at(scope, &format!("/{id}")), body)
}

/// A server with `owner` in its directory, and `ada` with all rights in the subscription.
fn with_people() -> Server {
    let server = Server::with_group();
    server.put_principal("owner", ObjectKind::User);
    let ada = server.put_principal("ada", ObjectKind::User);
    server.assign(server.tenant, ada, builtin::CONTRIBUTOR, &server.sub);
    server
}

#[test]
fn deny_assignment_authorization_failed_names_it() {
    let server = with_people();
    let made = put(&server, &server.sub, ID, &everyone("no deletes", &["*/delete"])).ok(201);
    assert_eq!(made["properties"]["isSystemProtected"], false);
    assert_eq!(made["properties"]["denyAssignmentEffect"], "enforced");
    let group = server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"));
    let refused = server.delete("ada", &group);
    assert_eq!(refused.error(), (403, "DenyAssignmentAuthorizationFailed"));
    assert_eq!(
        refused.message(),
        format!(
            "The client 'ada@contoso.example' with object id '{}' has permission to perform action \
             'Microsoft.Resources/subscriptions/resourceGroups/delete' on scope '{}/resourceGroups/rg'; however, \
             the access is denied because of the deny assignment with name 'no deletes' and Id \
             '33333333444455556666777777777777' at scope '{}'.",
            object("ada"),
            server.sub,
            server.sub
        )
    );
    assert_eq!(server.get("ada", &group).status, 200, "nothing else is denied");
    assert_eq!(server.delete("reader", &group).code(), "AuthorizationFailed", "no role grants it anyway");
    assert_eq!(server.delete("owner", &group).status, 202, "excluded");
}

#[test]
fn deny_is_replaced_and_deleted_and_its_scope_stays() {
    let server = with_people();
    let group = server.at("/resourceGroups/rg");
    put(&server, &group, ID, &everyone("a", &["*/delete"])).ok(201);
    let mut wanted = everyone("b", &["*/write"]);
    wanted["properties"]["doNotApplyToChildScopes"] = json!(true);
    wanted["properties"]["denyAssignmentEffect"] = json!("audit");
    wanted["properties"]["condition"] =
        json!("@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00.0Z'");
    let changed = put(&server, &group, ID, &wanted).ok(200);
    for (name, value) in [
        ("denyAssignmentName", json!("b")),
        ("doNotApplyToChildScopes", json!(true)),
        ("denyAssignmentEffect", json!("audit")),
        ("conditionVersion", json!("2.0")),
        ("scope", json!(group)),
    ] {
        assert_eq!(changed["properties"][name], value, "{name}");
    }
    assert!(changed["systemData"]["createdAt"].is_string());
    assert_eq!(server.get("owner", &at(&group, &format!("/{ID}"))).ok(200), changed);
    // What was read is written back.
    put(&server, &group, ID, &changed).ok(200);
    let moved = put(&server, &server.sub, ID, &everyone("b", &["*/write"]));
    assert_eq!(moved.error(), (400, "DenyAssignmentUpdateNotPermitted"));
    assert_eq!(server.delete("owner", &at(&server.sub, &format!("/{ID}"))).status, 204, "not here");
    let gone = server.delete("owner", &at(&group, &format!("/{ID}")));
    assert_eq!((gone.status, &gone.body), (200, &Value::Null));
    assert_eq!(server.delete("owner", &at(&group, &format!("/{ID}"))).status, 204);
    let absent = server.get("owner", &at(&group, &format!("/{ID}")));
    assert_eq!(absent.error(), (404, "DenyAssignmentNotFound"));
    assert_eq!(server.delete("owner", &at(&group, "/junk")).status, 204);
}

#[test]
fn deny_name_is_unique_at_its_scope() {
    let server = with_people();
    put(&server, &server.sub, ID, &everyone("Keep out", &["*/delete"])).ok(201);
    let same = put(&server, &server.sub, &Uuid::new_v4().to_string(), &everyone("keep OUT", &["*/write"]));
    assert_eq!(same.error(), (409, "DenyAssignmentWithSameNameExists"));
    let elsewhere = server.at("/resourceGroups/rg");
    put(&server, &elsewhere, &Uuid::new_v4().to_string(), &everyone("Keep out", &["*/write"])).ok(201);
}

#[test]
fn deny_principals_must_be_in_the_directory_and_what_the_body_says() {
    let server = with_people();
    let staff = server.put_principal("staff", ObjectKind::Group);
    let nobody = ObjectId(Uuid::from_u128(5));
    let send = |version: &str, body: &Value| {
        server.ask("owner", Method::PUT, &at_version(&server.sub, &format!("/{ID}"), version), body)
    };
    assert_eq!(send(AZURE, &one("d", &["*/delete"], nobody)).error(), (400, "PrincipalNotFound"));
    let mut group = one("d", &["*/delete"], staff);
    assert_eq!(send(AZURE, &group).error(), (400, "UnmatchedPrincipalType"));
    group["properties"]["principals"][0]["type"] = json!("Group");
    assert_eq!(send(AZURE, &group).error(), (400, "InvalidDenyAssignmentPrincipals"), "not in Azure");
    send(OWN, &group).ok(201);
    server.put_member(staff, object("ada"));
    let path = server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"));
    assert_eq!(server.delete("ada", &path).code(), "DenyAssignmentAuthorizationFailed", "through the group");
    let mut excluded = everyone("e", &["*/write"]);
    excluded["properties"]["excludePrincipals"][0]["id"] = json!(nobody.to_string());
    assert_eq!(send(AZURE, &excluded).error(), (400, "PrincipalNotFound"));
}

#[test]
fn deny_is_written_since_2024_and_read_before() {
    let server = with_people();
    put(&server, &server.sub, ID, &everyone("a", &["*/delete"])).ok(201);
    for version in ["2018-07-01-preview", "2022-04-01"] {
        let path = at_version(&server.sub, &format!("/{ID}"), version);
        let old = server.get("owner", &path).ok(200);
        assert_eq!(old["properties"].get("denyAssignmentEffect"), None);
        assert_eq!(
            server.ask("owner", Method::PUT, &path, &everyone("b", &["*"])).error().0,
            405,
            "{version}"
        );
        assert_eq!(server.delete("owner", &path).error().0, 405, "{version}");
    }
    let preview = at_version(&server.sub, &format!("/{ID}"), "2024-07-01-preview");
    server.ask("owner", Method::PUT, &preview, &everyone("b", &["*/delete"])).ok(200);
}

#[test]
fn deny_needs_its_right_and_a_good_body() {
    let server = with_people();
    let path = at(&server.sub, &format!("/{ID}"));
    let refused = server.ask("ada", Method::PUT, &path, &everyone("a", &["*/delete"]));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    assert!(refused.message().contains("'Microsoft.Authorization/denyAssignments/write'"));
    assert_eq!(server.delete("ada", &path).error(), (403, "AuthorizationFailed"));
    assert_eq!(server.get("nobody", &path).error(), (403, "AuthorizationFailed"));
    for (name, value, code) in [
        ("denyAssignmentName", Value::Null, "InvalidDenyAssignmentName"),
        ("permissions", json!([]), "InvalidDenyAssignmentPermissions"),
        ("permissions", json!([{"actions": ["No.Such/thing/read", "a b"]}]), "InvalidActionOrNotAction"),
        ("excludePrincipals", json!([]), "InvalidDenyAssignmentPrincipals"),
        ("denyAssignmentEffect", json!("x"), "InvalidDenyAssignmentEffect"),
    ] {
        let mut body = everyone("a", &["*/delete"]);
        body["properties"][name] = value;
        let got = put(&server, &server.sub, ID, &body);
        assert_eq!(got.error(), (400, code), "{name}");
        if code == "InvalidActionOrNotAction" {
            assert_eq!(got.body["error"]["details"].as_array().unwrap().len(), 2);
        }
    }
    assert_eq!(
        put(&server, &server.sub, "junk", &everyone("a", &["*"])).error(),
        (400, "InvalidDenyAssignmentId")
    );
}

#[test]
fn deny_lists_and_filters() {
    let server = with_people();
    let group = server.at("/resourceGroups/rg");
    let staff = server.put_principal("staff", ObjectKind::Group);
    server.put_member(staff, object("ada"));
    put(&server, &server.sub, ID, &everyone("all", &["*/delete"])).ok(201);
    put(&server, &group, &Uuid::new_v4().to_string(), &one("ada alone", &["*/write"], object("ada"))).ok(201);
    let mut of_staff = one("staff", &["*/write"], staff);
    of_staff["properties"]["principals"][0]["type"] = json!("Group");
    let path = at_version(&group, &format!("/{}", Uuid::new_v4()), OWN);
    server.ask("owner", Method::PUT, &path, &of_staff).ok(201);
    let list = |scope: &str, filter: &str| {
        let found = server.get("owner", &at(scope, &format!("?$filter={filter}"))).ok(200);
        let mut names: Vec<String> = found["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["properties"]["denyAssignmentName"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let (ada, owner) = (object("ada"), object("owner"));
    assert_eq!(list(&server.sub, ""), ["ada alone", "all", "staff"]);
    assert_eq!(list(&server.sub, "atScope()"), ["all"]);
    assert_eq!(list(&group, "atScope()"), ["ada alone", "all", "staff"]);
    assert_eq!(list(&server.sub, "denyAssignmentName eq 'STAFF'"), ["staff"]);
    assert_eq!(list(&server.sub, &format!("principalId eq '{ada}'")), ["ada alone"]);
    assert_eq!(list(&server.sub, &format!("assignedTo('{ada}')")), ["ada alone", "all", "staff"]);
    assert_eq!(list(&server.sub, &format!("assignedTo('{owner}')")), Vec::<String>::new(), "excluded");
    assert_eq!(list(&server.sub, &format!("atScope() and assignedTo('{ada}')")), ["all"]);
    assert_eq!(list(&server.sub, &format!("gdprExportPrincipalId eq '{owner}'")), ["all"]);
    let export =
        server.get("owner", &at(&server.sub, &format!("?$filter=gdprExportPrincipalId eq '{owner}'")));
    assert_eq!(
        export.ok(200)["value"][0]["properties"],
        json!({"denyAssignmentName": "all", "description": null})
    );
    let wrong = server.get("owner", &at(&server.sub, "?$filter=description eq 'x'"));
    assert_eq!(wrong.error(), (400, "InvalidFilterInQueryString"));
    // Page by page.
    let first = server.get("owner", &at(&server.sub, "?$top=2")).ok(200);
    assert_eq!(first["value"].as_array().unwrap().len(), 2);
    let rest = server.follow("owner", first["nextLink"].as_str().unwrap()).ok(200);
    assert_eq!(rest["value"].as_array().unwrap().len(), 1);
    assert_eq!(rest.get("nextLink"), None);
    let shown = server.get("owner", &at(&server.sub, &format!("/{ID}"))).ok(200);
    assert_eq!(
        shown["properties"]["principals"],
        json!([{
            "id": Uuid::nil().to_string(), "type": "SystemDefined", "displayName": "All Principals",
        }])
    );
}

#[test]
fn deny_at_a_management_group_and_at_the_root() {
    let server = with_people();
    let mg = server.put_management_group();
    server.assign(server.tenant, object("owner"), builtin::OWNER, "/");
    for (scope, id) in [(mg.as_str(), Uuid::new_v4()), ("", Uuid::new_v4())] {
        put(&server, scope, &id.to_string(), &everyone("d", &["*/delete"])).ok(201);
        let group = server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"));
        assert_eq!(server.delete("ada", &group).code(), "DenyAssignmentAuthorizationFailed", "{scope}");
        server.delete("owner", &at(scope, &format!("/{id}"))).body.is_null();
    }
    let absent =
        put(&server, "/providers/Microsoft.Management/managementGroups/no", ID, &everyone("d", &["*"]));
    assert_eq!(absent.error(), (404, "NotFound"));
}

#[test]
fn deleting_a_parent_or_a_group_does_not_bypass_a_deny_on_what_is_inside() {
    let server = with_people();
    let sized = json!({"location": "global", "properties": {"size": 3}});
    server.ask("owner", Method::PUT, &server.things("boxes/b"), &sized).ok(201);
    let item = server.ask("owner", Method::PUT, &server.things("boxes/b/items/i"), &json!({}));
    assert!(item.status < 300, "{item:?}");
    let inside = server.at("/resourceGroups/rg/providers/Test.Things/boxes/b/items/i");
    let group = server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"));
    let role = Uuid::new_v4();
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/{role}?api-version={}",
        server.sub,
        crate::fixture::ROLES
    );
    let actions = ["Microsoft.Resources/subscriptions/resourceGroups/delete"];
    let body = json!({"properties": {
        "roleName": "sweeper", "permissions": [{"actions": actions}], "assignableScopes": [server.sub],
    }});
    server.ask("owner", Method::PUT, &path, &body).ok(201);
    let role = gatepost_names::RoleDefinitionId(role);
    server.assign(server.tenant, object("sweeper"), role, &server.at("/resourceGroups/rg"));
    put(&server, &inside, ID, &everyone("keep", &["Test.Things/Boxes/Items/delete"])).ok(201);
    for path in [&server.things("boxes/b"), &group] {
        let refused = server.delete("ada", path);
        assert_eq!(refused.error(), (403, "DenyAssignmentAuthorizationFailed"), "{path}");
        assert!(refused.message().contains(&inside), "{}", refused.message());
    }
    let refused = server.delete("sweeper", &group);
    assert_eq!(refused.error(), (403, "AuthorizationFailed"), "denied, and no role grants it anyway");
    server.get("owner", &server.things("boxes/b/items/i")).ok(200);
    server.get("owner", &at(&inside, &format!("/{ID}"))).ok(200);
    // One that is for other actions, or only noted, keeps nobody from it.
    put(&server, &inside, ID, &everyone("keep", &["Test.Things/Boxes/Items/write"])).ok(200);
    let mut noted = everyone("keep", &["Test.Things/Boxes/Items/delete"]);
    noted["properties"]["denyAssignmentEffect"] = json!("audit");
    let second = Uuid::new_v4().to_string();
    noted["properties"]["denyAssignmentName"] = json!("noted");
    put(&server, &inside, &second, &noted).ok(201);
    assert_eq!(server.delete("ada", &server.things("boxes/b")).status, 202);
    assert_eq!(server.delete("sweeper", &group).status, 202);
}

#[test]
fn deny_assignment_limit_exceeded_is_settable() {
    let limits = Limits { denies_in_subscription: 2, denies_in_management_group: 1, ..Limits::default() };
    let server = with_people().with_limits(limits);
    let mg = server.put_management_group();
    server.assign(server.tenant, object("owner"), builtin::OWNER, "/");
    let fresh = || Uuid::new_v4().to_string();
    put(&server, &server.sub, ID, &everyone("a", &["*/delete"])).ok(201);
    put(&server, &server.at("/resourceGroups/rg"), &fresh(), &everyone("b", &["*/delete"])).ok(201);
    for scope in [mg.as_str(), ""] {
        put(&server, scope, &fresh(), &everyone("c", &["*/delete"])).ok(201);
    }
    for scope in [server.sub.as_str(), &server.at("/resourceGroups/rg"), &mg, ""] {
        let refused = put(&server, scope, &fresh(), &everyone("d", &["*/delete"]));
        assert_eq!(refused.error(), (400, "DenyAssignmentLimitExceeded"), "{scope}");
    }
    put(&server, &server.sub, ID, &everyone("changed", &["*/delete"])).ok(200);
    let defaults = Limits::default();
    assert_eq!((defaults.denies_in_subscription, defaults.denies_in_management_group), (2000, 500));
}
