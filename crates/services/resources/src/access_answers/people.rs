//! Principals as people know them.

use gatepost_names::{ObjectId, PrincipalKind, TenantId};
use serde_json::{Value, json};

use crate::{ResourceError, Resources};

/// What a principal is called; one that is deleted has its id only.
pub(super) struct Person {
    pub(super) id: ObjectId,
    pub(super) kind: Option<PrincipalKind>,
    pub(super) name: Option<String>,
    /// The user principal name, or the application's id.
    pub(super) login: Option<String>,
}

impl Person {
    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.kind.map_or("Unknown", PrincipalKind::as_str),
            "displayName": self.name,
            "login": self.login,
        })
    }
}

impl Resources {
    pub(super) fn person(&self, tenant: TenantId, id: ObjectId) -> Result<Person, ResourceError> {
        let found = self.platform().directory.principal(tenant, id)?;
        let login = found.as_ref().and_then(|one| one.login.clone().or(one.app_id.map(|id| id.to_string())));
        Ok(Person {
            id,
            kind: found.as_ref().map(|one| one.kind),
            name: found.map(|one| one.display_name),
            login,
        })
    }

    pub(super) fn people(&self, tenant: TenantId, ids: &[ObjectId]) -> Result<Vec<Value>, ResourceError> {
        ids.iter().map(|id| Ok(self.person(tenant, *id)?.shown())).collect()
    }
}
