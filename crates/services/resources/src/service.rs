//! The service itself, and the steps that every use case begins with.

use std::sync::Arc;

use gatepost_access::{Caller, Denied, Granted};
use gatepost_names::{ResourceId, Scope, SubscriptionId};
use gatepost_store::resources::{self as rows, ResourceGroupRow};
use gatepost_store::tenants::{self, Subscription};
use gatepost_store::{Conn, StoreError};

use crate::activity::Recorder;
use crate::catalogue::Catalogue;
use crate::provider::{Platform, ResourceType};
use crate::registry::Registry;
use crate::{Limits, ResourceError, tree};

/// The resource tree and what can be done with it. Cheap to clone; clones share one.
///
/// Every use case takes the caller and asks for access first: what a caller may not read is refused before it
/// is looked up, so that a refusal never tells whether the thing exists.
#[derive(Clone)]
pub struct Resources {
    inner: Arc<Inner>,
    limits: Limits,
}

struct Inner {
    platform: Platform,
    registry: Registry,
    catalogue: Catalogue,
    recorder: Recorder,
}

impl Resources {
    /// The tree with the resource types of this server.
    pub fn open(platform: Platform) -> Resources {
        Resources::with_types(platform, crate::communication::types())
    }

    /// The tree with these resource types.
    pub fn with_types(platform: Platform, types: Vec<Box<dyn ResourceType>>) -> Resources {
        let registry = Registry::new(types);
        let catalogue = Catalogue::of(&registry);
        let recorder = Recorder::new(platform.store.clone(), platform.clock.clone());
        let inner = Arc::new(Inner { platform, registry, catalogue, recorder });
        Resources { inner, limits: Limits::default() }
    }

    /// The same tree with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Resources {
        Resources { limits, ..self }
    }

    /// How many assignments and custom roles there may be.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The services below.
    pub fn platform(&self) -> &Platform {
        &self.inner.platform
    }

    /// The resource types.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The catalogue of operations.
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// What records in the activity log whatever changes nothing.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.inner.recorder
    }

    /// Lets the caller through when the scope's subscription trusts the caller's tenant and a role allows
    /// `action` there. A subscription of another tenant is answered like one that does not exist. A refusal is on
    /// the activity log.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        scope: &Scope,
    ) -> Result<Granted, ResourceError> {
        self.trusts(caller, scope)?;
        self.platform().access.require(caller, action, scope).map_err(|denied| self.refused(caller, denied))
    }

    /// Whether the subscription of a scope, if it lies in one, trusts the caller's tenant.
    pub(crate) fn trusts(&self, caller: &Caller, scope: &Scope) -> Result<(), ResourceError> {
        match scope.subscription_id() {
            Some(id) => self.subscription_of(caller, id).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The subscription, if it trusts the caller's tenant.
    pub(crate) fn subscription_of(
        &self,
        caller: &Caller,
        id: SubscriptionId,
    ) -> Result<Subscription, ResourceError> {
        let found = self.platform().store.read::<_, StoreError>(|conn| tenants::subscription(conn, id))?;
        found
            .filter(|subscription| subscription.tenant == caller.tenant)
            .ok_or_else(|| ResourceError::SubscriptionNotFound(id.to_string()))
    }

    /// As [`Resources::authorize`] for a right at a second scope, which the request names beside its own.
    pub(crate) fn authorize_linked(
        &self,
        caller: &Caller,
        done: (&str, &Scope),
        action: &str,
        scope: &Scope,
    ) -> Result<(), ResourceError> {
        if let Some(id) = scope.subscription_id() {
            self.subscription_of(caller, id)?;
        }
        self.require_linked(caller, done, action, scope)
    }

    /// As [`Resources::authorize_linked`], for a scope whose subscription has been asked about already.
    pub(crate) fn require_linked(
        &self,
        caller: &Caller,
        done: (&str, &Scope),
        action: &str,
        scope: &Scope,
    ) -> Result<(), ResourceError> {
        match self.platform().access.require(caller, action, scope) {
            Ok(_) => Ok(()),
            Err(denied) => Err(linked(done, denied)),
        }
    }

    pub(crate) fn may(&self, caller: &Caller, action: &str, scope: &Scope) -> bool {
        self.platform().access.can(caller, action, scope)
    }
}

fn linked((action, scope): (&str, &Scope), denied: Denied) -> ResourceError {
    ResourceError::LinkedDenied {
        action: action.to_owned(),
        scope: scope.to_string(),
        scopes: vec![denied.scope.clone()],
        linked: Box::new(denied),
    }
}

/// The resource group in which `scope` lies. The caller has been let through already.
pub(crate) fn group_of(conn: &Conn<'_>, scope: &Scope) -> Result<ResourceGroupRow, ResourceError> {
    let name = scope.resource_group().unwrap_or("");
    let missing = || ResourceError::ResourceGroupNotFound(name.to_owned());
    let subscription = scope.subscription_id().ok_or_else(missing)?;
    rows::group(conn, subscription, &name.to_lowercase())?.ok_or_else(missing)
}

/// The refusal for a resource that is not there.
pub(crate) fn not_found(id: &ResourceId) -> ResourceError {
    let full = id.resource_type();
    let mut resource = id.namespace().to_owned();
    let types = full.split('/').skip(1);
    for (kind, name) in types.zip(id.names()) {
        resource.push_str(&format!("/{kind}/{name}"));
    }
    ResourceError::ResourceNotFound { resource, group: id.scope().resource_group().unwrap_or("").to_owned() }
}

/// Checks that what `scope` names exists, from the outside in. The caller has been let through already.
pub(crate) fn must_exist(conn: &Conn<'_>, scope: &Scope) -> Result<(), ResourceError> {
    if scope.resource_group().is_some() {
        group_of(conn, scope)?;
    }
    if let Some(id) = scope.resource() {
        if let Some(parent) = id.parent_resource() {
            parent_exists(conn, &parent)?;
        }
        rows::find(conn, scope.key())?.ok_or_else(|| not_found(&id))?;
    }
    Ok(())
}

/// As [`must_exist`]; answers the scope in the spelling of what is there.
pub(crate) fn canonical_scope(conn: &Conn<'_>, scope: &Scope) -> Result<Scope, ResourceError> {
    must_exist(conn, scope)?;
    if let Some(id) = scope.resource() {
        return Ok(tree::find(conn, &id)?.ok_or_else(|| not_found(&id))?.id.scope().clone());
    }
    if scope.resource_group().is_some() {
        return Ok(crate::groups::scope_of(&group_of(conn, scope)?)?);
    }
    Ok(scope.subscription_id().map_or_else(|| scope.clone(), Scope::subscription))
}

/// Checks that a parent resource exists.
pub(crate) fn parent_exists(conn: &Conn<'_>, parent: &ResourceId) -> Result<(), ResourceError> {
    if rows::find(conn, parent.scope().key())?.is_none() {
        return Err(ResourceError::ParentResourceNotFound(type_and_names(parent)));
    }
    Ok(())
}

/// `emailServices/e/domains/d`: how error texts name a parent.
pub(crate) fn type_and_names(id: &ResourceId) -> String {
    let full = id.resource_type();
    let pairs: Vec<String> =
        full.split('/').skip(1).zip(id.names()).map(|(kind, name)| format!("{kind}/{name}")).collect();
    pairs.join("/")
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resources").finish_non_exhaustive()
    }
}
