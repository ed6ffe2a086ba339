//! The mail queue below communication services.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use gatepost_delivery::Submission;
use gatepost_names::{ApplicationId, EmailAddress, MessageId, ResourceId};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Server, object};

const OWN: &str = "2026-11-01-gatepost";

fn service(server: &Server) -> String {
    let path = server.at("/resourceGroups/rg/providers/Microsoft.Communication/communicationServices/cs");
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    server.ask("owner", Method::PUT, &format!("{path}?api-version=2023-04-01"), &body).ok(201);
    path
}

#[test]
fn the_queue_is_read_where_the_caller_may() {
    let server = Server::with_group();
    let service = service(&server);
    let list = |who: &str, scope: &str| {
        server.get(who, &format!("{scope}/providers/Gatepost.Mail/messages?api-version={OWN}"))
    };
    for scope in [&server.sub, &server.at("/resourceGroups/rg"), &service] {
        assert_eq!(list("owner", scope).ok(200)["value"], json!([]), "{scope}");
        assert_eq!(list("nobody", scope).error(), (403, "AuthorizationFailed"), "{scope}");
    }
    assert_eq!(list("reader", &service).status, 200);
    assert_eq!(list("owner", "").error(), (404, "InvalidResourceType"));
    assert_eq!(list("owner", &server.foreign_sub).error(), (404, "SubscriptionNotFound"));
    let wrong = server.get("owner", &server.at("/providers/Gatepost.Mail/messages?api-version=2024-11-01"));
    assert_eq!(wrong.error(), (400, "NoRegisteredProviderFound"));
    let filtered =
        server.at(&format!("/providers/Gatepost.Mail/messages?api-version={OWN}&$filter=state eq 'lost'"));
    assert_eq!(server.get("owner", &filtered).error(), (400, "InvalidFilterInQueryString"));
}

#[test]
fn a_skip_token_of_another_list_is_refused() {
    let server = Server::with_group();
    let list = server.at(&format!("/providers/Gatepost.Mail/messages?api-version={OWN}&$skiptoken="));
    // "rg" in base64: the token of a list of resource groups.
    let foreign = server.get("owner", &format!("{list}cmc"));
    assert_eq!(foreign.error(), (400, "InvalidSkipToken"));
}

#[test]
fn a_message_that_is_not_there() {
    let server = Server::with_group();
    let service = service(&server);
    let message = |rest: &str| format!("{service}/providers/Gatepost.Mail/messages/{rest}?api-version={OWN}");
    let id = MessageId(Uuid::from_u128(5));
    for name in [id.to_string(), "junk".to_owned()] {
        assert_eq!(server.get("owner", &message(&name)).error(), (404, "MessageNotFound"));
        for action in ["retry", "hold", "release", "drop"] {
            let path = message(&format!("{name}/{action}"));
            assert_eq!(
                server.send("owner", Method::POST, &path, Bytes::new(), &[]).error(),
                (404, "MessageNotFound")
            );
            let refused = server.send("reader", Method::POST, &path, Bytes::new(), &[]);
            assert_eq!(refused.error(), (403, "AuthorizationFailed"));
            assert!(refused.message().contains(&format!("'Gatepost.Mail/messages/{action}/action'")));
        }
    }
    let burn = server.send("owner", Method::POST, &message("x/burn"), Bytes::new(), &[]);
    assert_eq!(burn.error(), (405, "MethodNotAllowed"));
}

/// Accepts a message through the communication service and sees it delivered.
fn send(server: &Server, service: &str) -> MessageId {
    let submission = Submission {
        id: server.delivery.new_id(),
        service: ResourceId::parse(service).unwrap(),
        app_id: ApplicationId(Uuid::from_u128(8)),
        object_id: object("app"),
        username: "printer".into(),
        reverse_path: Some(EmailAddress::parse("a@contoso.example").unwrap()),
        recipients: vec![EmailAddress::parse("b@example.org").unwrap()],
        message: b"Subject: x\r\n\r\nhello\r\n".to_vec().into(),
        internet_message_id: "<1@contoso.example>".into(),
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    server.delivery.start().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let id = runtime.block_on(server.delivery.accept(submission)).unwrap();
    // Stopping finishes what was accepted.
    server.delivery.stop();
    id
}

#[test]
fn a_delivered_message_shows_its_way() {
    let server = Server::with_group();
    let service = service(&server);
    let id = send(&server, &service);
    let message = |who: &str, scope: &str, rest: &str| {
        server.get(who, &format!("{scope}/providers/Gatepost.Mail/messages{rest}?api-version={OWN}"))
    };
    let listed = message("reader", &service, "").ok(200);
    let at = "2026-09-21T14:13:20.1234560Z";
    let golden = json!([{
        "id": format!("{service}/providers/Gatepost.Mail/messages/{id}"), "name": id.to_string(),
        "type": "Gatepost.Mail/messages",
        "properties": {
            "state": "delivered", "acceptedAt": at, "finishedAt": at, "reversePath": "a@contoso.example",
            "firstRecipient": "b@example.org", "recipientCount": 1, "recipientStates": {"delivered": 1},
            "size": 21, "internetMessageId": "<1@contoso.example>", "username": "printer",
            "applicationId": "00000000-0000-0000-0000-000000000008", "objectId": object("app").to_string(),
            "client": "127.0.0.1", "communicationService": service,
        },
    }]);
    assert_eq!(listed["value"], golden);
    assert_eq!(message("owner", &server.sub, "").names(), [id.to_string()]);
    let shown = message("reader", &server.at("/resourceGroups/rg"), &format!("/{id}")).ok(200);
    assert_eq!(shown["properties"]["recipients"][0]["address"], "b@example.org");
    assert_eq!(shown["properties"]["recipients"][0]["state"], "delivered");
    assert_eq!(shown["properties"]["recipients"][0]["nextAttemptAt"], Value::Null);
    assert_eq!(shown["properties"]["trace"][0]["event"], "accepted");
    let retried = format!("{service}/providers/Gatepost.Mail/messages/{id}/retry?api-version={OWN}");
    let retried = server.send("owner", Method::POST, &retried, Bytes::new(), &[]).ok(200);
    assert_eq!(retried["properties"]["state"], "delivered", "there is nothing left to retry");
    server.put_group("other");
    assert_eq!(
        message("owner", &server.at("/resourceGroups/other"), &format!("/{id}")).error(),
        (404, "MessageNotFound"),
        "it lies elsewhere"
    );
    let held =
        format!("{}/providers/Gatepost.Mail/messages?api-version={OWN}&$filter=state eq 'held'", server.sub);
    assert_eq!(server.get("owner", &held).names(), Vec::<String>::new());
}
