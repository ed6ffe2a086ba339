//! Who is in which group: putting in and taking out on behalf of a caller, and asking for ids.

use gatepost_access::{Caller, DirectoryAction};
use gatepost_names::ObjectId;
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError};
use serde_json::Value;

use crate::administrators::keeping_an_administrator;
use crate::{Directory, DirectoryError, ObjectKey, objects, requests, rights};

impl Directory {
    /// Puts an object into a group.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn add_member(
        &self,
        caller: &Caller,
        group: &ObjectKey,
        member: ObjectId,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let group = self.manageable(tx, caller, ObjectKind::Group, group)?;
            self.put_into_group(tx, &group, member)
        })
    }

    /// Takes an object out of a group.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn remove_member(
        &self,
        caller: &Caller,
        group: &ObjectKey,
        member: ObjectId,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let group = self.manageable(tx, caller, ObjectKind::Group, group)?;
            if !rights::is_role_assignable(&group)? {
                return self.take_out_of_group(tx, &group, member);
            }
            keeping_an_administrator(tx, group.tenant, || self.take_out_of_group(tx, &group, member))
        })
    }

    /// Makes somebody an owner of an object.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn add_owner(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        owner: ObjectId,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let object = self.manageable(tx, caller, kind, key)?;
            self.put_owner(tx, &object, owner)
        })
    }

    /// Takes an object from one of its owners.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn remove_owner(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        owner: ObjectId,
    ) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let object = self.manageable(tx, caller, kind, key)?;
            self.take_owner(tx, &object, owner)
        })
    }

    /// The ids of the groups that an object is in, directly or through groups, in order; only security groups if
    /// asked, and the directory roles too if asked.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Denied`], [`DirectoryError::Store`].
    pub fn group_ids(
        &self,
        caller: &Caller,
        kind: Option<ObjectKind>,
        key: &ObjectKey,
        with_roles: bool,
    ) -> Result<Vec<ObjectId>, DirectoryError> {
        self.0.store.read(|conn| {
            let row = self.principal_row(conn, caller, kind, key)?;
            // INVARIANT: every group of this server is a security group.
            let mut ids = self.0.access.groups_of(caller.tenant, row.id);
            if with_roles {
                let roles = self.0.access.effective_directory_roles(caller.tenant, row.id);
                ids.extend(roles.into_iter().map(ObjectId));
            }
            ids.sort_unstable();
            ids.dedup();
            Ok(ids)
        })
    }

    /// Which of these groups an object is in, directly or through groups.
    ///
    /// # Errors
    /// As [`Directory::group_ids`].
    pub fn check_groups(
        &self,
        caller: &Caller,
        kind: Option<ObjectKind>,
        key: &ObjectKey,
        groups: &[ObjectId],
        with_roles: bool,
    ) -> Result<Vec<ObjectId>, DirectoryError> {
        let mut inside = self.group_ids(caller, kind, key, with_roles)?;
        inside.retain(|id| groups.contains(id));
        Ok(inside)
    }

    fn principal_row(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        kind: Option<ObjectKind>,
        key: &ObjectKey,
    ) -> Result<ObjectRow, DirectoryError> {
        let found = match (kind, key) {
            (Some(kind), key) => requests::find(conn, caller.tenant, kind, key)?,
            (None, ObjectKey::Id(id)) => rows::find(conn, caller.tenant, *id)?,
            (None, _) => None,
        };
        let action =
            found.as_ref().map_or(DirectoryAction::ReadServicePrincipals, |row| rights::reading(row.kind));
        self.require_found(conn, caller, action, found, key)
    }

    /// Ends all sessions of a user, as its own or on behalf of somebody who may secure users.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn revoke_sessions(&self, caller: &Caller, key: &ObjectKey) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let found = requests::find(tx, caller.tenant, ObjectKind::User, key)?;
            let row = match found {
                Some(row) if row.id == caller.object_id => row,
                found => self.require_found(tx, caller, DirectoryAction::SecureUsers, found, key)?,
            };
            let now = self.0.clock.micros();
            Ok(gatepost_store::sessions::invalidate_user(tx, caller.tenant, row.id, now)?)
        })
    }

    /// The document of an object, for other services: nobody's rights are asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entity(
        &self,
        tenant: gatepost_names::TenantId,
        id: ObjectId,
    ) -> Result<Option<(ObjectKind, Value)>, StoreError> {
        self.0.store.read(|conn| match rows::find(conn, tenant, id)? {
            Some(row) => Ok(Some((row.kind, objects::entity(conn, &row)?))),
            None => Ok(None),
        })
    }
}
