//! The log as use cases leave it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use gatepost_access::{Access, Caller, GLOBAL_ADMINISTRATOR, RequestOrigin};
use gatepost_names::{ObjectId, PrincipalKind, Scope};
use gatepost_rbac::builtin;
use gatepost_store::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Intended;
use crate::communication::fixture::Fixture;
use crate::request::{Conditions, Deleted, Page};
use crate::{Intent, ResourceError};

const ALWAYS: &str = "eventTimestamp ge '2000-01-01T00:00:00Z'";

fn someone(fixture: &Fixture, name: &str) -> Caller {
    let id = ObjectId(Uuid::new_v4());
    Caller::new(fixture.tenant, id, PrincipalKind::User, format!("{name}@contoso.example"), None)
}

fn asking(caller: &Caller, correlation: u128) -> Caller {
    let origin = RequestOrigin::new(Uuid::from_u128(correlation), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    caller.clone().at(origin)
}

impl Fixture {
    fn group_scope(&self, name: &str) -> Scope {
        Scope::subscription(self.subscription).join(&format!("resourceGroups/{name}")).unwrap()
    }

    fn write_group(&self, caller: &Caller, name: &str, body: &Value) -> Result<(), ResourceError> {
        let scope = self.group_scope(name);
        self.resources.put_group(caller, &scope, body, &Conditions::default()).map(|_| ())
    }

    /// The events that pass a filter beside the span of time, newest first.
    fn events(&self, rest: &str) -> Vec<Value> {
        let filter = if rest.is_empty() { ALWAYS.to_owned() } else { format!("{ALWAYS} and {rest}") };
        let page = Page::default();
        let listing =
            self.resources.events(&self.admin, Some(self.subscription), Some(&filter), None, &page).unwrap();
        listing.value
    }
}

fn value<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member]["value"].as_str().unwrap()
}

#[test]
fn a_change_is_on_the_log_as_azure_shows_it() {
    let fixture = Fixture::new();
    let caller = asking(&fixture.admin, 5);
    fixture.write_group(&caller, "Fresh", &json!({"location": "global"})).unwrap();
    let found = fixture.events("resourceGroupName eq 'fresh'");
    assert_eq!(found.len(), 1);
    let event = &found[0];
    let id = format!("/subscriptions/{}/resourceGroups/Fresh", fixture.subscription);
    assert_eq!(value(event, "operationName"), "Microsoft.Resources/subscriptions/resourceGroups/write");
    assert_eq!((value(event, "status"), value(event, "subStatus")), ("Succeeded", "Created"));
    assert_eq!(value(event, "resourceType"), "Microsoft.Resources/subscriptions/resourceGroups");
    assert_eq!(value(event, "resourceProviderName"), "Microsoft.Resources");
    assert_eq!(value(event, "category"), "Administrative");
    assert_eq!(event["resourceId"], json!(id));
    assert_eq!(event["caller"], "admin@contoso.example");
    assert_eq!(event["correlationId"], Uuid::from_u128(5).to_string());
    assert_eq!(event["authorization"]["role"], "Owner");
    assert_eq!(event["authorization"]["scope"], json!(id));
    assert_eq!(event["httpRequest"]["method"], "PUT");
    assert_eq!(event["httpRequest"]["clientIpAddress"], "192.0.2.7");
    assert_eq!(event["level"], "Informational");
    assert_eq!(event["subscriptionId"], fixture.subscription.to_string());
    assert_eq!(event["tenantId"], fixture.tenant.to_string());
    let at = event["eventTimestamp"].as_str().unwrap();
    assert_eq!(at.len(), "2026-01-01T00:00:00.0000000Z".len(), "{at}");
    assert!(event["id"].as_str().unwrap().starts_with(&format!("{id}/events/")), "{}", event["id"]);
    let claims = event["claims"].as_object().unwrap();
    assert!(claims.values().any(|claim| claim == "admin@contoso.example"), "{claims:?}");
    assert!(
        claims.values().all(Value::is_string)
            && event["properties"].as_object().unwrap().values().all(Value::is_string)
    );
}

#[test]
fn each_kind_of_write_is_on_the_log() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    fixture.patch(&service, json!({}));
    fixture.act(&service, "listKeys", json!(null)).unwrap();
    fixture.delete(&service).unwrap();
    assert_eq!(fixture.delete(&service).unwrap(), Deleted::Absent);
    fixture
        .resources
        .register_provider(&fixture.admin, fixture.subscription, "Microsoft.Communication", true)
        .unwrap();
    let body = json!({"name": "free", "type": "Microsoft.Communication/CommunicationServices"});
    let check =
        fixture.resources.subscription_action("Microsoft.Communication", "checkNameAvailability").unwrap();
    fixture.resources.act_on_subscription(&fixture.admin, fixture.subscription, check, &body).unwrap();
    let mut found: Vec<(String, String)> = fixture
        .events("resourceProvider eq 'Microsoft.Communication'")
        .iter()
        .map(|event| (value(event, "operationName").to_lowercase(), value(event, "subStatus").to_owned()))
        .collect();
    found.reverse();
    let stem = "microsoft.communication/communicationservices";
    let expected = [
        (format!("{stem}/write"), "Created"),
        (format!("{stem}/write"), "OK"),
        (format!("{stem}/listkeys/action"), "OK"),
        (format!("{stem}/delete"), "OK"),
        (format!("{stem}/delete"), "NoContent"),
        ("microsoft.communication/register/action".to_owned(), "OK"),
        ("microsoft.communication/checknameavailability/action".to_owned(), "OK"),
    ];
    for (operation, status) in expected {
        let is_it = |(o, s): &(String, String)| *o == operation && (s == status || s == "Accepted");
        assert!(found.iter().any(is_it), "{operation} {status}: {found:?}");
    }
}

#[test]
fn a_failure_after_authorization_is_on_the_log() {
    let fixture = Fixture::new();
    let caller = asking(&fixture.admin, 6);
    assert!(fixture.write_group(&caller, "rg", &json!({"location": "westeurope"})).is_err());
    assert!(fixture.write_group(&caller, "new", &json!({})).is_err());
    let found = fixture.events("status eq 'Failed'");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(value(&found[1], "subStatus"), "Conflict");
    assert_eq!(value(&found[0], "subStatus"), "BadRequest");
    let message = found[1]["properties"]["statusMessage"].as_str().unwrap();
    let message: Value = serde_json::from_str(message).unwrap();
    assert_eq!(message["error"]["code"], "InvalidResourceGroupLocation");
    assert_eq!(found[1]["level"], "Error");
    assert_eq!(fixture.events("resourceGroupName eq 'new' and status eq 'Succeeded'").len(), 0);
}

#[test]
fn a_refusal_is_on_the_log_with_its_reason_and_is_found_by_its_correlation_id() {
    let fixture = Fixture::new();
    let nobody = someone(&fixture, "nobody");
    let scope = fixture.group_scope("rg");
    for correlation in 11..=13 {
        let caller = asking(&nobody, correlation);
        let refused = fixture.resources.authorize_intent(&caller, Intent::WriteGroup(&scope));
        assert!(matches!(refused, Err(ResourceError::Denied(_))));
    }
    assert!(fixture.resources.group(&asking(&nobody, 14), &scope).is_err());
    let found = fixture.events(&format!("caller eq '{}'", nobody.client));
    assert_eq!(found.len(), 2, "the same within a minute is one event: {found:#?}");
    let (read, write) = (&found[0], &found[1]);
    assert_eq!(value(read, "operationName"), "Microsoft.Resources/subscriptions/resourceGroups/read");
    assert_eq!((value(write, "status"), value(write, "subStatus")), ("Failed", "Forbidden"));
    assert_eq!(write["properties"]["repeatedTimes"], "2");
    let reason = write["properties"]["reason"].as_str().unwrap();
    assert!(reason.contains("nobody@contoso.example") && reason.contains("resourceGroups/write"), "{reason}");
    assert_eq!(write["authorization"]["role"], Value::Null);
    for correlation in 11..=14 {
        let found = fixture.resources.refused_request(fixture.tenant, Uuid::from_u128(correlation)).unwrap();
        let found = found.expect("a refusal");
        assert_eq!((found.object_id, &found.scope), (nobody.object_id, &scope));
        assert_eq!(found.address, nobody.request.address.or(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))));
        assert!(!found.reason.is_empty());
    }
    assert_eq!(fixture.resources.refused_request(fixture.tenant, Uuid::from_u128(99)).unwrap(), None);
    let (other, ..) = fixture.tenant("other.example");
    assert_eq!(fixture.resources.refused_request(other, Uuid::from_u128(11)).unwrap(), None);
}

#[test]
fn a_flood_of_refusals_is_bounded_and_leaves_the_store_alone() {
    let fixture = Fixture::new();
    let nobody = someone(&fixture, "nobody");
    let before = fixture.platform.store.version();
    for n in 0..5_000 {
        let scope = fixture.group_scope(&format!("rg{n}"));
        assert!(fixture.resources.group(&nobody, &scope).is_err());
    }
    let found = fixture.events(&format!("caller eq '{}'", nobody.client));
    assert!(found.len() < 200, "{}", found.len());
    let beyond = &found[0];
    assert!(beyond["description"].as_str().unwrap().contains("too many"), "{beyond:#}");
    assert_eq!(fixture.platform.store.version(), before, "no cache was emptied");
    fixture.put_group("honest");
    assert_eq!(fixture.events("resourceGroupName eq 'honest'").len(), 1);
}

#[test]
fn what_changed_nothing_empties_no_cache() {
    let fixture = Fixture::new();
    let before = fixture.platform.store.version();
    assert_eq!(fixture.delete("emailServices/none").unwrap(), Deleted::Absent);
    assert_eq!(fixture.events("operationName eq 'microsoft.communication/emailservices/delete'").len(), 1);
    assert_eq!(fixture.platform.store.version(), before);
}

#[test]
fn old_events_go_and_the_days_can_be_set() {
    let fixture = Fixture::new();
    let resources = fixture.resources.clone().with_retention(30);
    assert_eq!(fixture.events("").len(), 2, "the two groups of the fixture");
    fixture.clock.advance(std::time::Duration::from_secs(31 * 86_400));
    resources.purge_activity();
    // What is asked of the thread comes before the answer.
    assert!(fixture.resources.group(&someone(&fixture, "nobody"), &fixture.group_scope("rg")).is_err());
    let found = fixture.events("");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(value(&found[0], "status"), "Failed");
}

#[test]
fn pages_join_and_members_are_selected() {
    let fixture = Fixture::new();
    for n in 0..7 {
        fixture.put_group(&format!("rg{n}"));
    }
    let (mut token, mut seen) = (None, Vec::new());
    loop {
        let page = Page::parse(token.as_deref(), Some("2")).unwrap();
        let listing = fixture
            .resources
            .events(
                &fixture.admin,
                Some(fixture.subscription),
                Some(ALWAYS),
                Some("resourceGroupName,status"),
                &page,
            )
            .unwrap();
        assert!(listing.value.len() <= 2);
        for event in &listing.value {
            assert_eq!(event.as_object().unwrap().len(), 2, "{event}");
            seen.push(event["resourceGroupName"].as_str().unwrap().to_owned());
        }
        match listing.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ["rg6", "rg5", "rg4", "rg3", "rg2", "rg1", "rg0", "other", "rg"]);
    let foreign = Page::parse(Some("eA"), None).unwrap();
    let events =
        |page| fixture.resources.events(&fixture.admin, Some(fixture.subscription), Some(ALWAYS), None, page);
    assert!(matches!(events(&foreign), Err(ResourceError::BadRequest { code: "InvalidSkipToken", .. })));
}

#[test]
fn who_may_read_a_part_may_ask_for_that_part_alone() {
    let fixture = Fixture::new();
    let reader = someone(&fixture, "reader");
    let scope = fixture.group_scope("rg");
    fixture.assign(fixture.tenant, reader.object_id, PrincipalKind::User, builtin::READER, &scope);
    let events = |caller: &Caller, filter: &str| {
        let filter = format!("{ALWAYS}{filter}");
        fixture.resources.events(caller, Some(fixture.subscription), Some(&filter), None, &Page::default())
    };
    assert_eq!(events(&reader, " and resourceGroupName eq 'RG'").unwrap().value.len(), 1);
    assert_eq!(events(&reader, &format!(" and resourceUri eq '{scope}'")).unwrap().value.len(), 1);
    for beyond in ["", " and resourceGroupName eq 'other'", " and caller eq 'x'", " and resourceUri eq '/'"] {
        assert!(matches!(events(&reader, beyond), Err(ResourceError::Denied(_))), "{beyond}");
    }
    // Another tenant's subscription is answered as one that does not exist.
    let (_, _, stranger) = fixture.tenant("other.example");
    assert!(matches!(events(&stranger, ""), Err(ResourceError::SubscriptionNotFound(_))));
}

#[test]
fn what_is_in_no_subscription_has_a_log_of_its_own() {
    let fixture = Fixture::new();
    let nobody = someone(&fixture, "nobody");
    let events =
        |caller: &Caller| fixture.resources.events(caller, None, Some(ALWAYS), None, &Page::default());
    assert!(matches!(events(&nobody), Err(ResourceError::Denied(_))));
    fixture.assign(
        fixture.tenant,
        fixture.admin.object_id,
        PrincipalKind::User,
        builtin::READER,
        &Scope::root(),
    );
    let found = events(&fixture.admin).unwrap().value;
    assert_eq!(found.len(), 1, "the refusal above: {found:#?}");
    assert_eq!(found[0]["subscriptionId"], "");
}

/// Whoever writes without [`crate::activity::Intended`] leaves no trace: nothing but the attempt itself may ask the
/// store for a transaction.
#[test]
fn there_is_no_other_way_to_write() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
                continue;
            }
            let name = path.to_string_lossy().into_owned();
            let is_test = name.ends_with("tests.rs") || name.ends_with("fixture.rs");
            let text = std::fs::read_to_string(&path).unwrap();
            let own = text.split("#[cfg(test)]").next().unwrap_or("");
            let packed: String = own.split_whitespace().collect();
            let writes = packed.contains("store.write(") || packed.contains("store.write::<");
            if writes && !is_test && !name.ends_with("activity/attempt.rs") {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    assert!(found.is_empty(), "{found:?} write without `Resources::change`");
}

#[test]
fn rights_are_asked_for_again_under_the_writers_lock() {
    let fixture = Fixture::new();
    let scope = fixture.group_scope("rg");
    const WRITE: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";
    for possible in [false, true] {
        let anna = someone(&fixture, "anna");
        let kind = PrincipalKind::User;
        let name = fixture.assign(fixture.tenant, anna.object_id, kind, builtin::CONTRIBUTOR, &scope);
        let intended = Intended::put(WRITE, &scope);
        let intended = if possible { intended.if_possible() } else { intended };
        let outcome = fixture.resources.change(&anna, intended, |attempt| {
            fixture.unassign(name);
            attempt.commit(|_| -> Result<(), ResourceError> { panic!("it may not any more") })
        });
        assert!(matches!(outcome, Err(ResourceError::Denied(_))), "{outcome:?}");
        let found = fixture.events(&format!("caller eq '{}'", anna.client));
        assert_eq!(value(&found[0], "status"), "Failed");
    }
}

#[test]
fn a_directory_role_is_asked_for_again_under_the_writers_lock() {
    let fixture = Fixture::new();
    let anna = someone(&fixture, "anna");
    let access = &fixture.platform.access;
    let root = Scope::root();
    let (tenant, id) = (fixture.tenant, anna.object_id);
    fixture
        .platform
        .store
        .write(|tx| access.put_directory_role(tx, tenant, id, GLOBAL_ADMINISTRATOR))
        .unwrap();
    let is_administrator = |access: &Access, caller: &Caller| {
        access.effective_directory_roles(caller.tenant, caller.object_id).contains(&GLOBAL_ADMINISTRATOR)
    };
    let try_it = |meanwhile: &dyn Fn()| {
        let intended = Intended::post("Microsoft.Authorization/elevateAccess/action", &root)
            .allowed_as("role", is_administrator);
        fixture.resources.change(&anna, intended, |attempt| {
            meanwhile();
            attempt.commit(|_| Ok(()))
        })
    };
    try_it(&|| ()).unwrap();
    let taken = try_it(&|| {
        let take = |tx: &Tx<'_>| access.delete_directory_role(tx, tenant, id, GLOBAL_ADMINISTRATOR);
        fixture.platform.store.write(take).map(|_| ()).unwrap();
    });
    assert!(matches!(taken, Err(ResourceError::Denied(_))), "{taken:?}");
}
