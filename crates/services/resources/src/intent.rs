//! The right to make a request, asked before its body is read: what a stranger sends is not worth parsing. The
//! use cases ask again, so that none depends on an edge's having done so.

use gatepost_access::Caller;
use gatepost_names::{ResourceId, Scope, SubscriptionId};

use crate::communication::SubscriptionAction;
use crate::{ResourceError, Resources, authorization, groups, locks};

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
    /// PUT of a deny assignment at a scope.
    WriteDenyAssignment(&'a Scope),
    /// PUT of a lock at a scope.
    WriteLock(&'a Scope),
}

impl Resources {
    /// Lets the caller through when the request may be made, whatever its body.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], and those for a subscription, type or action that there is not.
    pub fn authorize_intent(&self, caller: &Caller, intent: Intent<'_>) -> Result<(), ResourceError> {
        let (action, scope) = self.needs(intent)?;
        let granted = match intent {
            // Which assignment it is to be is in the body: a condition may allow some.
            Intent::WriteRoleAssignment(_) => self.authorize_possible(caller, &action, &scope),
            _ => self.authorize(caller, &action, &scope),
        };
        granted.map(|_| ())
    }

    /// Puts on the activity log that a request, which the caller was let through with, has a body that cannot be
    /// read. `method` is that of the request.
    pub fn record_unreadable(&self, caller: &Caller, intent: Intent<'_>, method: &str, why: &str) {
        if let Ok((action, scope)) = self.needs(intent) {
            let error = ResourceError::InvalidRequestContent(why.to_owned());
            self.record_failure(caller, &action, method, &scope, scope.as_str(), None, &error);
        }
    }

    /// The action that a request needs, and where.
    fn needs(&self, intent: Intent<'_>) -> Result<(String, Scope), ResourceError> {
        let at = |action: &str, scope: &Scope| (action.to_owned(), scope.clone());
        Ok(match intent {
            Intent::WriteGroup(scope) => (format!("{}/write", groups::STEM), scope.clone()),
            Intent::WriteResource(id) => {
                let stem = self.registry().of(id)?.info().action_stem;
                (format!("{stem}/write"), id.scope().clone())
            }
            Intent::Act(id, name) => at(self.action(id, name)?.requires, id.scope()),
            Intent::ActOnSubscription(id, action) => at(action.requires, &Scope::subscription(id)),
            Intent::WriteRoleDefinition(scope) => at(authorization::WRITE_DEFINITION, scope),
            Intent::WriteRoleAssignment(scope) => at(authorization::WRITE_ASSIGNMENT, scope),
            Intent::WriteDenyAssignment(scope) => at(authorization::WRITE_DENY, scope),
            Intent::WriteLock(scope) => at(locks::WRITE, scope),
        })
    }
}
