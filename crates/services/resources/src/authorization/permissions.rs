//! What the caller may do at a scope.

use gatepost_access::Caller;
use gatepost_names::{Scope, SubscriptionId};
use gatepost_rbac::PermissionBlock;
use serde_json::{Value, json};

use crate::service::must_exist;
use crate::{ResourceError, Resources};

impl Resources {
    /// The permission blocks of each role that the caller has at a scope, one entry a block.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] without `Microsoft.Authorization/permissions/read` there.
    pub fn permissions(&self, caller: &Caller, scope: &Scope) -> Result<Vec<Value>, ResourceError> {
        self.authorize(caller, "Microsoft.Authorization/permissions/read", scope)?;
        self.platform().store.read(|conn| must_exist(conn, scope))?;
        Ok(self.platform().access.permissions(caller, scope).iter().map(block).collect())
    }

    /// The classic administrators of a subscription. Azure retired them; there are none.
    ///
    /// # Errors
    /// [`ResourceError::Denied`].
    pub fn classic_administrators(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
    ) -> Result<Vec<Value>, ResourceError> {
        let action = "Microsoft.Authorization/classicAdministrators/read";
        self.authorize(caller, action, &Scope::subscription(subscription))?;
        Ok(Vec::new())
    }
}

fn block(block: &PermissionBlock) -> Value {
    json!({
        "actions": block.actions,
        "notActions": block.not_actions,
        "dataActions": block.data_actions,
        "notDataActions": block.not_data_actions,
    })
}
