//! How requests end: the status that the client gets, by its number and by the name that the log shows.

use gatepost_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use crate::ResourceError;
use crate::provider::ActionReply;
use crate::request::{Acted, Deleted, Written};

/// What a use case that succeeded answers.
pub(crate) trait Outcome {
    /// The status of the reply.
    fn status(&self) -> u16;

    /// Whether anything was written: what changed nothing is no reason to write more than a line in the log.
    fn changed(&self) -> bool {
        true
    }
}

impl Outcome for Written {
    fn status(&self) -> u16 {
        if self.created { 201 } else { 200 }
    }
}

impl Outcome for Deleted {
    fn status(&self) -> u16 {
        match self {
            Deleted::Absent => 204,
            Deleted::Done => 200,
            Deleted::Accepted(_) => 202,
        }
    }

    fn changed(&self) -> bool {
        *self != Deleted::Absent
    }
}

impl Outcome for Acted {
    fn status(&self) -> u16 {
        match self {
            Acted::Done(_) => 200,
            Acted::Accepted(_) => 202,
            Acted::Nothing => 204,
        }
    }
}

impl Outcome for ActionReply {
    fn status(&self) -> u16 {
        match self {
            ActionReply::Done(_) => 200,
            ActionReply::Accepted => 202,
            ActionReply::Nothing => 204,
        }
    }
}

/// An operation that goes on after the reply.
impl Outcome for Uuid {
    fn status(&self) -> u16 {
        202
    }
}

/// The thing as it is now.
impl Outcome for Value {
    fn status(&self) -> u16 {
        200
    }
}

/// The thing as it is now, and whether it was not there before.
impl Outcome for (Value, bool) {
    fn status(&self) -> u16 {
        if self.1 { 201 } else { 200 }
    }
}

/// What was deleted; `None` if there was nothing.
impl Outcome for Option<Value> {
    fn status(&self) -> u16 {
        if self.is_some() { 200 } else { 204 }
    }

    fn changed(&self) -> bool {
        self.is_some()
    }
}

/// Whether something was deleted.
impl Outcome for bool {
    fn status(&self) -> u16 {
        if *self { 200 } else { 204 }
    }

    fn changed(&self) -> bool {
        *self
    }
}

/// A reply without a body.
impl Outcome for () {
    fn status(&self) -> u16 {
        200
    }
}

/// The status and the error code with which a failure is on record: those that the client gets.
pub fn status_and_code(error: &ResourceError) -> (u16, &str) {
    use ResourceError as E;
    match error {
        E::SubscriptionNotFound(_) => (404, "SubscriptionNotFound"),
        E::ResourceGroupNotFound(_) => (404, "ResourceGroupNotFound"),
        E::ResourceNotFound { .. } => (404, "ResourceNotFound"),
        E::ParentResourceNotFound(_) => (404, "ParentResourceNotFound"),
        E::InvalidResourceType { .. } => (404, "InvalidResourceType"),
        E::InvalidResourceNamespace(_) => (404, "InvalidResourceNamespace"),
        E::OperationNotFound(_) => (404, "OperationNotFound"),
        E::InvalidRequestContent(_) => (400, "InvalidRequestContent"),
        E::InvalidProperty { .. } => (400, "InvalidPropertyValue"),
        E::InvalidName(_) => (400, "InvalidResourceName"),
        E::InvalidResourceGroup(_) => (400, "InvalidResourceGroup"),
        E::InvalidLocation(_) => (409, "InvalidResourceLocation"),
        E::MethodNotAllowed => (405, "MethodNotAllowed"),
        E::Conflict { code, .. } => (409, code),
        E::BadRequest { code, .. } => (400, code),
        E::Detailed { code, .. } => (400, code),
        E::LastAdministrator => (412, "CannotDeleteLastRbacAdminAssignment"),
        E::NotFound { code, .. } => (404, code),
        E::PreconditionFailed(_) => (412, "PreconditionFailed"),
        E::Denied(denied) if denied.is_temporary() => (503, "ServerBusy"),
        E::Denied(denied) => (403, denied.code()),
        E::LinkedDenied { linked, .. } if linked.is_temporary() => (503, "ServerBusy"),
        E::LinkedDenied { .. } => (403, "LinkedAuthorizationFailed"),
        E::Store(StoreError::Full) => (507, "InsufficientStorage"),
        E::Store(StoreError::Busy) => (503, "ServerBusy"),
        E::Store(StoreError::Conflict(_)) => (409, "Conflict"),
        E::Store(StoreError::UnknownCursor) => (400, "InvalidSkipToken"),
        E::Store(StoreError::Corrupt(_) | StoreError::Engine(_)) => (500, "InternalServerError"),
    }
}

/// The name of a status, as `subStatus` shows it.
pub(super) fn status_name(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "NoContent",
        400 => "BadRequest",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "PreconditionFailed",
        503 => "ServiceUnavailable",
        507 => "InsufficientStorage",
        _ => "InternalServerError",
    }
}
