//! All role assignments and roles in memory, indexed for decisions (reference rbac.md section 3).
//!
//! Assignments are found by principal, then by the keys of the scope and its ancestors; a decision looks at
//! no other principal's. A clone shares everything; changing a clone copies one shard of principals, or the
//! table of roles. So a writer changes a clone while readers go on with the original.

use std::collections::HashMap;
use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId, TenantId};

use crate::{
    CompiledRole, Coverage, Decision, DenialCause, FoundRole, Grant, Plane, RoleDefinition, builtin,
};

/// Shards of principals. A change copies one: a few hundred principals at a hundred thousand.
const SHARDS: usize = 256;
/// Most roles that an explanation names.
const MAX_NAMED_ROLES: usize = 16;

/// A role assignment, as far as decisions need it.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The tenant.
    pub tenant: TenantId,
    /// The GUID that names it.
    pub name: RoleAssignmentName,
    /// Who gets the role.
    pub principal: ObjectId,
    /// The role; it need not be known yet.
    pub role: RoleDefinitionId,
    /// Where. Equal scopes should share one allocation.
    pub scope: Arc<Scope>,
    /// Whether it carries a condition. Then it grants nothing.
    pub conditioned: bool,
}

/// The assignments and roles of all tenants.
#[derive(Clone, Debug)]
pub struct Snapshot {
    shards: Box<[Arc<Shard>]>,
    roles: Arc<RoleTable>,
}

/// INVARIANT: each list is sorted by the scope's key and is not empty.
type Shard = HashMap<(TenantId, ObjectId), Vec<Held>>;

/// One assignment of a known principal.
#[derive(Clone, Debug)]
struct Held {
    scope: Arc<Scope>,
    name: RoleAssignmentName,
    role: RoleSlot,
    conditioned: bool,
}

/// Where a role stands in the [`RoleTable`]; it keeps its place when its definition changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoleSlot(usize);

#[derive(Clone, Debug, Default)]
struct RoleTable {
    /// Custom roles by tenant, built-in roles under [`None`].
    index: HashMap<(Option<TenantId>, RoleDefinitionId), RoleSlot>,
    slots: Vec<(RoleDefinitionId, Option<Arc<CompiledRole>>)>,
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot::new()
    }
}

impl Snapshot {
    /// A snapshot without assignments. The built-in roles are known to it.
    pub fn new() -> Snapshot {
        Snapshot {
            shards: (0..SHARDS).map(|_| Arc::new(Shard::new())).collect(),
            roles: Arc::new(RoleTable::default()),
        }
    }

    /// Adds a custom role of a tenant, or puts a new definition in the place of the old one; existing
    /// assignments pick it up.
    pub fn put_role(&mut self, tenant: TenantId, definition: &RoleDefinition) {
        let slot = self.slot_of(tenant, definition.id);
        if let Some((_, role)) = Arc::make_mut(&mut self.roles).slots.get_mut(slot.0) {
            *role = Some(Arc::new(CompiledRole::new(definition)));
        }
    }

    /// Forgets a custom role. Assignments of it stay and grant nothing.
    pub fn remove_role(&mut self, tenant: TenantId, id: RoleDefinitionId) {
        let Some(slot) = self.roles.index.get(&(Some(tenant), id)).copied() else { return };
        if let Some((_, role)) = Arc::make_mut(&mut self.roles).slots.get_mut(slot.0) {
            *role = None;
        }
    }

    /// Adds an assignment; one of the same name and principal is replaced.
    pub fn put(&mut self, assignment: &Assignment) {
        self.remove(assignment.tenant, assignment.principal, assignment.name);
        let held = Held {
            scope: assignment.scope.clone(),
            name: assignment.name,
            role: self.slot_of(assignment.tenant, assignment.role),
            conditioned: assignment.conditioned,
        };
        let Some(shard) = self.shards.get_mut(shard_of(assignment.principal)) else { return };
        let list = Arc::make_mut(shard).entry((assignment.tenant, assignment.principal)).or_default();
        let at = list.partition_point(|other| other.scope.key() < held.scope.key());
        list.insert(at, held);
    }

    /// Removes an assignment, if there is one of this name and principal.
    pub fn remove(&mut self, tenant: TenantId, principal: ObjectId, name: RoleAssignmentName) {
        let position = self.held_by(tenant, principal).iter().position(|held| held.name == name);
        let (Some(at), Some(shard)) = (position, self.shards.get_mut(shard_of(principal))) else { return };
        let shard = Arc::make_mut(shard);
        if let Some(list) = shard.get_mut(&(tenant, principal)) {
            list.remove(at);
            if list.is_empty() {
                shard.remove(&(tenant, principal));
            }
        }
    }

    /// How many assignments there are.
    pub fn len(&self) -> usize {
        self.shards.iter().flat_map(|shard| shard.values()).map(Vec::len).sum()
    }

    /// Whether there is no assignment.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_empty())
    }

    /// The first assignment that allows one of `principals` to do `action` at `scope`; nothing is allocated.
    pub fn granting(
        &self,
        tenant: TenantId,
        principals: &[ObjectId],
        action: &str,
        scope: &Scope,
        plane: Plane,
    ) -> Option<Grant<'_>> {
        principals.iter().find_map(|principal| {
            self.applicable(tenant, *principal, scope).find_map(|held| {
                let role = self.roles.get(held.role)?;
                let grants = !held.conditioned && role.grants(action, plane);
                grants.then(|| grant_of(held, role))
            })
        })
    }

    /// Decides, and says why. `principals` are the caller and the groups that it is in.
    pub fn decide(
        &self,
        tenant: TenantId,
        principals: &[ObjectId],
        action: &str,
        scope: &Scope,
        plane: Plane,
    ) -> Decision<'_> {
        match self.granting(tenant, principals, action, scope, plane) {
            Some(grant) => Decision::Allowed(grant),
            None => Decision::Denied(self.missing(tenant, principals, action, scope, plane)),
        }
    }

    /// Every assignment without a condition that applies to one of `principals` at `scope`, whatever its role
    /// grants. Assignments of roles that do not exist are left out.
    pub fn grants_at(&self, tenant: TenantId, principals: &[ObjectId], scope: &Scope) -> Vec<Grant<'_>> {
        let applicable = |principal: &ObjectId| self.applicable(tenant, *principal, scope);
        principals
            .iter()
            .flat_map(applicable)
            .filter(|held| !held.conditioned)
            .filter_map(|held| Some(grant_of(held, self.roles.get(held.role)?)))
            .collect()
    }

    /// Whether one of `principals` has any role in a subscription, at any depth, or above it. Assignments
    /// with a condition do not count.
    pub fn reaches_subscription(
        &self,
        tenant: TenantId,
        principals: &[ObjectId],
        subscription: SubscriptionId,
    ) -> bool {
        let scope = Scope::subscription(subscription);
        let holds_role = |held: &Held| !held.conditioned && self.roles.get(held.role).is_some();
        principals.iter().any(|principal| {
            let held = self.held_by(tenant, *principal);
            let from = held.partition_point(|other| other.scope.key() < scope.key());
            let below = held.get(from..).unwrap_or(&[]).iter();
            below.take_while(|held| scope.contains(&held.scope)).any(holds_role)
                || self.applicable(tenant, *principal, &scope).any(holds_role)
        })
    }

    fn missing(
        &self,
        tenant: TenantId,
        principals: &[ObjectId],
        action: &str,
        scope: &Scope,
        plane: Plane,
    ) -> DenialCause {
        let mut found = Vec::new();
        for held in principals.iter().flat_map(|p| self.applicable(tenant, *p, scope)) {
            let role = self.describe(held, action, plane);
            let by_assignment = held.conditioned && role.coverage == Some(Coverage::Granted);
            if by_assignment || role.coverage == Some(Coverage::Conditioned) {
                return DenialCause::Conditioned { role, by_assignment };
            }
            if found.len() < MAX_NAMED_ROLES {
                found.push(role);
            }
        }
        let elsewhere = principals
            .iter()
            .flat_map(|principal| self.held_by(tenant, *principal))
            .filter(|held| !held.conditioned)
            .find(|held| self.roles.get(held.role).is_some_and(|role| role.grants(action, plane)));
        match elsewhere {
            Some(held) => {
                let elsewhere = self.describe(held, action, plane);
                DenialCause::AssignedElsewhere { elsewhere, found }
            }
            None if found.is_empty() => DenialCause::NoAssignment,
            None => DenialCause::NotGranted(found),
        }
    }

    fn describe(&self, held: &Held, action: &str, plane: Plane) -> FoundRole {
        let role = self.roles.get(held.role);
        FoundRole {
            name: role.map_or_else(|| self.roles.id(held.role), |role| role.name().to_owned()),
            scope: held.scope.as_ref().clone(),
            coverage: role.map(|role| role.coverage(action, plane)),
        }
    }

    /// The assignments of a principal at `scope` and above it, nearest first.
    fn applicable(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        scope: &Scope,
    ) -> impl Iterator<Item = &Held> {
        let held = self.held_by(tenant, principal);
        // Nothing to look for costs no walk.
        let key = if held.is_empty() { "" } else { scope.key() };
        keys_above(key).flat_map(move |key| {
            let from = held.partition_point(|other| other.scope.key() < key);
            held.get(from..).unwrap_or(&[]).iter().take_while(move |other| other.scope.key() == key)
        })
    }

    fn held_by(&self, tenant: TenantId, principal: ObjectId) -> &[Held] {
        let shard = self.shards.get(shard_of(principal));
        shard.and_then(|shard| shard.get(&(tenant, principal))).map_or(&[], Vec::as_slice)
    }

    fn slot_of(&mut self, tenant: TenantId, id: RoleDefinitionId) -> RoleSlot {
        let built_in = builtin::compiled(id);
        let owner = if built_in.is_some() { None } else { Some(tenant) };
        if let Some(slot) = self.roles.index.get(&(owner, id)) {
            return *slot;
        }
        let table = Arc::make_mut(&mut self.roles);
        let slot = RoleSlot(table.slots.len());
        table.slots.push((id, built_in));
        table.index.insert((owner, id), slot);
        slot
    }
}

impl RoleTable {
    fn get(&self, slot: RoleSlot) -> Option<&CompiledRole> {
        self.slots.get(slot.0)?.1.as_deref()
    }

    fn id(&self, slot: RoleSlot) -> String {
        self.slots.get(slot.0).map_or_else(String::new, |(id, _)| id.to_string())
    }
}

fn grant_of<'a>(held: &'a Held, role: &'a CompiledRole) -> Grant<'a> {
    Grant { assignment: held.name, scope: &held.scope, role: role.id(), role_name: role.name() }
}

fn shard_of(principal: ObjectId) -> usize {
    principal.0.as_bytes().iter().fold(0, |mixed: usize, byte| (mixed * 31 + usize::from(*byte)) % SHARDS)
}

/// The keys of a scope and of all that contain it: each prefix that ends before a slash, then `/`. Prefixes
/// that are no scopes are among them; no assignment has one. Nothing for an empty key.
fn keys_above(key: &str) -> impl Iterator<Item = &str> {
    let first = if key.is_empty() { None } else { Some(key) };
    std::iter::successors(first, |key| match key.rfind('/') {
        _ if *key == "/" => None,
        Some(0) => Some("/"),
        Some(at) => key.get(..at),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_goes_by_whole_segments() {
        let keys: Vec<&str> = keys_above("/subscriptions/s/resourcegroups/rg10").collect();
        assert_eq!(
            keys,
            [
                "/subscriptions/s/resourcegroups/rg10",
                "/subscriptions/s/resourcegroups",
                "/subscriptions/s",
                "/subscriptions",
                "/"
            ]
        );
        assert_eq!(keys_above("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(keys_above("").count(), 0);
    }
}
