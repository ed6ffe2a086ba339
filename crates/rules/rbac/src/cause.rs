//! What is missing for a decision to be "yes", for operators: a caller is told much less.

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;

use gatepost_names::Scope;
use uuid::Uuid;

use crate::assignment::{Window, window};
use crate::condition::{Truth, fmt_time};
use crate::{CompiledRole, Coverage, Decision, Denial, DenyAssignment, Grant, Held, Question, Snapshot};

/// Most roles that an explanation names.
const MAX_NAMED_ROLES: usize = 16;

/// A role that a principal has, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRole {
    /// The role's name; its GUID if the definition is gone.
    pub name: String,
    /// Where it is assigned.
    pub scope: Scope,
    /// What it says to the action; [`None`] if the role definition does not exist any more.
    pub coverage: Option<Coverage>,
}

/// What is missing for a decision to be "yes".
#[derive(Clone, Debug, PartialEq)]
pub enum DenialCause {
    /// The principal has no role at the scope or above it, and none elsewhere that grants the action.
    NoAssignment,
    /// It has these roles at the scope or above it, and none grants the action.
    NotGranted(Vec<FoundRole>),
    /// A role that grants the action is assigned, but only at a scope that does not contain the one asked
    /// for.
    AssignedElsewhere {
        /// That role.
        elsewhere: FoundRole,
        /// The roles at the scope or above it, which do not grant the action.
        found: Vec<FoundRole>,
    },
    /// A role would grant the action here, were it not for a condition.
    Conditioned {
        /// That role.
        role: FoundRole,
        /// Whether the assignment carries the condition; otherwise the role does.
        by_assignment: bool,
        /// The text of the condition.
        condition: String,
    },
    /// A role will grant the action here, from a moment on (Unix µs).
    NotYet {
        /// That role.
        role: FoundRole,
        /// When.
        starts: i64,
    },
    /// A role granted the action here until a moment (Unix µs).
    NoLonger {
        /// That role.
        role: FoundRole,
        /// When.
        ends: i64,
    },
    /// A role grants the action, and a deny assignment takes it away.
    DenyAssignment {
        /// The deny assignment's id.
        id: Uuid,
        /// Its display name.
        name: String,
        /// Where it is.
        scope: Scope,
        /// The role that would have granted.
        role: FoundRole,
    },
    /// The scope lies in a subscription that the tenant does not have: another's, or nobody's. Which of the two is
    /// not for the caller to learn.
    ForeignSubscription,
    /// The decision could not be made; the log has the reason. Never "yes" in doubt.
    Undecided,
}

impl Snapshot {
    /// Why [`Snapshot::decide`] does not say "yes", in full. It allocates and looks at everything that the
    /// principal has. Of a question that is allowed it tells which roles were found.
    pub fn denial_cause(&self, question: &Question<'_>) -> DenialCause {
        match self.decide(question) {
            Decision::Denied(Denial::Undecided) => DenialCause::Undecided,
            Decision::Denied(Denial::Deny { deny, grant }) => self.denied_by(deny, &grant, question),
            Decision::Possible(grant) => match self.missing(question) {
                cause @ DenialCause::Conditioned { .. } => cause,
                // The role is certain; what is not is the condition of a deny assignment.
                other => self
                    .perhaps_denied_by(question)
                    .map_or(other, |deny| self.denied_by(deny, &grant, question)),
            },
            _ => self.missing(question),
        }
    }

    fn denied_by(&self, deny: &DenyAssignment, grant: &Grant<'_>, question: &Question<'_>) -> DenialCause {
        let coverage = self.role(grant.role).map(|role| role.coverage(question.action, question.plane));
        let role = FoundRole { name: grant.role_name.to_owned(), scope: grant.scope.clone(), coverage };
        let (name, scope) = (deny.name.clone(), deny.scope.as_ref().clone());
        DenialCause::DenyAssignment { id: deny.id, name, scope, role }
    }

    /// What keeps the roles at the scope from granting, the nearest thing first.
    fn missing(&self, question: &Question<'_>) -> DenialCause {
        let Question { action, plane, now, .. } = *question;
        let (mut found, mut outside) = (Vec::new(), None);
        for held in self.held_by_all_of(question) {
            let role = describe(&held, question);
            if matches!(role.coverage, Some(Coverage::Granted | Coverage::Conditioned)) {
                match window(held.starts, held.ends, now) {
                    Window::NotYet(starts) => {
                        outside.get_or_insert(DenialCause::NotYet { role: role.clone(), starts });
                    }
                    Window::NoLonger(ends) => {
                        outside.get_or_insert(DenialCause::NoLonger { role: role.clone(), ends });
                    }
                    Window::Open => {
                        if let Some((condition, by_assignment)) = unmet(&held, question) {
                            return DenialCause::Conditioned { role, by_assignment, condition };
                        }
                    }
                }
            }
            if found.len() < MAX_NAMED_ROLES {
                found.push(role);
            }
        }
        if let Some(outside) = outside {
            return outside;
        }
        let grants = |role: &CompiledRole| role.grants(action, plane);
        match self.held_anywhere(question, |held| held.is_current(now) && held.definition.is_some_and(grants))
        {
            Some(held) => DenialCause::AssignedElsewhere { elsewhere: describe(&held, question), found },
            None if found.is_empty() => DenialCause::NoAssignment,
            None => DenialCause::NotGranted(found),
        }
    }

    /// The assignments at the scope and above it of the principal and its groups, current or not.
    fn held_by_all_of(&self, question: &Question<'_>) -> Vec<Held<'_>> {
        let above: HashSet<Scope> = self.ancestors_of(question.scope).into_iter().collect();
        let mut all = Vec::new();
        let _each: Option<Held<'_>> = self.held_anywhere(question, |held| {
            if above.contains(held.scope) {
                all.push(*held);
            }
            false
        });
        // The nearest scope first: of those above one scope the nearer one is the longer.
        all.sort_by_key(|held| (std::cmp::Reverse(held.scope.key().len()), held.assignment));
        all
    }

    /// The first assignment, anywhere, of the principal or its groups that is `wanted`.
    fn held_anywhere<'a>(
        &'a self,
        question: &Question<'_>,
        mut wanted: impl FnMut(&Held<'a>) -> bool,
    ) -> Option<Held<'a>> {
        let mut met = HashSet::new();
        let found = self.principals.each(question.principal, |id, principal| {
            let rows = if met.insert(id) { principal.rows() } else { &[] };
            match rows.iter().filter_map(|row| self.held(id, row)).find(&mut wanted) {
                Some(held) => ControlFlow::Break(held),
                None => ControlFlow::Continue(()),
            }
        });
        found.break_value()
    }
}

/// The condition that keeps an assignment from granting, and whether the assignment carries it.
fn unmet(held: &Held<'_>, question: &Question<'_>) -> Option<(String, bool)> {
    let Question { action, plane, attributes, .. } = *question;
    let role = held.definition?;
    let is_unmet = |truth: Truth| truth != Truth::True;
    if let Some(condition) = held.condition
        && is_unmet(condition.evaluate(action, attributes))
    {
        return Some((condition.text().to_owned(), true));
    }
    if role.grants(action, plane) {
        return None;
    }
    let conditions = role.conditions_on(action, plane);
    let is_met = conditions.iter().any(|condition| !is_unmet(condition.evaluate(action, attributes)));
    if is_met { None } else { conditions.first().map(|condition| (condition.text().to_owned(), false)) }
}

fn describe(held: &Held<'_>, question: &Question<'_>) -> FoundRole {
    FoundRole {
        name: held.definition.map_or_else(|| held.role.to_string(), |role| role.name().to_owned()),
        scope: held.scope.clone(),
        coverage: held.definition.map(|role| role.coverage(question.action, question.plane)),
    }
}

impl fmt::Display for FoundRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' at '{}'", self.name, self.scope)?;
        match self.coverage {
            Some(Coverage::Excluded) => f.write_str(" (takes the action away in its notActions)"),
            Some(Coverage::OtherPlane) => f.write_str(" (grants it on the other plane only)"),
            None => f.write_str(" (the role definition does not exist)"),
            Some(_) => Ok(()),
        }
    }
}

/// A clause that goes after "it may not, because".
impl fmt::Display for DenialCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DenialCause::NoAssignment => f.write_str("it has no role assignment at this scope or above it"),
            DenialCause::NotGranted(found) => {
                f.write_str("none of the roles that it has at this scope or above it grants the action: ")?;
                list(f, found)
            }
            DenialCause::AssignedElsewhere { elsewhere, found } => {
                write!(
                    f,
                    "role '{}', which grants the action, is assigned to it at '{}' only, which does not \
                     contain this scope",
                    elsewhere.name, elsewhere.scope
                )?;
                if !found.is_empty() {
                    f.write_str("; the roles that it has at this scope or above it do not grant it: ")?;
                    list(f, found)?;
                }
                Ok(())
            }
            DenialCause::Conditioned { role, by_assignment, condition } => {
                let holder = if *by_assignment { "the assignment of" } else { "that permission of" };
                let FoundRole { name, scope, .. } = role;
                write!(
                    f,
                    "{holder} role '{name}' at '{scope}' carries a condition that is not fulfilled: {condition}"
                )
            }
            DenialCause::NotYet { role: FoundRole { name, scope, .. }, starts } => {
                write!(f, "the assignment of role '{name}' at '{scope}' is not valid before ")?;
                fmt_time(f, *starts)
            }
            DenialCause::NoLonger { role: FoundRole { name, scope, .. }, ends } => {
                write!(f, "the assignment of role '{name}' at '{scope}' is not valid any more since ")?;
                fmt_time(f, *ends)
            }
            DenialCause::DenyAssignment { id, name, scope, role } => write!(
                f,
                "role '{}' at '{}' grants the action, but the deny assignment '{name}' ({id}) at '{scope}' \
                 takes it away",
                role.name, role.scope
            ),
            DenialCause::ForeignSubscription => {
                f.write_str("the scope lies in no subscription or root management group of this tenant")
            }
            DenialCause::Undecided => f.write_str("the decision could not be made; see the log"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, found: &[FoundRole]) -> fmt::Result {
    for (n, role) in found.iter().enumerate() {
        if n > 0 {
            f.write_str(", ")?;
        }
        fmt::Display::fmt(role, f)?;
    }
    Ok(())
}
