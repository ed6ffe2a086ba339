//! PUT and PATCH of a resource of any type.

use gatepost_access::Caller;
use gatepost_names::ResourceId;
use gatepost_store::resources as rows;
use gatepost_store::{Conn, StoreError};
use serde_json::{Map, Value};

use crate::activity::Intended;
use crate::provider::{Change, Completion, Resource, ResourceType};
use crate::request::{Conditions, Written};
use crate::service::{group_of, not_found, parent_exists, type_and_names};
use crate::tags::{bad, location_of, location_required, must_be_object, normal_location, tags_of};
use crate::{ResourceError, Resources, operations, tree};

impl Resources {
    /// Makes a resource, or replaces one whole.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn put(
        &self,
        caller: &Caller,
        id: &ResourceId,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Written, ResourceError> {
        let kind = self.registry().of(id)?;
        let action = format!("{}/write", kind.info().action_stem);
        self.change(caller, Intended::put(&action, id.scope()), |attempt| {
            must_be_object(body)?;
            attempt.commit(|change| self.replace(change, kind, id, body, conditions))
        })
    }

    fn replace(
        &self,
        change: &Change<'_>,
        kind: &dyn ResourceType,
        id: &ResourceId,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Written, ResourceError> {
        let (tx, caller) = (change.tx, change.caller);
        let existing = tree::find(tx, id)?;
        let id = match &existing {
            Some(existing) => existing.id.clone(),
            None => canonical(tx, kind, id)?,
        };
        conditions.check(existing.as_ref().map(tree::etag).as_deref())?;
        self.check_linked(change, kind, &id, body, existing.as_ref())?;
        let (location, tags) = tracked_members(kind, &id, body, existing.as_ref())?;
        let properties = kind.put(change, &id, body, existing.as_ref())?;
        let resource = Resource {
            location,
            tags: tags.unwrap_or_default(),
            identity: kind.identity(change, body, existing.as_ref())?,
            properties,
            system_data: tree::system_data(existing.as_ref().map(|r| &r.system_data), caller, change.now),
            id,
        };
        self.store_written(change, kind, &resource, existing.is_none())
    }

    /// Changes some members of a resource.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn patch(
        &self,
        caller: &Caller,
        id: &ResourceId,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Written, ResourceError> {
        let kind = self.registry().of(id)?;
        if !kind.info().patchable {
            return Err(ResourceError::MethodNotAllowed);
        }
        let action = format!("{}/write", kind.info().action_stem);
        self.change(caller, Intended::patch(&action, id.scope()), |attempt| {
            must_be_object(body)?;
            attempt.commit(|change| self.merge(change, kind, id, body, conditions))
        })
    }

    fn merge(
        &self,
        change: &Change<'_>,
        kind: &dyn ResourceType,
        id: &ResourceId,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Written, ResourceError> {
        let existing = existing(change.tx, id)?;
        conditions.check(Some(&tree::etag(&existing)))?;
        self.check_linked(change, kind, &existing.id, body, Some(&existing))?;
        let (location, tags) = tracked_members(kind, &existing.id, body, Some(&existing))?;
        let properties = kind.patch(change, &existing, body)?;
        let identity = match body.get("identity") {
            None => existing.identity.clone(),
            Some(_) => kind.identity(change, body, Some(&existing))?,
        };
        let resource = Resource {
            location,
            tags: tags.unwrap_or_else(|| existing.tags.clone()),
            identity,
            properties,
            system_data: tree::system_data(Some(&existing.system_data), change.caller, change.now),
            id: existing.id,
        };
        self.store_written(change, kind, &resource, false)
    }

    fn check_linked(
        &self,
        change: &Change<'_>,
        kind: &dyn ResourceType,
        id: &ResourceId,
        body: &Value,
        existing: Option<&Resource>,
    ) -> Result<(), ResourceError> {
        let action = format!("{}/write", kind.info().action_stem);
        for needed in kind.linked_access(body, existing) {
            self.authorize_linked(change.caller, (&action, id.scope()), needed.action, &needed.scope)?;
        }
        Ok(())
    }

    fn store_written(
        &self,
        change: &Change<'_>,
        kind: &dyn ResourceType,
        resource: &Resource,
        created: bool,
    ) -> Result<Written, ResourceError> {
        let row = tree::to_row(resource)?;
        if created {
            rows::insert(change.tx, &row)?;
        } else {
            rows::update(change.tx, &row)?;
        }
        kind.written(change, resource, created)?;
        let operation = match kind.info().writes {
            Completion::LongRunning if created => Some(operations::record(change, resource.id.scope())?),
            _ => None,
        };
        // `written` may have changed the row again.
        let stored = tree::find(change.tx, &resource.id)?.unwrap_or_else(|| resource.clone());
        Ok(Written { shown: self.show(change.tx, kind, &stored)?, created, operation })
    }
}

/// The resource, or which of the things on the way to it is missing.
pub(crate) fn existing(conn: &Conn<'_>, id: &ResourceId) -> Result<Resource, ResourceError> {
    group_of(conn, id.scope())?;
    if let Some(parent) = id.parent_resource() {
        parent_exists(conn, &parent)?;
    }
    tree::find(conn, id)?.ok_or_else(|| not_found(id))
}

/// The id under which a new resource is stored: group and parent as they were created, the type in its own
/// spelling, the name as it is given now.
fn canonical(conn: &Conn<'_>, kind: &dyn ResourceType, id: &ResourceId) -> Result<ResourceId, ResourceError> {
    let info = kind.info();
    let group = group_of(conn, id.scope())?;
    let base = match id.parent_resource() {
        Some(parent) => {
            let found = tree::find(conn, &parent)?;
            found
                .ok_or_else(|| ResourceError::ParentResourceNotFound(type_and_names(&parent)))?
                .id
                .to_string()
        }
        None => format!("{}/providers/{}", crate::groups::scope_of(&group)?, info.namespace),
    };
    kind.check_name(id.name())?;
    let last = info.path.rsplit('/').next().unwrap_or(info.path);
    ResourceId::parse(&format!("{base}/{last}/{}", id.name()))
        .map_err(|error| StoreError::Corrupt(error.to_string()).into())
}

/// The location, and the tags if the body has them.
type TrackedMembers = (Option<String>, Option<Map<String, Value>>);

/// Location and tags after the write; for a proxy resource there are none, whatever the body says.
fn tracked_members(
    kind: &dyn ResourceType,
    id: &ResourceId,
    body: &Value,
    existing: Option<&Resource>,
) -> Result<TrackedMembers, ResourceError> {
    if !kind.info().tracked {
        return Ok((None, Some(Map::new())));
    }
    let tags = tags_of(body)?;
    let given = location_of(body)?;
    let location = match (existing.and_then(|r| r.location.as_deref()), given) {
        (Some(there), None) => there,
        (Some(there), Some(given)) if normal_location(there) == normal_location(given) => there,
        (Some(there), Some(given)) => {
            let name = id.name();
            let group = id.scope().resource_group().unwrap_or("");
            return Err(ResourceError::InvalidLocation(format!(
                "The resource '{name}' already exists in location '{there}' in resource group '{group}'. A \
                 resource with the same name cannot be created in location '{given}'. Please select a new \
                 resource name."
            )));
        }
        (None, None) => return Err(location_required()),
        (None, Some(given)) => {
            if !kind.locations().contains(&normal_location(given).as_str()) {
                return Err(bad(
                    "LocationNotAvailableForResourceType",
                    format!(
                        "The provided location '{given}' is not available for resource type '{}'. List of \
                         available regions for the resource type is '{}'.",
                        kind.info().wire_type,
                        kind.locations().join(",")
                    ),
                ));
            }
            given
        }
    };
    Ok((Some(location.to_owned()), tags))
}
