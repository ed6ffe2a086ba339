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
