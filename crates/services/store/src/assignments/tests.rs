//! Listings, counts, and what never changes about an assignment.

use super::*;
use crate::Store;
use crate::tenants::{Tenant, insert_tenant};
use uuid::Uuid;

const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
const TENANT: TenantId = TenantId(Uuid::from_u128(7));

fn temporary() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
    let tenant = Tenant { id: TENANT, display_name: "T".to_owned(), default_domain: "t.example".to_owned() };
    store.write(|tx| insert_tenant(tx, &tenant, 1)).unwrap();
    (dir, store)
}

fn row(name: u128, scope: &str, role: u128, principal: u128) -> AssignmentRow {
    AssignmentRow {
        tenant: TENANT,
        name: RoleAssignmentName(Uuid::from_u128(name)),
        scope: Scope::parse(scope).unwrap(),
        role: RoleDefinitionId(Uuid::from_u128(role)),
        principal: ObjectId(Uuid::from_u128(principal)),
        principal_kind: PrincipalKind::User,
        description: None,
        condition: None,
        condition_version: None,
        starts_at: None,
        ends_at: None,
        changes: Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None },
    }
}

fn names(rows: &[AssignmentRow]) -> Vec<u128> {
    rows.iter().map(|row| row.name.0.as_u128()).collect()
}

fn rg(name: &str) -> String {
    format!("{SUB}/resourceGroups/{name}")
}

fn filled() -> (tempfile::TempDir, Store) {
    let (dir, store) = temporary();
    let rows = [
        row(1, "/", 1, 1),
        row(2, SUB, 1, 2),
        row(3, &rg("RG1"), 1, 1),
        row(4, &rg("rg10"), 1, 1),
        row(5, &format!("{}/providers/A.B/c/d", rg("rg1")), 1, 2),
        row(6, &rg("rg1"), 2, 1),
    ];
    store.write(|tx| rows.iter().try_for_each(|row| put_assignment(tx, row))).unwrap();
    (dir, store)
}

/// Each page of a listing, until one is empty.
fn walk(limit: usize, mut page: impl FnMut(Option<&Position>, usize) -> Vec<AssignmentRow>) -> Vec<u128> {
    let (mut shown, mut last) = (Vec::new(), None);
    loop {
        let rows = page(last.as_ref(), limit);
        let Some(row) = rows.last() else { return shown };
        last = Some(Position {
            scope_key: row.scope.key().to_owned(),
            role: row.role,
            principal: row.principal,
            name: row.name,
        });
        shown.extend(names(&rows));
    }
}

#[test]
fn listings_by_place() {
    let (_dir, store) = filled();
    let key = |scope: &str| scope.to_lowercase();
    let above: Vec<Reach> = [rg("rg1"), SUB.to_owned(), "/".to_owned()].map(Reach::At).to_vec();
    let above: Vec<Reach> =
        above.into_iter().map(|r| if let Reach::At(k) = r { Reach::At(key(&k)) } else { r }).collect();
    for (places, expected) in [
        (above.clone(), vec![3, 6, 2, 1]),
        (vec![Reach::Below(key(&rg("rg1")))], vec![5]),
        (vec![Reach::Below(key(SUB))], vec![3, 6, 5, 4]),
        (vec![Reach::Below("/".to_owned())], vec![2, 3, 6, 5, 4]),
        ([above, vec![Reach::Below(key(&rg("rg1")))]].concat(), vec![3, 6, 2, 1, 5]),
    ] {
        for limit in [1, 2, 100] {
            let shown = walk(limit, |last, limit| {
                store.read(|c| assignments_page(c, TENANT, &places, last, limit)).unwrap()
            });
            assert_eq!(shown, expected, "{places:?} by {limit}");
        }
    }
}

#[test]
fn listings_by_principal() {
    let (_dir, store) = filled();
    let people = [ObjectId(Uuid::from_u128(2)), ObjectId(Uuid::from_u128(1))];
    let all = [Reach::At("/".to_owned()), Reach::Below("/".to_owned())];
    for limit in [1, 2, 100] {
        let of = |principals: &[ObjectId], places: &[Reach]| {
            walk(limit, |last, limit| {
                let page =
                    |c: &Conn<'_>| assignments_of_principals_page(c, TENANT, principals, places, last, limit);
                store.read(page).unwrap()
            })
        };
        assert_eq!(of(&people, &all), [1, 3, 6, 4, 2, 5]);
        assert_eq!(of(&people[1..], &[Reach::Below(rg("rg1").to_lowercase())]), [0_u128; 0]);
        assert_eq!(of(&people, &[Reach::At(SUB.to_owned())]), [2]);
        let of_role = walk(limit, |last, limit| {
            let role = RoleDefinitionId(Uuid::from_u128(1));
            store.read(|c| assignments_of_role_page(c, TENANT, role, last, limit)).unwrap()
        });
        assert_eq!(of_role, [1, 2, 3, 5, 4]);
    }
}

#[test]
fn counts() {
    let (_dir, store) = filled();
    let at = |text: &str| Scope::parse(text).unwrap();
    let below = |scope: &Scope, most| store.read(|c| count_at_or_below(c, TENANT, scope, most)).unwrap();
    assert_eq!(below(&at(&rg("rg1")), 9), 3);
    assert_eq!(below(&Scope::root(), 9), 6);
    assert_eq!(below(&Scope::root(), 4), 4);
    assert_eq!(store.read(|c| count_at(c, TENANT, &Scope::root(), 9)).unwrap(), 1);
}

#[test]
fn scope_role_and_principal_are_one_and_never_change() {
    let (_dir, store) = temporary();
    let put = |row: AssignmentRow| store.write(|tx| put_assignment(tx, &row));
    put(row(1, SUB, 1, 1)).unwrap();
    assert!(matches!(
        put(row(2, &SUB.to_uppercase().replace("SUBS", "subs"), 1, 1)),
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(put(row(1, SUB, 2, 1)), Err(StoreError::Conflict(_))));
    let changed =
        AssignmentRow { description: Some("why".to_owned()), ends_at: Some(9), ..row(1, SUB, 1, 1) };
    put(changed.clone()).unwrap();
    let kept =
        store.read(|c| assignment(c, TENANT, RoleAssignmentName(Uuid::from_u128(1)))).unwrap().unwrap();
    assert_eq!(kept, changed);
    let same = |c: &Conn<'_>| assignment_of_triple(c, TENANT, &kept.scope, kept.role, kept.principal);
    assert_eq!(store.read(same).unwrap(), Some(kept.clone()));
}
