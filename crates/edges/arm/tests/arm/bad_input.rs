//! What clients get wrong, and what attackers try.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::fixture::{RESOURCES, ROLES, Server};

#[test]
fn api_versions_are_checked() {
    let server = Server::with_group();
    let missing = server.get("owner", "/subscriptions");
    assert_eq!(missing.error(), (400, "MissingApiVersionParameter"));
    assert_eq!(
        missing.message(),
        "The api-version query parameter (?api-version=) is required for all requests."
    );
    assert_eq!(
        server.get("owner", "/subscriptions?api-version=").error(),
        (400, "MissingApiVersionParameter")
    );
    let unknown = server.get("owner", "/subscriptions?api-version=1999-01-01");
    assert_eq!(unknown.error(), (400, "InvalidApiVersionParameter"));
    assert!(unknown.message().contains("2022-12-01"));
    let path = server.at("/resourceGroups/rg/providers/Test.Things/boxes/b?API-Version=2024-01-01");
    let unknown = server.get("owner", &path);
    assert_eq!(unknown.error(), (400, "NoRegisteredProviderFound"));
    assert_eq!(
        unknown.message(),
        "No registered resource provider found for location 'global' and API version '2024-01-01' for type \
         'boxes'. The supported api-versions are '2025-01-01, 2024-01-01-preview'. The supported locations are \
         'global'."
    );
    let old = server.at("/resourceGroups/rg/providers/Test.Things/boxes?api-version=2024-01-01-PREVIEW");
    assert_eq!(server.get("owner", &old).status, 200);
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let server = Server::with_group();
    let path = server.things("boxes/b");
    for body in ["", "{", "nonsense", "[1", "{\"location\": \"global\",}", "\u{feff}{}", &"[".repeat(100_000)]
    {
        let got = server.send("owner", Method::PUT, &path, Bytes::from(body.to_owned()), &[]);
        assert_eq!(got.error(), (400, "InvalidRequestContent"), "{}", &body[..body.len().min(20)]);
    }
    for body in ["null", "1", "\"x\"", "[]"] {
        let got = server.send("owner", Method::PUT, &path, Bytes::from(body), &[]);
        assert_eq!(got.error(), (400, "InvalidRequestContent"), "{body}");
    }
    let binary = server.send("owner", Method::PUT, &path, Bytes::from_static(b"\xff\xfe{}"), &[]);
    assert_eq!(binary.error(), (400, "InvalidRequestContent"));
    assert_eq!(server.too_large().error(), (413, "RequestTooLarge"));
    assert_eq!(server.get("owner", &path).status, 404, "nothing was written");
}

#[test]
fn a_malformed_body_of_a_caller_without_the_right_is_not_parsed() {
    let server = Server::with_group();
    let group = server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"));
    let role = |kind: &str| {
        let name = "11111111-2222-3333-4444-555555555555";
        server.at(&format!("/providers/Microsoft.Authorization/{kind}/{name}?api-version={ROLES}"))
    };
    for (method, path) in [
        (Method::PUT, group.clone()),
        (Method::PATCH, group),
        (Method::PUT, server.things("boxes/b")),
        (Method::PATCH, server.things("boxes/b")),
        (Method::POST, server.things("boxes/b/open")),
        (
            Method::POST,
            server.at("/providers/Microsoft.Communication/checkNameAvailability?api-version=2023-04-01"),
        ),
        (Method::PUT, role("roleDefinitions")),
        (Method::PUT, role("roleAssignments")),
    ] {
        let send = |who: &str| server.send(who, method.clone(), &path, Bytes::from_static(b"{"), &[]);
        assert_eq!(send("nobody").error(), (403, "AuthorizationFailed"), "{method} {path}");
        assert_eq!(send("owner").error(), (400, "InvalidRequestContent"), "{method} {path}");
    }
}

#[test]
fn path_tricks_reach_nothing() {
    let server = Server::with_group();
    let query = format!("api-version={RESOURCES}");
    for path in [
        "/resourceGroups/%2e%2e?",
        "/resourceGroups/../resourceGroups/rg?",
        "/resourceGroups/rg%2fproviders?",
        "/resourceGroups/rg%5c?",
        "/resourceGroups/rg%00?",
        "/resourceGroups/r%g?",
        "/resourceGroups/%ff?",
        "/resourceGroups/a%2562?",
        "/resourceGroups/a%23b?",
        "/resourceGroups/a%3Fb?",
    ] {
        let got = server.get("owner", &server.at(&format!("{path}{query}")));
        assert_eq!(got.error(), (400, "InvalidRequestUri"), "{path}");
    }
    let bad_subscription = server.get("owner", &format!("/subscriptions/x/resourceGroups?{query}"));
    assert_eq!(bad_subscription.error(), (400, "InvalidSubscriptionId"));
    for path in ["/", "/x", "/favicon.ico", "/.well-known/x"] {
        assert_eq!(
            server.get("owner", &format!("{path}?{query}")).error(),
            (404, "MissingSubscription"),
            "{path}"
        );
    }
    // Slashes collapse and letter case does not matter.
    let odd =
        format!("//SUBSCRIPTIONS/{}//RESOURCEGROUPS//RG/?{query}", server.sub.rsplit('/').next().unwrap());
    assert_eq!(server.get("owner", &odd).status, 200);
    let long = server.at(&format!("/resourceGroups/{}?{query}", "x".repeat(5000)));
    assert_eq!(server.get("owner", &long).error(), (400, "InvalidRequestUri"));
}

#[test]
fn methods_that_there_are_not() {
    let server = Server::with_group();
    for (method, path) in [
        (Method::POST, server.at(&format!("?api-version={RESOURCES}"))),
        (Method::DELETE, server.at(&format!("/resourceGroups?api-version={RESOURCES}"))),
        (Method::PUT, server.at(&format!("/resources?api-version={RESOURCES}"))),
        (Method::POST, server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}"))),
        (Method::PUT, server.things("boxes")),
        (Method::POST, server.things("boxes/b")),
        (Method::OPTIONS, format!("/tenants?api-version={RESOURCES}")),
    ] {
        let got = server.ask("owner", method.clone(), &path, &json!({}));
        assert_eq!(got.error(), (405, "MethodNotAllowed"), "{method} {path}");
    }
}

#[test]
fn nothing_is_told_before_the_caller_is_known() {
    let server = Server::with_group();
    for path in ["/", "/subscriptions/x", "/subscriptions", &server.sub, "/%2e%2e"] {
        assert_eq!(server.get("", path).error(), (401, "AuthenticationFailed"), "{path}");
    }
}
