use super::*;
use crate::builtin;
use gatepost_names::{RoleDefinitionId, Scope};
use proptest::prelude::*;
use uuid::Uuid;

fn control(action: &str) -> Operation<'_> {
    Operation { action, plane: Plane::Control }
}

fn role(id: u128, actions: &[&str], not_actions: &[&str]) -> RoleDefinition {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    RoleDefinition {
        id: RoleDefinitionId(Uuid::from_u128(id)),
        name: format!("Role {id}"),
        description: String::new(),
        built_in: false,
        permissions: vec![PermissionBlock {
            actions: own(actions),
            not_actions: own(not_actions),
            ..Default::default()
        }],
        assignable_scopes: vec![Scope::root()],
    }
}

const CATALOGUE: [&str; 8] = [
    "A.B/c/read",
    "A.B/c/write",
    "A.B/c/delete",
    "A.B/d/read",
    "A.B/d/write",
    "C.D/e/read",
    "C.D/e/write",
    "C.D/e/f/action",
];

fn catalogue() -> Vec<Operation<'static>> {
    CATALOGUE.iter().map(|action| control(action)).collect()
}

fn names(suggestion: &Suggestion<'_>) -> Vec<u128> {
    suggestion.roles.iter().map(|role| role.id.0.as_u128()).collect()
}

#[test]
fn the_smallest_role_comes_first() {
    let roles = [
        role(1, &["*"], &[]),
        role(2, &["A.B/*"], &[]),
        role(3, &["A.B/c/read", "A.B/d/read"], &[]),
        role(4, &["*/read"], &[]),
        role(5, &["A.B/c/read"], &[]),
        role(6, &["C.D/*"], &[]),
    ];
    let answer = least(&[control("a.b/C/READ"), control("A.B/d/read")], &roles, &catalogue());
    let order: Vec<_> = answer.alone.iter().map(|one| (names(one)[0], one.grants)).collect();
    assert_eq!(order, [(3, 2), (4, 3), (2, 5), (1, 8)]);
    assert_eq!(answer.combined, None);
    assert_eq!(answer.custom.actions, ["A.B/c/read", "A.B/d/read"]);
    assert!(answer.unknown.is_empty());
}

#[test]
fn two_small_roles_beat_a_large_one() {
    let roles = [
        role(1, &["*"], &[]),
        role(2, &["A.B/c/*"], &["A.B/c/delete"]),
        role(3, &["C.D/e/write"], &[]),
        role(4, &["C.D/*"], &[]),
    ];
    let answer = least(&[control("A.B/c/write"), control("C.D/e/write")], &roles, &catalogue());
    assert_eq!(names(&answer.alone[0]), [1]);
    let combined = answer.combined.unwrap();
    assert_eq!((names(&combined), combined.grants), (vec![3, 2], 3));
}

#[test]
fn more_than_three_where_it_takes_more() {
    let roles: Vec<RoleDefinition> =
        CATALOGUE.iter().enumerate().map(|(n, action)| role(n as u128, &[action], &[])).collect();
    let wanted: Vec<_> = catalogue().into_iter().take(5).collect();
    let answer = least(&wanted, &roles, &catalogue());
    assert!(answer.alone.is_empty());
    let combined = answer.combined.unwrap();
    assert_eq!((combined.roles.len(), combined.grants), (5, 5));
    let none = least(&[control("C.D/e/read")], &roles[..3], &catalogue());
    assert_eq!((none.alone.len(), none.combined), (0, None));
}

#[test]
fn planes_conditions_wildcards_and_what_nobody_knows() {
    let mut conditioned = role(1, &["A.B/c/read"], &[]);
    conditioned.permissions[0].condition = Some("ActionMatches{'*'}".to_owned());
    let mut data = role(2, &[], &[]);
    data.permissions[0].data_actions = vec!["*".to_owned()];
    let roles = [conditioned, data, role(3, &["A.B/*"], &[])];
    let answer = least(&[control("A.B/c/read")], &roles, &catalogue());
    assert_eq!(answer.alone.iter().map(|one| names(one)[0]).collect::<Vec<_>>(), [3]);
    let wanted = [
        control("A.B/d/*"),
        control("A.B/x/sing/action"),
        control("X.Y/*"),
        Operation { action: "A.B/c/read", plane: Plane::Data },
    ];
    let answer = least(&wanted, &roles, &catalogue());
    assert_eq!(answer.unknown, ["A.B/x/sing/action", "X.Y/*", "A.B/c/read"]);
    assert_eq!(answer.custom.actions, ["A.B/d/*", "A.B/x/sing/action", "X.Y/*"]);
    assert_eq!(answer.custom.data_actions, ["A.B/c/read"]);
    assert_eq!(names(&answer.combined.unwrap()), [2, 3]);
}

#[test]
fn among_the_built_in_roles() {
    let wanted = [
        control("Microsoft.Communication/CommunicationServices/Read"),
        control("Microsoft.Communication/CommunicationServices/Write"),
        control("Microsoft.Communication/EmailServices/Write"),
    ];
    let others =
        ["Microsoft.Resources/subscriptions/resourceGroups/write", "Microsoft.Authorization/locks/write"];
    let catalogue: Vec<_> = wanted.into_iter().chain(others.map(control)).collect();
    let answer = least(&wanted, builtin::roles(), &catalogue);
    assert_eq!(answer.alone[0].roles[0].id, builtin::COMMUNICATION_AND_EMAIL_SERVICE_OWNER);
    assert_eq!(answer.alone[0].grants, 3);
    let ids: Vec<_> = answer.alone.iter().map(|one| one.roles[0].id).collect();
    assert!(ids.contains(&builtin::CONTRIBUTOR) && ids.contains(&builtin::OWNER));
    assert!(!ids.contains(&builtin::READER));
    let position = |id| ids.iter().position(|known| *known == id);
    assert!(position(builtin::CONTRIBUTOR) < position(builtin::OWNER));
}

fn some_roles() -> impl Strategy<Value = Vec<RoleDefinition>> {
    let pattern = prop::sample::select(
        CATALOGUE.iter().copied().chain(["*", "*/read", "A.B/*", "C.D/*"]).collect::<Vec<_>>(),
    );
    let one = (prop::collection::vec(pattern.clone(), 1..4), prop::collection::vec(pattern, 0..2));
    prop::collection::vec(one, 0..9).prop_map(|roles| {
        roles.iter().enumerate().map(|(n, (granted, taken))| role(n as u128, granted, taken)).collect()
    })
}

/// What a role grants, by the definition alone.
fn granted(roles: &[&RoleDefinition]) -> Vec<&'static str> {
    let any = |patterns: &[String], action: &str| patterns.iter().any(|p| crate::action_matches(p, action));
    let grants = |role: &&RoleDefinition, action: &str| {
        role.permissions.iter().any(|b| any(&b.actions, action) && !any(&b.not_actions, action))
    };
    CATALOGUE.into_iter().filter(|action| roles.iter().any(|role| grants(role, action))).collect()
}

proptest! {
    #[test]
    fn what_is_suggested_covers_all_and_nothing_smaller_does(
        roles in some_roles(), picks in prop::collection::vec(0..CATALOGUE.len(), 1..5)
    ) {
        let wanted: Vec<&str> = picks.iter().map(|at| CATALOGUE[*at]).collect();
        let asked: Vec<_> = wanted.iter().map(|action| control(action)).collect();
        let answer = least(&asked, &roles, &catalogue());
        let covers = |roles: &[&RoleDefinition]| {
            let granted = granted(roles);
            wanted.iter().all(|action| granted.contains(action)).then_some(granted.len())
        };
        for suggestion in answer.alone.iter().chain(&answer.combined) {
            prop_assert_eq!(covers(&suggestion.roles), Some(suggestion.grants));
        }
        let smallest_alone = roles.iter().filter_map(|role| covers(&[role])).min();
        prop_assert_eq!(answer.alone.first().map(|one| one.grants), smallest_alone);
        let mut smallest = smallest_alone;
        for (n, first) in roles.iter().enumerate() {
            for (m, second) in roles.iter().enumerate().skip(n + 1) {
                smallest = smallest.into_iter().chain(covers(&[first, second])).min();
                for third in &roles[m + 1..] {
                    smallest = smallest.into_iter().chain(covers(&[first, second, third])).min();
                }
            }
        }
        let best = answer.alone.iter().chain(&answer.combined).map(|one| one.grants).min();
        if let Some(smallest) = smallest {
            prop_assert_eq!(best, Some(smallest));
        }
        for left_out in 0..answer.combined.as_ref().map_or(0, |several| several.roles.len()) {
            let mut fewer = answer.combined.as_ref().unwrap().roles.clone();
            fewer.remove(left_out);
            prop_assert!(covers(&fewer).is_none() || smallest_alone.is_some());
        }
        // The custom role grants just what was asked for.
        let own = RoleDefinition { permissions: vec![answer.custom.clone()], ..role(99, &[], &[]) };
        let mut exactly = wanted.clone();
        exactly.sort_unstable();
        exactly.dedup();
        let mut grants = granted(&[&own]);
        grants.sort_unstable();
        prop_assert_eq!(grants, exactly);
    }
}
