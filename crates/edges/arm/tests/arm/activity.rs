//! The activity log over HTTP.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{RESOURCES, Server};

const SINCE: &str = "eventTimestamp%20ge%20%272020-01-01T00%3A00%3A00Z%27";

fn events(server: &Server, who: &str, rest: &str) -> Vec<Value> {
    let path = server.at(&format!(
        "/providers/microsoft.insights/eventtypes/management/values?api-version=2015-04-01&$filter={SINCE}{rest}"
    ));
    server.get(who, &path).ok(200)["value"].as_array().unwrap().clone()
}

#[test]
fn the_request_is_on_the_log_without_what_could_be_secret() {
    let server = Server::start();
    let path = server.at(&format!("/resourcegroups/rg?api-version={RESOURCES}&sig=secret"));
    let body = Bytes::from(json!({"location": "westeurope", "tags": {"x": "hidden"}}).to_string());
    let correlation = "6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
    let headers = [("x-ms-client-request-id", "client-7"), ("x-ms-correlation-request-id", correlation)];
    let made = server.send("owner", Method::PUT, &path, body, &headers);
    assert_eq!((made.status, made.header("x-ms-correlation-request-id")), (201, correlation));
    let found = events(&server, "owner", &format!("%20and%20correlationId%20eq%20%27{correlation}%27"));
    assert_eq!(found.len(), 1);
    let request = &found[0]["httpRequest"];
    assert_eq!((&request["method"], &request["clientRequestId"]), (&json!("PUT"), &json!("client-7")));
    let uri = format!("https://localhost:8445{}?api-version={RESOURCES}", server.at("/resourcegroups/rg"));
    assert_eq!(request["uri"], json!(uri));
    assert!(!found[0].to_string().contains("secret") && !found[0].to_string().contains("hidden"));
}

#[test]
fn a_refusal_names_the_correlation_id_by_which_the_log_has_it() {
    let server = Server::with_group();
    let refused = server.get("nobody", &server.at(&format!("/resourceGroups/rg?api-version={RESOURCES}")));
    assert_eq!(refused.error(), (403, "AuthorizationFailed"));
    let correlation = refused.header("x-ms-correlation-request-id").to_owned();
    let found = events(&server, "owner", &format!("%20and%20correlationId%20eq%20%27{correlation}%27"));
    let refusals: Vec<&Value> =
        found.iter().filter(|event| event["subStatus"]["value"] == "Forbidden").collect();
    assert_eq!(refusals.len(), 1, "{found:#?}");
    assert!(refusals[0]["properties"]["reason"].as_str().unwrap().contains("nobody@contoso.example"));
    assert!(!refused.body.to_string().contains("has no role"), "the reason is for administrators");
}

#[test]
fn pages_follow_and_what_is_wrong_is_refused() {
    let server = Server::start();
    for n in 0..5 {
        server.put_group(&format!("rg{n}"));
    }
    let base = server.at("/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01");
    let mut page =
        server.get("owner", &format!("{base}&$filter={SINCE}&$select=resourceGroupName&$top=2")).ok(200);
    let mut seen = Vec::new();
    loop {
        let items = page["value"].as_array().unwrap();
        assert!(items.iter().all(|item| item.as_object().unwrap().len() == 1));
        seen.extend(items.iter().map(|item| item["resourceGroupName"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextLink"].as_str() else { break };
        page = server.follow("owner", next).ok(200);
    }
    assert_eq!(seen, ["rg4", "rg3", "rg2", "rg1", "rg0"]);
    assert_eq!(server.get("owner", &base).error(), (400, "BadRequest"));
    assert_eq!(
        server.get("owner", &format!("{base}&$filter=x")).error(),
        (400, "InvalidFilterInQueryString")
    );
    assert_eq!(
        server.get("owner", &format!("{base}&$filter={SINCE}&$select=x")).error(),
        (400, "BadRequest")
    );
    assert_eq!(
        server.get("nobody", &format!("{base}&$filter={SINCE}")).error(),
        (403, "AuthorizationFailed")
    );
    assert_eq!(
        server.get("stranger", &format!("{base}&$filter={SINCE}")).error(),
        (404, "SubscriptionNotFound")
    );
    assert_eq!(server.delete("owner", &base).error(), (405, "MethodNotAllowed"));
    let categories =
        server.get("owner", "/providers/Microsoft.Insights/eventcategories?api-version=2015-04-01").ok(200);
    assert_eq!(categories["value"][0]["value"], "Administrative");
}

#[test]
fn a_body_that_cannot_be_read_is_on_the_log() {
    let server = Server::start();
    let path = server.at(&format!("/resourcegroups/rg?api-version={RESOURCES}"));
    let got = server.send("owner", Method::PUT, &path, Bytes::from_static(b"{"), &[]);
    assert_eq!(got.error(), (400, "InvalidRequestContent"));
    let found = events(&server, "owner", "%20and%20resourceGroupName%20eq%20%27rg%27");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["subStatus"]["value"], "BadRequest");
    assert_eq!(found[0]["operationName"]["value"], "Microsoft.Resources/subscriptions/resourceGroups/write");
}
