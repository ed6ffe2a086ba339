//! Managed identities: service principals without an application and without credentials of their own.
//!
//! Who may have their tokens is decided where they are given out: at the managed-identity endpoint.

use std::sync::Arc;

use gatepost_clock::graph_format;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, Tx, tenants};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::objects::{self, blank_row, document, with_document};
use crate::{Client, Directory, DirectoryError, ServicePrincipal, schema};

/// The type of service principal that a managed identity is.
const TYPE: &str = "ManagedIdentity";
/// Which identity a machine has that is given none.
const OWN: &str = "own-managed-identity";
/// What it is called.
const OWN_NAME: &str = "gatepost-development";

/// How a managed identity is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagedIdentity {
    /// By its client id.
    Client(ApplicationId),
    /// By its object id.
    Object(ObjectId),
}

impl Directory {
    /// Makes a managed identity. `alternative_names` are what Azure puts there: the ids of resources.
    ///
    /// # Errors
    /// [`DirectoryError::MissingProperty`] without a name; [`DirectoryError::Store`].
    pub fn create_managed_identity(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        display_name: &str,
        alternative_names: &[String],
    ) -> Result<ServicePrincipal, DirectoryError> {
        let kind = ObjectKind::ServicePrincipal;
        let now = self.0.clock.now();
        let (id, app_id) = (ObjectId(Uuid::new_v4()), ApplicationId(Uuid::new_v4()));
        let mut document = schema::blank(schema::properties(kind));
        for (name, value) in [
            ("id", json!(id)),
            ("appId", json!(app_id)),
            ("displayName", json!(display_name)),
            ("createdDateTime", json!(graph_format(now))),
            ("servicePrincipalType", json!(TYPE)),
            ("servicePrincipalNames", json!([app_id])),
            ("alternativeNames", json!(alternative_names)),
        ] {
            document.insert(name.to_owned(), value);
        }
        let row = blank_row(tenant, id, kind, now.as_microsecond());
        let row = with_document(ObjectRow { app_id: Some(app_id), ..row }, document)?;
        objects::insert(tx, &row)?;
        Ok(ServicePrincipal { id, app_id, display_name: row.display_name })
    }

    /// The identity that this machine's programs have if they name none; made the first time. It has no role
    /// until somebody assigns one.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub fn own_managed_identity(&self, tenant: TenantId) -> Result<ServicePrincipal, DirectoryError> {
        self.0.store.write(|tx| {
            let name = format!("{OWN}:{tenant}");
            let kept = tenants::meta(tx, &name)?.and_then(|bytes| Uuid::from_slice(&bytes).ok());
            if let Some(id) = kept
                && let Some(row) = managed(tx, tenant, ObjectId(id))?
                && let Some(app_id) = row.app_id
            {
                return Ok(ServicePrincipal { id: row.id, app_id, display_name: row.display_name });
            }
            let made = self.create_managed_identity(tx, tenant, OWN_NAME, &[])?;
            tenants::set_meta(tx, &name, &made.id.bytes())?;
            Ok(made)
        })
    }

    /// The managed identity of this id, as a client; `None` if there is none, or the id is another object's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn managed_identity(
        &self,
        tenant: TenantId,
        identity: ManagedIdentity,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        let object = match identity {
            ManagedIdentity::Object(id) => Some(id),
            ManagedIdentity::Client(app_id) => {
                self.client(tenant, app_id)?.and_then(|client| client.service_principal)
            }
        };
        let Some(object) = object else { return Ok(None) };
        let row = self.0.store.read(|conn| managed(conn, tenant, object))?;
        match row.and_then(|row| row.app_id) {
            Some(app_id) => self.client(tenant, app_id),
            None => Ok(None),
        }
    }
}

/// The service principal of this id, if it is a managed identity.
fn managed(conn: &Conn<'_>, tenant: TenantId, id: ObjectId) -> Result<Option<ObjectRow>, StoreError> {
    let found = rows::find(conn, tenant, id)?;
    let Some(row) = found.filter(|row| row.kind == ObjectKind::ServicePrincipal) else { return Ok(None) };
    let kind = document(&row)?.get("servicePrincipalType").and_then(Value::as_str).map(str::to_owned);
    Ok((kind.as_deref() == Some(TYPE)).then_some(row))
}
