//! Federated credentials of applications: which outside tokens stand for the application.
//!
//! Microsoft Graph's `federatedIdentityCredential` (reference entra-arm-clients.md sections 3.3 and 7).

use gatepost_credentials::federated::Trusted;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::credentials::{self as rows, FederatedRow};
use gatepost_store::directory::{self as objects, ObjectKind};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Directory, DirectoryError};

/// Most federated credentials of an object, as in Entra.
const MOST_FEDERATED: usize = 20;
/// Most characters of a name.
const LONGEST_NAME: usize = 120;
/// Fewest characters of a name.
const SHORTEST_NAME: usize = 3;
/// Most characters of everything else.
const LONGEST_TEXT: usize = 600;
/// Most audiences; Entra takes one.
const MOST_AUDIENCES: usize = 10;
/// What the objects are called in refusals.
const RESOURCE: &str = "FederatedIdentityCredential";

/// A federated credential of a client, ready to be matched.
#[derive(Clone, Debug)]
pub struct FederatedState {
    /// Its id.
    pub id: Uuid,
    pub(crate) trusted: Trusted,
}

/// A federated credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedCredential {
    /// Its id.
    pub id: Uuid,
    /// What people and `az` call it. It never changes.
    pub name: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Their `sub`.
    pub subject: String,
    /// One of these is in their `aud`.
    pub audiences: Vec<String>,
    /// What people see.
    pub description: Option<String>,
}

impl FederatedCredential {
    fn of(row: FederatedRow) -> Result<FederatedCredential, StoreError> {
        let audiences =
            serde_json::from_str(&row.audiences).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(FederatedCredential {
            id: row.id,
            name: row.name,
            issuer: row.issuer,
            subject: row.subject,
            audiences,
            description: row.description,
        })
    }

    fn row(&self) -> FederatedRow {
        FederatedRow {
            id: self.id,
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            audiences: json!(self.audiences).to_string(),
            description: self.description.clone(),
        }
    }

    /// As Microsoft Graph shows it.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "issuer": self.issuer,
            "subject": self.subject,
            "description": self.description,
            "audiences": self.audiences,
        })
    }
}

/// The federated credentials of an object, ready to be matched.
pub(crate) fn states(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<FederatedState>, StoreError> {
    rows::federated(conn, tenant, object)?
        .into_iter()
        .map(|row| {
            let FederatedCredential { id, issuer, subject, audiences, .. } = FederatedCredential::of(row)?;
            Ok(FederatedState { id, trusted: Trusted { issuer, subject, audiences } })
        })
        .collect()
}

impl Directory {
    /// The federated credentials of an object, by name. The caller has checked the right; so for those below.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn federated(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        object: ObjectId,
    ) -> Result<Vec<FederatedCredential>, StoreError> {
        rows::federated(conn, tenant, object)?.into_iter().map(FederatedCredential::of).collect()
    }

    /// The one of this id or, ignoring letter case, this name.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn federated_named(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        object: ObjectId,
        id_or_name: &str,
    ) -> Result<FederatedCredential, DirectoryError> {
        let id = Uuid::try_parse(id_or_name).ok();
        let all = self.federated(conn, tenant, object)?;
        all.into_iter()
            .find(|known| Some(known.id) == id || known.name.to_lowercase() == id_or_name.to_lowercase())
            .ok_or_else(|| DirectoryError::NotFound(id_or_name.to_owned()))
    }

    /// Adds a federated credential from what a client sent.
    ///
    /// # Errors
    /// [`DirectoryError`] for a property that may not be so, for a name, or an issuer with a subject, that another
    /// one has, and for the 21st.
    pub fn add_federated(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        sent: &Map<String, Value>,
    ) -> Result<FederatedCredential, DirectoryError> {
        objects::find(tx, tenant, object)?
            .filter(|row| matches!(row.kind, ObjectKind::Application | ObjectKind::ServicePrincipal))
            .ok_or_else(|| DirectoryError::NotFound(object.to_string()))?;
        let mut new = FederatedCredential {
            id: Uuid::new_v4(),
            name: String::new(),
            issuer: String::new(),
            subject: String::new(),
            audiences: Vec::new(),
            description: None,
        };
        apply(&mut new, sent)?;
        for (name, empty) in [
            ("name", new.name.is_empty()),
            ("issuer", new.issuer.is_empty()),
            ("subject", new.subject.is_empty()),
            ("audiences", new.audiences.is_empty()),
        ] {
            if empty {
                let property = name.to_owned();
                return Err(DirectoryError::MissingProperty { property, resource: RESOURCE });
            }
        }
        let present = self.federated(tx, tenant, object)?;
        if present.len() >= MOST_FEDERATED {
            return Err(DirectoryError::TooManyFederated(MOST_FEDERATED));
        }
        if present.iter().any(|known| known.name.to_lowercase() == new.name.to_lowercase()) {
            return Err(DirectoryError::ValueInUse("name".to_owned()));
        }
        let now = self.0.clock.micros();
        conflict(rows::insert_federated(tx, tenant, object, &new.row(), now))?;
        Ok(new)
    }

    /// Changes a federated credential as Microsoft Graph's PATCH does.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn change_federated(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        id_or_name: &str,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        let mut changed = self.federated_named(tx, tenant, object, id_or_name)?;
        let name = changed.name.clone();
        apply(&mut changed, sent)?;
        if changed.name != name {
            return Err(DirectoryError::ReadOnlyProperty("name".to_owned()));
        }
        conflict(rows::update_federated(tx, tenant, object, &changed.row()))
    }

    /// Removes a federated credential; its tokens are refused from the next one on.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn remove_federated(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        id_or_name: &str,
    ) -> Result<(), DirectoryError> {
        let gone = self.federated_named(tx, tenant, object, id_or_name)?;
        rows::delete_federated(tx, tenant, object, gone.id)?;
        Ok(())
    }
}

fn conflict(outcome: Result<(), StoreError>) -> Result<(), DirectoryError> {
    match outcome {
        Err(StoreError::Conflict(_)) => Err(DirectoryError::ValueInUse("issuer and subject".to_owned())),
        other => Ok(other?),
    }
}

/// Puts what a client sent into a federated credential.
fn apply(credential: &mut FederatedCredential, sent: &Map<String, Value>) -> Result<(), DirectoryError> {
    for (name, value) in sent.iter().filter(|(name, _)| !name.contains("@odata.")) {
        let invalid = || DirectoryError::InvalidProperty { property: name.clone(), resource: RESOURCE };
        let text = || value.as_str().filter(|text| is_text(text)).map(str::to_owned).ok_or_else(invalid);
        match name.to_ascii_lowercase().as_str() {
            "name" => credential.name = text().ok().filter(|name| is_name(name)).ok_or_else(invalid)?,
            "issuer" => credential.issuer = text().ok().filter(|url| is_issuer(url)).ok_or_else(invalid)?,
            "subject" => credential.subject = text()?,
            "description" => {
                credential.description = match value {
                    Value::Null => None,
                    Value::String(empty) if empty.is_empty() => None,
                    _ => Some(text()?),
                }
            }
            "audiences" => credential.audiences = audiences(value).ok_or_else(invalid)?,
            // Clients echo what they read.
            "id" if value.is_null() || value.as_str() == Some(&credential.id.to_string()) => {}
            "id" => return Err(DirectoryError::ReadOnlyProperty(name.clone())),
            _ => return Err(DirectoryError::UnknownProperty(name.clone())),
        }
    }
    Ok(())
}

fn audiences(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array().filter(|list| (1..=MOST_AUDIENCES).contains(&list.len()))?;
    list.iter().map(|entry| entry.as_str().filter(|text| is_text(text)).map(str::to_owned)).collect()
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control)
}

/// Names stand in URLs.
fn is_name(name: &str) -> bool {
    (SHORTEST_NAME..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// An issuer is the base of its discovery document's URL (OpenID Connect Discovery section 4): no query.
fn is_issuer(url: &str) -> bool {
    gatepost_fetch::is_https_url(url) && !url.contains('?') && !url.contains("..")
}
