//! Roles made ready to be asked often.

use gatepost_names::RoleDefinitionId;

use crate::{ActionPattern, PermissionBlock, Plane, RoleDefinition};

/// A role compiled from its definition. It answers for an action without allocating.
#[derive(Clone, Debug)]
pub struct CompiledRole {
    id: RoleDefinitionId,
    name: Box<str>,
    blocks: Box<[Block]>,
}

#[derive(Clone, Debug)]
struct Block {
    control: Effective,
    data: Effective,
    conditioned: bool,
}

/// What a block grants on one plane: its patterns without those taken away.
#[derive(Clone, Debug)]
struct Effective {
    granted: PatternSet,
    excluded: PatternSet,
}

/// What a role says to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It grants it.
    Granted,
    /// It would grant it, but only in a block that carries a condition.
    Conditioned,
    /// Its actions match, but its not-actions take it away.
    Excluded,
    /// It has it on the other plane only.
    OtherPlane,
    /// Nothing in it matches.
    Absent,
}

impl CompiledRole {
    /// Compiles a definition.
    pub fn new(definition: &RoleDefinition) -> CompiledRole {
        CompiledRole {
            id: definition.id,
            name: definition.name.as_str().into(),
            blocks: definition.permissions.iter().map(Block::new).collect(),
        }
    }

    /// The role's id.
    pub fn id(&self) -> RoleDefinitionId {
        self.id
    }

    /// The role's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it grants `action` on `plane` without a condition.
    pub fn grants(&self, action: &str, plane: Plane) -> bool {
        self.blocks.iter().any(|block| !block.conditioned && block.on(plane).contains(action))
    }

    /// What it says to `action`, for explanations; the best of its blocks.
    pub fn coverage(&self, action: &str, plane: Plane) -> Coverage {
        if self.grants(action, plane) {
            return Coverage::Granted;
        }
        let any = |question: &dyn Fn(&Block) -> bool| self.blocks.iter().any(question);
        if any(&|block| block.on(plane).contains(action)) {
            Coverage::Conditioned
        } else if any(&|block| block.on(plane).granted.contains(action)) {
            Coverage::Excluded
        } else if self.grants(action, plane.other()) {
            Coverage::OtherPlane
        } else {
            Coverage::Absent
        }
    }
}

impl Block {
    fn new(block: &PermissionBlock) -> Block {
        Block {
            control: Effective::new(block, Plane::Control),
            data: Effective::new(block, Plane::Data),
            conditioned: block.condition.is_some(),
        }
    }

    fn on(&self, plane: Plane) -> &Effective {
        match plane {
            Plane::Control => &self.control,
            Plane::Data => &self.data,
        }
    }
}

impl Effective {
    fn new(block: &PermissionBlock, plane: Plane) -> Effective {
        let (granted, excluded) = block.on(plane);
        Effective { granted: PatternSet::new(granted), excluded: PatternSet::new(excluded) }
    }

    fn contains(&self, action: &str) -> bool {
        self.granted.contains(action) && !self.excluded.contains(action)
    }
}

/// A set of action patterns: those without `*` are looked up, the few others are tried in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternSet {
    /// In lower case and sorted.
    exact: Box<[Box<str>]>,
    wildcards: Box<[ActionPattern]>,
}

impl PatternSet {
    pub(crate) fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> PatternSet {
        let (mut exact, mut wildcards) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match ActionPattern::compile(pattern.as_ref()).into_exact() {
                Ok(text) => exact.push(text),
                Err(wildcard) => wildcards.push(wildcard),
            }
        }
        exact.sort_unstable();
        exact.dedup();
        PatternSet { exact: exact.into(), wildcards: wildcards.into() }
    }

    pub(crate) fn contains(&self, action: &str) -> bool {
        self.contains_exact(action) || self.wildcards.iter().any(|pattern| pattern.matches(action))
    }

    /// Whether `action` itself is in the set; wildcards do not count.
    pub(crate) fn contains_exact(&self, action: &str) -> bool {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        self.exact.binary_search_by(|known| known.bytes().cmp(action.bytes().map(lower))).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_names::Scope;
    use proptest::prelude::*;

    fn block(actions: &[&str], not_actions: &[&str]) -> PermissionBlock {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        PermissionBlock { actions: own(actions), not_actions: own(not_actions), ..Default::default() }
    }

    fn role(permissions: Vec<PermissionBlock>) -> CompiledRole {
        CompiledRole::new(&RoleDefinition {
            id: RoleDefinitionId(uuid::Uuid::from_u128(1)),
            name: "R".to_owned(),
            description: String::new(),
            built_in: false,
            permissions,
            assignable_scopes: vec![Scope::root()],
        })
    }

    #[test]
    fn not_actions_subtract_in_their_own_block_only() {
        let one = role(vec![block(&["*"], &["A.B/c/delete"])]);
        assert!(one.grants("A.B/c/write", Plane::Control));
        assert_eq!(one.coverage("a.b/C/Delete", Plane::Control), Coverage::Excluded);
        let two = role(vec![block(&["*"], &["A.B/c/delete"]), block(&["A.B/*/delete"], &[])]);
        assert!(two.grants("A.B/c/delete", Plane::Control));
    }

    #[test]
    fn the_planes_are_apart() {
        let owner = role(vec![block(&["*"], &[])]);
        assert_eq!(owner.coverage("A.B/c/read", Plane::Data), Coverage::OtherPlane);
        assert!(!owner.grants("A.B/c/read", Plane::Data));
    }

    #[test]
    fn a_conditioned_block_grants_nothing() {
        let conditioned = PermissionBlock { condition: Some("true".to_owned()), ..block(&["*"], &[]) };
        let role = role(vec![conditioned, block(&["A.B/c/read"], &[])]);
        assert!(role.grants("A.B/c/read", Plane::Control));
        assert_eq!(role.coverage("A.B/c/write", Plane::Control), Coverage::Conditioned);
    }

    proptest! {
        #[test]
        fn a_set_matches_when_one_of_its_patterns_does(
            patterns in prop::collection::vec("[aB/]{0,3}\\*?[Ab/]{0,3}", 0..12), action in "[AbB/]{0,6}"
        ) {
            let expected = patterns.iter().any(|p| crate::action_matches(p, &action));
            prop_assert_eq!(PatternSet::new(&patterns).contains(&action), expected);
        }
    }
}
