//! Resources of any type: here those of a provider of the tests' own.

use bytes::Bytes;
use gatepost_rbac::builtin;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{Got, RESOURCES, Server, THINGS, object};

fn sized(size: i64) -> Value {
    json!({"location": "Global", "tags": {"env": "test"}, "properties": {"size": size, "unknown": 1}})
}

fn put_box(server: &Server, name: &str) -> Got {
    server.ask("owner", Method::PUT, &server.things(&format!("boxes/{name}")), &sized(3))
}

#[test]
fn put_makes_and_replaces() {
    let server = Server::with_group();
    let path =
        server.at(&format!("/resourcegroups/RG/providers/test.things//BOXES/MyBox?api-version={THINGS}"));
    let made = server.ask("owner", Method::PUT, &path, &sized(3));
    let (monitor, etag) = (made.header("azure-asyncoperation").to_owned(), made.header("etag").to_owned());
    assert_eq!(made.header("retry-after"), "1");
    let id = server.at("/resourceGroups/rg/providers/Test.Things/boxes/MyBox");
    let at = "2026-09-21T14:13:20.1234560Z";
    let golden = json!({
        "id": id, "name": "MyBox", "type": "Test.Things/Boxes", "location": "Global", "tags": {"env": "test"},
        "properties": {"size": 3, "writes": 1, "provisioningState": "Succeeded", "items": 1},
        "systemData": {
            "createdBy": "owner@contoso.example", "createdByType": "User", "createdAt": at,
            "lastModifiedBy": "owner@contoso.example", "lastModifiedByType": "User", "lastModifiedAt": at,
        },
    });
    assert_eq!(made.ok(201), golden);
    let read = server.get("reader", &server.things("boxes/mybox"));
    assert_eq!(read.header("etag"), etag);
    assert_eq!(read.ok(200), golden);
    let status = server.follow("owner", &monitor).ok(200);
    assert_eq!(status["status"], "Succeeded");
    assert_eq!(status["startTime"], at);
    assert_eq!(status["resourceId"], id);
    server.clock.advance(std::time::Duration::from_secs(1));
    let replaced =
        server.ask("owner", Method::PUT, &path, &json!({"location": "global", "properties": {"size": 4}}));
    assert_eq!(replaced.header("azure-asyncoperation"), "");
    assert_ne!(replaced.header("etag"), etag);
    let replaced = replaced.ok(200);
    assert_eq!(replaced["tags"], json!({}), "a PUT replaces the whole resource");
    assert_eq!(replaced["properties"]["writes"], 2);
    assert_eq!(replaced["location"], "Global");
    assert_eq!(replaced["systemData"]["createdAt"], at);
    assert_eq!(replaced["systemData"]["lastModifiedAt"], "2026-09-21T14:13:21.1234560Z");
}

#[test]
fn a_put_of_what_was_read_changes_nothing_else() {
    let server = Server::with_group();
    let read = put_box(&server, "b").ok(201);
    let again = server.ask("owner", Method::PUT, &server.things("boxes/b"), &read).ok(200);
    assert_eq!(again["id"], read["id"]);
    assert_eq!(again["tags"], read["tags"]);
}

#[test]
fn patch_merges_and_replaces_tags_whole() {
    let server = Server::with_group();
    put_box(&server, "b").ok(201);
    let path = server.things("boxes/b");
    let patched = server.ask("owner", Method::PATCH, &path, &json!({"tags": {"a": "b"}})).ok(200);
    assert_eq!(patched["tags"], json!({"a": "b"}));
    assert_eq!(patched["properties"]["size"], 3);
    let patched = server.ask("owner", Method::PATCH, &path, &json!({"properties": {"size": 9}})).ok(200);
    assert_eq!((&patched["tags"], &patched["properties"]["size"]), (&json!({"a": "b"}), &json!(9)));
    let absent = server.ask("owner", Method::PATCH, &server.things("boxes/none"), &json!({}));
    assert_eq!(absent.error(), (404, "ResourceNotFound"));
    assert_eq!(
        absent.message(),
        "The Resource 'Test.Things/boxes/none' under resource group 'rg' was not found."
    );
    let items = server.ask("owner", Method::PATCH, &server.things("boxes/b/items/lid"), &json!({}));
    assert_eq!(items.error(), (405, "MethodNotAllowed"));
}

#[test]
fn children_need_their_parents() {
    let server = Server::with_group();
    let path = server.things("boxes/B/items/Pen");
    let orphan = server.ask("owner", Method::PUT, &path, &json!({}));
    assert_eq!(orphan.error(), (404, "ParentResourceNotFound"));
    assert_eq!(
        orphan.message(),
        "Can not perform requested operation on nested resource. Parent resource 'boxes/B' not found."
    );
    assert_eq!(server.get("owner", &path).error(), (404, "ParentResourceNotFound"));
    assert_eq!(server.get("owner", &server.things("boxes/B/items")).error(), (404, "ResourceNotFound"));
    put_box(&server, "b").ok(201);
    let made = server.ask(
        "owner",
        Method::PUT,
        &path,
        &json!({"location": "x", "tags": 3, "properties": {"ink": 1}}),
    );
    assert_eq!(made.header("azure-asyncoperation"), "");
    let made = made.ok(201);
    assert_eq!(made["id"], server.at("/resourceGroups/rg/providers/Test.Things/boxes/b/items/Pen"));
    assert_eq!(made["type"], "Test.Things/Boxes/Items");
    assert!(made.get("location").is_none() && made.get("tags").is_none(), "a proxy resource has neither");
    assert_eq!(server.ask("owner", Method::PUT, &path, &json!({})).status, 200);
    assert_eq!(server.get("owner", &server.things("boxes/b/items")).names(), ["lid", "Pen"]);
    assert_eq!(server.get("owner", &server.things("boxes/b")).ok(200)["properties"]["items"], 2);
    let no_group =
        server.at(&format!("/resourceGroups/no/providers/Test.Things/boxes/b?api-version={THINGS}"));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let got = server.ask("owner", method.clone(), &no_group, &sized(1));
        assert_eq!(got.error(), (404, "ResourceGroupNotFound"), "{method}");
    }
}

#[test]
fn delete_is_thorough_and_idempotent() {
    let server = Server::with_group();
    put_box(&server, "b").ok(201);
    let scope = server.at("/resourceGroups/rg/providers/Test.Things/boxes/b");
    server.assign(server.tenant, object("x"), builtin::READER, &format!("{scope}/items/lid"));
    assert_eq!(server.get("x", &server.things("boxes/b/items/lid")).status, 200);
    let deleted = server.delete("owner", &server.things("boxes/b"));
    assert_eq!(deleted.status, 202);
    assert_eq!(server.follow("owner", deleted.header("location")).status, 204);
    assert_eq!(server.delete("owner", &server.things("boxes/b")).status, 204);
    assert_eq!(server.delete("owner", &server.things("boxes/b/items/lid")).status, 204);
    put_box(&server, "b").ok(201);
    let refused = server.get("x", &server.things("boxes/b/items/lid"));
    assert_eq!(
        refused.error(),
        (403, "AuthorizationFailed"),
        "a new resource begins without the old assignments"
    );
    assert_eq!(server.delete("owner", &server.things("boxes/b/items/lid")).status, 200);
    let head =
        |path: &str| server.send("owner", Method::HEAD, &server.things(path), Bytes::new(), &[]).status;
    assert_eq!((head("boxes/b"), head("boxes/b/items/lid")), (204, 404));
}

#[test]
fn conditional_requests() {
    let server = Server::with_group();
    let etag = put_box(&server, "b").header("etag").to_owned();
    let path = server.things("boxes/b");
    let send = |method: Method, headers: &[(&str, &str)]| {
        server.send("owner", method, &path, Bytes::from(sized(3).to_string()), headers)
    };
    let failed = send(Method::PUT, &[("if-none-match", "*")]);
    assert_eq!(failed.error(), (412, "PreconditionFailed"));
    assert_eq!(failed.message(), "The condition 'If-None-Match' set in the request is not met.");
    assert_eq!(send(Method::PUT, &[("if-match", "\"x\"")]).status, 412);
    assert_eq!(send(Method::PATCH, &[("if-match", "\"x\"")]).status, 412);
    assert_eq!(send(Method::DELETE, &[("if-match", "\"x\"")]).status, 412);
    assert_eq!(send(Method::PATCH, &[("if-match", &etag)]).status, 200);
    let absent = server.send(
        "owner",
        Method::PUT,
        &server.things("boxes/new"),
        Bytes::from(sized(1).to_string()),
        &[("if-match", "*")],
    );
    assert_eq!(absent.status, 412);
}

#[test]
fn locations_and_properties_are_checked() {
    let server = Server::with_group();
    let put = |body: Value| server.ask("owner", Method::PUT, &server.things("boxes/b"), &body);
    assert_eq!(put(json!({"properties": {"size": 1}})).error(), (400, "LocationRequired"));
    let elsewhere = put(json!({"location": "westeurope", "properties": {"size": 1}}));
    assert_eq!(elsewhere.error(), (400, "LocationNotAvailableForResourceType"));
    let wrong = put(json!({"location": "global", "properties": {"size": "big"}}));
    assert_eq!(wrong.error(), (400, "InvalidPropertyValue"));
    assert_eq!(wrong.body["error"]["target"], "properties.size");
    put(sized(1)).ok(201);
    let moved = put(json!({"location": "westeurope", "properties": {"size": 1}}));
    assert_eq!(moved.error(), (409, "InvalidResourceLocation"));
    assert_eq!(put(json!({"properties": {"size": 2}})).status, 200, "the location stays when it is left out");
    let named = server.ask("owner", Method::PUT, &server.things("boxes/a_b"), &sized(1));
    assert_eq!(named.error(), (400, "InvalidResourceName"));
}

#[test]
fn a_linked_scope_needs_its_own_right() {
    let server = Server::with_group();
    put_box(&server, "mine").ok(201);
    let scope = |name: &str| server.at(&format!("/resourceGroups/rg/providers/Test.Things/boxes/{name}"));
    server.assign(server.tenant, object("one"), builtin::CONTRIBUTOR, &scope("mine"));
    let body = |leans: &str| json!({"location": "global", "properties": {"size": 1, "leansOn": leans}});
    let path = server.things("boxes/mine");
    let refused = server.ask("one", Method::PUT, &path, &body(&scope("other")));
    assert_eq!(refused.error(), (403, "LinkedAuthorizationFailed"));
    assert_eq!(
        refused.message(),
        format!(
            "The client 'one@contoso.example' with object id '{}' has permission to perform action \
             'Test.Things/Boxes/write' on scope '{}'; however, it does not have permission to perform action \
             'Test.Things/Boxes/write' on the linked scope(s) '{}' or the linked scope(s) are invalid.",
            object("one"),
            scope("mine"),
            scope("other")
        )
    );
    assert_eq!(server.ask("one", Method::PUT, &path, &body(&scope("mine"))).status, 200);
}

#[test]
fn actions() {
    let server = Server::with_group();
    let path = server.things("boxes/b/OPEN");
    assert_eq!(server.ask("owner", Method::POST, &path, &json!({})).error(), (404, "ResourceNotFound"));
    put_box(&server, "b").ok(201);
    let done = server.ask("owner", Method::POST, &path, &json!({"key": 1})).ok(200);
    assert_eq!(done, json!({"opened": "b", "with": {"key": 1}}));
    let bare = server.send("owner", Method::POST, &path, Bytes::new(), &[]).ok(200);
    assert_eq!(bare["with"], Value::Null);
    let refused = server.ask("reader", Method::POST, &path, &json!({}));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    assert!(refused.message().contains("'Test.Things/Boxes/Open/action'"));
    let shake = |version: &str| {
        let path = server
            .at(&format!("/resourceGroups/rg/providers/Test.Things/boxes/b/shake?api-version={version}"));
        server.send("owner", Method::POST, &path, Bytes::new(), &[])
    };
    assert_eq!(shake(THINGS).error(), (400, "NoRegisteredProviderFound"));
    let shaken = shake("2026-11-01-gatepost");
    assert_eq!(shaken.status, 202);
    assert_eq!(server.follow("owner", shaken.header("location")).status, 204);
    let absent = server.send("owner", Method::POST, &server.things("boxes/b/burn"), Bytes::new(), &[]);
    assert_eq!(absent.error(), (405, "MethodNotAllowed"));
}

#[test]
fn lists_at_every_level() {
    let server = Server::with_group();
    server.put_group("rg2");
    put_box(&server, "b1").ok(201);
    put_box(&server, "b2").ok(201);
    let other =
        server.at(&format!("/resourceGroups/rg2/providers/Test.Things/boxes/b3?api-version={THINGS}"));
    server.ask("owner", Method::PUT, &other, &sized(1)).ok(201);
    let in_sub = server.at(&format!("/providers/Test.Things/boxes?api-version={THINGS}"));
    assert_eq!(server.get("owner", &in_sub).names(), ["b1", "b2", "b3"]);
    assert_eq!(server.get("reader", &in_sub).names(), ["b1", "b2"], "only what the caller may read");
    assert_eq!(server.get("reader", &server.things("boxes")).names(), ["b1", "b2"]);
    let elsewhere = |rest: &str| server.at(&format!("/resourceGroups/{rest}?api-version={THINGS}"));
    for hidden in ["rg2/providers/Test.Things/boxes", "no/providers/Test.Things/boxes"] {
        assert_eq!(
            server.get("reader", &elsewhere(hidden)).error(),
            (403, "AuthorizationFailed"),
            "{hidden}"
        );
    }
    assert_eq!(
        server.get("owner", &elsewhere("no/providers/Test.Things/boxes")).error(),
        (404, "ResourceGroupNotFound")
    );
    assert_eq!(server.get("nobody", &in_sub).error(), (403, "AuthorizationFailed"));
    let one = server.at("/resourceGroups/rg2/providers/Test.Things/boxes/b3");
    server.assign(server.tenant, object("one"), builtin::READER, &one);
    assert_eq!(server.get("one", &elsewhere("rg2/providers/Test.Things/boxes")).names(), ["b3"]);
    let first = server.get("owner", &format!("{in_sub}&$top=2")).ok(200);
    let rest = server.follow("owner", first["nextLink"].as_str().unwrap());
    assert_eq!(rest.names(), ["b3"]);
}

#[test]
fn lists_of_all_resources() {
    let server = Server::with_group();
    put_box(&server, "b1").ok(201);
    put_box(&server, "b2").ok(201);
    let all = server.at(&format!("/resources?api-version={RESOURCES}"));
    let listed = server.get("owner", &format!("{all}&$filter=&$top=1")).ok(200);
    assert_eq!(
        listed["value"],
        json!([{
            "id": server.at("/resourceGroups/rg/providers/Test.Things/boxes/b1"), "name": "b1",
            "type": "Test.Things/Boxes", "location": "Global", "tags": {"env": "test"},
        }])
    );
    assert!(listed["nextLink"].is_string());
    let expanded = format!("{all}&$expand=createdTime,changedTime,provisioningState");
    let expanded = server.get("owner", &expanded).ok(200);
    assert_eq!(expanded["value"][0]["createdTime"], "2026-09-21T14:13:20.1234560Z");
    assert_eq!(expanded["value"][0]["provisioningState"], "Succeeded");
    let in_group = server.at(&format!("/resourceGroups/RG/resources?api-version={RESOURCES}"));
    assert_eq!(server.get("reader", &in_group).names(), ["b1", "b2"], "items are no tracked resources");
    for (filter, names) in [
        ("resourceType eq 'Test.Things/boxes'", vec!["b1", "b2"]),
        ("name eq 'b2'", vec!["b2"]),
        ("tagName eq 'env' and tagValue eq 'test'", vec!["b1", "b2"]),
        ("resourceGroup eq 'other'", vec![]),
    ] {
        assert_eq!(server.get("owner", &format!("{all}&$filter={filter}")).names(), names, "{filter}");
    }
    assert_eq!(
        server.get("owner", &format!("{all}&$filter=x eq")).error(),
        (400, "InvalidFilterInQueryString")
    );
    assert_eq!(
        server.get("owner", &format!("{all}&$expand=colour")).error(),
        (400, "InvalidExpandQueryParameter")
    );
    assert_eq!(server.get("nobody", &all).error(), (403, "AuthorizationFailed"));
    assert_eq!(server.get("nobody", &in_group).error(), (403, "AuthorizationFailed"));
}

#[test]
fn operations_are_for_those_who_may_know() {
    let server = Server::with_group();
    let monitor = put_box(&server, "b").header("azure-asyncoperation").to_owned();
    assert_eq!(server.follow("owner", &monitor).status, 200);
    assert_eq!(server.follow("reader", &monitor).status, 200, "may read the resource");
    assert_eq!(server.follow("nobody", &monitor).error(), (404, "OperationNotFound"));
    assert_eq!(server.follow("stranger", &monitor).error(), (404, "SubscriptionNotFound"));
    let junk = server
        .at(&format!("/providers/Test.Things/locations/global/operationStatuses/x?api-version={THINGS}"));
    assert_eq!(server.get("owner", &junk).error(), (404, "OperationNotFound"));
}

#[test]
fn a_refusal_never_tells_whether_a_resource_exists() {
    let server = Server::with_group();
    put_box(&server, "b").ok(201);
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in ["boxes/b", "boxes/no", "boxes/b/items/lid", "boxes/no/items/lid"] {
            if method == Method::PATCH && path.contains("items") {
                continue;
            }
            let got = server.ask("nobody", method.clone(), &server.things(path), &sized(1));
            assert_eq!(got.error(), (403, "AuthorizationFailed"), "{method} {path}");
        }
    }
}

#[test]
fn what_no_type_is_is_not_found() {
    let server = Server::with_group();
    for (path, code) in [
        ("/resourceGroups/rg/providers/Test.Things/crates/c", "InvalidResourceType"),
        ("/resourceGroups/rg/providers/Test.Things/boxes/b/crates/c", "InvalidResourceType"),
        ("/resourceGroups/rg/providers/No.Such/things/c", "InvalidResourceNamespace"),
        ("/resourceGroups/rg/providers/No.Such/things", "InvalidResourceNamespace"),
        ("/providers/Test.Things/boxes/b", "InvalidResourceType"),
        (
            "/resourceGroups/rg/providers/Test.Things/boxes/b/providers/Test.Things/boxes/c",
            "InvalidResourceType",
        ),
    ] {
        let got = server.get("owner", &server.at(&format!("{path}?api-version={THINGS}")));
        assert_eq!(got.error(), (404, code), "{path}");
    }
}

#[test]
fn resources_roles_and_operations_survive_a_restart() {
    let server = Server::with_group();
    let monitor = put_box(&server, "b").header("azure-asyncoperation").to_owned();
    let result = server.delete("owner", &server.things("boxes/b")).header("location").to_owned();
    let kept = put_box(&server, "c");
    let (etag, kept) = (kept.header("etag").to_owned(), kept.ok(201));
    let server = server.restart();
    assert_eq!(server.follow("owner", &monitor).ok(200)["status"], "Succeeded");
    assert_eq!(server.follow("owner", &result).status, 204);
    let read = server.get("reader", &server.things("boxes/c"));
    assert_eq!(read.header("etag"), etag);
    assert_eq!(read.ok(200), kept);
}
