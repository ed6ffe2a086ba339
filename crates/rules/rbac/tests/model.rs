//! The snapshot against a naive model of the rules, and the laws that any access control must keep.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::{
    Assignment, Decision, DenialCause, PermissionBlock, Plane, RoleDefinition, Snapshot, builtin,
};
use proptest::prelude::*;
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";
const OTHER_SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d12";

/// The rules of reference rbac.md sections 1 to 3, as plainly as they can be put.
mod naive {
    use super::*;

    #[derive(Clone, Debug, Default)]
    pub(super) struct World {
        pub(super) roles: Vec<(u128, Vec<PermissionBlock>)>,
        /// Name, principal, role, scope, conditioned.
        pub(super) assignments: Vec<(u128, u128, u128, String, bool)>,
    }

    impl World {
        pub(super) fn allows(&self, principal: u128, action: &str, scope: &str, plane: Plane) -> bool {
            self.assignments.iter().any(|(_, who, role, at, conditioned)| {
                *who == principal
                    && !conditioned
                    && contains(at, scope)
                    && self.roles.iter().any(|(id, blocks)| id == role && grants(blocks, action, plane))
            })
        }
    }

    fn grants(blocks: &[PermissionBlock], action: &str, plane: Plane) -> bool {
        blocks.iter().any(|block| {
            let (granted, excluded) = match plane {
                Plane::Control => (&block.actions, &block.not_actions),
                Plane::Data => (&block.data_actions, &block.not_data_actions),
            };
            block.condition.is_none()
                && granted.iter().any(|pattern| matches(pattern, action))
                && !excluded.iter().any(|pattern| matches(pattern, action))
        })
    }

    fn matches(pattern: &str, action: &str) -> bool {
        let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
        match pattern.split_once('*') {
            None => pattern == action,
            Some((head, tail)) => {
                action.len() >= head.len() + tail.len() && action.starts_with(head) && action.ends_with(tail)
            }
        }
    }

    fn contains(above: &str, below: &str) -> bool {
        let segments = |scope: &str| -> Vec<String> {
            scope.to_lowercase().split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        segments(below).starts_with(&segments(above))
    }
}

use naive::World;

fn snapshot_of(world: &World) -> Snapshot {
    let mut snapshot = Snapshot::new();
    for (id, permissions) in &world.roles {
        snapshot.put_role(TENANT, &role(*id, permissions.clone()));
    }
    for assignment in &world.assignments {
        snapshot.put(&assigned(assignment));
    }
    snapshot
}

fn role(id: u128, permissions: Vec<PermissionBlock>) -> RoleDefinition {
    RoleDefinition {
        id: RoleDefinitionId(Uuid::from_u128(id)),
        name: format!("role {id}"),
        description: String::new(),
        built_in: false,
        permissions,
        assignable_scopes: vec![Scope::root()],
    }
}

fn assigned((name, principal, role, scope, conditioned): &(u128, u128, u128, String, bool)) -> Assignment {
    Assignment {
        tenant: TENANT,
        name: RoleAssignmentName(Uuid::from_u128(*name)),
        principal: ObjectId(Uuid::from_u128(*principal)),
        role: RoleDefinitionId(Uuid::from_u128(*role)),
        scope: Arc::new(Scope::parse(scope).unwrap()),
        conditioned: *conditioned,
    }
}

fn allows(snapshot: &Snapshot, principal: u128, action: &str, scope: &str, plane: Plane) -> bool {
    let principals = [ObjectId(Uuid::from_u128(principal))];
    let scope = Scope::parse(scope).unwrap();
    let decision = snapshot.decide(TENANT, &principals, action, &scope, plane);
    if let Decision::Allowed(grant) = &decision {
        assert!(grant.scope.contains(&scope), "{} does not contain {scope}", grant.scope);
    }
    matches!(decision, Decision::Allowed(_))
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    one_of(&[
        "*",
        "*/read",
        "A.B/*",
        "a.b/c/*",
        "A.B/c/read",
        "A.B/c/write",
        "A.B/c/d/read",
        "A.B/c/wr*",
        "*/D/read",
    ])
}

fn action() -> impl Strategy<Value = String> {
    one_of(&["A.B/c/read", "a.b/C/write", "A.B/c/d/read", "A.B/c/d/delete", "A.C/c/read", "A.B/cc/write"])
}

fn scope() -> impl Strategy<Value = String> {
    let below = one_of(&[
        "",
        "/resourceGroups/rg1",
        "/resourcegroups/RG1",
        "/resourceGroups/rg10",
        "/resourceGroups/rg1/providers/A.B/c/x",
        "/resourceGroups/rg1/providers/A.B/c/x/d/y",
        "/resourceGroups/rg1/providers/A.B/c/x2",
        "/resourceGroups/rg10/providers/a.b/C/X",
        "/providers/A.B/c/x",
    ]);
    let anywhere = (one_of(&[SUB, OTHER_SUB]), below).prop_map(|(sub, below)| format!("{sub}{below}"));
    let elsewhere = one_of(&["/", "/providers/Microsoft.Management/managementGroups/m"]);
    prop_oneof![6 => anywhere, 1 => elsewhere]
}

fn plane() -> impl Strategy<Value = Plane> {
    prop::sample::select(vec![Plane::Control, Plane::Data])
}

fn block() -> impl Strategy<Value = PermissionBlock> {
    let some = |most| prop::collection::vec(pattern(), 0..most);
    let condition = prop::option::weighted(0.15, Just("true".to_owned()));
    (some(3), some(2), some(3), some(2), condition).prop_map(
        |(actions, not_actions, data_actions, not_data_actions, condition)| PermissionBlock {
            actions,
            not_actions,
            data_actions,
            not_data_actions,
            condition,
            condition_version: None,
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let roles = prop::collection::vec(prop::collection::vec(block(), 0..3), 1..4);
    // Role 4 never exists.
    let assignment = (1..4_u128, 1..5_u128, scope(), prop::bool::weighted(0.1));
    (roles, prop::collection::vec(assignment, 0..8)).prop_map(|(roles, assignments)| World {
        roles: (1..).zip(roles).collect(),
        assignments: (1..)
            .zip(assignments)
            .map(|(name, (who, role, scope, conditioned))| (name, who, role, scope, conditioned))
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decides_as_the_naive_model(
        world in world(), who in 1..4_u128, action in action(), scope in scope(), plane in plane()
    ) {
        let snapshot = snapshot_of(&world);
        let expected = world.allows(who, &action, &scope, plane);
        prop_assert_eq!(allows(&snapshot, who, &action, &scope, plane), expected);
    }

    #[test]
    fn changes_leave_what_a_fresh_snapshot_would_hold(
        world in world(), removed in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        who in 1..4_u128, action in action(), scope in scope(), plane in plane()
    ) {
        let mut world = world;
        let before = snapshot_of(&world);
        let mut snapshot = before.clone();
        for index in removed {
            if world.assignments.is_empty() { break }
            let gone = world.assignments.remove(index.index(world.assignments.len()));
            let (name, who) = (Uuid::from_u128(gone.0), Uuid::from_u128(gone.1));
            snapshot.remove(TENANT, ObjectId(who), RoleAssignmentName(name));
        }
        let (id, _) = world.roles.remove(0);
        snapshot.remove_role(TENANT, RoleDefinitionId(Uuid::from_u128(id)));
        prop_assert_eq!(snapshot.len(), world.assignments.len());
        let expected = world.allows(who, &action, &scope, plane);
        prop_assert_eq!(allows(&snapshot, who, &action, &scope, plane), expected);
        // The original is what it was: the clone copied what it changed.
        prop_assert!(before.len() >= snapshot.len());
    }

    #[test]
    fn an_added_assignment_never_removes_access(
        world in world(), added in (1..4_u128, 1..5_u128, scope(), any::<bool>()),
        who in 1..4_u128, action in action(), scope in scope(), plane in plane()
    ) {
        let mut snapshot = snapshot_of(&world);
        let before = allows(&snapshot, who, &action, &scope, plane);
        snapshot.put(&assigned(&(99, added.0, added.1, added.2, added.3)));
        prop_assert!(!before || allows(&snapshot, who, &action, &scope, plane));
    }

    #[test]
    fn order_never_matters(
        world in world(), who in 1..4_u128, action in action(), scope in scope(), plane in plane()
    ) {
        let mut reversed = world.clone();
        reversed.assignments.reverse();
        for (_, blocks) in &mut reversed.roles {
            blocks.reverse();
            for block in blocks { block.actions.reverse(); block.not_actions.reverse(); }
        }
        // Assignments may also come before the roles that they name.
        let mut early = Snapshot::new();
        for assignment in &reversed.assignments { early.put(&assigned(assignment)); }
        for (id, blocks) in &reversed.roles { early.put_role(TENANT, &role(*id, blocks.clone())); }
        let expected = allows(&snapshot_of(&world), who, &action, &scope, plane);
        prop_assert_eq!(allows(&snapshot_of(&reversed), who, &action, &scope, plane), expected);
        prop_assert_eq!(allows(&early, who, &action, &scope, plane), expected);
    }

    #[test]
    fn letter_case_never_matters(
        world in world(), who in 1..4_u128, action in action(), scope in scope(), plane in plane()
    ) {
        let mut shouted = world.clone();
        for (_, blocks) in &mut shouted.roles {
            for block in blocks {
                for list in [&mut block.actions, &mut block.not_actions, &mut block.data_actions,
                             &mut block.not_data_actions] {
                    for pattern in list { *pattern = pattern.to_uppercase(); }
                }
            }
        }
        for assignment in &mut shouted.assignments { assignment.3 = assignment.3.to_uppercase(); }
        let expected = allows(&snapshot_of(&world), who, &action, &scope, plane);
        let quiet = allows(&snapshot_of(&shouted), who, &action.to_lowercase(), &scope.to_lowercase(), plane);
        prop_assert_eq!(quiet, expected);
    }

    #[test]
    fn a_group_never_reaches_one_whose_name_it_begins(
        name in "[a-z]{1,6}", more in "[a-z0-9]{1,3}", below in one_of(&["", "/providers/A.B/c/x"])
    ) {
        let owner = builtin::OWNER.0.as_u128();
        let at = format!("{SUB}/resourceGroups/{name}");
        let world = World { roles: vec![], assignments: vec![(1, 1, owner, at.clone(), false)] };
        let snapshot = snapshot_of(&world);
        let (inside, outside) = (format!("{at}{below}"), format!("{at}{more}{below}"));
        prop_assert!(allows(&snapshot, 1, "A.B/c/read", &inside, Plane::Control));
        prop_assert!(!allows(&snapshot, 1, "A.B/c/read", &outside, Plane::Control));
    }

    #[test]
    fn everything_on_one_plane_is_nothing_on_the_other(action in action(), scope in scope()) {
        let block = PermissionBlock { actions: vec!["*".to_owned()], ..Default::default() };
        let assignments = vec![(1, 1, 1, "/".to_owned(), false)];
        let world = World { roles: vec![(1, vec![block])], assignments };
        let snapshot = snapshot_of(&world);
        prop_assert!(allows(&snapshot, 1, &action, &scope, Plane::Control));
        prop_assert!(!allows(&snapshot, 1, &action, &scope, Plane::Data));
    }
}

fn cause(snapshot: &Snapshot, principal: u128, action: &str, scope: &str, plane: Plane) -> String {
    let principals = [ObjectId(Uuid::from_u128(principal))];
    match snapshot.decide(TENANT, &principals, action, &Scope::parse(scope).unwrap(), plane) {
        Decision::Denied(cause) => cause.to_string(),
        Decision::Allowed(grant) => format!("allowed by {}", grant.role_name),
    }
}

#[test]
fn a_refusal_says_what_is_missing() {
    const WRITE: &str = "Microsoft.Communication/EmailServices/Write";
    let (rg1, rg2) = (format!("{SUB}/resourceGroups/rg1"), format!("{SUB}/resourceGroups/rg2"));
    let (owner, reader) = (builtin::OWNER.0.as_u128(), builtin::READER.0.as_u128());
    let contributor = builtin::CONTRIBUTOR.0.as_u128();
    let snapshot = snapshot_of(&World {
        roles: vec![],
        assignments: vec![
            (1, 1, owner, rg2.clone(), false),
            (2, 2, owner, rg2.clone(), false),
            (3, 2, reader, SUB.to_owned(), false),
            (4, 3, reader, SUB.to_owned(), false),
            (5, 4, owner, rg1.clone(), true),
            (6, 5, contributor, SUB.to_owned(), false),
            (7, 6, 77, SUB.to_owned(), false),
        ],
    });
    let at_rg1 = |principal, action| cause(&snapshot, principal, action, &rg1, Plane::Control);
    assert_eq!(at_rg1(9, WRITE), "it has no role assignment at this scope or above it");
    let elsewhere = format!(
        "role 'Owner', which grants the action, is assigned to it at '{rg2}' only, which does not contain this scope"
    );
    assert_eq!(at_rg1(1, WRITE), elsewhere);
    assert_eq!(
        at_rg1(2, WRITE),
        format!(
            "{elsewhere}; the roles that it has at this scope or above it do not grant it: 'Reader' at '{SUB}'"
        )
    );
    assert_eq!(
        at_rg1(3, WRITE),
        format!(
            "none of the roles that it has at this scope or above it grants the action: 'Reader' at '{SUB}'"
        )
    );
    assert!(at_rg1(4, WRITE).starts_with("the assignment of role 'Owner'"), "{}", at_rg1(4, WRITE));
    assert!(
        at_rg1(5, "Microsoft.Authorization/roleAssignments/write")
            .ends_with("(takes the action away in its notActions)")
    );
    assert!(at_rg1(6, WRITE).ends_with("(the role definition does not exist)"));
    assert!(
        cause(&snapshot, 1, WRITE, &rg2, Plane::Data).ends_with("(grants it on the other plane only)"),
        "owner has no data actions"
    );
}

#[test]
fn a_grant_names_its_assignment() {
    let owner = builtin::OWNER.0.as_u128();
    let world = World { roles: vec![], assignments: vec![(7, 1, owner, SUB.to_owned(), false)] };
    let snapshot = snapshot_of(&world);
    let scope = Scope::parse(&format!("{SUB}/resourceGroups/rg")).unwrap();
    let principals = [ObjectId(Uuid::from_u128(5)), ObjectId(Uuid::from_u128(1))];
    let decision = snapshot.decide(TENANT, &principals, "A.B/c/read", &scope, Plane::Control);
    let Decision::Allowed(grant) = decision else { unreachable_denial(&decision) };
    assert_eq!(grant.assignment, RoleAssignmentName(Uuid::from_u128(7)));
    assert_eq!((grant.role_name, grant.scope.as_str()), ("Owner", SUB));
    assert_eq!(snapshot.grants_at(TENANT, &principals, &scope), [grant]);
    let other_tenant = TenantId(Uuid::from_u128(2));
    let foreign = snapshot.decide(other_tenant, &principals, "A.B/c/read", &scope, Plane::Control);
    assert_eq!(foreign, Decision::Denied(DenialCause::NoAssignment));
}

#[expect(clippy::panic, reason = "a test that fails")]
fn unreachable_denial(decision: &Decision<'_>) -> ! {
    panic!("{decision:?}")
}

#[test]
fn a_subscription_is_seen_by_whoever_has_a_role_in_it() {
    let owner = builtin::OWNER.0.as_u128();
    let snapshot = snapshot_of(&World {
        roles: vec![],
        assignments: vec![
            (1, 1, owner, format!("{SUB}/resourceGroups/rg/providers/A.B/c/x"), false),
            (2, 2, owner, "/".to_owned(), false),
            (3, 3, owner, format!("{SUB}/resourceGroups/rg"), true),
        ],
    });
    let sees = |principal: u128, sub: &str| {
        let sub = Scope::parse(sub).unwrap().subscription_id().unwrap();
        snapshot.reaches_subscription(TENANT, &[ObjectId(Uuid::from_u128(principal))], sub)
    };
    assert_eq!([sees(1, SUB), sees(1, OTHER_SUB)], [true, false]);
    assert_eq!([sees(2, SUB), sees(2, OTHER_SUB)], [true, true]);
    assert!(!sees(3, SUB), "a condition grants nothing");
}
