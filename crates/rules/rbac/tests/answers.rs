//! What a snapshot tells besides yes and no: why not, whose, who, and above what.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};
use gatepost_rbac::condition::{Condition, NoAttributes};
use gatepost_rbac::{
    Assignment, Decision, DeniedPrincipals, DenyAssignment, DenyEffect, PermissionBlock, Plane, Question,
    Snapshot, builtin,
};
use uuid::Uuid;

const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
const OTHER_SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d12";
const WRITE: &str = "Microsoft.Communication/EmailServices/Write";
const NEVER: &str = "@Request[Microsoft.Communication/EmailServices:SenderDomain] StringEquals 'a.example'";

fn id(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

fn assignment(name: u128, principal: u128, role: RoleDefinitionId, at: &str) -> Assignment {
    Assignment {
        name: RoleAssignmentName(Uuid::from_u128(name)),
        principal: id(principal),
        role,
        scope: Arc::new(scope(at)),
        condition: None,
        starts: None,
        ends: None,
    }
}

fn conditioned(assignment: Assignment) -> Assignment {
    Assignment { condition: Some(Arc::new(Condition::parse(NEVER).unwrap())), ..assignment }
}

fn question<'a>(principal: u128, action: &'a str, scope: &'a Scope) -> Question<'a> {
    let plane = Plane::Control;
    Question { principal: id(principal), action, plane, scope, now: 5, attributes: &NoAttributes }
}

fn rg(number: u32) -> String {
    format!("{SUB}/resourceGroups/rg{number}")
}

#[test]
fn a_refusal_says_what_is_missing() {
    let (rg1, rg2) = (rg(1), rg(2));
    let mut snapshot = Snapshot::new(1);
    snapshot.put_all([
        assignment(1, 1, builtin::OWNER, &rg2),
        assignment(2, 2, builtin::OWNER, &rg2),
        assignment(3, 2, builtin::READER, SUB),
        assignment(4, 3, builtin::READER, SUB),
        conditioned(assignment(5, 4, builtin::OWNER, &rg1)),
        assignment(6, 5, builtin::CONTRIBUTOR, SUB),
        assignment(7, 6, RoleDefinitionId(Uuid::from_u128(77)), SUB),
        Assignment { starts: Some(1_000_000_000), ..assignment(8, 7, builtin::OWNER, SUB) },
        Assignment { ends: Some(1), ..assignment(9, 8, builtin::OWNER, SUB) },
        assignment(10, 10, builtin::OWNER, SUB),
    ]);
    snapshot.put_deny(&DenyAssignment {
        id: Uuid::from_u128(9),
        name: "frozen".to_owned(),
        scope: Arc::new(scope(&rg1)),
        permissions: vec![PermissionBlock { actions: vec!["*".to_owned()], ..PermissionBlock::default() }],
        principals: DeniedPrincipals::These(vec![id(10)]),
        excluded: vec![],
        not_for_children: false,
        effect: DenyEffect::Enforced,
        condition: None,
    });
    let at = scope(&rg1);
    let why = |principal, action| snapshot.denial_cause(&question(principal, action, &at)).to_string();
    assert_eq!(why(9, WRITE), "it has no role assignment at this scope or above it");
    let elsewhere = format!(
        "role 'Owner', which grants the action, is assigned to it at '{rg2}' only, which does not contain this \
         scope"
    );
    assert_eq!(why(1, WRITE), elsewhere);
    assert_eq!(
        why(2, WRITE),
        format!(
            "{elsewhere}; the roles that it has at this scope or above it do not grant it: 'Reader' at '{SUB}'"
        )
    );
    assert_eq!(
        why(3, WRITE),
        format!(
            "none of the roles that it has at this scope or above it grants the action: 'Reader' at '{SUB}'"
        )
    );
    assert_eq!(
        why(4, WRITE),
        format!(
            "the assignment of role 'Owner' at '{rg1}' carries a condition that is not fulfilled: {NEVER}"
        )
    );
    let assign = why(5, "Microsoft.Authorization/roleAssignments/write");
    assert!(assign.ends_with("(takes the action away in its notActions)"), "{assign}");
    assert!(why(6, WRITE).ends_with("(the role definition does not exist)"));
    assert_eq!(
        why(7, WRITE),
        format!("the assignment of role 'Owner' at '{SUB}' is not valid before '1970-01-01T00:16:40Z'")
    );
    assert_eq!(
        why(8, WRITE),
        format!(
            "the assignment of role 'Owner' at '{SUB}' is not valid any more since '1970-01-01T00:00:00Z'"
        )
    );
    assert_eq!(
        why(10, WRITE),
        format!(
            "role 'Owner' at '{SUB}' grants the action, but the deny assignment 'frozen' \
             (00000000-0000-0000-0000-000000000009) at '{rg1}' takes it away"
        )
    );
    let data = Question { plane: Plane::Data, ..question(1, WRITE, &at) };
    let data = Question { scope: &scope(&rg2), ..data };
    let cause = snapshot.denial_cause(&data).to_string();
    assert!(cause.ends_with("(grants it on the other plane only)"), "owner has no data actions: {cause}");
}

#[test]
fn a_grant_names_its_assignment_and_its_holder() {
    let mut snapshot = Snapshot::new(1);
    snapshot.put(&assignment(7, 5, builtin::OWNER, SUB));
    snapshot.put_member(id(5), id(1)).unwrap();
    let at = scope(&rg(1));
    let decision = snapshot.decide(&question(1, "A.B/c/read", &at));
    let Decision::Allowed(grant) = decision else { panic!("{decision:?}") };
    assert_eq!(grant.assignment, RoleAssignmentName(Uuid::from_u128(7)));
    assert_eq!((grant.principal, grant.role_name, grant.scope.as_str()), (id(5), "Owner", SUB));
    let held = snapshot.grants_at(id(1), &at, 5);
    assert_eq!(held.iter().map(|held| held.assignment).collect::<Vec<_>>(), [grant.assignment]);
    assert_eq!(snapshot.assignments_of(id(1)).count(), 0);
    assert_eq!(snapshot.assignments_of(id(5)).count(), 1);
}

#[test]
fn who_holds_what_at_a_scope_and_above() {
    let mut snapshot = Snapshot::new(1);
    snapshot.place_subscription(scope(SUB).subscription_id().unwrap(), Some("leaf"));
    let leaf = "/providers/Microsoft.Management/managementGroups/leaf";
    snapshot.put_all([
        assignment(1, 1, builtin::OWNER, &rg(1)),
        assignment(2, 1, builtin::OWNER, &rg(10)),
        conditioned(assignment(3, 2, builtin::READER, leaf)),
        Assignment { ends: Some(1), ..assignment(4, 3, builtin::READER, "/") },
        assignment(5, 3, builtin::READER, OTHER_SUB),
    ]);
    let at = scope(&format!("{}/providers/A.B/c/d", rg(1)));
    let mut names: Vec<u128> = snapshot.holders_at(&at).map(|held| held.assignment.0.as_u128()).collect();
    names.sort_unstable();
    assert_eq!(names, [1, 3, 4]);
    assert_eq!(snapshot.grants_at(id(2), &at, 5).len(), 1, "under a condition");
    assert_eq!(snapshot.grants_at(id(3), &at, 5).len(), 0, "not any more");
    let above: Vec<String> = snapshot.ancestors_of(&at).iter().map(Scope::to_string).collect();
    assert_eq!(above, [at.as_str(), &rg(1), SUB, leaf, "/"]);
}

#[test]
fn a_subscription_is_seen_by_whoever_has_a_role_in_it() {
    let mut snapshot = Snapshot::new(1);
    snapshot.put_all([
        assignment(1, 1, builtin::OWNER, &format!("{}/providers/A.B/c/x", rg(1))),
        assignment(2, 2, builtin::OWNER, "/"),
        conditioned(assignment(3, 3, builtin::OWNER, &rg(1))),
        Assignment { ends: Some(1), ..assignment(4, 4, builtin::OWNER, &rg(1)) },
        assignment(5, 5, RoleDefinitionId(Uuid::from_u128(77)), SUB),
    ]);
    let sees = |principal, sub: &str| {
        snapshot.reaches_subscription(id(principal), scope(sub).subscription_id().unwrap(), 5)
    };
    assert_eq!([sees(1, SUB), sees(1, OTHER_SUB)], [true, false]);
    assert_eq!([sees(2, SUB), sees(2, OTHER_SUB)], [true, true]);
    assert!(sees(3, SUB), "under a condition");
    assert!(!sees(4, SUB), "not any more");
    assert!(!sees(5, SUB), "a role that does not exist");
}

#[test]
fn a_role_is_followed_as_it_changes() {
    let mut snapshot = Snapshot::new(1);
    let own = RoleDefinitionId(Uuid::from_u128(50));
    snapshot.put(&assignment(1, 1, own, SUB));
    let at = scope(SUB);
    let allowed = |snapshot: &Snapshot| {
        matches!(snapshot.decide(&question(1, "A.B/c/read", &at)), Decision::Allowed(_))
    };
    assert!(!allowed(&snapshot));
    let reader = builtin::role(builtin::READER).unwrap();
    snapshot.put_role(&gatepost_rbac::RoleDefinition { id: own, built_in: false, ..reader.clone() });
    assert!(allowed(&snapshot));
    snapshot.remove_role(own);
    assert!(!allowed(&snapshot));
    snapshot.put(&assignment(1, 1, builtin::READER, SUB));
    snapshot.remove_role(builtin::READER);
    assert!(allowed(&snapshot), "a built-in role stays");
    assert_eq!(snapshot.len(), 1);
}
