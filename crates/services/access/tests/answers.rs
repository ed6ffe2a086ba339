//! Explanations, who can, and what if, over a real store.

mod house;

use gatepost_access::{About, Change, NotYetKnown, Plane, RoleAssignment, Unanswerable, WhatIfError};
use gatepost_names::{ObjectId, RoleAssignmentName, Scope};
use gatepost_rbac::explain::Verdict;
use gatepost_rbac::least::Operation;
use gatepost_rbac::{Decision, builtin};
use house::{OTHER_SUB, SENDER, TENANT, WRITE, assignment, group, house, sender_role, sub};
use uuid::Uuid;

fn id(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

fn about(principal: u128, scope: &Scope) -> About<'_> {
    About {
        tenant: TENANT,
        principal: id(principal),
        action: WRITE,
        plane: Plane::Control,
        scope,
        at: None,
        address: None,
        attributes: &NotYetKnown,
    }
}

#[test]
fn an_explanation_follows_each_change() {
    let house = house();
    let rg = group("rg");
    let verdicts = || {
        let explained = house.access.explain(&about(5, &rg), |explained| {
            let allowed = matches!(explained.decision, Decision::Allowed(_));
            (allowed, explained.assignments.iter().map(|one| one.verdict).collect::<Vec<_>>())
        });
        explained.unwrap()
    };
    assert_eq!(verdicts(), (false, vec![]));
    house.assign(&assignment(1, 5, builtin::READER, sub())).unwrap();
    assert_eq!(verdicts(), (false, vec![Verdict::Absent]));
    house.assign(&assignment(2, 5, builtin::OWNER, rg.clone())).unwrap();
    assert_eq!(verdicts(), (true, vec![Verdict::Grants, Verdict::Absent]));
}

#[test]
fn nothing_is_said_about_another_tenants_subscription() {
    let house = house();
    let foreign = Scope::subscription(OTHER_SUB);
    house.assign(&assignment(1, 5, builtin::OWNER, Scope::root())).unwrap();
    let refused = house.access.explain(&about(5, &foreign), |_| ()).unwrap_err();
    assert_eq!(refused, Unanswerable::Foreign);
    assert_eq!(house.access.who_can(&about(5, &foreign), None, 10), Err(Unanswerable::Foreign));
}

#[test]
fn an_address_that_is_not_given_stays_open() {
    let house = house();
    let condition = "@Environment[ClientAddress] StringEquals '10.0.0.7'".to_owned();
    let held = RoleAssignment { condition: Some(condition), ..assignment(1, 5, builtin::OWNER, sub()) };
    house.assign(&held).unwrap();
    let (rg, address) = (group("rg"), Some("10.0.0.8".parse().unwrap()));
    let verdict = |about: &About<'_>| {
        house.access.explain(about, |explained| explained.assignments[0].verdict).unwrap()
    };
    assert_eq!(verdict(&about(5, &rg)), Verdict::Depends);
    assert_eq!(verdict(&About { address, ..about(5, &rg) }), Verdict::ConditionFalse);
    assert!(house.access.who_can(&about(0, &rg), None, 10).unwrap().holders[0].conditional);
    let there = About { address, ..about(0, &rg) };
    assert!(house.access.who_can(&there, None, 10).unwrap().holders.is_empty());
}

#[test]
fn what_if_changes_nothing() {
    let house = house();
    house.put_role(&sender_role(&[WRITE])).unwrap();
    house.assign(&assignment(1, 6, SENDER, sub())).unwrap();
    let catalogue = [Operation { action: WRITE, plane: Plane::Control }];
    let what_if = |change: Change| house.access.what_if(TENANT, &change, &catalogue);
    let given = what_if(Change::PutAssignment(assignment(2, 5, SENDER, sub()))).unwrap();
    assert_eq!((given.effects.len(), given.effects[0].gains[0].action.as_str()), (1, WRITE));
    let taken = what_if(Change::RemoveAssignment(RoleAssignmentName(Uuid::from_u128(1)))).unwrap();
    assert_eq!(taken.effects[0].loses.len(), 1);
    let absent = what_if(Change::RemoveAssignment(RoleAssignmentName(Uuid::from_u128(9))));
    assert!(matches!(absent, Err(WhatIfError::NothingThere)));
    let changed = what_if(Change::PutRole(sender_role(&["A.B/c/read"]).definition)).unwrap();
    assert_eq!((changed.effects[0].gains.len(), changed.effects[0].loses.len()), (1, 1));
    let circle = what_if(Change::PutMember { group: id(7), member: id(7) });
    assert!(matches!(circle, Err(WhatIfError::Impossible(_))));
    assert_eq!(house.assignments().len(), 1);
    assert!(house.access.explain(&about(5, &sub()), |e| e.assignments.is_empty()).unwrap());
}
