//! `…/suppressionLists/suppressionListAddresses`: one address of a suppression list.

use gatepost_clock::arm_format;
use gatepost_names::{EmailAddress, ResourceId};
use serde_json::{Map, Value};

use super::{SINCE_2023, body::Body, catalogue, domains, name_rules, stored, suppression_lists};
use crate::ResourceError;
use crate::provider::{Change, Completion, Resource, ResourceType, TypeInfo};

pub(super) struct SuppressionListAddresses;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "emailServices/domains/suppressionLists/suppressionListAddresses",
    wire_type: "Microsoft.Communication/EmailServices/Domains/SuppressionLists/SuppressionListAddresses",
    action_stem: "Microsoft.Communication/EmailServices/Domains/SuppressionLists/SuppressionListAddresses",
    api_versions: SINCE_2023,
    tracked: false,
    writes: Completion::Synchronous,
    deletes: Completion::Synchronous,
    patchable: false,
    actions: &[],
    operations: catalogue::SUPPRESSION_LIST_ADDRESSES,
};

/// Characters of a name.
const MOST_NAME: usize = 256;
/// Characters of the notes.
const MOST_NOTES: usize = 4096;

impl ResourceType for SuppressionListAddresses {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        if name_rules::is_plain(name, 253) {
            return Ok(());
        }
        Err(name_rules::refuse(INFO.wire_type, name, "1 to 253 letters, digits and '-', best a GUID"))
    }

    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        _existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let wanted = Body::properties(request)?;
        let email = wanted.text("email")?;
        EmailAddress::parse(email)
            .map_err(|error| wanted.invalid("email", &format!("is not an e-mail address: {error}")))?;
        let mut properties = Map::new();
        properties.insert("email".into(), email.into());
        for (name, most) in [("firstName", MOST_NAME), ("lastName", MOST_NAME)] {
            properties.extend(wanted.optional_line(name, most)?.map(|text| (name.to_owned(), text.into())));
        }
        if let Some(notes) = wanted.optional_text("notes")? {
            if notes.chars().count() > MOST_NOTES {
                return Err(wanted.invalid("notes", &format!("must have at most {MOST_NOTES} characters")));
            }
            properties.insert("notes".into(), notes.into());
        }
        properties.insert("lastModified".into(), arm_format(change.now).into());
        properties.insert("dataLocation".into(), domains::parent_data_location(change, id)?.into());
        Ok(properties)
    }

    fn written(&self, change: &Change<'_>, resource: &Resource, _created: bool) -> Result<(), ResourceError> {
        touch_list(change, resource)
    }

    fn deleting(&self, change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        touch_list(change, resource)
    }
}

fn touch_list(change: &Change<'_>, address: &Resource) -> Result<(), ResourceError> {
    let Some(list) = address.id.parent_resource() else { return Ok(()) };
    let now = arm_format(change.now).into();
    Ok(stored::set_property(change.tx, list.scope().key(), suppression_lists::LAST_UPDATED, now)?)
}
