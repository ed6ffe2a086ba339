//! Deny assignments: listings from the store, changes to store and memory.

use std::sync::Arc;

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, Scope, TenantId};
use gatepost_rbac::condition::Condition;
use gatepost_rbac::{DeniedPrincipals, DenyAssignment, DenyEffect, PermissionBlock};
use gatepost_store::access::Changes;
use gatepost_store::denies::{self as table, DenyRow};
use gatepost_store::{Conn, Reach, StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Access;

/// A deny assignment with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDeny {
    /// The tenant.
    pub tenant: TenantId,
    /// Its GUID.
    pub id: Uuid,
    /// Where it denies, with all that is below; it never changes.
    pub scope: Scope,
    /// `denyAssignmentName`, unique at its scope.
    pub name: String,
    /// A remark.
    pub description: Option<String>,
    /// What it denies.
    pub permissions: Vec<PermissionBlock>,
    /// To whom.
    pub principals: Vec<DenyPrincipal>,
    /// To whom not.
    pub excluded: Vec<DenyPrincipal>,
    /// Whether it holds at its scope only.
    pub not_for_children: bool,
    /// Whether it denies or is only noted.
    pub effect: DenyEffect,
    /// The condition under which it denies.
    pub condition: Option<String>,
    /// The version of the condition's language.
    pub condition_version: Option<String>,
    /// Whether nobody may change it.
    pub system_protected: bool,
    /// When it was made.
    pub created_on: Timestamp,
    /// When it was last changed.
    pub updated_on: Timestamp,
    /// Who made it.
    pub created_by: Option<ObjectId>,
    /// Who changed it last.
    pub updated_by: Option<ObjectId>,
}

/// A principal as a deny assignment names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyPrincipal {
    /// The object id; nil for everyone.
    pub id: ObjectId,
    /// `type`, as it was given: `User`, `Group`, `ServicePrincipal`, or `SystemDefined` for everyone.
    #[serde(rename = "type")]
    pub kind: String,
}

const ENFORCED: &str = "enforced";
const AUDIT: &str = "audit";

impl StoredDeny {
    pub(crate) fn from_row(row: DenyRow) -> Result<StoredDeny, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt(format!("deny assignment {}: {what}", row.id));
        let principals = |text: &str| {
            serde_json::from_str::<Vec<DenyPrincipal>>(text).map_err(|error| corrupt(error.to_string()))
        };
        Ok(StoredDeny {
            permissions: serde_json::from_str(&row.permissions).map_err(|e| corrupt(e.to_string()))?,
            principals: principals(&row.principals)?,
            excluded: principals(&row.excluded)?,
            effect: match row.effect.as_str() {
                ENFORCED => DenyEffect::Enforced,
                AUDIT => DenyEffect::Audit,
                other => return Err(corrupt(format!("effect {other}"))),
            },
            tenant: row.tenant,
            id: row.id,
            scope: row.scope,
            name: row.name,
            description: row.description,
            not_for_children: row.not_for_children,
            condition: row.condition,
            condition_version: row.condition_version,
            system_protected: row.system_protected,
            created_on: from_micros(row.changes.created_at),
            updated_on: from_micros(row.changes.updated_at),
            created_by: row.changes.created_by,
            updated_by: row.changes.updated_by,
        })
    }

    fn to_row(&self) -> Result<DenyRow, StoreError> {
        let unwritable = |error: serde_json::Error| StoreError::Engine(error.to_string());
        Ok(DenyRow {
            tenant: self.tenant,
            id: self.id,
            scope: self.scope.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            permissions: serde_json::to_string(&self.permissions).map_err(unwritable)?,
            principals: serde_json::to_string(&self.principals).map_err(unwritable)?,
            excluded: serde_json::to_string(&self.excluded).map_err(unwritable)?,
            not_for_children: self.not_for_children,
            effect: match self.effect {
                DenyEffect::Enforced => ENFORCED.to_owned(),
                DenyEffect::Audit => AUDIT.to_owned(),
            },
            condition: self.condition.clone(),
            condition_version: self.condition_version.clone(),
            system_protected: self.system_protected,
            changes: Changes {
                created_at: self.created_on.as_microsecond(),
                created_by: self.created_by,
                updated_at: self.updated_on.as_microsecond(),
                updated_by: self.updated_by,
            },
        })
    }

    /// What decisions need of it.
    pub(crate) fn compiled(&self) -> DenyAssignment {
        let ids = |list: &[DenyPrincipal]| list.iter().map(|principal| principal.id).collect();
        let everyone = self.principals.iter().any(|principal| principal.id.0.is_nil());
        DenyAssignment {
            id: self.id,
            name: self.name.clone(),
            scope: Arc::new(self.scope.clone()),
            permissions: self.permissions.clone(),
            principals: match everyone {
                true => DeniedPrincipals::Everyone,
                false => DeniedPrincipals::These(ids(&self.principals)),
            },
            excluded: ids(&self.excluded),
            not_for_children: self.not_for_children,
            effect: self.effect,
            condition: self.condition.as_deref().and_then(|text| compile(text, self.id)),
        }
    }
}

/// SECURITY: a deny assignment whose condition cannot be read any more denies without one.
fn compile(text: &str, id: Uuid) -> Option<Arc<Condition>> {
    let condition = Condition::parse_builtin(text);
    if condition.is_never_true() {
        tracing::error!(%id, "a deny assignment's stored condition cannot be read: it denies always");
        return None;
    }
    Some(Arc::new(condition))
}

impl Access {
    /// The deny assignment of an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deny(&self, tenant: TenantId, id: Uuid) -> Result<Option<StoredDeny>, StoreError> {
        self.0.store.read(|conn| self.deny_in(conn, tenant, id))
    }

    /// As [`Access::deny`], inside a transaction of the caller's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deny_in(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<StoredDeny>, StoreError> {
        table::deny(conn, tenant, id)?.map(StoredDeny::from_row).transpose()
    }

    /// The deny assignments at these places, place after place, by scope and name in each; those after the
    /// scope and name of `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn denies_page(
        &self,
        tenant: TenantId,
        places: &[Reach],
        after: Option<(&Scope, &str)>,
        limit: usize,
    ) -> Result<Vec<StoredDeny>, StoreError> {
        let rows = self.0.store.read(|conn| table::denies_page(conn, tenant, places, after, limit))?;
        rows.into_iter().map(StoredDeny::from_row).collect()
    }

    /// How many deny assignments there are at a scope and below it, inside a transaction of the caller's. Counting
    /// stops at `most`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_denies(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
        most: i64,
    ) -> Result<i64, StoreError> {
        table::count_at_or_below(conn, tenant, scope, most)
    }

    /// As [`Access::count_denies`], at exactly this scope.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_denies_at(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        scope: &Scope,
        most: i64,
    ) -> Result<i64, StoreError> {
        table::count_at(conn, tenant, scope, most)
    }

    /// Adds a deny assignment, or changes the one of this id. What it must be like is for the caller to check.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another one has this name at this scope, or if this one is at another scope.
    pub fn put_deny(&self, tx: &Tx<'_>, deny: &StoredDeny) -> Result<(), StoreError> {
        table::put_deny(tx, &deny.to_row()?)?;
        let compiled = deny.compiled();
        self.change_world(tx, deny.tenant, move |world| world.put_deny(&compiled));
        Ok(())
    }

    /// Deletes a deny assignment; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_deny(&self, tx: &Tx<'_>, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        let deleted = table::delete_deny(tx, tenant, id)?;
        self.change_world(tx, tenant, move |world| world.remove_deny(id));
        Ok(deleted)
    }
}
