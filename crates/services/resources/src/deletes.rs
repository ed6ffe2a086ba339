//! DELETE of a resource with all that hangs on it.

use gatepost_access::{Caller, Reach};
use gatepost_names::{ResourceId, Scope};
use gatepost_store::resources as rows;

use crate::activity::Intended;
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
        let action = format!("{}/delete", kind.info().action_stem);
        self.change(caller, Intended::delete(&action, id.scope()), |attempt| {
            attempt.commit(|change| {
                group_of(change.tx, id.scope())?;
                let existing = tree::find(change.tx, id)?;
                conditions.check(existing.as_ref().map(tree::etag).as_deref())?;
                let Some(existing) = existing else { return Ok(Deleted::Absent) };
                self.delete_below(change, id.scope())?;
                self.delete_one(change, &existing)?;
                self.delete_access_below(change, id.scope())?;
                match kind.info().deletes {
                    Completion::Synchronous => Ok(Deleted::Done),
                    Completion::LongRunning => Ok(Deleted::Accepted(operations::record(change, id.scope())?)),
                }
            })
        })
    }

    /// Deletes all resources below a scope: children before their parents, and whole trees in the order in which
    /// their types are registered, so that a communication service goes before the domains that it is linked to.
    /// None goes where a deny assignment below the scope keeps the caller from deleting one.
    pub(crate) fn delete_below(&self, change: &Change<'_>, scope: &Scope) -> Result<(), ResourceError> {
        let mut resources = tree::below(change.tx, scope)?;
        resources.reverse();
        resources.sort_by_key(|resource| self.registry().position_of_tree(&resource.id));
        self.check_denied_below(change, &resources)?;
        for resource in &resources {
            self.delete_one(change, resource)?;
        }
        Ok(())
    }

    /// SECURITY: a deny assignment holds also for those who delete a resource with what it is in; with what it
    /// protects, it would go itself.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] with the first resource that the caller is kept from deleting.
    fn check_denied_below(&self, change: &Change<'_>, resources: &[Resource]) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        for resource in resources {
            let at = resource.id.scope();
            let named = resource.id.resource_type();
            let stem = self.registry().named(&named).map_or(named.as_str(), |kind| kind.info().action_stem);
            let action = format!("{stem}/delete");
            // It denies also those who have no role for it here: they are told that no role grants it.
            if access.is_denied(change.caller, &action, at) {
                access.require(change.caller, &action, at)?;
            }
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

    /// Removes the role assignments, deny assignments and locks at and below a scope that ceases to be, as Azure
    /// does: a new resource of the same name begins without them.
    pub(crate) fn delete_access_below(
        &self,
        change: &Change<'_>,
        scope: &Scope,
    ) -> Result<(), ResourceError> {
        let key = scope.key().to_owned();
        self.delete_access_at(change, &[Reach::At(key.clone()), Reach::Below(key)])
    }

    /// Removes the role assignments, deny assignments and locks at these places.
    pub(crate) fn delete_access_at(
        &self,
        change: &Change<'_>,
        places: &[Reach],
    ) -> Result<(), ResourceError> {
        let (access, tenant) = (&self.platform().access, change.caller.tenant);
        // Pages are read outside of the transaction: what it deletes is still there, so each begins after the last.
        let mut after = None;
        loop {
            let page = access.assignments_page(tenant, places, after.as_ref(), PAGE)?;
            for assignment in &page {
                access.delete_assignment(change.tx, tenant, assignment.name)?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.position()),
                _ => break,
            }
        }
        let mut after: Option<(Scope, String)> = None;
        loop {
            let begin = after.as_ref().map(|(scope, name)| (scope, name.as_str()));
            let page = access.denies_page(tenant, places, begin, PAGE)?;
            for deny in &page {
                access.delete_deny(change.tx, tenant, deny.id)?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some((last.scope.clone(), last.name.clone())),
                _ => break,
            }
        }
        for lock in access.locks_page(tenant, places, None, usize::MAX)? {
            access.delete_lock(change.tx, tenant, &lock.scope, &lock.name)?;
        }
        Ok(())
    }
}

/// Assignments read at a time.
const PAGE: usize = 1000;
