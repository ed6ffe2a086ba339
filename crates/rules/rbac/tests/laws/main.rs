//! The snapshot against a naive model of the rules, and the laws that any access control must keep.
//!
//! A case is one question that is put to a world; each test below says how many it puts. Together they are
//! more than a hundred thousand.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod generate;
mod world;

use std::collections::BTreeMap;

use gatepost_rbac::{LockedOperation, Snapshot};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use generate::{Change, asked, change, deny, row};
use world::{Answer, Asked, World, decide, id, locked, role, subscription};

fn questions(most: usize) -> impl Strategy<Value = Vec<Asked>> {
    prop::collection::vec(asked(), most..=most)
}

/// Makes a change in a snapshot; what cannot be done there is no change in [`Change::make`] either.
fn apply(change: &Change, snapshot: &mut Snapshot, world: &World) {
    let at = |index: &Index, length: usize| (length > 0).then(|| index.index(length));
    match change {
        Change::PutRole(id, blocks) => snapshot.put_role(&role(*id, blocks)),
        Change::RemoveRole(id) => snapshot.remove_role(role(*id, &[]).id),
        Change::Put(row) => snapshot.put(&row.assignment()),
        Change::Remove(index) => {
            if let Some(at) = at(index, world.rows.len()) {
                let gone = world.rows[at].assignment();
                snapshot.remove(gone.principal, gone.name);
            }
        }
        Change::PutMember(group, member) => {
            let is_circle = world.with_groups(*group).contains(member);
            assert_eq!(snapshot.put_member(id(*group), id(*member)).is_err(), is_circle);
        }
        Change::RemoveMember(index) => {
            if let Some(at) = at(index, world.members.len()) {
                let (group, member) = world.members[at];
                snapshot.remove_member(id(group), id(member));
            }
        }
        Change::RemovePrincipal(gone) => snapshot.remove_principal(id(*gone)),
        Change::PutManagementGroup(name, parent) => {
            let is_circle = parent.as_deref().is_some_and(|parent| world.is_below(name, parent));
            assert_eq!(snapshot.put_management_group(name, parent.as_deref()).is_err(), is_circle);
        }
        Change::RemoveManagementGroup(name) => snapshot.remove_management_group(name),
        Change::Place(sub, group) => snapshot.place_subscription(subscription(*sub), group.as_deref()),
        Change::PutDeny(deny) => snapshot.put_deny(&deny.assignment()),
        Change::RemoveDeny(gone) => snapshot.remove_deny(uuid::Uuid::from_u128(*gone)),
        Change::PutLock(at, name, level) => {
            snapshot.put_lock(&world::lock(&(at.clone(), name.clone(), *level)));
        }
        Change::RemoveLock(index) => {
            if let Some(at) = at(index, world.locks.len()) {
                let (scope, name, _) = &world.locks[at];
                snapshot.remove_lock(&world::scope(scope), name);
            }
        }
    }
}

/// Turns around all lists whose order means nothing.
fn reversed(world: &World) -> World {
    let mut world = world.clone();
    world.roles.reverse();
    world.rows.reverse();
    world.members.reverse();
    world.management.reverse();
    world.placements.reverse();
    world.denies.reverse();
    for (_, blocks) in &mut world.roles {
        blocks.reverse();
        for block in blocks {
            block.actions.reverse();
            block.not_actions.reverse();
        }
    }
    world
}

/// Writes everything in capitals.
fn shouted(world: &World) -> World {
    let mut world = world.clone();
    let denied = world.denies.iter_mut().flat_map(|deny| &mut deny.blocks);
    for block in world.roles.iter_mut().flat_map(|(_, blocks)| blocks).chain(denied) {
        let lists = [
            &mut block.actions,
            &mut block.not_actions,
            &mut block.data_actions,
            &mut block.not_data_actions,
        ];
        for pattern in lists.into_iter().flatten() {
            *pattern = pattern.to_uppercase();
        }
    }
    let scopes = world.rows.iter_mut().map(|row| &mut row.scope);
    for scope in scopes.chain(world.denies.iter_mut().map(|deny| &mut deny.scope)) {
        *scope = scope.to_uppercase();
    }
    world
}

/// The laws would hold in dull worlds too.
#[test]
fn each_answer_is_common() {
    let mut runner = TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..200 {
        let world = generate::world().new_tree(&mut runner).unwrap().current();
        for asked in questions(20).new_tree(&mut runner).unwrap().current() {
            *counts.entry(world.decide(&asked)).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert!(counts.values().all(|count| *count > 50), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    /// 48,000 cases.
    #[test]
    fn decides_as_the_naive_model(world in generate::world(), asked in questions(60)) {
        let snapshot = world.snapshot();
        prop_assert_eq!(snapshot.len(), world.rows.len());
        for asked in &asked {
            prop_assert_eq!(decide(&snapshot, asked), world.decide(asked), "{:?}", asked);
        }
    }

    /// 24,000 cases: after any changes the snapshot says what one made from the final rows says, and a clone
    /// that was taken on the way still says what it said.
    #[test]
    fn changes_leave_what_a_fresh_snapshot_would_hold(
        changes in prop::collection::vec(change(), 1..60), half in any::<Index>(), asked in questions(10)
    ) {
        let (mut world, mut snapshot) = (World::default(), Snapshot::new(7));
        let mut kept = (world.clone(), snapshot.clone());
        let half = half.index(changes.len());
        for (number, change) in changes.iter().enumerate() {
            apply(change, &mut snapshot, &world);
            change.make(&mut world);
            if number == half {
                kept = (world.clone(), snapshot.clone());
            }
        }
        let fresh = world.snapshot();
        prop_assert_eq!((snapshot.len(), fresh.len()), (world.rows.len(), world.rows.len()));
        for asked in &asked {
            let expected = world.decide(asked);
            prop_assert_eq!(decide(&snapshot, asked), expected, "changed: {:?}", asked);
            prop_assert_eq!(decide(&fresh, asked), expected, "fresh: {:?}", asked);
            prop_assert_eq!(decide(&kept.1, asked), kept.0.decide(asked), "kept: {:?}", asked);
            for who in 1..9 {
                prop_assert_eq!(snapshot.groups_of(id(who)), fresh.groups_of(id(who)));
                prop_assert_eq!(snapshot.members_of(id(who)), fresh.members_of(id(who)));
            }
            for operation in [LockedOperation::Write, LockedOperation::Delete, LockedOperation::Action] {
                let expected = world.locked(&asked.scope, operation);
                prop_assert_eq!(&locked(&snapshot, &asked.scope, operation), &expected);
                prop_assert_eq!(&locked(&fresh, &asked.scope, operation), &expected);
            }
        }
    }

    /// 8,000 cases.
    #[test]
    fn an_added_assignment_never_removes_access(
        world in generate::world(), added in row(), asked in questions(10)
    ) {
        let before = world.snapshot();
        let mut after = before.clone();
        after.put(&world::Row { name: 99, ..added }.assignment());
        for asked in &asked {
            let (before, after) = (decide(&before, asked), decide(&after, asked));
            prop_assert!(before != Answer::Allowed || after == Answer::Allowed, "{:?}", asked);
            prop_assert!(before != Answer::Possible || after >= Answer::Possible, "{:?}", asked);
        }
    }

    /// 8,000 cases.
    #[test]
    fn an_added_deny_never_adds_access(world in generate::world(), added in deny(), asked in questions(10)) {
        let before = world.snapshot();
        let mut after = before.clone();
        after.put_deny(&world::Deny { id: 99, ..added }.assignment());
        for asked in &asked {
            let (before, after) = (decide(&before, asked), decide(&after, asked));
            prop_assert!(after == before || (before >= Answer::Possible && after < before), "{:?}", asked);
        }
    }

    /// 16,000 cases.
    #[test]
    fn order_never_matters(world in generate::world(), asked in questions(20)) {
        let (one, other) = (world.snapshot(), reversed(&world).snapshot());
        for asked in &asked {
            prop_assert_eq!(decide(&one, asked), decide(&other, asked), "{:?}", asked);
        }
    }

    /// 16,000 cases.
    #[test]
    fn letter_case_never_matters(world in generate::world(), asked in questions(20)) {
        let (quiet, loud) = (world.snapshot(), shouted(&world).snapshot());
        for asked in &asked {
            let (action, scope) = (asked.action.to_lowercase(), asked.scope.to_lowercase());
            let whispered = Asked { action, scope, ..asked.clone() };
            prop_assert_eq!(decide(&quiet, asked), decide(&loud, &whispered), "{:?}", asked);
        }
    }

    /// 8,000 cases: what is refused has a reason, and the reason fits.
    #[test]
    fn a_refusal_has_a_cause_that_fits(world in generate::world(), asked in questions(10)) {
        use gatepost_rbac::{DenialCause, Question};
        let snapshot = world.snapshot();
        for asked in &asked {
            let scope = world::scope(&asked.scope);
            let question = Question {
                principal: id(asked.principal),
                action: &asked.action,
                plane: asked.plane,
                scope: &scope,
                now: asked.now,
                attributes: &asked.sender,
            };
            let cause = snapshot.denial_cause(&question);
            let fits = match decide(&snapshot, asked) {
                Answer::Allowed => true,
                Answer::Possible => {
                    matches!(cause, DenialCause::Conditioned { .. } | DenialCause::DenyAssignment { .. })
                }
                Answer::Denied => matches!(cause, DenialCause::DenyAssignment { .. }),
                Answer::Condition => matches!(cause, DenialCause::Conditioned { .. }),
                Answer::NotGranted => matches!(
                    cause,
                    DenialCause::NoAssignment
                        | DenialCause::NotGranted(_)
                        | DenialCause::AssignedElsewhere { .. }
                        | DenialCause::NotYet { .. }
                        | DenialCause::NoLonger { .. }
                ),
            };
            prop_assert!(fits, "{:?}: {}", asked, cause);
        }
    }

    /// 800 cases.
    #[test]
    fn a_group_never_reaches_one_whose_name_it_begins(
        name in "[a-z]{1,6}", more in "[a-z0-9]{1,3}", below in prop::sample::select(vec!["", "/providers/A.B/c/x"])
    ) {
        use gatepost_rbac::{Plane, builtin};
        let at = format!("{}/resourceGroups/{name}", world::SUBSCRIPTIONS[0]);
        let row = world::Row {
            name: 1, principal: 1, role: builtin::OWNER.0.as_u128(), scope: at.clone(),
            conditioned: false, starts: None, ends: None,
        };
        let snapshot = World { rows: vec![row], ..World::default() }.snapshot();
        let asked = |scope: String| Asked {
            principal: 1, action: "A.B/c/read".to_owned(), plane: Plane::Control, scope, now: 0,
            sender: world::Sender::Absent,
        };
        prop_assert_eq!(decide(&snapshot, &asked(format!("{at}{below}"))), Answer::Allowed);
        prop_assert_eq!(decide(&snapshot, &asked(format!("{at}{more}{below}"))), Answer::NotGranted);
    }
}
