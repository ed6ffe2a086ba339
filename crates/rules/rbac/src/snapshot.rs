//! One tenant's world in memory: who has which role where, who is in which group, what is denied and locked.
//!
//! A clone shares everything with the original. A change copies the few small tables that it touches, so a
//! writer changes a clone while readers go on with the original.

use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId};
use uuid::Uuid;

use crate::condition::Condition;
use crate::deny::Denies;
use crate::hierarchy::{Hierarchies, Hierarchy};
use crate::index::{NO_SLOT, Seed, Slab};
use crate::lock::Locks;
use crate::principals::{Cycle, Principals, Row};
use crate::roles::Roles;
use crate::scopes::Scopes;
use crate::{Assignment, DenyAssignment, Lock, RoleDefinition};

/// The access control of one tenant: all that decisions need.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) seed: Seed,
    pub(crate) principals: Principals,
    pub(crate) scopes: Scopes,
    pub(crate) roles: Roles,
    pub(crate) terms: Slab<Terms>,
    pub(crate) hierarchies: Hierarchies,
    pub(crate) denies: Denies,
    pub(crate) locks: Locks,
    assignments: usize,
}

/// What few assignments have.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) condition: Option<Arc<Condition>>,
    pub(crate) starts: Option<i64>,
    pub(crate) ends: Option<i64>,
}

impl Snapshot {
    /// An empty world. The built-in roles are known to it. `seed` keeps outsiders from choosing names whose
    /// hashes fall together: a secret, random number.
    pub fn new(seed: u64) -> Snapshot {
        let seed = Seed::new(seed);
        Snapshot {
            seed,
            principals: Principals::new(seed),
            scopes: Scopes::new(seed),
            roles: Roles::default(),
            terms: Slab::default(),
            hierarchies: Hierarchies::new(seed),
            denies: Denies::default(),
            locks: Locks::default(),
            assignments: 0,
        }
    }

    /// Adds a custom role, or puts a new definition in the place of the old one; existing assignments pick it
    /// up. A built-in role stays what it is.
    pub fn put_role(&mut self, definition: &RoleDefinition) {
        self.roles.put(definition);
    }

    /// Forgets a custom role. Assignments of it stay and grant nothing.
    pub fn remove_role(&mut self, id: RoleDefinitionId) {
        self.roles.remove(id);
    }

    /// Adds an assignment; one of the same name and principal is replaced.
    pub fn put(&mut self, assignment: &Assignment) {
        self.remove(assignment.principal, assignment.name);
        let row = self.row_of(assignment);
        self.principals.put_row(assignment.principal, row);
        self.assignments += 1;
    }

    /// Adds many assignments, as [`Snapshot::put`] would one by one, in less time: to build a world from rows.
    pub fn put_all(&mut self, assignments: impl IntoIterator<Item = Assignment>) {
        let mut touched = Vec::new();
        for assignment in assignments {
            let row = self.row_of(&assignment);
            self.principals.push_row(assignment.principal, row);
            self.assignments += 1;
            touched.push(assignment.principal);
        }
        touched.sort_unstable();
        touched.dedup();
        for principal in touched {
            let mut replaced = Vec::new();
            self.principals.settle(principal, |row| replaced.push(row));
            for row in replaced {
                self.release(row);
            }
        }
    }

    /// Removes an assignment, if there is one of this name and principal.
    pub fn remove(&mut self, principal: ObjectId, name: RoleAssignmentName) {
        if let Some(row) = self.principals.remove_row(principal, name) {
            self.release(row);
        }
    }

    /// Makes a principal a member of a group; any principal is a group as soon as it has members.
    ///
    /// # Errors
    /// [`Cycle`] if the group would be in itself; nothing is changed then.
    pub fn put_member(&mut self, group: ObjectId, member: ObjectId) -> Result<(), Cycle> {
        self.principals.put_member(group, member)
    }

    /// Ends a membership.
    pub fn remove_member(&mut self, group: ObjectId, member: ObjectId) {
        self.principals.remove_member(group, member);
    }

    /// Ends all memberships of a principal and in it. Its assignments stay.
    pub fn remove_principal(&mut self, id: ObjectId) {
        self.principals.remove_principal(id);
    }

    /// Makes a management group, or moves it. The parent need not be known yet.
    ///
    /// # Errors
    /// [`Hierarchy`] if the groups cannot be nested so; nothing is changed then.
    pub fn put_management_group(&mut self, name: &str, parent: Option<&str>) -> Result<(), Hierarchy> {
        self.hierarchies.put(name, parent)
    }

    /// Removes a management group. What was below it stays below its name, with nothing above.
    pub fn remove_management_group(&mut self, name: &str) {
        self.hierarchies.remove(name);
    }

    /// Places a subscription in a management group, or in none.
    pub fn place_subscription(&mut self, id: SubscriptionId, group: Option<&str>) {
        self.hierarchies.place(id, group);
    }

    /// Adds a deny assignment; one of the same id is replaced.
    pub fn put_deny(&mut self, deny: &DenyAssignment) {
        self.denies.put(self.seed, deny);
    }

    /// Removes a deny assignment.
    pub fn remove_deny(&mut self, id: Uuid) {
        self.denies.remove(id);
    }

    /// Adds a lock; one of the same scope and name is replaced.
    pub fn put_lock(&mut self, lock: &Lock) {
        self.locks.put(lock);
    }

    /// Removes a lock.
    pub fn remove_lock(&mut self, scope: &Scope, name: &str) {
        self.locks.remove(scope, name);
    }

    /// How many assignments there are.
    pub fn len(&self) -> usize {
        self.assignments
    }

    /// Whether there is no assignment.
    pub fn is_empty(&self) -> bool {
        self.assignments == 0
    }

    fn row_of(&mut self, assignment: &Assignment) -> Row {
        let Assignment { name, role, scope, condition, starts, ends, .. } = assignment;
        let (slot, mark, home) = self.scopes.take(scope);
        let terms = match (condition, starts, ends) {
            (None, None, None) => NO_SLOT,
            _ => self.terms.insert(Terms { condition: condition.clone(), starts: *starts, ends: *ends }),
        };
        Row { mark, home, scope: slot, role: self.roles.slot_of(*role), terms, name: *name }
    }

    fn release(&mut self, row: Row) {
        self.scopes.release(row.scope);
        self.terms.remove(row.terms);
        self.assignments -= 1;
    }
}
