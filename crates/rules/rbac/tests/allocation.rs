//! A decision allocates nothing, whatever it comes to.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(unsafe_code, reason = "an allocator can be counted in no other way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, Scope};
use gatepost_rbac::condition::{Condition, NoAttributes};
use gatepost_rbac::{
    Assignment, Decision, DeniedPrincipals, DenyAssignment, DenyEffect, PermissionBlock, Plane, Question,
    Snapshot, builtin,
};
use uuid::Uuid;

struct Counting;

thread_local! {
    static MADE: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all work is the system allocator's; this only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MADE.with(|made| made.set(made.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

fn id(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

/// One user in a chain of groups, each with more assignments than stand in place.
fn world() -> Snapshot {
    let mut snapshot = Snapshot::new(1);
    let condition = "@Request[Microsoft.Communication/EmailServices:SenderDomain] StringEquals 'a.example'";
    let condition = Arc::new(Condition::parse(condition).unwrap());
    for group in 2..9 {
        snapshot.put_member(id(group), id(group - 1)).unwrap();
    }
    snapshot.put_all((0..400_u128).map(|n| Assignment {
        name: RoleAssignmentName(Uuid::from_u128(n)),
        principal: id(1 + n % 8),
        role: if n % 2 == 0 { builtin::READER } else { builtin::CONTRIBUTOR },
        scope: Arc::new(Scope::parse(&format!("{SUB}/resourceGroups/rg{}", n % 50)).unwrap()),
        condition: (n % 5 == 0).then(|| condition.clone()),
        starts: None,
        ends: (n % 7 == 0).then_some(10),
    }));
    snapshot.put_deny(&DenyAssignment {
        id: Uuid::from_u128(1),
        name: "no deleting".to_owned(),
        scope: Arc::new(Scope::parse(SUB).unwrap()),
        permissions: vec![PermissionBlock {
            actions: vec!["*/delete".to_owned()],
            ..PermissionBlock::default()
        }],
        principals: DeniedPrincipals::These(vec![id(5)]),
        excluded: vec![id(77)],
        not_for_children: false,
        effect: DenyEffect::Enforced,
        condition: Some(condition),
    });
    snapshot
}

#[test]
fn a_decision_allocates_nothing() {
    let snapshot = world();
    let mut answers = [0; 3];
    for group in 0..60 {
        let below = if group % 2 == 0 { "" } else { "/providers/A.B/c/d/e/f" };
        let scope = Scope::parse(&format!("{SUB}/resourceGroups/RG{group}{below}")).unwrap();
        for action in ["A.B/c/read", "A.B/c/write", "A.B/c/delete", "Microsoft.Authorization/locks/write"] {
            for (principal, now) in [(1, 0), (1, 20), (8, 0), (99, 0)] {
                let question = Question {
                    principal: id(principal),
                    action,
                    plane: Plane::Control,
                    scope: &scope,
                    now,
                    attributes: &NoAttributes,
                };
                let before = MADE.with(Cell::get);
                let decision = snapshot.decide(&question);
                assert_eq!(MADE.with(Cell::get), before, "{question:?}");
                match decision {
                    Decision::Allowed(_) => answers[0] += 1,
                    Decision::Possible(_) => answers[1] += 1,
                    Decision::Denied(_) => answers[2] += 1,
                }
            }
        }
    }
    assert!(answers[0] > 100 && answers[2] > 100, "{answers:?}");
}
