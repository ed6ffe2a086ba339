//! Locks: they keep everybody, owners too, from deleting or changing what they lock (reference rbac.md section 10,
//! authorization-arm.md "locks").
//!
//! Every write asks [`check`] after it was authorized: [`Resources::change`](crate::Resources) does. Only locks
//! themselves may be changed under a lock.

mod bodies;
mod enforcement;

use gatepost_access::{Caller, Extent, StoredLock};
use gatepost_names::{Scope, ScopeKind};
use serde_json::Value;

use crate::activity::Intended;
use crate::listing::invalid;
use crate::request::{Deleted, Listing, Page};
use crate::service::{canonical_scope, must_exist};
use crate::tags::bad;
use crate::{ResourceError, Resources};

pub(crate) use enforcement::check;

const READ: &str = "Microsoft.Authorization/locks/read";
pub(crate) const WRITE: &str = "Microsoft.Authorization/locks/write";
const DELETE: &str = "Microsoft.Authorization/locks/delete";

/// Most locks at one scope (Azure documentation, limits of subscriptions).
const MOST_AT_SCOPE: usize = 20;

impl Resources {
    /// The locks at a scope, above it, and below it as far as the caller may read them there. With `atScope()`
    /// none below.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] for another filter.
    pub fn locks(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: Option<&str>,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        let at_scope = at_scope_only(filter);
        self.authorize(caller, READ, scope)?;
        let extent = if at_scope? { Extent::AtOrAbove } else { Extent::All };
        lockable(scope)?;
        self.platform().store.read(|conn| must_exist(conn, scope))?;
        let access = &self.platform().access;
        let places = access.places(caller.tenant, scope, extent);
        // A page begins after a lock, which its id names.
        let mut after = position(&page.after)?;
        let mut listing = Listing::default();
        let batch = (page.size as usize).saturating_add(1);
        loop {
            let begin = after.as_ref().map(|(scope, name)| (scope, name.as_str()));
            let found = access.locks_page(caller.tenant, &places, begin, batch)?;
            let last = found.len() < batch;
            for lock in found {
                if listing.value.len() >= page.size as usize {
                    listing.next = after.map(|(scope, name)| Listing::token(&format!("{scope}\n{name}")));
                    return Ok(listing);
                }
                let readable = lock.scope.contains(scope) || self.may(caller, READ, &lock.scope);
                after = Some((lock.scope.clone(), lock.name.clone()));
                listing.value.extend(readable.then(|| bodies::shown(&lock)));
            }
            if last {
                return Ok(listing);
            }
        }
    }

    /// One lock, by its name and its own scope.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] with `LockNotFound`.
    pub fn lock(&self, caller: &Caller, scope: &Scope, name: &str) -> Result<Value, ResourceError> {
        self.authorize(caller, READ, scope)?;
        match self.platform().access.lock(caller.tenant, scope, name)? {
            Some(lock) => Ok(bodies::shown(&lock)),
            None => Err(ResourceError::NotFound {
                code: "LockNotFound",
                message: format!("The lock '{name}' could not be found."),
            }),
        }
    }

    /// Makes a lock (answers `true`), or changes level, notes and owners of one.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn put_lock(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
        body: &Value,
    ) -> Result<(Value, bool), ResourceError> {
        let intended = Intended::put(WRITE, scope).of(bodies::id(scope, name)).despite_locks();
        self.change(caller, intended, |attempt| {
            lockable(scope)?;
            bodies::check_name(name)?;
            let wanted = bodies::Wanted::read(body)?;
            attempt.commit(|change| {
                let access = &change.platform.access;
                let scope = canonical_scope(change.tx, scope)?;
                let existing = access.lock_in(change.tx, caller.tenant, &scope, name)?;
                let created = existing.is_none();
                if created {
                    self.check_number(caller, &scope)?;
                }
                let lock = StoredLock {
                    tenant: caller.tenant,
                    name: existing.as_ref().map_or(name, |lock| &lock.name).to_owned(),
                    level: wanted.level,
                    notes: wanted.notes,
                    owners: wanted.owners,
                    created_on: existing.as_ref().map_or(change.now, |lock| lock.created_on),
                    created_by: existing.map_or(Some(caller.object_id), |lock| lock.created_by),
                    updated_on: change.now,
                    updated_by: Some(caller.object_id),
                    scope,
                };
                access.put_lock(change.tx, &lock)?;
                Ok((bodies::shown(&lock), created))
            })
        })
    }

    /// Deletes a lock at its own scope.
    ///
    /// # Errors
    /// [`ResourceError::Denied`].
    pub fn delete_lock(&self, caller: &Caller, scope: &Scope, name: &str) -> Result<Deleted, ResourceError> {
        let intended = Intended::delete(DELETE, scope).of(bodies::id(scope, name)).despite_locks();
        self.change(caller, intended, |attempt| {
            attempt.commit(|change| {
                let access = &change.platform.access;
                if access.lock_in(change.tx, caller.tenant, scope, name)?.is_none() {
                    return Ok(Deleted::Absent);
                }
                access.delete_lock(change.tx, caller.tenant, scope, name)?;
                Ok(Deleted::Done)
            })
        })
    }

    fn check_number(&self, caller: &Caller, scope: &Scope) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        let places = access.places(caller.tenant, scope, Extent::At);
        if access.locks_page(caller.tenant, &places, None, MOST_AT_SCOPE)?.len() >= MOST_AT_SCOPE {
            return Err(bad(
                "LockLimitExceeded",
                format!("The scope '{scope}' has {MOST_AT_SCOPE} locks already: there can be no more."),
            ));
        }
        Ok(())
    }
}

/// Subscriptions, resource groups and resources can be locked; what is above them cannot, as in Azure.
fn lockable(scope: &Scope) -> Result<(), ResourceError> {
    match scope.kind() {
        ScopeKind::Subscription | ScopeKind::ResourceGroup | ScopeKind::Resource => Ok(()),
        ScopeKind::TenantRoot | ScopeKind::ManagementGroup | ScopeKind::TenantProvider => Err(bad(
            "LockScopeNotSupported",
            format!("Locks are on subscriptions, resource groups and resources: '{scope}' is none of these."),
        )),
    }
}

/// Whether the filter is `atScope()`.
fn at_scope_only(filter: Option<&str>) -> Result<bool, ResourceError> {
    let Some(text) = filter.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(false) };
    match gatepost_odata::parse(text) {
        Ok(gatepost_odata::Filter::Call(call)) if call.is("atScope") && call.arguments.is_empty() => Ok(true),
        _ => Err(invalid(text)),
    }
}

/// The lock after which a page begins: its scope and its name.
fn position(after: &str) -> Result<Option<(Scope, String)>, ResourceError> {
    if after.is_empty() {
        return Ok(None);
    }
    let read =
        after.split_once('\n').and_then(|(scope, name)| Some((Scope::parse(scope).ok()?, name.to_owned())));
    read.map(Some)
        .ok_or_else(|| bad("InvalidSkipToken", "The provided skip token is not one of this list.".to_owned()))
}

#[cfg(test)]
mod tests;
