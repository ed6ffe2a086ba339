//! Directory roles and who has them, as Microsoft Graph shows them: activated roles, role definitions, role
//! assignments. Every role is activated, and its id is its template's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::{
    Caller, DIRECTORY_ROLES, DirectoryAction, directory_role_actions, directory_role_name,
};
use gatepost_names::ObjectId;
use gatepost_store::directory::{self as rows, ObjectKind};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::administrators::keeping_an_administrator;
use crate::relations::Related;
use crate::requests::{refuse_others, take};
use crate::{Directory, DirectoryError, objects, rights};

const RESOURCE: &str = "UnifiedRoleAssignment";

/// A directory role as Microsoft Graph shows it.
pub(crate) fn role_entity(template: Uuid) -> Value {
    let name = directory_role_name(template).unwrap_or_default();
    json!({
        "id": template,
        "deletedDateTime": null,
        "description": format!("{name} of the directory."),
        "displayName": name,
        "roleTemplateId": template,
    })
}

fn definition(template: Uuid) -> Value {
    let name = directory_role_name(template).unwrap_or_default();
    json!({
        "id": template,
        "description": format!("{name} of the directory."),
        "displayName": name,
        "isBuiltIn": true,
        "isEnabled": true,
        "resourceScopes": ["/"],
        "templateId": template,
        "version": "1",
        "rolePermissions": [{"allowedResourceActions": directory_role_actions(template), "condition": null}],
        "inheritsPermissionsFrom": [],
    })
}

/// The id of an assignment says what it assigns to whom.
fn assignment_id(template: Uuid, principal: ObjectId) -> String {
    let mut bytes = template.as_bytes().to_vec();
    bytes.extend_from_slice(&principal.bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_assignment_id(text: &str) -> Option<(Uuid, ObjectId)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (template, principal) = bytes.split_at_checked(16)?;
    Some((Uuid::from_slice(template).ok()?, ObjectId::from_bytes(principal)?))
}

fn assignment(template: Uuid, principal: ObjectId) -> Value {
    json!({
        "id": assignment_id(template, principal),
        "principalId": principal,
        "directoryScopeId": "/",
        "roleDefinitionId": template,
    })
}

impl Directory {
    /// The directory roles.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`].
    pub fn directory_roles(&self, caller: &Caller) -> Result<Vec<Value>, DirectoryError> {
        self.require(caller, DirectoryAction::ReadDirectoryRoles)?;
        Ok(DIRECTORY_ROLES.iter().map(|(template, _)| role_entity(*template)).collect())
    }

    /// The definitions of the directory roles.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`].
    pub fn directory_role_definitions(&self, caller: &Caller) -> Result<Vec<Value>, DirectoryError> {
        self.require(caller, DirectoryAction::ReadDirectoryRoles)?;
        Ok(DIRECTORY_ROLES.iter().map(|(template, _)| definition(*template)).collect())
    }

    /// Who has a directory role, itself: users, service principals and groups.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn directory_role_members(
        &self,
        caller: &Caller,
        template: Uuid,
    ) -> Result<Vec<Related>, DirectoryError> {
        self.require(caller, DirectoryAction::ReadDirectoryRoles)?;
        known(template)?;
        self.0.store.read(|conn| {
            let mut members = Vec::new();
            for id in self.0.access.directory_role_holders(caller.tenant, template) {
                if let Some(row) = rows::find(conn, caller.tenant, id)? {
                    members.push(Related { kind: Some(row.kind), object: objects::entity(conn, &row)? });
                }
            }
            Ok(members)
        })
    }

    /// All assignments of directory roles.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`].
    pub fn directory_role_assignments(&self, caller: &Caller) -> Result<Vec<Value>, DirectoryError> {
        self.require(caller, DirectoryAction::ReadDirectoryRoles)?;
        let mut all = Vec::new();
        for (template, _) in DIRECTORY_ROLES {
            let holders = self.0.access.directory_role_holders(caller.tenant, *template);
            all.extend(holders.into_iter().map(|principal| assignment(*template, principal)));
        }
        Ok(all)
    }

    /// One assignment of a directory role.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::NotFound`].
    pub fn directory_role_assignment(&self, caller: &Caller, id: &str) -> Result<Value, DirectoryError> {
        self.require(caller, DirectoryAction::ReadDirectoryRoles)?;
        let (template, principal) = self.find_assignment(caller, id)?;
        Ok(assignment(template, principal))
    }

    fn find_assignment(&self, caller: &Caller, id: &str) -> Result<(Uuid, ObjectId), DirectoryError> {
        read_assignment_id(id)
            .filter(|(template, principal)| {
                self.0.access.directory_roles(caller.tenant, *principal).contains(template)
            })
            .ok_or_else(|| DirectoryError::NotFound(id.to_owned()))
    }

    /// Gives a directory role as a request for `roleAssignments` says; answers the assignment.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn create_directory_role_assignment(
        &self,
        caller: &Caller,
        sent: &Map<String, Value>,
    ) -> Result<Value, DirectoryError> {
        self.require(caller, DirectoryAction::ManageDirectoryRoles)?;
        let mut sent = sent.clone();
        let invalid =
            |name: &str| DirectoryError::InvalidProperty { property: name.to_owned(), resource: RESOURCE };
        let mut id = |name: &str| match take(&mut sent, name) {
            Some(Value::String(text)) => Uuid::try_parse(&text).map_err(|_| invalid(name)),
            None | Some(Value::Null) => {
                Err(DirectoryError::MissingProperty { property: name.to_owned(), resource: RESOURCE })
            }
            Some(_) => Err(invalid(name)),
        };
        let (template, principal) = (id("roleDefinitionId")?, ObjectId(id("principalId")?));
        match take(&mut sent, "directoryScopeId") {
            None | Some(Value::Null) => {}
            Some(Value::String(scope)) if scope == "/" => {}
            Some(_) => return Err(invalid("directoryScopeId")),
        }
        refuse_others(&sent)?;
        if !self.give_role(caller, template, principal)? {
            return Err(DirectoryError::RoleAssigned);
        }
        Ok(assignment(template, principal))
    }

    /// Takes a directory role by the id of its assignment.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn delete_directory_role_assignment(&self, caller: &Caller, id: &str) -> Result<(), DirectoryError> {
        self.require(caller, DirectoryAction::ManageDirectoryRoles)?;
        let (template, principal) = self.find_assignment(caller, id)?;
        self.take_role(caller, template, principal)
    }

    /// Gives a directory role.
    ///
    /// # Errors
    /// [`DirectoryError::ReferenceExists`] if the principal has it; [`DirectoryError`].
    pub fn add_directory_role_member(
        &self,
        caller: &Caller,
        template: Uuid,
        principal: ObjectId,
    ) -> Result<(), DirectoryError> {
        self.require(caller, DirectoryAction::ManageDirectoryRoles)?;
        if self.give_role(caller, template, principal)? {
            Ok(())
        } else {
            Err(DirectoryError::ReferenceExists("members"))
        }
    }

    /// Takes a directory role.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn remove_directory_role_member(
        &self,
        caller: &Caller,
        template: Uuid,
        principal: ObjectId,
    ) -> Result<(), DirectoryError> {
        self.require(caller, DirectoryAction::ManageDirectoryRoles)?;
        known(template)?;
        self.take_role(caller, template, principal)
    }

    /// Whether it was given; `false` if the principal had it.
    fn give_role(
        &self,
        caller: &Caller,
        template: Uuid,
        principal: ObjectId,
    ) -> Result<bool, DirectoryError> {
        known(template)?;
        self.0.store.write(|tx| {
            let row = rows::find(tx, caller.tenant, principal)?
                .ok_or_else(|| DirectoryError::NotFound(principal.to_string()))?;
            let can_have = match row.kind {
                ObjectKind::User | ObjectKind::ServicePrincipal => true,
                ObjectKind::Group => rights::is_role_assignable(&row)?,
                ObjectKind::Application => false,
            };
            if !can_have {
                return Err(DirectoryError::InvalidReference(
                    "The object cannot have a directory role: users, service principals and groups that were made \
                     with isAssignableToRole can.",
                ));
            }
            if self.0.access.directory_roles(caller.tenant, principal).contains(&template) {
                return Ok(false);
            }
            self.0.access.put_directory_role(tx, caller.tenant, principal, template)?;
            Ok(true)
        })
    }

    fn take_role(&self, caller: &Caller, template: Uuid, principal: ObjectId) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            keeping_an_administrator(tx, caller.tenant, || {
                if !self.0.access.delete_directory_role(tx, caller.tenant, principal, template)? {
                    return Err(DirectoryError::NotFound(principal.to_string()));
                }
                Ok(())
            })
        })
    }
}

fn known(template: Uuid) -> Result<(), DirectoryError> {
    match directory_role_name(template) {
        Some(_) => Ok(()),
        None => Err(DirectoryError::NotFound(template.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_an_assignment_reads_back() {
        let (template, principal) = (Uuid::new_v4(), ObjectId(Uuid::new_v4()));
        assert_eq!(read_assignment_id(&assignment_id(template, principal)), Some((template, principal)));
        for junk in ["", "x", "AAAA", "%"] {
            assert_eq!(read_assignment_id(junk), None);
        }
    }
}
