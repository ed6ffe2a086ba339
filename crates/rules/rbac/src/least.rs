//! The least role that allows a set of operations: the smallest existing ones, and a custom role with just
//! those.
//!
//! "Small" is how many operations of the catalogue a role grants in all, whoever asked for them. Blocks under
//! a condition do not count: they grant only to some.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::{ActionPattern, CompiledRole, PermissionBlock, Plane, RoleDefinition};

/// Most roles that are named, each of which covers everything alone.
pub const MOST_ALONE: usize = 10;
/// Most roles in a combination.
const MOST_COMBINED: usize = 8;
/// Most roles among which the smallest two or three are searched for.
const CANDIDATES: usize = 96;
/// Of each wanted operation, the smallest roles that grant it are among the candidates: so many.
const CANDIDATES_EACH: usize = 4;

/// An operation of the catalogue, or one that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation<'a> {
    /// `Company.Provider/resourceType/verb`.
    pub action: &'a str,
    /// Which plane it is on.
    pub plane: Plane,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Least<'a> {
    /// Roles that cover everything alone, the smallest first; at most [`MOST_ALONE`].
    pub alone: Vec<Suggestion<'a>>,
    /// Roles that cover everything together, where that grants less than any single role.
    pub combined: Option<Suggestion<'a>>,
    /// The permissions of a custom role that grants just what was asked for.
    pub custom: PermissionBlock,
    /// What was asked for that is not in the catalogue.
    pub unknown: Vec<String>,
}

/// One role, or some, that cover everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion<'a> {
    /// The roles; each is needed.
    pub roles: Vec<&'a RoleDefinition>,
    /// How many operations they grant in all, of the catalogue and of those asked for.
    pub grants: usize,
}

/// Finds them among `roles`: those that may be assigned where it is needed. An operation that is asked for may
/// have a `*`; then it stands for all of the catalogue that it matches.
pub fn least<'a>(
    wanted: &[Operation<'_>],
    roles: impl IntoIterator<Item = &'a RoleDefinition>,
    catalogue: &[Operation<'_>],
) -> Least<'a> {
    let question = Question::new(wanted, catalogue);
    let mut found: Vec<Candidate<'a>> =
        roles.into_iter().filter_map(|role| Candidate::new(role, &question)).collect();
    found.sort_by_cached_key(|candidate| {
        let RoleDefinition { name, built_in, .. } = candidate.role;
        (candidate.grants, candidate.wildcards(), Reverse(*built_in), name.to_lowercase(), candidate.role.id)
    });
    let alone: Vec<Suggestion<'_>> = found
        .iter()
        .filter(|candidate| question.wanted.is_within(&candidate.granted))
        .map(|candidate| Suggestion { roles: vec![candidate.role], grants: candidate.grants })
        .take(MOST_ALONE)
        .collect();
    let combined = combined(&found, &question.wanted)
        .filter(|several| alone.first().is_none_or(|one| several.grants < one.grants));
    Least { alone, combined, custom: question.custom, unknown: question.unknown }
}

/// A set of operations, by their places in a [`Question`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Members(Vec<u64>);

impl Members {
    fn insert(&mut self, at: usize) {
        let word = at / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (at % 64);
        }
    }

    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn is_within(&self, other: &Members) -> bool {
        let words = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(words).all(|(own, other)| own & !other == 0)
    }

    fn join(&mut self, other: &Members) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own |= other;
        }
    }

    fn with(&self, other: &Members) -> Members {
        let mut both = self.clone();
        both.join(other);
        both
    }

    fn in_common(&self, other: &Members) -> usize {
        self.0.iter().zip(&other.0).map(|(own, other)| (own & other).count_ones() as usize).sum()
    }
}

/// All operations that count, and which of them are wanted.
struct Question<'a> {
    operations: Vec<Operation<'a>>,
    wanted: Members,
    custom: PermissionBlock,
    unknown: Vec<String>,
}

impl<'a> Question<'a> {
    fn new(wanted: &[Operation<'a>], catalogue: &[Operation<'a>]) -> Question<'a> {
        let mut operations: Vec<Operation<'a>> = Vec::new();
        let mut places: HashMap<(String, Plane), usize> = HashMap::new();
        for operation in catalogue {
            places.entry((operation.action.to_lowercase(), operation.plane)).or_insert_with(|| {
                operations.push(*operation);
                operations.len() - 1
            });
        }
        let mut question = Question {
            operations,
            wanted: Members::default(),
            custom: PermissionBlock::default(),
            unknown: Vec::new(),
        };
        for asked in wanted {
            let known = places.get(&(asked.action.to_lowercase(), asked.plane)).copied();
            let spelling = match known {
                Some(at) => {
                    question.wanted.insert(at);
                    question.operations.get(at).map_or(asked.action, |operation| operation.action)
                }
                None if asked.action.contains('*') => question.want_all(*asked),
                None => {
                    places.insert((asked.action.to_lowercase(), asked.plane), question.operations.len());
                    question.unknown.push(asked.action.to_owned());
                    question.wanted.insert(question.operations.len());
                    question.operations.push(*asked);
                    asked.action
                }
            };
            question.put_into_custom(spelling, asked.plane);
        }
        question
    }

    /// Wants each operation that a pattern matches.
    fn want_all(&mut self, asked: Operation<'a>) -> &'a str {
        let pattern = ActionPattern::compile(asked.action);
        let mut any = false;
        for (at, operation) in self.operations.iter().enumerate() {
            if operation.plane == asked.plane && pattern.matches(operation.action) {
                self.wanted.insert(at);
                any = true;
            }
        }
        if !any {
            self.unknown.push(asked.action.to_owned());
        }
        asked.action
    }

    fn put_into_custom(&mut self, action: &str, plane: Plane) {
        let list = match plane {
            Plane::Control => &mut self.custom.actions,
            Plane::Data => &mut self.custom.data_actions,
        };
        if !list.iter().any(|known| known.eq_ignore_ascii_case(action)) {
            list.push(action.to_owned());
            list.sort_by_cached_key(|action| action.to_lowercase());
        }
    }
}

/// A role that grants something of what is wanted.
struct Candidate<'a> {
    role: &'a RoleDefinition,
    granted: Members,
    grants: usize,
}

impl<'a> Candidate<'a> {
    fn new(role: &'a RoleDefinition, question: &Question<'_>) -> Option<Candidate<'a>> {
        let compiled = CompiledRole::new(role);
        let grants = |operation: &Operation<'_>| compiled.grants(operation.action, operation.plane);
        let operations = || question.operations.iter().enumerate();
        if !operations().any(|(at, operation)| question.wanted.has(at) && grants(operation)) {
            return None;
        }
        let mut granted = Members::default();
        for (at, operation) in operations() {
            if grants(operation) {
                granted.insert(at);
            }
        }
        Some(Candidate { role, grants: granted.len(), granted })
    }

    /// Patterns with a `*`: between two roles that grant as much, the one with more of them will grant more
    /// one day.
    fn wildcards(&self) -> usize {
        let blocks = self.role.permissions.iter();
        let patterns = blocks.flat_map(|block| block.actions.iter().chain(&block.data_actions));
        patterns.filter(|pattern| pattern.contains('*')).count()
    }
}

/// The roles, two or more, that cover everything and grant least. Two and three are searched for among the
/// likeliest candidates; where it takes more, the next one is always that which adds least.
fn combined<'a>(found: &[Candidate<'a>], wanted: &Members) -> Option<Suggestion<'a>> {
    let likely = likely(found, wanted);
    let mut best: Option<Suggestion<'a>> = None;
    let mut offer = |roles: &[&Candidate<'a>], granted: &Members| {
        let grants = granted.len();
        let is_better =
            best.as_ref().is_none_or(|best| (grants, roles.len()) < (best.grants, best.roles.len()));
        if is_better && wanted.is_within(granted) {
            best = Some(Suggestion { roles: roles.iter().map(|candidate| candidate.role).collect(), grants });
        }
    };
    for (n, first) in likely.iter().enumerate() {
        let others = likely.get(n + 1..).unwrap_or(&[]);
        for (m, second) in others.iter().enumerate() {
            let two = first.granted.with(&second.granted);
            offer(&[first, second], &two);
            for third in others.get(m + 1..).unwrap_or(&[]) {
                offer(&[first, second, third], &two.with(&third.granted));
            }
        }
    }
    best.or_else(|| greedy(found, wanted)).filter(|suggestion| suggestion.roles.len() > 1)
}

/// The candidates among which combinations are searched for, of `found` in the order of their size.
fn likely<'f, 'a>(found: &'f [Candidate<'a>], wanted: &Members) -> Vec<&'f Candidate<'a>> {
    let mut taken = Members::default();
    for at in (0..wanted.0.len() * 64).filter(|at| wanted.has(*at)) {
        let granting = found.iter().enumerate().filter(|(_, candidate)| candidate.granted.has(at));
        granting.take(CANDIDATES_EACH).for_each(|(n, _)| taken.insert(n));
    }
    let mut by_cover: Vec<usize> = (0..found.len()).collect();
    by_cover.sort_by_key(|n| Reverse(found.get(*n).map_or(0, |one| one.granted.in_common(wanted))));
    by_cover.into_iter().take(CANDIDATES / 2).for_each(|n| taken.insert(n));
    let chosen = found.iter().enumerate().filter(|(n, _)| taken.has(*n));
    chosen.map(|(_, candidate)| candidate).take(CANDIDATES).collect()
}

fn greedy<'a>(found: &[Candidate<'a>], wanted: &Members) -> Option<Suggestion<'a>> {
    let mut granted = Members::default();
    let mut roles: Vec<&Candidate<'a>> = Vec::new();
    while !wanted.is_within(&granted) {
        let covered = granted.in_common(wanted);
        let adding = found.iter().filter_map(|candidate| {
            let both = granted.with(&candidate.granted);
            let new = both.in_common(wanted).checked_sub(covered).filter(|new| *new > 0)?;
            // Least of what is not wanted for each that is; in thousandths, for whole numbers compare.
            Some(((both.len() - granted.len()) * 1000 / new, candidate))
        });
        let (_, next) = adding.min_by_key(|(cost, _)| *cost)?;
        if roles.len() == MOST_COMBINED {
            return None;
        }
        granted.join(&next.granted);
        roles.push(next);
    }
    drop_needless(&mut roles, wanted);
    let all = roles.iter().fold(Members::default(), |all, candidate| all.with(&candidate.granted));
    Some(Suggestion { roles: roles.iter().map(|candidate| candidate.role).collect(), grants: all.len() })
}

/// Drops each role without which the others still cover everything, the largest first.
fn drop_needless(roles: &mut Vec<&Candidate<'_>>, wanted: &Members) {
    roles.sort_by_key(|candidate| Reverse(candidate.grants));
    let mut at = 0;
    while at < roles.len() {
        let others = roles.iter().enumerate().filter(|(n, _)| *n != at);
        let rest = others.fold(Members::default(), |all, (_, candidate)| all.with(&candidate.granted));
        if wanted.is_within(&rest) {
            roles.remove(at);
        } else {
            at += 1;
        }
    }
}

#[cfg(test)]
#[path = "least_tests.rs"]
mod tests;
