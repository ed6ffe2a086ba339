//! Role definitions.

use std::collections::HashSet;

use gatepost_access::{Caller, StoredRole};
use gatepost_clock::arm_format;
use gatepost_names::{RoleDefinitionId, Scope, ScopeKind};
use gatepost_odata::Filter;
use gatepost_rbac::custom::{self, CustomRoleError, Draft};
use gatepost_rbac::{PermissionBlock, Plane, RoleDefinition, builtin};
use gatepost_store::Tx;
use serde_json::{Value, json};

use super::{optional_text, properties_of, role_definition_id};
use crate::listing::invalid;
use crate::tags::{bad, malformed};
use crate::{ResourceError, Resources};

const READ: &str = "Microsoft.Authorization/roleDefinitions/read";
pub(crate) const WRITE: &str = "Microsoft.Authorization/roleDefinitions/write";
const DELETE: &str = "Microsoft.Authorization/roleDefinitions/delete";

impl Resources {
    /// The roles that can be assigned at a scope; with `atScopeAndBelow()` also those that can be assigned below
    /// it. At the tenant root: all that the caller may read.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] for a filter that is not understood.
    pub fn role_definitions(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: Option<&str>,
    ) -> Result<Vec<Value>, ResourceError> {
        let filter = RoleFilter::parse(filter)?;
        let at_root = scope.kind() == ScopeKind::TenantRoot;
        if !at_root {
            self.authorize(caller, READ, scope)?;
            self.platform().store.read(|conn| crate::service::must_exist(conn, scope))?;
        }
        let roles = self.platform().access.roles(caller.tenant);
        let listed = |role: &&StoredRole| {
            filter.matches(&role.definition)
                && if at_root {
                    self.may_read_role(caller, &role.definition)
                } else {
                    role.definition.is_assignable_at(scope)
                        || (filter.below
                            && role.definition.assignable_scopes.iter().any(|s| scope.contains(s)))
                }
        };
        Ok(roles.iter().filter(listed).map(|role| shown(role, scope)).collect())
    }

    /// One role definition.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] with `RoleDefinitionDoesNotExist`, also for a role
    /// that cannot be assigned at this scope or below it.
    pub fn role_definition(&self, caller: &Caller, scope: &Scope, id: &str) -> Result<Value, ResourceError> {
        let at_root = scope.kind() == ScopeKind::TenantRoot;
        if !at_root {
            self.authorize(caller, READ, scope)?;
        }
        let found = id
            .parse()
            .ok()
            .and_then(|id: RoleDefinitionId| self.platform().access.role(caller.tenant, id))
            .filter(|role| at_root || touches(&role.definition, scope));
        match found {
            Some(role) if !at_root || self.may_read_role(caller, &role.definition) => Ok(shown(&role, scope)),
            // At the root: neither "there is none" nor "there is one" to those who may not read it.
            _ if at_root => {
                self.authorize(caller, READ, scope)?;
                Err(missing(id))
            }
            _ => Err(missing(id)),
        }
    }

    /// Makes a custom role, or replaces one.
    ///
    /// # Errors
    /// Those of reference rbac.md section 7, and [`ResourceError::Conflict`] with `RoleDefinitionHasAssignments`
    /// where an assignment would lie outside the assignable scopes; nothing is written then.
    pub fn put_role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        self.authorize(caller, WRITE, scope)?;
        let id: RoleDefinitionId = id.parse().map_err(|_| {
            bad(
                "InvalidRoleDefinitionId",
                format!("The role definition ID '{id}' is not valid. The role definition ID must be a GUID."),
            )
        })?;
        if builtin::role(id).is_some() {
            return Err(ResourceError::Conflict {
                code: "RoleDefinitionExists",
                message: format!("The role definition '{id}' is a built-in role and cannot be changed."),
            });
        }
        let definition = self.read_definition(id, properties_of(body)?)?;
        self.platform().store.write(|tx| {
            let existing = self.platform().access.role(caller.tenant, id);
            let before = existing.iter().flat_map(|role| &role.definition.assignable_scopes);
            self.authorize_assignable(
                caller,
                (WRITE, scope),
                definition.assignable_scopes.iter().chain(before),
            )?;
            if existing.is_some() {
                self.check_assigned_scopes(tx, caller, &definition)?;
            }
            self.check_unique(caller, &definition, existing.is_some())?;
            let now = self.platform().clock.now();
            let role = StoredRole {
                definition,
                created_on: existing.as_ref().map_or(now, |role| role.created_on),
                updated_on: now,
                created_by: existing.as_ref().map_or(Some(caller.object_id), |role| role.created_by),
                updated_by: Some(caller.object_id),
            };
            self.platform().access.put_role(tx, caller.tenant, &role)?;
            Ok(shown(&role, scope))
        })
    }

    /// Deletes a custom role that nobody has; answers what it was, `None` if there was none.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] with `RoleDefinitionHasAssignments`.
    pub fn delete_role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
    ) -> Result<Option<Value>, ResourceError> {
        self.authorize(caller, DELETE, scope)?;
        let Ok(id) = id.parse::<RoleDefinitionId>() else { return Ok(None) };
        if builtin::role(id).is_some() {
            return Err(bad(
                "InvalidRoleDefinitionType",
                format!("The role definition '{id}' is a built-in role and cannot be deleted."),
            ));
        }
        self.platform().store.write(|tx| {
            let access = &self.platform().access;
            let Some(role) = access.role(caller.tenant, id) else { return Ok(None) };
            self.authorize_assignable(caller, (DELETE, scope), &role.definition.assignable_scopes)?;
            self.delete_unassigned(tx, caller, &role)?;
            Ok(Some(shown(&role, scope)))
        })
    }

    /// The right to do `done` at each of a role's assignable scopes, too. A role has up to
    /// [`custom::MAX_SCOPES`] of them: each subscription is looked up once.
    fn authorize_assignable<'s>(
        &self,
        caller: &Caller,
        done: (&str, &Scope),
        scopes: impl IntoIterator<Item = &'s Scope>,
    ) -> Result<(), ResourceError> {
        let (mut scopes_seen, mut subscriptions_seen) = (HashSet::new(), HashSet::new());
        for linked in scopes {
            if !scopes_seen.insert(linked.key()) {
                continue;
            }
            if let Some(id) = linked.subscription_id().filter(|id| subscriptions_seen.insert(*id)) {
                self.subscription_of(caller, id)?;
            }
            self.require_linked(caller, done, done.0, linked)?;
        }
        Ok(())
    }

    /// An assignment stays in force where it is. Were it left outside the assignable scopes, an author with no
    /// right there could from then on change what it grants.
    fn check_assigned_scopes(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        definition: &RoleDefinition,
    ) -> Result<(), ResourceError> {
        if !self.platform().access.is_assigned(tx, caller.tenant, definition.id)? {
            return Ok(());
        }
        let assigned = gatepost_store::access::assignments(tx, caller.tenant)?;
        let mut assigned = assigned.into_iter().filter(|assignment| assignment.role == definition.id);
        match assigned.find(|assignment| !definition.is_assignable_at(&assignment.scope)) {
            None => Ok(()),
            Some(outside) => Err(ResourceError::Conflict {
                code: "RoleDefinitionHasAssignments",
                message: format!(
                    "The role definition '{}' has a role assignment at '{}', which is not within the requested \
                     assignable scopes. Delete the assignment first or keep a scope that contains it.",
                    definition.id, outside.scope
                ),
            }),
        }
    }

    fn delete_unassigned(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        role: &StoredRole,
    ) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        if access.is_assigned(tx, caller.tenant, role.definition.id)? {
            return Err(bad(
                "RoleDefinitionHasAssignments",
                format!(
                    "There are existing role assignments referencing role (code: {}).",
                    role.definition.id
                ),
            ));
        }
        Ok(access.delete_role(tx, caller.tenant, role.definition.id)?)
    }

    /// Whether the caller may read a role at any scope where it can be assigned. Built-in roles are the same
    /// everywhere and no secret.
    fn may_read_role(&self, caller: &Caller, role: &RoleDefinition) -> bool {
        role.built_in || role.assignable_scopes.iter().any(|scope| self.may(caller, READ, scope))
    }

    fn read_definition(
        &self,
        id: RoleDefinitionId,
        properties: &Value,
    ) -> Result<RoleDefinition, ResourceError> {
        if optional_text(properties, "type")?.is_some_and(|kind| !kind.eq_ignore_ascii_case("CustomRole")) {
            return Err(bad(
                "InvalidRoleDefinitionType",
                "The role definition type must be 'CustomRole'.".into(),
            ));
        }
        let name = optional_text(properties, "roleName")?.unwrap_or("");
        let description = optional_text(properties, "description")?.unwrap_or("");
        let permissions = permissions_of(properties)?;
        let scopes = strings(properties, "assignableScopes")?;
        let draft = Draft { name, description, permissions: &permissions, assignable_scopes: &scopes };
        let known = |action: &str, plane: Plane| self.catalogue().knows(action, plane);
        let assignable_scopes = custom::check(&draft, &known).map_err(refused)?;
        Ok(RoleDefinition {
            id,
            name: name.to_owned(),
            description: description.to_owned(),
            built_in: false,
            permissions,
            assignable_scopes,
        })
    }

    fn check_unique(
        &self,
        caller: &Caller,
        definition: &RoleDefinition,
        exists: bool,
    ) -> Result<(), ResourceError> {
        let access = &self.platform().access;
        let name = definition.name.to_lowercase();
        let own = access.custom_roles(caller.tenant);
        let others = own.iter().map(|role| &role.definition).chain(builtin::roles());
        if others.filter(|other| other.id != definition.id).any(|other| other.name.to_lowercase() == name) {
            return Err(ResourceError::Conflict {
                code: "RoleDefinitionWithSameNameExists",
                message:
                    "A custom role with the same name already exists in this directory. Use a different name"
                        .into(),
            });
        }
        if !exists && own.len() >= custom::MAX_ROLES {
            return Err(bad(
                "RoleDefinitionLimitExceeded",
                format!("The limit of {} custom roles in this directory is reached.", custom::MAX_ROLES),
            ));
        }
        Ok(())
    }
}

/// Whether a role can be assigned at, above or below a scope.
fn touches(role: &RoleDefinition, scope: &Scope) -> bool {
    role.is_assignable_at(scope) || role.assignable_scopes.iter().any(|s| scope.contains(s))
}

fn missing(id: &str) -> ResourceError {
    ResourceError::NotFound {
        code: "RoleDefinitionDoesNotExist",
        message: format!("The specified role definition with ID '{id}' does not exist."),
    }
}

fn refused(error: CustomRoleError) -> ResourceError {
    ResourceError::BadRequest { code: error.code(), message: error.to_string() }
}

fn permissions_of(properties: &Value) -> Result<Vec<PermissionBlock>, ResourceError> {
    let blocks = match properties.get("permissions") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(malformed("'permissions' must be an array.")),
    };
    blocks
        .iter()
        .map(|block| {
            if !block.is_object() {
                return Err(malformed("Each of 'permissions' must be an object."));
            }
            let condition = optional_text(block, "condition")?.filter(|text| !text.trim().is_empty());
            let condition_version = optional_text(block, "conditionVersion")?.filter(|_| condition.is_some());
            Ok(PermissionBlock {
                actions: strings(block, "actions")?,
                not_actions: strings(block, "notActions")?,
                data_actions: strings(block, "dataActions")?,
                not_data_actions: strings(block, "notDataActions")?,
                condition: condition.map(str::to_owned),
                condition_version: condition_version.map(str::to_owned),
            })
        })
        .collect()
}

fn strings(body: &Value, name: &str) -> Result<Vec<String>, ResourceError> {
    let wrong = || malformed(&format!("'{name}' must be an array of strings."));
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

fn shown(role: &StoredRole, scope: &Scope) -> Value {
    let definition = &role.definition;
    let scopes: Vec<&str> = definition.assignable_scopes.iter().map(Scope::as_str).collect();
    let at = |time| (!definition.built_in).then(|| arm_format(time));
    json!({
        "id": role_definition_id(definition.id, scope),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": definition.id.to_string(),
        "properties": {
            "roleName": definition.name,
            "type": if definition.built_in { "BuiltInRole" } else { "CustomRole" },
            "description": definition.description,
            "assignableScopes": scopes,
            "permissions": definition.permissions,
            "createdOn": at(role.created_on),
            "updatedOn": at(role.updated_on),
            "createdBy": role.created_by.map(|id| id.to_string()),
            "updatedBy": role.updated_by.map(|id| id.to_string()),
        },
    })
}

/// `roleName eq '..'`, `type eq '..'`, `atScopeAndBelow()`, joined by `and`.
#[derive(Debug, Default)]
struct RoleFilter {
    name: Option<String>,
    built_in: Option<bool>,
    below: bool,
    /// A type that no role has.
    nothing: bool,
}

impl RoleFilter {
    fn parse(text: Option<&str>) -> Result<RoleFilter, ResourceError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(RoleFilter::default());
        };
        let filter = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
        let mut read = RoleFilter::default();
        for part in filter.conjuncts() {
            match (part, part.text_equality()) {
                (_, Some((path, name))) if path.is(&["roleName"]) => read.name = Some(name.to_lowercase()),
                (_, Some((path, kind))) if path.is(&["type"]) => {
                    let is_built_in = kind.eq_ignore_ascii_case("BuiltInRole");
                    read.nothing |= !is_built_in && !kind.eq_ignore_ascii_case("CustomRole");
                    read.nothing |= read.built_in.is_some_and(|before| before != is_built_in);
                    read.built_in = Some(is_built_in);
                }
                (Filter::Call(call), _) if call.is("atScopeAndBelow") && call.arguments.is_empty() => {
                    read.below = true;
                }
                _ => return Err(invalid(text)),
            }
        }
        Ok(read)
    }

    fn matches(&self, role: &RoleDefinition) -> bool {
        !self.nothing
            && self.built_in.is_none_or(|built_in| built_in == role.built_in)
            && self.name.as_ref().is_none_or(|name| *name == role.name.to_lowercase())
    }
}
