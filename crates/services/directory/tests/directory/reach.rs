//! How far names, scopes and tokens of pages reach.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::Caller;
use gatepost_directory::{
    DeltaEntry, DeltaRequest, DirectoryError, MICROSOFT_GRAPH, NewApplication, ObjectKey, ObjectKind,
};
use gatepost_names::ObjectId;
use gatepost_store::directory as rows;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{House, object, role};

const APP: ObjectKind = ObjectKind::Application;
const USER: ObjectKind = ObjectKind::User;
const GROUP: ObjectKind = ObjectKind::Group;

#[test]
fn an_identifier_uri_with_a_client_id_is_that_applications() {
    let house = House::new();
    let d = &house.directory;
    let ((mine, my_id, _), (_, victim, _)) = (house.application("mine"), house.application("victim"));
    let name = |uri: &str| {
        let sent = object(json!({"identifierUris": [uri]}));
        d.update(&house.admin, APP, &ObjectKey::Id(mine), &sent)
    };
    for uri in [
        format!("api://{victim}"),
        format!("API://{victim}/"),
        format!("api://{MICROSOFT_GRAPH}"),
        "https://graph.microsoft.com/".to_owned(),
        "https://elsewhere.example".to_owned(),
    ] {
        assert!(matches!(name(&uri), Err(DirectoryError::InvalidProperty { .. })), "{uri}");
    }
    // Not when it is made either: it cannot know its own client id yet.
    let properties = object(json!({"displayName": "x", "identifierUris": [format!("api://{victim}")]}));
    let new = NewApplication { display_name: "x".to_owned(), properties };
    assert!(house.store.write(|tx| d.create_application(tx, house.tenant, new)).is_err());
    let resolved = |uri: &str| d.resource_named(house.tenant, uri).unwrap().map(|known| known.app_id);
    // Even a row from elsewhere does not win.
    let squatted = format!("api://{victim}");
    house.store.write(|tx| rows::set_identifier_uris(tx, house.tenant, mine, &[&squatted])).unwrap();
    assert_eq!(resolved(&squatted), Some(victim));
    name(&format!("api://{my_id}")).unwrap();
    name("https://api.contoso.example/Orders/").unwrap();
    assert_eq!(resolved("https://API.contoso.example/orders"), Some(my_id));
    // A slash or letter case makes no second name.
    let (other, ..) = house.application("other");
    let again = object(json!({"identifierUris": ["https://api.contoso.example/orders//"]}));
    let taken = d.update(&house.admin, APP, &ObjectKey::Id(other), &again);
    assert!(matches!(taken, Err(DirectoryError::ValueInUse(_))));
}

#[test]
fn a_client_reaches_the_targets_of_its_scopes_only_and_its_users() {
    let house = House::new();
    let d = &house.directory;
    let through = |scope: &str| house.admin.clone().through(&[scope.to_owned()]);
    let (plain, powerful) = (ObjectKey::Id(house.group("g")), ObjectKey::Id(house.role_group()));
    let (someone, admin) = (house.user("s"), house.administrator("Application Administrator"));
    let denied = |outcome: Result<(), DirectoryError>| matches!(outcome, Err(DirectoryError::Denied(_)));
    let all = through("Directory.ReadWrite.All");
    d.add_member(&all, &plain, someone).unwrap();
    assert!(denied(d.add_member(&all, &powerful, someone)));
    assert!(denied(d.add_member(&through("Group.ReadWrite.All"), &powerful, someone)));
    assert!(denied(d.add_directory_role_member(&all, role("Global Administrator"), someone)));
    assert!(denied(d.remove(&all, USER, &ObjectKey::Id(someone))));
    let policy = object(json!({"defaultUserRolePermissions": {"allowedToCreateApps": false}}));
    assert!(d.change_authorization_policy(&all, &policy).is_err());

    let users = through("User.ReadWrite.All");
    let change = |caller: &Caller, id: ObjectId, sent: Value| {
        d.update(caller, USER, &ObjectKey::Id(id), &object(sent))
    };
    let password = json!({"passwordProfile": {"password": "a new one, and a long one"}});
    change(&users, someone, json!({"accountEnabled": false})).unwrap();
    assert!(denied(change(&users, admin, json!({"accountEnabled": false}))));
    assert!(denied(change(&users, someone, password.clone())));
    let whole = through("Directory.AccessAsUser.All");
    change(&whole, someone, password).unwrap();
    d.add_member(&whole, &powerful, someone).unwrap();
    // A scope gives a user nothing that it may not itself.
    let member = crate::house::caller(house.tenant, house.user("m"), house.admin.kind, None);
    let member = member.through(&["Directory.AccessAsUser.All".to_owned()]);
    assert!(denied(change(&member, someone, json!({"city": "x"}))));
}

#[test]
fn a_delta_token_gives_bounded_pages_and_no_made_up_ones() {
    let house = House::new();
    let (group, other) = (house.group("g"), house.group("h"));
    let ask = |token: String, top: usize| {
        let request = DeltaRequest { token: Some(token), top, members: true, latest: false };
        house.directory.delta(&house.admin, GROUP, &request)
    };
    let latest = DeltaRequest { latest: true, top: 1, ..DeltaRequest::default() };
    let start = house.directory.delta(&house.admin, GROUP, &latest).unwrap().delta.unwrap();
    let changed = house.store.write(|tx| {
        for _ in 0..4500 {
            rows::note_member(tx, house.tenant, group, ObjectId(Uuid::new_v4()), true)?;
        }
        rows::note_member(tx, house.tenant, other, ObjectId(Uuid::new_v4()), true)?;
        // The group changes once more: what changed before the other one is not lost on the second page.
        rows::note_member(tx, house.tenant, group, ObjectId(Uuid::new_v4()), true)
    });
    changed.unwrap();
    for top in [1, 10] {
        let (mut token, mut members, mut pages) = (start.clone(), Vec::new(), 0);
        loop {
            let page = ask(token, top).unwrap();
            pages += 1;
            let here: Vec<Value> = page
                .entries
                .into_iter()
                .flat_map(|entry| match entry {
                    DeltaEntry::There(_, members) => members,
                    DeltaEntry::Gone(..) => Vec::new(),
                })
                .collect();
            assert!(here.len() <= 2000);
            members.extend(here);
            match page.next {
                Some(next) => token = next,
                None => break,
            }
        }
        assert_eq!(members.len(), 4502);
        assert!(pages >= 3, "{pages}");
    }
    for number in [-1, i64::MIN, i64::MAX, 1_000_000] {
        let mut bytes = vec![b's'];
        bytes.extend_from_slice(&number.to_be_bytes());
        let refused = ask(URL_SAFE_NO_PAD.encode(bytes), 10);
        assert!(matches!(refused, Err(DirectoryError::InvalidPageToken)), "{number}");
    }
}
