//! Which subscription is in which management group.

use gatepost_access::{Caller, ManagementGroup};
use gatepost_names::{Scope, SubscriptionId};
use gatepost_store::tenants::Subscription;
use serde_json::{Value, json};

use super::bodies;
use super::forest::Forest;
use super::{PLACE, READ_PLACE, REMOVE, missing};
use crate::activity::Intended;
use crate::request::Deleted;
use crate::{ResourceError, Resources};

impl Resources {
    /// The subscriptions directly in a management group.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::NotFound`].
    pub fn subscriptions_of_group(&self, caller: &Caller, name: &str) -> Result<Vec<Value>, ResourceError> {
        self.authorize(caller, READ_PLACE, &self.known(caller, READ_PLACE, name)?)?;
        let forest = Forest::read(self, caller.tenant)?;
        let group = forest.group(name).ok_or_else(|| missing(name))?;
        Ok(forest.subscriptions_in(group).iter().map(|subscription| shown(group, subscription)).collect())
    }

    /// One subscription directly in a management group.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] also for one that is in another group.
    pub fn subscription_of_group(
        &self,
        caller: &Caller,
        name: &str,
        id: SubscriptionId,
    ) -> Result<Value, ResourceError> {
        self.authorize(caller, READ_PLACE, &self.known(caller, READ_PLACE, name)?)?;
        let forest = Forest::read(self, caller.tenant)?;
        let group = forest.group(name).ok_or_else(|| missing(name))?;
        let found = forest.subscriptions_in(group).iter().find(|subscription| subscription.id == id);
        found.map(|subscription| shown(group, subscription)).ok_or_else(|| not_in(name, id))
    }

    /// Moves a subscription into a management group.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is moved then.
    pub fn place_subscription(
        &self,
        caller: &Caller,
        name: &str,
        id: SubscriptionId,
    ) -> Result<Value, ResourceError> {
        let (scope, subject) = (self.known(caller, PLACE, name)?, Scope::subscription(id));
        let root = is_root(caller, name);
        // Back into the root group needs no right there, but at the subscription itself.
        let at = if root { &subject } else { &scope };
        let about = format!("{scope}/subscriptions/{id}");
        self.change(caller, Intended::put(PLACE, at).of(about), |attempt| {
            let subscription = self.subscription_of(caller, id)?;
            attempt.commit(|change| {
                let forest = Forest::read(self, caller.tenant)?;
                let to = forest.group(name).ok_or_else(|| missing(name))?;
                let from = forest.group_of(id);
                if from.is_none_or(|from| from.name != to.name) {
                    self.check_move(caller, (PLACE, at), &subject, from, to)?;
                    let access = &change.platform.access;
                    access.place_subscription(change.tx, caller.tenant, id, Some(&to.name))?;
                }
                Ok(shown(to, &subscription))
            })
        })
    }

    /// Moves a subscription out of a management group, into the root group.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is moved then. A subscription that is not there is [`Deleted::Absent`].
    pub fn remove_subscription(
        &self,
        caller: &Caller,
        name: &str,
        id: SubscriptionId,
    ) -> Result<Deleted, ResourceError> {
        let (scope, subject) = (self.known(caller, REMOVE, name)?, Scope::subscription(id));
        let at = if is_root(caller, name) { &subject } else { &scope };
        let about = format!("{scope}/subscriptions/{id}");
        self.change(caller, Intended::delete(REMOVE, at).of(about).despite_locks(), |attempt| {
            self.subscription_of(caller, id)?;
            attempt.commit(|change| {
                let forest = Forest::read(self, caller.tenant)?;
                let from = forest.group(name).ok_or_else(|| missing(name))?;
                let root = forest.group(&caller.tenant.to_string());
                let (Some(root), true) = (root, forest.subscriptions_in(from).iter().any(|s| s.id == id))
                else {
                    return Ok(Deleted::Absent);
                };
                if from.name == root.name {
                    return Ok(Deleted::Absent);
                }
                self.check_move(caller, (REMOVE, at), &subject, Some(from), root)?;
                change.platform.access.place_subscription(change.tx, caller.tenant, id, Some(&root.name))?;
                Ok(Deleted::Done)
            })
        })
    }
}

fn is_root(caller: &Caller, name: &str) -> bool {
    name.eq_ignore_ascii_case(&caller.tenant.to_string())
}

fn not_in(name: &str, id: SubscriptionId) -> ResourceError {
    ResourceError::NotFound {
        code: "NotFound",
        message: format!(
            "'/providers/Microsoft.Management/managementGroups/{name}/subscriptions/{id}' not found"
        ),
    }
}

fn shown(group: &ManagementGroup, subscription: &Subscription) -> Value {
    json!({
        "id": format!("{}/subscriptions/{}", bodies::id(group), subscription.id),
        "type": "Microsoft.Management/managementGroups/subscriptions",
        "name": subscription.id.to_string(),
        "properties": {
            "tenant": subscription.tenant.to_string(),
            "displayName": subscription.display_name,
            "parent": {"id": bodies::id(group)},
            "state": "Active",
        },
    })
}
