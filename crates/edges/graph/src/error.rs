//! Microsoft Graph's refusals: one place that gives each cause its status, code and text.

use gatepost_directory::{DirectoryError, PasswordChangeError, UserError};
use gatepost_store::StoreError;
use gatepost_tokens::TokenError;
use http::StatusCode;

/// A refusal as Graph sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The methods that the resource has, for a 405.
    pub(crate) allow: Option<&'static str>,
}

impl GraphError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> GraphError {
        GraphError { status, code, message: message.into(), allow: None }
    }

    /// The request cannot be read as OData.
    pub(crate) fn bad_request(message: impl Into<String>) -> GraphError {
        GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The request can be read, but asks for what the directory cannot do.
    pub(crate) fn request_bad_request(message: impl Into<String>) -> GraphError {
        GraphError::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    /// A query that the collection does not answer.
    pub(crate) fn unsupported_query(message: impl Into<String>) -> GraphError {
        GraphError::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    /// A path that leads nowhere.
    pub(crate) fn unknown_segment(segment: &str) -> GraphError {
        GraphError::bad_request(format!("Resource not found for the segment '{segment}'."))
    }

    /// An object that is not there.
    pub(crate) fn not_found(id: &str) -> GraphError {
        DirectoryError::NotFound(id.to_owned()).into()
    }

    /// The resource lacks the method.
    pub(crate) fn method(allow: &'static str) -> GraphError {
        let message = "Specified HTTP method is not allowed for the request target.";
        GraphError {
            allow: Some(allow),
            ..GraphError::new(StatusCode::METHOD_NOT_ALLOWED, "Request_BadRequest", message)
        }
    }

    /// No token, or not a good one.
    pub(crate) fn unauthenticated(message: &str) -> GraphError {
        GraphError::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// A body over the limit.
    pub(crate) fn too_large() -> GraphError {
        let message = "The request body is larger than this server takes.";
        GraphError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// The caller may not.
    pub(crate) fn denied() -> GraphError {
        let message = "Insufficient privileges to complete the operation.";
        GraphError::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", message)
    }

    /// The server's own fault.
    pub(crate) fn internal() -> GraphError {
        let message = "The server could not complete the request.";
        GraphError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
    }
}

impl From<StoreError> for GraphError {
    fn from(error: StoreError) -> GraphError {
        match error {
            StoreError::Full => GraphError::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "InsufficientStorage",
                "The server has no space left. Nothing was changed.",
            ),
            StoreError::Busy => GraphError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The server is busy. Nothing was changed; try again.",
            ),
            StoreError::Conflict(_)
            | StoreError::Corrupt(_)
            | StoreError::UnknownCursor
            | StoreError::Engine(_) => {
                tracing::error!(%error, "the directory's store failed");
                GraphError::internal()
            }
        }
    }
}

impl From<DirectoryError> for GraphError {
    fn from(error: DirectoryError) -> GraphError {
        let text = error.to_string();
        match error {
            DirectoryError::NotFound(_) => {
                GraphError::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", text)
            }
            DirectoryError::ServicePrincipalExists(_) => {
                GraphError::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", text)
            }
            DirectoryError::UnknownApplication(_)
            | DirectoryError::ValueInUse(_)
            | DirectoryError::InvalidProperty { .. }
            | DirectoryError::UnknownProperty(_)
            | DirectoryError::ReadOnlyProperty(_)
            | DirectoryError::MissingProperty { .. }
            | DirectoryError::UnknownCredential(_)
            | DirectoryError::CredentialDates
            | DirectoryError::TooManyCredentials(_)
            | DirectoryError::UnverifiedDomain
            | DirectoryError::ReferenceExists(_)
            | DirectoryError::MembershipCycle
            | DirectoryError::MailEnabledGroup
            | DirectoryError::InvalidReference(_)
            | DirectoryError::LastOwner
            | DirectoryError::PermissionExists
            | DirectoryError::UnknownAppRole(_)
            | DirectoryError::DuplicateEntry(_)
            | DirectoryError::RoleAssigned
            | DirectoryError::WeakPassword(_)
            | DirectoryError::InvalidCertificate(_)
            | DirectoryError::UnknownKeyCredential(_)
            | DirectoryError::InvalidKeyProof
            | DirectoryError::TooManyFederated(_) => GraphError::request_bad_request(text),
            DirectoryError::EnabledEntry => {
                GraphError::new(StatusCode::BAD_REQUEST, "CannotDeleteOrUpdateEnabledEntitlement", text)
            }
            DirectoryError::Busy => StoreError::Busy.into(),
            DirectoryError::InvalidFilter(_) | DirectoryError::InvalidPageToken => {
                GraphError::bad_request(text)
            }
            DirectoryError::UnsupportedQuery(_) => GraphError::unsupported_query(text),
            DirectoryError::Denied(denied) => {
                tracing::info!(%denied, "refused by the directory");
                GraphError::denied()
            }
            DirectoryError::Randomness => {
                tracing::error!("no randomness is available");
                GraphError::internal()
            }
            DirectoryError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordChangeError> for GraphError {
    fn from(error: PasswordChangeError) -> GraphError {
        let text = error.to_string();
        match error {
            PasswordChangeError::Refused(UserError::Wrong | UserError::Disabled) => {
                GraphError::request_bad_request(
                    "The specified password does not match the current password of the user.",
                )
            }
            PasswordChangeError::Refused(UserError::Locked { .. }) => {
                GraphError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", text)
            }
            PasswordChangeError::Refused(UserError::Busy) => StoreError::Busy.into(),
            PasswordChangeError::Refused(UserError::Store(error)) | PasswordChangeError::Store(error) => {
                error.into()
            }
            PasswordChangeError::Weak(_) | PasswordChangeError::Same => GraphError::request_bad_request(text),
            PasswordChangeError::Randomness => DirectoryError::Randomness.into(),
        }
    }
}

impl From<TokenError> for GraphError {
    fn from(error: TokenError) -> GraphError {
        match error {
            TokenError::Store(error) => error.into(),
            TokenError::Malformed => {
                GraphError::unauthenticated("CompactToken parsing failed with error code: 80049217")
            }
            TokenError::Expired => {
                GraphError::unauthenticated("Lifetime validation failed, the token is expired.")
            }
            TokenError::WrongAudience(_) => {
                GraphError::unauthenticated("Access token validation failure. Invalid audience.")
            }
            other => {
                tracing::info!(cause = %other, "an access token was refused");
                GraphError::unauthenticated("Access token validation failure.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_write_is_not_the_callers_fault() {
        let status = |error: StoreError| GraphError::from(DirectoryError::from(error)).status.as_u16();
        assert_eq!(status(StoreError::Full), 507);
        assert_eq!(status(StoreError::Busy), 503);
        assert_eq!(status(StoreError::Engine("x".to_owned())), 500);
        assert_eq!(GraphError::from(TokenError::Store(StoreError::Busy)).status.as_u16(), 503);
    }

    #[test]
    fn every_flaw_of_a_token_is_a_401() {
        for error in [
            TokenError::Malformed,
            TokenError::BadSignature,
            TokenError::Expired,
            TokenError::NotYetValid,
            TokenError::WrongAudience("x".to_owned()),
            TokenError::WrongIssuer("x".to_owned()),
            TokenError::PrincipalGone,
        ] {
            let refusal = GraphError::from(error);
            assert_eq!(
                (refusal.status, refusal.code),
                (StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken")
            );
        }
    }
}
