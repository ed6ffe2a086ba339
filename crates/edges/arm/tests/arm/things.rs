//! A provider of our own: boxes, which are tracked and answer as long-running operations, and items in them.

use gatepost_names::{ResourceId, Scope};
use gatepost_resources::ResourceError;
use gatepost_resources::provider::{
    ActionInfo, ActionReply, Change, Completion, LinkedAccess, Operation, Resource, ResourceType, TypeInfo,
    View,
};
use gatepost_resources::tree;
use serde_json::{Map, Value, json};

pub(crate) fn types() -> Vec<Box<dyn ResourceType>> {
    vec![Box::new(Boxes), Box::new(Items)]
}

const fn operation(name: &'static str) -> Operation {
    Operation { name, display_name: "op", description: "An operation.", is_data_action: false }
}

static BOXES: TypeInfo = TypeInfo {
    namespace: "Test.Things",
    path: "boxes",
    wire_type: "Test.Things/Boxes",
    action_stem: "Test.Things/Boxes",
    api_versions: &["2025-01-01", "2024-01-01-preview"],
    tracked: true,
    writes: Completion::LongRunning,
    deletes: Completion::LongRunning,
    patchable: true,
    actions: &[
        ActionInfo {
            name: "open",
            requires: "Test.Things/Boxes/Open/action",
            long_running: false,
            api_versions: &[],
        },
        ActionInfo {
            name: "shake",
            requires: "Test.Things/Boxes/Shake/action",
            long_running: true,
            api_versions: &["2026-11-01-gatepost"],
        },
    ],
    operations: &[
        operation("Test.Things/Boxes/read"),
        operation("Test.Things/Boxes/write"),
        operation("Test.Things/Boxes/delete"),
        operation("Test.Things/Boxes/Open/action"),
        operation("Test.Things/Boxes/Shake/action"),
    ],
};

static ITEMS: TypeInfo = TypeInfo {
    namespace: "Test.Things",
    path: "boxes/items",
    wire_type: "Test.Things/Boxes/Items",
    action_stem: "Test.Things/Boxes/Items",
    api_versions: &["2025-01-01"],
    tracked: false,
    writes: Completion::Synchronous,
    deletes: Completion::Synchronous,
    patchable: false,
    actions: &[],
    operations: &[
        operation("Test.Things/Boxes/Items/read"),
        operation("Test.Things/Boxes/Items/write"),
        operation("Test.Things/Boxes/Items/delete"),
    ],
};

fn check_name(name: &str) -> Result<(), ResourceError> {
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(());
    }
    Err(ResourceError::InvalidName(format!("The name '{name}' is not letters and digits.")))
}

struct Boxes;

impl ResourceType for Boxes {
    fn info(&self) -> &'static TypeInfo {
        &BOXES
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        check_name(name)
    }

    /// A box may lean on another one.
    fn linked_access(&self, body: &Value, _existing: Option<&Resource>) -> Vec<LinkedAccess> {
        let leans = body["properties"]["leansOn"].as_str().and_then(|id| Scope::parse(id).ok());
        leans.map(|scope| LinkedAccess { action: "Test.Things/Boxes/write", scope }).into_iter().collect()
    }

    fn put(
        &self,
        _change: &Change<'_>,
        _id: &ResourceId,
        body: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let size = body["properties"]["size"].as_i64().ok_or_else(|| ResourceError::InvalidProperty {
            target: "properties.size".into(),
            message: "The property 'properties.size' must be a number.".into(),
        })?;
        let mut properties = Map::new();
        properties.insert("size".into(), size.into());
        properties.insert(
            "writes".into(),
            existing.map_or(1, |e| e.properties["writes"].as_i64().unwrap() + 1).into(),
        );
        Ok(properties)
    }

    fn patch(
        &self,
        _change: &Change<'_>,
        existing: &Resource,
        body: &Value,
    ) -> Result<Map<String, Value>, ResourceError> {
        let mut properties = existing.properties.clone();
        if let Some(size) = body["properties"]["size"].as_i64() {
            properties.insert("size".into(), size.into());
        }
        Ok(properties)
    }

    fn written(&self, change: &Change<'_>, resource: &Resource, created: bool) -> Result<(), ResourceError> {
        if created {
            let id = ResourceId::parse(&format!("{}/items/lid", resource.id)).unwrap();
            tree::insert_child(change, tree::new_resource(change, id, None, Map::new()))?;
        }
        Ok(())
    }

    fn deleting(&self, _change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        if resource.properties["size"] == 13 {
            return Err(ResourceError::Conflict { code: "BoxIsStuck", message: "The box is stuck.".into() });
        }
        Ok(())
    }

    fn show(&self, view: &View<'_>, resource: &Resource) -> Result<Map<String, Value>, ResourceError> {
        let mut shown = resource.properties.clone();
        shown.insert("provisioningState".into(), "Succeeded".into());
        shown.insert("items".into(), tree::children(view.conn, &resource.id, "boxes/items")?.len().into());
        Ok(shown)
    }

    fn act(
        &self,
        _change: &Change<'_>,
        name: &str,
        resource: &Resource,
        body: &Value,
    ) -> Result<ActionReply, ResourceError> {
        match name {
            "open" => Ok(ActionReply::Done(json!({"opened": resource.id.name(), "with": body}))),
            _ => Ok(ActionReply::Accepted),
        }
    }
}

struct Items;

impl ResourceType for Items {
    fn info(&self) -> &'static TypeInfo {
        &ITEMS
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        check_name(name)
    }

    fn put(
        &self,
        _change: &Change<'_>,
        _id: &ResourceId,
        body: &Value,
        _existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        Ok(body["properties"].as_object().cloned().unwrap_or_default())
    }
}
