//! POST actions: those of a resource's type, and the few of a whole subscription.

use gatepost_access::Caller;
use gatepost_names::{ResourceId, Scope, SubscriptionId};
use gatepost_store::Conn;
use serde_json::Value;

use crate::activity::Intended;
use crate::communication::{self, SubscriptionAction, SubscriptionRequest};
use crate::provider::{ActionInfo, ActionReply};
use crate::request::Acted;
use crate::writes::existing;
use crate::{ResourceError, Resources, operations};

impl Resources {
    /// The POST action `name` of a type, ignoring letter case.
    ///
    /// # Errors
    /// [`ResourceError::InvalidResourceType`], [`ResourceError::MethodNotAllowed`].
    pub fn action(&self, id: &ResourceId, name: &str) -> Result<&'static ActionInfo, ResourceError> {
        let actions = self.registry().of(id)?.info().actions;
        actions
            .iter()
            .find(|action| action.name.eq_ignore_ascii_case(name))
            .ok_or(ResourceError::MethodNotAllowed)
    }

    /// Does a POST action of a resource's type.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is changed then.
    pub fn act(
        &self,
        caller: &Caller,
        id: &ResourceId,
        name: &str,
        body: &Value,
    ) -> Result<Acted, ResourceError> {
        let kind = self.registry().of(id)?;
        let action = self.action(id, name)?;
        self.change(caller, Intended::post(action.requires, id.scope()), |attempt| {
            attempt.commit(|change| {
                let resource = existing(change.tx, id)?;
                match kind.act(change, action.name, &resource, body)? {
                    ActionReply::Done(body) => Ok(Acted::Done(body)),
                    ActionReply::Nothing => Ok(Acted::Nothing),
                    ActionReply::Accepted => Ok(Acted::Accepted(operations::record(change, id.scope())?)),
                }
            })
        })
    }

    /// The POST action `name` of a provider on a whole subscription.
    ///
    /// # Errors
    /// [`ResourceError::InvalidResourceType`] for one that there is not.
    pub fn subscription_action(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<&'static SubscriptionAction, ResourceError> {
        let known = communication::NAMESPACE.eq_ignore_ascii_case(namespace);
        if !known && !self.registry().has_namespace(namespace) {
            return Err(ResourceError::InvalidResourceNamespace(namespace.to_owned()));
        }
        let mut actions = communication::subscription_actions().iter().filter(|_| known);
        actions.find(|action| action.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            ResourceError::InvalidResourceType { kind: name.to_owned(), namespace: namespace.to_owned() }
        })
    }

    /// Does a POST action of a provider on a whole subscription.
    ///
    /// # Errors
    /// [`ResourceError`].
    pub fn act_on_subscription(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        action: &SubscriptionAction,
        body: &Value,
    ) -> Result<ActionReply, ResourceError> {
        let scope = Scope::subscription(subscription);
        let platform = self.platform();
        self.change(caller, Intended::post(action.requires, &scope), |attempt| {
            attempt.perform(|| {
                let answer = |conn: &Conn<'_>| {
                    (action.act)(&SubscriptionRequest { conn, platform, caller, subscription, body })
                };
                platform.store.read(answer)
            })
        })
    }
}
