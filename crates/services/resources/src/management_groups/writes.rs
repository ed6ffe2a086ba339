//! Making, changing and deleting management groups.

use gatepost_access::{
    Access, Caller, GLOBAL_ADMINISTRATOR, ManagementGroup, ManagementGroupError, Reach, RoleAssignment,
};
use gatepost_names::{RoleAssignmentName, Scope};
use gatepost_rbac::builtin;
use gatepost_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use super::bodies::{self, Wanted};
use super::forest::Forest;
use super::{DEEPEST, DELETE, GroupExpand, MOST_GROUPS, WRITE, missing, parsed, refused};
use crate::activity::Intended;
use crate::provider::Change;
use crate::request::Deleted;
use crate::{ResourceError, Resources};

/// What lets its holder make groups below the root group without a role there.
const BY_DIRECTORY_ROLE: &str = "Global Administrator";

impl Resources {
    /// Makes a management group (answers `true`), or changes display name and parent of one.
    ///
    /// A new group needs the right to write its parent; below the root group a Global Administrator needs none, and
    /// becomes Owner of the new group where no role says so.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn put_management_group(
        &self,
        caller: &Caller,
        name: &str,
        body: &Value,
    ) -> Result<(Value, bool), ResourceError> {
        bodies::check_name(name)?;
        let scope = parsed(name)?;
        if self.platform().access.management_group(caller.tenant, name).is_some() {
            return self.change(caller, Intended::put(WRITE, &scope), |attempt| {
                let wanted = Wanted::of_put(name, body)?;
                attempt.commit(|change| Ok((self.alter(change, &scope, name, wanted)?, false)))
            });
        }
        let wanted = Wanted::of_put(name, body)?;
        let parent = wanted.parent.clone().unwrap_or_else(|| caller.tenant.to_string());
        let at = self.known(caller, WRITE, &parent)?;
        let intended = Intended::put(WRITE, &at).of(scope.as_str());
        let by_directory_role = self.may_begin_at_root(caller, &parent, &at);
        let intended = match by_directory_role {
            true => intended.allowed_as(BY_DIRECTORY_ROLE, is_global_administrator),
            false => intended,
        };
        self.change(caller, intended, |attempt| {
            attempt.commit(|change| {
                let made = self.make(change, name, &parent, wanted)?;
                if by_directory_role {
                    make_owner(change, &scope)?;
                }
                Ok((made, true))
            })
        })
    }

    /// Changes display name and parent of a management group.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn patch_management_group(
        &self,
        caller: &Caller,
        name: &str,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        let scope = self.known(caller, WRITE, name)?;
        self.change(caller, Intended::patch(WRITE, &scope), |attempt| {
            let wanted = Wanted::of_patch(body)?;
            attempt.commit(|change| self.alter(change, &scope, name, wanted))
        })
    }

    /// Deletes a management group in which nothing is, with the role and deny assignments at it.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for the root group and for one that is not empty.
    pub fn delete_management_group(&self, caller: &Caller, name: &str) -> Result<Deleted, ResourceError> {
        let scope = parsed(name)?;
        if self.is_absent(caller, DELETE, name)? {
            return Ok(Deleted::Absent);
        }
        self.change(caller, Intended::delete(DELETE, &scope), |attempt| {
            attempt.commit(|change| {
                let access = &change.platform.access;
                let Some(group) = access.management_group(caller.tenant, name) else {
                    return Ok(Deleted::Absent);
                };
                if group.parent.is_none() {
                    return Err(refused("The root management group cannot be deleted.".to_owned()));
                }
                self.delete_access_at(change, &[Reach::At(scope.key().to_owned())])?;
                access.delete_management_group(change.tx, caller.tenant, name).map_err(|e| of(e, name))?;
                Ok(Deleted::Done)
            })
        })
    }

    /// Whether the caller may make a group below the root group by its directory role alone.
    fn may_begin_at_root(&self, caller: &Caller, parent: &str, at: &Scope) -> bool {
        parent.eq_ignore_ascii_case(&caller.tenant.to_string())
            && !self.may(caller, WRITE, at)
            && is_global_administrator(&self.platform().access, caller)
    }

    fn make(
        &self,
        change: &Change<'_>,
        name: &str,
        parent: &str,
        wanted: Wanted,
    ) -> Result<Value, ResourceError> {
        let tenant = change.caller.tenant;
        let forest = Forest::read(self, tenant)?;
        if forest.group(name).is_some() {
            return Err(StoreError::Conflict(format!("management group {name} was made meanwhile")).into());
        }
        let parent = forest.group(parent).ok_or_else(|| missing(parent))?;
        if forest.len() >= MOST_GROUPS {
            return Err(refused(format!("The limit of {MOST_GROUPS} management groups is reached.")));
        }
        check_depth(forest.depth(parent) + 1)?;
        let by = Some(change.caller.object_id);
        let group = ManagementGroup {
            tenant,
            name: name.to_owned(),
            display_name: wanted.display_name.unwrap_or_else(|| name.to_owned()),
            parent: Some(parent.name.clone()),
            created_on: change.now,
            created_by: by,
            updated_on: change.now,
            updated_by: by,
        };
        change.platform.access.put_management_group(change.tx, &group).map_err(|e| of(e, name))?;
        Ok(bodies::shown(&forest, &group, GroupExpand::default()))
    }

    fn alter(
        &self,
        change: &Change<'_>,
        scope: &Scope,
        name: &str,
        wanted: Wanted,
    ) -> Result<Value, ResourceError> {
        let caller = change.caller;
        let forest = Forest::read(self, caller.tenant)?;
        let existing = forest.group(name).ok_or_else(|| missing(name))?;
        let mut group = existing.clone();
        if let Some(display_name) = wanted.display_name {
            group.display_name = display_name;
        }
        let parent = wanted.parent.as_deref();
        let is_new =
            |parent: &&str| !existing.parent.as_ref().is_some_and(|old| old.eq_ignore_ascii_case(parent));
        if let Some(parent) = parent.filter(is_new) {
            let Some(from) = forest.parent_of(existing) else {
                return Err(refused("The root management group cannot be moved.".to_owned()));
            };
            let to = forest.group(parent).ok_or_else(|| missing(parent))?;
            if std::iter::once(to).chain(forest.above(to)).any(|above| above.name == existing.name) {
                return Err(refused(format!(
                    "The management group '{name}' cannot be moved into '{}', which is itself or in it.",
                    to.name
                )));
            }
            check_depth(forest.depth(to) + 1 + forest.height(existing))?;
            self.check_move(caller, (WRITE, scope), scope, Some(from), to)?;
            group.parent = Some(to.name.clone());
        }
        group.updated_on = change.now;
        group.updated_by = Some(caller.object_id);
        change.platform.access.put_management_group(change.tx, &group).map_err(|e| of(e, name))?;
        Ok(bodies::shown(&forest, &group, GroupExpand::default()))
    }
}

fn is_global_administrator(access: &Access, caller: &Caller) -> bool {
    access.effective_directory_roles(caller.tenant, caller.object_id).contains(&GLOBAL_ADMINISTRATOR)
}

fn check_depth(depth: usize) -> Result<(), ResourceError> {
    if depth <= DEEPEST {
        return Ok(());
    }
    Err(refused(format!(
        "The hierarchy of management groups has at most {DEEPEST} levels below the root group; this would make {depth}."
    )))
}

/// Makes the caller Owner of the group that it made.
fn make_owner(change: &Change<'_>, scope: &Scope) -> Result<(), ResourceError> {
    let caller = change.caller;
    let by = Some(caller.object_id);
    let assignment = RoleAssignment {
        name: RoleAssignmentName(Uuid::new_v4()),
        tenant: caller.tenant,
        scope: scope.clone(),
        role: builtin::OWNER,
        principal: caller.object_id,
        principal_kind: caller.kind,
        description: None,
        condition: None,
        condition_version: None,
        starts: None,
        ends: None,
        created_on: change.now,
        updated_on: change.now,
        created_by: by,
        updated_by: by,
    };
    Ok(change.platform.access.put_assignment(change.tx, &assignment)?)
}

/// What the store's rules refused.
fn of(error: ManagementGroupError, name: &str) -> ResourceError {
    match error {
        ManagementGroupError::Store(error) => error.into(),
        ManagementGroupError::NoParent(parent) => missing(&parent),
        ManagementGroupError::NotEmpty(_) => refused(format!(
            "The management group '{name}' is not empty. Delete the groups in it and move its subscriptions first."
        )),
        error @ (ManagementGroupError::Cycle(_)
        | ManagementGroupError::TooDeep(_)
        | ManagementGroupError::BadName(_)) => refused(format!("The hierarchy is not possible: {error}.")),
    }
}
