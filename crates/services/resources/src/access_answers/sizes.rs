//! How much roles grant, counted over all operations that anybody knows of: those of this server, and those that
//! built-in roles name.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use gatepost_names::RoleDefinitionId;
use gatepost_rbac::explain::{Breadth, breadth};
use gatepost_rbac::least::Operation;
use gatepost_rbac::{Plane, RoleDefinition, builtin};

use crate::catalogue::Catalogue;

/// Custom roles whose size is remembered; then the memory starts afresh.
const MOST_REMEMBERED: usize = 10_000;

/// What was counted, once it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    built_in: OnceLock<Breadth>,
    custom: Mutex<HashMap<RoleDefinitionId, (RoleDefinition, usize)>>,
}

/// The operations that built-in roles name, each once.
static NAMED: LazyLock<Vec<Operation<'static>>> = LazyLock::new(|| {
    let mut met: HashSet<(String, Plane)> = HashSet::new();
    let blocks = builtin::roles().iter().flat_map(|role| &role.permissions);
    let each = blocks.flat_map(|block| {
        [Plane::Control, Plane::Data].into_iter().flat_map(|plane| {
            let (granted, excluded) = block.on(plane);
            granted.iter().chain(excluded).map(move |action| Operation { action, plane })
        })
    });
    let exact = each.filter(|operation| !operation.action.contains('*'));
    exact.filter(|operation| met.insert((operation.action.to_lowercase(), operation.plane))).collect()
});

impl Catalogue {
    /// The operations of this server.
    pub(super) fn own_operations(&self) -> Vec<Operation<'static>> {
        let plane = |is_data| if is_data { Plane::Data } else { Plane::Control };
        let all = self.providers().flat_map(|(.., operations)| operations);
        all.map(|one| Operation { action: one.name, plane: plane(one.is_data_action) }).collect()
    }

    /// Those of this server, and those that built-in roles name.
    pub(super) fn all_operations(&self) -> Vec<Operation<'static>> {
        let mut all = self.own_operations();
        let known: HashSet<(String, Plane)> =
            all.iter().map(|o| (o.action.to_lowercase(), o.plane)).collect();
        let is_new = |o: &&Operation<'_>| !known.contains(&(o.action.to_lowercase(), o.plane));
        all.extend(NAMED.iter().filter(is_new));
        all
    }

    /// Whether this server has the action on the data plane only.
    pub(super) fn is_data_action(&self, action: &str) -> bool {
        let on = |plane| self.knows(action, plane);
        on(Plane::Data) && !on(Plane::Control)
    }

    /// The built-in roles by their size. The first time it counts, for a fraction of a second.
    pub(super) fn breadth(&self) -> &Breadth {
        self.sizes.built_in.get_or_init(|| Breadth::of(&self.all_operations()))
    }

    /// The size of a custom role.
    pub(super) fn breadth_of(&self, role: &RoleDefinition) -> usize {
        let lock = || self.sizes.custom.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, size)) = lock().get(&role.id)
            && known.permissions == role.permissions
        {
            return *size;
        }
        let size = breadth(role, &self.all_operations());
        let mut remembered = lock();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(role.id, (role.clone(), size));
        size
    }
}

impl crate::Resources {
    /// Counts what the first explanation needs, on a thread of its own, so that nobody waits for it.
    pub fn prepare_answers(&self) {
        let resources = self.clone();
        let counting = std::thread::Builder::new().name("role-sizes".to_owned());
        let started = counting.spawn(move || {
            resources.catalogue().breadth();
        });
        if let Err(error) = started {
            tracing::warn!(%error, "the sizes of roles are counted when they are first asked for");
        }
    }
}
