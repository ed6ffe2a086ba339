//! Scopes as places of Microsoft.Authorization: whether there is something, how it is spelled, what is above.

use gatepost_access::Caller;
use gatepost_names::{Scope, ScopeKind, TenantId};
use gatepost_rbac::{RoleDefinition, builtin};
use gatepost_store::Conn;

use crate::service::canonical_scope;
use crate::{ResourceError, Resources};

impl Resources {
    /// What a scope names, in the spelling of what is there. The caller has been let through already.
    ///
    /// # Errors
    /// The refusals of what is not there.
    pub(super) fn place(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
    ) -> Result<Scope, ResourceError> {
        match scope.kind() {
            ScopeKind::ManagementGroup => self.management_group_place(tenant, scope),
            ScopeKind::TenantProvider if !has_roles(scope) => Err(nothing_at(scope)),
            _ => canonical_scope(conn, scope),
        }
    }

    fn management_group_place(&self, tenant: TenantId, scope: &Scope) -> Result<Scope, ResourceError> {
        let name = scope.segments().last().unwrap_or("");
        let found = self.platform().access.management_group(tenant, name);
        let spelled = found.and_then(|group| {
            Scope::parse(&format!("/providers/Microsoft.Management/managementGroups/{}", group.name)).ok()
        });
        spelled.ok_or_else(|| nothing_at(scope))
    }

    /// This scope and all that is above it, management groups included.
    pub(super) fn lineage(&self, tenant: TenantId, scope: &Scope) -> Vec<Scope> {
        self.platform().access.ancestors_of(tenant, scope)
    }

    /// Lets the caller through at a scope that must be there.
    pub(super) fn enter(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<Scope, ResourceError> {
        self.authorize(caller, action, scope)?;
        self.platform().store.read(|conn| self.place(conn, caller.tenant, scope))
    }
}

/// Whether a role may be assigned where this is the lineage: at one of its scopes or below it. A management
/// group above a subscription is not in the text of its scope.
pub(crate) fn is_assignable(role: &RoleDefinition, lineage: &[Scope]) -> bool {
    let Some(here) = lineage.first() else { return false };
    let mut groups = lineage.iter().filter(|above| above.kind() == ScopeKind::ManagementGroup);
    role.is_assignable_at(here) || groups.any(|group| role.assignable_scopes.contains(group))
}

/// Whether a role says something of the data plane.
pub(super) fn reaches_data(role: &RoleDefinition) -> bool {
    role.permissions.iter().any(|block| !block.data_actions.is_empty() || !block.not_data_actions.is_empty())
}

/// Whether some built-in role is assignable at or above a scope of a service of the whole tenant: there is
/// nothing else to find at those here.
fn has_roles(scope: &Scope) -> bool {
    let scopes = builtin::roles().iter().flat_map(|role| &role.assignable_scopes);
    scopes.into_iter().any(|known| known.kind() == ScopeKind::TenantProvider && known.contains(scope))
}

fn nothing_at(scope: &Scope) -> ResourceError {
    ResourceError::NotFound { code: "NotFound", message: format!("'{scope}' was not found.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_services_are_those_that_have_roles() {
        let at = |text: &str| Scope::parse(text).unwrap();
        assert!(has_roles(&at("/providers/microsoft.capacity")));
        assert!(!has_roles(&at("/providers/Foo.Bar")));
        assert!(!has_roles(&at("/providers/Microsoft.Capacityx")));
    }
}
