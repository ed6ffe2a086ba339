//! Identifiers that are UUIDs, one type each, so that an application id is never taken for an object id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The sixteen bytes, as the store keeps them.
            pub fn bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// Reads the sixteen bytes that [`Self::bytes`] gave; `None` for any other length.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Reads any of the usual spellings: with or without dashes, in either letter case.
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

uuid_newtype!(
    /// A directory (Entra: tenant).
    TenantId
);
uuid_newtype!(
    /// A subscription of the resource manager.
    SubscriptionId
);
uuid_newtype!(
    /// An object of a directory: application, service principal, user or group.
    ObjectId
);
uuid_newtype!(
    /// An application's client id (`appId`), the same for the application and its service principals.
    ApplicationId
);
uuid_newtype!(
    /// The GUID of a role definition.
    RoleDefinitionId
);
uuid_newtype!(
    /// The GUID that names a role assignment, unique in its tenant.
    RoleAssignmentName
);
uuid_newtype!(
    /// A message that was accepted for delivery; a version 7 UUID, so ids sort by time of acceptance.
    MessageId
);

/// What kind of directory object a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A group; it never calls, but roles are assigned to it.
    Group,
    /// An application's identity in a tenant.
    ServicePrincipal,
}

impl PrincipalKind {
    /// The spelling of `principalType` in Azure Resource Manager.
    pub fn as_str(self) -> &'static str {
        match self {
            PrincipalKind::User => "User",
            PrincipalKind::Group => "Group",
            PrincipalKind::ServicePrincipal => "ServicePrincipal",
        }
    }

    /// Reads `principalType`, ignoring letter case.
    pub fn parse(text: &str) -> Option<PrincipalKind> {
        [PrincipalKind::User, PrincipalKind::Group, PrincipalKind::ServicePrincipal]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}
