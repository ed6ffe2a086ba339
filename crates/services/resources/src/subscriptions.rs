//! Tenants, subscriptions and their locations, as the resource manager shows them.

use gatepost_access::Caller;
use gatepost_names::{SubscriptionId, TenantId};
use gatepost_store::StoreError;
use gatepost_store::tenants::{self, Subscription};
use serde_json::{Value, json};

use crate::{ResourceError, Resources, locations};

impl Resources {
    /// The tenants that the caller can sign in to: its own.
    ///
    /// # Errors
    /// [`ResourceError::Store`].
    pub fn tenants(&self, caller: &Caller) -> Result<Vec<Value>, ResourceError> {
        let all = self.platform().store.read::<_, StoreError>(tenants::tenants)?;
        Ok(all
            .into_iter()
            .filter(|tenant| tenant.id == caller.tenant)
            .map(|tenant| {
                json!({
                    "id": format!("/tenants/{}", tenant.id),
                    "tenantId": tenant.id.to_string(),
                    "countryCode": "",
                    "displayName": tenant.display_name,
                    "domains": [tenant.default_domain],
                    "tenantCategory": "Home",
                    "defaultDomain": tenant.default_domain,
                    "tenantType": "AAD",
                })
            })
            .collect())
    }

    /// The tenant of this server, if it holds just one: what a challenge to an unknown caller may name.
    pub fn only_tenant(&self) -> Option<TenantId> {
        let all = self.platform().store.read::<_, StoreError>(tenants::tenants).ok()?;
        match all.as_slice() {
            [only] => Some(only.id),
            _ => None,
        }
    }

    /// The subscriptions in which the caller has any role at any depth.
    ///
    /// # Errors
    /// [`ResourceError::Store`].
    pub fn subscriptions(&self, caller: &Caller) -> Result<Vec<Value>, ResourceError> {
        let all = self
            .platform()
            .store
            .read::<_, StoreError>(|conn| tenants::subscriptions(conn, caller.tenant))?;
        let access = &self.platform().access;
        Ok(all.iter().filter(|s| access.sees_subscription(caller, s.id)).map(shown).collect())
    }

    /// One subscription, to everybody who has any role in it.
    ///
    /// # Errors
    /// [`ResourceError::SubscriptionNotFound`], [`ResourceError::Denied`].
    pub fn subscription(&self, caller: &Caller, id: SubscriptionId) -> Result<Value, ResourceError> {
        self.sees(caller, "Microsoft.Resources/subscriptions/read", id)?;
        Ok(shown(&self.subscription_of(caller, id)?))
    }

    /// The locations of a subscription.
    ///
    /// # Errors
    /// As [`Resources::subscription`].
    pub fn locations(&self, caller: &Caller, id: SubscriptionId) -> Result<Vec<Value>, ResourceError> {
        self.sees(caller, "Microsoft.Resources/subscriptions/locations/read", id)?;
        Ok(locations::all(&id.to_string()))
    }

    /// `checkResourceName`: names of well-known trademarks are reserved in Azure; none is here.
    ///
    /// # Errors
    /// [`ResourceError::InvalidRequestContent`].
    pub fn check_resource_name(&self, body: &Value) -> Result<Value, ResourceError> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match (text("name"), text("type")) {
            (Some(name), Some(kind)) => Ok(json!({"name": name, "type": kind, "status": "Allowed"})),
            _ => Err(crate::tags::malformed("'name' and 'type' are required and must be strings.")),
        }
    }
}

fn shown(subscription: &Subscription) -> Value {
    json!({
        "id": format!("/subscriptions/{}", subscription.id),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id.to_string(),
        "tenantId": subscription.tenant.to_string(),
        "displayName": subscription.display_name,
        "state": "Enabled",
        "tags": {},
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "Gatepost_2026-11-01",
            "spendingLimit": "Off",
        },
    })
}
