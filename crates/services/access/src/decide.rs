//! Decisions over resources.

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId, TenantId};
use gatepost_rbac::{Decision, DenialCause, PermissionBlock, Plane};

use crate::{Access, Caller, Denied};

/// Why it was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The role that grants the action.
    pub role: RoleDefinitionId,
    /// The role's name.
    pub role_name: String,
    /// The assignment of that role.
    pub assignment: RoleAssignmentName,
    /// Where it was made: the scope asked for, or one above it.
    pub assignment_scope: Scope,
}

impl Access {
    /// Whether the caller may do an action of the control plane at a scope.
    ///
    /// # Errors
    /// [`Denied`] with what is missing. Whatever goes wrong inside is a refusal too, with an ERROR in the
    /// log.
    pub fn require(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<Granted, Denied> {
        self.decide(caller, action, scope, Plane::Control)
    }

    /// Whether the caller may do an action of the data plane at a scope.
    ///
    /// # Errors
    /// As [`Access::require`].
    pub fn require_data(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<Granted, Denied> {
        self.decide(caller, action, scope, Plane::Data)
    }

    /// As [`Access::require`], where the reason does not matter: to leave things out of a listing.
    pub fn can(&self, caller: &Caller, action: &str, scope: &Scope) -> bool {
        let principals = [caller.object_id];
        let state = self.state();
        state.snapshot.granting(caller.tenant, &principals, action, scope, Plane::Control).is_some()
            && self.belongs(scope, caller.tenant).is_ok()
    }

    /// Whether a principal that is not calling could do an action of the control plane at a scope.
    ///
    /// # Errors
    /// As [`Access::require`]; the principal is named by its object id.
    pub fn decide_for(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        action: &str,
        scope: &Scope,
    ) -> Result<Granted, Denied> {
        let name = || principal.to_string();
        self.answer(tenant, principal, name, action, scope, Plane::Control)
    }

    /// What the caller may do at a scope: the blocks of each role that applies there. Conditioned assignments
    /// and blocks are left out, as they grant nothing.
    pub fn permissions(&self, caller: &Caller, scope: &Scope) -> Vec<PermissionBlock> {
        if self.belongs(scope, caller.tenant).is_err() {
            return Vec::new();
        }
        let state = self.state();
        let mut blocks = Vec::new();
        for grant in state.snapshot.grants_at(caller.tenant, &[caller.object_id], scope) {
            let definition = state.definition(caller.tenant, grant.role);
            let granted = definition.iter().flat_map(|role| &role.permissions);
            blocks.extend(granted.filter(|block| block.condition.is_none()).cloned());
        }
        blocks
    }

    /// Whether the caller has any role in a subscription, at any depth, or above it: it is listed then.
    pub fn sees_subscription(&self, caller: &Caller, subscription: SubscriptionId) -> bool {
        let principals = [caller.object_id];
        self.state().snapshot.reaches_subscription(caller.tenant, &principals, subscription)
            && self.belongs(&Scope::subscription(subscription), caller.tenant).is_ok()
    }

    fn decide(&self, caller: &Caller, action: &str, scope: &Scope, plane: Plane) -> Result<Granted, Denied> {
        self.answer(caller.tenant, caller.object_id, || caller.client.clone(), action, scope, plane)
    }

    fn answer(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        client: impl Fn() -> String,
        action: &str,
        scope: &Scope,
        plane: Plane,
    ) -> Result<Granted, Denied> {
        let denied = |cause| Denied {
            client: client(),
            object_id: principal,
            action: action.to_owned(),
            scope: scope.clone(),
            cause: Box::new(cause),
        };
        self.belongs(scope, tenant).map_err(denied)?;
        let state = self.state();
        match state.snapshot.decide(tenant, &[principal], action, scope, plane) {
            Decision::Allowed(grant) => Ok(Granted {
                role: grant.role,
                role_name: grant.role_name.to_owned(),
                assignment: grant.assignment,
                assignment_scope: grant.scope.clone(),
            }),
            Decision::Denied(cause) => Err(denied(cause)),
        }
    }

    /// A role at `/` reaches all of a tenant and nothing of another: the text of a scope does not tell whose
    /// it is.
    fn belongs(&self, scope: &Scope, tenant: TenantId) -> Result<(), DenialCause> {
        match self.may_belong(scope, tenant) {
            Ok(true) => Ok(()),
            Ok(false) => Err(DenialCause::ForeignSubscription),
            Err(error) => {
                tracing::error!(%error, %scope, "access is refused: the subscription's tenant cannot be read");
                Err(DenialCause::Undecided)
            }
        }
    }
}
