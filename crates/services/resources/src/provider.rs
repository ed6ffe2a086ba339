//! What a resource type is: one module each, named in its provider's list.

use gatepost_access::{Access, Caller};
use gatepost_clock::{Clock, Timestamp};
use gatepost_directory::Directory;
use gatepost_names::{Origins, ResourceId, Scope};
use gatepost_store::{Conn, Store, Tx};
use serde_json::{Map, Value};

use crate::ResourceError;
use crate::communication::RefusalLog;

/// The services below the resource tree, for those types that need them.
#[derive(Clone)]
pub struct Platform {
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Access decisions.
    pub access: Access,
    /// Applications and service principals.
    pub directory: Directory,
    /// Where this server answers.
    pub origins: Origins,
    /// The last refusals of each SMTP username, in memory; `RefusalLog::default()` at start.
    pub refusals: RefusalLog,
}

/// A resource as it is stored. `properties` holds what was set and what was decided at creation; what is
/// computed when somebody looks is added by [`ResourceType::show`].
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id, in the letter case of its creation with the type's own spelling of the type segments.
    pub id: ResourceId,
    /// Where it is, as the client wrote it; `None` for a proxy resource.
    pub location: Option<String>,
    /// Tags; empty for a proxy resource.
    pub tags: Map<String, Value>,
    /// `identity` as it was set, for types that have one.
    pub identity: Option<Value>,
    /// The `properties` object.
    pub properties: Map<String, Value>,
    /// Who made and last changed it, and when (`systemData`).
    pub system_data: Value,
}

/// One operation of the catalogue: what `providerOperations` lists, custom roles are checked against, and the
/// portal's permission picker shows.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The full action: `Microsoft.Communication/EmailServices/read`.
    pub name: &'static str,
    /// A few words: `Get EmailService`.
    pub display_name: &'static str,
    /// A sentence.
    pub description: &'static str,
    /// Whether it belongs to the data plane.
    pub is_data_action: bool,
}

/// How a type answers a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// 200 or 201 with the resource; delete 200 or 204.
    Synchronous,
    /// As an Azure long-running operation: 201 with `Azure-AsyncOperation`, delete 202 with `Location`.
    LongRunning,
}

/// A POST action of a type.
#[derive(Clone, Copy, Debug)]
pub struct ActionInfo {
    /// The last segment of the path, canonical case: `listKeys`.
    pub name: &'static str,
    /// What the caller needs: `Microsoft.Communication/CommunicationServices/ListKeys/action`.
    pub requires: &'static str,
    /// Whether it changes anything (a lock of level ReadOnly blocks all actions alike).
    pub long_running: bool,
    /// The api-versions in which it exists; empty: those of the type.
    pub api_versions: &'static [&'static str],
}

/// What is fixed about a resource type.
#[derive(Debug)]
pub struct TypeInfo {
    /// `Microsoft.Communication`
    pub namespace: &'static str,
    /// The type below the namespace in the spelling of ids: `emailServices/domains`.
    pub path: &'static str,
    /// The type in the spelling of the `type` member: `Microsoft.Communication/EmailServices/Domains`.
    pub wire_type: &'static str,
    /// The stem of its actions: `Microsoft.Communication/EmailServices/Domains` (+ `/read`, `/write`, `/delete`).
    pub action_stem: &'static str,
    /// Newest first.
    pub api_versions: &'static [&'static str],
    /// Has `location` and `tags`.
    pub tracked: bool,
    /// How PUT and PATCH answer.
    pub writes: Completion,
    /// How DELETE answers.
    pub deletes: Completion,
    /// Whether there is a PATCH.
    pub patchable: bool,
    /// The POST actions.
    pub actions: &'static [ActionInfo],
    /// Its part of the catalogue.
    pub operations: &'static [Operation],
}

/// What a type may use while it changes a resource. Everything happens in one transaction.
pub struct Change<'a> {
    /// The transaction.
    pub tx: &'a Tx<'a>,
    /// Who asked; already allowed to do this.
    pub caller: &'a Caller,
    /// The time of the change.
    pub now: Timestamp,
    /// The services below.
    pub platform: &'a Platform,
}

/// What a type may use to show a resource.
pub struct View<'a> {
    /// A snapshot to read more from.
    pub conn: &'a Conn<'a>,
    /// The services below.
    pub platform: &'a Platform,
}

/// What a POST action answers.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionReply {
    /// 200 with a body.
    Done(Value),
    /// 202; the operation is complete when it is looked at.
    Accepted,
    /// 204.
    Nothing,
}

/// A further right that a write needs at another scope: linking a domain, naming an assignable scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedAccess {
    /// The action needed there.
    pub action: &'static str,
    /// Where.
    pub scope: Scope,
}

/// A resource type. The tree (`tree.rs`) does what is the same for all: existence of parents, access, locks,
/// tags, `systemData`, conditional requests, storing; a type holds what is its own.
pub trait ResourceType: Send + Sync {
    /// What is fixed about it.
    fn info(&self) -> &'static TypeInfo;

    /// Where its resources may be, in lower case and without spaces. Nowhere else may one be created.
    fn locations(&self) -> &'static [&'static str] {
        &["global"]
    }

    /// The `identity` that a PUT or PATCH leaves, for types that have one. By default there is none.
    ///
    /// # Errors
    /// [`ResourceError`] for an identity that this type cannot have.
    fn identity(
        &self,
        change: &Change<'_>,
        body: &Value,
        existing: Option<&Resource>,
    ) -> Result<Option<Value>, ResourceError> {
        let _ = (change, body, existing);
        Ok(None)
    }

    /// Whether a resource may have this name.
    ///
    /// # Errors
    /// [`ResourceError::InvalidName`] with the rule.
    fn check_name(&self, name: &str) -> Result<(), ResourceError>;

    /// Further rights that a PUT or PATCH with this body needs. A body that cannot be read needs none: `put`
    /// will refuse it.
    fn linked_access(&self, body: &Value, existing: Option<&Resource>) -> Vec<LinkedAccess> {
        let _ = (body, existing);
        Vec::new()
    }

    /// The properties that a PUT leaves: checks `body.properties` and answers the whole new object. Read-only
    /// members of the body are ignored; members unknown to the type are ignored too, as Azure does.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        body: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError>;

    /// The properties that a PATCH leaves. Tags are merged by the tree.
    ///
    /// # Errors
    /// [`ResourceError`]; by default the type has no PATCH.
    fn patch(
        &self,
        change: &Change<'_>,
        existing: &Resource,
        body: &Value,
    ) -> Result<Map<String, Value>, ResourceError> {
        let _ = (change, existing, body);
        Err(ResourceError::MethodNotAllowed)
    }

    /// Called after the row was written or changed, in the same transaction: for children made by default and
    /// for side tables.
    ///
    /// # Errors
    /// [`ResourceError`] undoes the write.
    fn written(&self, change: &Change<'_>, resource: &Resource, created: bool) -> Result<(), ResourceError> {
        let _ = (change, resource, created);
        Ok(())
    }

    /// Called before the row and the rows of its children are deleted, for each of them.
    ///
    /// # Errors
    /// [`ResourceError`] when something still needs it.
    fn deleting(&self, change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        let _ = (change, resource);
        Ok(())
    }

    /// The `properties` that a reader sees: those stored and those computed. Never secrets.
    ///
    /// # Errors
    /// [`ResourceError::Store`].
    fn show(&self, view: &View<'_>, resource: &Resource) -> Result<Map<String, Value>, ResourceError> {
        let _ = view;
        Ok(resource.properties.clone())
    }

    /// Does the POST action `name` (one of [`TypeInfo::actions`]).
    ///
    /// # Errors
    /// [`ResourceError`].
    fn act(
        &self,
        change: &Change<'_>,
        name: &str,
        resource: &Resource,
        body: &Value,
    ) -> Result<ActionReply, ResourceError> {
        let _ = (change, name, resource, body);
        Err(ResourceError::MethodNotAllowed)
    }
}
