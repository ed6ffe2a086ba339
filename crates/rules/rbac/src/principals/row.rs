//! An assignment among those of its principal.

use gatepost_names::RoleAssignmentName;

use crate::index::{Home, Mark, Marked};

/// An assignment of a known principal, in 36 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The mark of the scope.
    pub(crate) mark: Mark,
    /// Where the scope lies.
    pub(crate) home: Home,
    /// The slot of the scope.
    pub(crate) scope: u32,
    /// The slot of the role.
    pub(crate) role: u32,
    /// The slot of condition, start and end; `NO_SLOT` if it has none.
    pub(crate) terms: u32,
    pub(crate) name: RoleAssignmentName,
}

impl Row {
    /// The order in which a principal's rows stand.
    pub(crate) fn order(&self) -> (Mark, RoleAssignmentName) {
        (self.mark, self.name)
    }
}

impl Marked for Row {
    fn mark(&self) -> Mark {
        self.mark
    }
}
