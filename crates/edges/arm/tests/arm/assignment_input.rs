//! What clients send for a role assignment: bodies, paths, api-versions; and `validate`.

use gatepost_rbac::builtin;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::assignment_rules::{NAME, UNTIL, at, at_version, body, fresh, put, with};
use crate::fixture::{Got, ROLES, Server, object};

#[test]
fn fields_of_an_assignment_depend_on_the_api_version() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let old = at_version(&server.sub, NAME, "2015-07-01");
    let made = server.ask("owner", Method::PUT, &old, &body(builtin::READER, principal)).ok(201);
    assert_eq!(made["properties"].get("principalType"), None);
    let newer = server.get("owner", &at_version(&server.sub, NAME, "2018-09-01-preview")).ok(200);
    assert_eq!(newer["properties"]["principalType"], "ServicePrincipal");
    assert_eq!(newer["properties"].get("condition"), None);
    let newest = server.get("owner", &at_version(&server.sub, NAME, "2026-08-01")).ok(200);
    assert_eq!(newest["properties"]["condition"], Value::Null);
}

#[test]
fn a_put_that_contradicts_its_path_is_refused() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let mut named = body(builtin::READER, principal);
    named["name"] = json!(fresh());
    let refused = put(&server, &server.sub, NAME, &named);
    assert_eq!(refused.error(), (400, "MismatchingResourceName"));
    let mut identified = body(builtin::READER, principal);
    identified["id"] = json!(at(&server.sub, &fresh()));
    assert_eq!(put(&server, &server.sub, NAME, &identified).error(), (400, "MismatchingResourceName"));
    let elsewhere = with("scope", json!(server.foreign_sub), principal);
    assert_eq!(put(&server, &server.sub, NAME, &elsewhere).error(), (400, "InvalidRequestContent"));
    // What was read is written back by many clients.
    let made = put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(201);
    put(&server, &server.sub, NAME, &made).ok(200);
}

#[test]
fn validate_says_what_a_put_would_say_and_writes_nothing() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let path = |name: &str| {
        let version = "2020-10-01-preview";
        format!(
            "{}/providers/Microsoft.Authorization/roleAssignments/{name}/validate?api-version={version}",
            server.sub
        )
    };
    let ask = |body: &Value| server.ask("owner", Method::POST, &path(NAME), body).ok(200);
    assert_eq!(ask(&body(builtin::READER, principal)), json!({"isValid": true, "errorInfo": null}));
    assert_eq!(server.get("owner", &at(&server.sub, NAME)).status, 404);
    let role = "0b5fe924-9a61-425c-96af-cfe6e287ca2d";
    assert_eq!(
        ask(&with("roleDefinitionId", json!(role), principal)),
        json!({"isValid": false, "errorInfo": {
            "code": "InvalidRoleDefinitionId",
            "message": format!("The specified role definition with ID '{role}' does not exist."),
        }})
    );
    for (wrong, code) in [
        (with("principalType", json!("User"), principal), "UnmatchedPrincipalType"),
        (with("condition", json!("x"), principal), "InvalidCondition"),
        (json!({}), "InvalidRequestContent"),
    ] {
        assert_eq!(ask(&wrong)["errorInfo"]["code"], code, "{wrong}");
    }
    let bad_name =
        server.ask("owner", Method::POST, &path("junk"), &body(builtin::READER, principal)).ok(200);
    assert_eq!(bad_name["errorInfo"]["code"], "InvalidRoleAssignmentId");
    put(&server, &server.sub, NAME, &body(builtin::READER, principal)).ok(201);
    let again = server.ask("owner", Method::POST, &path(&fresh()), &body(builtin::READER, principal)).ok(200);
    assert_eq!(again["errorInfo"]["code"], "RoleAssignmentExists");
    let refused = server.ask("nobody", Method::POST, &path(NAME), &body(builtin::READER, principal));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    assert_eq!(server.get("owner", &path(NAME)).error(), (405, "MethodNotAllowed"));
}

#[test]
fn authorization_failed_carries_the_correlation_id() {
    let server = Server::with_group();
    let refused = server.get("nobody", &at(&server.sub, NAME));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    assert_eq!(
        refused.message(),
        format!(
            "The client 'nobody@contoso.example' with object id '{}' does not have authorization to perform \
             action 'Microsoft.Authorization/roleAssignments/read' over scope '{}' or the scope is invalid. If \
             access was recently granted, please refresh your credentials.",
            object("nobody"),
            server.sub
        )
    );
    let id = |got: &Got| got.body["error"]["additionalInfo"][0].clone();
    assert_eq!(
        id(&refused),
        json!({"type": "CorrelationId", "info": {"correlationId": refused.header("x-ms-correlation-request-id")}})
    );
    let chosen = "11111111-2222-3333-4444-555555555555";
    let headers = [("x-ms-correlation-request-id", chosen)];
    let path = at(&server.sub, NAME);
    let refused = server.send("nobody", Method::GET, &path, bytes::Bytes::new(), &headers);
    assert_eq!(id(&refused)["info"]["correlationId"], chosen);
    let headers = [("x-ms-correlation-request-id", "not a GUID")];
    let refused = server.send("nobody", Method::GET, &path, bytes::Bytes::new(), &headers);
    assert_eq!(id(&refused)["info"]["correlationId"], refused.header("x-ms-request-id"));
}

#[test]
fn scopes_that_are_none_are_refused() {
    let server = Server::with_group();
    let wanted = body(builtin::READER, server.service_principal());
    let deep = format!("{}/resourceGroups/rg/providers/A.B{}", server.sub, "/c/d".repeat(50));
    for (scope, error) in [
        (server.at("/resourceGroups/.."), (400, "InvalidRequestUri")),
        (server.at("/resourceGroups/%2e%2e"), (400, "InvalidRequestUri")),
        (deep, (400, "InvalidRequestUri")),
        (server.foreign_sub.clone(), (404, "SubscriptionNotFound")),
        (format!("/subscriptions/{}", Uuid::nil()), (404, "SubscriptionNotFound")),
        ("/subscriptions/x".to_owned(), (400, "InvalidSubscriptionId")),
        ("/subscriptions".to_owned(), (400, "InvalidSubscriptionId")),
    ] {
        let refused = put(&server, &scope, NAME, &wanted);
        assert_eq!(refused.error(), error, "{scope}");
    }
    // Slashes in a row are one.
    put(&server, &server.sub.replace('/', "//"), NAME, &wanted).ok(201);
}

#[test]
fn another_tenant_cannot_be_asked_about() {
    let server = Server::with_group();
    let list = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}&tenantId=",
        server.sub
    );
    for own in [String::new(), server.tenant.to_string()] {
        assert_eq!(server.get("owner", &format!("{list}{own}")).status, 200, "{own}");
    }
    for other in ["junk".to_owned(), Uuid::nil().to_string()] {
        assert_eq!(
            server.get("owner", &format!("{list}{other}")).error(),
            (400, "InvalidTenantId"),
            "{other}"
        );
    }
}

#[test]
fn an_invalid_condition_is_refused_and_a_huge_or_deep_one_too() {
    let server = Server::with_group();
    let principal = server.service_principal();
    let deep = format!("{}{UNTIL}{}", "(".repeat(10_000), ")".repeat(10_000));
    for condition in ["@Request[".to_owned(), "x".repeat(1 << 20), deep, "true".to_owned()] {
        let refused = put(&server, &server.sub, NAME, &with("condition", json!(condition), principal));
        assert_eq!(refused.error(), (400, "InvalidCondition"));
        let text = refused.message();
        assert!(
            text.starts_with("The given role assignment condition is invalid.") && text.len() < 1000,
            "{text}"
        );
    }
    let unknown = with("condition", json!("@Resource[Microsoft.X/y:Name] StringEquals 'z'"), principal);
    let refused = put(&server, &server.sub, NAME, &unknown);
    assert_eq!(refused.message(), "Resource attribute Microsoft.X/y:Name is not valid.");
    let mut old = with("condition", json!(UNTIL), principal);
    old["properties"]["conditionVersion"] = json!("1.0");
    assert_eq!(put(&server, &server.sub, NAME, &old).error(), (400, "InvalidCondition"));
}

#[test]
fn every_api_version_of_the_reference_is_taken() {
    let server = Server::with_group();
    let paths: [(&str, &[&str]); 6] = [
        (
            "roleDefinitions",
            &["2015-07-01", "2017-10-01-preview", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview"],
        ),
        (
            "roleAssignments",
            &[
                "2015-07-01",
                "2017-10-01-preview",
                "2018-01-01-preview",
                "2018-09-01-preview",
                "2020-03-01-preview",
                "2020-04-01-preview",
                "2020-10-01-preview",
                "2022-04-01",
                "2026-08-01",
                "2026-11-01-gatepost",
            ],
        ),
        (
            "denyAssignments",
            &["2018-07-01-preview", "2022-04-01", "2024-07-01-preview", "2026-09-01", "2026-11-01-gatepost"],
        ),
        ("permissions", &["2015-07-01", "2022-04-01", "2022-05-01-preview"]),
        ("classicAdministrators", &["2015-06-01", "2015-07-01"]),
        ("providerOperations", &["2015-07-01", "2022-04-01"]),
    ];
    for (kind, versions) in paths {
        let scope = if kind == "providerOperations" { "" } else { &server.sub };
        let path =
            |version: &str| format!("{scope}/providers/Microsoft.Authorization/{kind}?api-version={version}");
        for version in versions {
            assert_eq!(server.get("owner", &path(version)).status, 200, "{kind} {version}");
        }
        let unknown = server.get("owner", &path("1999-01-01"));
        assert_eq!(unknown.error(), (400, "NoRegisteredProviderFound"), "{kind}");
        assert_eq!(server.get("owner", &path("")).error(), (400, "MissingApiVersionParameter"), "{kind}");
    }
}
