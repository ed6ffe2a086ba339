//! `emailServices/domains/suppressionLists`: addresses that one sender of a domain, or all of them, no longer
//! write to.

use gatepost_clock::arm_format;
use gatepost_names::ResourceId;
use serde_json::{Map, Value};

use super::{SINCE_2023, body::Body, catalogue, domains, name_rules, sender_usernames, stored};
use crate::ResourceError;
use crate::provider::{Change, Completion, Resource, ResourceType, TypeInfo};
use crate::tree;

pub(super) struct SuppressionLists;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "emailServices/domains/suppressionLists",
    wire_type: "Microsoft.Communication/EmailServices/Domains/SuppressionLists",
    action_stem: "Microsoft.Communication/EmailServices/Domains/SuppressionLists",
    api_versions: SINCE_2023,
    tracked: false,
    writes: Completion::Synchronous,
    deletes: Completion::Synchronous,
    patchable: false,
    actions: &[],
    operations: catalogue::SUPPRESSION_LISTS,
};

/// The property that says when a list or its addresses last changed.
pub(super) const LAST_UPDATED: &str = "lastUpdatedTimeStamp";

impl ResourceType for SuppressionLists {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        if name_rules::is_plain(name, 253) {
            return Ok(());
        }
        Err(name_rules::refuse(INFO.wire_type, name, "1 to 253 letters, digits and '-'"))
    }

    /// `listName` is the sender that the list is for; absent or empty, it is for every sender of the domain.
    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let wanted = Body::properties(request)?;
        let list_name = wanted.optional_text("listName")?.unwrap_or_default();
        if !list_name.is_empty() && !is_sender(change, id, list_name)? {
            return Err(wanted.invalid("listName", "must be one of the domain's sender usernames, or empty"));
        }
        let now = arm_format(change.now);
        let created = existing.map(|e| stored::text(&e.properties, "createdTimeStamp").to_owned());
        let mut properties = Map::new();
        properties.insert("listName".into(), list_name.into());
        properties.insert(LAST_UPDATED.into(), now.as_str().into());
        properties.insert("createdTimeStamp".into(), created.unwrap_or(now).into());
        properties.insert("dataLocation".into(), domains::parent_data_location(change, id)?.into());
        Ok(properties)
    }
}

fn is_sender(change: &Change<'_>, id: &ResourceId, username: &str) -> Result<bool, ResourceError> {
    let Some(domain) = id.parent_resource() else { return Ok(false) };
    let senders = tree::children(change.tx, &domain, sender_usernames::INFO.path)?;
    let wanted = username.to_lowercase();
    Ok(senders.iter().any(|sender| stored::text(&sender.properties, "username").to_lowercase() == wanted))
}
