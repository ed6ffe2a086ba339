//! Locks: listings from the store, changes to store and memory, and the question whether one is in the way.

use std::sync::Arc;

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, Scope, TenantId};
use gatepost_rbac::{Lock, LockLevel, LockedOperation};
use gatepost_store::access::Changes;
use gatepost_store::locks::{self as table, LockRow};
use gatepost_store::{Conn, Reach, StoreError, Tx};

use crate::{Access, Extent};

/// A lock with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLock {
    /// The tenant.
    pub tenant: TenantId,
    /// What it locks, with all that is below.
    pub scope: Scope,
    /// Its name, unique at its scope whatever its letter case.
    pub name: String,
    /// What it forbids.
    pub level: LockLevel,
    /// A remark.
    pub notes: Option<String>,
    /// Application ids, as they were given.
    pub owners: Vec<String>,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it was last changed.
    pub updated_on: Timestamp,
    /// Who made it.
    pub created_by: Option<ObjectId>,
    /// Who changed it last.
    pub updated_by: Option<ObjectId>,
}

/// Locks are in the way.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} lock(s) are in the way", locks.len())]
pub struct Locked {
    /// They; never none.
    pub locks: Vec<Lock>,
}

const CAN_NOT_DELETE: &str = "CanNotDelete";
const READ_ONLY: &str = "ReadOnly";

impl StoredLock {
    pub(crate) fn from_row(row: LockRow) -> Result<StoredLock, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt(format!("lock at {}: {what}", row.scope));
        Ok(StoredLock {
            level: match row.level.as_str() {
                CAN_NOT_DELETE => LockLevel::CanNotDelete,
                READ_ONLY => LockLevel::ReadOnly,
                other => return Err(corrupt(format!("level {other}"))),
            },
            owners: serde_json::from_str(&row.owners).map_err(|error| corrupt(error.to_string()))?,
            tenant: row.tenant,
            scope: row.scope,
            name: row.name,
            notes: row.notes,
            created_on: from_micros(row.changes.created_at),
            updated_on: from_micros(row.changes.updated_at),
            created_by: row.changes.created_by,
            updated_by: row.changes.updated_by,
        })
    }

    fn to_row(&self) -> Result<LockRow, StoreError> {
        let owners = serde_json::to_string(&self.owners);
        Ok(LockRow {
            tenant: self.tenant,
            scope: self.scope.clone(),
            name: self.name.clone(),
            level: match self.level {
                LockLevel::CanNotDelete => CAN_NOT_DELETE.to_owned(),
                LockLevel::ReadOnly => READ_ONLY.to_owned(),
            },
            notes: self.notes.clone(),
            owners: owners.map_err(|error| StoreError::Engine(error.to_string()))?,
            changes: Changes {
                created_at: self.created_on.as_microsecond(),
                created_by: self.created_by,
                updated_at: self.updated_on.as_microsecond(),
                updated_by: self.updated_by,
            },
        })
    }

    /// What the question whether it is in the way needs of it.
    pub(crate) fn bare(&self) -> Lock {
        Lock { scope: Arc::new(self.scope.clone()), name: self.name.clone(), level: self.level }
    }
}

impl Access {
    /// Whether no lock forbids an operation at a scope. Ask it after [`Access::require`]: a lock also binds
    /// those who may do everything.
    ///
    /// # Errors
    /// [`Locked`] with all locks in the way: at the scope and above it, and for a delete also those below.
    pub fn check_locks(
        &self,
        tenant: TenantId,
        scope: &Scope,
        operation: LockedOperation,
    ) -> Result<(), Locked> {
        let state = self.state();
        let locks: Vec<Lock> =
            state.world(tenant).locks_against(scope, operation).into_iter().cloned().collect();
        if locks.is_empty() { Ok(()) } else { Err(Locked { locks }) }
    }

    /// The lock of a name at a scope.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lock(
        &self,
        tenant: TenantId,
        scope: &Scope,
        name: &str,
    ) -> Result<Option<StoredLock>, StoreError> {
        self.0.store.read(|conn| self.lock_in(conn, tenant, scope, name))
    }

    /// As [`Access::lock`], inside a transaction of the caller's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lock_in(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
        name: &str,
    ) -> Result<Option<StoredLock>, StoreError> {
        table::lock(conn, tenant, scope, name)?.map(StoredLock::from_row).transpose()
    }

    /// The locks at these places, place after place, by scope and name in each; those after the scope and name
    /// of `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn locks_page(
        &self,
        tenant: TenantId,
        places: &[Reach],
        after: Option<(&Scope, &str)>,
        limit: usize,
    ) -> Result<Vec<StoredLock>, StoreError> {
        let rows = self.0.store.read(|conn| table::locks_page(conn, tenant, places, after, limit))?;
        rows.into_iter().map(StoredLock::from_row).collect()
    }

    /// The locks of this extent, without an end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn locks(
        &self,
        tenant: TenantId,
        scope: &Scope,
        extent: Extent,
    ) -> Result<Vec<StoredLock>, StoreError> {
        self.locks_page(tenant, &self.places(tenant, scope, extent), None, usize::MAX)
    }

    /// Adds a lock, or changes level, notes and owners of the one of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_lock(&self, tx: &Tx<'_>, lock: &StoredLock) -> Result<(), StoreError> {
        table::put_lock(tx, &lock.to_row()?)?;
        let bare = lock.bare();
        self.change_world(tx, lock.tenant, move |world| world.put_lock(&bare));
        Ok(())
    }

    /// Deletes a lock; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_lock(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        scope: &Scope,
        name: &str,
    ) -> Result<bool, StoreError> {
        let deleted = table::delete_lock(tx, tenant, scope, name)?;
        let (scope, name) = (scope.clone(), name.to_owned());
        self.change_world(tx, tenant, move |world| world.remove_lock(&scope, &name));
        Ok(deleted)
    }
}
