//! Writing role assignments (reference rbac.md section 6).

use gatepost_access::{Caller, RoleAssignment};
use gatepost_clock::Timestamp;
use gatepost_directory::Principal;
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, Scope, ScopeKind, TenantId};
use gatepost_rbac::{Plane, RoleDefinition, builtin};
use gatepost_store::Conn;
use serde_json::Value;

use super::assignment_bodies::{Wanted, check_times};
use super::base_of;
use super::bodies::excerpt;
use super::conditions;
use super::definition_bodies::DATA_ACTIONS_SINCE;
use super::delegation::Delegated;
use super::places::{is_assignable, reaches_data};
use crate::activity::Intended;
use crate::provider::Change;
use crate::tags::bad;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

pub(crate) const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

/// Who asks for a change, when, and over which state of the store.
pub(super) struct Asked<'a> {
    pub(super) conn: &'a Conn<'a>,
    pub(super) caller: &'a Caller,
    pub(super) now: Timestamp,
}

impl<'a> Asked<'a> {
    fn of(change: &'a Change<'a>) -> Asked<'a> {
        Asked { conn: change.tx, caller: change.caller, now: change.now }
    }
}

impl Resources {
    /// Makes an assignment (answers `true`), or changes description, condition and times of one.
    ///
    /// # Errors
    /// Those of reference rbac.md section 7; nothing is written then.
    pub fn put_role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
        body: &Value,
        version: ApiVersion<'_>,
    ) -> Result<(Value, bool), ResourceError> {
        let intended = Intended::put(WRITE, scope).of(path(scope, name)).if_possible();
        self.change(caller, intended, |attempt| {
            let name = name_of(name)?;
            let wanted = Wanted::read(version, scope, name, body)?;
            attempt.commit(|change| {
                let asked = Asked::of(change);
                let (assignment, created) = self.assignment_after(&asked, scope, name, wanted, version)?;
                self.platform().access.put_assignment(change.tx, &assignment)?;
                Ok((self.one_shown(&assignment, &assignment.scope, version)?, created))
            })
        })
    }

    /// The assignment that a PUT leaves, and whether it is new. Nothing is written.
    pub(super) fn assignment_after(
        &self,
        asked: &Asked<'_>,
        scope: &Scope,
        name: RoleAssignmentName,
        wanted: Wanted,
        version: ApiVersion<'_>,
    ) -> Result<(RoleAssignment, bool), ResourceError> {
        let platform = self.platform();
        let caller = asked.caller;
        let scope = self.place(asked.conn, caller.tenant, scope)?;
        let existing = platform.access.assignment_in(asked.conn, caller.tenant, name)?;
        let principal = platform.directory.principal(caller.tenant, wanted.principal)?;
        // An orphan keeps the type that its principal had.
        let same = existing.as_ref().filter(|existing| existing.principal == wanted.principal);
        let kind = principal.as_ref().map(|found| found.kind).or(same.map(|same| same.principal_kind));
        let attributes = Delegated::written(wanted.role, wanted.principal, kind);
        platform.access.require_with(caller, WRITE, &scope, Plane::Control, &attributes)?;
        match existing {
            Some(existing) => {
                let after = changed(asked, &scope, existing.clone(), wanted)?;
                if is_narrowed(&existing, &after, asked.now) {
                    self.check_not_last_owner(asked, &existing)?;
                }
                Ok((after, false))
            }
            None => {
                let made = self.new_assignment(asked, &scope, name, wanted, principal.as_ref(), version)?;
                Ok((made, true))
            }
        }
    }

    fn new_assignment(
        &self,
        asked: &Asked<'_>,
        scope: &Scope,
        name: RoleAssignmentName,
        wanted: Wanted,
        principal: Option<&Principal>,
        version: ApiVersion<'_>,
    ) -> Result<RoleAssignment, ResourceError> {
        let access = &self.platform().access;
        let (caller, tenant) = (asked.caller, asked.caller.tenant);
        let lineage = self.lineage(tenant, scope);
        match access.role(tenant, wanted.role).filter(|role| is_assignable(&role.definition, &lineage)) {
            Some(role) => check_planes(&role.definition, scope, version)?,
            None => {
                return Err(bad(
                    "RoleDefinitionDoesNotExist",
                    format!("The specified role definition with ID '{}' does not exist.", wanted.role),
                ));
            }
        }
        let principal_kind = check_principal(caller, wanted.principal, wanted.kind, principal)?;
        if let Some(same) =
            access.same_assignment(asked.conn, tenant, scope, wanted.role, wanted.principal)?
        {
            return Err(ResourceError::Conflict {
                code: "RoleAssignmentExists",
                message: format!(
                    "The role assignment already exists. The ID of the existing role assignment is {}.",
                    same.name.0.simple()
                ),
            });
        }
        self.check_limit(asked, scope)?;
        let (starts, ends) = (wanted.starts.after(None), wanted.ends.after(None));
        check_times(starts, ends)?;
        let condition = wanted.condition.after(None);
        Ok(RoleAssignment {
            name,
            tenant,
            scope: scope.clone(),
            role: wanted.role,
            principal: wanted.principal,
            principal_kind,
            description: wanted.description.after(None),
            condition_version: condition.as_ref().map(|_| conditions::VERSION.to_owned()),
            condition,
            starts,
            ends,
            created_on: asked.now,
            updated_on: asked.now,
            created_by: Some(caller.object_id),
            updated_by: Some(caller.object_id),
        })
    }

    fn check_limit(&self, asked: &Asked<'_>, scope: &Scope) -> Result<(), ResourceError> {
        let (access, limits, tenant) = (&self.platform().access, self.limits(), asked.caller.tenant);
        let (count, most) = match (scope.kind(), scope.subscription_id()) {
            (ScopeKind::ManagementGroup, _) => {
                let most = i64::from(limits.assignments_in_management_group);
                (access.count_assignments_at(asked.conn, tenant, scope, most)?, most)
            }
            (_, Some(subscription)) => {
                let most = i64::from(limits.assignments_in_subscription);
                (
                    access.count_assignments(asked.conn, tenant, &Scope::subscription(subscription), most)?,
                    most,
                )
            }
            _ => return Ok(()),
        };
        if count >= most {
            return Err(bad("RoleAssignmentLimitExceeded", "No more role assignments can be created".into()));
        }
        Ok(())
    }

    /// Deletes an assignment at its own scope; answers what it was, `None` if there was none here.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::LastAdministrator`].
    pub fn delete_role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &str,
        version: ApiVersion<'_>,
    ) -> Result<Option<Value>, ResourceError> {
        let intended = Intended::delete(DELETE, scope).of(path(scope, name)).if_possible();
        self.change(caller, intended, |attempt| {
            let name = name.parse::<RoleAssignmentName>().ok();
            attempt.commit(|change| {
                let access = &self.platform().access;
                let found = match name {
                    Some(name) => access.assignment_in(change.tx, caller.tenant, name)?,
                    None => None,
                };
                let Some(assignment) = found.filter(|assignment| assignment.scope == *scope) else {
                    return Ok(None);
                };
                let (role, principal, kind) =
                    (assignment.role, assignment.principal, assignment.principal_kind);
                let attributes = Delegated::deleted(role, principal, kind);
                access.require_with(caller, DELETE, scope, Plane::Control, &attributes)?;
                self.check_not_last_owner(&Asked::of(change), &assignment)?;
                let body = self.one_shown(&assignment, scope, version)?;
                access.delete_assignment(change.tx, caller.tenant, assignment.name)?;
                Ok(Some(body))
            })
        })
    }

    /// A subscription keeps an Owner of its own: one above it may be gone tomorrow. Only a Global Administrator,
    /// who can always come back, may remove or narrow the last one. One of a principal that is gone counts for
    /// nothing, nor does one with a condition, one that ends earlier, or of a group that nobody is in.
    fn check_not_last_owner(&self, asked: &Asked<'_>, leaving: &RoleAssignment) -> Result<(), ResourceError> {
        let (access, tenant) = (&self.platform().access, leaving.tenant);
        let is_owner = leaving.role == builtin::OWNER && leaving.scope.kind() == ScopeKind::Subscription;
        let may_come_back = || {
            let held = access.effective_directory_roles(tenant, asked.caller.object_id);
            held.contains(&gatepost_access::GLOBAL_ADMINISTRATOR)
        };
        if !is_owner || leaving.condition.is_some() || !self.holds(leaving, asked)? || may_come_back() {
            return Ok(());
        }
        let outlasts = |other: &RoleAssignment| {
            other.ends.is_none_or(|ends| leaving.ends.is_some_and(|leaves| leaves <= ends))
        };
        let places = access.places(tenant, &leaving.scope, gatepost_access::Extent::At);
        const BATCH: usize = 1000;
        let mut after = None;
        loop {
            let at_scope = access.assignments_page(tenant, &places, after.as_ref(), BATCH)?;
            for other in &at_scope {
                let another = other.role == builtin::OWNER && other.name != leaving.name && outlasts(other);
                if another && other.condition.is_none() && self.holds(other, asked)? {
                    return Ok(());
                }
            }
            match at_scope.last() {
                Some(last) if at_scope.len() == BATCH => after = Some(last.position()),
                _ => return Err(ResourceError::LastAdministrator),
            }
        }
    }

    /// Whether somebody has the role by this assignment now.
    fn holds(&self, assignment: &RoleAssignment, asked: &Asked<'_>) -> Result<bool, ResourceError> {
        let now = asked.now;
        let in_time = assignment.starts.is_none_or(|starts| starts <= now)
            && assignment.ends.is_none_or(|ends| now < ends);
        Ok(in_time && self.is_somebody(assignment.tenant, assignment.principal)?)
    }

    /// Whether a principal lives; a group, whether anybody in it does.
    fn is_somebody(&self, tenant: TenantId, principal: ObjectId) -> Result<bool, ResourceError> {
        let (access, directory) = (&self.platform().access, &self.platform().directory);
        match directory.principal(tenant, principal)? {
            None => return Ok(false),
            Some(found) if found.kind != PrincipalKind::Group => return Ok(true),
            Some(_) => {}
        }
        for member in access.members_of(tenant, principal) {
            let found = directory.principal(tenant, member)?;
            if found.is_some_and(|found| found.kind != PrincipalKind::Group) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether an assignment grants less, or less long, than before.
fn is_narrowed(before: &RoleAssignment, after: &RoleAssignment, now: Timestamp) -> bool {
    let conditioned = before.condition.is_none() && after.condition.is_some();
    let later = after.starts > before.starts && after.starts.is_some_and(|starts| starts > now);
    let shorter = after.ends.is_some_and(|ends| before.ends.is_none_or(|before| ends < before));
    conditioned || later || shorter
}

pub(super) fn path(scope: &Scope, name: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", base_of(scope))
}

pub(super) fn name_of(name: &str) -> Result<RoleAssignmentName, ResourceError> {
    name.parse().map_err(|_| {
        bad(
            "InvalidRoleAssignmentId",
            format!(
                "The role assignment ID '{}' is not valid. The role assignment ID must be a GUID.",
                excerpt(name)
            ),
        )
    })
}

/// A role with data actions needs an api-version that has them, and a custom one cannot be assigned at a
/// management group.
fn check_planes(role: &RoleDefinition, scope: &Scope, version: ApiVersion<'_>) -> Result<(), ResourceError> {
    let reaches_data = reaches_data(role);
    if reaches_data && !role.built_in && scope.kind() == ScopeKind::ManagementGroup {
        return Err(bad(
            "InvalidCreateRoleAssignmentRequest",
            "Role assignments to Management Groups can not be made to custom role definitions with DataActions"
                .into(),
        ));
    }
    if reaches_data && !version.since(DATA_ACTIONS_SINCE) {
        return Err(bad(
            "UnsupportedApiVersionForRoleDefinitionHasDataActions",
            format!(
                "Assignments to roles with DataActions and NotDataActions are not supported on API version \
                 '{}'. The minimum required API version for this operations is '2018-01-01-preview'.",
                version.as_str()
            ),
        ));
    }
    Ok(())
}

/// What a principal is; it must be in the caller's directory and be what the body says.
pub(super) fn check_principal(
    caller: &Caller,
    id: ObjectId,
    given: Option<PrincipalKind>,
    principal: Option<&Principal>,
) -> Result<PrincipalKind, ResourceError> {
    let Some(principal) = principal else {
        return Err(bad(
            "PrincipalNotFound",
            format!(
                "Principal {id} does not exist in the directory {}. Check that you have the correct principal \
                 ID. If you are creating this principal and then immediately assigning a role, this error might \
                 be related to a replication delay. In this case, set the role assignment principalType property \
                 to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
                caller.tenant
            ),
        ));
    };
    match given {
        Some(given) if given != principal.kind => Err(bad(
            "UnmatchedPrincipalType",
            format!(
                "The PrincipalId '{id}' has type '{}' , which is different from specified PrinciaplType '{}'.",
                principal.kind.as_str(),
                given.as_str()
            ),
        )),
        _ => Ok(principal.kind),
    }
}

/// The assignment after a second PUT. What identifies it stays.
fn changed(
    asked: &Asked<'_>,
    scope: &Scope,
    existing: RoleAssignment,
    wanted: Wanted,
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
    let (starts, ends) = (wanted.starts.after(existing.starts), wanted.ends.after(existing.ends));
    check_times(starts, ends)?;
    let condition = wanted.condition.after(existing.condition);
    Ok(RoleAssignment {
        description: wanted.description.after(existing.description),
        condition_version: condition.as_ref().map(|_| conditions::VERSION.to_owned()),
        condition,
        starts,
        ends,
        updated_on: asked.now,
        updated_by: Some(asked.caller.object_id),
        ..existing
    })
}
