//! Role assignments: listings from the store, changes to store and memory.

use std::sync::Arc;

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::Assignment;
use gatepost_store::access::{self as table, AssignmentRow, Changes};
use gatepost_store::{Conn, StoreError, Tx};

use crate::Access;

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
    /// A condition; an assignment with one grants nothing as yet.
    pub condition: Option<String>,
    /// The version of the condition's language.
    pub condition_version: Option<String>,
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
            created_on: from_micros(row.changes.created_at),
            updated_on: from_micros(row.changes.updated_at),
            created_by: row.changes.created_by,
            updated_by: row.changes.updated_by,
        }
    }
}

impl RoleAssignment {
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
            changes: Changes {
                created_at: self.created_on.as_microsecond(),
                created_by: self.created_by,
                updated_at: self.updated_on.as_microsecond(),
                updated_by: self.updated_by,
            },
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

    /// All assignments of a tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| table::assignments(conn, tenant)).map(made)
    }

    /// The assignments at a scope and above it, nearest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments_at_or_above(
        &self,
        tenant: TenantId,
        scope: &Scope,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| table::assignments_at_or_above(conn, tenant, scope)).map(made)
    }

    /// The assignments below a scope, without those at it, by scope.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments_below(
        &self,
        tenant: TenantId,
        scope: &Scope,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| table::assignments_below(conn, tenant, scope)).map(made)
    }

    /// The assignments of a principal itself, by scope.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn assignments_of_principal(
        &self,
        tenant: TenantId,
        principal: ObjectId,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        self.0.store.read(|conn| table::assignments_of_principal(conn, tenant, principal)).map(made)
    }

    /// How many assignments there are at a scope and below it, inside a transaction of the caller's: Azure
    /// limits them per subscription and per management group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_assignments(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
    ) -> Result<i64, StoreError> {
        table::count_at_or_below(conn, tenant, scope)
    }

    /// Adds an assignment, or changes description and condition of the one of this name.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken by an assignment of another scope, role or principal, or
    /// if these three are assigned under another name.
    pub fn put_assignment(&self, tx: &Tx<'_>, assignment: &RoleAssignment) -> Result<(), StoreError> {
        table::put_assignment(tx, &assignment.to_row())?;
        let assignment = Assignment {
            tenant: assignment.tenant,
            name: assignment.name,
            principal: assignment.principal,
            role: assignment.role,
            scope: Arc::new(assignment.scope.clone()),
            conditioned: assignment.condition.is_some(),
        };
        self.after_commit(tx, move |state| state.snapshot.put(&assignment));
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
        self.after_commit(tx, move |state| state.snapshot.remove(tenant, row.principal, name));
        Ok(true)
    }
}
