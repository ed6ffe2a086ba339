//! Answers about decisions: why one falls out as it does, who else could do it, and what a change would change.
//!
//! Nothing here decides anything: each answer is read off the same [`Snapshot`] that decides, and a decision in
//! an answer is made by [`Snapshot::decide`]. All of it is bounded, however much the tenant has. `gatepost-access`
//! asks, for those who administer access; callers are told none of it.

mod breadth;
mod denies;
mod looked;
mod memberships;
#[cfg(test)]
mod tests;
mod what_if;
mod who_can;

use gatepost_names::{ObjectId, Scope};

use crate::{Decision, DenialCause, Held, Lock, LockedOperation, Plane, Question, Snapshot};

pub use breadth::{Breadth, breadth};
pub use denies::{DenyVerdict, LookedDeny};
pub use looked::{ConditionTrace, Looked, Verdict};
pub use memberships::Membership;
pub use what_if::{Effect, Hypothesis, Impossible, Named, WhatIf};
pub use who_can::{Holder, Through, WhoCan};

/// Most principals, assignments and deny assignments that an explanation shows of each.
pub const MOST_SHOWN: usize = 100;
/// Most assignments at other scopes that it shows.
const MOST_ELSEWHERE: usize = 5;

/// A decision with all that led to it.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The decision.
    pub decision: Decision<'a>,
    /// What is missing, where it is not allowed.
    pub cause: Option<DenialCause>,
    /// The principal and the groups by which it counts, the nearest first.
    pub principals: Vec<Membership>,
    /// How many there are in all.
    pub principal_count: usize,
    /// Each assignment to one of them at the scope or above it, and what it says.
    pub assignments: Vec<Looked<'a>>,
    /// How many there are in all.
    pub assignment_count: usize,
    /// Assignments to one of them at other scopes whose roles would grant the action there.
    pub elsewhere: Vec<Held<'a>>,
    /// How many assignments they have at other scopes, whatever these grant.
    pub elsewhere_count: usize,
    /// Each deny assignment that reaches the scope, and what it says.
    pub denies: Vec<LookedDeny<'a>>,
    /// The locks that would stop the action after it is allowed.
    pub locks: Vec<&'a Lock>,
}

impl Snapshot {
    /// Explains a decision.
    pub fn explain(&self, question: &Question<'_>) -> Explanation<'_> {
        let decision = self.decide(question);
        let cause = match decision {
            Decision::Allowed(_) => None,
            Decision::Possible(_) | Decision::Denied(_) => Some(self.denial_cause(question)),
        };
        let mut principals = self.memberships(question.principal);
        let principal_count = principals.len();
        let above = self.ancestors_of(question.scope);
        let mut assignments = Vec::new();
        let (mut elsewhere, mut elsewhere_count) = (Vec::new(), 0);
        for held in principals.iter().flat_map(|membership| self.assignments_of(membership.id)) {
            if above.iter().any(|scope| scope == held.scope) {
                assignments.push(Looked::at(held, question));
            } else {
                elsewhere_count += 1;
                if elsewhere.len() < MOST_ELSEWHERE && would_grant(&held, question) {
                    elsewhere.push(held);
                }
            }
        }
        let assignment_count = assignments.len();
        // What matters most comes first, and stays where not all is shown.
        assignments.sort_by_key(|looked| looked.verdict.rank());
        assignments.truncate(MOST_SHOWN);
        let denies = self.looked_denies(question, &principals);
        principals.truncate(MOST_SHOWN);
        Explanation {
            decision,
            cause,
            denies,
            principals,
            principal_count,
            assignments,
            assignment_count,
            elsewhere,
            elsewhere_count,
            locks: operation(question.action, question.plane)
                .map(|operation| self.locks_against(question.scope, operation))
                .unwrap_or_default(),
        }
    }
}

fn would_grant(held: &Held<'_>, question: &Question<'_>) -> bool {
    let role = held.definition;
    held.is_current(question.now) && role.is_some_and(|role| role.grants(question.action, question.plane))
}

/// What a lock has to say to an action; nothing to reading and to data.
pub fn operation(action: &str, plane: Plane) -> Option<LockedOperation> {
    let verb = action.rsplit('/').next().unwrap_or_default();
    let is = |word: &str| verb.eq_ignore_ascii_case(word);
    match plane {
        Plane::Data => None,
        Plane::Control if is("write") => Some(LockedOperation::Write),
        Plane::Control if is("delete") => Some(LockedOperation::Delete),
        Plane::Control if is("action") => Some(LockedOperation::Action),
        Plane::Control => None,
    }
}

/// The ids of a principal and of what it counts as.
fn ids(principals: &[Membership]) -> impl Iterator<Item = ObjectId> {
    principals.iter().map(|membership| membership.id)
}

/// Whether a role that lists these assignable scopes may be assigned at a scope, given all above that.
fn is_assignable(assignable: &[Scope], above: &[Scope]) -> bool {
    assignable.iter().any(|scope| above.contains(scope))
}
