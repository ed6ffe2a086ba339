//! The tree of resources as the types see it: finding, adding and changing rows with typed ids.
//!
//! Nothing here asks for access: the use cases did before they called a type.

use aws_lc_rs::digest;
use base64::Engine as _;
use gatepost_access::Caller;
use gatepost_clock::{Timestamp, arm_format};
use gatepost_names::{PrincipalKind, ResourceId, Scope, SubscriptionId};
use gatepost_store::resources::{self as rows, ResourceRow};
use gatepost_store::{Conn, StoreError};
use serde_json::{Map, Value, json};

use crate::provider::{Change, Resource};

/// The resource with this id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &Conn<'_>, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
    rows::find(conn, id.scope().key())?.map(from_row).transpose()
}

/// The resources of one type directly below `parent`, by key. `type_path` is the type below the namespace,
/// `emailServices/domains`, or its last segment alone.
///
/// # Errors
/// [`StoreError`].
pub fn children(conn: &Conn<'_>, parent: &ResourceId, type_path: &str) -> Result<Vec<Resource>, StoreError> {
    let parent_kind = parent.resource_type().to_lowercase();
    let path = type_path.to_lowercase();
    let last = path.rsplit('/').next().unwrap_or(&path);
    let kind = format!("{parent_kind}/{last}");
    rows::children(conn, parent.scope().key(), &kind)?.into_iter().map(from_row).collect()
}

/// All resources below `scope` (not at it), parents before their children.
///
/// # Errors
/// [`StoreError`].
pub fn below(conn: &Conn<'_>, scope: &Scope) -> Result<Vec<Resource>, StoreError> {
    rows::below(conn, scope.key())?.into_iter().map(from_row).collect()
}

/// A resource that `change` makes: `systemData` is filled in, tags are empty. With a location it is tracked.
pub fn new_resource(
    change: &Change<'_>,
    id: ResourceId,
    location: Option<String>,
    properties: Map<String, Value>,
) -> Resource {
    Resource {
        id,
        location,
        tags: Map::new(),
        identity: None,
        properties,
        system_data: system_data(None, change.caller, change.now),
    }
}

/// Adds a resource that another one's creation brings with it. Its id must be in canonical spelling.
///
/// # Errors
/// [`StoreError::Conflict`] if there is one with this id.
pub fn insert_child(change: &Change<'_>, resource: Resource) -> Result<(), StoreError> {
    rows::insert(change.tx, &to_row(&resource)?)
}

/// Writes a changed resource, for actions and side effects: `systemData` says who changed it. Answers whether
/// it was there.
///
/// # Errors
/// [`StoreError`].
pub fn update(change: &Change<'_>, resource: &Resource) -> Result<bool, StoreError> {
    let mut row = to_row(resource)?;
    row.system_data = system_data(Some(&resource.system_data), change.caller, change.now).to_string();
    rows::update(change.tx, &row)
}

/// Removes the row of a resource, and none below it. Answers whether it was there.
///
/// # Errors
/// [`StoreError`].
pub fn delete(change: &Change<'_>, id: &ResourceId) -> Result<bool, StoreError> {
    rows::delete(change.tx, id.scope().key())
}

/// The `systemData` after a change by `caller`.
pub fn system_data(before: Option<&Value>, caller: &Caller, now: Timestamp) -> Value {
    let kind = match caller.kind {
        PrincipalKind::User | PrincipalKind::Group => "User",
        PrincipalKind::ServicePrincipal => "Application",
    };
    let at = arm_format(now);
    let kept = |name: &str| before.and_then(|data| data.get(name)).cloned();
    json!({
        "createdBy": kept("createdBy").unwrap_or_else(|| caller.client.as_str().into()),
        "createdByType": kept("createdByType").unwrap_or_else(|| kind.into()),
        "createdAt": kept("createdAt").unwrap_or_else(|| at.as_str().into()),
        "lastModifiedBy": caller.client,
        "lastModifiedByType": kind,
        "lastModifiedAt": at,
    })
}

/// The entity tag of what is stored: it changes with each write that changes anything.
pub(crate) fn etag(resource: &Resource) -> String {
    etag_of([
        resource.id.scope().key(),
        resource.location.as_deref().unwrap_or(""),
        &Value::Object(resource.tags.clone()).to_string(),
        &json!(resource.identity).to_string(),
        &Value::Object(resource.properties.clone()).to_string(),
        &resource.system_data.to_string(),
    ])
}

pub(crate) fn etag_of<const N: usize>(parts: [&str; N]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    let digest = hash.finish();
    let short = digest.as_ref().get(..12).unwrap_or_default();
    format!("\"{}\"", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(short))
}

pub(crate) fn to_row(resource: &Resource) -> Result<ResourceRow, StoreError> {
    let scope = resource.id.scope();
    Ok(ResourceRow {
        key: scope.key().to_owned(),
        id: scope.as_str().to_owned(),
        kind: resource.id.resource_type().to_lowercase(),
        subscription: subscription_of(scope)?,
        group_key: scope.resource_group().unwrap_or("").to_lowercase(),
        parent_key: resource.id.parent_resource().map_or(String::new(), |p| p.scope().key().to_owned()),
        tracked: resource.location.is_some(),
        location: resource.location.clone(),
        tags: Value::Object(resource.tags.clone()).to_string(),
        identity: resource.identity.as_ref().map(Value::to_string),
        properties: Value::Object(resource.properties.clone()).to_string(),
        system_data: resource.system_data.to_string(),
    })
}

pub(crate) fn from_row(row: ResourceRow) -> Result<Resource, StoreError> {
    let id = ResourceId::parse(&row.id)
        .map_err(|error| StoreError::Corrupt(format!("resource id {}: {error}", row.id)))?;
    Ok(Resource {
        id,
        location: row.location,
        tags: object(&row.tags)?,
        identity: row.identity.as_deref().map(value).transpose()?,
        properties: object(&row.properties)?,
        system_data: value(&row.system_data)?,
    })
}

pub(crate) fn object(text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(crate) fn value(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn subscription_of(scope: &Scope) -> Result<SubscriptionId, StoreError> {
    scope.subscription_id().ok_or_else(|| StoreError::Corrupt(format!("{scope} is in no subscription")))
}
