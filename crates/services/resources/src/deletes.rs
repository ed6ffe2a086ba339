//! DELETE of a resource with all that hangs on it.

use gatepost_access::Caller;
use gatepost_names::{ResourceId, Scope};
use gatepost_store::resources as rows;

use crate::provider::{Change, Completion, Resource};
use crate::request::{Conditions, Deleted};
use crate::service::group_of;
use crate::{ResourceError, Resources, operations, tree};

impl Resources {
    /// Deletes a resource, its children, and the role assignments at and below it, all or nothing.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is deleted then. A resource that is not there is [`Deleted::Absent`].
    pub fn delete(
        &self,
        caller: &Caller,
        id: &ResourceId,
        conditions: &Conditions,
    ) -> Result<Deleted, ResourceError> {
        let kind = self.registry().of(id)?;
        self.authorize(caller, &format!("{}/delete", kind.info().action_stem), id.scope())?;
        self.platform().store.write(|tx| {
            group_of(tx, id.scope())?;
            let existing = tree::find(tx, id)?;
            conditions.check(existing.as_ref().map(tree::etag).as_deref())?;
            let Some(existing) = existing else { return Ok(Deleted::Absent) };
            let change = Change { tx, caller, now: self.platform().clock.now(), platform: self.platform() };
            self.delete_below(&change, id.scope())?;
            self.delete_one(&change, &existing)?;
            self.delete_assignments_below(&change, id.scope())?;
            match kind.info().deletes {
                Completion::Synchronous => Ok(Deleted::Done),
                Completion::LongRunning => Ok(Deleted::Accepted(operations::record(&change, id.scope())?)),
            }
        })
    }

    /// Deletes all resources below a scope: children before their parents, and whole trees in the order in which
    /// their types are registered, so that a communication service goes before the domains that it is linked to.
    pub(crate) fn delete_below(&self, change: &Change<'_>, scope: &Scope) -> Result<(), ResourceError> {
        let mut resources = tree::below(change.tx, scope)?;
        resources.reverse();
        resources.sort_by_key(|resource| self.registry().position_of_tree(&resource.id));
        for resource in &resources {
            self.delete_one(change, resource)?;
        }
        Ok(())
    }

    fn delete_one(&self, change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        if let Some(kind) = self.registry().named(&resource.id.resource_type()) {
            kind.deleting(change, resource)?;
        }
        rows::delete(change.tx, resource.id.scope().key())?;
        Ok(())
    }

    /// Removes the role assignments at and below a scope that ceases to be, as Azure does: a new resource of
    /// the same name begins without them.
    pub(crate) fn delete_assignments_below(
        &self,
        change: &Change<'_>,
        scope: &Scope,
    ) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        let tenant = change.caller.tenant;
        let mut gone = access.assignments_below(tenant, scope)?;
        gone.extend(access.assignments_at_or_above(tenant, scope)?.into_iter().filter(|a| a.scope == *scope));
        for assignment in gone {
            access.delete_assignment(change.tx, tenant, assignment.name)?;
        }
        Ok(())
    }
}
