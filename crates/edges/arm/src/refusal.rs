//! Every refusal of this edge: cause to status, error code and text. The one place where that is decided.

use std::borrow::Cow;

use gatepost_clock::Timestamp;
use gatepost_names::TenantId;
use gatepost_resources::ResourceError;
use gatepost_store::StoreError;
use gatepost_tokens::TokenError;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::path::PathError;
use crate::target::NoTarget;

/// A refusal on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    /// `target`, `details` and `additionalInfo`, where there are any.
    more: Vec<(&'static str, Value)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal { status, code: code.into(), message: message.into(), more: Vec::new(), headers: Vec::new() }
    }

    /// The text that the client gets.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    fn with_header(mut self, name: HeaderName, value: &str) -> Refusal {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// The error body of the resource manager.
    pub(crate) fn body(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.as_ref().into());
        error.insert("message".into(), self.message.as_str().into());
        for (name, value) in &self.more {
            error.insert((*name).to_owned(), value.clone());
        }
        json!({ "error": error })
    }

    /// A refusal of access, with the id under which an administrator finds out why.
    fn forbidden(code: &'static str, message: String, correlation: Uuid) -> Refusal {
        let info = json!([{"type": "CorrelationId", "info": {"correlationId": correlation.to_string()}}]);
        Refusal { more: vec![("additionalInfo", info)], ..Refusal::new(StatusCode::FORBIDDEN, code, message) }
    }

    /// What went wrong inside: the text goes to the log, the client gets the number to find it by.
    fn internal(request_id: Uuid) -> Refusal {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            format!(
                "Encountered internal server error. Diagnostic information: correlation id '{request_id}'."
            ),
        )
    }

    /// The answer when the edge itself failed.
    pub(crate) fn failed(request_id: Uuid) -> Refusal {
        Refusal::internal(request_id)
    }

    pub(crate) fn too_large() -> Refusal {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLarge",
            "The request content size exceeds the maximum size of 4 MB.",
        )
    }

    pub(crate) fn malformed_body(why: &str) -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{why}'."),
        )
    }

    pub(crate) fn method_not_allowed(method: &http::Method) -> Refusal {
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The HTTP method '{method}' is not supported at this location."),
        )
    }

    pub(crate) fn missing_api_version() -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    }

    /// An api-version that a type of a provider does not have.
    pub(crate) fn no_registered_provider(
        version: &str,
        kind: &str,
        supported: &[&str],
        location: &str,
    ) -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "NoRegisteredProviderFound",
            format!(
                "No registered resource provider found for location '{location}' and API version '{version}' for \
                 type '{kind}'. The supported api-versions are '{}'. The supported locations are '{location}'.",
                supported.join(", ")
            ),
        )
    }

    /// An api-version that the resource manager itself does not have.
    pub(crate) fn invalid_api_version(version: &str, supported: &[&str]) -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                supported.join(",")
            ),
        )
    }

    /// A request about another tenant than the token's.
    pub(crate) fn other_tenant() -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidTenantId",
            "The 'tenantId' of the request is not the tenant of the access token. Role assignments, role \
             definitions and deny assignments of another tenant cannot be asked for.",
        )
    }

    pub(crate) fn of_path(error: PathError) -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestUri",
            format!("The request URI is not valid: {error}."),
        )
    }

    pub(crate) fn of_target(error: NoTarget) -> Refusal {
        match error {
            NoTarget::MalformedSubscription(id) => Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidSubscriptionId",
                format!("The provided subscription identifier '{id}' is malformed or invalid."),
            ),
            NoTarget::MissingSubscription => Refusal::new(
                StatusCode::NOT_FOUND,
                "MissingSubscription",
                "The request did not have a subscription or a valid tenant level resource provider.",
            ),
            NoTarget::UnknownType { kind, namespace } => {
                Refusal::of_resource(ResourceError::InvalidResourceType { kind, namespace }, Uuid::nil())
            }
            NoTarget::NoScope(why) => Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidRequestUri",
                format!("The request URI is not valid: {why}."),
            ),
        }
    }

    /// 401: who is asking is not known.
    pub(crate) fn unauthenticated(
        code: &'static str,
        message: impl Into<String>,
        authority: &str,
        tenant: Option<TenantId>,
    ) -> Refusal {
        let message = message.into();
        let tenant = tenant.map_or_else(|| "common".to_owned(), |id| id.to_string());
        let challenge = format!(
            "Bearer authorization_uri=\"{authority}/{tenant}\", error=\"invalid_token\", \
             error_description=\"{}\"",
            message.replace(['"', '\\'], "'")
        );
        Refusal::new(StatusCode::UNAUTHORIZED, code, message)
            .with_header(header::WWW_AUTHENTICATE, &challenge)
    }

    /// A token that was refused.
    pub(crate) fn of_token(
        error: TokenError,
        request_id: Uuid,
        now: Timestamp,
        authority: &str,
        tenant: Option<TenantId>,
    ) -> Refusal {
        let refuse = |code, message: String| Refusal::unauthenticated(code, message, authority, tenant);
        match error {
            TokenError::Malformed | TokenError::BadSignature => {
                refuse("InvalidAuthenticationToken", "The access token is invalid.".into())
            }
            TokenError::NotYetValid => {
                refuse("InvalidAuthenticationToken", "The access token is not valid yet.".into())
            }
            TokenError::PrincipalGone | TokenError::Revoked => refuse(
                "InvalidAuthenticationToken",
                "The access token is invalid: its principal was deleted or disabled.".into(),
            ),
            TokenError::Expired => refuse(
                "ExpiredAuthenticationToken",
                format!(
                    "The access token expiry UTC time is earlier than current UTC time '{}'.",
                    gatepost_clock::graph_format(now)
                ),
            ),
            TokenError::WrongAudience(audience) => refuse(
                "InvalidAuthenticationTokenAudience",
                format!(
                    "The access token has been obtained for wrong audience or resource '{}'. It should be the \
                     resource manager's.",
                    printable(&audience)
                ),
            ),
            TokenError::WrongIssuer(issuer) => refuse(
                "InvalidAuthenticationTokenTenant",
                format!("The access token is from the wrong issuer '{}'.", printable(&issuer)),
            ),
            TokenError::Store(error) => Refusal::of_store(error, request_id),
        }
    }

    /// What the resource tree refused.
    pub(crate) fn of_resource(error: ResourceError, request_id: Uuid) -> Refusal {
        use ResourceError as E;
        const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
        const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
        let message = error.to_string();
        match error {
            E::SubscriptionNotFound(_) => Refusal::new(NOT_FOUND, "SubscriptionNotFound", message),
            E::ResourceGroupNotFound(_) => Refusal::new(NOT_FOUND, "ResourceGroupNotFound", message),
            E::ResourceNotFound { .. } => Refusal::new(NOT_FOUND, "ResourceNotFound", message),
            E::ParentResourceNotFound(_) => Refusal::new(NOT_FOUND, "ParentResourceNotFound", message),
            E::InvalidResourceType { .. } => Refusal::new(NOT_FOUND, "InvalidResourceType", message),
            E::InvalidResourceNamespace(_) => Refusal::new(NOT_FOUND, "InvalidResourceNamespace", message),
            E::OperationNotFound(_) => Refusal::new(NOT_FOUND, "OperationNotFound", message),
            E::InvalidRequestContent(_) => Refusal::new(BAD_REQUEST, "InvalidRequestContent", message),
            E::InvalidProperty { target, .. } => Refusal {
                more: vec![("target", target.into())],
                ..Refusal::new(BAD_REQUEST, "InvalidPropertyValue", message)
            },
            E::InvalidName(_) => Refusal::new(BAD_REQUEST, "InvalidResourceName", message),
            E::InvalidResourceGroup(_) => Refusal::new(BAD_REQUEST, "InvalidResourceGroup", message),
            E::InvalidLocation(_) => Refusal::new(StatusCode::CONFLICT, "InvalidResourceLocation", message),
            E::MethodNotAllowed => Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message),
            E::Conflict { code, .. } => Refusal::new(StatusCode::CONFLICT, code, message),
            E::BadRequest { code, .. } => Refusal::new(BAD_REQUEST, code, message),
            E::Detailed { code, details, .. } => {
                let details = details.iter().map(
                    |detail| json!({"code": detail.code, "message": detail.message, "target": detail.target}),
                );
                Refusal {
                    more: vec![("details", details.collect())],
                    ..Refusal::new(BAD_REQUEST, code, message)
                }
            }
            E::LastAdministrator => {
                Refusal::new(StatusCode::PRECONDITION_FAILED, "CannotDeleteLastRbacAdminAssignment", message)
            }
            E::NotFound { code, .. } => Refusal::new(NOT_FOUND, code, message),
            E::PreconditionFailed(_) => {
                Refusal::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
            }
            E::Denied(denied) if denied.is_temporary() => busy(),
            E::Denied(denied) => {
                tracing::info!(%request_id, "access is refused: {denied}");
                Refusal::forbidden(denied.code(), denied.client_message(), request_id)
            }
            E::LinkedDenied { linked, .. } if linked.is_temporary() => busy(),
            E::LinkedDenied { action, scope, linked, scopes } => {
                tracing::info!(%request_id, "access is refused at a linked scope: {linked}");
                let message = linked.linked_client_message_for(&action, &scope, &scopes);
                Refusal::forbidden("LinkedAuthorizationFailed", message, request_id)
            }
            E::Store(error) => Refusal::of_store(error, request_id),
        }
    }

    fn of_store(error: StoreError, request_id: Uuid) -> Refusal {
        match error {
            StoreError::Full => {
                tracing::error!(%request_id, %error, "a request is refused");
                Refusal::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "InsufficientStorage",
                    "The server has no space left. Nothing was changed.",
                )
            }
            StoreError::Busy => {
                tracing::warn!(%request_id, %error, "a request is refused");
                busy()
            }
            StoreError::Conflict(_) => {
                tracing::warn!(%request_id, %error, "a request lost a race");
                Refusal::new(
                    StatusCode::CONFLICT,
                    "Conflict",
                    "Another request changed the same thing at the same time. Nothing was changed.",
                )
            }
            StoreError::UnknownCursor => Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidSkipToken",
                "The provided skip token is not one of this list.",
            ),
            StoreError::Corrupt(_) | StoreError::Engine(_) => {
                tracing::error!(%request_id, %error, "a request failed");
                Refusal::internal(request_id)
            }
        }
    }
}

fn busy() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServerBusy",
        "The server is busy. Nothing was changed. Please try again.",
    )
    .with_header(header::RETRY_AFTER, "5")
}

/// What a client sent, fit to be sent back in a header field: short, and of visible ASCII.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_resources::ResourceError as E;

    fn of(error: ResourceError) -> (u16, String) {
        let refusal = Refusal::of_resource(error, Uuid::nil());
        let body = refusal.body();
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
        (refusal.status.as_u16(), refusal.code.into_owned())
    }

    #[test]
    fn each_cause_has_its_status_and_code() {
        let text = || "x".to_owned();
        for (error, status, code) in [
            (E::SubscriptionNotFound(text()), 404, "SubscriptionNotFound"),
            (E::ResourceGroupNotFound(text()), 404, "ResourceGroupNotFound"),
            (E::ResourceNotFound { resource: text(), group: text() }, 404, "ResourceNotFound"),
            (E::ParentResourceNotFound(text()), 404, "ParentResourceNotFound"),
            (E::InvalidResourceType { kind: text(), namespace: text() }, 404, "InvalidResourceType"),
            (E::InvalidResourceNamespace(text()), 404, "InvalidResourceNamespace"),
            (E::OperationNotFound(text()), 404, "OperationNotFound"),
            (E::InvalidRequestContent(text()), 400, "InvalidRequestContent"),
            (E::InvalidProperty { target: text(), message: text() }, 400, "InvalidPropertyValue"),
            (E::InvalidName(text()), 400, "InvalidResourceName"),
            (E::InvalidResourceGroup(text()), 400, "InvalidResourceGroup"),
            (E::InvalidLocation(text()), 409, "InvalidResourceLocation"),
            (E::MethodNotAllowed, 405, "MethodNotAllowed"),
            (E::Conflict { code: "Own", message: text() }, 409, "Own"),
            (E::BadRequest { code: "Own", message: text() }, 400, "Own"),
            (E::NotFound { code: "Own", message: text() }, 404, "Own"),
            (E::Detailed { code: "Own", message: text(), details: Vec::new() }, 400, "Own"),
            (E::LastAdministrator, 412, "CannotDeleteLastRbacAdminAssignment"),
            (E::PreconditionFailed(text()), 412, "PreconditionFailed"),
            (E::Store(StoreError::Full), 507, "InsufficientStorage"),
            (E::Store(StoreError::Busy), 503, "ServerBusy"),
            (E::Store(StoreError::Conflict(text())), 409, "Conflict"),
            (E::Store(StoreError::Corrupt(text())), 500, "InternalServerError"),
            (E::Store(StoreError::Engine(text())), 500, "InternalServerError"),
        ] {
            let logged = gatepost_resources::activity::status_and_code(&error);
            assert_eq!(logged, (status, code), "the activity log says what the client gets");
            assert_eq!(of(error), (status, code.to_owned()));
        }
    }

    #[test]
    fn what_went_wrong_inside_stays_inside() {
        let id = Uuid::from_u128(7);
        let refusal = Refusal::of_resource(E::Store(StoreError::Engine("secret path".into())), id);
        let body = refusal.body().to_string();
        assert!(body.contains(&id.to_string()) && !body.contains("secret"), "{body}");
    }
}
