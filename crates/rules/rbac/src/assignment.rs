//! Role assignments as they are put in and as they are given out again.

use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};

use crate::CompiledRole;
use crate::condition::Condition;

/// A role assignment, as far as decisions need it. Times are in Unix µs.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The GUID that names it.
    pub name: RoleAssignmentName,
    /// Who gets the role.
    pub principal: ObjectId,
    /// The role; it need not be known yet.
    pub role: RoleDefinitionId,
    /// Where.
    pub scope: Arc<Scope>,
    /// What must hold besides.
    pub condition: Option<Arc<Condition>>,
    /// From when on it grants; from ever, if nothing is said.
    pub starts: Option<i64>,
    /// From when on it does not grant any more.
    pub ends: Option<i64>,
}

/// An assignment that somebody holds.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The GUID that names it.
    pub assignment: RoleAssignmentName,
    /// Who has the role.
    pub principal: ObjectId,
    /// Where.
    pub scope: &'a Scope,
    /// The role.
    pub role: RoleDefinitionId,
    /// The role's definition; nothing if it does not exist.
    pub definition: Option<&'a CompiledRole>,
    /// What must hold besides.
    pub condition: Option<&'a Condition>,
    /// From when on it grants, in Unix µs.
    pub starts: Option<i64>,
    /// From when on it does not grant any more, in Unix µs.
    pub ends: Option<i64>,
}

impl Held<'_> {
    /// Whether it grants at this moment, as far as its start and its end go.
    pub fn is_current(&self, now: i64) -> bool {
        window(self.starts, self.ends, now) == Window::Open
    }
}

/// Where a moment lies to an assignment's start and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Open,
    NotYet(i64),
    NoLonger(i64),
}

pub(crate) fn window(starts: Option<i64>, ends: Option<i64>, now: i64) -> Window {
    match (starts, ends) {
        (_, Some(ends)) if ends <= now => Window::NoLonger(ends),
        (Some(starts), _) if now < starts => Window::NotYet(starts),
        _ => Window::Open,
    }
}
