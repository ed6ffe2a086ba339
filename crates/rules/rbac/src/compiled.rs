//! Roles made ready to be asked often.

use std::ops::ControlFlow;

use gatepost_names::RoleDefinitionId;

use crate::action::{Action, end_of, mark_of};
use crate::condition::{Attributes, Condition, Truth};
use crate::index::{Mark, Marked, Tags, last_word};
use crate::{ActionPattern, PermissionBlock, Plane, RoleDefinition};

/// A role compiled from its definition. It answers for an action without allocating.
#[derive(Clone, Debug)]
pub struct CompiledRole {
    id: RoleDefinitionId,
    name: Box<str>,
    blocks: Box<[Block]>,
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    control: Effective,
    data: Effective,
    condition: Option<Condition>,
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
    /// It grants it in a block that carries a condition, under that condition.
    Conditioned,
    /// Its actions match, but its not-actions take it away.
    Excluded,
    /// It has it on the other plane only.
    OtherPlane,
    /// Nothing in it matches.
    Absent,
}

impl CompiledRole {
    /// Compiles a definition. A condition that cannot be read is never true.
    pub fn new(definition: &RoleDefinition) -> CompiledRole {
        let condition = |text: &str| Some(Condition::parse_builtin(text));
        CompiledRole {
            id: definition.id,
            name: definition.name.as_str().into(),
            blocks: definition.permissions.iter().map(|block| Block::new(block, condition)).collect(),
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
        let grants = |action: &Action<'_>| {
            self.blocks.iter().any(|block| block.condition.is_none() && block.matches(action, plane))
        };
        Action::new(action).as_ref().is_some_and(grants)
    }

    /// What it says to `action`, for explanations; the best of its blocks.
    pub fn coverage(&self, action: &str, plane: Plane) -> Coverage {
        let Some(prepared) = Action::new(action) else { return Coverage::Absent };
        let any = |question: &dyn Fn(&Block) -> bool| self.blocks.iter().any(question);
        if any(&|block| block.condition.is_none() && block.matches(&prepared, plane)) {
            Coverage::Granted
        } else if any(&|block| block.matches(&prepared, plane)) {
            Coverage::Conditioned
        } else if any(&|block| block.on(plane).granted.contains(&prepared)) {
            Coverage::Excluded
        } else if self.grants(action, plane.other()) {
            Coverage::OtherPlane
        } else {
            Coverage::Absent
        }
    }

    /// The conditions of the blocks that grant `action` on `plane`.
    pub fn conditions_on(&self, action: &str, plane: Plane) -> Vec<&Condition> {
        let Some(action) = Action::new(action) else { return Vec::new() };
        let granting = self.blocks.iter().filter(|block| block.matches(&action, plane));
        granting.filter_map(|block| block.condition.as_ref()).collect()
    }

    /// What the blocks that grant the action come to; nothing if none does.
    pub(crate) fn truth(
        &self,
        action: &Action<'_>,
        plane: Plane,
        attributes: &dyn Attributes,
    ) -> Option<Truth> {
        truth_of(&self.blocks, action, plane, attributes)
    }
}

/// The best that those blocks come to which match the action; nothing if none does.
pub(crate) fn truth_of(
    blocks: &[Block],
    action: &Action<'_>,
    plane: Plane,
    attributes: &dyn Attributes,
) -> Option<Truth> {
    let mut best = None;
    for block in blocks.iter().filter(|block| block.matches(action, plane)) {
        let truth = match &block.condition {
            Some(condition) => condition.evaluate(action.text(), attributes),
            None => Truth::True,
        };
        match truth {
            Truth::True => return Some(Truth::True),
            Truth::Unknown => best = Some(Truth::Unknown),
            Truth::False => best = best.or(Some(Truth::False)),
        }
    }
    best
}

impl Block {
    /// `read` reads the condition; where it answers nothing the block has none.
    pub(crate) fn new(block: &PermissionBlock, read: impl Fn(&str) -> Option<Condition>) -> Block {
        Block {
            control: Effective::new(block, Plane::Control),
            data: Effective::new(block, Plane::Data),
            condition: block.condition.as_deref().and_then(read),
        }
    }

    fn matches(&self, action: &Action<'_>, plane: Plane) -> bool {
        self.on(plane).contains(action)
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

    fn contains(&self, action: &Action<'_>) -> bool {
        self.granted.contains(action) && !self.excluded.contains(action)
    }
}

/// A set of action patterns: those without `*` are looked up, the few others are tried in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternSet {
    tags: Tags,
    /// Sorted by marks.
    exact: Box<[Exact]>,
    wildcards: Box<[Wildcard]>,
}

/// A pattern with `*`, and two words that rule most actions out: what stands before its first `*` ends with
/// `head`, and what stands after its last one with `tail`.
#[derive(Clone, Debug)]
struct Wildcard {
    head: Word,
    head_at: u8,
    tail: Word,
    pattern: ActionPattern,
}

/// Up to eight bytes, and a mask of those.
#[derive(Clone, Copy, Debug)]
struct Word {
    bytes: u64,
    mask: u64,
}

impl Word {
    fn of(bytes: u64, count: usize, shift: u32) -> Word {
        let mask = match count {
            0 => 0,
            1..8 => ((1 << (8 * count)) - 1) << shift,
            _ => u64::MAX,
        };
        Word { bytes: bytes & mask, mask }
    }

    fn is_in(self, word: u64) -> bool {
        word & self.mask == self.bytes
    }
}

impl Wildcard {
    fn new(pattern: ActionPattern) -> Wildcard {
        let (head, tail) = (pattern.head().as_bytes(), pattern.tail().as_bytes());
        // The last eight bytes of the head, at their place; all of it, if it has no more. No action is as long
        // as a head that goes beyond the places that a byte counts.
        let place = u8::try_from(head.len().saturating_sub(8)).unwrap_or(u8::MAX);
        let bytes = last_word(head.get(head.len().saturating_sub(8)..).unwrap_or(&[]));
        let tail_shift = 8 * (8 - tail.len().min(8)) as u32;
        let tail = Word::of(end_of(tail), tail.len(), tail_shift);
        Wildcard { head: Word::of(bytes, head.len(), 0), head_at: place, tail, pattern }
    }

    fn matches(&self, action: &Action<'_>) -> bool {
        self.head.is_in(action.word_at(self.head_at))
            && self.tail.is_in(action.end())
            && self.pattern.matches_lower(action.lower())
    }
}

/// An action without `*`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Exact {
    mark: Mark,
    lower: Box<str>,
}

impl Marked for Exact {
    fn mark(&self) -> Mark {
        self.mark
    }
}

impl PatternSet {
    pub(crate) fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> PatternSet {
        let (mut exact, mut wildcards) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match ActionPattern::compile(pattern.as_ref()).into_exact() {
                Ok(lower) => exact.push(Exact { mark: mark_of(lower.as_bytes()), lower }),
                Err(pattern) => wildcards.push(Wildcard::new(pattern)),
            }
        }
        exact.sort_unstable();
        exact.dedup();
        PatternSet { tags: Tags::of(&exact), exact: exact.into(), wildcards: wildcards.into() }
    }

    pub(crate) fn contains(&self, action: &Action<'_>) -> bool {
        self.contains_exact(action) || self.wildcards.iter().any(|wildcard| wildcard.matches(action))
    }

    /// Whether `action` itself is in the set; wildcards do not count.
    pub(crate) fn contains_exact(&self, action: &Action<'_>) -> bool {
        let places = self.tags.places(action.mark());
        let is_it = |exact: &Exact| match exact.lower.as_bytes() == action.lower() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        !places.is_empty() && places.each_in(&self.exact, action.mark(), is_it).is_break()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::NoAttributes;
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
    fn a_block_that_cannot_be_read_grants_nothing() {
        let conditioned = PermissionBlock { condition: Some("what?".to_owned()), ..block(&["*"], &[]) };
        let role = role(vec![conditioned, block(&["A.B/c/read"], &[])]);
        assert!(role.grants("A.B/c/read", Plane::Control));
        assert_eq!(role.coverage("A.B/c/write", Plane::Control), Coverage::Conditioned);
        let write = Action::new("A.B/c/write").unwrap();
        assert_eq!(role.truth(&write, Plane::Control, &NoAttributes), Some(Truth::False));
        assert_eq!(role.truth(&write, Plane::Data, &NoAttributes), None);
        assert_eq!(role.conditions_on("A.B/c/write", Plane::Control).len(), 1);
    }

    proptest! {
        #[test]
        fn a_set_matches_when_one_of_its_patterns_does(
            patterns in prop::collection::vec("[aB/]{0,3}\\*?[Ab/]{0,3}", 0..12), action in "[AbB/]{0,6}"
        ) {
            let expected = patterns.iter().any(|p| crate::action_matches(p, &action));
            let prepared = Action::new(&action).unwrap();
            prop_assert_eq!(PatternSet::new(&patterns).contains(&prepared), expected);
        }
    }
}
