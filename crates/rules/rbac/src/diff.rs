//! What one role grants and another does not.

use gatepost_names::Scope;

use crate::least::Operation;
use crate::{ActionPattern, CompiledRole, Coverage, PermissionBlock, Plane, RoleDefinition};

/// What a role says to an operation, as far as a comparison goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does not grant it.
    Not,
    /// It grants it under a condition.
    Conditioned,
    /// It grants it.
    Granted,
}

/// An operation to which the roles say different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The operation.
    pub operation: Operation<'a>,
    /// What the first role says.
    pub first: Standing,
    /// What the second one says.
    pub second: Standing,
}

/// One of the two roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

/// Something that a list of operations does not show. Each stands in one role only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark<'a> {
    /// A pattern with `*` that grants: it also covers operations that there may be one day.
    Wildcard {
        /// Whose it is.
        side: Side,
        /// Which plane it is on.
        plane: Plane,
        /// The pattern.
        pattern: &'a str,
    },
    /// A block carries this condition.
    Condition {
        /// Whose it is.
        side: Side,
        /// The condition.
        condition: &'a str,
    },
    /// A scope at which it may be assigned.
    AssignableScope {
        /// Whose it is.
        side: Side,
        /// The scope.
        scope: &'a Scope,
    },
}

/// A comparison of two roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The operations of the catalogue on which they differ, in its order.
    pub changes: Vec<Change<'a>>,
    /// What else is different.
    pub remarks: Vec<Remark<'a>>,
}

impl Difference<'_> {
    /// Whether the roles grant the same, now and later.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.remarks.is_empty()
    }
}

/// Compares two roles over a catalogue.
pub fn diff<'a>(
    first: &'a RoleDefinition,
    second: &'a RoleDefinition,
    catalogue: &[Operation<'a>],
) -> Difference<'a> {
    let (compiled_first, compiled_second) = (CompiledRole::new(first), CompiledRole::new(second));
    let changes = catalogue
        .iter()
        .map(|operation| Change {
            operation: *operation,
            first: standing(&compiled_first, *operation),
            second: standing(&compiled_second, *operation),
        })
        .filter(|change| change.first != change.second)
        .collect();
    let mut remarks = Vec::new();
    for (side, own, other) in [(Side::First, first, second), (Side::Second, second, first)] {
        for plane in [Plane::Control, Plane::Data] {
            let others: Vec<ActionPattern> = wildcards(other, plane).map(ActionPattern::compile).collect();
            let is_other = |pattern: &str| others.contains(&ActionPattern::compile(pattern));
            let only = wildcards(own, plane).filter(|pattern| !is_other(pattern));
            remarks.extend(only.map(|pattern| Remark::Wildcard { side, plane, pattern }));
        }
        let others: Vec<&str> = conditions(other).collect();
        let only = conditions(own).filter(|condition| !others.contains(condition));
        remarks.extend(only.map(|condition| Remark::Condition { side, condition }));
        let only = own.assignable_scopes.iter().filter(|scope| !other.assignable_scopes.contains(scope));
        remarks.extend(only.map(|scope| Remark::AssignableScope { side, scope }));
    }
    let mut seen: Vec<Remark<'_>> = Vec::new();
    for remark in remarks {
        if !seen.contains(&remark) {
            seen.push(remark);
        }
    }
    Difference { changes, remarks: seen }
}

fn standing(role: &CompiledRole, operation: Operation<'_>) -> Standing {
    match role.coverage(operation.action, operation.plane) {
        Coverage::Granted => Standing::Granted,
        Coverage::Conditioned => Standing::Conditioned,
        Coverage::Excluded | Coverage::OtherPlane | Coverage::Absent => Standing::Not,
    }
}

fn wildcards(role: &RoleDefinition, plane: Plane) -> impl Iterator<Item = &str> {
    let granting = role.permissions.iter().flat_map(move |block: &PermissionBlock| block.on(plane).0);
    granting.map(String::as_str).filter(|pattern| pattern.contains('*'))
}

fn conditions(role: &RoleDefinition) -> impl Iterator<Item = &str> {
    role.permissions.iter().filter_map(|block| block.condition.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_names::RoleDefinitionId;
    use proptest::prelude::*;
    use uuid::Uuid;

    const CATALOGUE: [(&str, Plane); 6] = [
        ("A.B/c/read", Plane::Control),
        ("A.B/c/write", Plane::Control),
        ("A.B/d/read", Plane::Control),
        ("C.D/e/write", Plane::Control),
        ("A.B/c/read", Plane::Data),
        ("C.D/e/read", Plane::Data),
    ];

    fn catalogue() -> Vec<Operation<'static>> {
        CATALOGUE.iter().map(|(action, plane)| Operation { action, plane: *plane }).collect()
    }

    fn role(permissions: Vec<PermissionBlock>) -> RoleDefinition {
        RoleDefinition {
            id: RoleDefinitionId(Uuid::nil()),
            name: "R".to_owned(),
            description: String::new(),
            built_in: false,
            permissions,
            assignable_scopes: vec![Scope::root()],
        }
    }

    fn block(actions: &[&str], not_actions: &[&str], data_actions: &[&str]) -> PermissionBlock {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        PermissionBlock {
            actions: own(actions),
            not_actions: own(not_actions),
            data_actions: own(data_actions),
            ..Default::default()
        }
    }

    #[test]
    fn what_differs_and_how() {
        let first = role(vec![block(&["A.B/*", "C.D/e/write"], &["A.B/c/write"], &[])]);
        let mut conditioned = block(&["A.B/c/read"], &[], &["*"]);
        conditioned.condition = Some("ActionMatches{'*'}".to_owned());
        let mut second = role(vec![conditioned, block(&["a.b/*"], &[], &[])]);
        second.assignable_scopes =
            vec![Scope::root(), Scope::parse("/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11").unwrap()];
        let difference = diff(&first, &second, &catalogue_of(&CATALOGUE));
        let changes: Vec<_> = difference
            .changes
            .iter()
            .map(|c| (c.operation.action, c.operation.plane, c.first, c.second))
            .collect();
        assert_eq!(
            changes,
            [
                ("A.B/c/write", Plane::Control, Standing::Not, Standing::Granted),
                ("C.D/e/write", Plane::Control, Standing::Granted, Standing::Not),
                ("A.B/c/read", Plane::Data, Standing::Not, Standing::Conditioned),
                ("C.D/e/read", Plane::Data, Standing::Not, Standing::Conditioned),
            ]
        );
        assert_eq!(
            difference.remarks,
            [
                Remark::Wildcard { side: Side::Second, plane: Plane::Data, pattern: "*" },
                Remark::Condition { side: Side::Second, condition: "ActionMatches{'*'}" },
                Remark::AssignableScope { side: Side::Second, scope: &second.assignable_scopes[1] },
            ]
        );
    }

    fn catalogue_of<'a>(list: &'a [(&'a str, Plane)]) -> Vec<Operation<'a>> {
        list.iter().map(|(action, plane)| Operation { action, plane: *plane }).collect()
    }

    fn some_role() -> impl Strategy<Value = RoleDefinition> {
        let pattern = || {
            let patterns =
                prop::sample::select(vec!["*", "*/read", "A.B/*", "a.b/C/read", "C.D/e/write", "C.D/e/read"]);
            prop::collection::vec(patterns, 0..3)
        };
        let block = (pattern(), pattern(), pattern(), any::<bool>()).prop_map(|(a, n, d, conditioned)| {
            let condition = conditioned.then(|| "ActionMatches{'*'}".to_owned());
            PermissionBlock { condition, ..block(&a, &n, &d) }
        });
        prop::collection::vec(block, 0..3).prop_map(role)
    }

    /// By the definition alone.
    fn naive(role: &RoleDefinition, operation: Operation<'_>) -> Standing {
        let any = |patterns: &[String]| patterns.iter().any(|p| crate::action_matches(p, operation.action));
        let of = |block: &PermissionBlock| {
            let (granted, excluded) = block.on(operation.plane);
            match any(granted) && !any(excluded) {
                false => Standing::Not,
                true if block.condition.is_some() => Standing::Conditioned,
                true => Standing::Granted,
            }
        };
        role.permissions.iter().map(of).max().unwrap_or(Standing::Not)
    }

    proptest! {
        #[test]
        fn it_is_what_each_role_says(first in some_role(), second in some_role()) {
            let catalogue = catalogue();
            let difference = diff(&first, &second, &catalogue);
            let expected: Vec<_> = catalogue
                .iter()
                .map(|o| Change { operation: *o, first: naive(&first, *o), second: naive(&second, *o) })
                .filter(|change| change.first != change.second)
                .collect();
            prop_assert_eq!(&difference.changes, &expected);
            let back = diff(&second, &first, &catalogue);
            let turned: Vec<_> = back
                .changes
                .iter()
                .map(|c| Change { operation: c.operation, first: c.second, second: c.first })
                .collect();
            prop_assert_eq!(turned, expected);
            prop_assert_eq!(back.remarks.len(), difference.remarks.len());
            prop_assert!(diff(&first, &first, &catalogue).is_empty());
        }
    }
}
