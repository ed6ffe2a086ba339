//! The mail queue below communication services.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use gatepost_names::{ApplicationId, MessageId, ResourceId};
use http::Method;
use serde_json::json;
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
    let _ = (ApplicationId(Uuid::nil()), object("x"), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert!(ResourceId::parse(&service).is_ok());
    assert!(server.delivery.verify().is_empty());
    assert!(server.resources.registry().has_namespace("microsoft.communication"));
}
