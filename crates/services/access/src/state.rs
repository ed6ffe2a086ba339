//! What is kept in memory, and how it follows the store.
//!
//! Readers take the current state from an atomic pointer and never wait. A change is made to a clone, which
//! shares all that does not change with the original, in a hook that runs after the commit and before the
//! change is acknowledged. Each tenant is a world of its own: no decision sees two of them.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use gatepost_clock::Clock;
use gatepost_names::{ObjectId, RoleDefinitionId, Scope, ScopeKind, SubscriptionId, TenantId};
use gatepost_rbac::Snapshot;
use gatepost_store::{Store, StoreError, Tx, tenants};
use uuid::Uuid;

use crate::{ManagementGroup, StoredRole};

/// Roles, assignments and decisions. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Access(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    state: ArcSwap<State>,
    /// Held while a new state is made from the old one.
    changing: Mutex<()>,
}

/// Everything that decisions need.
#[derive(Clone)]
pub(crate) struct State {
    /// What decisions are made on, by tenant.
    worlds: HashMap<TenantId, Arc<Snapshot>>,
    /// That of a tenant that has nothing.
    nothing: Arc<Snapshot>,
    /// Custom roles.
    pub(crate) roles: Arc<HashMap<(TenantId, RoleDefinitionId), Arc<StoredRole>>>,
    /// Template ids of the directory roles of each principal that has one.
    pub(crate) directory_roles: Arc<HashMap<(TenantId, ObjectId), Vec<Uuid>>>,
    /// Management groups by name in lower case.
    pub(crate) management_groups: Arc<HashMap<TenantId, BTreeMap<String, Arc<ManagementGroup>>>>,
    /// The management group of each subscription that is in one, by name in lower case.
    pub(crate) placements: Arc<HashMap<SubscriptionId, String>>,
    /// The tenant of each subscription that is known; it never changes.
    pub(crate) subscriptions: Arc<HashMap<SubscriptionId, TenantId>>,
}

/// The key of the tables in memory: nobody outside can tell which ids collide.
fn seed() -> u64 {
    RandomState::new().hash_one(0)
}

impl State {
    pub(crate) fn empty() -> State {
        State {
            worlds: HashMap::new(),
            nothing: Arc::new(Snapshot::new(seed())),
            roles: Arc::default(),
            directory_roles: Arc::default(),
            management_groups: Arc::default(),
            placements: Arc::default(),
            subscriptions: Arc::default(),
        }
    }

    /// What decisions in a tenant are made on.
    pub(crate) fn world(&self, tenant: TenantId) -> &Snapshot {
        self.worlds.get(&tenant).unwrap_or(&self.nothing)
    }

    /// The same, to be changed.
    pub(crate) fn world_mut(&mut self, tenant: TenantId) -> &mut Snapshot {
        let world = self.worlds.entry(tenant).or_insert_with(|| Arc::new(Snapshot::new(seed())));
        Arc::make_mut(world)
    }
}

/// Whether a scope is a tenant's to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// It lies in no subscription, or in one of this tenant.
    Own,
    /// It lies in a subscription that this tenant does not have, or has the name that only another tenant's root
    /// management group can have. Whether anybody has it makes no difference: an answer would tell.
    Foreign,
}

impl Access {
    /// Reads everything that decisions need from the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Store, clock: Clock) -> Result<Access, StoreError> {
        let state = ArcSwap::from_pointee(State::load(&store)?);
        Ok(Access(Arc::new(Inner { store, clock, state, changing: Mutex::new(()) })))
    }

    /// The state as of the last committed change.
    pub(crate) fn state(&self) -> arc_swap::Guard<Arc<State>> {
        self.0.state.load()
    }

    /// Changes the state in memory once `tx` is committed.
    pub(crate) fn after_commit(&self, tx: &Tx<'_>, change: impl FnOnce(&mut State) + 'static) {
        let access = self.clone();
        tx.after_commit(move || access.change(change));
    }

    /// Changes the world of one tenant in memory once `tx` is committed.
    pub(crate) fn change_world(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        change: impl FnOnce(&mut Snapshot) + 'static,
    ) {
        self.after_commit(tx, move |state| change(state.world_mut(tenant)));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.0.state.load());
        change(&mut state);
        self.0.state.store(Arc::new(state));
    }

    /// Whose a scope is: its text does not tell. A role at `/` reaches all of a tenant and nothing of another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn belonging(
        &self,
        state: &State,
        scope: &Scope,
        tenant: TenantId,
    ) -> Result<Belonging, StoreError> {
        let of = |own: bool| if own { Belonging::Own } else { Belonging::Foreign };
        if scope.kind() == ScopeKind::ManagementGroup {
            let name = scope.segments().last().unwrap_or_default();
            // Names are each tenant's own. A root has its tenant's id, so a GUID that no group here has may be
            // another tenant's root.
            let own = state.management_groups.get(&tenant);
            let is_here = own.is_some_and(|groups| groups.contains_key(&name.to_lowercase()));
            let root = name.parse().ok().map(TenantId);
            return Ok(of(is_here || root.is_none_or(|root| root == tenant)));
        }
        let Some(id) = scope.subscription_id() else { return Ok(Belonging::Own) };
        if let Some(owner) = state.subscriptions.get(&id) {
            return Ok(of(*owner == tenant));
        }
        let found = self.0.store.read(|conn| tenants::subscription(conn, id))?;
        let Some(found) = found else { return Ok(Belonging::Foreign) };
        self.change(|state| {
            Arc::make_mut(&mut state.subscriptions).insert(id, found.tenant);
        });
        Ok(of(found.tenant == tenant))
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}
