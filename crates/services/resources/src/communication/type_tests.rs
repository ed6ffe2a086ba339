//! The rules of each resource type, through the use cases of the resource tree.

use gatepost_names::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Fixture, Ready};
use super::{SubscriptionRequest, provider_operations, subscription_actions, types};
use crate::provider::ActionReply;
use crate::{Acted, Conditions, Deleted, ResourceError};

fn created(properties: Value) -> Value {
    json!({"location": "Global", "properties": properties})
}

/// The error code or the property that a refusal names.
fn named(refusal: ResourceError) -> String {
    match refusal {
        ResourceError::InvalidProperty { target, .. } => target,
        ResourceError::Conflict { code, .. }
        | ResourceError::BadRequest { code, .. }
        | ResourceError::NotFound { code, .. } => code.to_owned(),
        ResourceError::InvalidName(_) => "name".to_owned(),
        other => format!("{other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, ResourceError>) -> String {
    named(outcome.unwrap_err())
}

fn done(acted: Acted) -> Value {
    match acted {
        Acted::Done(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_communication_service_is_made_and_shown() {
    let fixture = Fixture::new();
    let path = "communicationServices/Contoso-1";
    let written = fixture.try_put(path, created(json!({"dataLocation": "United States"}))).unwrap();
    assert!(written.created && written.operation.is_some());
    let body = written.shown.body;
    assert_eq!(body["type"], "Microsoft.Communication/CommunicationServices");
    assert_eq!(body["location"], "Global");
    let properties = &body["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["dataLocation"], "United States");
    assert_eq!(properties["hostName"], "localhost:8447/contoso-1");
    assert_eq!(properties["linkedDomains"], json!([]));
    assert_eq!(properties["disableLocalAuth"], false);
    assert_eq!(properties["publicNetworkAccess"], "Enabled");
    assert!(Uuid::parse_str(properties["immutableResourceId"].as_str().unwrap()).is_ok());

    let changed = fixture.patch(path, json!({"disableLocalAuth": true, "publicNetworkAccess": "disabled"}));
    assert_eq!(changed["properties"]["disableLocalAuth"], true);
    assert_eq!(changed["properties"]["publicNetworkAccess"], "Disabled");
    let replaced = fixture.put(path, created(json!({"dataLocation": "united states"})));
    assert_eq!(replaced["properties"]["dataLocation"], "United States");
    assert_eq!(replaced["properties"]["disableLocalAuth"], false);
    assert_eq!(replaced["properties"]["immutableResourceId"], properties["immutableResourceId"]);
    assert!(matches!(fixture.delete(path), Ok(Deleted::Accepted(_))));
    assert!(matches!(fixture.delete(path), Ok(Deleted::Absent)));
}

#[test]
fn bodies_that_a_communication_service_refuses() {
    let fixture = Fixture::new();
    let path = fixture.communication_service("contoso");
    for (properties, target) in [
        (json!({}), "properties.dataLocation"),
        (json!({"dataLocation": ""}), "properties.dataLocation"),
        (json!({"dataLocation": null}), "properties.dataLocation"),
        (json!({"dataLocation": 5}), "properties.dataLocation"),
        (json!({"dataLocation": "x\n"}), "properties.dataLocation"),
        (json!({"dataLocation": "Europe", "disableLocalAuth": "yes"}), "properties.disableLocalAuth"),
        (json!({"dataLocation": "Europe", "publicNetworkAccess": "Maybe"}), "properties.publicNetworkAccess"),
        (json!({"dataLocation": "Europe", "linkedDomains": "x"}), "properties.linkedDomains"),
        (json!({"dataLocation": "Europe", "linkedDomains": [1]}), "properties.linkedDomains"),
        (json!("x"), "properties"),
    ] {
        assert_eq!(
            refused(fixture.try_put("communicationServices/new", created(properties.clone()))),
            target
        );
        assert_eq!(refused(fixture.try_put(&path, created(properties))), target);
    }
    let moved = created(json!({"dataLocation": "Asia"}));
    assert_eq!(refused(fixture.try_put(&path, moved)), "PropertyChangeNotAllowed");
    for name in ["con.toso", "con toso", "x".repeat(64).as_str()] {
        let path = format!("communicationServices/{name}");
        let body = created(json!({"dataLocation": "Europe"}));
        assert_eq!(refused(fixture.try_put(&path, body)), "name", "{name}");
    }
    let elsewhere = json!({"location": "westus", "properties": {"dataLocation": "Europe"}});
    let outcome = fixture.try_put("communicationServices/new", elsewhere);
    assert_eq!(refused(outcome), "LocationNotAvailableForResourceType");
    for (identity, allowed) in
        [(json!({"type": "None"}), true), (json!({"type": "SystemAssigned"}), false), (json!({}), false)]
    {
        let mut body = created(json!({"dataLocation": "Europe"}));
        body["identity"] = identity;
        assert_eq!(fixture.try_put(&path, body).is_ok(), allowed);
    }
}

#[test]
fn the_name_of_a_communication_service_is_unique_on_the_server() {
    let fixture = Fixture::new();
    let body = created(json!({"dataLocation": "Europe"}));
    let put_elsewhere = |path: &str| {
        fixture.resources.put(&fixture.admin, &fixture.id_in("other", path), &body, &Conditions::default())
    };
    fixture.put("communicationServices/contoso", body.clone());
    assert_eq!(refused(put_elsewhere("communicationServices/CONTOSO")), "NameReservationTaken");
    fixture.delete("communicationServices/contoso").unwrap();
    put_elsewhere("communicationServices/CONTOSO").unwrap();
    fixture.put("emailServices/mail", body.clone());
    put_elsewhere("emailServices/mail").unwrap();
}

fn ask(fixture: &Fixture, action: &str, body: Value) -> Result<Value, ResourceError> {
    let action = subscription_actions().iter().find(|known| known.name == action).unwrap();
    fixture.platform.store.read(|conn| {
        let request = SubscriptionRequest {
            conn,
            platform: &fixture.platform,
            caller: &fixture.admin,
            subscription: fixture.subscription,
            body: &body,
        };
        match (action.act)(&request)? {
            ActionReply::Done(body) => Ok(body),
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_subscription_is_asked_which_names_are_free() {
    let fixture = Fixture::new();
    fixture.communication_service("contoso");
    let communication = "Microsoft.Communication/CommunicationServices";
    for (name, kind, reason) in [
        ("free", communication, json!(null)),
        ("Contoso", "microsoft.communication/communicationservices", json!("AlreadyExists")),
        ("con.toso", communication, json!("Invalid")),
        ("con_toso", "Microsoft.Communication/EmailServices", json!("Invalid")),
        ("contoso", "Microsoft.Communication/EmailServices", json!(null)),
    ] {
        let reply = ask(&fixture, "checkNameAvailability", json!({"name": name, "type": kind})).unwrap();
        assert_eq!(reply["reason"], reason, "{name}");
        assert_eq!(reply["nameAvailable"], reason.is_null());
    }
    for body in
        [json!({"type": communication}), json!({"name": "x"}), json!({"name": "x", "type": "y"}), json!([])]
    {
        assert!(ask(&fixture, "checkNameAvailability", body).is_err());
    }
    assert_eq!(ask(&fixture, "listVerifiedExchangeOnlineDomains", json!(null)).unwrap(), json!([]));
}

#[test]
fn access_keys_are_shown_and_replaced() {
    let fixture = Fixture::new();
    let path = fixture.communication_service("Contoso");
    let keys = done(fixture.act(&path, "listKeys", json!(null)).unwrap());
    let primary = keys["primaryKey"].as_str().unwrap();
    assert_eq!(
        keys["primaryConnectionString"],
        format!("endpoint=https://localhost:8447/contoso/;accesskey={primary}")
    );
    assert_ne!(keys["primaryKey"], keys["secondaryKey"]);
    let renewed = done(fixture.act(&path, "regenerateKey", json!({"keyType": "primary"})).unwrap());
    assert_ne!(renewed["primaryKey"], keys["primaryKey"]);
    assert_eq!(renewed["secondaryKey"], keys["secondaryKey"]);
    assert_eq!(done(fixture.act(&path, "listKeys", json!(null)).unwrap()), renewed);
    let renewed_again = done(fixture.act(&path, "regenerateKey", json!({"keyType": "Secondary"})).unwrap());
    assert_eq!(renewed_again["primaryKey"], renewed["primaryKey"]);
    assert_ne!(renewed_again["secondaryKey"], renewed["secondaryKey"]);
    for body in [json!(null), json!({}), json!({"keyType": "Both"}), json!({"keyType": 1})] {
        assert_eq!(refused(fixture.act(&path, "regenerateKey", body)), "keyType");
    }
    assert!(!fixture.get(&path).to_string().contains(primary));
    fixture.put(&path, created(json!({"dataLocation": "Europe"})));
    assert_eq!(done(fixture.act(&path, "listKeys", json!(null)).unwrap()), renewed_again);
}

#[test]
fn a_notification_hub_is_linked_without_its_secret() {
    let fixture = Fixture::new();
    let path = fixture.communication_service("contoso");
    let hub = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11/resourceGroups/rg/providers/\
               Microsoft.NotificationHubs/namespaces/n/notificationHubs/h";
    for (body, target) in [
        (json!(null), "resourceId"),
        (json!({"resourceId": hub}), "connectionString"),
        (json!({"resourceId": "x", "connectionString": "Endpoint=sb://x"}), "resourceId"),
    ] {
        assert_eq!(refused(fixture.act(&path, "linkNotificationHub", body)), target);
    }
    let body = json!({"resourceId": hub, "connectionString": "Endpoint=sb://secret"});
    let linked = done(fixture.act(&path, "linkNotificationHub", body).unwrap());
    assert_eq!(linked, json!({"resourceId": hub}));
    assert_eq!(done(fixture.act(&path, "linkNotificationHub", json!(null)).unwrap()), linked);
    let shown = fixture.put(&path, created(json!({"dataLocation": "Europe"})));
    assert_eq!(shown["properties"]["notificationHubId"], hub);
    assert!(!shown.to_string().contains("secret"));
}

#[test]
fn an_azure_managed_domain_is_verified_at_once() {
    let fixture = Fixture::new();
    let path = fixture.managed_domain("mail", "Europe");
    let domain = fixture.get(&path);
    assert_eq!(domain["type"], "Microsoft.Communication/EmailServices/Domains");
    let properties = &domain["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["dataLocation"], "Europe");
    let name = properties["fromSenderDomain"].as_str().unwrap();
    assert!(Uuid::parse_str(name.strip_suffix(".azurecomm.net").unwrap()).is_ok());
    assert_eq!(properties["mailFromSenderDomain"], name);
    assert_eq!(properties["userEngagementTracking"], "Disabled");
    for kind in ["Domain", "SPF", "DKIM", "DKIM2", "DMARC"] {
        assert_eq!(properties["verificationStates"][kind], json!({"status": "Verified", "errorCode": ""}));
    }
    let sender = fixture.get(&format!("{path}/senderUsernames/donotreply"));
    assert_eq!(sender["properties"]["username"], "donotreply");
    assert_eq!(sender["properties"]["displayName"], "DoNotReply");
    assert_eq!(sender["properties"]["provisioningState"], "Succeeded");
    let tracked = fixture.patch(&path, json!({"userEngagementTracking": "enabled"}));
    assert_eq!(tracked["properties"]["userEngagementTracking"], "Enabled");
    assert_eq!(tracked["properties"]["fromSenderDomain"], name);
    let again = fixture.put(&path, created(json!({"domainManagement": "AzureManaged"})));
    assert_eq!(again["properties"]["fromSenderDomain"], name);
    assert_eq!(again["properties"]["userEngagementTracking"], "Disabled");
    let verification = json!({"verificationType": "SPF"});
    let outcome = fixture.act(&path, "initiateVerification", verification);
    assert_eq!(refused(outcome), "DomainVerificationNotApplicable");
}

#[test]
fn a_custom_domain_shows_its_records_and_waits() {
    let fixture = Fixture::new();
    fixture.put("emailServices/mail", created(json!({"dataLocation": "Europe"})));
    for (name, management) in
        [("Mail.Contoso.com", "CustomerManaged"), ("x.contoso.com", "customermanagedinexchangeonline")]
    {
        let path = format!("emailServices/mail/domains/{name}");
        let domain = fixture.put(&path, created(json!({"domainManagement": management})));
        assert_eq!(domain["name"], name);
        let properties = &domain["properties"];
        assert_eq!(properties["fromSenderDomain"], name.to_lowercase());
        assert_eq!(properties["verificationStates"]["Domain"]["status"], "NotStarted");
        let ownership = &properties["verificationRecords"]["Domain"];
        assert_eq!(ownership["type"], "TXT");
        assert!(ownership["value"].as_str().unwrap().starts_with("ms-domain-verification="));
        for (action, kind) in [("initiateVerification", "DKIM2"), ("cancelVerification", "domain")] {
            let acted = fixture.act(&path, action, json!({"verificationType": kind})).unwrap();
            assert!(matches!(acted, Acted::Accepted(_)));
            for body in [json!(null), json!({"verificationType": "MX"})] {
                assert_eq!(refused(fixture.act(&path, action, body)), "verificationType");
            }
        }
        let after = fixture.get(&path);
        assert_eq!(after["properties"], *properties);
        fixture.get(&format!("{path}/senderUsernames/DoNotReply"));
    }
    // Nobody owns a domain before it is verified.
    fixture.put("emailServices/other", created(json!({"dataLocation": "Europe"})));
    let body = created(json!({"domainManagement": "CustomerManaged"}));
    fixture.put("emailServices/other/domains/mail.contoso.com", body);
}

#[test]
fn bodies_and_names_that_a_domain_refuses() {
    let fixture = Fixture::new();
    let managed = fixture.managed_domain("mail", "Europe");
    for (name, properties, target) in [
        ("AzureManagedDomain", json!({}), "properties.domainManagement"),
        ("AzureManagedDomain", json!({"domainManagement": "Mine"}), "properties.domainManagement"),
        ("contoso.com", json!({"domainManagement": "AzureManaged"}), "properties.domainManagement"),
        (
            "contoso.com",
            json!({"domainManagement": "CustomerManaged", "userEngagementTracking": "On"}),
            "properties.userEngagementTracking",
        ),
        ("contoso", json!({"domainManagement": "CustomerManaged"}), "name"),
        ("x.azurecomm.net", json!({"domainManagement": "CustomerManaged"}), "name"),
        ("AzureManagedDomain", json!({"domainManagement": "CustomerManaged"}), "PropertyChangeNotAllowed"),
    ] {
        let path = format!("emailServices/mail/domains/{name}");
        assert_eq!(refused(fixture.try_put(&path, created(properties))), target, "{name}");
    }
    fixture.put("emailServices/empty", created(json!({"dataLocation": "Europe"})));
    let body = created(json!({"domainManagement": "CustomerManaged"}));
    let outcome = fixture.try_put("emailServices/empty/domains/AzureManagedDomain", body);
    assert_eq!(refused(outcome), "properties.domainManagement");
    let outcome = fixture.try_patch(&managed, json!({"userEngagementTracking": 1}));
    assert_eq!(refused(outcome), "properties.userEngagementTracking");
}

#[test]
fn only_verified_domains_of_the_same_place_are_linked() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let domain = fixture.managed_domain("mail", "Europe");
    let far = fixture.managed_domain("far", "Asia");
    let custom = "emailServices/mail/domains/contoso.com";
    fixture.put(custom, created(json!({"domainManagement": "CustomerManaged"})));

    let shouted = fixture.id(&domain).to_string().to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions");
    let linked =
        fixture.patch(&service, json!({"linkedDomains": [shouted, fixture.id(&domain).to_string()]}));
    assert_eq!(linked["properties"]["linkedDomains"], json!([fixture.id(&domain).to_string()]));

    for (path, code) in [
        ("emailServices/mail/domains/gone.com", "InvalidLinkedDomains"),
        ("emailServices/mail", "InvalidLinkedDomains"),
        ("communicationServices/contoso", "InvalidLinkedDomains"),
        (far.as_str(), "DomainValidationError"),
        (custom, "DomainValidationError"),
    ] {
        assert_eq!(refused(fixture.links(&service, &[path])), code, "{path}");
    }
    let outcome = fixture.try_patch(&service, json!({"linkedDomains": ["x"]}));
    assert_eq!(refused(outcome), "InvalidLinkedDomains");
    let many = vec![fixture.id(&domain).to_string(); 101];
    assert_eq!(refused(fixture.try_patch(&service, json!({"linkedDomains": many}))), "InvalidLinkedDomains");
    for kind in ["Domain", "SPF", "DKIM", "DKIM2"] {
        assert_eq!(refused(fixture.links(&service, &[custom])), "DomainValidationError", "{kind}");
        fixture.set_verification(custom, kind, "Verified");
    }
    fixture.links(&service, &[custom, &domain]).unwrap();
    assert_eq!(fixture.get(&service)["properties"]["linkedDomains"].as_array().unwrap().len(), 2);
}

#[test]
fn linking_needs_a_right_at_the_domain() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let domain = fixture.managed_domain("mail", "Europe");
    let mut clerk = fixture.admin.clone();
    clerk.object_id = gatepost_names::ObjectId(Uuid::new_v4());
    let role = fixture.role("Services", &["Microsoft.Communication/CommunicationServices/*"]);
    let subscription = Scope::subscription(fixture.subscription);
    fixture.assign(fixture.tenant, clerk.object_id, clerk.kind, role, &subscription);
    let body = json!({"properties": {"linkedDomains": [fixture.id(&domain).to_string()]}});
    let id = fixture.id(&service);
    let link = || fixture.resources.patch(&clerk, &id, &body, &Conditions::default());
    match link() {
        Err(ResourceError::LinkedDenied { linked, .. }) => {
            assert_eq!(linked.action, "Microsoft.Communication/EmailServices/write");
            assert_eq!(&linked.scope, fixture.id(&domain).scope());
        }
        other => panic!("{other:?}"),
    }
    // What is linked already needs no right.
    fixture.links(&service, &[&domain]).unwrap();
    link().unwrap();
}

#[test]
fn a_linked_domain_cannot_be_deleted() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let domain = fixture.managed_domain("mail", "Europe");
    fixture.links(&service, &[&domain]).unwrap();
    assert_eq!(refused(fixture.delete(&domain)), "DomainLinked");
    assert_eq!(refused(fixture.delete("emailServices/mail")), "DomainLinked");
    fixture.get(&format!("{domain}/senderUsernames/donotreply"));
    fixture.links(&service, &[]).unwrap();
    fixture.delete(&domain).unwrap();
    let sender = fixture.id(&format!("{domain}/senderUsernames/donotreply"));
    assert!(fixture.resources.get(&fixture.admin, &sender).is_err());
}

#[test]
fn a_resource_group_goes_with_its_links() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let domain = fixture.managed_domain("mail", "Europe");
    fixture.links(&service, &[&domain]).unwrap();
    let group = fixture.id(&service).scope().parent().unwrap();
    fixture.resources.delete_group(&fixture.admin, &group, &Conditions::default()).unwrap();
    assert_eq!(fixture.platform.store.verify().unwrap(), Vec::<String>::new());
    fixture.put_group("rg");
    fixture.communication_service("contoso");
    fixture.managed_domain("mail", "Europe");
}

#[test]
fn sender_usernames_are_local_parts_named_like_themselves() {
    let fixture = Fixture::new();
    let domain = fixture.managed_domain("mail", "Europe");
    let path = |name: &str| format!("{domain}/senderUsernames/{name}");
    let sender = |username: &str| json!({"properties": {"username": username, "displayName": "News"}});
    let written = fixture.try_put(&path("news.letter+1"), sender("News.letter+1")).unwrap();
    assert!(written.created && written.operation.is_none());
    assert_eq!(written.shown.body["type"], "Microsoft.Communication/EmailServices/Domains/SenderUsernames");
    assert_eq!(written.shown.body["properties"]["dataLocation"], "Europe");
    assert!(written.shown.body.get("location").is_none());
    for (name, body, target) in [
        ("other", sender("news"), "properties.username"),
        ("other", json!({"properties": {}}), "properties.username"),
        (
            "other",
            json!({"properties": {"username": "other", "displayName": "a\nb"}}),
            "properties.displayName",
        ),
        ("a..b", sender("a..b"), "name"),
        ("a@b", sender("a@b"), "name"),
        ("a b", sender("a b"), "name"),
        ("x".repeat(65).as_str(), sender("x"), "name"),
    ] {
        assert_eq!(refused(fixture.try_put(&path(name), body)), target, "{name}");
    }
    for n in 2..100 {
        fixture.put(&path(&format!("s{n}")), sender(&format!("s{n}")));
    }
    assert_eq!(refused(fixture.try_put(&path("one-more"), sender("one-more"))), "QuotaExceeded");
    fixture.put(&path("s5"), sender("S5"));
    assert!(matches!(fixture.delete(&path("s5")), Ok(Deleted::Done)));
    fixture.put(&path("one-more"), sender("one-more"));
}

#[test]
fn smtp_usernames_have_rules() {
    let ready = Ready::new();
    let fixture = &ready.fixture;
    let (app, tenant) = (ready.app.app_id, fixture.tenant);
    let domain = ready.sender().domain().to_string();
    let path = format!("{}/smtpUsernames/second", ready.service);
    for username in ["second", "Printer on floor 2", "grün", &format!("printer@{domain}")] {
        let shown = fixture.put(&path, ready.username_body(username));
        assert_eq!(shown["properties"]["username"], username);
        assert_eq!(shown["type"], "Microsoft.Communication/CommunicationServices/SmtpUsernames");
    }
    for username in [
        "",
        " x",
        "x\r\n",
        "a\u{1}b",
        "x".repeat(256).as_str(),
        "@",
        "a@",
        "a b@c",
        "printer@unlinked.example",
        &format!("printer@sub.{domain}"),
        &format!("contoso.{app}.{tenant}"),
        &format!("any|{app}|{tenant}"),
    ] {
        let body = ready.username_body(username);
        assert_eq!(refused(fixture.try_put(&path, body)), "properties.username", "{username}");
    }
    for (property, value) in [
        ("entraApplicationId", json!(null)),
        ("entraApplicationId", json!("x")),
        ("tenantId", json!("")),
        ("tenantId", json!(Uuid::new_v4().to_string())),
    ] {
        let mut body = ready.username_body("third");
        body["properties"][property] = value;
        assert_eq!(refused(fixture.try_put(&path, body)), format!("properties.{property}"));
    }
    assert_eq!(refused(fixture.try_put(&path, ready.username_body("MAILER"))), "SmtpUsernameInUse");
    let name = format!("{}/smtpUsernames/a_b", ready.service);
    assert_eq!(refused(fixture.try_put(&name, ready.username_body("ab"))), "name");
}

#[test]
fn an_smtp_username_is_unique_across_tenants() {
    let ready = Ready::new();
    let (tenant, subscription, stranger) = ready.fixture.tenant("fabrikam.example");
    let group = Scope::subscription(subscription).join("resourceGroups/rg").unwrap();
    let resources = &ready.fixture.resources;
    resources.put_group(&stranger, &group, &json!({"location": "global"}), &Conditions::default()).unwrap();
    let service = group.join("providers/Microsoft.Communication/communicationServices/fabrikam").unwrap();
    let body = created(json!({"dataLocation": "Europe"}));
    resources.put(&stranger, &service.resource().unwrap(), &body, &Conditions::default()).unwrap();
    let id = service.join("smtpUsernames/mailer").unwrap().resource().unwrap();
    let mut body = ready.username_body("Mailer");
    body["properties"]["tenantId"] = tenant.to_string().into();
    let refusal = resources.put(&stranger, &id, &body, &Conditions::default()).unwrap_err();
    assert!(!refusal.to_string().contains("contoso"), "{refusal}");
    assert_eq!(named(refusal), "SmtpUsernameInUse");
    ready.fixture.delete(&ready.service).unwrap();
    resources.put(&stranger, &id, &body, &Conditions::default()).unwrap();
}

#[test]
fn suppression_lists_hold_addresses() {
    let fixture = Fixture::new();
    let domain = fixture.managed_domain("mail", "Europe");
    let list = format!("{domain}/suppressionLists/list-1");
    let unknown = json!({"properties": {"listName": "nobody"}});
    assert_eq!(refused(fixture.try_put(&list, unknown)), "properties.listName");
    let written = fixture.try_put(&list, json!({"properties": {"listName": "DoNotReply"}})).unwrap();
    assert!(written.created && written.operation.is_none());
    let properties = written.shown.body["properties"].clone();
    assert_eq!(properties["dataLocation"], "Europe");
    assert_eq!(properties["createdTimeStamp"], properties["lastUpdatedTimeStamp"]);
    fixture.put(&format!("{domain}/suppressionLists/all"), json!({"properties": {"listName": ""}}));
    fixture.put(&format!("{domain}/suppressionLists/all2"), json!({}));

    let address = format!("{list}/suppressionListAddresses/{}", Uuid::new_v4());
    let body =
        json!({"properties": {"email": "bob@example.com", "firstName": "Bob", "notes": "asked\nfor it"}});
    fixture.clock.advance(std::time::Duration::from_secs(1));
    let shown = fixture.put(&address, body);
    assert_eq!(
        shown["type"],
        "Microsoft.Communication/EmailServices/Domains/SuppressionLists/SuppressionListAddresses"
    );
    assert_eq!(shown["properties"]["firstName"], "Bob");
    assert!(shown["properties"].get("lastName").is_none());
    let after = fixture.get(&list)["properties"].clone();
    assert_eq!(after["createdTimeStamp"], properties["createdTimeStamp"]);
    assert_eq!(after["lastUpdatedTimeStamp"], shown["properties"]["lastModified"]);
    for (body, target) in [
        (json!({}), "properties.email"),
        (json!({"properties": {"email": "bob"}}), "properties.email"),
        (json!({"properties": {"email": "b@x.y", "lastName": "x".repeat(300)}}), "properties.lastName"),
        (json!({"properties": {"email": "b@x.y", "notes": "x".repeat(5000)}}), "properties.notes"),
    ] {
        assert_eq!(refused(fixture.try_put(&address, body)), target);
    }
    assert!(matches!(fixture.delete(&address), Ok(Deleted::Done)));
    assert!(matches!(fixture.delete(&list), Ok(Deleted::Done)));
}

#[test]
fn children_need_their_parents() {
    let fixture = Fixture::new();
    for path in [
        "emailServices/mail/domains/contoso.com",
        "emailServices/mail/domains/contoso.com/senderUsernames/x",
        "communicationServices/contoso/smtpUsernames/x",
    ] {
        let body = created(json!({"domainManagement": "CustomerManaged", "username": "x"}));
        let outcome = fixture.try_put(path, body);
        assert!(matches!(outcome, Err(ResourceError::ParentResourceNotFound(_))), "{path}: {outcome:?}");
    }
}

#[test]
fn the_catalogue_is_whole_and_consistent() {
    let types = types();
    let mut names: Vec<&str> = provider_operations().iter().map(|operation| operation.name).collect();
    for kind in &types {
        let info = kind.info();
        names.extend(info.operations.iter().map(|operation| operation.name));
        // Newest first, and of one date the stable version first.
        let order = |version: &str| (version.get(..10).unwrap().to_owned(), !version.contains("preview"));
        assert!(info.api_versions.iter().rev().is_sorted_by_key(|version| order(version)), "{}", info.path);
    }
    let unique: std::collections::HashSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(unique.len(), names.len());
    for kind in &types {
        let info = kind.info();
        for verb in ["read", "write", "delete"] {
            assert!(unique.contains(&format!("{}/{verb}", info.action_stem).to_lowercase()));
        }
        assert!(info.actions.iter().all(|action| names.contains(&action.requires)), "{}", info.path);
    }
    for name in [
        "Microsoft.Communication/Register/Action",
        "Microsoft.Communication/CheckNameAvailability/action",
        "Microsoft.Communication/CommunicationServices/Read",
        "Microsoft.Communication/CommunicationServices/ListKeys/action",
        "Microsoft.Communication/EmailServices/write",
        "Microsoft.Communication/EmailServices/verifiedExchangeOnlineDomains/action",
        "Microsoft.Communication/EmailServices/Domains/RevokeVerification/action",
        "Microsoft.Communication/Locations/OperationStatuses/write",
        "Microsoft.Communication/CommunicationServices/explainSmtpUsername/action",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}
