//! What belongs to the platform: metadata, tenants, subscriptions, providers; and the forms of 401.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::fixture::{RESOURCES, ROLES, Server};

const TENANT: &str = "00000000-0000-0000-0000-000000000001";
const SUB: &str = "00000000-0000-0000-0000-00000000000b";

#[test]
fn metadata_needs_no_token_and_has_both_shapes() {
    let server = Server::start();
    let object = server.get("", "//metadata/endpoints?api-version=2022-09-01").ok(200);
    assert_eq!(object["resourceManager"], "https://localhost:8445/");
    assert_eq!(object["authentication"]["loginEndpoint"], "https://localhost:8444");
    assert_eq!(
        object["authentication"]["audiences"],
        json!(["https://localhost:8445/", "https://localhost:8445"])
    );
    assert_eq!(object["microsoftGraphResourceId"], "https://localhost:8446/");
    assert_eq!(object["graphAudience"], "https://localhost:8446/");
    for member in
        ["name", "suffixes", "portal", "gallery", "batch", "sqlManagement", "activeDirectoryDataLake"]
    {
        assert!(!object[member].is_null(), "{member}");
    }
    let array = server.get("", "/metadata/endpoints?api-version=2019-05-01").ok(200);
    assert_eq!(array, json!([object]));
    assert_eq!(server.get("", "/metadata/endpoints").error(), (400, "MissingApiVersionParameter"));
    assert_eq!(
        server.get("", "/metadata/endpoints?api-version=1999-01-01").error(),
        (400, "InvalidApiVersionParameter")
    );
    let posted = server.ask("", Method::POST, "/metadata/endpoints?api-version=2022-09-01", &json!({}));
    assert_eq!(posted.error(), (405, "MethodNotAllowed"));
}

#[test]
fn tenants_and_subscriptions_are_those_that_the_caller_can_see() {
    let server = Server::with_group();
    let tenants = server.get("nobody", "/tenants?api-version=2022-12-01").ok(200);
    assert_eq!(
        tenants,
        json!({"value": [{
            "id": format!("/tenants/{TENANT}"), "tenantId": TENANT, "countryCode": "", "displayName": "Contoso",
            "domains": ["contoso.example"], "tenantCategory": "Home", "defaultDomain": "contoso.example",
            "tenantType": "AAD",
        }]})
    );
    let subscription = json!({
        "id": format!("/subscriptions/{SUB}"), "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionId": SUB, "tenantId": TENANT, "displayName": "Contoso's", "state": "Enabled", "tags": {},
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "Gatepost_2026-11-01", "spendingLimit": "Off",
        },
    });
    let list = "/subscriptions?api-version=2022-12-01";
    for who in ["owner", "reader"] {
        assert_eq!(
            server.get(who, list).ok(200),
            json!({"value": [subscription], "count": {"type": "Total", "value": 1}})
        );
        let one = server.get(who, &server.at("?api-version=2022-12-01")).ok(200);
        assert_eq!(one, subscription);
    }
    assert_eq!(server.get("nobody", list).ok(200)["value"], json!([]));
    assert_eq!(
        server.get("nobody", &server.at("?api-version=2022-12-01")).error(),
        (403, "AuthorizationFailed")
    );
}

#[test]
fn a_subscription_of_another_tenant_is_like_none() {
    let server = Server::with_group();
    let absent = "/subscriptions/00000000-0000-0000-0000-0000000000ff";
    for rest in [
        format!("?api-version={RESOURCES}"),
        format!("/resourceGroups?api-version={RESOURCES}"),
        format!("/resourceGroups/rg?api-version={RESOURCES}"),
        format!("/resources?api-version={RESOURCES}"),
        format!("/locations?api-version={RESOURCES}"),
        format!("/providers?api-version={RESOURCES}"),
        format!("/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}"),
        "/providers/Test.Things/boxes?api-version=2025-01-01".to_owned(),
        "/resourceGroups/rg/providers/Test.Things/boxes/b?api-version=2025-01-01".to_owned(),
        format!("/operationresults/{SUB}?api-version={RESOURCES}"),
    ] {
        let foreign = server.get("owner", &format!("{}{rest}", server.foreign_sub));
        let missing = server.get("owner", &format!("{absent}{rest}"));
        assert_eq!(foreign.error(), (404, "SubscriptionNotFound"), "{rest}");
        assert_eq!(missing.error(), (404, "SubscriptionNotFound"), "{rest}");
        let id = |sub: &str| sub.rsplit('/').next().unwrap().to_owned();
        assert_eq!(
            foreign.message().replace(&id(&server.foreign_sub), "X"),
            missing.message().replace(&id(absent), "X"),
            "{rest}"
        );
        // The other way round.
        let ours = server.get("stranger", &format!("{}{rest}", server.sub));
        assert_eq!(ours.error(), (404, "SubscriptionNotFound"), "{rest}");
    }
}

#[test]
fn locations_and_providers() {
    let server = Server::start();
    let locations = server.get("owner", &server.at(&format!("/locations?api-version={RESOURCES}")));
    let names = locations.names();
    assert!(names.contains(&"global".to_owned()) && names.contains(&"westeurope".to_owned()));
    let path = server.at(&format!("/providers/test.things?api-version={RESOURCES}"));
    assert_eq!(
        server.get("owner", &path).ok(200),
        json!({
            "id": format!("/subscriptions/{SUB}/providers/Test.Things"),
            "namespace": "Test.Things",
            "resourceTypes": [
                {
                    "resourceType": "Boxes", "locations": ["Global"],
                    "apiVersions": ["2025-01-01", "2024-01-01-preview"], "defaultApiVersion": "2025-01-01",
                    "capabilities": "SupportsTags, SupportsLocation",
                },
                {
                    "resourceType": "Boxes/Items", "locations": ["Global"], "apiVersions": ["2025-01-01"],
                    "defaultApiVersion": "2025-01-01", "capabilities": "None",
                },
            ],
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationFree",
        })
    );
    let all = server.get("owner", &server.at(&format!("/providers?api-version={RESOURCES}"))).ok(200);
    let namespaces: Vec<&str> =
        all["value"].as_array().unwrap().iter().map(|p| p["namespace"].as_str().unwrap()).collect();
    for namespace in
        ["Microsoft.Authorization", "Microsoft.Resources", "Microsoft.Communication", "Test.Things"]
    {
        assert!(namespaces.contains(&namespace), "{namespace}");
    }
    let tenant_level =
        server.get("nobody", &format!("/providers/Test.Things?api-version={RESOURCES}")).ok(200);
    assert_eq!(tenant_level["id"], "/providers/Test.Things");
    let absent = server.get("owner", &server.at(&format!("/providers/No.Such?api-version={RESOURCES}")));
    assert_eq!(absent.error(), (404, "InvalidResourceNamespace"));
    for verb in ["register", "unregister"] {
        let path = server.at(&format!("/providers/Test.Things/{verb}?api-version={RESOURCES}"));
        let done = server.send("owner", Method::POST, &path, Bytes::new(), &[]).ok(200);
        assert_eq!(done["registrationState"], "Registered");
        let refused = server.send("nobody", Method::POST, &path, Bytes::new(), &[]);
        assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    }
}

#[test]
fn the_catalogue_of_operations() {
    let server = Server::start();
    let path = format!(
        "/providers/Microsoft.Authorization/providerOperations?api-version={ROLES}&$expand=resourceTypes"
    );
    let all = server.get("nobody", &path).ok(200);
    assert!(all["value"].as_array().unwrap().len() >= 4);
    let path =
        format!("/providers/Microsoft.Authorization/providerOperations/Test.Things?api-version={ROLES}");
    let one = server.get("nobody", &path).ok(200);
    assert_eq!(one["id"], "/providers/Microsoft.Authorization/providerOperations/Test.Things");
    assert_eq!(one["type"], "Microsoft.Authorization/providerOperations");
    assert_eq!(one["resourceTypes"][0]["name"], "Boxes");
    assert_eq!(
        one["resourceTypes"][0]["operations"][3],
        json!({
            "name": "Test.Things/Boxes/Open/action", "displayName": "op", "description": "An operation.",
            "origin": "user,system", "properties": null, "isDataAction": false,
        })
    );
    assert_eq!(one["resourceTypes"][1]["name"], "Boxes/Items");
    let flat = server.get("nobody", "/providers/Test.Things/operations?api-version=2025-01-01").ok(200);
    assert_eq!(flat["value"].as_array().unwrap().len(), 8);
    assert_eq!(flat["value"][0]["display"]["resource"], "Boxes");
    let absent = format!("/providers/Microsoft.Authorization/providerOperations/No.Such?api-version={ROLES}");
    assert_eq!(server.get("nobody", &absent).error(), (404, "InvalidResourceNamespace"));
}

#[test]
fn check_resource_name() {
    let server = Server::start();
    let path = format!("/providers/Microsoft.Resources/checkResourceName?api-version={RESOURCES}");
    let done = server.ask("nobody", Method::POST, &path, &json!({"name": "x", "type": "Test.Things/boxes"}));
    assert_eq!(done.ok(200)["status"], "Allowed");
    assert_eq!(server.ask("nobody", Method::POST, &path, &json!({})).error(), (400, "InvalidRequestContent"));
}

#[test]
fn the_forms_of_401() {
    let server = Server::start();
    for (token, code) in [
        ("", "AuthenticationFailed"),
        ("forged", "InvalidAuthenticationToken"),
        ("early", "InvalidAuthenticationToken"),
        ("deleted", "InvalidAuthenticationToken"),
        ("expired", "ExpiredAuthenticationToken"),
        ("graph", "InvalidAuthenticationTokenAudience"),
        ("elsewhere", "InvalidAuthenticationTokenTenant"),
    ] {
        let got = server.get(token, "/subscriptions?api-version=2022-12-01");
        assert_eq!(got.error(), (401, code), "{token}");
        let challenge = got.header("www-authenticate");
        // Two tenants: the challenge names neither.
        let expected = "Bearer authorization_uri=\"https://localhost:8444/common\", error=\"invalid_token\", error_description=\"";
        assert!(challenge.starts_with(expected), "{challenge}");
        assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
    }
    assert_eq!(
        server.get("full", "/subscriptions?api-version=2022-12-01").error(),
        (507, "InsufficientStorage")
    );
    let busy = server.get("busy", "/subscriptions?api-version=2022-12-01");
    assert_eq!(busy.error(), (503, "ServerBusy"));
    assert_eq!(busy.header("retry-after"), "5");
}

#[test]
fn replies_carry_the_usual_headers() {
    let server = Server::start();
    let headers = [
        ("x-ms-correlation-request-id", "11111111-2222-3333-4444-555555555555"),
        ("x-ms-client-request-id", "client-1"),
        ("x-ms-return-client-request-id", "true"),
    ];
    let path = "/subscriptions?api-version=2022-12-01";
    let got = server.send("owner", Method::GET, path, Bytes::new(), &headers);
    assert_eq!(got.header("x-ms-request-id"), "00000000-0000-0000-0000-000000000063");
    assert_eq!(got.header("x-ms-correlation-request-id"), "11111111-2222-3333-4444-555555555555");
    assert_eq!(got.header("x-ms-client-request-id"), "client-1");
    assert!(got.header("x-ms-routing-request-id").starts_with("GATEPOST:20260921T"));
    assert_eq!(got.header("cache-control"), "no-cache");
    assert_eq!(got.header("x-ms-ratelimit-remaining-subscription-reads"), "11999");
    assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
    let got = server.send("owner", Method::GET, path, Bytes::new(), &headers[..2]);
    assert_eq!(got.header("x-ms-client-request-id"), "");
}
