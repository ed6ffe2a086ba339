//! The state in memory as the store has it at start.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gatepost_names::{Scope, TenantId};
use gatepost_rbac::condition::Condition;
use gatepost_rbac::{Assignment, Snapshot};
use gatepost_store::assignments::HeldRow;
use gatepost_store::{
    Conn, Store, StoreError, access, assignments, denies, groups, locks, management_groups,
};
use uuid::Uuid;

use crate::state::State;
use crate::{ManagementGroup, StoredDeny, StoredLock, StoredRole};

impl State {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn load(store: &Store) -> Result<State, StoreError> {
        store.read(|conn| {
            let mut state = State::empty();
            state.read_roles(conn)?;
            state.read_hierarchy(conn)?;
            state.read_members(conn)?;
            state.read_assignments(conn)?;
            for row in denies::denies(conn)? {
                let (tenant, deny) = (row.tenant, StoredDeny::from_row(row)?);
                state.world_mut(tenant).put_deny(&deny.compiled());
            }
            for row in locks::locks(conn)? {
                let (tenant, lock) = (row.tenant, StoredLock::from_row(row)?);
                state.world_mut(tenant).put_lock(&lock.bare());
            }
            Ok(state)
        })
    }

    fn read_roles(&mut self, conn: &Conn<'_>) -> Result<(), StoreError> {
        let mut roles = HashMap::new();
        for row in access::roles(conn)? {
            let (tenant, role) = (row.tenant, StoredRole::from_row(row)?);
            self.world_mut(tenant).put_role(&role.definition);
            roles.insert((tenant, role.definition.id), Arc::new(role));
        }
        self.roles = Arc::new(roles);
        let mut directory_roles: HashMap<_, Vec<Uuid>> = HashMap::new();
        for row in access::directory_roles(conn)? {
            directory_roles.entry((row.tenant, row.principal)).or_default().push(row.template);
        }
        self.directory_roles = Arc::new(directory_roles);
        Ok(())
    }

    fn read_hierarchy(&mut self, conn: &Conn<'_>) -> Result<(), StoreError> {
        let mut all: HashMap<TenantId, BTreeMap<String, Arc<ManagementGroup>>> = HashMap::new();
        for row in management_groups::management_groups(conn)? {
            let group = ManagementGroup::from(row);
            put_management_group(self.world_mut(group.tenant), &group);
            all.entry(group.tenant).or_default().insert(group.key(), Arc::new(group));
        }
        self.management_groups = Arc::new(all);
        let (mut placements, mut subscriptions) = (HashMap::new(), HashMap::new());
        for (tenant, subscription, group) in management_groups::placements(conn)? {
            self.world_mut(tenant).place_subscription(subscription, Some(&group));
            subscriptions.insert(subscription, tenant);
            placements.insert(subscription, group);
        }
        self.placements = Arc::new(placements);
        self.subscriptions = Arc::new(subscriptions);
        Ok(())
    }

    fn read_members(&mut self, conn: &Conn<'_>) -> Result<(), StoreError> {
        groups::each_membership(conn, |tenant, group, member| {
            put_member(self.world_mut(tenant), group, member);
        })
    }

    fn read_assignments(&mut self, conn: &Conn<'_>) -> Result<(), StoreError> {
        let mut shared = Shared::default();
        let mut found: HashMap<TenantId, Vec<Assignment>> = HashMap::new();
        assignments::each_assignment(conn, |row| {
            let assignment = shared.assignment(&row)?;
            found.entry(row.tenant).or_default().push(assignment);
            Ok(())
        })?;
        for (tenant, assignments) in found {
            self.world_mut(tenant).put_all(assignments);
        }
        Ok(())
    }
}

/// The rows say it, or the transaction checked it: this cannot be refused. Were it all the same, the
/// membership grants nothing.
pub(crate) fn put_member(
    world: &mut Snapshot,
    group: gatepost_names::ObjectId,
    member: gatepost_names::ObjectId,
) {
    if world.put_member(group, member).is_err() {
        tracing::error!(%group, %member, "a membership is left out of decisions: the group would contain itself");
    }
}

/// As [`put_member`], for management groups.
pub(crate) fn put_management_group(world: &mut Snapshot, group: &ManagementGroup) {
    if let Err(error) = world.put_management_group(&group.name, group.parent.as_deref()) {
        tracing::error!(?error, name = group.name, "a management group is left out of decisions");
    }
}

/// Scopes and conditions that many rows have in common.
#[derive(Default)]
struct Shared {
    scopes: HashMap<Box<str>, Arc<Scope>>,
    conditions: HashMap<Box<str>, Arc<Condition>>,
}

impl Shared {
    fn assignment(&mut self, row: &HeldRow<'_>) -> Result<Assignment, StoreError> {
        let condition = row.condition.map(|text| match self.conditions.get(text) {
            Some(known) => known.clone(),
            None => {
                let condition = compile_condition(text, || format!("role assignment {}", row.name));
                self.conditions.insert(text.into(), condition.clone());
                condition
            }
        });
        Ok(Assignment {
            name: row.name,
            principal: row.principal,
            role: row.role,
            scope: self.scope(row)?,
            condition,
            starts: row.starts_at,
            ends: row.ends_at,
        })
    }

    fn scope(&mut self, row: &HeldRow<'_>) -> Result<Arc<Scope>, StoreError> {
        if let Some(known) = self.scopes.get(row.scope) {
            return Ok(known.clone());
        }
        let corrupt = |error| StoreError::Corrupt(format!("role assignment {}: {error}", row.name));
        let scope = Arc::new(Scope::parse(row.scope).map_err(corrupt)?);
        self.scopes.insert(row.scope.into(), scope.clone());
        Ok(scope)
    }
}

/// Reads a stored condition. One that cannot be read any more is never true, and the log says so.
pub(crate) fn compile_condition(text: &str, of: impl FnOnce() -> String) -> Arc<Condition> {
    let condition = Condition::parse_builtin(text);
    if condition.is_never_true() {
        tracing::error!(of = of(), "a stored condition cannot be read: it is never true");
    }
    Arc::new(condition)
}
