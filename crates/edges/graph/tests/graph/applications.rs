//! Applications, service principals, users, and what is refused.

use std::time::Duration;

use bytes::Bytes;
use gatepost_directory::{MICROSOFT_GRAPH, NewApplication};
use gatepost_https::{Call, Edge};
use gatepost_names::{ApplicationId, TenantId};
use gatepost_store::tenants;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{G, House, REQUEST, taken_apart};

const CONTENT: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

#[test]
fn an_application_as_graph_shows_it() {
    let house = House::new();
    let made = house.call(
        &Method::POST,
        "/v1.0/applications",
        &json!({"@odata.type": "#microsoft.graph.application", "displayName": "Mail Robot", "keyCredentials": []})
            .to_string(),
        &[("client-request-id", "my-id")],
    );
    assert_eq!(made.status, 201);
    assert_eq!(made.header("content-type"), CONTENT);
    assert_eq!(made.header("odata-version"), "4.0");
    assert_eq!(made.header("request-id"), REQUEST.to_string());
    assert_eq!(made.header("client-request-id"), "my-id");
    let (id, app_id) = (made.text("id"), made.text("appId"));
    assert_eq!(made.header("location"), format!("{G}/v1.0/applications/{id}"));
    let golden = json!({
        "@odata.context": "https://localhost:8446/v1.0/$metadata#applications/$entity",
        "id": id,
        "deletedDateTime": null,
        "appId": app_id,
        "applicationTemplateId": null,
        "disabledByMicrosoftStatus": null,
        "createdDateTime": "2026-01-01T00:00:00Z",
        "displayName": "Mail Robot",
        "description": null,
        "groupMembershipClaims": null,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": null,
        "isFallbackPublicClient": null,
        "notes": null,
        "publisherDomain": "contoso.example",
        "serviceManagementReference": null,
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "tokenEncryptionKeyId": null,
        "samlMetadataUrl": null,
        "defaultRedirectUri": null,
        "uniqueName": null,
        "optionalClaims": null,
        "api": {
            "acceptMappedClaims": null,
            "knownClientApplications": [],
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
            "requestedAccessTokenVersion": null,
        },
        "appRoles": [],
        "info": {
            "logoUrl": null,
            "marketingUrl": null,
            "privacyStatementUrl": null,
            "supportUrl": null,
            "termsOfServiceUrl": null,
        },
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "spa": {"redirectUris": []},
        "web": {
            "homePageUrl": null,
            "implicitGrantSettings": {"enableAccessTokenIssuance": false, "enableIdTokenIssuance": false},
            "logoutUrl": null,
            "redirectUris": [],
        },
        "keyCredentials": [],
        "passwordCredentials": [],
    });
    assert_eq!(made.body.to_string(), golden.to_string());
    for target in [
        format!("/v1.0/applications/{id}"),
        format!("//V1.0//Applications/{}/", id.to_uppercase()),
        format!("/v1.0/applications(appId='{app_id}')"),
        format!("/v1.0/applications('{id}')"),
    ] {
        assert_eq!(house.get(&target).body, golden, "{target}");
    }
    let beta = house.get(&format!("/beta/applications/{id}?$select=displayName,Id"));
    assert_eq!(
        beta.body.to_string(),
        json!({
            "@odata.context": "https://localhost:8446/beta/$metadata#applications(displayName,id)/$entity",
            "displayName": "Mail Robot",
            "id": id,
        })
        .to_string()
    );

    let change = json!({"web": {"redirectUris": ["http://localhost"]}, "displayName": "Robot"});
    let changed = house.patch(&format!("/v1.0/applications/{id}"), &change);
    assert_eq!((changed.status, &changed.body, changed.header("content-type")), (204, &Value::Null, ""));
    let shown = house.get(&format!("/v1.0/applications/{id}")).body;
    assert_eq!(shown["web"]["redirectUris"], json!(["http://localhost"]));
    assert_eq!(shown["web"]["implicitGrantSettings"]["enableIdTokenIssuance"], false);

    assert_eq!(house.delete(&format!("/v1.0/applications(appId='{app_id}')")).status, 204);
    house.get(&format!("/v1.0/applications/{id}")).refuses(
        404,
        "Request_ResourceNotFound",
        &format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        ),
    );
}

#[test]
fn a_service_principal_as_graph_shows_it() {
    let house = House::new();
    let (application, app_id) = house.application("robot");
    let made = house.post("/v1.0/servicePrincipals", &json!({"appId": app_id, "accountEnabled": true}));
    assert_eq!(made.status, 201);
    let id = made.text("id");
    let golden = json!({
        "@odata.context": "https://localhost:8446/v1.0/$metadata#servicePrincipals/$entity",
        "id": id,
        "deletedDateTime": null,
        "accountEnabled": true,
        "alternativeNames": [],
        "createdDateTime": "2026-01-01T00:00:00Z",
        "appDisplayName": "robot",
        "appId": app_id,
        "applicationTemplateId": null,
        "appOwnerOrganizationId": house.tenant,
        "appRoleAssignmentRequired": false,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "displayName": "robot",
        "homepage": null,
        "loginUrl": null,
        "logoutUrl": null,
        "notes": null,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": null,
        "replyUrls": [],
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "tokenEncryptionKeyId": null,
        "info": {
            "logoUrl": null,
            "marketingUrl": null,
            "privacyStatementUrl": null,
            "supportUrl": null,
            "termsOfServiceUrl": null,
        },
        "appRoles": [],
        "oauth2PermissionScopes": [],
        "keyCredentials": [],
        "passwordCredentials": [],
    });
    assert_eq!(made.body.to_string(), golden.to_string());
    assert_eq!(house.get(&format!("/v1.0/serviceprincipals(appId='{app_id}')")).body, golden);

    house.post("/v1.0/servicePrincipals", &json!({"appId": app_id})).refuses(
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        &format!(
            "The service principal cannot be created, updated, or restored because the service principal name \
             {app_id} is already in use."
        ),
    );
    let nobody = "0f0f0f0f-0000-4000-8000-000000000000";
    for unknown in [nobody, "junk"] {
        house.post("/v1.0/servicePrincipals", &json!({"appId": unknown})).refuses(
            400,
            "Request_BadRequest",
            &format!(
                "The appId '{unknown}' of the service principal does not reference a valid application object."
            ),
        );
    }
    // It goes with its application; what is made again is another.
    assert_eq!(house.delete(&format!("/v1.0/applications/{application}")).status, 204);
    assert_eq!(house.get(&format!("/v1.0/servicePrincipals/{id}")).status, 404);
    // One of the platform's stays.
    let own = format!("/v1.0/servicePrincipals(appId='{MICROSOFT_GRAPH}')");
    house.delete(&own).refuses(
        400,
        "Request_BadRequest",
        "The service principal of a first-party application cannot be deleted or disabled.",
    );
    let kept = house.get(&own);
    assert_eq!((kept.status, kept.text("displayName").as_str()), (200, "Microsoft Graph"));
    assert_ne!(kept.body["appOwnerOrganizationId"], house.tenant.to_string());
}

#[test]
fn passwords_are_told_once() {
    let house = House::new();
    let (application, app_id) = house.application("robot");
    let principal = house.post("/v1.0/servicePrincipals", &json!({"appId": app_id})).text("id");
    let mut texts = Vec::new();
    for target in [
        format!("/v1.0/applications/{application}/addPassword"),
        format!("/v1.0/applications(appId='{app_id}')/microsoft.graph.addPassword"),
        format!("/v1.0/servicePrincipals/{principal}/addPassword"),
    ] {
        let sent =
            json!({"passwordCredential": {"displayName": "rbac", "endDateTime": "2026-06-01T00:00:00Z"}});
        let told = house.post(&target, &sent);
        assert_eq!(told.status, 200, "{}", told.body);
        let text = told.text("secretText");
        let golden = json!({
            "@odata.context": "https://localhost:8446/v1.0/$metadata#microsoft.graph.passwordCredential",
            "customKeyIdentifier": null,
            "displayName": "rbac",
            "endDateTime": "2026-06-01T00:00:00Z",
            "hint": text.get(..3),
            "keyId": told.text("keyId"),
            "secretText": text,
            "startDateTime": "2026-01-01T00:00:00Z",
        });
        assert_eq!(told.body.to_string(), golden.to_string());
        texts.push((text, told.text("keyId")));
    }
    let shown = house.get(&format!("/v1.0/applications/{application}")).body;
    let kept = shown["passwordCredentials"].as_array().unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|one| one["secretText"].is_null() && one["hint"].as_str().unwrap().len() == 3));
    let client: ApplicationId = app_id.parse().unwrap();
    for (text, _) in &texts {
        assert!(house.directory.verify_secret(house.tenant, client, text).is_ok());
    }

    // An empty body asks for the defaults.
    let plain = house.call(&Method::POST, &format!("/v1.0/applications/{application}/addPassword"), "", &[]);
    assert_eq!(plain.text("endDateTime"), "2028-01-01T00:00:00Z");

    let remove = format!("/v1.0/applications/{application}/removePassword");
    assert_eq!(house.post(&remove, &json!({"keyId": texts[0].1})).status, 204);
    assert!(house.directory.verify_secret(house.tenant, client, &texts[0].0).is_err());
    house.post(&remove, &json!({"keyId": texts[0].1})).refuses(
        400,
        "Request_BadRequest",
        &format!("No password credential found with keyId '{}'.", texts[0].1),
    );
    house.post(&remove, &json!({})).refuses(
        400,
        "Request_BadRequest",
        "A value is required for property 'keyId' of resource 'Application'.",
    );
    house.post(&remove, &json!({"keyId": 7})).refuses(
        400,
        "Request_BadRequest",
        "Invalid value specified for property 'keyId' of resource 'Application'.",
    );

    // A PATCH of the list takes secrets away and brings none.
    let target = format!("/v1.0/applications/{application}");
    let bring = json!({"passwordCredentials": [{"displayName": "new"}]});
    assert_eq!(house.patch(&target, &bring).status, 400);
    assert_eq!(house.patch(&target, &json!({"passwordCredentials": [{"keyId": texts[1].1}]})).status, 204);
    let shown = house.get(&target).body;
    assert_eq!(shown["passwordCredentials"].as_array().unwrap().len(), 1);

    // Secrets can be made along with the application.
    let made = house.post(
        "/v1.0/applications",
        &json!({"displayName": "both", "passwordCredentials": [{"displayName": "first"}]}),
    );
    assert_eq!(made.body["passwordCredentials"][0]["secretText"].as_str().unwrap().len(), 40);
}

#[test]
fn lists_are_filtered_selected_and_paged() {
    let house = House::new();
    for name in ["Alpha", "alpha two", "Beta"] {
        house.application(name);
    }
    let all = house.get("/v1.0/applications?$orderby=displayName%20desc");
    assert_eq!(all.names(), ["Beta", "automation", "alpha two", "Alpha"]);
    assert_eq!(all.body["@odata.context"], format!("{G}/v1.0/$metadata#applications"));
    assert_eq!(all.body.get("@odata.nextLink"), None);

    let page = house.get("/v1.0/applications?$orderby=displayName&$top=3&$select=displayName");
    assert_eq!(page.names(), ["Alpha", "alpha two", "automation"]);
    assert_eq!(page.body["value"][0], json!({"displayName": "Alpha"}));
    let next = page.text("@odata.nextLink");
    assert!(next.starts_with(&format!("{G}/v1.0/applications?")), "{next}");
    let rest = house.get(next.strip_prefix(G).unwrap());
    assert_eq!((rest.names(), rest.body.get("@odata.nextLink")), (vec!["Beta"], None));

    for (query, expected) in [
        ("$filter=startswith(displayName,'ALPHA')", &["Alpha", "alpha two"][..]),
        ("filter=displayName eq 'beta'", &["Beta"]),
        ("%24filter=displayName+eq+%27beta%27&%24top=1", &["Beta"]),
        ("$filter=displayName in ('Beta','x')", &["Beta"]),
    ] {
        assert_eq!(house.get(&format!("/v1.0/applications?{query}")).names(), expected, "{query}");
    }
    let search = house.advanced("/v1.0/applications?$search=\"displayName:two\"&$count=true");
    assert_eq!((search.names(), &search.body["@odata.count"]), (vec!["alpha two"], &json!(1)));
    let not =
        house.advanced("/v1.0/applications?$filter=displayName ne 'Beta'&$count=true&$orderby=displayName");
    assert_eq!(not.names(), ["Alpha", "alpha two", "automation"]);
    let counted = house.advanced("/v1.0/applications/$count");
    assert_eq!(
        (counted.status, counted.body, counted.headers["content-type"].to_str().unwrap()),
        (200, json!(4), "text/plain")
    );
    let own = format!("servicePrincipalNames/any(c:c eq '{}')", house.automation.1);
    assert_eq!(house.get(&format!("/v1.0/servicePrincipals?$filter={own}")).names(), ["automation"]);
}

#[test]
fn queries_that_are_refused() {
    let house = House::new();
    let list = |query: &str| house.get(&format!("/v1.0/applications?{query}"));
    for (query, code, message) in [
        (
            "$filter=displayName eq 'x",
            "BadRequest",
            "Invalid filter clause: There is an unterminated string literal at position 15.",
        ),
        (
            "$filter=",
            "BadRequest",
            "Invalid filter clause: Syntax error: a property, a function or a value expected at position 0.",
        ),
        (
            "$filter=nope eq 'x'",
            "BadRequest",
            "Invalid filter clause: Could not find a property named 'nope' on type 'microsoft.graph.application'.",
        ),
        (
            "$filter=frob(displayName)",
            "BadRequest",
            "Invalid filter clause: An unknown function with name 'frob' was found.",
        ),
        (
            "$filter=displayName/any(x:x eq 'a')",
            "BadRequest",
            "Invalid filter clause: 'displayName' is not a collection.",
        ),
        (
            "$select=nope",
            "BadRequest",
            "Parsing OData Select and Expand failed: Could not find a property named 'nope' on type 'microsoft.graph.application'.",
        ),
        (
            "$top=x",
            "BadRequest",
            "Invalid value for $top query option found. The $top query option requires a non-negative integer value.",
        ),
        (
            "$top=0",
            "Request_UnsupportedQuery",
            "Invalid page size specified: '0'. Must be between 1 and 999 inclusive.",
        ),
        (
            "$top=1000",
            "Request_UnsupportedQuery",
            "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
        ),
        (
            "$count=maybe",
            "BadRequest",
            "Invalid value for $count query option found. The $count query option requires a 'true' or 'false' value.",
        ),
        (
            "$count=true",
            "Request_UnsupportedQuery",
            "$count is supported only with the request header 'ConsistencyLevel: eventual'.",
        ),
        (
            "$search=\"displayName:x\"",
            "Request_UnsupportedQuery",
            "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        ),
        (
            "$search=x",
            "Request_UnsupportedQuery",
            "Only $search=\"displayName:value\" is supported, with the double quotes.",
        ),
        (
            "$orderby=appId",
            "Request_UnsupportedQuery",
            "Unsupported sort property 'appId' for 'application'.",
        ),
        (
            "$filter=appId eq 'x'&$orderby=displayName",
            "Request_UnsupportedQuery",
            "Sorting not supported for current query.",
        ),
        (
            "$filter=displayName ne 'x'",
            "Request_UnsupportedQuery",
            "Operator in the filter is supported only with $count=true and the request header 'ConsistencyLevel: eventual'.",
        ),
        (
            "$expand=nope",
            "BadRequest",
            "Parsing OData Select and Expand failed: Could not find a property named 'nope' on type 'microsoft.graph.application'.",
        ),
        ("$skip=1", "Request_UnsupportedQuery", "The query option '$skip' is not supported."),
        ("$frob=1", "Request_UnsupportedQuery", "The query option '$frob' is not supported."),
        (
            "$top=1&$top=2",
            "BadRequest",
            "Query option '$top' was specified more than once, but it must be specified at most once.",
        ),
        ("$skiptoken=junk!", "BadRequest", "The $skiptoken is invalid."),
    ] {
        list(query).refuses(400, code, message);
    }
    let one = format!("/v1.0/applications/{}?$top=1", house.automation.0);
    assert_eq!(house.get(&one).status, 400);
    assert_eq!(house.get("/v1.0/applications/$count").status, 400);
    // What is no option of OData's is nobody's business.
    assert_eq!(list("disambiguation_dummy").status, 200);
    // Nothing that a filter can be makes a 500.
    for junk in [
        "(",
        "not",
        "a/b/c",
        "x/any(",
        "'",
        "%00",
        "%ff",
        "1",
        "eq eq eq",
        "any()",
        "((((((((((((((((((((((((((((((((((((a",
    ] {
        assert_eq!(list(&format!("$filter={junk}")).status, 400, "{junk}");
    }
}

#[test]
fn bodies_that_are_refused() {
    let house = House::new();
    let raw = |method: &Method, target: &str, body: &str| house.call(method, target, body, &[]);
    let post = |body: &str| raw(&Method::POST, "/v1.0/applications", body);
    let unreadable = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload \
                      is of valid JSON format.";
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["{", "[]", "5", "\u{0}", "{\"displayName\":}", deep.as_str()] {
        post(body).refuses(400, "BadRequest", unreadable);
    }
    post("").refuses(400, "BadRequest", "Empty Payload. JSON content expected.");
    for (body, message) in [
        ("{}", "A value is required for property 'displayName' of resource 'Application'."),
        (
            r#"{"displayName":5}"#,
            "Invalid value specified for property 'displayName' of resource 'Application'.",
        ),
        (
            r#"{"displayName":"a","web":{"redirectUris":"x"}}"#,
            "Invalid value specified for property 'web.redirectUris' of resource 'Application'.",
        ),
        (r#"{"displayName":"a","frob":1}"#, "Invalid property 'frob'."),
        (r#"{"displayName":"a","id":"x"}"#, "Property 'id' is read-only and cannot be set."),
        (
            r#"{"displayName":"a","keyCredentials":[{"type":"AsymmetricX509Cert"}]}"#,
            "A value is required for property 'keyCredentials.key' of resource 'Application'.",
        ),
        (
            r#"{"displayName":"a","passwordCredentials":[{"endDateTime":"soon"}]}"#,
            "Invalid value specified for property 'passwordCredential.endDateTime' of resource 'Application'.",
        ),
    ] {
        post(body).refuses(400, "Request_BadRequest", message);
    }
    house.application("taken");
    let uri = json!({"displayName": "a", "identifierUris": ["api://x"]});
    assert_eq!(house.post("/v1.0/applications", &uri).status, 201);
    house.post("/v1.0/applications", &uri).refuses(
        400,
        "Request_BadRequest",
        "Another object with the same value for property identifierUris already exists.",
    );
    raw(&Method::POST, "/v1.0/servicePrincipals", "{}").refuses(
        400,
        "Request_BadRequest",
        "A value is required for property 'appId' of resource 'ServicePrincipal'.",
    );
    let add = format!("/v1.0/applications/{}/addPassword", house.automation.0);
    for body in [
        r#"{"passwordCredential":5}"#,
        r#"{"passwordCredential":{"displayName":5}}"#,
        r#"{"passwordCredential":{"keyId":"x"}}"#,
        r#"{"passwordCredential":{"endDateTime":"2000-01-01T00:00:00Z"}}"#,
        r#"{"frob":5}"#,
    ] {
        let refused = raw(&Method::POST, &add, body);
        assert_eq!((refused.status, &refused.body["error"]["code"]), (400, &json!("Request_BadRequest")));
    }
    let huge = Call {
        method: Method::POST,
        path: "/v1.0/applications".to_owned(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        peer: ([127, 0, 0, 1], 5000).into(),
        request_id: REQUEST,
    };
    taken_apart(house.graph.too_large(&huge)).refuses(
        413,
        "RequestEntityTooLarge",
        "The request body is larger than this server takes.",
    );
    taken_apart(house.graph.failed(&huge)).refuses(
        500,
        "InternalServerError",
        "The server could not complete the request.",
    );
}

#[test]
fn paths_that_lead_nowhere() {
    let house = House::new();
    let nowhere = |target: &str, segment: &str| {
        let message = format!("Resource not found for the segment '{segment}'.");
        house.get(target).refuses(400, "BadRequest", &message);
    };
    nowhere("/v1.0/frobs", "frobs");
    nowhere("/v1.0", "v1.0");
    nowhere("/v1.0/%2e%2e/applications", "..");
    nowhere("/v1.0/applications/%2e%2E", "..");
    nowhere(&format!("/v1.0/applications/{}/members", house.automation.0), "members");
    nowhere(&format!("/v1.0/applications/{}/addPassword/x", house.automation.0), "addPassword");
    house.get("/v3/applications").refuses(400, "BadRequest", "Invalid version: v3");
    house.get("/v1.0/applications/robot").refuses(
        400,
        "Request_BadRequest",
        "Invalid object identifier 'robot'.",
    );
    house.get("/v1.0/applications(appId='robot')").refuses(
        400,
        "Request_BadRequest",
        "Invalid object identifier 'robot'.",
    );
    assert_eq!(house.get("/v1.0/applications(frob='x')").status, 400);
    let other = "Specified HTTP method is not allowed for the request target.";
    for (method, target, allow) in [
        (Method::PUT, "/v1.0/applications".to_owned(), "GET, POST"),
        (Method::PUT, format!("/v1.0/applications/{}", house.automation.0), "GET, PATCH, DELETE"),
        (Method::PUT, "/v1.0/users".to_owned(), "GET, POST"),
        (Method::PUT, format!("/v1.0/users/{}", house.user), "GET, PATCH, DELETE"),
        (Method::GET, format!("/v1.0/applications/{}/addPassword", house.automation.0), "POST"),
    ] {
        let refused = house.call(&method, &target, "", &[]);
        refused.refuses(405, "Request_BadRequest", other);
        assert_eq!(refused.header("allow"), allow);
    }
}

#[test]
fn users_the_organization_and_objects_by_id() {
    let house = House::new();
    let user = json!({
        "@odata.context": "https://localhost:8446/v1.0/$metadata#users/$entity",
        "businessPhones": [],
        "displayName": "Ada Admin",
        "givenName": null,
        "jobTitle": null,
        "mail": null,
        "mobilePhone": null,
        "officeLocation": null,
        "preferredLanguage": null,
        "surname": null,
        "userPrincipalName": "admin@contoso.example",
        "id": house.user,
    });
    for target in [
        format!("/v1.0/users/{}", house.user),
        "/v1.0/users/Admin@Contoso.example".to_owned(),
        "/v1.0/users('admin%40contoso.example')".to_owned(),
    ] {
        assert_eq!(house.get(&target).body.to_string(), user.to_string(), "{target}");
    }
    let chosen = house.get(&format!("/v1.0/users/{}?$select=accountEnabled,mailNickname", house.user));
    assert_eq!(
        (&chosen.body["accountEnabled"], &chosen.body["mailNickname"]),
        (&json!(true), &json!("admin"))
    );
    let by_name = house.get("/v1.0/users?$filter=userPrincipalName eq 'ADMIN@contoso.example'");
    assert_eq!(by_name.names(), ["Ada Admin"]);
    assert!(house.get("/v1.0/users?$filter=userPrincipalName eq 'x@y'").names().is_empty());
    assert_eq!(house.get("/v1.0/users/x@y").status, 404);

    let organization = house.get("/v1.0/organization");
    assert_eq!(
        organization.body,
        json!({
            "@odata.context": "https://localhost:8446/v1.0/$metadata#organization",
            "value": [{
                "id": house.tenant,
                "deletedDateTime": null,
                "displayName": "Contoso",
                "tenantType": "AAD",
                "verifiedDomains": [{
                    "capabilities": "",
                    "isDefault": true,
                    "isInitial": true,
                    "name": "contoso.example",
                    "type": "Managed",
                }],
            }],
        })
    );
    assert_eq!(house.get(&format!("/v1.0/organization/{}", house.tenant)).text("displayName"), "Contoso");
    assert_eq!(house.get(&format!("/v1.0/organization/{}", house.user)).status, 404);

    let principal = house.automation.2;
    let ids = json!({
        "ids": [house.user, principal, Uuid::nil()],
        "types": ["user", "group", "servicePrincipal", "directoryObjectPartnerReference"],
    });
    let found = house.post("/v1.0/directoryObjects/getByIds", &ids);
    let kinds: Vec<_> = found.body["value"].as_array().unwrap().iter().map(|v| &v["@odata.type"]).collect();
    assert_eq!(kinds, ["#microsoft.graph.user", "#microsoft.graph.servicePrincipal"]);
    let users_only = json!({"ids": [house.user, principal], "types": ["user"]});
    assert_eq!(house.post("/v1.0/directoryObjects/getByIds", &users_only).names(), ["Ada Admin"]);
    for bad in [
        json!({}),
        json!({"ids": 5}),
        json!({"ids": [5]}),
        json!({"ids": ["x"]}),
        json!({"ids": [], "types": [5]}),
        json!({"ids": vec![Uuid::nil(); 1001]}),
    ] {
        assert_eq!(house.post("/v1.0/directoryObjects/getByIds", &bad).status, 400, "{bad}");
    }
    let one = house.get(&format!("/v1.0/directoryObjects/{principal}"));
    assert_eq!(one.body["@odata.type"], "#microsoft.graph.servicePrincipal");
    assert_eq!(house.get(&format!("/v1.0/directoryObjects/{}", Uuid::nil())).status, 404);
    house.get("/v1.0/me").refuses(
        400,
        "BadRequest",
        "/me request is only valid with delegated authentication flow.",
    );
}

#[test]
fn who_may_call() {
    let house = House::new();
    let with = |authorization: &str| {
        house.call(&Method::GET, "/v1.0/applications", "", &[("authorization", authorization)])
    };
    let code = "InvalidAuthenticationToken";
    for empty in ["", "Bearer ", "Basic eDp5"] {
        let refused = with(empty);
        refused.refuses(401, code, "Access token is empty.");
        assert_eq!(
            refused.header("www-authenticate"),
            "Bearer realm=\"\", authorization_uri=\"https://localhost:8444/common/oauth2/authorize\", \
             client_id=\"00000003-0000-0000-c000-000000000000\""
        );
    }
    with("Bearer junk").refuses(401, code, "CompactToken parsing failed with error code: 80049217");
    let elsewhere = house.token_of(house.automation.1, "https://localhost:8445");
    with(&format!("Bearer {elsewhere}")).refuses(
        401,
        code,
        "Access token validation failure. Invalid audience.",
    );

    let (_, app_id) = house.application("powerless");
    house.post("/v1.0/servicePrincipals", &json!({"appId": app_id}));
    let powerless = format!("bearer {}", house.token_of(app_id.parse().unwrap(), G));
    with(&powerless).refuses(
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    );
    let own = format!("/v1.0/applications(appId='{app_id}')");
    assert_eq!(house.call(&Method::GET, &own, "", &[("authorization", &powerless)]).status, 200);
    let made = house.call(
        &Method::POST,
        "/v1.0/applications",
        r#"{"displayName":"x"}"#,
        &[("authorization", &powerless)],
    );
    assert_eq!(made.status, 403);

    // A deleted application's token stands for nobody.
    assert_eq!(house.delete(&own).status, 204);
    assert_eq!(with(&powerless).status, 401);

    house.clock.advance(Duration::from_secs(2 * 3600));
    let late = house.get("/v1.0/applications");
    assert_eq!(late.status, 401);
    assert_eq!(late.body["error"]["message"], "Lifetime validation failed, the token is expired.");
}

#[test]
fn a_client_request_id_comes_back_if_it_is_one() {
    let house = House::new();
    let with = |name: &str, value: &str| {
        let reply = house.call(&Method::GET, "/v1.0/organization", "", &[(name, value)]);
        reply.header("client-request-id").to_owned()
    };
    assert_eq!(with("x-ms-client-request-id", "abc"), "abc");
    assert_eq!(with("client-request-id", "a b"), REQUEST.to_string());
    assert_eq!(with("client-request-id", &"x".repeat(200)), REQUEST.to_string());
}

#[test]
fn another_tenants_objects_do_not_exist() {
    let house = House::new();
    let other = TenantId(Uuid::new_v4());
    let theirs = house.store.write(|tx| {
        let row = tenants::Tenant {
            id: other,
            display_name: "Fabrikam".to_owned(),
            default_domain: "fabrikam.example".to_owned(),
        };
        tenants::insert_tenant(tx, &row, 0)?;
        house.directory.seed_tenant(tx, other)?;
        let new = NewApplication { display_name: "theirs".to_owned(), ..NewApplication::default() };
        house.directory.create_application(tx, other, new)
    });
    let theirs = theirs.unwrap();
    let id = theirs.id.to_string();
    for target in
        [format!("/v1.0/applications/{id}"), format!("/v1.0/applications(appId='{}')", theirs.app_id)]
    {
        assert_eq!(house.get(&target).status, 404);
        assert_eq!(house.patch(&target, &json!({"displayName": "ours"})).status, 404);
        assert_eq!(house.delete(&target).status, 404);
        assert_eq!(house.post(&format!("{target}/addPassword"), &json!({})).status, 404);
    }
    assert!(
        house.get(&format!("/v1.0/applications?$filter=appId eq '{}'", theirs.app_id)).names().is_empty()
    );
    assert!(house.post("/v1.0/directoryObjects/getByIds", &json!({"ids": [id]})).names().is_empty());
    let taken = house.post("/v1.0/servicePrincipals", &json!({"appId": theirs.app_id}));
    assert_eq!(taken.status, 400);
}

#[test]
fn an_exponential_filter_is_an_unsupported_query() {
    let house = House::new();
    house.get("/v1.0/applications?$filter=tags/any(a:tags/any(b:b%20eq%20a))").refuses(
        400,
        "Request_UnsupportedQuery",
        "Invalid filter clause: A lambda inside another lambda is not supported at position 19.",
    );
    let tags: Vec<String> = (0..300).map(|number| format!("tag {number}")).collect();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let made = house.post("/v1.0/applications", &json!({"displayName": name, "tags": tags}));
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let conditions = vec!["t%20eq%20'x'"; 700].join("%20or%20");
    house.get(&format!("/v1.0/applications?$filter=tags/any(t:{conditions})")).refuses(
        400,
        "Request_UnsupportedQuery",
        "The filter is too complex for the objects that it is evaluated on.",
    );
}
