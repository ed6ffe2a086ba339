//! Who may move a management group or a subscription: rights come from above, so a move changes them.
//!
//! As in Azure: the right to write the group and to assign roles at what is moved, and the right to write the group
//! that it leaves and the one that it enters. The root group is the exception: everything begins there, so taking
//! something out of it or putting it back needs no right at it.

use gatepost_access::{Caller, ManagementGroup};
use gatepost_names::Scope;

use super::{WRITE, forest};
use crate::authorization::WRITE_ASSIGNMENT;
use crate::{ResourceError, Resources};

impl Resources {
    /// Checks that the caller, who was let through for `done`, may move what `subject` names.
    ///
    /// # Errors
    /// [`ResourceError::LinkedDenied`].
    pub(super) fn check_move(
        &self,
        caller: &Caller,
        done: (&str, &Scope),
        subject: &Scope,
        from: Option<&ManagementGroup>,
        to: &ManagementGroup,
    ) -> Result<(), ResourceError> {
        self.require_linked(caller, done, WRITE_ASSIGNMENT, subject)?;
        let groups = from.into_iter().chain([to]).filter(|group| group.parent.is_some());
        for group in groups {
            self.require_linked(caller, done, WRITE, &forest::scope(&group.name))?;
        }
        Ok(())
    }
}
