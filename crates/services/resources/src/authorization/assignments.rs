//! Reading role assignments.

use std::collections::HashSet;

use gatepost_access::{Caller, Extent, Position, RoleAssignment};
use gatepost_directory::ObjectKind;
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, Scope, ScopeKind, TenantId};
use serde_json::Value;

use super::Query;
use super::assignment_bodies::shown;
use super::bodies::excerpt;
use super::filters::{AssignmentFilter, Whose};
use super::pages::{self, Rows};
use crate::request::Listing;
use crate::tags::bad;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

const READ: &str = "Microsoft.Authorization/roleAssignments/read";

impl Resources {
    /// The assignments at a scope, above it and below it, as far as the filter wants them and the caller may
    /// read them. What is inherited is read with the right at the scope.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] for a filter that is not understood.
    pub fn role_assignments(
        &self,
        caller: &Caller,
        scope: &Scope,
        query: Query<'_>,
    ) -> Result<Listing, ResourceError> {
        let filter = AssignmentFilter::parse(query.filter)?;
        let scope = &self.enter(caller, READ, scope)?;
        let found = self.assignments_of(caller, scope, &filter, query)?;
        let value = self.all_shown(caller.tenant, &found.rows, scope, query.version)?;
        Ok(Listing { value, next: found.next })
    }

    fn assignments_of(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: &AssignmentFilter,
        query: Query<'_>,
    ) -> Result<Rows<RoleAssignment>, ResourceError> {
        let (access, tenant) = (&self.platform().access, caller.tenant);
        let extent = if filter.at_scope { Extent::AtOrAbove } else { Extent::All };
        let places = access.places(tenant, scope, extent);
        let readable = self.readable(caller, scope);
        let whose = filter.whose.map(|whose| self.principals_of(tenant, whose)).transpose()?;
        // A role that few have is not looked for among all assignments of a tenant.
        let by_role = filter.role.filter(|_| whose.is_none() && holds_many(scope));
        let fetch = |after: Option<&Position>, limit: usize| {
            Ok(match (&whose, by_role) {
                (Some(principals), _) => {
                    access.assignments_of_principals_page(tenant, principals, &places, after, limit)?
                }
                (None, Some(role)) => access.assignments_of_role_page(tenant, role, after, limit)?,
                (None, None) => access.assignments_page(tenant, &places, after, limit)?,
            })
        };
        pages::collect(query.page, fetch, RoleAssignment::position, |assignment| {
            filter.wants_role(assignment)
                && (by_role.is_none() || places.iter().any(|place| place.covers(assignment.scope.key())))
                && readable(&assignment.scope)
        })
    }

    /// Whose assignments are wanted: a principal alone, or with all its groups.
    fn principals_of(&self, tenant: TenantId, whose: Whose) -> Result<Vec<ObjectId>, ResourceError> {
        let platform = self.platform();
        match whose {
            Whose::Own(principal) => Ok(vec![principal]),
            Whose::WithGroups(principal) => {
                let found = platform.directory.principal(tenant, principal)?;
                if found.is_some_and(|found| found.kind == PrincipalKind::Group) {
                    return Err(bad(
                        "InvalidFilterInQueryString",
                        "assignedTo() takes the object id of a user or a service principal. For a group use \
                         principalId eq."
                            .into(),
                    ));
                }
                let mut principals = platform.access.groups_of(tenant, principal);
                principals.push(principal);
                principals.sort_unstable();
                principals.dedup();
                Ok(principals)
            }
        }
    }

    /// Whether the caller, who may read at `scope`, may read what is at another scope: what is inherited, yes;
    /// what is below, if no deny assignment or condition says otherwise.
    fn readable<'a>(&'a self, caller: &'a Caller, scope: &Scope) -> impl Fn(&Scope) -> bool + 'a {
        let inherited: HashSet<Scope> = self.lineage(caller.tenant, scope).into_iter().collect();
        let last = std::cell::RefCell::new(None::<(Scope, bool)>);
        move |at: &Scope| {
            if inherited.contains(at) {
                return true;
            }
            let mut last = last.borrow_mut();
            if let Some((asked, answer)) = &*last
                && asked == at
            {
                return *answer;
            }
            let answer = self.may(caller, READ, at);
            *last = Some((at.clone(), answer));
            answer
        }
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
        version: ApiVersion<'_>,
    ) -> Result<Value, ResourceError> {
        self.authorize(caller, READ, scope)?;
        let found = match name.parse::<RoleAssignmentName>() {
            Ok(name) => self.platform().access.assignment(caller.tenant, name)?,
            Err(_) => None,
        };
        let Some(assignment) = found.filter(|assignment| assignment.scope == *scope) else {
            return Err(missing(name));
        };
        self.one_shown(&assignment, scope, version)
    }

    /// An assignment as it is read at `scope`.
    pub(super) fn one_shown(
        &self,
        assignment: &RoleAssignment,
        scope: &Scope,
        version: ApiVersion<'_>,
    ) -> Result<Value, ResourceError> {
        let living = self.living(assignment.tenant, &[assignment.principal])?;
        Ok(shown(assignment, scope, version, !living.contains(&assignment.principal)))
    }

    /// Which of these principals are in the directory. An assignment outlives its principal.
    fn living(&self, tenant: TenantId, principals: &[ObjectId]) -> Result<HashSet<ObjectId>, ResourceError> {
        let found = self.platform().directory.existing(tenant, principals)?;
        let principals = found.into_iter().filter(|(_, kind)| *kind != ObjectKind::Application);
        Ok(principals.map(|(id, _)| id).collect())
    }

    fn all_shown(
        &self,
        tenant: TenantId,
        rows: &[RoleAssignment],
        scope: &Scope,
        version: ApiVersion<'_>,
    ) -> Result<Vec<Value>, ResourceError> {
        let principals: HashSet<ObjectId> = rows.iter().map(|row| row.principal).collect();
        let principals: Vec<ObjectId> = principals.into_iter().collect();
        let living = self.living(tenant, &principals)?;
        Ok(rows.iter().map(|row| shown(row, scope, version, !living.contains(&row.principal))).collect())
    }
}

/// Whether a scope may hold a great part of the tenant's assignments.
fn holds_many(scope: &Scope) -> bool {
    matches!(scope.kind(), ScopeKind::TenantRoot | ScopeKind::ManagementGroup | ScopeKind::Subscription)
}

fn missing(name: &str) -> ResourceError {
    ResourceError::NotFound {
        code: "RoleAssignmentNotFound",
        message: format!("The role assignment '{}' is not found.", excerpt(name)),
    }
}
