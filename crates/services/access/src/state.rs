//! What is kept in memory, and how it follows the store.
//!
//! Readers take the current state from an atomic pointer and never wait. A change is made to a clone, which
//! shares all that does not change with the original, in a hook that runs after the commit and before the
//! change is acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use gatepost_clock::Clock;
use gatepost_names::{ObjectId, RoleDefinitionId, Scope, SubscriptionId, TenantId};
use gatepost_rbac::{Assignment, Snapshot};
use gatepost_store::{Store, StoreError, Tx, access as table, tenants};
use uuid::Uuid;

use crate::StoredRole;

/// Roles, assignments and decisions. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Access(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    state: ArcSwap<State>,
    /// Held while a new state is made from the old one.
    changing: Mutex<()>,
    /// The tenant of each subscription that was asked about; it never changes.
    subscriptions: RwLock<HashMap<SubscriptionId, TenantId>>,
}

/// Everything that decisions need.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) snapshot: Snapshot,
    /// Custom roles.
    pub(crate) roles: Arc<HashMap<(TenantId, RoleDefinitionId), Arc<StoredRole>>>,
    /// Template ids of the directory roles of each principal that has one.
    pub(crate) directory_roles: Arc<HashMap<(TenantId, ObjectId), Vec<Uuid>>>,
}

impl Access {
    /// Reads roles and assignments from the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Store, clock: Clock) -> Result<Access, StoreError> {
        let state = ArcSwap::from_pointee(State::read(&store)?);
        Ok(Access(Arc::new(Inner {
            store,
            clock,
            state,
            changing: Mutex::new(()),
            subscriptions: RwLock::new(HashMap::new()),
        })))
    }

    /// The state as of the last committed change.
    pub(crate) fn state(&self) -> arc_swap::Guard<Arc<State>> {
        self.0.state.load()
    }

    /// Changes the state in memory once `tx` is committed.
    pub(crate) fn after_commit(&self, tx: &Tx<'_>, change: impl FnOnce(&mut State) + 'static) {
        let inner = self.0.clone();
        tx.after_commit(move || {
            let _alone = inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut state = State::clone(&inner.state.load());
            change(&mut state);
            inner.state.store(Arc::new(state));
        });
    }

    /// Whether a scope may belong to a tenant: it lies in no subscription, or in one of this tenant. One that
    /// does not exist holds nothing that could be reached.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn may_belong(&self, scope: &Scope, tenant: TenantId) -> Result<bool, StoreError> {
        let Some(id) = scope.subscription_id() else { return Ok(true) };
        let known = self.0.subscriptions.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        if let Some(owner) = known {
            return Ok(owner == tenant);
        }
        let Some(found) = self.0.store.read(|conn| tenants::subscription(conn, id))? else { return Ok(true) };
        let mut subscriptions = self.0.subscriptions.write().unwrap_or_else(PoisonError::into_inner);
        subscriptions.insert(id, found.tenant);
        Ok(found.tenant == tenant)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl State {
    fn read(store: &Store) -> Result<State, StoreError> {
        store.read(|conn| {
            let mut state = State::default();
            let mut roles = HashMap::new();
            for row in table::roles(conn)? {
                let (tenant, role) = (row.tenant, StoredRole::from_row(row)?);
                state.snapshot.put_role(tenant, &role.definition);
                roles.insert((tenant, role.definition.id), Arc::new(role));
            }
            state.roles = Arc::new(roles);
            let mut scopes: HashMap<String, Arc<Scope>> = HashMap::new();
            table::each_assignment(conn, |row| {
                let shared = scopes.get(row.scope.as_str()).cloned();
                let scope = shared.unwrap_or_else(|| {
                    let scope = Arc::new(row.scope.clone());
                    scopes.insert(scope.as_str().to_owned(), scope.clone());
                    scope
                });
                state.snapshot.put(&Assignment {
                    tenant: row.tenant,
                    name: row.name,
                    principal: row.principal,
                    role: row.role,
                    scope,
                    conditioned: row.condition.is_some(),
                });
            })?;
            let mut directory_roles: HashMap<_, Vec<Uuid>> = HashMap::new();
            for row in table::directory_roles(conn)? {
                directory_roles.entry((row.tenant, row.principal)).or_default().push(row.template);
            }
            state.directory_roles = Arc::new(directory_roles);
            Ok(state)
        })
    }
}
