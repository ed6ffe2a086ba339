//! App roles: who has which role of which service principal.
//!
//! A role that a group has counts for the users who are directly in the group, as in Microsoft Entra.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::{Caller, DirectoryAction, DirectoryTarget};
use gatepost_clock::{arm_format, from_micros};
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::directory::{self as rows, AppRoleRow, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx, groups};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::requests::{refuse_others, take};
use crate::{Directory, DirectoryError, MICROSOFT_GRAPH, ObjectKey, objects, requests};

const RESOURCE: &str = "AppRoleAssignment";
/// Direct groups of a user whose roles count.
const MOST_GROUPS: usize = 10_000;

/// Whose side of app role assignments is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppRoleSide {
    /// The roles that a user, a group or a service principal has: `appRoleAssignments`.
    Principal,
    /// The roles of a service principal that others have: `appRoleAssignedTo`.
    Resource,
}

/// A page of things that are shown as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// The things, as Microsoft Graph shows them.
    pub values: Vec<Value>,
    /// Names the next page, if there is more.
    pub next: Option<String>,
}

/// The id of an assignment or a grant as a client sees it.
pub(crate) fn short_id(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// The id that a client sent; GUIDs are taken too.
pub(crate) fn read_short_id(text: &str) -> Option<Uuid> {
    let short = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
    short.or_else(|| Uuid::try_parse(text).ok())
}

impl Directory {
    /// A page of app role assignments of an object.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Denied`], [`DirectoryError::InvalidPageToken`],
    /// [`DirectoryError::Store`].
    pub fn app_role_assignments(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AppRoleSide,
        after: Option<&str>,
        top: usize,
    ) -> Result<Links, DirectoryError> {
        let after =
            after.map(|text| read_short_id(text).ok_or(DirectoryError::InvalidPageToken)).transpose()?;
        self.0.store.read(|conn| {
            let found = requests::find(conn, caller.tenant, kind, key)?;
            let action = DirectoryAction::ReadAppRoleAssignments;
            let row = self.require_found(conn, caller, action, found, key)?;
            let limit = u32::try_from(top.saturating_add(1)).unwrap_or(u32::MAX);
            let mut found = match side {
                AppRoleSide::Principal => rows::app_roles_of(conn, row.tenant, row.id, after, limit)?,
                AppRoleSide::Resource => rows::app_roles_for(conn, row.tenant, row.id, after, limit)?,
            };
            let more = found.len() > top;
            found.truncate(top);
            let next = found.last().filter(|_| more).map(|last| short_id(last.id));
            let values =
                found.iter().map(|row| shown(conn, caller.tenant, row)).collect::<Result<Vec<_>, _>>()?;
            Ok(Links { values, next })
        })
    }

    /// One app role assignment of an object.
    ///
    /// # Errors
    /// As [`Directory::app_role_assignments`].
    pub fn app_role_assignment(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AppRoleSide,
        id: &str,
    ) -> Result<Value, DirectoryError> {
        self.0.store.read(|conn| {
            let found = requests::find(conn, caller.tenant, kind, key)?;
            let action = DirectoryAction::ReadAppRoleAssignments;
            let row = self.require_found(conn, caller, action, found, key)?;
            let assignment = of_object(conn, &row, side, id)?;
            Ok(shown(conn, caller.tenant, &assignment)?)
        })
    }

    /// Gives an app role, as a request on an object of either side says; answers the assignment.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn give_app_role(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AppRoleSide,
        sent: &Map<String, Value>,
    ) -> Result<Value, DirectoryError> {
        let asked = Asked::parse(sent);
        self.0.store.write(|tx| {
            let found = requests::find(tx, caller.tenant, kind, key)?;
            // Who may not give roles of this resource learns nothing of what is wrong with the request.
            let asked = match (asked, &found) {
                (Ok(asked), _) => asked,
                (Err(error), _) => {
                    self.require(caller, DirectoryAction::ManageAppRoleAssignments)?;
                    return Err(error);
                }
            };
            let resource = rows::find(tx, caller.tenant, asked.resource)?
                .filter(|row| row.kind == ObjectKind::ServicePrincipal);
            let principal = rows::find(tx, caller.tenant, asked.principal)?
                .filter(|row| row.kind != ObjectKind::Application);
            self.require_giving(tx, caller, resource.as_ref(), principal.as_ref(), asked.role)?;
            let row = found.ok_or_else(|| DirectoryError::NotFound(key.to_string()))?;
            let named = match side {
                AppRoleSide::Principal => asked.principal,
                AppRoleSide::Resource => asked.resource,
            };
            if named != row.id {
                let name = if side == AppRoleSide::Principal { "principalId" } else { "resourceId" };
                return Err(invalid(name));
            }
            let missing = |id: ObjectId| DirectoryError::NotFound(id.to_string());
            let resource = resource.ok_or_else(|| missing(asked.resource))?;
            let principal = principal.ok_or_else(|| missing(asked.principal))?;
            check_role(&resource, &principal, asked.role)?;
            let row = AppRoleRow {
                id: Uuid::new_v4(),
                principal: principal.id,
                resource: resource.id,
                role: asked.role,
                created_at: self.0.clock.micros(),
            };
            match rows::insert_app_role(tx, caller.tenant, &row) {
                Err(StoreError::Conflict(_)) => return Err(DirectoryError::PermissionExists),
                other => other?,
            }
            Ok(shown(tx, caller.tenant, &row)?)
        })
    }

    /// Takes an app role.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn take_app_role(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AppRoleSide,
        id: &str,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let found = requests::find(tx, caller.tenant, kind, key)?;
            let assignment = match &found {
                Some(row) => of_object(tx, row, side, id),
                None => Err(DirectoryError::NotFound(key.to_string())),
            };
            let assignment = match assignment {
                Ok(assignment) => assignment,
                Err(error) => {
                    self.require(caller, DirectoryAction::ManageAppRoleAssignments)?;
                    return Err(error);
                }
            };
            let resource = rows::find(tx, caller.tenant, assignment.resource)?;
            let principal = rows::find(tx, caller.tenant, assignment.principal)?;
            self.require_giving(tx, caller, resource.as_ref(), principal.as_ref(), assignment.role)?;
            rows::delete_app_role(tx, caller.tenant, assignment.id)?;
            Ok(())
        })
    }

    /// Whether the caller may give or take a role of a resource. The application permissions of Microsoft Graph
    /// are power over the directory itself.
    fn require_giving(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        resource: Option<&ObjectRow>,
        principal: Option<&ObjectRow>,
        role: Uuid,
    ) -> Result<(), DirectoryError> {
        let mut target = DirectoryTarget::default();
        if let Some(resource) = resource {
            target.owned = rows::is_owner(tx, caller.tenant, resource.id, caller.object_id)?;
            target.privileged = resource.app_id == Some(MICROSOFT_GRAPH)
                && !role.is_nil()
                && principal.is_none_or(|row| row.kind == ObjectKind::ServicePrincipal);
        }
        let action = DirectoryAction::ManageAppRoleAssignments;
        self.permit(caller, action, &target)
    }

    /// The values of the enabled app roles of a resource that a principal has: what tokens tell. A user has those
    /// of its direct groups too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn app_role_values(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        resource: ObjectId,
    ) -> Result<Vec<String>, StoreError> {
        self.0.store.read(|conn| {
            let ids = roles_of(conn, tenant, principal, resource)?;
            let Some(resource) = rows::find(conn, tenant, resource)? else { return Ok(Vec::new()) };
            let document = objects::kept(&resource)?;
            let roles = document.get("appRoles").and_then(Value::as_array);
            let mut values: Vec<String> = roles
                .into_iter()
                .flatten()
                .filter(|role| role.get("isEnabled").and_then(Value::as_bool).unwrap_or(true))
                .filter(|role| role_id(role).is_some_and(|id| ids.contains(&id)))
                .filter_map(|role| role.get("value").and_then(Value::as_str))
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .collect();
            values.sort_unstable();
            values.dedup();
            Ok(values)
        })
    }

    /// Whether a principal has any app role of a resource, or access without a role.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn has_app_role_assignment(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        resource: ObjectId,
    ) -> Result<bool, StoreError> {
        self.0.store.read(|conn| Ok(!roles_of(conn, tenant, principal, resource)?.is_empty()))
    }
}

/// The roles of a resource that a principal has, itself and, for a user, through its direct groups.
fn roles_of(
    conn: &Conn<'_>,
    tenant: TenantId,
    principal: ObjectId,
    resource: ObjectId,
) -> Result<Vec<Uuid>, StoreError> {
    let mut ids = rows::has_app_role(conn, tenant, principal, resource)?;
    let Some(row) = rows::find(conn, tenant, principal)? else { return Ok(Vec::new()) };
    if row.kind == ObjectKind::User {
        for group in groups::memberships_page(conn, tenant, principal, None, MOST_GROUPS)? {
            if rows::find(conn, tenant, group)?.is_some() {
                ids.extend(rows::has_app_role(conn, tenant, group, resource)?);
            }
        }
    }
    Ok(ids)
}

fn role_id(role: &Value) -> Option<Uuid> {
    role.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok())
}

/// The assignment with this id, if it is one of the object's.
fn of_object(
    conn: &Conn<'_>,
    row: &ObjectRow,
    side: AppRoleSide,
    id: &str,
) -> Result<AppRoleRow, DirectoryError> {
    let found = match read_short_id(id) {
        Some(known) => rows::app_role(conn, row.tenant, known)?,
        None => None,
    };
    found
        .filter(|assignment| match side {
            AppRoleSide::Principal => assignment.principal == row.id,
            AppRoleSide::Resource => assignment.resource == row.id,
        })
        .ok_or_else(|| DirectoryError::NotFound(id.to_owned()))
}

/// Whether the resource has the role, enabled, for such a principal. Without a role, everybody can have access.
fn check_role(resource: &ObjectRow, principal: &ObjectRow, role: Uuid) -> Result<(), DirectoryError> {
    if role.is_nil() {
        return Ok(());
    }
    let document = objects::kept(resource)?;
    let member = match principal.kind {
        ObjectKind::ServicePrincipal | ObjectKind::Application => "Application",
        ObjectKind::User | ObjectKind::Group => "User",
    };
    let fits = |entry: &&Value| {
        let types = entry.get("allowedMemberTypes").and_then(Value::as_array);
        role_id(entry) == Some(role)
            && entry.get("isEnabled").and_then(Value::as_bool).unwrap_or(true)
            && types.is_some_and(|types| types.iter().any(|kind| kind == member))
    };
    let roles = document.get("appRoles").and_then(Value::as_array);
    match roles.into_iter().flatten().find(fits) {
        Some(_) => Ok(()),
        None => Err(DirectoryError::UnknownAppRole(resource.display_name.clone())),
    }
}

fn invalid(name: &str) -> DirectoryError {
    DirectoryError::InvalidProperty { property: name.to_owned(), resource: RESOURCE }
}

/// What a request for an app role asks.
#[derive(Clone, Copy)]
struct Asked {
    principal: ObjectId,
    resource: ObjectId,
    role: Uuid,
}

impl Asked {
    fn parse(sent: &Map<String, Value>) -> Result<Asked, DirectoryError> {
        let mut sent = sent.clone();
        let mut id = |name: &str| match take(&mut sent, name) {
            Some(Value::String(text)) => Uuid::try_parse(&text).map_err(|_| invalid(name)),
            None | Some(Value::Null) => {
                Err(DirectoryError::MissingProperty { property: name.to_owned(), resource: RESOURCE })
            }
            Some(_) => Err(invalid(name)),
        };
        let asked = Asked {
            principal: ObjectId(id("principalId")?),
            resource: ObjectId(id("resourceId")?),
            role: id("appRoleId")?,
        };
        // Clients echo what they read.
        for echoed in
            ["id", "principalType", "principalDisplayName", "resourceDisplayName", "createdDateTime"]
        {
            take(&mut sent, echoed);
        }
        refuse_others(&sent)?;
        Ok(asked)
    }
}

/// An assignment as Microsoft Graph shows it.
fn shown(conn: &Conn<'_>, tenant: TenantId, row: &AppRoleRow) -> Result<Value, StoreError> {
    let principal = rows::find(conn, tenant, row.principal)?;
    let resource = rows::find(conn, tenant, row.resource)?;
    let kind = principal.as_ref().map(|row| match row.kind {
        ObjectKind::User => "User",
        ObjectKind::Group => "Group",
        ObjectKind::ServicePrincipal | ObjectKind::Application => "ServicePrincipal",
    });
    Ok(json!({
        "id": short_id(row.id),
        "deletedDateTime": null,
        "appRoleId": row.role,
        "createdDateTime": arm_format(from_micros(row.created_at)),
        "principalDisplayName": principal.map(|row| row.display_name),
        "principalId": row.principal,
        "principalType": kind,
        "resourceDisplayName": resource.map(|row| row.display_name),
        "resourceId": row.resource,
    }))
}
