//! Management groups, subscriptions in them, and what lies above and below a scope.

use std::collections::HashMap;
use std::sync::Arc;

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, Scope, ScopeKind, SubscriptionId, TenantId};
use gatepost_rbac::Hierarchy;
use gatepost_store::access::Changes;
use gatepost_store::management_groups::{self as table, ManagementGroupRow};
use gatepost_store::{Reach, StoreError, Tx};

use crate::Access;
use crate::load;
use crate::state::State;

/// A management group.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagementGroup {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name, unique in the tenant whatever its letter case.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// The name of the group that it is in; none for the root, which is named by the tenant's id.
    pub parent: Option<String>,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it was last changed.
    pub updated_on: Timestamp,
    /// Who made it.
    pub created_by: Option<ObjectId>,
    /// Who changed it last.
    pub updated_by: Option<ObjectId>,
}

/// Why a management group is not as it was to be.
#[derive(Debug, thiserror::Error)]
pub enum ManagementGroupError {
    /// It would contain itself.
    #[error("the management group '{0}' would contain itself")]
    Cycle(String),
    /// There is no such parent.
    #[error("there is no management group '{0}'")]
    NoParent(String),
    /// Too many would be above one another.
    #[error("the management group '{0}' would lie too deep")]
    TooDeep(String),
    /// The name cannot stand in a scope.
    #[error("'{0}' is not a name of a management group")]
    BadName(String),
    /// Something is in it.
    #[error("the management group '{0}' is not empty")]
    NotEmpty(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How much of the tree, seen from a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The scope itself.
    At,
    /// It and all that contain it, nearest first.
    AtOrAbove,
    /// All that is in it, without itself.
    Below,
    /// It and all that is in it.
    AtOrBelow,
    /// It, all that contain it, and all that is in it.
    All,
}

impl From<ManagementGroupRow> for ManagementGroup {
    fn from(row: ManagementGroupRow) -> ManagementGroup {
        ManagementGroup {
            tenant: row.tenant,
            name: row.name,
            display_name: row.display_name,
            parent: row.parent,
            created_on: from_micros(row.changes.created_at),
            updated_on: from_micros(row.changes.updated_at),
            created_by: row.changes.created_by,
            updated_by: row.changes.updated_by,
        }
    }
}

impl ManagementGroup {
    /// The tenant's root group, as it is made with the tenant.
    pub fn root(tenant: TenantId, now: Timestamp) -> ManagementGroup {
        ManagementGroup {
            tenant,
            name: tenant.to_string(),
            display_name: "Tenant Root Group".to_owned(),
            parent: None,
            created_on: now,
            updated_on: now,
            created_by: None,
            updated_by: None,
        }
    }

    /// Its name in lower case.
    pub(crate) fn key(&self) -> String {
        self.name.to_lowercase()
    }

    fn to_row(&self) -> ManagementGroupRow {
        ManagementGroupRow {
            tenant: self.tenant,
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            parent: self.parent.clone(),
            changes: Changes {
                created_at: self.created_on.as_microsecond(),
                created_by: self.created_by,
                updated_at: self.updated_on.as_microsecond(),
                updated_by: self.updated_by,
            },
        }
    }
}

impl Access {
    /// All management groups of a tenant, by name.
    pub fn management_groups(&self, tenant: TenantId) -> Vec<ManagementGroup> {
        let state = self.state();
        let groups = state.management_groups.get(&tenant).into_iter().flat_map(|groups| groups.values());
        groups.map(|group| group.as_ref().clone()).collect()
    }

    /// The management group of a name, whatever its letter case.
    pub fn management_group(&self, tenant: TenantId, name: &str) -> Option<ManagementGroup> {
        let state = self.state();
        Some(state.management_groups.get(&tenant)?.get(&name.to_lowercase())?.as_ref().clone())
    }

    /// The name of the management group that a subscription is directly in.
    pub fn management_group_of(&self, subscription: SubscriptionId) -> Option<String> {
        let state = self.state();
        let tenant = state.subscriptions.get(&subscription)?;
        let key = state.placements.get(&subscription)?;
        Some(state.management_groups.get(tenant)?.get(key)?.name.clone())
    }

    /// The subscriptions that are directly in a management group, by id.
    pub fn subscriptions_of(&self, tenant: TenantId, group: &str) -> Vec<SubscriptionId> {
        self.state().subscriptions_in(tenant, &group.to_lowercase())
    }

    /// Adds a management group, or changes display name and parent of the one of this name.
    ///
    /// # Errors
    /// [`ManagementGroupError`].
    pub fn put_management_group(
        &self,
        tx: &Tx<'_>,
        group: &ManagementGroup,
    ) -> Result<(), ManagementGroupError> {
        if let Some(parent) = &group.parent {
            if table::management_group(tx, group.tenant, parent)?.is_none() {
                return Err(ManagementGroupError::NoParent(parent.clone()));
            }
            if table::contains(tx, group.tenant, &group.name, parent)? {
                return Err(ManagementGroupError::Cycle(group.name.clone()));
            }
        }
        // What this transaction has not committed yet is not in memory: the rows above are the authority on
        // circles, memory on depth.
        let mut world = self.state().world(group.tenant).clone();
        world.put_management_group(&group.name, group.parent.as_deref()).map_err(|error| match error {
            Hierarchy::Cycle => ManagementGroupError::Cycle(group.name.clone()),
            Hierarchy::TooDeep => ManagementGroupError::TooDeep(group.name.clone()),
            Hierarchy::BadName => ManagementGroupError::BadName(group.name.clone()),
        })?;
        table::put_management_group(tx, &group.to_row())?;
        // The spelling of the first time stays, also of the parent's name.
        let kept = table::management_group(tx, group.tenant, &group.name)?;
        let group = kept.map_or_else(|| group.clone(), ManagementGroup::from);
        self.after_commit(tx, move |state| {
            load::put_management_group(state.world_mut(group.tenant), &group);
            let all = Arc::make_mut(&mut state.management_groups);
            all.entry(group.tenant).or_default().insert(group.key(), Arc::new(group));
        });
        Ok(())
    }

    /// Deletes a management group; answers whether there was one.
    ///
    /// # Errors
    /// [`ManagementGroupError::NotEmpty`] where something is in it; [`ManagementGroupError::Store`].
    pub fn delete_management_group(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        name: &str,
    ) -> Result<bool, ManagementGroupError> {
        let deleted = table::delete_management_group(tx, tenant, name).map_err(|error| match error {
            StoreError::Conflict(_) => ManagementGroupError::NotEmpty(name.to_owned()),
            error => ManagementGroupError::Store(error),
        })?;
        let key = name.to_lowercase();
        self.after_commit(tx, move |state| {
            state.world_mut(tenant).remove_management_group(&key);
            if let Some(groups) = Arc::make_mut(&mut state.management_groups).get_mut(&tenant) {
                groups.remove(&key);
            }
        });
        Ok(deleted)
    }

    /// Puts a subscription into a management group, or out of all.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the group does not exist, or the subscription is not the tenant's.
    pub fn place_subscription(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        subscription: SubscriptionId,
        group: Option<&str>,
    ) -> Result<(), StoreError> {
        table::place_subscription(tx, tenant, subscription, group)?;
        let key = group.map(str::to_lowercase);
        self.after_commit(tx, move |state| {
            state.world_mut(tenant).place_subscription(subscription, key.as_deref());
            Arc::make_mut(&mut state.subscriptions).insert(subscription, tenant);
            let placements = Arc::make_mut(&mut state.placements);
            match key {
                Some(key) => drop(placements.insert(subscription, key)),
                None => drop(placements.remove(&subscription)),
            }
        });
        Ok(())
    }

    /// A scope and all that contain it, nearest first: those in its text, management groups, `/`.
    pub fn ancestors_of(&self, tenant: TenantId, scope: &Scope) -> Vec<Scope> {
        self.state().world(tenant).ancestors_of(scope)
    }

    /// The management groups and subscriptions in a management group, at any depth, or in all of a tenant for
    /// `/`. Of other scopes the answer is empty: what is in them is in their text.
    pub fn scopes_below(&self, tenant: TenantId, scope: &Scope) -> Vec<Scope> {
        self.state().scopes_below(tenant, scope)
    }

    /// The places that a listing of this extent shows.
    pub fn places(&self, tenant: TenantId, scope: &Scope, extent: Extent) -> Vec<Reach> {
        let state = self.state();
        let at = || Reach::At(scope.key().to_owned());
        let mut places = match extent {
            Extent::At => return vec![at()],
            Extent::AtOrAbove | Extent::All => {
                let above = state.world(tenant).ancestors_of(scope);
                above.iter().map(|scope| Reach::At(scope.key().to_owned())).collect()
            }
            Extent::Below => Vec::new(),
            Extent::AtOrBelow => vec![at()],
        };
        if extent == Extent::AtOrAbove {
            return places;
        }
        places.push(Reach::Below(scope.key().to_owned()));
        if scope.kind() == ScopeKind::ManagementGroup {
            for below in state.scopes_below(tenant, scope) {
                places.push(Reach::At(below.key().to_owned()));
                places.push(Reach::Below(below.key().to_owned()));
            }
        }
        places
    }
}

impl State {
    fn subscriptions_in(&self, tenant: TenantId, key: &str) -> Vec<SubscriptionId> {
        let is_inside = |(id, group): &(&SubscriptionId, &String)| {
            group.as_str() == key && self.subscriptions.get(id) == Some(&tenant)
        };
        let mut found: Vec<SubscriptionId> =
            self.placements.iter().filter(is_inside).map(|(id, _)| *id).collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn scopes_below(&self, tenant: TenantId, scope: &Scope) -> Vec<Scope> {
        let mut open = match scope.kind() {
            ScopeKind::TenantRoot => vec![None],
            ScopeKind::ManagementGroup => vec![Some(scope_name(scope))],
            _ => return Vec::new(),
        };
        let groups = self.management_groups.get(&tenant);
        let mut children: HashMap<Option<String>, Vec<&ManagementGroup>> = HashMap::new();
        for group in groups.into_iter().flat_map(|groups| groups.values()) {
            let parent = group.parent.as_ref().map(|name| name.to_lowercase());
            children.entry(parent).or_default().push(group);
        }
        let mut subscriptions: HashMap<&str, Vec<SubscriptionId>> = HashMap::new();
        for (id, group) in
            self.placements.iter().filter(|(id, _)| self.subscriptions.get(id) == Some(&tenant))
        {
            subscriptions.entry(group).or_default().push(*id);
        }
        let mut found = Vec::new();
        // INVARIANT: it ends. Groups are a forest, and what was taken out of `children` does not come again.
        while let Some(parent) = open.pop() {
            for group in children.remove(&parent).unwrap_or_default() {
                found.extend(group_scope(&group.name));
                open.push(Some(group.key()));
            }
            let mut inside = parent.and_then(|key| subscriptions.remove(key.as_str())).unwrap_or_default();
            inside.sort_unstable();
            found.extend(inside.into_iter().map(Scope::subscription));
        }
        found
    }
}

fn scope_name(scope: &Scope) -> String {
    scope.segments().last().unwrap_or_default().to_lowercase()
}

/// The scope of a management group.
fn group_scope(name: &str) -> Option<Scope> {
    Scope::parse(&format!("/providers/Microsoft.Management/managementGroups/{name}")).ok()
}
