//! What a decision says.

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};

use crate::DenyAssignment;

/// The answer to a [`Question`](crate::Question), with its reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Yes, because of this assignment.
    Allowed(Grant<'a>),
    /// Yes for some values of the attributes that are not known, and no for others. Not a yes.
    Possible(Grant<'a>),
    /// No.
    Denied(Denial<'a>),
}

/// The assignment and the role that grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    /// The assignment.
    pub assignment: RoleAssignmentName,
    /// Who has it: the principal that was asked for, or a group that it is in.
    pub principal: ObjectId,
    /// Where it was made: the scope asked for, or one above it.
    pub scope: &'a Scope,
    /// The role.
    pub role: RoleDefinitionId,
    /// The role's name.
    pub role_name: &'a str,
}

/// Why not. [`Snapshot::denial_cause`](crate::Snapshot::denial_cause) tells more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Denial<'a> {
    /// No role grants it here and now.
    NotGranted,
    /// A role would grant it, were it not for a condition.
    Condition,
    /// A role grants it, and a deny assignment takes it away.
    Deny {
        /// The deny assignment.
        deny: &'a DenyAssignment,
        /// What would have granted.
        grant: Grant<'a>,
    },
    /// The question goes beyond what can be decided. Never a yes in doubt.
    Undecided,
}
