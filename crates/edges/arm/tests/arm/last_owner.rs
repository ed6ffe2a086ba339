//! The last Owner of a subscription is not narrowed away, and what an old api-version leaves out stays.

use gatepost_directory::ObjectKind;
use gatepost_rbac::builtin;
use http::Method;
use serde_json::{Value, json};

use crate::assignment_rules::{NAME, UNTIL, at, at_version, body, fresh, put, with};
use crate::fixture::{Server, object};

/// The subscription's only Owner is by the assignment `NAME`; `admin` may assign roles.
fn owned(server: &Server, owner: gatepost_names::ObjectId) {
    server.assign(server.tenant, object("admin"), builtin::USER_ACCESS_ADMINISTRATOR, "/");
    put(server, &server.sub, NAME, &body(builtin::OWNER, owner)).ok(201);
}

fn put_again(server: &Server, members: &[(&str, Value)], owner: gatepost_names::ObjectId) -> u16 {
    let mut wanted = body(builtin::OWNER, owner);
    for (name, value) in members {
        wanted["properties"][*name] = value.clone();
    }
    server.ask("admin", Method::PUT, &at(&server.sub, NAME), &wanted).status
}

#[test]
fn the_last_owner_is_not_narrowed_by_a_put() {
    let server = Server::with_group();
    let owner = server.put_principal("ada", ObjectKind::User);
    owned(&server, owner);
    // It is 2026-09-21T14:13:20Z.
    let narrower = [
        ("condition", json!(UNTIL)),
        ("startDateTime", json!("2027-01-01T00:00:00Z")),
        ("endDateTime", json!("2026-09-21T15:00:00Z")),
    ];
    for one in &narrower {
        assert_eq!(put_again(&server, std::slice::from_ref(one), owner), 412, "{one:?}");
    }
    assert_eq!(put_again(&server, &[("description", json!("the last"))], owner), 200);
    assert_eq!(put_again(&server, &[("startDateTime", json!("2026-01-01T00:00:00Z"))], owner), 200);
    let brief = server.put_principal("brief", ObjectKind::User);
    let mut ending = body(builtin::OWNER, brief);
    ending["properties"]["endDateTime"] = json!("2026-09-21T15:00:00Z");
    put(&server, &server.sub, &fresh(), &ending).ok(201);
    assert_eq!(put_again(&server, &narrower[..1], owner), 412, "the other one ends");
    // Not the last any more.
    let second = server.put_principal("second", ObjectKind::User);
    put(&server, &server.sub, &fresh(), &body(builtin::OWNER, second)).ok(201);
    assert_eq!(put_again(&server, &narrower[..1], owner), 200);
    // One with a condition is none of those that have to stay.
    server.delete("admin", &at(&server.sub, NAME)).ok(200);
}

#[test]
fn an_owner_group_counts_when_somebody_is_in_it() {
    let server = Server::with_group();
    let owner = server.put_principal("ada", ObjectKind::User);
    owned(&server, owner);
    let group = server.put_principal("owners", ObjectKind::Group);
    let inner = server.put_principal("inner", ObjectKind::Group);
    server.put_member(group, inner);
    put(&server, &server.sub, &fresh(), &body(builtin::OWNER, group)).ok(201);
    assert_eq!(server.delete("admin", &at(&server.sub, NAME)).status, 412, "nobody is in the group");
    let member = server.put_principal("member", ObjectKind::User);
    server.put_member(inner, member);
    server.delete("admin", &at(&server.sub, NAME)).ok(200);
}

#[test]
fn an_old_api_version_with_a_description_keeps_the_condition() {
    let server = Server::with_group();
    let principal = server.service_principal();
    put(&server, &server.sub, NAME, &with("condition", json!(UNTIL), principal)).ok(201);
    let old = at_version(&server.sub, NAME, "2018-09-01-preview");
    server.ask("owner", Method::PUT, &old, &with("description", json!("d"), principal)).ok(200);
    let kept = server.get("owner", &at(&server.sub, NAME)).ok(200);
    assert_eq!(kept["properties"]["condition"], UNTIL);
    assert_eq!(kept["properties"]["conditionVersion"], "2.0");
    assert_eq!(kept["properties"]["description"], "d");
}
