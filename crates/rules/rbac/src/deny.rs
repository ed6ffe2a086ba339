//! Deny assignments (reference rbac.md sections 3 and 10).

use std::sync::Arc;

use gatepost_names::{ObjectId, Scope};
use uuid::Uuid;

use crate::action::Action;
use crate::compiled::{Block, truth_of};
use crate::condition::{Attributes, Condition, Truth};
use crate::index::{Mark, Seed};
use crate::path::Path;
use crate::{PermissionBlock, Plane};

/// A deny assignment: it takes away what roles grant.
#[derive(Clone, Debug, PartialEq)]
pub struct DenyAssignment {
    /// The GUID that names it.
    pub id: Uuid,
    /// Its display name.
    pub name: String,
    /// Where.
    pub scope: Arc<Scope>,
    /// What it denies: in each block the actions without the not-actions.
    pub permissions: Vec<PermissionBlock>,
    /// Whom it stops.
    pub principals: DeniedPrincipals,
    /// Whom it does not stop: principals that are, or are in, one of these.
    pub excluded: Vec<ObjectId>,
    /// Whether it stops at the scope itself and lets those below alone.
    pub not_for_children: bool,
    /// Whether it is enforced.
    pub effect: DenyEffect,
    /// When it denies; always, if nothing is said.
    pub condition: Option<Arc<Condition>>,
}

/// Whom a deny assignment stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeniedPrincipals {
    /// All.
    Everyone,
    /// Those who are, or are in, one of these.
    These(Vec<ObjectId>),
}

/// What a deny assignment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyEffect {
    /// It denies.
    Enforced,
    /// It only shows what it would deny.
    Audit,
}

/// All deny assignments of a tenant. A clone shares them; a change copies the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denies {
    /// INVARIANT: sorted by marks.
    list: Arc<Vec<Arc<CompiledDeny>>>,
}

#[derive(Debug)]
struct CompiledDeny {
    mark: Mark,
    deny: DenyAssignment,
    blocks: Box<[Block]>,
}

impl Denies {
    pub(crate) fn put(&mut self, seed: Seed, deny: &DenyAssignment) {
        self.remove(deny.id);
        // A condition that cannot be read must not open what the deny assignment closes: without it the
        // block denies always.
        let read = |text: &str| Condition::parse(text).ok();
        let mut deny = deny.clone();
        deny.excluded.sort_unstable();
        if let DeniedPrincipals::These(these) = &mut deny.principals {
            these.sort_unstable();
        }
        let compiled = CompiledDeny {
            mark: Mark::of(seed.text(deny.scope.key().as_bytes())),
            blocks: deny.permissions.iter().map(|block| Block::new(block, read)).collect(),
            deny,
        };
        let list = Arc::make_mut(&mut self.list);
        let at = list.partition_point(|other| other.mark < compiled.mark);
        list.insert(at, Arc::new(compiled));
    }

    pub(crate) fn remove(&mut self, id: Uuid) {
        if let Some(at) = self.list.iter().position(|other| other.deny.id == id) {
            Arc::make_mut(&mut self.list).remove(at);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DenyAssignment> {
        self.list.iter().map(|compiled| &compiled.deny)
    }

    /// Those that reach a scope, at it or above it, the outermost scope's first.
    fn above<'a>(&'a self, scope: &Scope, path: &Path<'_>) -> impl Iterator<Item = &'a CompiledDeny> {
        path.marks().iter().enumerate().flat_map(move |(place, mark)| {
            let from = self.list.partition_point(|deny| deny.mark < *mark);
            let same = self.list.get(from..).unwrap_or(&[]).iter().take_while(|deny| deny.mark == *mark);
            same.map(Arc::as_ref).filter(move |CompiledDeny { deny, .. }| {
                path.is_at(place, &deny.scope) && (!deny.not_for_children || *deny.scope == *scope)
            })
        })
    }

    /// Those at a scope and above it that reach it, whomever they stop.
    pub(crate) fn reaching(&self, scope: &Scope, path: &Path<'_>) -> Vec<&DenyAssignment> {
        self.above(scope, path).map(|compiled| &compiled.deny).collect()
    }

    /// The enforced one that stops the action, and whether for certain; one that does for certain goes before
    /// one that may.
    pub(crate) fn stopping(
        &self,
        scope: &Scope,
        path: &Path<'_>,
        action: &Action<'_>,
        plane: Plane,
        attributes: &dyn Attributes,
        is_one_of: &dyn Fn(&[ObjectId]) -> bool,
    ) -> Option<(&DenyAssignment, Truth)> {
        let mut perhaps = None;
        for CompiledDeny { deny, blocks, .. } in self.above(scope, path) {
            if deny.effect != DenyEffect::Enforced || !deny.stops(is_one_of) {
                continue;
            }
            match deny.truth(blocks, action, plane, attributes) {
                Truth::True => return Some((deny, Truth::True)),
                Truth::Unknown => perhaps = perhaps.or(Some((deny, Truth::Unknown))),
                Truth::False => {}
            }
        }
        perhaps
    }
}

impl DenyAssignment {
    /// Whether it stops a principal, given what tells whether that is, or is in, one of a sorted list.
    fn stops(&self, is_one_of: &dyn Fn(&[ObjectId]) -> bool) -> bool {
        let meant = match &self.principals {
            DeniedPrincipals::Everyone => true,
            DeniedPrincipals::These(these) => is_one_of(these),
        };
        meant && (self.excluded.is_empty() || !is_one_of(&self.excluded))
    }

    fn truth(
        &self,
        blocks: &[Block],
        action: &Action<'_>,
        plane: Plane,
        attributes: &dyn Attributes,
    ) -> Truth {
        let Some(matched) = truth_of(blocks, action, plane, attributes) else { return Truth::False };
        let condition = match &self.condition {
            Some(condition) => condition.evaluate(action.text(), attributes),
            None => Truth::True,
        };
        both(matched, condition)
    }
}

/// Three-valued "and".
pub(crate) fn both(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Truth::False, _) | (_, Truth::False) => Truth::False,
        (Truth::True, Truth::True) => Truth::True,
        _ => Truth::Unknown,
    }
}
