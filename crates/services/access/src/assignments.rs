//! Role assignments: listings from the store, changes to store and memory.

use std::sync::Arc;

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::Assignment;
use gatepost_store::access::Changes;
use gatepost_store::assignments::{self as table, AssignmentRow, Position};
use gatepost_store::{Conn, Reach, StoreError, Tx};

use crate::Access;
use crate::load::compile_condition;

/// A role given to a principal at a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleAssignment {
    /// The GUID that names it, unique in the tenant.
    pub name: RoleAssignmentName,
    /// The tenant.
    pub tenant: TenantId,
    /// Where it applies, with all that is below.
    pub scope: Scope,
    /// The role.
    pub role: RoleDefinitionId,
    /// Who has it.
    pub principal: ObjectId,
    /// What the principal is.
    pub principal_kind: PrincipalKind,
    /// A remark.
    pub description: Option<String>,
    /// The condition under which it grants.
    pub condition: Option<String>,
    /// The version of the condition's language.
    pub condition_version: Option<String>,
    /// From when it grants.
    pub starts: Option<Timestamp>,
    /// Until when it grants.
    pub ends: Option<Timestamp>,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it was last changed.
    pub updated_on: Timestamp,
    /// Who made it.
    pub created_by: Option<ObjectId>,
    /// Who changed it last.
    pub updated_by: Option<ObjectId>,
}

impl From<AssignmentRow> for RoleAssignment {
    fn from(row: AssignmentRow) -> RoleAssignment {
        RoleAssignment {
            name: row.name,
            tenant: row.tenant,
            scope: row.scope,
            role: row.role,
            principal: row.principal,
            principal_kind: row.principal_kind,
            description: row.description,
            condition: row.condition,
            condition_version: row.condition_version,
            starts: row.starts_at.map(from_micros),
            ends: row.ends_at.map(from_micros),
            created_on: from_micros(row.changes.created_at),
            updated_on: from_micros(row.changes.updated_at),
            created_by: row.changes.created_by,
            updated_by: row.changes.updated_by,
        }
    }
}

impl RoleAssignment {
    /// Where a listing goes on after this assignment.
    pub fn position(&self) -> Position {
        Position {
            scope_key: self.scope.key().to_owned(),
            role: self.role,
            principal: self.principal,
            name: self.name,
        }
    }

    fn to_row(&self) -> AssignmentRow {
        AssignmentRow {
            tenant: self.tenant,
            name: self.name,
            scope: self.scope.clone(),
            role: self.role,
            principal: self.principal,
            principal_kind: self.principal_kind,
            description: self.description.clone(),
            condition: self.condition.clone(),
            condition_version: self.condition_version.clone(),
            starts_at: self.starts.map(Timestamp::as_microsecond),
            ends_at: self.ends.map(Timestamp::as_microsecond),
            changes: Changes {
                created_at: self.created_on.as_microsecond(),
                created_by: self.created_by,
                updated_at: self.updated_on.as_microsecond(),
                updated_by: self.updated_by,
            },
        }
    }

    /// What decisions need of it.
    pub(crate) fn compiled(&self) -> Assignment {
        let of = || format!("role assignment {}", self.name);
        Assignment {
            name: self.name,
            principal: self.principal,
            role: self.role,
            scope: Arc::new(self.scope.clone()),
            condition: self.condition.as_deref().map(|text| compile_condition(text, of)),
            starts: self.starts.map(Timestamp::as_microsecond),
            ends: self.ends.map(Timestamp::as_microsecond),
        }
    }
}

fn made(rows: Vec<AssignmentRow>) -> Vec<RoleAssignment> {
    rows.into_iter().map(RoleAssignment::from).collect()
}

impl Access {
    /// The assignment of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignment(
        &self,
        tenant: TenantId,
        name: RoleAssignmentName,
    ) -> Result<Option<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| self.assignment_in(conn, tenant, name))
    }

    /// As [`Access::assignment`], inside a transaction of the caller's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignment_in(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        name: RoleAssignmentName,
    ) -> Result<Option<RoleAssignment>, StoreError> {
        Ok(table::assignment(conn, tenant, name)?.map(RoleAssignment::from))
    }

    /// The assignment of a role to a principal at exactly this scope, inside a transaction of the caller's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn same_assignment(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
        role: RoleDefinitionId,
        principal: ObjectId,
    ) -> Result<Option<RoleAssignment>, StoreError> {
        Ok(table::assignment_of_triple(conn, tenant, scope, role, principal)?.map(RoleAssignment::from))
    }

    /// The assignments at these places, place after place, by scope, role and principal in each; those after
    /// `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments_page(
        &self,
        tenant: TenantId,
        places: &[Reach],
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| table::assignments_page(conn, tenant, places, after, limit)).map(made)
    }

    /// The assignments of some principals themselves at these places, by principal, scope and name; those
    /// after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments_of_principals_page(
        &self,
        tenant: TenantId,
        principals: &[ObjectId],
        places: &[Reach],
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        let page = |conn: &Conn<'_>| {
            table::assignments_of_principals_page(conn, tenant, principals, places, after, limit)
        };
        self.0.store.read(page).map(made)
    }

    /// The assignments of a role, by scope and principal; those after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments_of_role_page(
        &self,
        tenant: TenantId,
        role: RoleDefinitionId,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| table::assignments_of_role_page(conn, tenant, role, after, limit)).map(made)
    }

    /// How many assignments there are at a scope and below it, inside a transaction of the caller's: Azure
    /// limits them per subscription. Counting stops at `most`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_assignments(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
        most: i64,
    ) -> Result<i64, StoreError> {
        table::count_at_or_below(conn, tenant, scope, most)
    }

    /// As [`Access::count_assignments`], at exactly this scope: the limit of a management group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_assignments_at(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
        most: i64,
    ) -> Result<i64, StoreError> {
        table::count_at(conn, tenant, scope, most)
    }

    /// Adds an assignment, or changes description, condition and times of the one of this name. That the
    /// condition can be read is for the caller to check.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken by an assignment of another scope, role or principal, or
    /// if these three are assigned under another name.
    pub fn put_assignment(&self, tx: &Tx<'_>, assignment: &RoleAssignment) -> Result<(), StoreError> {
        table::put_assignment(tx, &assignment.to_row())?;
        let compiled = assignment.compiled();
        self.change_world(tx, assignment.tenant, move |world| world.put(&compiled));
        Ok(())
    }

    /// Deletes an assignment; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_assignment(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        name: RoleAssignmentName,
    ) -> Result<bool, StoreError> {
        let Some(row) = table::assignment(tx, tenant, name)? else { return Ok(false) };
        table::delete_assignment(tx, tenant, name)?;
        self.change_world(tx, tenant, move |world| world.remove(row.principal, name));
        Ok(true)
    }
}
