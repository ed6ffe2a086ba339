//! `emailServices`: a place for domains, in one data location. Its name is unique in its resource group.

use gatepost_names::ResourceId;
use serde_json::{Map, Value};

use super::{SINCE_2021, body, body::Body, catalogue, name_rules, stored};
use crate::ResourceError;
use crate::provider::{Change, Completion, Resource, ResourceType, TypeInfo, View};

pub(super) struct EmailServices;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "emailServices",
    wire_type: "Microsoft.Communication/EmailServices",
    action_stem: "Microsoft.Communication/EmailServices",
    api_versions: SINCE_2021,
    tracked: true,
    writes: Completion::LongRunning,
    deletes: Completion::LongRunning,
    patchable: true,
    actions: &[],
    operations: catalogue::EMAIL_SERVICES,
};

impl ResourceType for EmailServices {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        if name_rules::is_email_service(name) {
            return Ok(());
        }
        Err(name_rules::refuse(INFO.wire_type, name, "1 to 63 letters, digits and '-'"))
    }

    fn put(
        &self,
        _change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let properties = Body::properties(request)?;
        let location = body::data_location(&properties, id, existing.map(|e| &e.properties))?;
        Ok(Map::from_iter([("dataLocation".to_owned(), location.into())]))
    }

    /// Only tags can be patched, and those are the tree's.
    fn patch(
        &self,
        _change: &Change<'_>,
        existing: &Resource,
        request: &Value,
    ) -> Result<Map<String, Value>, ResourceError> {
        Body::properties(request)?;
        Ok(existing.properties.clone())
    }

    fn show(&self, _view: &View<'_>, resource: &Resource) -> Result<Map<String, Value>, ResourceError> {
        Ok(stored::succeeded(&resource.properties))
    }
}
