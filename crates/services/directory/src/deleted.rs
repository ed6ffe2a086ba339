//! Deleting, restoring and purging objects.

use gatepost_access::{Caller, DirectoryAction, MemberError};
use gatepost_clock::{from_micros, graph_format};
use gatepost_names::{ObjectId, TenantId};
use gatepost_odata::Budget;
use gatepost_store::directory::{self as rows, DeletedRow, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Value, json};

use crate::administrators::keep_platform;
use crate::listing::{Mark, Wanted, check_filter};
use crate::objects::{self, with_document};
use crate::{Directory, DirectoryError, ListRequest, Listing, identifier_uris, rights};

/// How long a deleted object can be restored: thirty days, in microseconds.
const KEPT_MICROS: i64 = 30 * 86_400 * 1_000_000;
/// Objects that are purged along with one deletion.
const PURGED_AT_ONCE: u32 = 100;
/// Objects that are looked at in one query.
const CHUNK: u32 = 200;

impl Directory {
    /// Deletes an object: it can be restored for thirty days, with its credentials. An application takes its
    /// service principal along.
    pub(crate) fn remove_object(&self, tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
        if let (ObjectKind::Application, Some(app_id)) = (row.kind, row.app_id)
            && let Some(follower) = rows::find_by_app(tx, row.tenant, ObjectKind::ServicePrincipal, app_id)?
        {
            self.remove_row(tx, &follower)?;
        }
        self.remove_row(tx, row)?;
        let before = self.0.clock.micros().saturating_sub(KEPT_MICROS);
        for (kind, id) in rows::expired(tx, row.tenant, before, PURGED_AT_ONCE)? {
            self.purge_row(tx, row.tenant, kind, id)?;
        }
        Ok(())
    }

    fn remove_row(&self, tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
        for template in self.0.access.directory_roles(row.tenant, row.id) {
            self.0.access.delete_directory_role(tx, row.tenant, row.id, template)?;
        }
        keep_platform(row)?;
        rows::soft_delete(tx, row, self.0.clock.micros())?;
        for (group, member) in rows::memberships_at_deletion(tx, row.tenant, row.id)? {
            if member == row.id {
                rows::note_member(tx, row.tenant, group, member, true)?;
            }
        }
        Ok(self.0.access.forget_principal(tx, row.tenant, row.id)?)
    }

    fn purge_row(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        kind: ObjectKind,
        id: ObjectId,
    ) -> Result<(), DirectoryError> {
        rows::purge(tx, tenant, id)?;
        Ok(rows::note_change(tx, tenant, kind, id)?)
    }

    /// A page of the deleted objects of a kind.
    ///
    /// # Errors
    /// As [`Directory::list`].
    pub fn list_deleted(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        request: &ListRequest,
    ) -> Result<Listing, DirectoryError> {
        self.require(caller, DirectoryAction::ReadDeletedItems)?;
        if let Some(filter) = &request.filter {
            check_filter(filter, &[kind])?;
        }
        let after = request.after.as_deref().map(Mark::parse).transpose()?;
        self.0.store.read(|conn| {
            let budget = Budget::per_request();
            let wanted = Wanted { filter: request.filter.as_ref(), search: None, budget: &budget };
            let mut listing = Listing::default();
            let (mut at, mut total) = (None, 0_u64);
            let mut last = None;
            loop {
                let chunk = rows::deleted_page(conn, caller.tenant, kind, at, CHUNK)?;
                for row in &chunk {
                    at = Some(row.object.id);
                    if !self.is_kept(row) || !wanted.is(&row.object)? {
                        continue;
                    }
                    total += 1;
                    if after.as_ref().is_some_and(|mark| row.object.id <= mark.id) {
                        continue;
                    }
                    if listing.objects.len() < request.top {
                        listing.objects.push(self.deleted_entity(conn, row)?);
                        last = at;
                    } else if listing.next.is_none() {
                        listing.next = last.map(|id| Mark::by_id(id).to_string());
                    }
                }
                if chunk.len() < CHUNK as usize {
                    break;
                }
            }
            listing.count = request.count.then_some(total);
            Ok(listing)
        })
    }

    /// One deleted object, with its kind.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn get_deleted(&self, caller: &Caller, id: ObjectId) -> Result<(ObjectKind, Value), DirectoryError> {
        self.require(caller, DirectoryAction::ReadDeletedItems)?;
        self.0.store.read(|conn| {
            let row = self.kept_row(conn, caller.tenant, id)?;
            Ok((row.object.kind, self.deleted_entity(conn, &row)?))
        })
    }

    /// Restores a deleted object with its credentials, owners and memberships; answers it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn restore(&self, caller: &Caller, id: ObjectId) -> Result<(ObjectKind, Value), DirectoryError> {
        self.0.store.write(|tx| {
            let row = self.deleted_for(tx, caller, id)?;
            if row.object.kind == ObjectKind::Application {
                self.restore_follower(tx, caller, &row)?;
            }
            self.restore_row(tx, caller, row.object)?;
            let restored = rows::find(tx, caller.tenant, id)?;
            let restored = restored.ok_or_else(|| DirectoryError::NotFound(id.to_string()))?;
            Ok((restored.kind, objects::entity(tx, &restored)?))
        })
    }

    /// Removes a deleted object for good.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn purge(&self, caller: &Caller, id: ObjectId) -> Result<(), DirectoryError> {
        self.0.store.write(|tx| {
            let row = self.deleted_for(tx, caller, id)?;
            self.purge_row(tx, caller.tenant, row.object.kind, id)
        })
    }

    /// The deleted object, if the caller may delete such objects.
    fn deleted_for(&self, tx: &Tx<'_>, caller: &Caller, id: ObjectId) -> Result<DeletedRow, DirectoryError> {
        match self.kept_row(tx, caller.tenant, id) {
            Ok(row) => {
                self.require_on(tx, caller, rights::deleting(row.object.kind), &row.object)?;
                Ok(row)
            }
            Err(DirectoryError::NotFound(text)) => {
                self.require(caller, DirectoryAction::ReadDeletedItems)?;
                Err(DirectoryError::NotFound(text))
            }
            Err(other) => Err(other),
        }
    }

    fn kept_row(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        id: ObjectId,
    ) -> Result<DeletedRow, DirectoryError> {
        let found = rows::deleted(conn, tenant, id)?.filter(|row| self.is_kept(row));
        found.ok_or_else(|| DirectoryError::NotFound(id.to_string()))
    }

    fn is_kept(&self, row: &DeletedRow) -> bool {
        row.deleted_at >= self.0.clock.micros().saturating_sub(KEPT_MICROS)
    }

    fn deleted_entity(&self, conn: &Conn<'_>, row: &DeletedRow) -> Result<Value, StoreError> {
        let mut entity = objects::entity(conn, &row.object)?;
        if let Some(entity) = entity.as_object_mut() {
            let at = graph_format(from_micros(row.deleted_at));
            entity.insert("deletedDateTime".to_owned(), json!(at));
        }
        Ok(entity)
    }

    /// The service principal that went with an application comes back with it.
    fn restore_follower(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        application: &DeletedRow,
    ) -> Result<(), DirectoryError> {
        let mut after = None;
        loop {
            let kind = ObjectKind::ServicePrincipal;
            let chunk = rows::deleted_page(tx, application.object.tenant, kind, after, CHUNK)?;
            let follower = chunk.iter().find(|row| {
                row.object.app_id == application.object.app_id && row.deleted_at == application.deleted_at
            });
            if let Some(follower) = follower {
                return self.restore_row(tx, caller, follower.object.clone());
            }
            match chunk.last() {
                Some(last) if chunk.len() == CHUNK as usize => after = Some(last.object.id),
                _ => return Ok(()),
            }
        }
    }

    /// Whether a restored object comes back into a group: into one that directory roles can be assigned to only by
    /// the hand of somebody who could put it there.
    fn may_bring_back(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        group: &ObjectRow,
    ) -> Result<bool, DirectoryError> {
        if !rights::is_role_assignable(group)? {
            return Ok(true);
        }
        match self.require_on(tx, caller, DirectoryAction::ManageGroups, group) {
            Ok(()) => Ok(true),
            Err(DirectoryError::Denied(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn restore_row(&self, tx: &Tx<'_>, caller: &Caller, row: ObjectRow) -> Result<(), DirectoryError> {
        let document = objects::document(&row)?;
        let row = with_document(row, document)?;
        let memberships = rows::memberships_at_deletion(tx, row.tenant, row.id)?;
        rows::restore(tx, &row).map_err(|error| objects::conflict(&row, error))?;
        objects::update(tx, &row)?;
        if row.kind == ObjectKind::Application {
            identifier_uris::write_identifier_uris(tx, &row)?;
        }
        for (group, member) in memberships {
            let other = if group == row.id { member } else { group };
            let Some(other) = rows::find(tx, row.tenant, other)? else { continue };
            if group == other.id && !self.may_bring_back(tx, caller, &other)? {
                continue;
            }
            match self.0.access.put_member(tx, row.tenant, group, member) {
                Ok(_) => rows::note_member(tx, row.tenant, group, member, false)?,
                // What would close a circle by now is left out.
                Err(MemberError::Cycle) => {}
                Err(MemberError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
