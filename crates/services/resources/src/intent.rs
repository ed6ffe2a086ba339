//! The right to make a request, asked before its body is read: what a stranger sends is not worth parsing. The
//! use cases ask again, so that none depends on an edge's having done so.

use gatepost_access::Caller;
use gatepost_names::{ResourceId, Scope, SubscriptionId};

use crate::communication::SubscriptionAction;
use crate::{ResourceError, Resources, authorization, groups};

/// A request with a body, by what it acts on.
#[derive(Clone, Copy, Debug)]
pub enum Intent<'a> {
    /// PUT or PATCH of a resource group.
    WriteGroup(&'a Scope),
    /// PUT or PATCH of a resource.
    WriteResource(&'a ResourceId),
    /// A POST action of a resource.
    Act(&'a ResourceId, &'a str),
    /// A POST action of a provider on a whole subscription.
    ActOnSubscription(SubscriptionId, &'a SubscriptionAction),
    /// PUT of a role definition at a scope.
    WriteRoleDefinition(&'a Scope),
    /// PUT of a role assignment at a scope.
    WriteRoleAssignment(&'a Scope),
}

impl Resources {
    /// Lets the caller through when the request may be made, whatever its body.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], and those for a subscription, type or action that there is not.
    pub fn authorize_intent(&self, caller: &Caller, intent: Intent<'_>) -> Result<(), ResourceError> {
        match intent {
            Intent::WriteGroup(scope) => self.authorize(caller, &format!("{}/write", groups::STEM), scope),
            Intent::WriteResource(id) => {
                let stem = self.registry().of(id)?.info().action_stem;
                self.authorize(caller, &format!("{stem}/write"), id.scope())
            }
            Intent::Act(id, name) => self.authorize(caller, self.action(id, name)?.requires, id.scope()),
            Intent::ActOnSubscription(id, action) => {
                self.authorize(caller, action.requires, &Scope::subscription(id))
            }
            Intent::WriteRoleDefinition(scope) => {
                self.authorize(caller, authorization::WRITE_DEFINITION, scope)
            }
            Intent::WriteRoleAssignment(scope) => {
                self.authorize(caller, authorization::WRITE_ASSIGNMENT, scope)
            }
        }
    }
}
