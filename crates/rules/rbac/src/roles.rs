//! The roles that are assigned or defined in a tenant.

use std::collections::HashMap;
use std::sync::Arc;

use gatepost_names::RoleDefinitionId;

use crate::action::{Action, Hint};
use crate::index::Slab;
use crate::{CompiledRole, Plane, RoleDefinition, builtin};

/// Roles in numbered slots. A role keeps its slot when its definition changes or goes. A clone shares all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles {
    slots: Slab<Role>,
    index: Arc<HashMap<RoleDefinitionId, u32>>,
}

#[derive(Clone, Debug)]
struct Role {
    id: RoleDefinitionId,
    /// Nothing if it is not defined.
    definition: Option<Arc<CompiledRole>>,
    /// What rules most actions out, on the control and on the data plane.
    hints: [Hint; 2],
}

impl Roles {
    /// Adds a custom role or changes it. Built-in roles are what they are.
    pub(crate) fn put(&mut self, definition: &RoleDefinition) {
        let slot = self.slot_of(definition.id);
        if builtin::role(definition.id).is_none()
            && let Some(role) = self.slots.get_mut(slot)
        {
            role.hints = Hint::of(definition);
            role.definition = Some(Arc::new(CompiledRole::new(definition)));
        }
    }

    /// Forgets the definition of a custom role.
    pub(crate) fn remove(&mut self, id: RoleDefinitionId) {
        if builtin::role(id).is_none()
            && let Some(slot) = self.index.get(&id)
            && let Some(role) = self.slots.get_mut(*slot)
        {
            role.definition = None;
        }
    }

    /// The slot of a role, defined or not.
    pub(crate) fn slot_of(&mut self, id: RoleDefinitionId) -> u32 {
        if let Some(slot) = self.index.get(&id) {
            return *slot;
        }
        let hints = builtin::role(id).map(Hint::of).unwrap_or_default();
        let slot = self.slots.insert(Role { id, definition: builtin::compiled(id), hints });
        Arc::make_mut(&mut self.index).insert(id, slot);
        slot
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&CompiledRole> {
        self.slots.get(slot)?.definition.as_deref()
    }

    /// A role, if it is defined and perhaps grants an action.
    #[inline]
    pub(crate) fn get_for(&self, slot: u32, action: &Action<'_>, plane: Plane) -> Option<&CompiledRole> {
        let role = self.slots.get(slot)?;
        let [control, data] = &role.hints;
        let hint = if plane == Plane::Control { control } else { data };
        if hint.may_grant(action.hint()) { role.definition.as_deref() } else { None }
    }

    pub(crate) fn id(&self, slot: u32) -> Option<RoleDefinitionId> {
        self.slots.get(slot).map(|role| role.id)
    }

    /// A role by its id, if it is defined and known here.
    pub(crate) fn find(&self, id: RoleDefinitionId) -> Option<&CompiledRole> {
        self.get(*self.index.get(&id)?)
    }
}
