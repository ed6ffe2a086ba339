//! Resources as their readers see them.

use gatepost_store::Conn;
use gatepost_store::resources::ResourceGroupRow;
use serde_json::{Map, Value, json};

use crate::provider::{Resource, ResourceType, View};
use crate::request::Shown;
use crate::{ResourceError, Resources, tree};

impl Resources {
    /// The whole resource, with what its type computes.
    pub(crate) fn show(
        &self,
        conn: &Conn<'_>,
        kind: &dyn ResourceType,
        resource: &Resource,
    ) -> Result<Shown, ResourceError> {
        let properties = kind.show(&View { conn, platform: self.platform() }, resource)?;
        let mut body = outline(kind, resource);
        if let Some(identity) = &resource.identity {
            body.insert("identity".into(), identity.clone());
        }
        body.insert("properties".into(), Value::Object(properties));
        body.insert("systemData".into(), resource.system_data.clone());
        Ok(Shown { body: Value::Object(body), etag: tree::etag(resource) })
    }

    /// What lists of all resources show: no properties.
    pub(crate) fn summary(&self, resource: &Resource, expand: Expand) -> Option<Value> {
        let kind = self.registry().named(&resource.id.resource_type())?;
        let mut body = outline(kind, resource);
        let mut copy = |wanted: bool, name: &str, from: &str| {
            if let (true, Some(at)) = (wanted, resource.system_data.get(from)) {
                body.insert(name.into(), at.clone());
            }
        };
        copy(expand.created_time, "createdTime", "createdAt");
        copy(expand.changed_time, "changedTime", "lastModifiedAt");
        if expand.provisioning_state {
            let state = resource.properties.get("provisioningState").cloned();
            body.insert("provisioningState".into(), state.unwrap_or_else(|| "Succeeded".into()));
        }
        Some(Value::Object(body))
    }
}

/// Which members `$expand` adds to a list of all resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expand {
    created_time: bool,
    changed_time: bool,
    provisioning_state: bool,
}

impl Expand {
    /// Reads `$expand`: names between commas, ignoring letter case.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for a member that cannot be expanded.
    pub fn parse(text: Option<&str>) -> Result<Expand, ResourceError> {
        let mut expand = Expand::default();
        for name in text.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "createdtime" => expand.created_time = true,
                "changedtime" => expand.changed_time = true,
                "provisioningstate" => expand.provisioning_state = true,
                _ => {
                    return Err(ResourceError::BadRequest {
                        code: "InvalidExpandQueryParameter",
                        message: format!(
                            "The $expand value '{name}' is not supported: 'createdTime', 'changedTime' and \
                             'provisioningState' are."
                        ),
                    });
                }
            }
        }
        Ok(expand)
    }
}

fn outline(kind: &dyn ResourceType, resource: &Resource) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("id".into(), resource.id.as_str().into());
    body.insert("name".into(), resource.id.name().into());
    body.insert("type".into(), kind.info().wire_type.into());
    if kind.info().tracked {
        body.insert("location".into(), json!(resource.location));
        body.insert("tags".into(), Value::Object(resource.tags.clone()));
    }
    body
}

/// A resource group as its readers see it.
pub(crate) fn group(row: &ResourceGroupRow) -> Result<Value, ResourceError> {
    let mut body = json!({
        "id": format!("/subscriptions/{}/resourceGroups/{}", row.subscription, row.name),
        "name": row.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": row.location,
        "tags": tree::value(&row.tags)?,
        "properties": {"provisioningState": "Succeeded"},
    });
    if let (Some(manager), Some(body)) = (&row.managed_by, body.as_object_mut()) {
        body.insert("managedBy".into(), manager.as_str().into());
    }
    Ok(body)
}
