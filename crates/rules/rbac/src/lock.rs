//! Locks: they stop what authorization allowed (reference rbac.md section 10).

use std::sync::Arc;

use gatepost_names::Scope;

/// A lock on a scope and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Where.
    pub scope: Arc<Scope>,
    /// Its name, unique at its scope; letter case is ignored.
    pub name: String,
    /// What it stops.
    pub level: LockLevel,
}

/// What a lock stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockLevel {
    /// Deleting.
    CanNotDelete,
    /// Writing, deleting, and the actions of POST.
    ReadOnly,
}

/// What somebody is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedOperation {
    /// PUT or PATCH.
    Write,
    /// DELETE, with all that lies below.
    Delete,
    /// POST.
    Action,
}

impl LockLevel {
    fn stops(self, operation: LockedOperation) -> bool {
        self == LockLevel::ReadOnly || operation == LockedOperation::Delete
    }
}

/// All locks of a tenant. A clone shares them; a change copies the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks {
    /// INVARIANT: sorted by the scope's key.
    list: Arc<Vec<Arc<Lock>>>,
}

impl Locks {
    pub(crate) fn put(&mut self, lock: &Lock) {
        self.remove(&lock.scope, &lock.name);
        let list = Arc::make_mut(&mut self.list);
        let at = list.partition_point(|other| other.scope <= lock.scope);
        list.insert(at, Arc::new(lock.clone()));
    }

    pub(crate) fn remove(&mut self, scope: &Scope, name: &str) {
        let from = self.list.partition_point(|other| *other.scope < *scope);
        let mut at_scope = self.list.iter().skip(from).take_while(|other| *other.scope == *scope);
        if let Some(at) = at_scope.position(|other| same_name(&other.name, name)) {
            Arc::make_mut(&mut self.list).remove(from + at);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those at one of `scopes` that stop the operation; those below `scope` too, if it is to be deleted.
    pub(crate) fn against(
        &self,
        scopes: impl Iterator<Item = Scope>,
        scope: &Scope,
        operation: LockedOperation,
    ) -> Vec<&Lock> {
        let mut found = Vec::new();
        for above in scopes {
            let from = self.list.partition_point(|lock| *lock.scope < above);
            let at_scope = self.list.iter().skip(from).take_while(|lock| *lock.scope == above);
            found.extend(at_scope.filter(|lock| lock.level.stops(operation)).map(Arc::as_ref));
        }
        if operation == LockedOperation::Delete {
            let key = scope.key();
            let is_below = |lock: &&Arc<Lock>| lock.scope.key() != key && scope.contains(&lock.scope);
            // All that begins with the key stands together; what is below has a slash next.
            let from = self.list.partition_point(|lock| lock.scope.key() < key);
            let same = self.list.iter().skip(from).take_while(|lock| lock.scope.key().starts_with(key));
            found.extend(same.filter(is_below).map(Arc::as_ref));
        }
        found
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    fn at(rest: &str) -> Scope {
        Scope::parse(&format!("{SUB}{rest}")).unwrap()
    }

    fn lock(rest: &str, name: &str, level: LockLevel) -> Lock {
        Lock { scope: Arc::new(at(rest)), name: name.to_owned(), level }
    }

    fn names(locks: &Locks, rest: &str, operation: LockedOperation) -> Vec<String> {
        let found = locks.against(at(rest).self_and_ancestors(), &at(rest), operation);
        found.iter().map(|lock| lock.name.clone()).collect()
    }

    #[test]
    fn what_each_level_stops_and_where() {
        use LockLevel::{CanNotDelete, ReadOnly};
        use LockedOperation::{Action, Delete, Write};
        let mut locks = Locks::default();
        locks.put(&lock("/resourceGroups/rg1", "keep", CanNotDelete));
        locks.put(&lock("/resourceGroups/rg1/providers/A.B/c/x", "frozen", ReadOnly));
        locks.put(&lock("/resourceGroups/rg10", "other", ReadOnly));
        assert_eq!(names(&locks, "/resourceGroups/RG1", Delete), ["keep", "frozen"]);
        assert!(names(&locks, "/resourceGroups/rg1", Write).is_empty());
        assert_eq!(names(&locks, "/resourceGroups/rg1/providers/a.b/C/X", Write), ["frozen"]);
        assert_eq!(names(&locks, "/resourceGroups/rg1/providers/a.b/C/X/d/y", Action), ["frozen"]);
        assert_eq!(names(&locks, "/resourceGroups/rg1/providers/A.B/c/y", Delete), ["keep"]);
        assert_eq!(names(&locks, "", Delete), ["keep", "frozen", "other"]);
        assert!(names(&locks, "/resourceGroups/rg", Delete).is_empty(), "rg is not rg1");

        locks.put(&lock("/resourceGroups/rg1", "KEEP", ReadOnly));
        assert_eq!(names(&locks, "/resourceGroups/rg1", Write), ["KEEP"]);
        locks.remove(&at("/resourcegroups/rg1"), "Keep");
        locks.remove(&at("/resourceGroups/rg1"), "nothing");
        assert!(names(&locks, "/resourceGroups/rg1", Write).is_empty());
    }
}
