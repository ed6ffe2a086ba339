//! Who is in which group: changes to store and memory. The directory owns the groups themselves; it calls these
//! inside its own transactions.

use gatepost_names::{ObjectId, TenantId};
use gatepost_store::groups as table;
use gatepost_store::{StoreError, Tx};

use crate::{Access, load};

/// Why a principal does not become a member.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The group would be in itself.
    #[error("the group would become a member of itself")]
    Cycle,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Access {
    /// Puts a member into a group; answers whether it was not in it.
    ///
    /// # Errors
    /// [`MemberError`].
    pub fn put_member(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        group: ObjectId,
        member: ObjectId,
    ) -> Result<bool, MemberError> {
        if table::contains(tx, tenant, member, group)? {
            return Err(MemberError::Cycle);
        }
        let is_new = table::put_member(tx, tenant, group, member, self.0.clock.micros())?;
        self.change_world(tx, tenant, move |world| load::put_member(world, group, member));
        Ok(is_new)
    }

    /// Takes a member out of a group; answers whether it was in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_member(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        group: ObjectId,
        member: ObjectId,
    ) -> Result<bool, StoreError> {
        let was_in = table::delete_member(tx, tenant, group, member)?;
        self.change_world(tx, tenant, move |world| world.remove_member(group, member));
        Ok(was_in)
    }

    /// Takes a principal out of all groups, and, where it is a group, everybody out of it. Its role
    /// assignments stay, as in Azure.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_principal(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        principal: ObjectId,
    ) -> Result<(), StoreError> {
        table::forget(tx, tenant, principal)?;
        self.change_world(tx, tenant, move |world| world.remove_principal(principal));
        Ok(())
    }

    /// The groups that a principal is in, directly and through groups.
    pub fn groups_of(&self, tenant: TenantId, principal: ObjectId) -> Vec<ObjectId> {
        self.state().world(tenant).groups_of(principal)
    }

    /// Everybody who is in a group, directly and through groups, those groups too.
    pub fn members_of(&self, tenant: TenantId, group: ObjectId) -> Vec<ObjectId> {
        self.state().world(tenant).members_of(group)
    }
}
