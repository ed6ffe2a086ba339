//! GET and HEAD of a resource, and lists of one type.

use gatepost_access::Caller;
use gatepost_names::{ResourceId, Scope, ScopeKind};
use gatepost_store::Conn;
use gatepost_store::resources as rows;

use crate::provider::ResourceType;
use crate::request::{Listing, Page, Shown};
use crate::service::{group_of, must_exist};
use crate::writes::existing;
use crate::{ResourceError, Resources, tree};

/// The resources of one type in a subscription, in a resource group, or below a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The subscription, the resource group or the parent resource.
    pub within: Scope,
    /// The provider.
    pub namespace: String,
    /// The type below the namespace: `emailServices/domains`.
    pub path: String,
}

impl Resources {
    /// One resource.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] before anything else; then what is missing on the way to it.
    pub fn get(&self, caller: &Caller, id: &ResourceId) -> Result<Shown, ResourceError> {
        let kind = self.registry().of(id)?;
        self.authorize(caller, &format!("{}/read", kind.info().action_stem), id.scope())?;
        self.platform().store.read(|conn| self.show(conn, kind, &existing(conn, id)?))
    }

    /// The resources of one type that the caller may read.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] if the caller may read neither the type here nor any resource of it.
    pub fn list(
        &self,
        caller: &Caller,
        collection: &Collection,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        let kind = self.registry().find(&collection.namespace, &collection.path)?;
        let read = format!("{}/read", kind.info().action_stem);
        let within = &collection.within;
        if let Some(subscription) = within.subscription_id() {
            self.subscription_of(caller, subscription)?;
        }
        let whole = self.platform().access.require(caller, &read, within);
        let listing = self.platform().store.read::<_, ResourceError>(|conn| {
            if whole.is_ok() {
                must_exist(conn, within)?;
            }
            self.page_of(conn, kind, collection, page, |id| self.may(caller, &read, id))
        })?;
        match whole {
            Err(denied) if listing.value.is_empty() && !self.sees_within(caller, within) => {
                Err(self.refused(caller, denied))
            }
            _ => Ok(listing),
        }
    }

    /// In a subscription that the caller sees, a list of nothing is the answer; deeper down it would tell that
    /// the group or the parent may exist.
    fn sees_within(&self, caller: &Caller, within: &Scope) -> bool {
        within.kind() == ScopeKind::Subscription
            && within.subscription_id().is_some_and(|id| self.platform().access.sees_subscription(caller, id))
    }

    fn page_of(
        &self,
        conn: &Conn<'_>,
        kind: &dyn ResourceType,
        collection: &Collection,
        page: &Page,
        readable: impl Fn(&Scope) -> bool,
    ) -> Result<Listing, ResourceError> {
        let within = &collection.within;
        let full = format!("{}/{}", collection.namespace, collection.path).to_lowercase();
        page.collect(
            |after, limit| match (within.kind(), within.subscription_id()) {
                (ScopeKind::Subscription, Some(subscription)) => {
                    rows::of_kind(conn, subscription, &full, after, limit)
                }
                (ScopeKind::ResourceGroup, Some(subscription)) => {
                    let group = within.resource_group().unwrap_or("").to_lowercase();
                    rows::of_kind_in_group(conn, subscription, &group, &full, after, limit)
                }
                _ => rows::children_after(conn, within.key(), &full, after, limit),
            },
            |row| row.key.clone(),
            |row| {
                let resource = tree::from_row(row)?;
                if !readable(resource.id.scope()) {
                    return Ok(None);
                }
                Ok(Some(self.show(conn, kind, &resource)?.body))
            },
        )
    }

    /// Whether a resource, a resource group or a subscription is there, for HEAD.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::SubscriptionNotFound`].
    pub fn exists(&self, caller: &Caller, scope: &Scope) -> Result<bool, ResourceError> {
        let stem = match scope.resource() {
            Some(id) => self.registry().of(&id)?.info().action_stem,
            None if scope.kind() == ScopeKind::ResourceGroup => crate::groups::STEM,
            None => "Microsoft.Resources/subscriptions",
        };
        self.authorize(caller, &format!("{stem}/read"), scope)?;
        let found = self.platform().store.read(|conn| match scope.kind() {
            ScopeKind::ResourceGroup => group_of(conn, scope).map(|_| ()),
            _ => must_exist(conn, scope),
        });
        match found {
            Ok(()) => Ok(true),
            Err(
                ResourceError::ResourceGroupNotFound(_)
                | ResourceError::ResourceNotFound { .. }
                | ResourceError::ParentResourceNotFound(_),
            ) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
