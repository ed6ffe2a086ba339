//! What a caller may do with an object: `access` decides, from the facts that are found here.

use gatepost_access::{Caller, DirectoryAction, DirectoryTarget};
use gatepost_names::{PrincipalKind, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError};
use serde_json::{Map, Value};

use crate::{Directory, DirectoryError, MICROSOFT_GRAPH, objects};

/// What reads a kind of objects.
pub(crate) fn reading(kind: ObjectKind) -> DirectoryAction {
    match kind {
        ObjectKind::Application => DirectoryAction::ReadApplications,
        ObjectKind::ServicePrincipal => DirectoryAction::ReadServicePrincipals,
        ObjectKind::User => DirectoryAction::ReadUsers,
        ObjectKind::Group => DirectoryAction::ReadGroups,
    }
}

/// What makes a kind of objects.
pub(crate) fn creating(kind: ObjectKind) -> DirectoryAction {
    match kind {
        ObjectKind::Application => DirectoryAction::CreateApplications,
        ObjectKind::ServicePrincipal => DirectoryAction::CreateServicePrincipals,
        ObjectKind::User => DirectoryAction::ManageUsers,
        ObjectKind::Group => DirectoryAction::CreateGroups,
    }
}

/// What changes a kind of objects.
pub(crate) fn managing(kind: ObjectKind) -> DirectoryAction {
    match kind {
        ObjectKind::Application => DirectoryAction::ManageApplications,
        ObjectKind::ServicePrincipal => DirectoryAction::ManageServicePrincipals,
        ObjectKind::User => DirectoryAction::ManageUsers,
        ObjectKind::Group => DirectoryAction::ManageGroups,
    }
}

/// What deletes and restores a kind of objects.
pub(crate) fn deleting(kind: ObjectKind) -> DirectoryAction {
    match kind {
        ObjectKind::User => DirectoryAction::SecureUsers,
        other => managing(other),
    }
}

/// Properties of users that only those may write who may secure users: who signs in, and where a lost
/// credential is recovered.
const SECURING: [&str; 8] = [
    "accountEnabled",
    "userPrincipalName",
    "onPremisesImmutableId",
    "otherMails",
    "mobilePhone",
    "businessPhones",
    "passwordProfile",
    "passwordPolicies",
];

/// What a change of a user asks for.
pub(crate) fn changing_user(sent: &Map<String, Value>) -> DirectoryAction {
    let secures = |name: &String| SECURING.iter().any(|property| property.eq_ignore_ascii_case(name));
    if sent.keys().any(secures) { DirectoryAction::SecureUsers } else { DirectoryAction::ManageUsers }
}

/// Whether directory roles can be assigned to a group.
pub(crate) fn is_role_assignable(group: &ObjectRow) -> Result<bool, StoreError> {
    let document = objects::kept(group)?;
    Ok(document.get("isAssignableToRole").and_then(Value::as_bool).unwrap_or(false))
}

impl Directory {
    /// Whether the caller may do what concerns no object of the directory.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`].
    pub fn require(&self, caller: &Caller, action: DirectoryAction) -> Result<(), DirectoryError> {
        self.permit(caller, action, &DirectoryTarget::default())
    }

    /// Asks `access`: first with the caller's directory roles, then with the application permissions of Microsoft
    /// Graph that it has at this moment.
    pub(crate) fn permit(
        &self,
        caller: &Caller,
        action: DirectoryAction,
        target: &DirectoryTarget,
    ) -> Result<(), DirectoryError> {
        match self.0.access.require_directory_on(caller, action, target) {
            Err(_) if caller.kind == PrincipalKind::ServicePrincipal => {
                let graph = self.client(caller.tenant, MICROSOFT_GRAPH)?;
                let permissions = match graph.and_then(|graph| graph.service_principal) {
                    Some(graph) => self.app_role_values(caller.tenant, caller.object_id, graph)?,
                    None => Vec::new(),
                };
                Ok(self.0.access.require_directory_with(caller, action, target, &permissions)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Whether the caller may read a kind of objects; its own it may always.
    pub(crate) fn require_reading(&self, caller: &Caller, kind: ObjectKind) -> Result<(), DirectoryError> {
        self.require(caller, reading(kind))
    }

    /// Whether the caller may do this to an object.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::Store`].
    pub(crate) fn require_on(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        action: DirectoryAction,
        row: &ObjectRow,
    ) -> Result<(), DirectoryError> {
        // Who may read all of them may read this one: then nothing else needs to be known of it.
        if action.is_read() && self.require(caller, action).is_ok() {
            return Ok(());
        }
        let target = self.target(conn, caller, row)?;
        self.permit(caller, action, &target)
    }

    /// Whether the caller may do this to an object that may not be there: who may not, does not learn whether
    /// it is.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub(crate) fn require_found(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        action: DirectoryAction,
        found: Option<ObjectRow>,
        name: &dyn std::fmt::Display,
    ) -> Result<ObjectRow, DirectoryError> {
        match found {
            Some(row) => {
                self.require_on(conn, caller, action, &row)?;
                Ok(row)
            }
            None => {
                self.require(caller, action)?;
                Err(DirectoryError::NotFound(name.to_string()))
            }
        }
    }

    /// What a decision needs to know of an object.
    pub(crate) fn target(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        row: &ObjectRow,
    ) -> Result<DirectoryTarget, StoreError> {
        let same_application = caller.kind == PrincipalKind::ServicePrincipal
            && row.app_id.is_some()
            && row.app_id == caller.app_id;
        let privileged = match row.kind {
            ObjectKind::Group => is_role_assignable(row)?,
            ObjectKind::User => self.is_administrator(conn, row.tenant, row)?,
            ObjectKind::Application | ObjectKind::ServicePrincipal => false,
        };
        Ok(DirectoryTarget {
            own: row.id == caller.object_id || same_application,
            owned: rows::is_owner(conn, caller.tenant, row.id, caller.object_id)?,
            privileged,
            members_may: false,
        })
    }

    /// Whether power over a user is power over the directory: it has a directory role that counts, or it
    /// belongs to or owns a group that can have one.
    fn is_administrator(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        user: &ObjectRow,
    ) -> Result<bool, StoreError> {
        let roles = self.0.access.effective_directory_roles(tenant, user.id);
        if gatepost_access::is_privileged(&roles) {
            return Ok(true);
        }
        let mut groups = self.0.access.groups_of(tenant, user.id);
        groups.extend(rows::owned_by(conn, tenant, user.id, None, u32::MAX)?);
        for id in groups {
            let group = rows::find(conn, tenant, id)?.filter(|row| row.kind == ObjectKind::Group);
            if let Some(group) = group
                && is_role_assignable(&group)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_matters_to_signing_in_is_secured() {
        let action = |sent: Value| changing_user(sent.as_object().unwrap());
        assert_eq!(action(json!({"displayName": "x", "city": "y"})), DirectoryAction::ManageUsers);
        assert_eq!(action(json!({"displayName": "x", "ACCOUNTENABLED": true})), DirectoryAction::SecureUsers);
    }
}
