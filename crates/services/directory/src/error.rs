//! Why the directory refused.

use gatepost_access::DirectoryDenied;
use gatepost_store::StoreError;

/// Variants are causes. The Graph edge maps each to a status and an error code in one place; the texts that go
/// to clients are those of Microsoft Graph.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No such object in the caller's tenant.
    #[error(
        "Resource '{0}' does not exist or one of its queried reference-property objects are not present."
    )]
    NotFound(String),
    /// A service principal for a client id that no application of the tenant has.
    #[error("The appId '{0}' of the service principal does not reference a valid application object.")]
    UnknownApplication(String),
    /// A second service principal for an application.
    #[error(
        "The service principal cannot be created, updated, or restored because the service principal name {0} \
         is already in use."
    )]
    ServicePrincipalExists(String),
    /// Another object of the tenant has the value, and it must be unique.
    #[error("Another object with the same value for property {0} already exists.")]
    ValueInUse(String),
    /// A property has a value of the wrong type or outside of what it may be.
    #[error("Invalid value specified for property '{property}' of resource '{resource}'.")]
    InvalidProperty {
        /// Its path: `web.redirectUris`.
        property: String,
        /// The type of the object.
        resource: &'static str,
    },
    /// The type has no such property.
    #[error("Invalid property '{0}'.")]
    UnknownProperty(String),
    /// The server sets the property; clients cannot.
    #[error("Property '{0}' is read-only and cannot be set.")]
    ReadOnlyProperty(String),
    /// A property that must be given is absent.
    #[error("A value is required for property '{property}' of resource '{resource}'.")]
    MissingProperty {
        /// Its path.
        property: String,
        /// The type of the object.
        resource: &'static str,
    },
    /// The object has no client secret with this id.
    #[error("No password credential found with keyId '{0}'.")]
    UnknownCredential(String),
    /// A client secret that would end before it starts.
    #[error("The credential's endDateTime must be later than its startDateTime.")]
    CredentialDates,
    /// The object holds as many client secrets as it may.
    #[error("The object already has {0} password credentials, the most that it may have.")]
    TooManyCredentials(usize),
    /// A filter that is not one, with the text that says where.
    #[error("Invalid filter clause: {0}")]
    InvalidFilter(String),
    /// A query that is well formed but that this collection does not answer.
    #[error("{0}")]
    UnsupportedQuery(String),
    /// A page token that this server did not give.
    #[error("The $skiptoken is invalid.")]
    InvalidPageToken,
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] DirectoryDenied),
    /// The machine gave no randomness.
    #[error("no randomness is available")]
    Randomness,
    /// The store failed; the text is for the log only.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a client's credential was refused. Variants name the AADSTS code that the authority answers with.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// 700016: the tenant has neither an application nor a service principal with this client id.
    #[error("the tenant has no application with this client id")]
    NotFound,
    /// 7000229: the application has no service principal in the tenant.
    #[error("the application has no service principal in the tenant")]
    NoServicePrincipal,
    /// 7000112: the service principal is disabled.
    #[error("the service principal is disabled")]
    Disabled,
    /// 7000215: no client secret has this text.
    #[error("no client secret of the application or its service principal has this text")]
    WrongSecret,
    /// 7000222: the client secret is right but its time is over.
    #[error("the client secret has expired")]
    ExpiredSecret,
    /// The client secret is right but its time has not come.
    #[error("the client secret is not valid yet")]
    NotYetValidSecret,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ClientError {
    /// Whether the same credential may be accepted later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, ClientError::Store(error) if error.is_temporary())
    }
}
