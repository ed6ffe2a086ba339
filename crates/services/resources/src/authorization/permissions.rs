//! What the caller may do at a scope.

use gatepost_access::Caller;
use gatepost_names::{Scope, SubscriptionId};
use serde_json::Value;

use super::definition_bodies::block_shown;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

const READ: &str = "Microsoft.Authorization/permissions/read";

impl Resources {
    /// The permission blocks of each role that the caller has at a scope, one entry a block.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] without `Microsoft.Authorization/permissions/read` there.
    pub fn permissions(
        &self,
        caller: &Caller,
        scope: &Scope,
        version: ApiVersion<'_>,
    ) -> Result<Vec<Value>, ResourceError> {
        self.enter(caller, READ, scope)?;
        let blocks = self.platform().access.permissions(caller, scope);
        Ok(blocks.iter().map(|block| block_shown(block, version)).collect())
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
