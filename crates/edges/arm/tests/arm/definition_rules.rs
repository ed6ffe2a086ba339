//! The rules of custom roles: reference rbac.md sections 4.3 and 7, each by a test that names it.

use gatepost_directory::ObjectKind;
use gatepost_rbac::builtin;
use gatepost_resources::Limits;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Got, ROLES, Server, object};

const MINE: &str = "11111111-2222-3333-4444-555555555555";
const UNTIL: &str = "@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00.0Z'";

fn at(scope: &str, rest: &str) -> String {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    format!("{scope}/providers/Microsoft.Authorization/roleDefinitions{path}?api-version={ROLES}&{query}")
}

fn custom(name: &str, actions: &[&str], scopes: &[&str]) -> Value {
    json!({"properties": {
        "roleName": name, "permissions": [{"actions": actions}], "assignableScopes": scopes,
    }})
}

fn put(server: &Server, scope: &str, id: &str, body: &Value) -> Got {
    server.ask("owner", Method::PUT, &at(scope, &format!("/{id}")), body)
}

fn fresh() -> String {
    Uuid::new_v4().to_string()
}

/// Puts a good role with one member changed.
fn put_with(server: &Server, name: &str, value: Value) -> Got {
    let mut body = custom("r", &["*/read"], &[&server.sub]);
    body["properties"][name] = value;
    put(server, &server.sub, MINE, &body)
}

#[test]
fn invalid_action_or_not_action_names_every_bad_action_at_once() {
    let server = Server::start();
    let permissions = json!([
        {"actions": ["No.Such/thing/read", "*/read", "a/*/b/*"], "notActions": ["Microsoft.X/y/write"]},
        {"dataActions": ["with space/read"], "notDataActions": ["A.B/\u{441}/read"]},
    ]);
    let refused = put_with(&server, "permissions", permissions);
    assert_eq!(refused.error(), (400, "InvalidActionOrNotAction"));
    let details = refused.body["error"]["details"].as_array().unwrap();
    let named =
        ["No.Such/thing/read", "a/*/b/*", "Microsoft.X/y/write", "with space/read", "A.B/\u{441}/read"];
    assert_eq!(details.len(), named.len(), "{details:?}");
    for (detail, action) in details.iter().zip(named) {
        assert_eq!(detail["code"], "InvalidActionOrNotAction");
        let sentence = format!("'{action}' does not match any of the actions supported by the providers");
        assert!(detail["message"].as_str().unwrap().starts_with(&sentence), "{detail}");
        assert!(refused.message().contains(&sentence));
    }
}

#[test]
fn a_role_with_100_000_actions_is_refused_in_bounded_time() {
    let server = Server::start();
    let actions = vec!["*/read"; 100_000];
    let refused = put_with(&server, "permissions", json!([{ "actions": actions }]));
    assert_eq!(refused.error(), (400, "RoleDefinitionActionLimitExceeded"));
    let blocks = vec![json!({"actions": ["*/read"]}); 2001];
    let refused = put_with(&server, "permissions", json!(blocks));
    assert_eq!(refused.error(), (400, "RoleDefinitionActionLimitExceeded"));
    assert_eq!(put_with(&server, "permissions", json!([{ "actions": vec!["*/read"; 2000] }])).status, 201);
}

#[test]
fn names_and_descriptions_have_a_most_length() {
    let server = Server::start();
    for (name, value, code) in [
        ("roleName", json!(""), "RoleDefinitionNameNullOrEmpty"),
        ("roleName", json!("  "), "RoleDefinitionNameNullOrEmpty"),
        ("roleName", Value::Null, "RoleDefinitionNameNullOrEmpty"),
        ("roleName", json!("x".repeat(513)), "RoleDefinitionNameTooLong"),
        ("description", json!("x".repeat(2049)), "RoleDefinitionDescriptionTooLong"),
    ] {
        assert_eq!(put_with(&server, name, value).error(), (400, code), "{name}");
    }
    assert_eq!(put_with(&server, "roleName", json!("\u{e9}".repeat(512))).status, 201);
    assert_eq!(put_with(&server, "description", json!("x".repeat(2048))).status, 201);
}

#[test]
fn assignable_scopes_are_valid_not_the_root_without_wildcards_and_at_most_2000() {
    let server = Server::start();
    let sub = &server.sub;
    let deep = format!("{sub}/resourceGroups/rg/providers/A.B{}", "/c/d".repeat(50));
    for (scopes, code) in [
        (json!(null), "MissingAssignableScopes"),
        (json!([]), "MissingAssignableScopes"),
        (json!(["/"]), "InvalidAssignableScopes"),
        (json!(["nonsense"]), "LinkedInvalidPropertyId"),
        (json!(["/subscriptions/x"]), "LinkedInvalidPropertyId"),
        (json!([format!("{sub}/resourceGroups/*")]), "LinkedInvalidPropertyId"),
        (json!([format!("{sub}/resourceGroups/../x")]), "LinkedInvalidPropertyId"),
        (json!([format!("{sub}//resourceGroups/x")]), "LinkedInvalidPropertyId"),
        (json!([deep]), "LinkedInvalidPropertyId"),
        (json!(["/providers/Microsoft.Capacity"]), "LinkedInvalidPropertyId"),
        (json!(["x".repeat(1_000_000)]), "LinkedInvalidPropertyId"),
        (json!(vec![sub.as_str(); 2001]), "AssignableScopeLimitExceeded"),
    ] {
        let refused = put_with(&server, "assignableScopes", scopes);
        assert_eq!(refused.error(), (400, code));
        assert!(refused.message().len() < 1000);
    }
    let message = put_with(&server, "assignableScopes", json!(["nonsense"]));
    assert!(message.message().starts_with(
        "Property id 'nonsense' at path 'properties.assignableScopes' is invalid. Expect fully qualified resource Id"
    ));
    // Said twice is said once; a group that is not there may be named.
    let twice = json!([
        sub,
        sub.to_uppercase().replace("SUBSCRIPTIONS", "subscriptions"),
        format!("{sub}/resourceGroups/later")
    ]);
    let made = put_with(&server, "assignableScopes", twice).ok(201);
    assert_eq!(made["properties"]["assignableScopes"].as_array().unwrap().len(), 2);
}

#[test]
fn assignable_scopes_have_at_most_one_management_group() {
    let server = Server::start();
    let mg = server.put_management_group();
    let root = format!("/providers/Microsoft.Management/managementGroups/{}", server.tenant);
    server.assign(server.tenant, object("owner"), builtin::OWNER, &root);
    let refused = put(&server, &mg, MINE, &custom("r", &["*/read"], &[&mg, &root]));
    assert_eq!(refused.error(), (400, "InvalidAssignableScopes"));
    put(&server, &mg, MINE, &custom("r", &["*/read"], &[&mg, &server.sub])).ok(201);
    // The group is above the subscription: so its roles are assignable there.
    put(&server, &mg, MINE, &custom("r", &["*/read"], &[&mg])).ok(201);
    let listed = at(&server.sub, "?$filter=type eq 'CustomRole'");
    assert_eq!(server.get("owner", &listed).names(), [MINE]);
    let above = at(&root, "?$filter=type eq 'CustomRole'");
    assert_eq!(server.get("owner", &above).names(), Vec::<String>::new());
    let below = at(&root, "?$filter=atScopeAndBelow() and type eq 'CustomRole'");
    assert_eq!(server.get("owner", &below).names(), [MINE]);
    let body = json!({"properties": {
        "roleDefinitionId": MINE, "principalId": server.service_principal().to_string(),
    }});
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/{}?api-version={ROLES}",
        server.sub,
        fresh()
    );
    server.ask("owner", Method::PUT, &path, &body).ok(201);
    // Its existence is not asked; the right to write at it is.
    let later = "/providers/Microsoft.Management/managementGroups/later";
    let refused = put(&server, &server.sub, &fresh(), &custom("l", &["*/read"], &[later]));
    assert_eq!(refused.error(), (403, "LinkedAuthorizationFailed"));
}

#[test]
fn linked_authorization_failed_names_every_scope_without_the_right() {
    let server = Server::start();
    server.put_group("rg");
    server.put_group("other");
    let (group, other) = (server.at("/resourceGroups/rg"), server.at("/resourceGroups/other"));
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, &group);
    let foreign = server.foreign_sub.clone();
    let nowhere = format!("/subscriptions/{}", Uuid::from_u128(4242));
    let path = at(&group, &format!("/{MINE}"));
    let body = custom("r", &["*/read"], &[&group, &other, &foreign, &nowhere]);
    let refused = server.ask("admin", Method::PUT, &path, &body);
    assert_eq!(refused.error(), (403, "LinkedAuthorizationFailed"));
    let write = "Microsoft.Authorization/roleDefinitions/write";
    assert_eq!(
        refused.message(),
        format!(
            "The client 'admin@contoso.example' with object id '{}' has permission to perform action '{write}' on \
             scope '{group}'; however, it does not have permission to perform action '{write}' on the linked \
             scope(s) '{other}, {foreign}, {nowhere}' or the linked scope(s) are invalid.",
            object("admin")
        )
    );
    assert!(refused.body["error"]["additionalInfo"][0]["info"]["correlationId"].is_string());
    // To delete one needs the right to delete at each scope, too.
    put(&server, &server.sub, MINE, &custom("r", &["*/read"], &[&group, &other])).ok(201);
    assert_eq!(server.delete("admin", &path).error(), (403, "LinkedAuthorizationFailed"));
}

#[test]
fn role_definition_with_same_name_exists_in_the_whole_tenant() {
    let server = Server::start();
    put(&server, &server.sub, MINE, &custom("Printer keeper", &["*/read"], &[&server.sub])).ok(201);
    for name in ["Printer keeper", "PRINTER KEEPER", "Owner", "reader"] {
        let refused = put(&server, &server.sub, &fresh(), &custom(name, &["*/read"], &[&server.sub]));
        assert_eq!(refused.error(), (409, "RoleDefinitionWithSameNameExists"), "{name}");
        assert_eq!(
            refused.message(),
            "A custom role with the same name already exists in this directory. Use a different name"
        );
    }
    put(&server, &server.sub, MINE, &custom("printer keeper", &["*/read"], &[&server.sub])).ok(201);
}

#[test]
fn role_definition_exists_for_the_id_of_a_built_in_role() {
    let server = Server::start();
    let refused =
        put(&server, &server.sub, &builtin::READER.to_string(), &custom("r", &["*"], &[&server.sub]));
    assert_eq!(refused.error(), (409, "RoleDefinitionExists"));
    let refused = server.delete("owner", &at(&server.sub, &format!("/{}", builtin::READER)));
    assert_eq!(refused.error(), (400, "InvalidRoleDefinitionType"));
}

#[test]
fn invalid_role_definition_type_for_a_built_in_role_of_ones_own() {
    let server = Server::start();
    assert_eq!(put_with(&server, "type", json!("BuiltInRole")).error(), (400, "InvalidRoleDefinitionType"));
    assert_eq!(put_with(&server, "type", Value::Null).status, 201);
}

#[test]
fn role_definition_has_assignments_and_is_not_deleted() {
    let server = Server::start();
    put(&server, &server.sub, MINE, &custom("r", &["*/read"], &[&server.sub])).ok(201);
    server.assign(server.tenant, object("x"), MINE.parse().unwrap(), &server.sub);
    let refused = server.delete("owner", &at(&server.sub, &format!("/{MINE}")));
    assert_eq!(refused.error(), (400, "RoleDefinitionHasAssignments"));
    assert!(refused.message().starts_with("There are existing role assignments referencing role"));
}

#[test]
fn a_role_that_is_assigned_may_change_and_its_assignments_follow() {
    let server = Server::start();
    server.put_group("rg");
    let ada = server.put_principal("ada", ObjectKind::User);
    put(&server, &server.sub, MINE, &custom("r", &["Microsoft.Support/*"], &[&server.sub])).ok(201);
    server.assign(server.tenant, ada, MINE.parse().unwrap(), &server.sub);
    let group = server.at("/resourceGroups/rg?api-version=2024-11-01");
    assert_eq!(server.get("ada", &group).status, 403);
    put(&server, &server.sub, MINE, &custom("r", &["*/read"], &[&server.sub])).ok(201);
    assert_eq!(server.get("ada", &group).status, 200);
}

#[test]
fn role_definition_limit_exceeded_is_settable() {
    let server = Server::start().with_limits(Limits { custom_roles: 1, ..Limits::default() });
    put(&server, &server.sub, MINE, &custom("one", &["*/read"], &[&server.sub])).ok(201);
    let refused = put(&server, &server.sub, &fresh(), &custom("two", &["*/read"], &[&server.sub]));
    assert_eq!(refused.error(), (400, "RoleDefinitionLimitExceeded"));
    put(&server, &server.sub, MINE, &custom("changed", &["*/read"], &[&server.sub])).ok(201);
    assert_eq!(Limits::default().custom_roles, 5000);
}

#[test]
fn role_definition_does_not_exist() {
    let server = Server::start();
    for id in [MINE, "junk"] {
        let absent = server.get("owner", &at(&server.sub, &format!("/{id}")));
        assert_eq!(absent.error(), (404, "RoleDefinitionDoesNotExist"));
        assert_eq!(absent.message(), format!("The specified role definition with ID '{id}' does not exist."));
    }
}

#[test]
fn a_condition_in_a_custom_role_holds() {
    let server = Server::start();
    server.put_group("rg");
    let ada = server.put_principal("ada", ObjectKind::User);
    let block =
        |condition: &str| json!([{"actions": ["*/read"], "condition": condition, "conditionVersion": "2.0"}]);
    let refused = put_with(&server, "permissions", block("@Resource[x] NoOperator 'y'"));
    assert_eq!(refused.error(), (400, "InvalidCondition"));
    let made = put_with(&server, "permissions", block(UNTIL)).ok(201);
    assert_eq!(made["properties"]["permissions"][0]["condition"], UNTIL);
    assert_eq!(made["properties"]["permissions"][0]["conditionVersion"], "2.0");
    server.assign(server.tenant, ada, MINE.parse().unwrap(), &server.sub);
    let group = server.at("/resourceGroups/rg?api-version=2024-11-01");
    assert_eq!(server.get("ada", &group).status, 200);
    let past = UNTIL.replace("2030", "2020");
    put_with(&server, "permissions", block(&past)).ok(201);
    let refused = server.get("ada", &group);
    assert!(refused.message().contains("or an ABAC condition not fulfilled"), "{}", refused.message());
}

#[test]
fn a_clone_of_each_built_in_role_with_a_condition_is_accepted() {
    let server = Server::start();
    let conditioned = builtin::roles().iter().filter(|role| {
        role.permissions.iter().any(|block| block.condition.is_some())
            && role.assignable_scopes.iter().any(|scope| scope.as_str() == "/")
    });
    let mut cloned = 0;
    for role in conditioned {
        let mut body = server.get("owner", &at(&server.sub, &format!("/{}", role.id))).ok(200);
        body["properties"]["roleName"] = json!(format!("Clone of {}", role.name));
        body["properties"]["type"] = json!("CustomRole");
        body["properties"]["assignableScopes"] = json!([server.sub]);
        let id = fresh();
        (body["id"], body["name"]) = (Value::Null, json!(id));
        let made = put(&server, &server.sub, &id, &body).ok(201);
        let conditions = |body: &Value| {
            let blocks = body["properties"]["permissions"].as_array().unwrap();
            blocks.iter().map(|block| block["condition"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(conditions(&made), conditions(&body));
        cloned += 1;
    }
    assert!(cloned >= 25, "{cloned}");
}

#[test]
fn a_put_that_contradicts_its_path_is_refused() {
    let server = Server::start();
    let mut body = custom("r", &["*/read"], &[&server.sub]);
    body["name"] = json!(fresh());
    assert_eq!(put(&server, &server.sub, MINE, &body).error(), (400, "MismatchingResourceName"));
    body["name"] = json!(MINE.to_uppercase());
    body["id"] = json!(format!("/providers/Microsoft.Authorization/roleDefinitions/{}", fresh()));
    assert_eq!(put(&server, &server.sub, MINE, &body).error(), (400, "MismatchingResourceName"));
    body["id"] = json!(format!("/providers/Microsoft.Authorization/roleDefinitions/{MINE}"));
    put(&server, &server.sub, MINE, &body).ok(201);
}

#[test]
fn roles_are_listed_page_by_page() {
    let server = Server::start();
    put(&server, &server.sub, MINE, &custom("r", &["*/read"], &[&server.sub])).ok(201);
    let mut path = at(&server.sub, "?$top=300");
    let mut names: Vec<String> = Vec::new();
    let mut pages = 0;
    loop {
        let page = server.get("owner", &path).ok(200);
        pages += 1;
        names.extend(
            page["value"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match page["nextLink"].as_str() {
            Some(next) => path = next.strip_prefix("https://localhost:8445").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!((names.len(), pages), (929, 4));
    assert_eq!(names.last().map(String::as_str), Some(MINE), "custom roles come last");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 929);
}

#[test]
fn permissions_at_a_management_group_and_with_conditions() {
    let server = Server::start();
    let mg = server.put_management_group();
    server.assign(server.tenant, object("reader"), builtin::READER, &mg);
    let path = |scope: &str| {
        format!("{scope}/providers/Microsoft.Authorization/permissions?api-version=2022-05-01-preview")
    };
    for scope in [&mg, &server.sub] {
        let granted = server.get("reader", &path(scope)).ok(200);
        assert_eq!(granted["value"][0]["actions"], json!(["*/read"]), "{scope}");
    }
    assert_eq!(server.get("owner", &path(&mg)).error(), (403, "AuthorizationFailed"));
    let old = format!("{}/providers/Microsoft.Authorization/permissions?api-version=2015-07-01", server.sub);
    assert_eq!(server.get("owner", &old).ok(200)["value"][0], json!({"actions": ["*"], "notActions": []}));
}

#[test]
fn wildcards_pass_whatever_they_cover_and_one_is_the_most() {
    let server = Server::start();
    for (action, status) in [
        ("*", 201),
        ("*/read", 201),
        ("No.Such.Provider/*", 201),
        ("Microsoft.Compute/virtualMachines/start*", 201),
        ("*/virtualMachines/*", 400),
        ("**", 400),
    ] {
        let got = put_with(&server, "permissions", json!([{"actions": [action]}]));
        assert_eq!(got.status, status, "{action}");
    }
}
