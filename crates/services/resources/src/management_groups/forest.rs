//! All management groups and subscriptions of a tenant, as one request sees them.

use std::collections::HashMap;

use gatepost_access::ManagementGroup;
use gatepost_names::{Scope, SubscriptionId, TenantId};
use gatepost_store::StoreError;
use gatepost_store::tenants::{self, Subscription};

use super::DEEPEST;
use crate::{ResourceError, Resources};

/// The groups of a tenant by their names, with what is in each.
pub(crate) struct Forest {
    pub(super) tenant: TenantId,
    /// In the order of their names.
    groups: Vec<ManagementGroup>,
    /// Where in `groups` a name in lower case is.
    by_key: HashMap<String, usize>,
    /// Where in `groups` the groups are that are directly in a group.
    children: HashMap<String, Vec<usize>>,
    /// The subscriptions that are directly in a group.
    subscriptions: HashMap<String, Vec<Subscription>>,
}

/// The scope of a management group.
pub(super) fn scope(name: &str) -> Scope {
    // A group whose name cannot stand in a scope is never made; should one be, nobody has rights there.
    super::parsed(name).unwrap_or_else(|_| Scope::root())
}

impl Forest {
    pub(crate) fn read(resources: &Resources, tenant: TenantId) -> Result<Forest, ResourceError> {
        let access = &resources.platform().access;
        let mut groups = access.management_groups(tenant);
        groups.sort_by_cached_key(|group| group.name.to_lowercase());
        let by_key: HashMap<String, usize> =
            groups.iter().enumerate().map(|(at, group)| (group.name.to_lowercase(), at)).collect();
        let mut children: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, group) in groups.iter().enumerate() {
            if let Some(parent) = &group.parent {
                children.entry(parent.to_lowercase()).or_default().push(at);
            }
        }
        let all =
            resources.platform().store.read::<_, StoreError>(|conn| tenants::subscriptions(conn, tenant))?;
        let mut subscriptions: HashMap<String, Vec<Subscription>> = HashMap::new();
        for subscription in all {
            let group = access.management_group_of(subscription.id);
            let key = group.map_or_else(|| tenant.to_string(), |name| name.to_lowercase());
            subscriptions.entry(key).or_default().push(subscription);
        }
        Ok(Forest { tenant, groups, by_key, children, subscriptions })
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &ManagementGroup> {
        self.groups.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The group of a name, whatever its letter case.
    pub(super) fn group(&self, name: &str) -> Option<&ManagementGroup> {
        self.by_key.get(&name.to_lowercase()).and_then(|at| self.groups.get(*at))
    }

    pub(super) fn parent_of(&self, group: &ManagementGroup) -> Option<&ManagementGroup> {
        self.group(group.parent.as_deref()?)
    }

    /// The groups directly in a group.
    pub(super) fn child_groups(&self, group: &ManagementGroup) -> impl Iterator<Item = &ManagementGroup> {
        let inside = self.children.get(&group.name.to_lowercase());
        inside.into_iter().flatten().filter_map(|at| self.groups.get(*at))
    }

    /// The subscriptions directly in a group.
    pub(super) fn subscriptions_in(&self, group: &ManagementGroup) -> &[Subscription] {
        self.subscriptions.get(&group.name.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The group that a subscription is directly in.
    pub(super) fn group_of(&self, id: SubscriptionId) -> Option<&ManagementGroup> {
        let is_here = |inside: &&Vec<Subscription>| inside.iter().any(|subscription| subscription.id == id);
        let (key, _) = self.subscriptions.iter().find(|(_, inside)| is_here(inside))?;
        self.group(key)
    }

    /// The groups above a group, nearest first, ending with the root group.
    pub(super) fn above<'f>(
        &'f self,
        group: &'f ManagementGroup,
    ) -> impl Iterator<Item = &'f ManagementGroup> {
        // The bound is for rows that are not as this server writes them: a circle would not end.
        std::iter::successors(self.parent_of(group), |group| self.parent_of(group)).take(2 * DEEPEST)
    }

    /// How many levels a group is below the root group.
    pub(super) fn depth(&self, group: &ManagementGroup) -> usize {
        self.above(group).count()
    }

    /// How many levels of groups there are below a group.
    pub(super) fn height(&self, group: &ManagementGroup) -> usize {
        let mut level: Vec<&ManagementGroup> = self.child_groups(group).collect();
        let mut height = 0;
        while !level.is_empty() && height < 2 * DEEPEST {
            height += 1;
            level = level.iter().flat_map(|group| self.child_groups(group)).collect();
        }
        height
    }

    /// All groups and subscriptions below a group: calls `visit` with each, and the group that it is in, parents
    /// first.
    pub(super) fn walk<'f>(
        &'f self,
        group: &'f ManagementGroup,
        visit: &mut dyn FnMut(&'f ManagementGroup, Inside<'f>),
    ) {
        let mut open = vec![group];
        let mut left = self.groups.len();
        while let Some(group) = open.pop() {
            for subscription in self.subscriptions_in(group) {
                visit(group, Inside::Subscription(subscription));
            }
            for child in self.child_groups(group) {
                visit(group, Inside::Group(child));
                // Each group is in one other: more than all of them would be a circle.
                left = left.saturating_sub(1);
                if left > 0 {
                    open.push(child);
                }
            }
        }
    }
}

/// What is in a management group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inside<'f> {
    Group(&'f ManagementGroup),
    Subscription(&'f Subscription),
}
