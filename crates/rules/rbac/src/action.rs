//! The action of a question, made ready once for all the roles that it is put to.

use crate::index::{Mark, Seed, last_word};
use crate::path::slashes_in;
use crate::{Plane, RoleDefinition};

/// Most bytes of an action. The longest that Azure has takes 139.
pub const MAX_ACTION: usize = 256;

/// The same for all snapshots: compiled built-in roles are shared between them.
const SEED: Seed = Seed::new(0x6761_7465_706f_7374);

/// An action in lower case, with its mark.
pub(crate) struct Action<'a> {
    text: &'a str,
    /// Zeros follow, so that a word can be read from any place.
    lower: [u8; MAX_ACTION + 8],
    /// The last eight bytes.
    end: u64,
    mark: Mark,
    hint: Hint,
}

impl<'a> Action<'a> {
    /// An action that is not read yet.
    #[inline]
    pub(crate) fn of(text: &'a str) -> Action<'a> {
        Action { text, lower: [0; MAX_ACTION + 8], end: 0, mark: Mark(0), hint: Hint::default() }
    }

    /// As [`Action::of`] and [`Action::read`].
    pub(crate) fn new(text: &'a str) -> Option<Action<'a>> {
        let mut action = Action::of(text);
        action.read()?;
        Some(action)
    }

    /// Reads the text. Nothing if it is longer than any action.
    pub(crate) fn read(&mut self) -> Option<()> {
        if self.text.len() > MAX_ACTION {
            return None;
        }
        let lower = self.lower.get_mut(..self.text.len())?;
        lower.copy_from_slice(self.text.as_bytes());
        lower.make_ascii_lowercase();
        (self.end, self.mark) = (end_of(lower), mark_of(lower));
        self.hint = Hint::asked(lower, self.mark);
        Some(())
    }

    /// As it was asked.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// In lower case.
    pub(crate) fn lower(&self) -> &[u8] {
        self.lower.get(..self.text.len()).unwrap_or(&[])
    }

    /// The eight bytes at a place; zeros beyond the end.
    pub(crate) fn word_at(&self, place: u8) -> u64 {
        let word = self.lower.get(usize::from(place)..).and_then(|rest| rest.first_chunk());
        word.map_or(0, |word| u64::from_le_bytes(*word))
    }

    /// The last eight bytes, as [`end_of`] gives them.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn hint(&self) -> Hint {
        self.hint
    }
}

/// What an action and a role have in common at least, if the role grants it: one bit of the 64 in one of these.
/// So most roles are ruled out without being looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint {
    /// By the action as a whole. All bits, for a role that may grant anything.
    exact: u64,
    /// By the first segment: for patterns that name it before their `*`.
    provider: u64,
    /// By the last segment: for patterns that name it after their `*`.
    verb: u64,
}

impl Hint {
    /// Of an action in lower case.
    fn asked(lower: &[u8], mark: Mark) -> Hint {
        Hint { exact: bit(mark), provider: bit_of(first_segment(lower)), verb: bit_of(last_segment(lower)) }
    }

    /// Of a role, on the control and on the data plane.
    pub(crate) fn of(role: &RoleDefinition) -> [Hint; 2] {
        [Plane::Control, Plane::Data].map(|plane| {
            let mut hint = Hint::default();
            for pattern in role.permissions.iter().flat_map(|block| block.on(plane).0) {
                hint.add(&pattern.to_ascii_lowercase());
            }
            hint
        })
    }

    fn add(&mut self, pattern: &str) {
        match (pattern.split_once('*'), pattern.rsplit_once('*')) {
            (Some((head, _)), _) if head.contains('/') => {
                self.provider |= bit_of(first_segment(head.as_bytes()))
            }
            (_, Some((_, tail))) if tail.contains('/') => self.verb |= bit_of(last_segment(tail.as_bytes())),
            (Some(_), _) => self.exact = u64::MAX,
            (None, _) => self.exact |= bit(mark_of(pattern.as_bytes())),
        }
    }

    /// Whether a role of this hint may grant an action of that.
    #[inline]
    pub(crate) fn may_grant(&self, asked: Hint) -> bool {
        (self.exact & asked.exact) | (self.provider & asked.provider) | (self.verb & asked.verb) != 0
    }
}

fn bit(mark: Mark) -> u64 {
    1 << (mark.0 % 64)
}

fn bit_of(segment: &[u8]) -> u64 {
    bit(mark_of(segment))
}

fn first_segment(text: &[u8]) -> &[u8] {
    let (words, rest) = text.as_chunks::<8>();
    let mut before = 0_usize;
    for word in words {
        let slashes = slashes_in(u64::from_le_bytes(*word));
        if slashes != 0 {
            return text.get(..before.wrapping_add(slashes.trailing_zeros() as usize / 8)).unwrap_or(text);
        }
        before = before.wrapping_add(8);
    }
    // Without a slash there are 64 zeros: that is beyond the end, as the rest is shorter than a word.
    let slashes = slashes_in(last_word(rest));
    text.get(..before.wrapping_add(slashes.trailing_zeros() as usize / 8)).unwrap_or(text)
}

fn last_segment(text: &[u8]) -> &[u8] {
    let start = text.iter().rposition(|byte| *byte == b'/');
    start.and_then(|start| text.get(start + 1..)).unwrap_or(text)
}

/// The last eight bytes of a text, the last of all highest; zeros where there are none.
pub(crate) fn end_of(text: &[u8]) -> u64 {
    match text.last_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(text) << (8 * (8 - text.len() as u32) % 64),
    }
}

/// The mark of an action in lower case.
pub(crate) fn mark_of(lower: &[u8]) -> Mark {
    Mark::of(SEED.text(lower))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompiledRole, PermissionBlock};
    use gatepost_names::{RoleDefinitionId, Scope};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_hint_never_rules_out_what_a_role_grants(
            patterns in prop::collection::vec("[aB/]{0,4}\\*?[Ab/]{0,4}\\*?[b/]{0,2}", 0..4), asked in "[AbB/]{0,8}"
        ) {
            let role = RoleDefinition {
                id: RoleDefinitionId(uuid::Uuid::from_u128(1)),
                name: String::new(),
                description: String::new(),
                built_in: false,
                permissions: vec![PermissionBlock { actions: patterns, ..PermissionBlock::default() }],
                assignable_scopes: vec![Scope::root()],
            };
            let action = Action::new(&asked).unwrap();
            let granted = CompiledRole::new(&role).grants(&asked, Plane::Control);
            prop_assert!(!granted || Hint::of(&role)[0].may_grant(action.hint()));
        }
    }
}
