//! What a change would change: the same questions, put to the world as it is and to a copy with the change.

use std::collections::{BTreeMap, BTreeSet};

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};
use uuid::Uuid;

use crate::condition::Attributes;
use crate::least::Operation;
use crate::{
    Assignment, CompiledRole, Coverage, Cycle, Decision, DeniedPrincipals, DenyAssignment, Held,
    PermissionBlock, Plane, Question, RoleDefinition, Snapshot, action_matches,
};

/// Most decisions that are made for an answer: it takes about a second.
const MOST_DECISIONS: usize = 1_000_000;
/// Most principals, each at one scope, whose rights are compared.
const MOST_PLACES: usize = 10_000;
/// Most effects that are shown.
const MOST_EFFECTS: usize = 1_000;

/// A change that is not made.
#[derive(Clone, Debug)]
pub enum Hypothesis {
    /// An assignment is made, or put in the place of the one of this name.
    PutAssignment(Assignment),
    /// An assignment is deleted.
    RemoveAssignment(ObjectId, RoleAssignmentName),
    /// A custom role is made or changed.
    PutRole(RoleDefinition),
    /// A custom role is deleted.
    RemoveRole(RoleDefinitionId),
    /// A principal becomes a member of a group: the group first.
    PutMember(ObjectId, ObjectId),
    /// It stops being one.
    RemoveMember(ObjectId, ObjectId),
    /// A deny assignment is made or changed.
    PutDeny(DenyAssignment),
    /// A deny assignment is deleted.
    RemoveDeny(Uuid),
}

/// The change cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The group would contain itself.
    #[error(transparent)]
    Cycle(#[from] Cycle),
}

/// What a change would change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WhatIf {
    /// Who gains and loses what, and where; only those who do.
    pub effects: Vec<Effect>,
    /// How many principals, each at one scope, were compared.
    pub compared: usize,
    /// Whether there was more to compare, or to show, than there is room for.
    pub truncated: bool,
}

/// What one principal gains and loses at one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Who.
    pub principal: ObjectId,
    /// Where; what is below is affected too, unless something else grants or denies there.
    pub scope: Scope,
    /// What it could do then and cannot do now, by their places among the operations.
    pub gains: Vec<Named>,
    /// What it can do now and could not do then.
    pub loses: Vec<Named>,
}

/// An operation that is gained or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The action.
    pub action: String,
    /// Its plane.
    pub plane: Plane,
    /// Whether it depends on the request: what is gained would, or what is lost did or still does.
    pub conditional: bool,
}

/// A principal's rights at a scope that the change may touch.
type Places = BTreeMap<(ObjectId, Scope), BTreeSet<usize>>;

impl Snapshot {
    /// What a change would change, over the operations of a catalogue and those that the roles concerned name.
    /// `attributes` should leave open what depends on a request.
    ///
    /// # Errors
    /// [`Impossible`].
    pub fn what_if(
        &self,
        change: &Hypothesis,
        catalogue: &[Operation<'_>],
        now: i64,
        attributes: &dyn Attributes,
    ) -> Result<WhatIf, Impossible> {
        let after = self.with(change)?;
        let mut search = Search::new(self, &after, catalogue);
        search.concern(change);
        Ok(search.compare(now, attributes))
    }

    fn with(&self, change: &Hypothesis) -> Result<Snapshot, Impossible> {
        let mut after = self.clone();
        match change {
            Hypothesis::PutAssignment(assignment) => after.put(assignment),
            Hypothesis::RemoveAssignment(principal, name) => after.remove(*principal, *name),
            Hypothesis::PutRole(role) => after.put_role(role),
            Hypothesis::RemoveRole(id) => after.remove_role(*id),
            Hypothesis::PutMember(group, member) => after.put_member(*group, *member)?,
            Hypothesis::RemoveMember(group, member) => after.remove_member(*group, *member),
            Hypothesis::PutDeny(deny) => after.put_deny(deny),
            Hypothesis::RemoveDeny(id) => after.remove_deny(*id),
        }
        Ok(after)
    }
}

struct Search<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    operations: Vec<(String, Plane)>,
    places: Places,
    truncated: bool,
}

impl<'a> Search<'a> {
    fn new(before: &'a Snapshot, after: &'a Snapshot, catalogue: &[Operation<'_>]) -> Search<'a> {
        let operations = catalogue.iter().map(|operation| (operation.action.to_owned(), operation.plane));
        Search { before, after, operations: operations.collect(), places: Places::new(), truncated: false }
    }

    /// Finds out whose rights, where and to what, the change may touch.
    fn concern(&mut self, change: &Hypothesis) {
        match change {
            Hypothesis::PutAssignment(put) => self.concern_assignment(put.principal, put.name),
            Hypothesis::RemoveAssignment(principal, name) => self.concern_assignment(*principal, *name),
            Hypothesis::PutRole(role) => self.concern_role(role.id, &role.permissions),
            Hypothesis::RemoveRole(id) => self.concern_role(*id, &[]),
            Hypothesis::PutMember(group, member) | Hypothesis::RemoveMember(group, member) => {
                self.concern_membership(*group, *member);
            }
            Hypothesis::PutDeny(deny) => self.concern_deny(deny.id),
            Hypothesis::RemoveDeny(id) => self.concern_deny(*id),
        }
    }

    fn concern_assignment(&mut self, principal: ObjectId, name: RoleAssignmentName) {
        let concerned: Vec<(Scope, BTreeSet<usize>)> = [self.before, self.after]
            .into_iter()
            .flat_map(|world| world.assignments_of(principal))
            .filter(|held| held.assignment == name)
            .map(|held| (held.scope.clone(), self.granted_by(held.definition)))
            .collect();
        for (scope, operations) in concerned {
            self.add_with_members(principal, &scope, &operations);
        }
    }

    fn concern_role(&mut self, id: RoleDefinitionId, permissions: &[PermissionBlock]) {
        // Also what the catalogue does not have: the role names it.
        let exact = |plane: Plane| permissions.iter().flat_map(move |block| block.on(plane).0);
        for plane in [Plane::Control, Plane::Data] {
            for action in exact(plane).filter(|action| !action.contains('*')) {
                self.operation(action, plane);
            }
        }
        let (old, new) = (self.before.role(id), self.after.role(id));
        let says = |role: Option<&CompiledRole>, n: usize| {
            let (action, plane) = self.operations.get(n)?;
            Some(role.map_or(Coverage::Absent, |role| role.coverage(action, *plane)))
        };
        // Where both have it under a condition the condition may have changed.
        let differs =
            |n: &usize| says(old, *n) != says(new, *n) || says(new, *n) == Some(Coverage::Conditioned);
        let operations: BTreeSet<usize> = (0..self.operations.len()).filter(differs).collect();
        if operations.is_empty() {
            return;
        }
        let assigned: Vec<(ObjectId, Scope)> = self
            .before
            .all_held()
            .filter(|held| held.role == id)
            .take(MOST_PLACES + 1)
            .map(|held| (held.principal, held.scope.clone()))
            .collect();
        for (principal, scope) in assigned {
            self.add_with_members(principal, &scope, &operations);
        }
    }

    fn concern_membership(&mut self, group: ObjectId, member: ObjectId) {
        let mut groups = self.after.groups_of(group);
        groups.push(group);
        let held: Vec<Held<'_>> = groups.iter().flat_map(|id| self.before.assignments_of(*id)).collect();
        let mut concerned: Vec<(Scope, BTreeSet<usize>)> =
            held.iter().map(|held| (held.scope.clone(), self.granted_by(held.definition))).collect();
        for deny in self.before.all_denies() {
            let names = |ids: &[ObjectId]| ids.iter().any(|id| groups.contains(id));
            let meant = matches!(&deny.principals, DeniedPrincipals::These(these) if names(these));
            if meant || names(&deny.excluded) {
                concerned.push((deny.scope.as_ref().clone(), self.denied_by(deny)));
            }
        }
        for (scope, operations) in concerned {
            self.add_with_members(member, &scope, &operations);
        }
    }

    fn concern_deny(&mut self, id: Uuid) {
        let worlds = [self.before, self.after];
        let found = worlds.into_iter().flat_map(Snapshot::all_denies).filter(|deny| deny.id == id);
        let denies: Vec<DenyAssignment> = found.cloned().collect();
        for deny in denies {
            let operations = self.denied_by(&deny);
            // At its scope whoever has a role there; below it whoever has one there only.
            let above: Vec<ObjectId> =
                self.before.holders_at(&deny.scope).map(|held| held.principal).collect();
            for principal in above {
                self.add_with_members(principal, &deny.scope, &operations);
            }
            if deny.not_for_children {
                continue;
            }
            let below: Vec<(ObjectId, Scope)> = self
                .before
                .all_held()
                .filter(|held| *held.scope != *deny.scope && self.before.is_above(&deny.scope, held.scope))
                .take(MOST_PLACES + 1)
                .map(|held| (held.principal, held.scope.clone()))
                .collect();
            for (principal, scope) in below {
                self.add_with_members(principal, &scope, &operations);
            }
        }
    }

    /// The place of an operation; a new one at the end.
    fn operation(&mut self, action: &str, plane: Plane) -> usize {
        let is_it = |(known, on): &(String, Plane)| *on == plane && known.eq_ignore_ascii_case(action);
        self.operations.iter().position(is_it).unwrap_or_else(|| {
            self.operations.push((action.to_owned(), plane));
            self.operations.len() - 1
        })
    }

    fn granted_by(&self, role: Option<&CompiledRole>) -> BTreeSet<usize> {
        let Some(role) = role else { return BTreeSet::new() };
        let has = |(action, plane): &(String, Plane)| {
            matches!(role.coverage(action, *plane), Coverage::Granted | Coverage::Conditioned)
        };
        let all = self.operations.iter().enumerate();
        all.filter(|(_, operation)| has(operation)).map(|(n, _)| n).collect()
    }

    fn denied_by(&self, deny: &DenyAssignment) -> BTreeSet<usize> {
        let has = |(action, plane): &(String, Plane)| {
            let any = |patterns: &[String]| patterns.iter().any(|pattern| action_matches(pattern, action));
            deny.permissions.iter().any(|block| {
                let (denied, spared) = block.on(*plane);
                any(denied) && !any(spared)
            })
        };
        let all = self.operations.iter().enumerate();
        all.filter(|(_, operation)| has(operation)).map(|(n, _)| n).collect()
    }

    fn add_with_members(&mut self, principal: ObjectId, scope: &Scope, operations: &BTreeSet<usize>) {
        let members = self.before.members_of(principal);
        for id in std::iter::once(principal).chain(members) {
            if self.places.len() >= MOST_PLACES {
                self.truncated = true;
                return;
            }
            self.places.entry((id, scope.clone())).or_default().extend(operations);
        }
    }

    fn compare(mut self, now: i64, attributes: &dyn Attributes) -> WhatIf {
        let mut answer = WhatIf::default();
        let mut decisions = 0;
        for ((principal, scope), operations) in std::mem::take(&mut self.places) {
            if decisions > MOST_DECISIONS || answer.effects.len() == MOST_EFFECTS {
                self.truncated = true;
                break;
            }
            decisions += 2 * operations.len();
            answer.compared += 1;
            let (mut gains, mut loses) = (Vec::new(), Vec::new());
            for (action, plane) in operations.iter().filter_map(|n| self.operations.get(*n)) {
                let question = Question { principal, action, plane: *plane, scope: &scope, now, attributes };
                let (was, is) = (level(&self.before.decide(&question)), level(&self.after.decide(&question)));
                let named = || {
                    let conditional = was == Level::Possible || is == Level::Possible;
                    Named { action: action.clone(), plane: *plane, conditional }
                };
                match was.cmp(&is) {
                    std::cmp::Ordering::Less => gains.push(named()),
                    std::cmp::Ordering::Greater => loses.push(named()),
                    std::cmp::Ordering::Equal => {}
                }
            }
            if !gains.is_empty() || !loses.is_empty() {
                answer.effects.push(Effect { principal, scope, gains, loses });
            }
        }
        answer.truncated = self.truncated;
        answer
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Denied,
    Possible,
    Allowed,
}

fn level(decision: &Decision<'_>) -> Level {
    match decision {
        Decision::Allowed(_) => Level::Allowed,
        Decision::Possible(_) => Level::Possible,
        Decision::Denied(_) => Level::Denied,
    }
}
