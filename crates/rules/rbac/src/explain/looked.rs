//! What a role assignment says to a question, and why.

use crate::condition::{Condition, TraceLine, Truth};
use crate::deny::both;
use crate::{Coverage, Held, Question};

/// An assignment that was looked at.
#[derive(Debug)]
pub struct Looked<'a> {
    /// The assignment.
    pub held: Held<'a>,
    /// What it says.
    pub verdict: Verdict,
    /// The conditions that were asked: those of the role's blocks that have the action, and the assignment's.
    pub conditions: Vec<ConditionTrace>,
}

/// What an assignment says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It grants the action.
    Grants,
    /// It would, for some requests: it depends on attributes that are not known.
    Depends,
    /// Its role has the action, but a condition is not fulfilled.
    ConditionFalse,
    /// Its role has the action, but the assignment has not begun: in Unix µs.
    NotYet(i64),
    /// Its role has the action, but the assignment has ended: in Unix µs.
    NoLonger(i64),
    /// The role has the action in its actions and takes it away in its not-actions.
    Excluded,
    /// The role has the action on the other plane only.
    OtherPlane,
    /// The role does not have the action.
    Absent,
    /// The role definition does not exist.
    RoleGone,
}

/// A condition, with the values that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionTrace {
    /// Whether the assignment carries it; otherwise the role does.
    pub by_assignment: bool,
    /// Its text.
    pub text: String,
    /// What it came to.
    pub outcome: Truth,
    /// Each comparison in it.
    pub lines: Vec<TraceLine>,
}

impl ConditionTrace {
    pub(super) fn of(condition: &Condition, by_assignment: bool, question: &Question<'_>) -> ConditionTrace {
        ConditionTrace {
            by_assignment,
            text: condition.text().to_owned(),
            outcome: condition.evaluate(question.action, question.attributes),
            lines: condition.trace(question.action, question.attributes),
        }
    }
}

impl Verdict {
    /// Its place among others in a list: what grants first, then what nearly does.
    pub(super) fn rank(self) -> u8 {
        match self {
            Verdict::Grants => 0,
            Verdict::Depends => 1,
            Verdict::ConditionFalse => 2,
            Verdict::NotYet(_) | Verdict::NoLonger(_) => 3,
            Verdict::Excluded => 4,
            Verdict::OtherPlane => 5,
            Verdict::RoleGone => 6,
            Verdict::Absent => 7,
        }
    }
}

impl<'a> Looked<'a> {
    /// Looks at an assignment that is at the scope of the question or above it.
    pub(super) fn at(held: Held<'a>, question: &Question<'_>) -> Looked<'a> {
        let bare = |verdict| Looked { held, verdict, conditions: Vec::new() };
        let Some(role) = held.definition else { return bare(Verdict::RoleGone) };
        match role.coverage(question.action, question.plane) {
            Coverage::Absent => return bare(Verdict::Absent),
            Coverage::Excluded => return bare(Verdict::Excluded),
            Coverage::OtherPlane => return bare(Verdict::OtherPlane),
            Coverage::Granted | Coverage::Conditioned => {}
        }
        let unconditioned = role.grants(question.action, question.plane);
        let mut conditions: Vec<ConditionTrace> = match unconditioned {
            // Another block of the role grants it as it is; what the conditioned ones say does not matter.
            true => Vec::new(),
            false => role
                .conditions_on(question.action, question.plane)
                .into_iter()
                .map(|condition| ConditionTrace::of(condition, false, question))
                .collect(),
        };
        let by_role = match unconditioned {
            true => Truth::True,
            false => conditions.iter().map(|trace| trace.outcome).fold(Truth::False, either),
        };
        let own = held.condition.map(|condition| ConditionTrace::of(condition, true, question));
        let truth = both(by_role, own.as_ref().map_or(Truth::True, |trace| trace.outcome));
        conditions.extend(own);
        let verdict = match (held.starts, held.ends, truth) {
            (_, Some(ends), _) if ends <= question.now => Verdict::NoLonger(ends),
            (Some(starts), _, _) if question.now < starts => Verdict::NotYet(starts),
            (_, _, Truth::True) => Verdict::Grants,
            (_, _, Truth::Unknown) => Verdict::Depends,
            (_, _, Truth::False) => Verdict::ConditionFalse,
        };
        Looked { held, verdict, conditions }
    }
}

/// Three-valued "or".
pub(super) fn either(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Truth::True, _) | (_, Truth::True) => Truth::True,
        (Truth::False, Truth::False) => Truth::False,
        _ => Truth::Unknown,
    }
}
