//! Writing deny assignments (reference rbac.md section 10).

use gatepost_access::{Caller, DenyPrincipal, StoredDeny};
use gatepost_names::{ObjectId, PrincipalKind, Scope};
use gatepost_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use super::bodies::excerpt;
use super::deny_bodies::{EVERYONE, WRITABLE_SINCE, Wanted};
use super::{base_of, conditions};
use crate::activity::Intended;
use crate::provider::Change;
use crate::tags::bad;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

pub(crate) const WRITE: &str = "Microsoft.Authorization/denyAssignments/write";
const DELETE: &str = "Microsoft.Authorization/denyAssignments/delete";

impl Resources {
    /// Makes a deny assignment (answers `true`), or replaces one.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for what a deny assignment cannot be and with `DenyAssignmentLimitExceeded`
    /// where there are as many as may be ([`Limits`](crate::Limits)), [`ResourceError::Conflict`] with
    /// `DenyAssignmentWithSameNameExists`; nothing is written then.
    pub fn put_deny_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        body: &Value,
        version: ApiVersion<'_>,
    ) -> Result<(Value, bool), ResourceError> {
        check_version(version)?;
        self.change(caller, Intended::put(WRITE, scope).of(path(scope, id)), |attempt| {
            let id = Uuid::try_parse(id).map_err(|_| {
                bad(
                    "InvalidDenyAssignmentId",
                    format!(
                        "The deny assignment ID '{}' is not valid. The deny assignment ID must be a GUID.",
                        excerpt(id)
                    ),
                )
            })?;
            let wanted = Wanted::read(self.catalogue(), version, scope, id, body)?;
            attempt.commit(|change| {
                let (deny, created) = self.deny_after(change, scope, id, wanted, version)?;
                self.platform().access.put_deny(change.tx, &deny).map_err(|error| same_name(error, &deny))?;
                Ok((self.deny_shown(&deny, version), created))
            })
        })
    }

    fn deny_after(
        &self,
        change: &Change<'_>,
        scope: &Scope,
        id: Uuid,
        wanted: Wanted,
        version: ApiVersion<'_>,
    ) -> Result<(StoredDeny, bool), ResourceError> {
        let (access, tenant) = (&self.platform().access, change.caller.tenant);
        let scope = self.place(change.tx, tenant, scope)?;
        let existing = access.deny_in(change.tx, tenant, id)?;
        if existing.as_ref().is_some_and(|deny| deny.scope != scope) {
            return Err(bad(
                "DenyAssignmentUpdateNotPermitted",
                "The scope of a deny assignment is not allowed to be updated.".into(),
            ));
        }
        match &existing {
            Some(existing) => check_unprotected(existing)?,
            None => self.check_deny_limit(change, &scope)?,
        }
        let deny = StoredDeny {
            tenant,
            id,
            scope,
            name: wanted.name,
            description: wanted.description,
            permissions: wanted.permissions,
            principals: self.denied(change.caller, wanted.principals, version)?,
            excluded: self.excluded(change.caller, wanted.excluded)?,
            not_for_children: wanted.not_for_children,
            effect: wanted.effect,
            condition_version: wanted.condition.as_ref().map(|_| conditions::VERSION.to_owned()),
            condition: wanted.condition,
            system_protected: false,
            created_on: existing.as_ref().map_or(change.now, |deny| deny.created_on),
            created_by: existing.as_ref().map_or(Some(change.caller.object_id), |deny| deny.created_by),
            updated_on: change.now,
            updated_by: Some(change.caller.object_id),
        };
        Ok((deny, existing.is_none()))
    }

    fn check_deny_limit(&self, change: &Change<'_>, scope: &Scope) -> Result<(), ResourceError> {
        let (access, limits, tenant) = (&self.platform().access, self.limits(), change.caller.tenant);
        let (count, most) = match scope.subscription_id() {
            Some(subscription) => {
                let most = i64::from(limits.denies_in_subscription);
                (access.count_denies(change.tx, tenant, &Scope::subscription(subscription), most)?, most)
            }
            None => {
                let most = i64::from(limits.denies_in_management_group);
                (access.count_denies_at(change.tx, tenant, scope, most)?, most)
            }
        };
        if count >= most {
            return Err(bad(
                "DenyAssignmentLimitExceeded",
                format!("No more deny assignments can be created: the limit of {most} is reached."),
            ));
        }
        Ok(())
    }

    /// The principals with their types. Azure's deny assignments are for no group; ours may be.
    fn denied(
        &self,
        caller: &Caller,
        wanted: Vec<(ObjectId, Option<String>)>,
        version: ApiVersion<'_>,
    ) -> Result<Vec<DenyPrincipal>, ResourceError> {
        let mut denied = Vec::with_capacity(wanted.len());
        for (id, kind) in wanted {
            if id == EVERYONE {
                denied.push(DenyPrincipal { id, kind: "SystemDefined".into() });
                continue;
            }
            let found = self.principal_as(caller, id, kind.as_deref())?;
            if found == PrincipalKind::Group && !version.is_own() {
                return Err(bad(
                    "InvalidDenyAssignmentPrincipals",
                    "A deny assignment is for all principals, or for one user or service principal.".into(),
                ));
            }
            denied.push(DenyPrincipal { id, kind: found.as_str().into() });
        }
        Ok(denied)
    }

    fn excluded(
        &self,
        caller: &Caller,
        wanted: Vec<(ObjectId, Option<String>)>,
    ) -> Result<Vec<DenyPrincipal>, ResourceError> {
        wanted
            .into_iter()
            .map(|(id, kind)| {
                let found = self.principal_as(caller, id, kind.as_deref())?;
                Ok(DenyPrincipal { id, kind: found.as_str().into() })
            })
            .collect()
    }

    fn principal_as(
        &self,
        caller: &Caller,
        id: ObjectId,
        kind: Option<&str>,
    ) -> Result<PrincipalKind, ResourceError> {
        let principal = self.platform().directory.principal(caller.tenant, id)?;
        let kind = kind.map(super::assignment_bodies::kind_of).transpose()?;
        super::assignment_writes::check_principal(caller, id, kind, principal.as_ref())
    }

    /// Deletes a deny assignment at its own scope; answers whether there was one.
    ///
    /// # Errors
    /// [`ResourceError::Denied`].
    pub fn delete_deny_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        version: ApiVersion<'_>,
    ) -> Result<Option<Value>, ResourceError> {
        check_version(version)?;
        self.change(caller, Intended::delete(DELETE, scope).of(path(scope, id)), |attempt| {
            let id = Uuid::try_parse(id).ok();
            attempt.commit(|change| {
                let (access, tenant) = (&self.platform().access, caller.tenant);
                let found = match id {
                    Some(id) => access.deny_in(change.tx, tenant, id)?,
                    None => None,
                };
                let Some(deny) = found.filter(|deny| deny.scope == *scope) else { return Ok(None) };
                check_unprotected(&deny)?;
                access.delete_deny(change.tx, tenant, deny.id)?;
                Ok(Some(self.deny_shown(&deny, version)))
            })
        })
    }
}

/// The id is this scope's, as was seen in the same transaction: what is left to conflict is the name.
fn same_name(error: StoreError, deny: &StoredDeny) -> ResourceError {
    match error {
        StoreError::Conflict(_) => ResourceError::Conflict {
            code: "DenyAssignmentWithSameNameExists",
            message: format!(
                "A deny assignment with the name '{}' already exists at this scope. Use a different name.",
                deny.name
            ),
        },
        other => other.into(),
    }
}

/// Older api-versions only read.
fn check_version(version: ApiVersion<'_>) -> Result<(), ResourceError> {
    if version.since(WRITABLE_SINCE) { Ok(()) } else { Err(ResourceError::MethodNotAllowed) }
}

fn check_unprotected(deny: &StoredDeny) -> Result<(), ResourceError> {
    if !deny.system_protected {
        return Ok(());
    }
    Err(bad(
        "DenyAssignmentSystemProtected",
        format!("The deny assignment '{}' is protected by the system and cannot be changed.", deny.id),
    ))
}

fn path(scope: &Scope, id: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/denyAssignments/{id}", base_of(scope))
}
