//! Why the directory refused.

use gatepost_access::DirectoryDenied;
use gatepost_credentials::password::Weakness;
use gatepost_store::StoreError;
use gatepost_store::directory::ObjectKind;

use crate::schema;

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
    /// The domain of a user's principal name is none of the tenant's.
    #[error(
        "The domain portion of the userPrincipalName property is invalid. You must use one of the verified \
         domain names in your organization."
    )]
    UnverifiedDomain,
    /// A reference that is there already: a member, an owner.
    #[error(
        "One or more added object references already exist for the following modified properties: '{0}'."
    )]
    ReferenceExists(&'static str),
    /// A group would become part of itself.
    #[error("The member cannot be added: the group would become a member of itself.")]
    MembershipCycle,
    /// A group with mail or a rule, which this server does not make.
    #[error(
        "The service does not currently support writes of mail-enabled groups. Please ensure that the \
         mail-enablement property is unset and the security-enablement property is set."
    )]
    MailEnabledGroup,
    /// A reference to something that cannot stand there.
    #[error("{0}")]
    InvalidReference(&'static str),
    /// The last owner stays.
    #[error("The group must have at least one owner, hence this owner cannot be removed.")]
    LastOwner,
    /// An app role or permission that is given already.
    #[error("Permission being assigned already exists on the object")]
    PermissionExists,
    /// An app role that the resource does not have, or not for such a principal.
    #[error("Permission being assigned was not found on application '{0}'")]
    UnknownAppRole(String),
    /// Two app roles or permissions with the same id or value.
    #[error("Property {0} has entries with the same id or value.")]
    DuplicateEntry(String),
    /// An app role or permission that is removed while it is enabled.
    #[error("Permission (scope or role) cannot be deleted or updated unless disabled first.")]
    EnabledEntry,
    /// A directory role that is given already.
    #[error(
        "A conflicting object with one or more of the specified property values is present in the directory."
    )]
    RoleAssigned,
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
    /// A password that is too easily guessed.
    #[error("The specified password does not comply with password complexity requirements. {0}")]
    WeakPassword(Weakness),
    /// As many passwords are being hashed as may be. Temporary.
    #[error("The service is busy. Please retry later.")]
    Busy,
    /// A certificate that cannot be registered, with the reason.
    #[error("Key credential is invalid: {0}")]
    InvalidCertificate(String),
    /// The object has no certificate with this id.
    #[error("No key credential found with keyId '{0}'.")]
    UnknownKeyCredential(String),
    /// The proof of possession of an existing key is none.
    #[error("Access denied to the given proof of possession of an existing key.")]
    InvalidKeyProof,
    /// The object has as many federated credentials as it may.
    #[error("The object already has {0} federated identity credentials, the most that it may have.")]
    TooManyFederated(usize),
    /// The machine gave no randomness.
    #[error("no randomness is available")]
    Randomness,
    /// The store failed; the text is for the log only.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DirectoryError {
    /// A property that a new object lacks.
    pub(crate) fn missing(kind: ObjectKind, property: &str) -> DirectoryError {
        DirectoryError::MissingProperty {
            property: property.to_owned(),
            resource: schema::resource_name(kind),
        }
    }

    /// A property that may not be what was sent.
    pub(crate) fn invalid(kind: ObjectKind, property: &str) -> DirectoryError {
        DirectoryError::InvalidProperty {
            property: property.to_owned(),
            resource: schema::resource_name(kind),
        }
    }
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
    /// 50027: what was sent as an assertion is none, or by an algorithm that is not accepted.
    #[error("the client assertion is malformed, or its algorithm is not accepted")]
    BadAssertion,
    /// 700027: no certificate of the application has the assertion's thumbprint.
    #[error("no certificate of the application or its service principal has the assertion's thumbprint")]
    UnknownCertificate,
    /// 700027: the certificate's key did not sign it.
    #[error("the client assertion's signature is not the registered certificate's")]
    WrongAssertionSignature,
    /// 7000222: the certificate's time is over, or has not come.
    #[error("the client certificate has expired or is not valid yet")]
    ExpiredCertificate,
    /// 700023: the assertion is for another endpoint.
    #[error("the client assertion is for another audience")]
    AssertionAudience,
    /// 700024: the assertion is over, not valid yet, or valid for too long.
    #[error("the client assertion is not within its valid time range")]
    AssertionTime,
    /// 700021: the assertion is about another application than its issuer.
    #[error("the client assertion's subject is not the application")]
    AssertionSubject,
    /// 700027: the assertion was used before.
    #[error("the client assertion was used before")]
    AssertionReplayed,
    /// 70021: the application trusts no outside issuer.
    #[error("the application has no federated credentials")]
    NoFederatedCredential,
    /// 700211: none of its federated credentials is of this issuer.
    #[error("no federated credential has the assertion's issuer")]
    FederatedIssuer,
    /// 700213: none of the issuer's is for this subject.
    #[error("no federated credential of the issuer has the assertion's subject")]
    FederatedSubject,
    /// 700212: it is for another audience.
    #[error("the federated credential is for another audience")]
    FederatedAudience,
    /// 7002138: only letter case differs.
    #[error("a federated credential differs from the assertion in letter case only")]
    FederatedCase,
    /// 50027: none of the outside issuer's keys signed it.
    #[error("the assertion's signature is none of the outside issuer's")]
    FederatedSignature,
    /// The outside issuer's keys cannot be had now. Temporary.
    #[error("the outside issuer's keys cannot be had now")]
    IssuerUnavailable,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ClientError {
    /// Whether the same credential may be accepted later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            ClientError::Store(error) => error.is_temporary(),
            ClientError::IssuerUnavailable => true,
            _ => false,
        }
    }
}
