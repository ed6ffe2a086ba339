//! `elevateAccess`.

use gatepost_rbac::builtin;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{ROLES, Server, object};

fn elevate(version: &str) -> String {
    format!("/providers/Microsoft.Authorization/elevateAccess?api-version={version}")
}

fn at_root(rest: &str) -> String {
    format!("/providers/Microsoft.Authorization/roleAssignments{rest}")
}

#[test]
fn elevate_access_is_for_global_administrators_alone() {
    let server = Server::with_group();
    for who in ["owner", "nobody"] {
        let refused = server.ask(who, Method::POST, &elevate("2016-07-01"), &Value::Null);
        assert_eq!(refused.error(), (403, "AuthorizationFailed"));
        assert!(refused.message().contains("'Microsoft.Authorization/elevateAccess/action' over scope '/'"));
    }
    // A role at the root is no directory role.
    server.assign(server.tenant, object("above"), builtin::OWNER, "/");
    assert_eq!(server.ask("above", Method::POST, &elevate("2016-07-01"), &Value::Null).status, 403);
}

#[test]
fn elevate_access_works_in_each_api_version_and_is_undone_at_the_root() {
    let server = Server::with_group();
    server.make_global_administrator("chief");
    let list = at_root(&format!("?api-version={ROLES}&$filter=principalId eq '{}'", object("chief")));
    assert_eq!(server.get("chief", &list).status, 403, "no right of Azure's comes with the role");
    for version in ["2015-07-01", "2016-07-01", "2018-01-01"] {
        let got = server.ask("chief", Method::POST, &elevate(version), &Value::Null);
        assert_eq!((got.status, &got.body), (200, &Value::Null), "{version}");
    }
    let held = server.get("chief", &list).ok(200);
    let held = held["value"].as_array().unwrap();
    assert_eq!(held.len(), 1, "elevated once");
    assert_eq!(held[0]["properties"]["scope"], "/");
    assert_eq!(
        held[0]["properties"]["roleDefinitionId"],
        format!("/providers/Microsoft.Authorization/roleDefinitions/{}", builtin::USER_ACCESS_ADMINISTRATOR)
    );
    // It reaches every subscription of the tenant, and no other tenant's.
    assert_eq!(server.get("chief", &format!("{}?api-version=2022-12-01", server.sub)).status, 200);
    assert_eq!(server.get("chief", &format!("{}?api-version=2022-12-01", server.foreign_sub)).status, 404);
    let name = held[0]["name"].as_str().unwrap();
    server.delete("chief", &at_root(&format!("/{name}?api-version={ROLES}"))).ok(200);
    assert_eq!(server.get("chief", &list).status, 403);
    assert_eq!(server.get("chief", &elevate("2016-07-01")).error(), (405, "MethodNotAllowed"));
    assert_eq!(
        server.ask("chief", Method::POST, &elevate("1999-01-01"), &json!({})).error(),
        (400, "NoRegisteredProviderFound")
    );
}

#[test]
fn elevate_access_takes_away_what_narrows_an_assignment() {
    let server = Server::with_group();
    server.make_global_administrator("chief");
    server.assign(server.tenant, object("chief"), builtin::USER_ACCESS_ADMINISTRATOR, "/");
    let list = at_root(&format!("?api-version={ROLES}&$filter=principalId eq '{}'", object("chief")));
    let held = server.get("chief", &list).ok(200)["value"][0].clone();
    let path = at_root(&format!("/{}?api-version={ROLES}", held["name"].as_str().unwrap()));
    for (name, value) in [
        ("endDateTime", json!("2020-01-02T00:00:00Z")),
        ("startDateTime", json!("2040-01-01T00:00:00Z")),
        ("condition", json!("@Environment[UtcNow] DateTimeLessThan '2020-01-01T00:00:00.0Z'")),
    ] {
        let mut narrowed = held.clone();
        narrowed["properties"][name] = value;
        server.ask("chief", Method::PUT, &path, &narrowed).ok(200);
        assert_eq!(server.get("chief", &list).status, 403, "{name}");
        assert_eq!(server.ask("chief", Method::POST, &elevate("2016-07-01"), &Value::Null).status, 200);
        let now = server.get("chief", &list).ok(200);
        assert_eq!(now["value"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(now["value"][0]["name"], held["name"], "under its own name");
        assert_eq!(now["value"][0]["properties"]["condition"], Value::Null);
    }
}
