//! Questions other than decisions: who holds what, who is in what, what lies above what.

use std::collections::HashSet;
use std::ops::ControlFlow;

use gatepost_names::{ObjectId, RoleDefinitionId, Scope, SubscriptionId};

use crate::index::{Mark, NO_SLOT};
use crate::path::Path;
use crate::principals::{Principal, Row};
use crate::{CompiledRole, DenyAssignment, Held, Lock, LockedOperation, Snapshot};

impl Snapshot {
    /// The groups that a principal is in, at any depth.
    pub fn groups_of(&self, principal: ObjectId) -> Vec<ObjectId> {
        self.principals.groups_of(principal)
    }

    /// The members of a group, at any depth; groups are among them.
    pub fn members_of(&self, group: ObjectId) -> Vec<ObjectId> {
        self.principals.members_of(group)
    }

    /// The groups that a principal is in directly.
    pub fn direct_groups_of(&self, principal: ObjectId) -> Vec<ObjectId> {
        self.principals.direct_groups_of(principal)
    }

    /// Every assignment of everybody, in no order.
    pub(crate) fn all_held(&self) -> impl Iterator<Item = Held<'_>> {
        let everybody = self.principals.iter();
        everybody.flat_map(move |(id, own)| own.rows().iter().filter_map(move |row| self.held(id, row)))
    }

    /// Every deny assignment.
    pub(crate) fn all_denies(&self) -> impl Iterator<Item = &DenyAssignment> {
        self.denies.iter()
    }

    /// Whether a scope is another or contains it, management groups included.
    pub(crate) fn is_above(&self, upper: &Scope, lower: &Scope) -> bool {
        upper.contains(lower)
            || Path::new(lower, &self.hierarchies)
                .is_some_and(|path| path.levels().iter().any(|level| level.scope.as_ref() == upper))
    }

    /// A scope and all above it, nearest first: by the text, then management groups, then `/`.
    pub fn ancestors_of(&self, scope: &Scope) -> Vec<Scope> {
        let Some(path) = Path::new(scope, &self.hierarchies) else { return vec![scope.clone()] };
        let mut scopes = path.scopes(scope);
        scopes.extend(path.levels().iter().map(|level| level.scope.as_ref().clone()));
        scopes.push(Scope::root());
        scopes
    }

    /// A role that is defined: a custom one, or a built-in one that is assigned to somebody.
    pub fn role(&self, id: RoleDefinitionId) -> Option<&CompiledRole> {
        self.roles.find(id)
    }

    /// The assignments of a principal itself, wherever they are.
    pub fn assignments_of(&self, principal: ObjectId) -> impl Iterator<Item = Held<'_>> {
        let rows = self.principals.get(principal).map_or(&[] as &[Row], Principal::rows);
        rows.iter().filter_map(move |row| self.held(principal, row))
    }

    /// The assignments that grant something to a principal or its groups at a scope now, whatever their roles
    /// grant. Those with a condition are among them; those of roles that do not exist are not.
    pub fn grants_at(&self, principal: ObjectId, scope: &Scope, now: i64) -> Vec<Held<'_>> {
        let mut grants = Vec::new();
        let Some(path) = Path::new(scope, &self.hierarchies) else { return grants };
        let mut met = HashSet::new();
        let _all: ControlFlow<()> = self.principals.each(principal, |id, principal| {
            if met.insert(id) {
                let held = self.held_on(&path, id, principal);
                grants.extend(held.filter(|held| held.definition.is_some() && held.is_current(now)));
            }
            ControlFlow::Continue(())
        });
        grants
    }

    /// All assignments at a scope and above it, whoever has them, whether they grant now or not.
    pub fn holders_at(&self, scope: &Scope) -> impl Iterator<Item = Held<'_>> {
        let path = Path::new(scope, &self.hierarchies);
        let mut held = Vec::new();
        if let Some(path) = path {
            for (id, principal) in self.principals.iter() {
                if principal.tags().may_hold(path.marks_met_by(principal.homes()).1) {
                    held.extend(self.held_on(&path, id, principal));
                }
            }
        }
        held.into_iter()
    }

    /// Whether a principal has any role in a subscription, at any depth, or above it, now. One under a
    /// condition counts.
    pub fn reaches_subscription(&self, principal: ObjectId, subscription: SubscriptionId, now: i64) -> bool {
        let scope = Scope::subscription(subscription);
        let mark = self.scopes.mark_of(&scope);
        let grants = |held: &Held<'_>| held.definition.is_some() && held.is_current(now);
        let is_below = |id: ObjectId, row: &Row| {
            self.scopes.may_lie_in(row.scope, mark)
                && self.held(id, row).is_some_and(|held| scope.contains(held.scope) && grants(&held))
        };
        let below = self.principals.each(principal, |id, principal| {
            match principal.rows().iter().any(|row| is_below(id, row)) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        below.is_break() || !self.grants_at(principal, &scope, now).is_empty()
    }

    /// The deny assignments that reach a scope, at it or above it, whomever they stop.
    pub fn denies_at(&self, scope: &Scope) -> Vec<&DenyAssignment> {
        match Path::new(scope, &self.hierarchies) {
            Some(path) if !self.denies.is_empty() => self.denies.reaching(scope, &path),
            _ => Vec::new(),
        }
    }

    /// The locks that stop an operation at a scope: at it and above it, and to delete it those below it.
    pub fn locks_against(&self, scope: &Scope, operation: LockedOperation) -> Vec<&Lock> {
        if self.locks.is_empty() {
            return Vec::new();
        }
        self.locks.against(self.ancestors_of(scope).into_iter(), scope, operation)
    }

    /// What a principal itself has on a path, outermost first.
    fn held_on<'a>(
        &'a self,
        path: &Path<'_>,
        id: ObjectId,
        principal: &'a Principal,
    ) -> impl Iterator<Item = Held<'a>> {
        path.marks().iter().enumerate().flat_map(move |(place, mark): (usize, &Mark)| {
            let rows = principal.tags().find(principal.rows(), *mark);
            let held = rows.into_iter().filter_map(move |row| self.held(id, row));
            held.filter(move |held| path.is_at(place, held.scope))
        })
    }

    /// An assignment in full.
    pub(crate) fn held(&self, principal: ObjectId, row: &Row) -> Option<Held<'_>> {
        let terms = match row.terms {
            NO_SLOT => None,
            slot => Some(self.terms.get(slot)?),
        };
        Some(Held {
            assignment: row.name,
            principal,
            scope: self.scopes.get(row.scope)?,
            role: self.roles.id(row.role)?,
            definition: self.roles.get(row.role),
            condition: terms.and_then(|terms| terms.condition.as_deref()),
            starts: terms.and_then(|terms| terms.starts),
            ends: terms.and_then(|terms| terms.ends),
        })
    }
}
