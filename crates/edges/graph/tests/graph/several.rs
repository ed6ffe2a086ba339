//! Directory roles, app roles, grants, deltas, batches, and the tenant.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{G, House};

const READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";

#[test]
fn directory_roles_and_their_assignments() {
    let house = House::new();
    let user = house.member("ada");
    assert_eq!(house.get("/v1.0/directoryRoles").names().len(), 9);
    let role = house.get(&format!("/v1.0/directoryRoles(roleTemplateId='{READERS}')"));
    assert_eq!(role.text("displayName"), "Directory Readers");
    let members = format!("/v1.0/directoryRoles/{READERS}/members");
    assert_eq!(house.refer(&format!("{members}/$ref"), &user).status, 204);
    assert_eq!(house.get(&members).names(), ["ada"]);
    assert_eq!(house.get(&format!("/v1.0/users/{user}/memberOf")).names(), ["Directory Readers"]);
    let assignments = "/v1.0/roleManagement/directory/roleAssignments";
    let filter = format!("{assignments}?$filter=principalId eq '{user}'");
    let found = house.get(&filter).body["value"].clone();
    assert_eq!(
        (&found[0]["roleDefinitionId"], &found[0]["directoryScopeId"], found.as_array().unwrap().len()),
        (&json!(READERS), &json!("/"), 1)
    );
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(house.get(&format!("{assignments}/{id}")).body["principalId"], json!(user));
    let again = json!({"principalId": user, "roleDefinitionId": READERS, "directoryScopeId": "/"});
    assert_eq!(house.post(assignments, &again).status, 400);
    assert_eq!(house.delete(&format!("{assignments}/{id}")).status, 204);
    assert_eq!(house.post(assignments, &again).status, 201);
    assert_eq!(house.delete(&format!("{members}/{user}/$ref")).status, 204);
    let definition = format!("/v1.0/roleManagement/directory/roleDefinitions/{READERS}");
    assert_eq!(house.get(&definition).body["isBuiltIn"], true);
    let named = "/v1.0/roleManagement/directory/roleDefinitions?$filter=displayName eq 'global reader'";
    assert_eq!(house.get(named).names(), ["Global Reader"]);
    assert_eq!(house.get(&format!("/v1.0/directoryRoles/{}", Uuid::new_v4())).status, 404);
}

#[test]
fn app_roles_and_grants_over_the_edge() {
    let house = House::new();
    let (application, app_id) = house.application("api");
    let role = Uuid::new_v4();
    let roles = json!({"appRoles": [{"id": role, "value": "Send", "displayName": "Send", "description": "Send",
        "allowedMemberTypes": ["User", "Application"], "isEnabled": true}]});
    assert_eq!(house.patch(&format!("/v1.0/applications/{application}"), &roles).status, 204);
    let api = house.post("/v1.0/servicePrincipals", &json!({"appId": app_id})).text("id");
    let user = house.member("ada");
    let given = house.post(
        &format!("/v1.0/servicePrincipals/{api}/appRoleAssignedTo"),
        &json!({"principalId": user, "resourceId": api, "appRoleId": role}),
    );
    assert_eq!(given.status, 201, "{}", given.body);
    let id = given.text("id");
    assert_eq!(
        given.body.to_string(),
        json!({
            "@odata.context": "https://localhost:8446/v1.0/$metadata#appRoleAssignments/$entity",
            "id": id,
            "deletedDateTime": null,
            "appRoleId": role,
            "createdDateTime": given.text("createdDateTime"),
            "principalDisplayName": "ada",
            "principalId": user,
            "principalType": "User",
            "resourceDisplayName": "api",
            "resourceId": api,
        })
        .to_string()
    );
    let of_user = house.get(&format!("/v1.0/users/{user}/appRoleAssignments"));
    assert_eq!(of_user.body["value"][0]["id"], id.as_str());
    let expanded = house.get(&format!("/v1.0/servicePrincipals/{api}?$select=id&$expand=appRoleAssignedTo"));
    assert_eq!(expanded.body["appRoleAssignedTo"][0]["principalId"], user.as_str());
    let gone = format!("/v1.0/users/{user}/appRoleAssignments/{id}");
    assert_eq!(house.delete(&gone).status, 204);
    assert_eq!(house.delete(&gone).status, 404);

    let grant = json!({"clientId": house.automation.2, "resourceId": api, "consentType": "AllPrincipals",
        "scope": "User.Read"});
    let made = house.post("/v1.0/oauth2PermissionGrants", &grant);
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.text("id");
    let filter = format!("/v1.0/oauth2PermissionGrants?$filter=clientId eq '{}'", house.automation.2);
    assert_eq!(house.get(&filter).body["value"][0]["id"], id.as_str());
    let of_client = format!("/v1.0/servicePrincipals/{}/oauth2PermissionGrants", house.automation.2);
    assert_eq!(house.get(&of_client).body["value"][0]["scope"], "User.Read");
    // az writes the segment so.
    assert_eq!(house.delete(&format!("/v1.0/oAuth2PermissionGrants/{id}")).status, 204);
    assert_eq!(house.get(&format!("/v1.0/oauth2PermissionGrants/{id}")).status, 404);
    let unsupported = house.get("/v1.0/oauth2PermissionGrants?$filter=scope ne 'x'");
    assert_eq!(unsupported.body["error"]["code"], "Request_UnsupportedQuery");
}

#[test]
fn federated_credentials_over_the_edge() {
    let house = House::new();
    let (application, _) = house.application("robot");
    let all = format!("/v1.0/applications/{application}/federatedIdentityCredentials");
    let sent = json!({"name": "github", "issuer": "https://token.actions.githubusercontent.com",
        "subject": "repo:a/b:ref:refs/heads/main", "audiences": ["api://AzureADTokenExchange"]});
    let made = house.post(&all, &sent);
    assert_eq!((made.status, made.text("name").as_str()), (201, "github"), "{}", made.body);
    assert_eq!(house.get(&all).body["value"].as_array().unwrap().len(), 1);
    assert_eq!(house.patch(&format!("{all}/github"), &json!({"description": "d"})).status, 204);
    assert_eq!(house.get(&format!("{all}/{}", made.text("id"))).text("description"), "d");
    assert_eq!(house.delete(&format!("{all}/github")).status, 204);
    assert_eq!(house.get(&format!("{all}/github")).status, 404);
}

#[test]
fn a_delta_goes_from_link_to_link() {
    let house = House::new();
    let user = house.member("ada");
    let first = house.get("/v1.0/users/delta?$select=displayName&$top=1");
    assert_eq!(first.status, 200, "{}", first.body);
    let follow = |link: String| house.get(link.strip_prefix(G).unwrap());
    let last = follow(first.text("@odata.nextLink"));
    let link = last.text("@odata.deltaLink");
    assert!(link.starts_with(&format!("{G}/v1.0/users/delta?")), "{link}");
    assert_eq!(follow(link.clone()).body["value"], json!([]));
    house.patch(&format!("/v1.0/users/{user}"), &json!({"displayName": "Ada"}));
    assert_eq!(follow(link.clone()).body["value"], json!([{"displayName": "Ada", "id": user}]));
    house.delete(&format!("/v1.0/users/{user}"));
    assert_eq!(follow(link).body["value"], json!([{"id": user, "@removed": {"reason": "changed"}}]));
    let latest = house.get("/v1.0/groups/delta?$deltatoken=latest");
    assert_eq!(latest.body["value"], json!([]));
    let group = house.group("g");
    house.refer(&format!("/v1.0/groups/{group}/members/$ref"), &house.user.to_string());
    let changed = follow(latest.text("@odata.deltaLink"));
    assert_eq!(changed.body["value"][0]["members@delta"][0]["id"], json!(house.user));
    assert_eq!(house.get("/v1.0/users/delta?$deltatoken=junk").status, 400);
    assert_eq!(house.get("/v1.0/users/delta?$filter=id eq 'x'").status, 400);
}

#[test]
fn a_batch_answers_each_of_its_requests() {
    let house = House::new();
    let batch = |requests: Value| house.post("/v1.0/$batch", &json!({"requests": requests}));
    let replies = batch(json!([
        {"id": "1", "method": "GET", "url": "/users?$select=displayName"},
        {"id": "2", "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"},
            "body": {"displayName": "made in a batch"}},
        {"id": "3", "method": "GET", "url": "/users/nobody@contoso.example", "dependsOn": ["1"]},
        {"id": "4", "method": "GET", "url": "/me", "dependsOn": ["3"]},
        {"id": "5", "method": "GET", "url": "$batch"},
    ]));
    assert_eq!(replies.status, 200);
    let statuses: Vec<_> = replies.body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(statuses, [("1", 200), ("2", 201), ("3", 404), ("4", 424), ("5", 400)]);
    assert_eq!(replies.body["responses"][0]["body"]["value"][0]["displayName"], "Ada Admin");
    assert!(replies.body["responses"][1]["headers"]["Location"].is_string());
    for bad in [
        json!([]),
        json!([{"id": "1"}]),
        json!([{"id": "1", "method": "GET", "url": "/me"}, {"id": "1", "method": "GET", "url": "/me"}]),
        json!([{"id": "1", "method": "GET", "url": "/me", "dependsOn": ["2"]}]),
        json!([{"id": "1", "method": "FROB", "url": "/me"}]),
        Value::Array(vec![json!({"id": "x", "method": "GET", "url": "/me"}); 21]),
    ] {
        assert_eq!(batch(bad.clone()).status, 400, "{bad}");
    }
    assert_eq!(house.get("/v1.0/$batch").status, 405);
    let stranger = house.call(&Method::POST, "/v1.0/$batch", "{}", &[("authorization", "Bearer junk")]);
    assert_eq!(stranger.status, 401);
}

#[test]
fn the_tenant_and_its_policy() {
    let house = House::new();
    assert_eq!(house.get("/v1.0/domains").body["value"][0]["id"], "contoso.example");
    assert_eq!(house.get("/v1.0/domains/Contoso.example").body["isDefault"], true);
    let policy = "/v1.0/policies/authorizationPolicy";
    assert_eq!(house.get(policy).body["defaultUserRolePermissions"]["allowedToCreateApps"], true);
    let closed = json!({"defaultUserRolePermissions": {"allowedToCreateApps": false}});
    assert_eq!(house.patch(policy, &closed).status, 204);
    assert_eq!(house.get(policy).body["defaultUserRolePermissions"]["allowedToCreateApps"], false);
    assert_eq!(house.get("/v1.0/auditLogs/signIns?$top=5").body["value"], json!([]));
    assert_eq!(house.get("/oidc/userinfo").status, 401);
    let valid = json!({"entityType": "Group", "displayName": "x", "mailNickname": "x"});
    assert_eq!(house.post("/v1.0/directoryObjects/validateProperties", &valid).status, 204);
}
