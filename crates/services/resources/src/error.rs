//! Why a request on the resource tree was refused.

use gatepost_access::Denied;
use gatepost_names::Scope;
use gatepost_store::StoreError;

/// Variants are causes. The ARM edge maps each to a status and an error code in one place.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// No such subscription, or none that the caller's tenant may know of.
    #[error("The subscription '{0}' could not be found.")]
    SubscriptionNotFound(String),
    /// No such resource group.
    #[error("Resource group '{0}' could not be found.")]
    ResourceGroupNotFound(String),
    /// No such resource.
    #[error("The Resource '{resource}' under resource group '{group}' was not found.")]
    ResourceNotFound {
        /// `Microsoft.Communication/emailServices/e/domains/d`: type and names.
        resource: String,
        /// The resource group's name.
        group: String,
    },
    /// A child of a resource that does not exist.
    #[error("Can not perform requested operation on nested resource. Parent resource '{0}' not found.")]
    ParentResourceNotFound(String),
    /// A type that this server does not have.
    #[error("The resource type '{kind}' could not be found in the namespace '{namespace}'.")]
    InvalidResourceType {
        /// The type below the namespace.
        kind: String,
        /// The namespace.
        namespace: String,
    },
    /// A provider that this server does not have.
    #[error("The resource namespace '{0}' is invalid.")]
    InvalidResourceNamespace(String),
    /// An operation that was never begun here, or so long ago that it is forgotten.
    #[error("The operation '{0}' was not found.")]
    OperationNotFound(String),
    /// The body is not JSON of the right shape.
    #[error("{0}")]
    InvalidRequestContent(String),
    /// A property has a value that it may not have.
    #[error("{message}")]
    InvalidProperty {
        /// The path of the property: `properties.dataLocation`.
        target: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The name breaks the type's rule.
    #[error("{0}")]
    InvalidName(String),
    /// The resource group's name breaks its rule; the text is Azure's.
    #[error("{0}")]
    InvalidResourceGroup(String),
    /// The resource exists at another location.
    #[error("{0}")]
    InvalidLocation(String),
    /// The type has no such method or action.
    #[error("The requested operation is not supported by this resource type.")]
    MethodNotAllowed,
    /// The state of things forbids it: 409 with a code of the type's own.
    #[error("{message}")]
    Conflict {
        /// The error code on the wire.
        code: &'static str,
        /// The text.
        message: String,
    },
    /// The request is well formed but may not be: 400 with a code of the type's own.
    #[error("{message}")]
    BadRequest {
        /// The error code on the wire.
        code: &'static str,
        /// The text.
        message: String,
    },
    /// The request is well formed but may not be, for several reasons at once: 400 with `details`.
    #[error("{message}")]
    Detailed {
        /// The error code on the wire.
        code: &'static str,
        /// The text.
        message: String,
        /// Each reason.
        details: Vec<Detail>,
    },
    /// The last Owner of a subscription would go: 412.
    #[error("Cannot delete the last RBAC admin assignment")]
    LastAdministrator,
    /// Something named by the request does not exist: 404 with a code of the type's own.
    #[error("{message}")]
    NotFound {
        /// The error code on the wire.
        code: &'static str,
        /// The text.
        message: String,
    },
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("The condition '{0}' set in the request is not met.")]
    PreconditionFailed(String),
    /// Not allowed here.
    #[error("{0}")]
    Denied(Box<Denied>),
    /// Allowed here, but not at a scope that the request names as well.
    #[error("not allowed at a linked scope: {linked}")]
    LinkedDenied {
        /// The action that was allowed.
        action: String,
        /// Where.
        scope: String,
        /// What was refused at the first linked scope.
        linked: Box<Denied>,
        /// All linked scopes at which it was refused.
        scopes: Vec<Scope>,
    },
    /// The store failed; the text is for the log only.
    #[error(transparent)]
    Store(StoreError),
}

impl ResourceError {
    /// The refusal of a skip token that the list never gave, or of which nothing is left.
    pub(crate) fn no_such_token() -> ResourceError {
        ResourceError::BadRequest {
            code: "InvalidSkipToken",
            message: "The provided skip token is not one of this list.".to_owned(),
        }
    }
}

impl From<StoreError> for ResourceError {
    fn from(error: StoreError) -> ResourceError {
        match error {
            StoreError::UnknownCursor => ResourceError::no_such_token(),
            error => ResourceError::Store(error),
        }
    }
}

/// One of several reasons of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Its error code.
    pub code: &'static str,
    /// Its text.
    pub message: String,
    /// The property that it is about.
    pub target: &'static str,
}

impl From<Denied> for ResourceError {
    fn from(denied: Denied) -> ResourceError {
        ResourceError::Denied(Box::new(denied))
    }
}
