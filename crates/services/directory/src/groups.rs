//! Groups: making and changing them, and who is in them, inside a transaction.

use gatepost_access::MemberError;
use gatepost_clock::graph_format;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{StoreError, Tx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::objects::{self, blank_row, document, with_document};
use crate::{Directory, DirectoryError, rights, schema};

/// Most characters of a group's mail nickname.
const LONGEST_NICKNAME: usize = 64;

impl Directory {
    /// Adds a group with the properties that a client sent.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) fn create_group_with(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        sent: &Map<String, Value>,
    ) -> Result<ObjectId, DirectoryError> {
        let kind = ObjectKind::Group;
        let now = self.0.clock.now();
        let id = ObjectId(Uuid::new_v4());
        for required in ["displayName", "mailEnabled", "mailNickname", "securityEnabled"] {
            let given =
                sent.iter().any(|(name, value)| name.eq_ignore_ascii_case(required) && !value.is_null());
            if !given {
                return Err(DirectoryError::missing(kind, required));
            }
        }
        let mut document = schema::blank(schema::properties(kind));
        for (name, value) in [
            ("id", json!(id)),
            ("createdDateTime", json!(graph_format(now))),
            ("renewedDateTime", json!(graph_format(now))),
        ] {
            document.insert(name.to_owned(), value);
        }
        schema::merge_new(kind, &mut document, sent)?;
        if document.get("isAssignableToRole") == Some(&Value::Bool(true)) {
            document.entry("visibility").and_modify(|visibility| *visibility = json!("Private"));
        }
        check_group(&document)?;
        let row = with_document(blank_row(tenant, id, kind, now.as_microsecond()), document)?;
        objects::insert(tx, &row)?;
        Ok(id)
    }

    /// Changes a group as Microsoft Graph's PATCH does.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) fn change_group(
        &self,
        tx: &Tx<'_>,
        row: ObjectRow,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        let mut document = document(&row)?;
        schema::merge(ObjectKind::Group, &mut document, sent)?;
        check_group(&document)?;
        objects::update(tx, &with_document(row, document)?)
    }

    /// Puts a user, a service principal or a group into a group.
    ///
    /// # Errors
    /// [`DirectoryError::ReferenceExists`], [`DirectoryError::MembershipCycle`],
    /// [`DirectoryError::InvalidReference`], [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub(crate) fn put_into_group(
        &self,
        tx: &Tx<'_>,
        group: &ObjectRow,
        member: ObjectId,
    ) -> Result<(), DirectoryError> {
        let found = rows::find(tx, group.tenant, member)?
            .ok_or_else(|| DirectoryError::NotFound(member.to_string()))?;
        match found.kind {
            ObjectKind::Application => {
                return Err(DirectoryError::InvalidReference(
                    "Invalid object type: an application cannot be a member of a group; its service principal can.",
                ));
            }
            ObjectKind::Group if rights::is_role_assignable(group)? => {
                return Err(DirectoryError::InvalidReference(
                    "Group nesting is currently not supported for groups that can be assigned to a role.",
                ));
            }
            _ => {}
        }
        let is_new = match self.0.access.put_member(tx, group.tenant, group.id, member) {
            Ok(is_new) => is_new,
            Err(MemberError::Cycle) => return Err(DirectoryError::MembershipCycle),
            Err(MemberError::Store(error)) => return Err(error.into()),
        };
        if !is_new {
            return Err(DirectoryError::ReferenceExists("members"));
        }
        Ok(rows::note_member(tx, group.tenant, group.id, member, false)?)
    }

    /// Takes a member out of a group.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub(crate) fn take_out_of_group(
        &self,
        tx: &Tx<'_>,
        group: &ObjectRow,
        member: ObjectId,
    ) -> Result<(), DirectoryError> {
        if !self.0.access.delete_member(tx, group.tenant, group.id, member)? {
            return Err(DirectoryError::NotFound(member.to_string()));
        }
        Ok(rows::note_member(tx, group.tenant, group.id, member, true)?)
    }

    /// Makes a user or a service principal an owner of an object.
    ///
    /// # Errors
    /// [`DirectoryError::ReferenceExists`], [`DirectoryError::InvalidReference`],
    /// [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub(crate) fn put_owner(
        &self,
        tx: &Tx<'_>,
        object: &ObjectRow,
        owner: ObjectId,
    ) -> Result<(), DirectoryError> {
        let found = rows::find(tx, object.tenant, owner)?
            .ok_or_else(|| DirectoryError::NotFound(owner.to_string()))?;
        if !matches!(found.kind, ObjectKind::User | ObjectKind::ServicePrincipal) {
            return Err(DirectoryError::InvalidReference(
                "Invalid object type: owners are users and service principals.",
            ));
        }
        match rows::insert_owner(tx, object.tenant, object.id, owner) {
            Err(StoreError::Conflict(_)) => Err(DirectoryError::ReferenceExists("owners")),
            other => Ok(other?),
        }
    }

    /// Takes an object from one of its owners. The last user that owns a group stays.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::LastOwner`], [`DirectoryError::Store`].
    pub(crate) fn take_owner(
        &self,
        tx: &Tx<'_>,
        object: &ObjectRow,
        owner: ObjectId,
    ) -> Result<(), DirectoryError> {
        if !rows::delete_owner(tx, object.tenant, object.id, owner)? {
            return Err(DirectoryError::NotFound(owner.to_string()));
        }
        if object.kind != ObjectKind::Group {
            return Ok(());
        }
        let user = |id: ObjectId| -> Result<bool, StoreError> {
            Ok(rows::find(tx, object.tenant, id)?.is_some_and(|row| row.kind == ObjectKind::User))
        };
        if !user(owner)? {
            return Ok(());
        }
        for left in rows::owners_of(tx, object.tenant, object.id, None, u32::MAX)? {
            if user(left)? {
                return Ok(());
            }
        }
        Err(DirectoryError::LastOwner)
    }
}

/// Groups here are security groups: no mail, no rule.
fn check_group(document: &Map<String, Value>) -> Result<(), DirectoryError> {
    let invalid = |name: &str| DirectoryError::invalid(ObjectKind::Group, name);
    let flag = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or(false);
    let types = document.get("groupTypes").and_then(Value::as_array).map_or(0, Vec::len);
    if flag("mailEnabled") || !flag("securityEnabled") || types > 0 {
        return Err(DirectoryError::MailEnabledGroup);
    }
    let nickname = objects::text(document, "mailNickname").unwrap_or_default();
    let bad = |character: char| !character.is_ascii() || "@()\\[]\";:<>, ".contains(character);
    if nickname.is_empty() || nickname.len() > LONGEST_NICKNAME || nickname.contains(bad) {
        return Err(invalid("mailNickname"));
    }
    match objects::text(document, "visibility") {
        // Members of a group are hidden from nobody here who may read groups.
        Some("Public" | "Private") | None => Ok(()),
        Some(_) => Err(invalid("visibility")),
    }
}
