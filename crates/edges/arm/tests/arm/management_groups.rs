//! Management groups over HTTP.

use http::Method;
use serde_json::json;

use crate::fixture::Server;

const VERSION: &str = "2023-04-01";
const GROUPS: &str = "/providers/Microsoft.Management/managementGroups";

fn path(rest: &str) -> String {
    let sign = if rest.contains('?') { '&' } else { '?' };
    format!("{GROUPS}{rest}{sign}api-version={VERSION}")
}

/// A server whose `owner` is Owner of the group `MG`, in which the subscription is.
fn server() -> Server {
    let server = Server::with_group();
    let group = server.put_management_group();
    server.assign(server.tenant, crate::fixture::object("owner"), gatepost_rbac::builtin::OWNER, &group);
    server
}

#[test]
fn a_group_is_made_shown_changed_and_deleted() {
    let server = server();
    let parent = json!({"id": format!("{GROUPS}/MG")});
    let body = json!({"name": "a", "properties": {"displayName": "A", "details": {"parent": parent}}});
    let made = server.ask("owner", Method::PUT, &path("/a"), &body).ok(200);
    assert_eq!(
        (made["id"].as_str(), made["type"].as_str()),
        (
            Some("/providers/Microsoft.Management/managementGroups/a"),
            Some("Microsoft.Management/managementGroups")
        )
    );
    assert_eq!(server.get("owner", &path("/A")).ok(200)["properties"]["displayName"], "A");
    let patched = server.ask("owner", Method::PATCH, &path("/a"), &json!({"displayName": "B"})).ok(200);
    assert_eq!(patched["properties"]["displayName"], "B");
    assert_eq!(server.get("owner", &path("")).names(), ["a", "MG"]);
    let expanded = server.get("owner", &path("/MG?$expand=children&$recurse=true")).ok(200);
    assert_eq!(expanded["properties"]["children"].as_array().unwrap().len(), 2, "{expanded:#}");
    assert_eq!(server.get("owner", &path("/MG/descendants")).ok(200)["value"].as_array().unwrap().len(), 2);
    assert_eq!(server.delete("owner", &path("/MG")).error(), (400, "BadRequest"));
    let deleted = server.delete("owner", &path("/a"));
    assert_eq!(deleted.status, 202);
    assert_eq!(server.follow("owner", deleted.header("location")).status, 204);
}

#[test]
fn a_subscription_is_moved() {
    let server = server();
    let body = json!({"properties": {"details": {"parent": {"id": format!("{GROUPS}/MG")}}}});
    server.ask("owner", Method::PUT, &path("/a"), &body).ok(200);
    let sub = server.sub.rsplit('/').next().unwrap().to_owned();
    let place = path(&format!("/a/subscriptions/{sub}"));
    assert_eq!(server.get("owner", &place).error(), (404, "NotFound"));
    let placed = server.ask("owner", Method::PUT, &place, &json!({})).ok(200);
    assert_eq!(placed["properties"]["parent"]["id"], format!("{GROUPS}/a"));
    assert_eq!(server.get("owner", &path("/a/subscriptions")).names(), [sub]);
    assert_eq!(server.delete("owner", &place).status, 200);
    assert_eq!(server.delete("owner", &place).status, 204);
    let malformed = path("/a/subscriptions/x");
    assert_eq!(server.get("owner", &malformed).error(), (400, "InvalidSubscriptionId"));
}

#[test]
fn entities_names_and_what_is_refused() {
    let server = server();
    let post = |what: &str| format!("/providers/Microsoft.Management/{what}?api-version={VERSION}");
    let entities = server.ask("owner", Method::POST, &post("getEntities"), &json!({})).ok(200);
    assert_eq!(entities["count"], 3, "the root group, MG and the subscription: {entities:#}");
    assert_eq!(entities["value"][0]["properties"]["permissions"], "noaccess");
    let check = |name: &str| {
        let body = json!({"name": name, "type": "Microsoft.Management/managementGroups"});
        server.ask("nobody", Method::POST, &post("checkNameAvailability"), &body).ok(200)["nameAvailable"]
            .clone()
    };
    assert_eq!((check("free"), check("mg")), (json!(true), json!(false)));
    assert_eq!(server.get("nobody", &path("/MG")).error(), (403, "AuthorizationFailed"));
    assert_eq!(server.get("nobody", &path("/none")).error(), (403, "AuthorizationFailed"), "not told apart");
    assert!(server.get("nobody", &path("")).names().is_empty());
    assert_eq!(
        server.ask("owner", Method::POST, &path("/MG"), &json!({})).error(),
        (405, "MethodNotAllowed")
    );
    assert_eq!(server.get("owner", &path("/MG?$expand=x")).error(), (400, "BadRequest"));
    assert_eq!(server.get("owner", &path("/MG/x")).error(), (404, "InvalidResourceType"));
    assert_eq!(server.ask("owner", Method::PUT, &path("/a%20b"), &json!({})).error(), (400, "BadRequest"));
    let old = format!("{GROUPS}?api-version=2001-01-01");
    assert_eq!(server.get("owner", &old).error(), (400, "NoRegisteredProviderFound"));
}

/// A custom role of the group `MG`, which somebody has at `scope`.
fn role_at(server: &Server, scopes: &[&str], scope: &str) -> String {
    let path = role_path();
    server.ask("owner", Method::PUT, &path, &role(&["*/read"], &[], scopes)).ok(201);
    let id = gatepost_names::RoleDefinitionId(ROLE.parse().unwrap());
    server.assign(server.tenant, crate::fixture::object("ada"), id, scope);
    path
}

const ROLE: &str = "11111111-2222-3333-4444-555555555555";

fn role_path() -> String {
    let version = crate::fixture::ROLES;
    format!("{GROUPS}/MG/providers/Microsoft.Authorization/roleDefinitions/{ROLE}?api-version={version}")
}

fn role(actions: &[&str], data_actions: &[&str], scopes: &[&str]) -> serde_json::Value {
    json!({"properties": {
        "roleName": "r", "assignableScopes": scopes,
        "permissions": [{"actions": actions, "dataActions": data_actions}],
    }})
}

fn child(server: &Server, name: &str, parent: &str) -> http::StatusCode {
    let body = json!({"properties": {"details": {"parent": {"id": format!("{GROUPS}/{parent}")}}}});
    let got = server.ask("owner", Method::PUT, &path(&format!("/{name}")), &body);
    http::StatusCode::from_u16(got.status).unwrap()
}

#[test]
fn a_move_leaves_no_custom_role_assigned_outside_its_assignable_scopes() {
    let server = server();
    let root = server.tenant.to_string();
    server.assign(
        server.tenant,
        crate::fixture::object("owner"),
        gatepost_rbac::builtin::OWNER,
        &format!("{GROUPS}/{root}"),
    );
    let mg = format!("{GROUPS}/MG");
    assert_eq!(
        (child(&server, "inner", "MG"), child(&server, "other", &root)),
        (http::StatusCode::OK, http::StatusCode::OK)
    );
    let sub = server.sub.rsplit('/').next().unwrap().to_owned();
    let place = |group: &str| path(&format!("/{group}/subscriptions/{sub}"));
    role_at(&server, &[&mg], &server.at("/resourceGroups/rg"));
    // Deeper in the same group it stays assignable.
    server.ask("owner", Method::PUT, &place("inner"), &json!({})).ok(200);
    let refusals = [
        server.ask("owner", Method::PUT, &place("other"), &json!({})),
        server.ask("owner", Method::PUT, &place(&root), &json!({})),
        server.delete("owner", &place("inner")),
        server.ask(
            "owner",
            Method::PATCH,
            &path("/inner"),
            &json!({"parentGroupId": format!("{GROUPS}/other")}),
        ),
    ];
    for refused in refusals {
        assert_eq!(refused.error(), (409, "RoleDefinitionHasAssignments"), "{refused:?}");
        assert!(refused.message().contains("cannot be moved into"), "{}", refused.message());
    }
    assert_eq!(server.get("owner", &place("inner")).status, 200, "nothing was moved");
    // With the subscription itself among the scopes it may go.
    server.ask("owner", Method::PUT, &role_path(), &role(&["*/read"], &[], &[&mg, &server.sub])).ok(201);
    server.ask("owner", Method::PUT, &place("other"), &json!({})).ok(200);
}

#[test]
fn a_role_assigned_at_a_management_group_gets_no_data_actions() {
    let server = server();
    let mg = format!("{GROUPS}/MG");
    let path = role_at(&server, &[&mg], &mg);
    let data = ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"];
    let refused = server.ask("owner", Method::PUT, &path, &role(&["*/read"], &data, &[&mg]));
    assert_eq!(refused.error(), (409, "RoleDefinitionHasAssignments"), "{refused:?}");
    server.ask("owner", Method::PUT, &path, &role(&["*/write"], &[], &[&mg])).ok(201);
}

#[test]
fn entities_after_an_unknown_token_are_refused() {
    let server = server();
    let post = |token: &str| {
        format!("/providers/Microsoft.Management/getEntities?api-version={VERSION}&$skiptoken={token}")
    };
    // No entity is called "junk".
    let refused = server.ask("owner", Method::POST, &post("anVuaw"), &json!({}));
    assert_eq!(refused.error(), (400, "InvalidSkipToken"));
}
