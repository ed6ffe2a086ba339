//! Locks over HTTP: statuses, api-versions, ids, and the refusal that clients see.

use http::Method;
use serde_json::json;

use crate::fixture::{RESOURCES, Server};

const LOCKS: &str = "2020-05-01";

fn lock(level: &str) -> serde_json::Value {
    json!({"properties": {"level": level, "notes": "why", "owners": [{"applicationId": "a"}]}})
}

#[test]
fn a_lock_is_made_shown_listed_changed_and_deleted() {
    let server = Server::with_group();
    for scope in ["", "/resourceGroups/rg"] {
        let path =
            server.at(&format!("{scope}/providers/Microsoft.Authorization/locks/keep?api-version={LOCKS}"));
        let made = server.ask("owner", Method::PUT, &path, &lock("CanNotDelete")).ok(201);
        assert_eq!(made["id"], server.at(&format!("{scope}/providers/Microsoft.Authorization/locks/keep")));
        assert_eq!(made["properties"], lock("CanNotDelete")["properties"]);
        let changed = server.ask("owner", Method::PUT, &path, &lock("readonly")).ok(200);
        assert_eq!(changed["properties"]["level"], "ReadOnly");
        assert_eq!(server.get("owner", &path).ok(200), changed);
        // By its id, in the spelling of old clients.
        let id = format!("{}?api-version=2016-09-01", path.split('?').next().unwrap().to_lowercase());
        assert_eq!(server.get("owner", &id).ok(200)["name"], "keep");
        let list = server.at(&format!(
            "{scope}/providers/Microsoft.Authorization/locks?api-version=2017-04-01&$filter=atScope()"
        ));
        assert_eq!(server.get("owner", &list).names(), ["keep"]);
        assert_eq!(server.delete("owner", &path).status, 200);
        assert_eq!(server.delete("owner", &path).status, 204);
        assert_eq!(server.get("owner", &path).error(), (404, "LockNotFound"));
    }
}

#[test]
fn who_may_not_is_refused_before_the_body_is_read() {
    let server = Server::with_group();
    let path = server.at(&format!("/providers/Microsoft.Authorization/locks/keep?api-version={LOCKS}"));
    assert_eq!(server.ask("nobody", Method::PUT, &path, &json!("x")).error(), (403, "AuthorizationFailed"));
    assert_eq!(server.ask("owner", Method::PUT, &path, &json!("x")).error(), (400, "InvalidRequestContent"));
    assert_eq!(
        server.ask("owner", Method::POST, &path, &lock("ReadOnly")).error(),
        (405, "MethodNotAllowed")
    );
    let bad_name = path.replace("keep", "a%3Ab");
    assert_eq!(
        server.ask("owner", Method::PUT, &bad_name, &lock("ReadOnly")).error(),
        (400, "InvalidResourceName")
    );
    let version = path.replace(LOCKS, "2001-01-01");
    assert_eq!(server.get("owner", &version).error(), (400, "NoRegisteredProviderFound"));
}

#[test]
fn a_locked_group_answers_409() {
    let server = Server::with_group();
    let path = server
        .at(&format!("/resourceGroups/rg/providers/Microsoft.Authorization/locks/keep?api-version={LOCKS}"));
    server.ask("owner", Method::PUT, &path, &lock("CanNotDelete")).ok(201);
    let group = server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"));
    let refused = server.delete("owner", &group);
    assert_eq!(refused.error(), (409, "ScopeLocked"));
    let scope = server.at("/resourceGroups/rg");
    assert_eq!(
        refused.message(),
        format!(
            "The scope '{scope}' cannot perform delete operation because following scope(s) are locked: '{scope}'. \
             Please remove the lock and try again."
        )
    );
    assert_eq!(server.delete("owner", &path).status, 200);
    assert_eq!(server.delete("owner", &group).status, 202);
}
