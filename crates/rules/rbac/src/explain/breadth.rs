//! How much each role grants in all: what makes one role smaller than another.

use std::collections::HashMap;

use gatepost_names::{RoleDefinitionId, Scope};

use super::is_assignable;
use crate::least::Operation;
use crate::{ActionPattern, PermissionBlock, Plane, RoleDefinition, builtin};

/// The built-in roles, the smallest first, each with how many operations of a catalogue it grants without a
/// condition. Made once for a catalogue; it takes a fraction of a second.
#[derive(Clone, Debug)]
pub struct Breadth {
    roles: Vec<(RoleDefinitionId, usize)>,
}

impl Breadth {
    /// Counts.
    pub fn of(catalogue: &[Operation<'_>]) -> Breadth {
        let mut count = Count::new(catalogue);
        let roles = builtin::roles().iter().map(|role| (count.of(role), wildcards(role), role));
        let mut roles: Vec<(usize, usize, &RoleDefinition)> = roles.collect();
        // Between two that grant as much, the one with more wildcards will grant more one day.
        roles.sort_by_cached_key(|(grants, wildcards, role)| {
            (*grants, *wildcards, role.name.to_lowercase(), role.id)
        });
        Breadth { roles: roles.into_iter().map(|(grants, _, role)| (role.id, grants)).collect() }
    }

    /// The smallest built-in roles that grant an action and may be assigned at a scope, with what they grant in
    /// all; at most `most`. `above` is the scope and all above it.
    pub fn smallest(
        &self,
        action: &str,
        plane: Plane,
        above: &[Scope],
        most: usize,
    ) -> Vec<(&'static RoleDefinition, usize)> {
        let granting = self.roles.iter().filter_map(|(id, grants)| {
            let role = builtin::role(*id).filter(|role| is_assignable(&role.assignable_scopes, above))?;
            builtin::compiled(*id)?.grants(action, plane).then_some((role, *grants))
        });
        granting.take(most).collect()
    }
}

/// How many operations of a catalogue a role grants without a condition.
pub fn breadth(role: &RoleDefinition, catalogue: &[Operation<'_>]) -> usize {
    Count::new(catalogue).of(role)
}

fn wildcards(role: &RoleDefinition) -> usize {
    let patterns = role.permissions.iter().flat_map(|block| block.actions.iter().chain(&block.data_actions));
    patterns.filter(|pattern| pattern.contains('*')).count()
}

/// Counts operations, remembering what each pattern matches: many roles have the same ones.
struct Count<'a> {
    catalogue: &'a [Operation<'a>],
    places: HashMap<(Plane, String), usize>,
    matched: HashMap<(Plane, String), Bits>,
}

/// A set of operations, by their places in the catalogue.
type Bits = Vec<u64>;

impl<'a> Count<'a> {
    fn new(catalogue: &'a [Operation<'a>]) -> Count<'a> {
        let place =
            |(n, operation): (usize, &Operation<'_>)| ((operation.plane, operation.action.to_lowercase()), n);
        Count {
            catalogue,
            places: catalogue.iter().enumerate().map(place).collect(),
            matched: HashMap::new(),
        }
    }

    fn of(&mut self, role: &RoleDefinition) -> usize {
        let mut all = self.none();
        for block in role.permissions.iter().filter(|block| block.condition.is_none()) {
            for plane in [Plane::Control, Plane::Data] {
                let granted = self.granted(block, plane);
                all.iter_mut().zip(granted).for_each(|(all, granted)| *all |= granted);
            }
        }
        all.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn granted(&mut self, block: &PermissionBlock, plane: Plane) -> Bits {
        let (granted, excluded) = block.on(plane);
        let mut bits = self.any(granted, plane);
        if !excluded.is_empty() {
            let excluded = self.any(excluded, plane);
            bits.iter_mut().zip(excluded).for_each(|(bits, excluded)| *bits &= !excluded);
        }
        bits
    }

    /// What one of some patterns matches.
    fn any(&mut self, patterns: &[String], plane: Plane) -> Bits {
        let mut any = self.none();
        for pattern in patterns {
            let key = (plane, pattern.to_lowercase());
            if !pattern.contains('*') {
                self.places.get(&key).into_iter().for_each(|place| set(&mut any, *place));
                continue;
            }
            let (catalogue, none) = (self.catalogue, self.none());
            let matched = self.matched.entry(key).or_insert_with(|| matched(catalogue, plane, pattern, none));
            any.iter_mut().zip(matched.iter()).for_each(|(any, matched)| *any |= *matched);
        }
        any
    }

    fn none(&self) -> Bits {
        vec![0; self.catalogue.len().div_ceil(64)]
    }
}

fn matched(catalogue: &[Operation<'_>], plane: Plane, pattern: &str, mut bits: Bits) -> Bits {
    let pattern = ActionPattern::compile(pattern);
    for (n, operation) in catalogue.iter().enumerate() {
        if operation.plane == plane && pattern.matches(operation.action) {
            set(&mut bits, n);
        }
    }
    bits
}

fn set(bits: &mut Bits, place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}
