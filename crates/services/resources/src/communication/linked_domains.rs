//! Which domains a communication service sends from: its `linkedDomains`, a list of ids of `domains`.
//!
//! A domain can be linked when it exists in the caller's tenant, lies in the same data location, and its
//! ownership, SPF, DKIM and DKIM2 are verified (reference acs-email.md section 5).

use std::collections::HashSet;

use gatepost_names::ResourceId;
use gatepost_store::tenants;
use serde_json::{Map, Value};

use super::{catalogue, domains, stored, verification};
use crate::ResourceError;
use crate::provider::{Change, LinkedAccess, Resource};
use crate::tree;

/// Domains that one service may be linked to (reference acs-email.md section 7).
const MOST: usize = 100;

/// The ids in stored properties.
pub(super) fn ids(properties: &Map<String, Value>) -> impl Iterator<Item = &str> {
    properties.get("linkedDomains").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Linking a domain that is not linked yet needs a right at that domain.
pub(super) fn access_needed(request: &Value, existing: Option<&Resource>) -> Vec<LinkedAccess> {
    let linked: HashSet<String> =
        existing.into_iter().flat_map(|e| ids(&e.properties)).map(str::to_lowercase).collect();
    let wanted = request.get("properties").and_then(Value::as_object);
    wanted
        .into_iter()
        .flat_map(ids)
        .take(MOST)
        .filter_map(domain_id)
        .filter(|id| !linked.contains(id.scope().key()))
        .map(|id| LinkedAccess { action: catalogue::EMAIL_SERVICES_WRITE, scope: id.scope().clone() })
        .collect()
}

/// Checks a whole new list for a service in `data_location`. Answers the ids in their canonical letter case,
/// each once.
pub(super) fn check(
    change: &Change<'_>,
    data_location: &str,
    list: &Value,
) -> Result<Vec<Value>, ResourceError> {
    let wrong_type = || ResourceError::InvalidProperty {
        target: "properties.linkedDomains".into(),
        message: "The property 'properties.linkedDomains' must be a list of resource ids.".into(),
    };
    let list = list.as_array().ok_or_else(wrong_type)?;
    if list.len() > MOST {
        return Err(refuse(format!("A communication service can be linked to at most {MOST} domains.")));
    }
    let mut linked: Vec<Value> = Vec::new();
    let mut seen = HashSet::new();
    for entry in list {
        let text = entry.as_str().ok_or_else(wrong_type)?;
        let id = domain_id(text).ok_or_else(|| {
            refuse(format!("'{text}' is not the id of a resource of type '{}'.", domains::INFO.wire_type))
        })?;
        if seen.insert(id.scope().key().to_owned()) {
            linked.push(check_one(change, data_location, &id)?.into());
        }
    }
    Ok(linked)
}

fn check_one(change: &Change<'_>, data_location: &str, id: &ResourceId) -> Result<String, ResourceError> {
    let missing = || refuse(format!("The domain '{id}' does not exist."));
    let domain = tree::find(change.tx, id)?.ok_or_else(missing)?;
    let subscription = id.scope().subscription_id().ok_or_else(missing)?;
    let owner = tenants::subscription(change.tx, subscription)?.ok_or_else(missing)?;
    if owner.tenant != change.caller.tenant {
        return Err(missing());
    }
    let unverified = verification::missing(&domain.properties);
    if !unverified.is_empty() {
        return Err(not_linkable(format!(
            "Requested domain is not in a valid state for linking: '{}' is not verified for {}.",
            domain.id,
            unverified.join(", ")
        )));
    }
    let location = stored::text(&domain.properties, "dataLocation");
    if !location.eq_ignore_ascii_case(data_location) {
        return Err(not_linkable(format!(
            "Requested domain is not in a valid state for linking: the data location of '{}' is '{location}', \
             that of the communication service is '{data_location}'.",
            domain.id
        )));
    }
    Ok(domain.id.as_str().to_owned())
}

fn domain_id(text: &str) -> Option<ResourceId> {
    let id = ResourceId::parse(text).ok()?;
    let is_domain = id.resource_type().eq_ignore_ascii_case(domains::INFO.wire_type);
    (is_domain && id.scope().resource_group().is_some()).then_some(id)
}

fn refuse(message: String) -> ResourceError {
    ResourceError::BadRequest { code: "InvalidLinkedDomains", message }
}

fn not_linkable(message: String) -> ResourceError {
    ResourceError::BadRequest { code: "DomainValidationError", message }
}
