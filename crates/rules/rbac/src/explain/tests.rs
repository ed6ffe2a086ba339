//! The answers, on a small world: a subscription in a management group, nested groups, a deny assignment, locks.

use std::sync::Arc;

use gatepost_names::{RoleAssignmentName, RoleDefinitionId, SubscriptionId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::condition::{Attribute, Attributes, Condition, NoAttributes, Source, Truth};
use crate::least::Operation;
use crate::{
    Assignment, DeniedPrincipals, DenyAssignment, DenyEffect, LockLevel, PermissionBlock, RoleDefinition,
    builtin,
};

const SUB: SubscriptionId = SubscriptionId(Uuid::from_u128(0x5));
const WRITE: &str = "A.B/c/write";
const DELETE: &str = "A.B/c/delete";
const CATALOGUE: [Operation<'static>; 4] = [
    Operation { action: "A.B/c/read", plane: Plane::Control },
    Operation { action: WRITE, plane: Plane::Control },
    Operation { action: DELETE, plane: Plane::Control },
    Operation { action: "A.B/c/read", plane: Plane::Data },
];

struct NotKnown;

impl Attributes for NotKnown {
    fn get(&self, _: Source, _: &str) -> Attribute<'_> {
        Attribute::Unknown
    }
}

fn id(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

fn scope(rest: &str) -> Scope {
    Scope::parse(&format!("/subscriptions/{SUB}{rest}")).unwrap()
}

fn corp() -> Scope {
    Scope::parse("/providers/Microsoft.Management/managementGroups/corp").unwrap()
}

fn assignment(name: u128, principal: u128, role: RoleDefinitionId, scope: Scope) -> Assignment {
    Assignment {
        name: RoleAssignmentName(Uuid::from_u128(name)),
        principal: id(principal),
        role,
        scope: Arc::new(scope),
        condition: None,
        starts: None,
        ends: None,
    }
}

fn deny(actions: &[&str], excluded: &[u128]) -> DenyAssignment {
    let actions = actions.iter().map(|action| (*action).to_owned()).collect();
    DenyAssignment {
        id: Uuid::from_u128(0xD),
        name: "keep".to_owned(),
        scope: Arc::new(scope("")),
        permissions: vec![PermissionBlock { actions, ..PermissionBlock::default() }],
        principals: DeniedPrincipals::Everyone,
        excluded: excluded.iter().copied().map(id).collect(),
        not_for_children: false,
        effect: DenyEffect::Enforced,
        condition: None,
    }
}

/// 1 is in 10, which is in 20. 20 owns the management group, 2 reads the subscription.
fn world() -> Snapshot {
    let mut world = Snapshot::new(7);
    world.put_management_group("corp", None).unwrap();
    world.place_subscription(SUB, Some("corp"));
    world.put_member(id(10), id(1)).unwrap();
    world.put_member(id(20), id(10)).unwrap();
    world.put(&assignment(1, 20, builtin::OWNER, corp()));
    world.put(&assignment(2, 2, builtin::READER, scope("")));
    world.put(&assignment(3, 2, builtin::OWNER, scope("/resourceGroups/other")));
    world
}

fn ask<'a>(principal: u128, action: &'a str, scope: &'a Scope) -> Question<'a> {
    let plane = Plane::Control;
    Question { principal: id(principal), action, plane, scope, now: 100, attributes: &NoAttributes }
}

#[test]
fn a_yes_names_the_way_through_the_groups() {
    let (world, rg) = (world(), scope("/resourceGroups/rg"));
    let explained = world.explain(&ask(1, WRITE, &rg));
    assert!(matches!(explained.decision, Decision::Allowed(_)) && explained.cause.is_none());
    let paths: Vec<Vec<ObjectId>> = explained.principals.iter().map(|m| m.path.clone()).collect();
    assert_eq!(paths, [vec![], vec![id(10)], vec![id(10), id(20)]]);
    let [looked] = explained.assignments.as_slice() else { panic!("{explained:?}") };
    assert_eq!((looked.verdict, looked.held.principal), (Verdict::Grants, id(20)));
}

#[test]
fn a_no_names_each_assignment_and_the_one_elsewhere() {
    let (world, rg) = (world(), scope("/resourceGroups/rg"));
    let explained = world.explain(&ask(2, WRITE, &rg));
    assert!(explained.cause.is_some());
    let verdicts: Vec<Verdict> = explained.assignments.iter().map(|looked| looked.verdict).collect();
    assert_eq!(verdicts, [Verdict::Absent]);
    assert_eq!((explained.elsewhere_count, explained.elsewhere.len()), (1, 1));
    let nobody = world.explain(&ask(3, WRITE, &rg));
    assert_eq!((nobody.principal_count, nobody.assignment_count), (1, 0));
}

#[test]
fn each_verdict_has_its_reason() {
    let at = scope("");
    let verdict = |change: &dyn Fn(&mut Assignment), action: &str, attributes: &dyn Attributes| {
        let mut world = Snapshot::new(7);
        let mut made = assignment(1, 1, builtin::CONTRIBUTOR, scope(""));
        change(&mut made);
        world.put(&made);
        let question = Question { attributes, ..ask(1, action, &at) };
        let explained = world.explain(&question);
        let looked = &explained.assignments[0];
        let allowed = matches!(explained.decision, Decision::Allowed(_));
        assert_eq!(allowed, looked.verdict == Verdict::Grants, "{explained:?}");
        (looked.verdict, looked.conditions.len())
    };
    let when = |text: &str| Some(Arc::new(Condition::parse(text).unwrap()));
    let address = "@Environment[ClientAddress] StringEquals '10.0.0.7'";
    let with = |a: &mut Assignment| a.condition = when(address);
    let none: &dyn Attributes = &NoAttributes;
    assert_eq!(verdict(&|_| {}, WRITE, none), (Verdict::Grants, 0));
    assert_eq!(verdict(&|a| a.starts = Some(101), WRITE, none), (Verdict::NotYet(101), 0));
    assert_eq!(verdict(&|a| a.ends = Some(100), WRITE, none), (Verdict::NoLonger(100), 0));
    assert_eq!(verdict(&with, WRITE, none), (Verdict::ConditionFalse, 1));
    assert_eq!(verdict(&with, WRITE, &NotKnown), (Verdict::Depends, 1));
    let assign = "Microsoft.Authorization/roleAssignments/write";
    assert_eq!(verdict(&|_| {}, assign, none), (Verdict::Excluded, 0));
    assert_eq!(verdict(&|a| a.role = builtin::READER, WRITE, none), (Verdict::Absent, 0));
    let gone = RoleDefinitionId(Uuid::from_u128(99));
    assert_eq!(verdict(&|a| a.role = gone, WRITE, none), (Verdict::RoleGone, 0));
}

#[test]
fn deny_assignments_and_locks_are_shown() {
    let mut world = world();
    let rg = scope("/resourceGroups/rg");
    let verdict = |world: &Snapshot, action: &str| {
        let explained = world.explain(&ask(1, action, &rg));
        let stopped = matches!(explained.decision, Decision::Denied(crate::Denial::Deny { .. }));
        assert_eq!(stopped, explained.denies[0].verdict == DenyVerdict::Denies);
        explained.denies[0].verdict
    };
    world.put_deny(&deny(&["*/delete"], &[]));
    assert_eq!(verdict(&world, DELETE), DenyVerdict::Denies);
    assert_eq!(verdict(&world, WRITE), DenyVerdict::OtherActions);
    world.put_deny(&deny(&["*/delete"], &[20]));
    assert_eq!(verdict(&world, DELETE), DenyVerdict::Excluded(id(20)));
    world.put_deny(&DenyAssignment { effect: DenyEffect::Audit, ..deny(&["*/delete"], &[]) });
    assert_eq!(verdict(&world, DELETE), DenyVerdict::OnlyAudits);
    let others = DeniedPrincipals::These(vec![id(3)]);
    world.put_deny(&DenyAssignment { principals: others, ..deny(&["*/delete"], &[]) });
    assert_eq!(verdict(&world, DELETE), DenyVerdict::OtherPrincipals);
    world.put_lock(&Lock { scope: Arc::new(scope("")), name: "k".to_owned(), level: LockLevel::ReadOnly });
    assert_eq!(world.explain(&ask(1, WRITE, &rg)).locks.len(), 1);
    assert_eq!(world.explain(&ask(1, "A.B/c/read", &rg)).locks.len(), 0);
}

#[test]
fn who_can_expands_groups_and_leaves_out_the_denied() {
    let mut world = world();
    let rg = scope("/resourceGroups/rg");
    let who =
        |world: &Snapshot, action: &str, after, limit| world.who_can(&ask(0, action, &rg), after, limit);
    let all = who(&world, WRITE, None, 10);
    let ids: Vec<ObjectId> = all.holders.iter().map(|holder| holder.principal).collect();
    assert_eq!((ids, all.candidates, all.next), (vec![id(1), id(10), id(20)], 3, None));
    assert_eq!(all.holders[0].through[0].path, [id(10), id(20)]);
    assert!(all.holders[2].through[0].path.is_empty());
    let readers = who(&world, "A.B/c/read", None, 10);
    assert_eq!(readers.holders.len(), 4);
    let first = who(&world, WRITE, None, 2);
    assert_eq!((first.holders.len(), first.next), (2, Some(id(10))));
    let rest = who(&world, WRITE, first.next, 2);
    assert_eq!((rest.holders.len(), rest.next), (1, None));
    world.put_deny(&deny(&["*/write"], &[10]));
    let spared: Vec<ObjectId> = who(&world, WRITE, None, 10).holders.iter().map(|h| h.principal).collect();
    assert_eq!(spared, [id(1), id(10)], "20 is not in 10");
}

fn effects(world: &Snapshot, change: &Hypothesis) -> Vec<(ObjectId, String, Vec<String>, Vec<String>)> {
    let answer = world.what_if(change, &CATALOGUE, 100, &NotKnown).unwrap();
    let names = |list: &[Named]| list.iter().map(|named| named.action.clone()).collect();
    let line = |e: &Effect| (e.principal, e.scope.to_string(), names(&e.gains), names(&e.loses));
    answer.effects.iter().map(line).collect()
}

fn own(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_an_assignment_would_give_and_its_end_take() {
    let world = world();
    let put = Hypothesis::PutAssignment(assignment(9, 2, builtin::CONTRIBUTOR, scope("")));
    let gains = own(&[WRITE, DELETE]);
    assert_eq!(effects(&world, &put), [(id(2), scope("").to_string(), gains, vec![])], "it reads already");
    let end = Hypothesis::RemoveAssignment(id(20), RoleAssignmentName(Uuid::from_u128(1)));
    let lost = effects(&world, &end);
    assert_eq!(lost.len(), 3, "the group, the group in it, its member");
    assert_eq!(lost[0].3, own(&["A.B/c/read", WRITE, DELETE]));
    let nothing = Hypothesis::PutAssignment(assignment(9, 1, builtin::READER, scope("")));
    assert!(effects(&world, &nothing).is_empty());
}

#[test]
fn what_a_membership_a_role_and_a_deny_would_change() {
    let mut world = world();
    let join = effects(&world, &Hypothesis::PutMember(id(10), id(2)));
    assert_eq!(join, [(id(2), corp().to_string(), own(&["A.B/c/read", WRITE, DELETE]), vec![])]);
    assert_eq!(effects(&world, &Hypothesis::RemoveMember(id(20), id(10))).len(), 2);
    let circle = Hypothesis::PutMember(id(1), id(20));
    assert!(world.what_if(&circle, &CATALOGUE, 100, &NotKnown).is_err());

    let denied = effects(&world, &Hypothesis::PutDeny(deny(&["*/delete"], &[1])));
    let who: Vec<ObjectId> = denied.iter().map(|effect| effect.0).collect();
    assert_eq!(who, [id(2), id(10), id(20)]);
    assert_eq!(denied[0].1, scope("/resourceGroups/other").to_string());
    world.put_deny(&deny(&["*/delete"], &[1]));
    assert_eq!(effects(&world, &Hypothesis::RemoveDeny(Uuid::from_u128(0xD))).len(), 3);

    let custom = RoleDefinitionId(Uuid::from_u128(77));
    let role = |actions: &[&str]| RoleDefinition {
        id: custom,
        name: "Custom".to_owned(),
        description: String::new(),
        built_in: false,
        permissions: vec![PermissionBlock { actions: own(actions), ..PermissionBlock::default() }],
        assignable_scopes: vec![scope("")],
    };
    world.put_role(&role(&["A.B/c/read", WRITE]));
    world.put(&assignment(5, 3, custom, scope("")));
    let changed = effects(&world, &Hypothesis::PutRole(role(&[WRITE, "C.D/e/write"])));
    assert_eq!(changed, [(id(3), scope("").to_string(), own(&["C.D/e/write"]), own(&["A.B/c/read"]))]);
    assert_eq!(effects(&world, &Hypothesis::RemoveRole(custom))[0].3, own(&["A.B/c/read", WRITE]));
}

#[test]
fn the_smallest_roles_come_first() {
    let catalogue: Vec<Operation<'_>> = builtin::roles()
        .iter()
        .flat_map(|role| &role.permissions)
        .flat_map(|block| &block.actions)
        .filter(|action| !action.contains('*'))
        .map(|action| Operation { action, plane: Plane::Control })
        .take(300)
        .collect();
    let breadth = Breadth::of(&catalogue);
    let above: Vec<Scope> = scope("").self_and_ancestors().collect();
    let action = "Microsoft.Communication/EmailServices/write";
    let found = breadth.smallest(action, Plane::Control, &above, 3);
    let names: Vec<&str> = found.iter().map(|(role, _)| role.name.as_str()).collect();
    assert_eq!(names[0], "Communication and Email Service Owner");
    assert!(found.is_sorted_by_key(|(_, grants)| *grants));
    assert!(breadth.smallest("No.Such/thing/frob", Plane::Data, &above, 3).is_empty());
    for role in builtin::roles().iter().step_by(40) {
        let compiled = crate::CompiledRole::new(role);
        let granted = catalogue.iter().filter(|one| compiled.grants(one.action, one.plane)).count();
        let names: std::collections::HashSet<String> =
            catalogue.iter().map(|one| one.action.to_lowercase()).collect();
        if names.len() == catalogue.len() {
            assert_eq!(super::breadth(role, &catalogue), granted, "{}", role.name);
        }
    }
}

proptest! {
    /// An explanation never contradicts the decision, and who can do a thing are those who are allowed it.
    #[test]
    fn answers_agree_with_decisions(
        made in prop::collection::vec((0_u128..8, 0_usize..3, 0_usize..4, any::<bool>()), 0..12),
        members in prop::collection::vec((0_u128..8, 0_u128..8), 0..10),
        excluded in prop::collection::vec(0_u128..8, 0..3),
        has_deny in any::<bool>(),
    ) {
        let scopes = [corp(), scope(""), scope("/resourceGroups/rg"), scope("/resourceGroups/rg1")];
        let roles = [builtin::OWNER, builtin::READER, builtin::CONTRIBUTOR];
        let mut world = Snapshot::new(3);
        world.put_management_group("corp", None).unwrap();
        world.place_subscription(SUB, Some("corp"));
        for (n, (principal, role, place, conditioned)) in made.iter().enumerate() {
            let text = "@Request[x:y] StringEquals 'z'";
            let condition = conditioned.then(|| Arc::new(Condition::parse(text).unwrap()));
            let put = assignment(n as u128, *principal, roles[*role], scopes[*place].clone());
            world.put(&Assignment { condition, ..put });
        }
        for (group, member) in members {
            let _refused = world.put_member(id(group), id(member));
        }
        if has_deny {
            world.put_deny(&deny(&["*/write"], &excluded));
        }
        let rg = scope("/resourceGroups/rg");
        for attributes in [&NoAttributes as &dyn Attributes, &NotKnown] {
            let question = |n| Question { attributes, ..ask(n, WRITE, &rg) };
            let who = world.who_can(&question(0), None, 100);
            for n in 0..8 {
                let explained = world.explain(&question(n));
                let best = explained.assignments.first().map(|looked| looked.verdict);
                let may = matches!(explained.decision, Decision::Allowed(_) | Decision::Possible(_));
                let would = matches!(best, Some(Verdict::Grants | Verdict::Depends));
                let stopped = explained.denies.first().is_some_and(|one| one.verdict == DenyVerdict::Denies);
                prop_assert_eq!(may, would && !stopped, "{:?}", explained);
                let listed = who.holders.iter().find(|holder| holder.principal == id(n));
                prop_assert_eq!(listed.is_some(), may);
                if let Some(holder) = listed {
                    prop_assert_eq!(holder.conditional, matches!(explained.decision, Decision::Possible(_)));
                    prop_assert!(!holder.through.is_empty());
                }
                for looked in &explained.assignments {
                    for trace in &looked.conditions {
                        prop_assert!(trace.outcome != Truth::True, "x:y is never 'z'");
                    }
                }
            }
        }
    }
}
