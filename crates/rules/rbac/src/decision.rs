//! What a decision says.

use std::fmt;

use gatepost_names::{RoleAssignmentName, RoleDefinitionId, Scope};

use crate::Coverage;

/// The answer to "may these principals do this here?", with its reason.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Yes, because of this assignment.
    Allowed(Grant<'a>),
    /// No, and what is missing.
    Denied(DenialCause),
}

/// The assignment and the role that allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    /// The assignment.
    pub assignment: RoleAssignmentName,
    /// Where it was made: the scope asked for, or one above it.
    pub scope: &'a Scope,
    /// The role.
    pub role: RoleDefinitionId,
    /// The role's name.
    pub role_name: &'a str,
}

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

/// What is missing for a decision to be "yes". For operators: a caller is told much less.
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
    /// A role would grant the action here, but its assignment or its permission carries a condition.
    /// Conditions are not evaluated yet and grant nothing.
    Conditioned {
        /// That role.
        role: FoundRole,
        /// Whether the assignment carries the condition; otherwise the role does.
        by_assignment: bool,
    },
    /// The scope lies in a subscription of another tenant.
    ForeignSubscription,
    /// The decision could not be made; the log has the reason. Never "yes" in doubt.
    Undecided,
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
            DenialCause::Conditioned { role, by_assignment } => {
                let holder = if *by_assignment { "the assignment of" } else { "that permission of" };
                write!(
                    f,
                    "{holder} role '{}' at '{}' carries a condition; conditions are not evaluated yet and \
                     grant nothing",
                    role.name, role.scope
                )
            }
            DenialCause::ForeignSubscription => {
                f.write_str("the scope lies in a subscription of another tenant")
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
