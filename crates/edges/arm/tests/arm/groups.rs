//! Resource groups.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::fixture::{RESOURCES, ROLES, Server, object};
use gatepost_rbac::builtin;

fn group(server: &Server, name: &str) -> String {
    server.at(&format!("/resourcegroups/{name}?api-version={RESOURCES}"))
}

#[test]
fn a_group_is_made_read_changed_and_deleted() {
    let server = Server::start();
    let path = group(&server, "Mail-RG");
    let body = json!({"location": "West Europe", "tags": {"env": "test"}});
    let made = server.ask("owner", Method::PUT, &path, &body);
    let etag = made.header("etag").to_owned();
    let golden = json!({
        "id": format!("{}/resourceGroups/Mail-RG", server.sub), "name": "Mail-RG",
        "type": "Microsoft.Resources/resourceGroups", "location": "westeurope", "tags": {"env": "test"},
        "properties": {"provisioningState": "Succeeded"},
    });
    assert_eq!(made.ok(201), golden);
    let read = server.get("owner", &group(&server, "mail-rg"));
    assert_eq!(read.header("etag"), etag);
    assert_eq!(read.ok(200), golden);
    // `az group update`: what was read is put back.
    let mut back = golden.clone();
    back["tags"] = json!({"env": "prod"});
    let put = server.ask("owner", Method::PUT, &group(&server, "MAIL-RG"), &back).ok(200);
    assert_eq!(put["name"], "Mail-RG");
    assert_eq!(put["tags"], json!({"env": "prod"}));
    let patched = server.ask("owner", Method::PATCH, &path, &json!({"tags": {"a": "b"}})).ok(200);
    assert_eq!(patched["tags"], json!({"a": "b"}));
    let head = |name: &str| server.send("owner", Method::HEAD, &group(&server, name), Bytes::new(), &[]);
    assert_eq!(head("mail-rg").status, 204);
    assert_eq!(head("other").status, 404);
    let deleted = server.delete("owner", &path);
    assert_eq!(deleted.status, 202);
    assert_eq!(deleted.header("retry-after"), "1");
    assert_eq!(server.follow("owner", deleted.header("location")).status, 204);
    assert_eq!(server.get("owner", &path).error(), (404, "ResourceGroupNotFound"));
    assert_eq!(server.delete("owner", &path).message(), "Resource group 'Mail-RG' could not be found.");
}

#[test]
fn names_locations_and_tags_have_rules() {
    let server = Server::with_group();
    let put =
        |name: &str, body: serde_json::Value| server.ask("owner", Method::PUT, &group(&server, name), &body);
    let here = json!({"location": "westeurope"});
    assert_eq!(
        put("a%20b", here.clone()).message(),
        "The provided resource group name 'a b' has these invalid characters: ' '. The name can only be a letter, \
         digit, '-', '.', '(', ')' or '_'."
    );
    for name in ["rg.", "a;b", &"x".repeat(91)] {
        assert_eq!(put(name, here.clone()).error(), (400, "InvalidResourceGroup"), "{name}");
    }
    let moved = put("rg", json!({"location": "northeurope"}));
    assert_eq!(moved.error(), (409, "InvalidResourceGroupLocation"));
    assert_eq!(
        moved.message(),
        "Invalid resource group location 'northeurope'. The Resource group already exists in location 'westeurope'."
    );
    assert_eq!(put("new", json!({})).error(), (400, "LocationRequired"));
    assert_eq!(
        put("new", json!({"location": "atlantis"})).error(),
        (400, "LocationNotAvailableForResourceGroup")
    );
    assert_eq!(put("new", json!({"location": 3})).error(), (400, "InvalidRequestContent"));
    assert_eq!(put("new", json!(["x"])).error(), (400, "InvalidRequestContent"));
    assert_eq!(
        put("new", json!({"location": "westeurope", "tags": {"a": 1}})).error(),
        (400, "InvalidRequestContent")
    );
    for (tags, code) in [
        (json!({"a".repeat(513): "x"}), "InvalidTagName"),
        (json!({"a": "x".repeat(257)}), "InvalidTagValue"),
        (json!({"a<b": "x"}), "InvalidTagNameCharacters"),
        (
            json!(
                (0..51)
                    .map(|n| (format!("t{n}"), "x".to_owned()))
                    .collect::<std::collections::BTreeMap<_, _>>()
            ),
            "InvalidTagsCount",
        ),
    ] {
        assert_eq!(put("new", json!({"location": "westeurope", "tags": tags})).error(), (400, code));
    }
    assert_eq!(server.get("owner", &group(&server, "new")).status, 404, "nothing was written");
    let patched = server.ask("owner", Method::PATCH, &group(&server, "none"), &json!({}));
    assert_eq!(patched.error(), (404, "ResourceGroupNotFound"));
}

#[test]
fn conditions_are_kept() {
    let server = Server::with_group();
    let path = group(&server, "rg");
    let etag = server.get("owner", &path).header("etag").to_owned();
    let send = |method: Method, headers: &[(&str, &str)]| {
        let body = Bytes::from(json!({"location": "westeurope"}).to_string());
        server.send("owner", method, &path, body, headers)
    };
    assert_eq!(send(Method::PUT, &[("if-none-match", "*")]).error(), (412, "PreconditionFailed"));
    assert_eq!(send(Method::PUT, &[("if-match", "\"other\"")]).error(), (412, "PreconditionFailed"));
    assert_eq!(send(Method::PATCH, &[("if-match", "\"other\"")]).error(), (412, "PreconditionFailed"));
    assert_eq!(send(Method::DELETE, &[("if-match", "\"other\"")]).error(), (412, "PreconditionFailed"));
    assert_eq!(send(Method::PUT, &[("if-match", &etag)]).status, 200);
}

#[test]
fn lists_hold_what_the_caller_may_read() {
    let server = Server::with_group();
    for name in ["a", "b", "c"] {
        server.put_group(name);
    }
    let list = server.at(&format!("/resourcegroups?api-version={RESOURCES}"));
    assert_eq!(server.get("owner", &list).names(), ["a", "b", "c", "rg"]);
    assert_eq!(server.get("reader", &list).names(), ["rg"]);
    assert_eq!(server.get("nobody", &list).error(), (403, "AuthorizationFailed"));
    let tagged = json!({"location": "westeurope", "tags": {"env": "test"}});
    server.ask("owner", Method::PUT, &group(&server, "b"), &tagged).ok(200);
    let filtered = format!("{list}&$filter=tagName%20eq%20'env'%20and%20tagValue%20eq%20'test'");
    assert_eq!(server.get("owner", &filtered).names(), ["b"]);
    assert_eq!(
        server.get("owner", &format!("{list}&$filter=colour eq 'x'")).error(),
        (400, "InvalidFilterInQueryString")
    );
    let mut link = format!("https://localhost:8445{list}&$top=3");
    let mut seen = Vec::new();
    loop {
        let page = server.follow("owner", &link).ok(200);
        seen.extend(page["value"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap().to_owned()));
        match page["nextLink"].as_str() {
            Some(next) => link = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "rg"]);
    assert_eq!(server.get("owner", &format!("{list}&$skiptoken=!")).error(), (400, "InvalidSkipToken"));
    assert_eq!(server.get("owner", &format!("{list}&$top=x")).error(), (400, "InvalidTopQueryParameter"));
}

#[test]
fn a_refusal_never_tells_whether_a_group_exists() {
    let server = Server::with_group();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE] {
        let ask = |name: &str| {
            let body = Bytes::from(json!({"location": "westeurope"}).to_string());
            let got = server.send("nobody", method.clone(), &group(&server, name), body, &[]);
            (got.status, got.code().to_owned(), got.message().replace(&format!("/{name}'"), "/X'"))
        };
        let (there, absent) = (ask("rg"), ask("no"));
        assert_eq!(there.0, 403, "{method}");
        assert_eq!(there, absent, "{method}");
    }
    let refused = server.get("nobody", &group(&server, "rg"));
    assert_eq!(
        refused.message(),
        format!(
            "The client 'nobody@contoso.example' with object id '{}' does not have authorization to perform action \
             'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '{}/resourcegroups/rg' or the scope \
             is invalid. If access was recently granted, please refresh your credentials.",
            object("nobody"),
            server.sub
        )
    );
    assert_eq!(
        server.ask("reader", Method::PUT, &group(&server, "rg"), &json!({"location": "westeurope"})).status,
        403
    );
}

#[test]
fn deleting_a_group_takes_everything_in_it_along_or_nothing() {
    let server = Server::with_group();
    server.put_group("rg10");
    for (name, size) in [("a", 1), ("b", 13)] {
        let body = json!({"location": "global", "properties": {"size": size}});
        server.ask("owner", Method::PUT, &server.things(&format!("boxes/{name}")), &body).ok(201);
    }
    let box_scope = server.at("/resourceGroups/rg/providers/Test.Things/boxes/a");
    server.assign(server.tenant, object("x"), builtin::READER, &box_scope);
    server.assign(server.tenant, object("x"), builtin::READER, &server.at("/resourceGroups/rg10"));
    let stuck = server.delete("owner", &group(&server, "rg"));
    assert_eq!(stuck.error(), (409, "BoxIsStuck"));
    assert_eq!(server.get("owner", &server.things("boxes/a")).status, 200, "nothing was deleted");
    server
        .ask("owner", Method::PATCH, &server.things("boxes/b"), &json!({"properties": {"size": 1}}))
        .ok(200);
    assert_eq!(server.delete("owner", &group(&server, "rg")).status, 202);
    server.put_group("rg");
    assert_eq!(server.get("owner", &server.things("boxes")).names(), Vec::<String>::new());
    let assignments =
        server.at(&format!("/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}"));
    let left =
        server.get("owner", &format!("{assignments}&$filter=principalId eq '{}'", object("x"))).ok(200);
    let left: Vec<&str> = left["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["properties"]["scope"].as_str().unwrap())
        .collect();
    assert_eq!(left, [server.at("/resourceGroups/rg10")]);
    assert_eq!(
        server.get("reader", &group(&server, "rg")).status,
        403,
        "the group's own assignments are gone"
    );
}
