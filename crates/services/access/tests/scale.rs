//! A million assignments: how long the start, a change and each answer take. Not run by default:
//! `cargo test --release -p gatepost-access --test scale -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod house;

use std::time::{Duration, Instant};

use gatepost_access::{About, Access, NotYetKnown, Plane, StoredRole};
use gatepost_names::{ObjectId, RoleDefinitionId, Scope};
use gatepost_rbac::builtin;
use gatepost_store::StoreError;
use house::{TENANT, WRITE, assignment, caller, group, house, sender_role, sub};
use uuid::Uuid;

const ASSIGNMENTS: u128 = 1_000_000;
const PRINCIPALS: u128 = 100_000;
const GROUPS: u128 = 10_000;
const ROLES: u128 = 2_000;

fn id(n: u128) -> ObjectId {
    // Spread like random ids.
    ObjectId(Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
}

/// As good as random, and the same each time.
fn mixed(n: u128) -> u128 {
    let mixed = n.wrapping_add(1).wrapping_mul(0x2545_f491_4f6c_dd1d_9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 64)).wrapping_mul(0xbf58_476d_1ce4_e5b9_94d0_49bb_1331_11eb) >> 64
}

fn custom(n: u128) -> RoleDefinitionId {
    RoleDefinitionId(Uuid::from_u128(0xC000_0000 + n % ROLES))
}

fn place(n: u128) -> Scope {
    let rg = group(&format!("rg{}", n % 5_000));
    let child = |rest: &str| rg.join(rest).unwrap();
    match n % 20 {
        0 => sub(),
        1..8 => rg,
        8..15 => child(&format!("providers/A.B/c/x{}", n % 7)),
        _ => child(&format!("providers/A.B/c/x{}/d/y{}", n % 7, n % 3)),
    }
}

fn best(times: usize, mut work: impl FnMut()) -> Duration {
    let once = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    (0..times).map(|_| once(&mut work)).min().unwrap()
}

#[test]
#[ignore = "takes minutes"]
fn a_million_assignments() {
    let house = house();
    house
        .store
        .write::<_, StoreError>(|tx| {
            for n in 0..ROLES {
                let mut role: StoredRole =
                    sender_role(&["A.B/c/read", if n % 2 == 0 { WRITE } else { "A.B/d/read" }]);
                role.definition.id = custom(n);
                role.definition.name = format!("Role {n}");
                gatepost_store::access::put_role(tx, &row_of(&role))?;
            }
            for n in 0..ASSIGNMENTS {
                let principal = if n % 10 == 0 { n / 10 % GROUPS } else { GROUPS + n % PRINCIPALS };
                let mut made = assignment(n + 1, 0, custom(mixed(n)), place(mixed(n + ASSIGNMENTS)));
                made.principal = id(principal);
                // Few are the same twice.
                match gatepost_store::assignments::put_assignment(tx, &assignment_row(&made)) {
                    Ok(()) | Err(StoreError::Conflict(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            for n in 0..PRINCIPALS {
                gatepost_store::groups::put_member(tx, TENANT, id(n % GROUPS), id(GROUPS + n), 1)?;
            }
            for n in (0..GROUPS).filter(|n| n % 6 != 0) {
                gatepost_store::groups::put_member(tx, TENANT, id(n - 1), id(n), 1)?;
            }
            Ok(())
        })
        .unwrap();
    let mut opened = None;
    let open = best(3, || {
        opened = Some(Access::open(house.store.clone(), house.clock.clone()).unwrap());
    });
    println!("opened in {open:?}");
    let access = opened.unwrap();

    let mut n = 2_000_000;
    let put = best(20, || {
        n += 1;
        let mut made = assignment(n, 0, builtin::READER, group("new"));
        made.principal = id(GROUPS + n % PRINCIPALS);
        house.store.write(|tx| access.put_assignment(tx, &made)).unwrap();
    });
    println!("an assignment written, and in memory, in {put:?}");

    let rg = place(5);
    let about = |principal, scope| About {
        tenant: TENANT,
        principal,
        action: WRITE,
        plane: Plane::Control,
        scope,
        at: None,
        address: None,
        attributes: &NotYetKnown,
    };
    let mut who = caller(1);
    who.object_id = id(GROUPS + 77);
    println!("can: {:?}", best(1000, || assert!(access.can(&who, WRITE, &rg) || n > 0)));
    let explain =
        best(100, || access.explain(&about(who.object_id, &rg), |e| assert!(e.principal_count > 0)).unwrap());
    println!("explain: {explain:?}");
    let who_can =
        best(10, || assert!(!access.who_can(&about(id(0), &rg), None, 100).unwrap().holders.is_empty()));
    println!(
        "who can: {who_can:?}, {} candidates",
        access.who_can(&about(id(0), &rg), None, 1).unwrap().candidates
    );
    let all = access.places(TENANT, &sub(), gatepost_access::Extent::All);
    let page =
        best(10, || assert_eq!(access.assignments_page(TENANT, &all, None, 1000).unwrap().len(), 1000));
    println!("a page of 1000: {page:?}");
}

fn row_of(role: &StoredRole) -> gatepost_store::access::RoleRow {
    let definition = &role.definition;
    gatepost_store::access::RoleRow {
        tenant: TENANT,
        id: definition.id,
        name: definition.name.clone(),
        description: String::new(),
        permissions: serde_json::to_string(&definition.permissions).unwrap(),
        assignable_scopes: "[]".to_owned(),
        changes: changes(),
    }
}

fn assignment_row(made: &gatepost_access::RoleAssignment) -> gatepost_store::assignments::AssignmentRow {
    gatepost_store::assignments::AssignmentRow {
        tenant: TENANT,
        name: made.name,
        scope: made.scope.clone(),
        role: made.role,
        principal: made.principal,
        principal_kind: made.principal_kind,
        description: None,
        condition: None,
        condition_version: None,
        starts_at: None,
        ends_at: None,
        changes: changes(),
    }
}

fn changes() -> gatepost_store::access::Changes {
    gatepost_store::access::Changes { created_at: 1, created_by: None, updated_at: 1, updated_by: None }
}
