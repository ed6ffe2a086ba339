//! That lists stay as quick when there is much to list: by what is read, not by the clock.

use std::time::Instant;

use gatepost_directory::{
    DirectoryError, ListRequest, ObjectKey, ObjectKind, Order, Relation, RelationRequest,
};
use gatepost_names::ObjectId;
use gatepost_odata::{parse, parse_search};
use gatepost_store::directory::{self as rows, ObjectRow};
use serde_json::json;
use uuid::Uuid;

use crate::house::House;

/// Run with `cargo test --release -p gatepost-directory -- --ignored --nocapture speed` for figures.
#[test]
#[ignore = "a measurement: it fills a database with many users"]
fn lists_of_many_users() {
    let house = House::new();
    let users: u32 =
        std::env::var("GATEPOST_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    for _ in 0..users / 50_000 {
        fill_named(&house, 50_000);
    }
    let filter = |text: &str| Some(parse(text).unwrap());
    let search = |text: &str| Some(parse_search(text).unwrap());
    for (name, request) in [
        ("first 100", ListRequest::default()),
        ("by name", ListRequest { order: Order::Name, ..ListRequest::default() }),
        (
            "startsWith",
            ListRequest { filter: filter("startswith(displayName,'person0042')"), ..Default::default() },
        ),
        (
            "startsWith, counted",
            ListRequest {
                filter: filter("startswith(displayName,'person0042')"),
                count: true,
                ..Default::default()
            },
        ),
        (
            "startsWith of a letter",
            ListRequest { filter: filter("startswith(displayName,'p')"), ..Default::default() },
        ),
        ("search", ListRequest { search: search("\"displayName:number00042\""), ..Default::default() }),
        (
            "search of two words",
            ListRequest { search: search("\"displayName:person0042 number\""), ..Default::default() },
        ),
        ("search of much", ListRequest { search: search("\"displayName:person\""), ..Default::default() }),
    ] {
        let request = ListRequest { top: 100, ..request };
        let began = Instant::now();
        let mut listed = 0;
        for _ in 0..10 {
            let listing = house.directory.list(&house.admin, ObjectKind::User, &request).unwrap();
            listed = listing.objects.len();
        }
        println!("{name}: {listed} objects, {:?} each", began.elapsed() / 10);
    }
}

/// Adds users by their rows: no passwords are hashed.
fn fill_named(house: &House, users: u32) {
    let suffix = Uuid::new_v4().simple().to_string();
    let added = house.store.write(|tx| {
        for number in 0..users {
            let id = ObjectId(Uuid::new_v4());
            let login = format!("u{number:07}.{suffix}@contoso.example");
            let name = format!("Person{:04} Number{number:07}", number % 5000);
            let doc = json!({"id": id, "displayName": name, "userPrincipalName": login, "accountEnabled": true,
                "userType": "Member"});
            let row = ObjectRow {
                tenant: house.tenant,
                id,
                kind: ObjectKind::User,
                app_id: None,
                login: Some(login),
                display_name: name,
                enabled: true,
                doc: doc.to_string(),
                created_at: i64::from(number),
            };
            rows::insert(tx, &row)?;
        }
        Ok::<_, DirectoryError>(())
    });
    added.unwrap();
}

#[test]
#[ignore = "a measurement: it fills a group with many members"]
fn transitive_members_of_a_large_group() {
    let house = House::new();
    fill_named(&house, 50_000);
    fill_named(&house, 50_000);
    let (outer, inner) = (house.group("outer"), house.group("inner"));
    let added = house.store.write(|tx| {
        house.access.put_member(tx, house.tenant, outer, inner).unwrap();
        let mut after = None;
        loop {
            let page =
                rows::Page { after: after.map(|id| (rows::Key::Number(0), id)), ..rows::Page::default() };
            let chunk = rows::page(tx, house.tenant, ObjectKind::User, &page, 1000)?;
            for row in &chunk {
                house.access.put_member(tx, house.tenant, inner, row.id).unwrap();
            }
            match chunk.last() {
                Some(last) => after = Some(last.id),
                None => return Ok::<_, DirectoryError>(()),
            }
        }
    });
    added.unwrap();
    let (mut after, mut members, mut slowest) = (None, 0, std::time::Duration::ZERO);
    loop {
        let request = RelationRequest { top: 999, after, ..RelationRequest::default() };
        let began = Instant::now();
        let key = ObjectKey::Id(outer);
        let relation = Relation::TransitiveMembers;
        let page =
            house.directory.related(&house.admin, ObjectKind::Group, &key, relation, &request).unwrap();
        slowest = slowest.max(began.elapsed());
        members += page.objects.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    println!("{members} members, slowest page of 999: {slowest:?}");
    assert_eq!(members, 100_002);
}
