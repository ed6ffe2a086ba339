//! Reading role definitions.

use std::collections::HashSet;
use std::sync::Arc;

use gatepost_access::{Caller, StoredRole};
use gatepost_names::{RoleDefinitionId, Scope, ScopeKind};
use gatepost_rbac::RoleDefinition;

use super::Query;
use super::definition_bodies::shown;
use super::filters::RoleFilter;
use super::pages::{self, RolePlace};
use super::places::is_assignable;
use crate::request::Listing;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};
use serde_json::Value;

const READ: &str = "Microsoft.Authorization/roleDefinitions/read";

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
        query: Query<'_>,
    ) -> Result<Listing, ResourceError> {
        let filter = RoleFilter::parse(query.filter)?;
        let at_root = scope.kind() == ScopeKind::TenantRoot;
        if !at_root {
            self.enter(caller, READ, scope)?;
        }
        let reach = self.reach(caller, scope);
        let mut roles: Vec<Arc<StoredRole>> = self.platform().access.roles(caller.tenant);
        roles.sort_by_key(|role| place(role));
        let listed = |role: &StoredRole, decisions: &mut usize| {
            let definition = &role.definition;
            filter.matches(definition)
                && if at_root {
                    *decisions += if definition.built_in { 0 } else { definition.assignable_scopes.len() };
                    self.may_read_role(caller, definition)
                } else {
                    reach.assignable_here(definition) || (filter.below && reach.assignable_below(definition))
                }
        };
        let found = pages::collect_counted(
            query.page,
            |after, limit| {
                let from = after.map_or(0, |after| roles.partition_point(|role| place(role) <= *after));
                Ok(roles.iter().skip(from).take(limit).map(Arc::clone).collect())
            },
            |role: &Arc<StoredRole>| place(role),
            |role, decisions| listed(role, decisions),
        )?;
        let value = found.rows.iter().map(|role| shown(role, scope, query.version)).collect();
        Ok(Listing { value, next: found.next })
    }

    /// One role definition.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] with `RoleDefinitionDoesNotExist`, also for a role
    /// that cannot be assigned at this scope or below it.
    pub fn role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        version: ApiVersion<'_>,
    ) -> Result<Value, ResourceError> {
        let at_root = scope.kind() == ScopeKind::TenantRoot;
        if !at_root {
            self.authorize(caller, READ, scope)?;
        }
        let reach = self.reach(caller, scope);
        let found = id
            .parse()
            .ok()
            .and_then(|id: RoleDefinitionId| self.platform().access.role(caller.tenant, id))
            .filter(|role| {
                let definition = &role.definition;
                at_root || reach.assignable_here(definition) || reach.assignable_below(definition)
            });
        match found {
            Some(role) if !at_root || self.may_read_role(caller, &role.definition) => {
                Ok(shown(&role, scope, version))
            }
            // At the root: neither "there is none" nor "there is one" to those who may not read it.
            _ if at_root => {
                self.authorize(caller, READ, scope)?;
                Err(missing(id))
            }
            _ => Err(missing(id)),
        }
    }

    /// Whether the caller may read a role at any scope where it can be assigned. Built-in roles are the same
    /// everywhere and no secret.
    fn may_read_role(&self, caller: &Caller, role: &RoleDefinition) -> bool {
        role.built_in || role.assignable_scopes.iter().any(|scope| self.may(caller, READ, scope))
    }

    /// Whether the caller may hear that a role exists that it names at a scope: one that can be assigned there, or
    /// that it may read elsewhere.
    pub(crate) fn may_name_role(&self, caller: &Caller, scope: &Scope, role: &RoleDefinition) -> bool {
        role.built_in
            || is_assignable(role, &self.lineage(caller.tenant, scope))
            || self.may_read_role(caller, role)
    }

    fn reach(&self, caller: &Caller, scope: &Scope) -> Reach {
        let holds_others = matches!(scope.kind(), ScopeKind::ManagementGroup | ScopeKind::TenantRoot);
        let inner =
            if holds_others { self.platform().access.scopes_below(caller.tenant, scope) } else { Vec::new() };
        Reach { lineage: self.lineage(caller.tenant, scope), inner: inner.into_iter().collect() }
    }
}

/// Where a role must be assignable to be seen at a scope.
struct Reach {
    /// The scope, and all above it.
    lineage: Vec<Scope>,
    /// The management groups and subscriptions in it, where it is a management group.
    inner: HashSet<Scope>,
}

impl Reach {
    fn assignable_here(&self, role: &RoleDefinition) -> bool {
        is_assignable(role, &self.lineage)
    }

    fn assignable_below(&self, role: &RoleDefinition) -> bool {
        let Some(here) = self.lineage.first() else { return false };
        role.assignable_scopes.iter().any(|scope| {
            here.contains(scope)
                || self.inner.contains(scope)
                || scope.subscription_id().is_some_and(|id| self.inner.contains(&Scope::subscription(id)))
        })
    }
}

/// Where a role stands in lists.
fn place(role: &StoredRole) -> RolePlace {
    RolePlace { custom: !role.definition.built_in, id: role.definition.id }
}

/// The refusal of a role that is not there, or that the caller may not hear of.
pub(crate) fn missing(id: &str) -> ResourceError {
    ResourceError::NotFound {
        code: "RoleDefinitionDoesNotExist",
        message: format!(
            "The specified role definition with ID '{}' does not exist.",
            super::bodies::excerpt(id)
        ),
    }
}
