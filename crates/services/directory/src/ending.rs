//! Client secrets and certificates that end soon: what the operator is warned of.

use gatepost_clock::{Timestamp, from_micros};
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::StoreError;
use gatepost_store::credentials as rows;
use gatepost_store::directory::ObjectKind;
use uuid::Uuid;

use crate::{CredentialKind, Directory};

/// How long before its end a credential is warned of.
pub const WARNING_DAYS: i64 = 30;
const DAY: i64 = 86_400 * 1_000_000;
/// Warnings at a time; the count has no bound.
const MOST_WARNINGS: u32 = 500;

/// A client secret or a certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingCredential {
    /// What it is.
    pub kind: CredentialKind,
    /// The tenant.
    pub tenant: TenantId,
    /// Whose it is: an application or a service principal.
    pub object: ObjectId,
    /// Which of the two.
    pub object_kind: ObjectKind,
    /// The holder's display name.
    pub holder: String,
    /// Its id.
    pub key_id: Uuid,
    /// What people see of it.
    pub display_name: Option<String>,
    /// When it ends.
    pub end: Timestamp,
}

impl Directory {
    /// The credentials that end within [`WARNING_DAYS`], the soonest first, of all tenants.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn credentials_ending(&self) -> Result<Vec<EndingCredential>, StoreError> {
        let now = self.0.clock.micros();
        let until = now.saturating_add(WARNING_DAYS * DAY);
        let found = self.0.store.read(|conn| rows::ending(conn, now, until, MOST_WARNINGS))?;
        Ok(found
            .into_iter()
            .map(|row| EndingCredential {
                kind: match row.kind {
                    rows::EndingKind::Secret => CredentialKind::Secret,
                    rows::EndingKind::Certificate => CredentialKind::Certificate,
                },
                tenant: row.tenant,
                object: row.object,
                object_kind: row.object_kind,
                holder: row.holder,
                key_id: row.key_id,
                display_name: row.display_name,
                end: from_micros(row.end_at),
            })
            .collect())
    }

    /// How many credentials end within [`WARNING_DAYS`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_credentials_ending(&self) -> Result<i64, StoreError> {
        let now = self.0.clock.micros();
        self.0.store.read(|conn| rows::count_ending(conn, now, now.saturating_add(WARNING_DAYS * DAY)))
    }
}
