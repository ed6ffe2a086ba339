//! Role assignments.

use gatepost_access::{Caller, RoleAssignment};
use gatepost_names::{PrincipalKind, RoleAssignmentName, Scope, ScopeKind};
use gatepost_store::Tx;
use serde_json::Value;

use super::assignment_bodies::{AssignmentFilter, Wanted, shown};
use crate::service::{canonical_scope, must_exist};
use crate::tags::bad;
use crate::{ResourceError, Resources};

const READ: &str = "Microsoft.Authorization/roleAssignments/read";
pub(crate) const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

/// Most assignments in a subscription, and in a management group (Azure documentation, RBAC limits).
const MOST_IN_SUBSCRIPTION: i64 = 4000;
const MOST_IN_MANAGEMENT_GROUP: i64 = 500;

impl Resources {
    /// The assignments at a scope, above it and below it, as far as the filter wants them.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] for a filter that is not understood.
    pub fn role_assignments(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: Option<&str>,
    ) -> Result<Vec<Value>, ResourceError> {
        let filter = AssignmentFilter::parse(filter)?;
        self.authorize(caller, READ, scope)?;
        self.platform().store.read(|conn| must_exist(conn, scope))?;
        let access = &self.platform().access;
        let mut found = access.assignments_at_or_above(caller.tenant, scope)?;
        if !filter.at_scope {
            let below = access.assignments_below(caller.tenant, scope)?;
            found.extend(below.into_iter().filter(|a| self.may(caller, READ, &a.scope)));
        }
        Ok(found.iter().filter(|a| filter.matches(a)).map(|a| shown(a, scope)).collect())
    }

    /// One assignment, by its name and its own scope.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] with `RoleAssignmentNotFound`.
    pub fn role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
    ) -> Result<Value, ResourceError> {
        self.authorize(caller, READ, scope)?;
        let found = match name.parse() {
            Ok(name) => self.platform().access.assignment(caller.tenant, name)?,
            Err(_) => None,
        };
        match found.filter(|assignment| assignment.scope == *scope) {
            Some(assignment) => Ok(shown(&assignment, scope)),
            None => Err(ResourceError::NotFound {
                code: "RoleAssignmentNotFound",
                message: format!("The role assignment '{name}' is not found."),
            }),
        }
    }

    /// Makes an assignment (answers `true`), or changes description and condition of one.
    ///
    /// # Errors
    /// Those of reference rbac.md section 7; nothing is written then.
    pub fn put_role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
        body: &Value,
    ) -> Result<(Value, bool), ResourceError> {
        self.authorize(caller, WRITE, scope)?;
        let name: RoleAssignmentName = name.parse().map_err(|_| {
            bad(
                "InvalidRoleAssignmentId",
                format!(
                    "The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
                ),
            )
        })?;
        let wanted = Wanted::read(body)?;
        self.platform().store.write(|tx| {
            let scope = canonical_scope(tx, scope)?;
            let existing = self.platform().access.assignment_in(tx, caller.tenant, name)?;
            let created = existing.is_none();
            let assignment = match existing {
                Some(existing) => changed(caller, &scope, existing, wanted, self.platform().clock.now())?,
                None => self.new_assignment(tx, caller, &scope, name, wanted)?,
            };
            self.platform().access.put_assignment(tx, &assignment)?;
            Ok((shown(&assignment, &scope), created))
        })
    }

    /// Deletes an assignment at its own scope; answers what it was, `None` if there was none here.
    ///
    /// # Errors
    /// [`ResourceError::Denied`].
    pub fn delete_role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
    ) -> Result<Option<Value>, ResourceError> {
        self.authorize(caller, DELETE, scope)?;
        let Ok(name) = name.parse::<RoleAssignmentName>() else { return Ok(None) };
        self.platform().store.write(|tx| {
            let access = &self.platform().access;
            let found = access.assignment_in(tx, caller.tenant, name)?;
            let Some(assignment) = found.filter(|assignment| assignment.scope == *scope) else {
                return Ok(None);
            };
            access.delete_assignment(tx, caller.tenant, name)?;
            Ok(Some(shown(&assignment, scope)))
        })
    }

    fn new_assignment(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        scope: &Scope,
        name: RoleAssignmentName,
        wanted: Wanted,
    ) -> Result<RoleAssignment, ResourceError> {
        let access = &self.platform().access;
        let tenant = caller.tenant;
        let role = access.role(tenant, wanted.role).filter(|role| role.definition.is_assignable_at(scope));
        if role.is_none() {
            return Err(bad(
                "RoleDefinitionDoesNotExist",
                format!("The specified role definition with ID '{}' does not exist.", wanted.role),
            ));
        }
        let principal_kind = self.check_principal(caller, &wanted)?;
        if let Some(same) = access.same_assignment(tx, tenant, scope, wanted.role, wanted.principal)? {
            return Err(ResourceError::Conflict {
                code: "RoleAssignmentExists",
                message: format!(
                    "The role assignment already exists. The ID of the existing role assignment is {}.",
                    same.name.0.simple()
                ),
            });
        }
        self.check_limit(tx, caller, scope)?;
        let now = self.platform().clock.now();
        Ok(RoleAssignment {
            name,
            tenant,
            scope: scope.clone(),
            role: wanted.role,
            principal: wanted.principal,
            principal_kind,
            description: wanted.description,
            condition: None,
            condition_version: None,
            created_on: now,
            updated_on: now,
            created_by: Some(caller.object_id),
            updated_by: Some(caller.object_id),
        })
    }

    /// What the principal is; it must be in the caller's directory and be what the body says.
    fn check_principal(&self, caller: &Caller, wanted: &Wanted) -> Result<PrincipalKind, ResourceError> {
        let (id, tenant) = (wanted.principal, caller.tenant);
        let Some(principal) = self.platform().directory.principal(tenant, id)? else {
            return Err(bad(
                "PrincipalNotFound",
                format!(
                    "Principal {} does not exist in the directory {tenant}. Check that you have the correct \
                     principal ID. If you are creating this principal and then immediately assigning a role, this \
                     error might be related to a replication delay. In this case, set the role assignment \
                     principalType property to a value, such as ServicePrincipal, User, or Group.  See \
                     https://aka.ms/docs-principaltype",
                    id
                ),
            ));
        };
        match wanted.kind {
            Some(given) if given != principal.kind => Err(bad(
                "UnmatchedPrincipalType",
                format!(
                    "The PrincipalId '{}' has type '{}' , which is different from specified PrinciaplType '{}'.",
                    id,
                    principal.kind.as_str(),
                    given.as_str()
                ),
            )),
            _ => Ok(principal.kind),
        }
    }

    fn check_limit(&self, tx: &Tx<'_>, caller: &Caller, scope: &Scope) -> Result<(), ResourceError> {
        let (within, most) = match (scope.kind(), scope.subscription_id()) {
            (ScopeKind::ManagementGroup, _) => (scope.clone(), MOST_IN_MANAGEMENT_GROUP),
            (_, Some(subscription)) => (Scope::subscription(subscription), MOST_IN_SUBSCRIPTION),
            _ => return Ok(()),
        };
        if self.platform().access.count_assignments(tx, caller.tenant, &within)? >= most {
            return Err(bad("RoleAssignmentLimitExceeded", "No more role assignments can be created".into()));
        }
        Ok(())
    }
}

/// The assignment after a second PUT. What identifies it stays.
fn changed(
    caller: &Caller,
    scope: &Scope,
    existing: RoleAssignment,
    wanted: Wanted,
    now: gatepost_clock::Timestamp,
) -> Result<RoleAssignment, ResourceError> {
    let same_kind = wanted.kind.is_none_or(|kind| kind == existing.principal_kind);
    if existing.scope != *scope
        || existing.role != wanted.role
        || existing.principal != wanted.principal
        || !same_kind
    {
        return Err(bad(
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.".into(),
        ));
    }
    Ok(RoleAssignment {
        description: wanted.description,
        condition: None,
        condition_version: None,
        updated_on: now,
        updated_by: Some(caller.object_id),
        ..existing
    })
}
