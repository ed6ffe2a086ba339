//! The refusals of the authority, with Entra's codes.
//!
//! Client libraries act on the HTTP status, on `error` and on the code; people read the text. Each refusal names
//! all four here and nowhere else.

use serde_json::{Value, json};
use uuid::Uuid;

/// Most characters of a client's own text that a refusal repeats.
const MAX_SHOWN: usize = 256;

/// Why there is no token. Its text is what stands in `error_description` after the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The tenant has no application of this client id.
    #[error(
        "Application with identifier '{}' was not found in the directory '{}'. It is not registered there, or the \
         request went to the wrong tenant.", shown(.client), shown(.tenant)
    )]
    ApplicationNotFound {
        /// The client id as it came.
        client: String,
        /// The tenant's name in the request.
        tenant: String,
    },
    /// The application exists, its service principal does not.
    #[error(
        "The client application {} is missing service principal in the tenant {}. Create the service principal \
         first.", shown(.client), shown(.tenant)
    )]
    NoServicePrincipal {
        /// The client id.
        client: String,
        /// The tenant's name in the request.
        tenant: String,
    },
    /// The application or its service principal is disabled.
    #[error("Application '{}' is disabled.", shown(.client))]
    ApplicationDisabled {
        /// The client id.
        client: String,
    },
    /// The secret is none of the application's, or not valid yet.
    #[error(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
         not the client secret ID, for a secret added to app '{}'.", shown(.client)
    )]
    WrongSecret {
        /// The client id.
        client: String,
    },
    /// The secret was right once.
    #[error("The provided client secret keys for app '{}' are expired. Add a new client secret.", shown(.client))]
    ExpiredSecret {
        /// The client id.
        client: String,
    },
    /// The request proves nothing.
    #[error("The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")]
    NoCredential,
    /// The request proves its client by an assertion.
    #[error(
        "The certificate used to sign the client assertion is not registered on application. [Reason - client \
         assertions are not part of this version of Gatepost; use a client secret.]"
    )]
    AssertionNotSupported,
    /// There is no such tenant.
    #[error(
        "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are signing into the \
         correct cloud.", shown(.tenant)
    )]
    UnknownTenant {
        /// The tenant's name in the request.
        tenant: String,
    },
    /// `common` or `organizations` where only one tenant will do.
    #[error(
        "No tenant-identifying information found in either the request or implied by any provided credentials. \
         An application signs in at its tenant's own endpoint."
    )]
    NoTenant,
    /// A parameter is missing or empty.
    #[error("The request body must contain the following parameter: '{name}'.")]
    MissingParameter {
        /// Its name.
        name: &'static str,
    },
    /// Repeated or contradictory parameters, unreadable encodings, the wrong HTTP method.
    #[error("Invalid request. Request is malformed or invalid.")]
    Malformed,
    /// A grant that is not built.
    #[error(
        "The app requested an unsupported grant type '{}'. This version of Gatepost has the grant \
         'client_credentials'.", shown(.grant)
    )]
    UnsupportedGrant {
        /// The grant.
        grant: String,
    },
    /// More than one scope.
    #[error(
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
         'scope' is not valid. The scope {} is not valid.", shown(.scope)
    )]
    InvalidScope {
        /// The scopes.
        scope: String,
    },
    /// A scope that is not a resource's `/.default`.
    #[error(
        "The provided value for scope {} is not valid. Client credential flows must have a scope value with \
         /.default suffixed to the resource identifier (application ID URI).", shown(.scope)
    )]
    ScopeWithoutDefault {
        /// The scope.
        scope: String,
    },
    /// No resource of this name.
    #[error(
        "The resource principal named {} was not found in the tenant named {}. It is not one of this tenant's \
         resources, or the request went to the wrong tenant.", shown(.resource), shown(.tenant)
    )]
    ResourceNotFound {
        /// The resource as the client spelled it.
        resource: String,
        /// The tenant's name in the request.
        tenant: String,
    },
    /// Sign-in by a person, which is not built.
    #[error(
        "Interactive sign-in is not part of this version of Gatepost: the response type or endpoint '{}' is not \
         supported. Applications sign in with the grant 'client_credentials'.", shown(.what)
    )]
    InteractiveNotSupported {
        /// The response type or endpoint.
        what: String,
    },
    /// The token endpoint was asked by another method than POST.
    #[error("The endpoint only accepts POST requests. Received a {} request.", shown(.method))]
    PostOnly {
        /// The method.
        method: String,
    },
    /// Instance discovery for a host that is not this authority's.
    #[error("Unknown or invalid instance.")]
    InvalidInstance,
    /// The server cannot answer now; the log says why.
    #[error("The service is temporarily unavailable. Please retry later.")]
    TemporarilyUnavailable,
    /// The server failed; the log says how.
    #[error("An error occurred while the token was being issued.")]
    ServerError,
}

/// What the body of a refusal says beside the refusal itself.
#[derive(Clone, Copy, Debug)]
pub struct ErrorContext<'a> {
    /// The authority's base URL, without a trailing slash.
    pub authority: &'a str,
    /// Names the request in the server's log.
    pub trace_id: Uuid,
    /// The client's name for it.
    pub correlation_id: Uuid,
    /// `YYYY-MM-DD HH:MM:SSZ`
    pub timestamp: &'a str,
}

impl SignInError {
    /// The AADSTS code.
    pub fn code(&self) -> u32 {
        self.table().0
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.table().1
    }

    /// RFC 6749's `error`.
    pub fn error(&self) -> &'static str {
        self.table().2
    }

    /// Whether the same request may succeed later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, SignInError::TemporarilyUnavailable | SignInError::ServerError)
    }

    fn table(&self) -> (u32, u16, &'static str) {
        match self {
            SignInError::ApplicationNotFound { .. } => (700_016, 400, "unauthorized_client"),
            SignInError::NoServicePrincipal { .. } => (7_000_229, 400, "unauthorized_client"),
            SignInError::ApplicationDisabled { .. } => (7_000_112, 400, "unauthorized_client"),
            SignInError::WrongSecret { .. } => (7_000_215, 401, "invalid_client"),
            SignInError::ExpiredSecret { .. } => (7_000_222, 401, "invalid_client"),
            SignInError::NoCredential => (7_000_218, 401, "invalid_client"),
            SignInError::AssertionNotSupported => (700_027, 401, "invalid_client"),
            SignInError::UnknownTenant { .. } => (90_002, 400, "invalid_request"),
            SignInError::NoTenant => (50_059, 400, "invalid_request"),
            SignInError::MissingParameter { .. } => (900_144, 400, "invalid_request"),
            SignInError::Malformed => (9_002_313, 400, "invalid_request"),
            SignInError::UnsupportedGrant { .. } => (70_003, 400, "unsupported_grant_type"),
            SignInError::InvalidScope { .. } => (70_011, 400, "invalid_scope"),
            SignInError::ScopeWithoutDefault { .. } => (1_002_012, 400, "invalid_scope"),
            SignInError::ResourceNotFound { .. } => (500_011, 400, "invalid_resource"),
            SignInError::InteractiveNotSupported { .. } => (70_005, 400, "unsupported_response_type"),
            SignInError::PostOnly { .. } => (900_561, 400, "invalid_request"),
            SignInError::InvalidInstance => (50_049, 400, "invalid_instance"),
            SignInError::TemporarilyUnavailable => (90_033, 503, "temporarily_unavailable"),
            SignInError::ServerError => (50_000, 500, "server_error"),
        }
    }

    /// The JSON body. `error` is [`SignInError::error`] except where an endpoint has a word of its own:
    /// discovery says `invalid_tenant`.
    pub fn body(&self, error: &str, context: &ErrorContext<'_>) -> Value {
        let ErrorContext { authority, trace_id, correlation_id, timestamp } = context;
        let code = self.code();
        let description = format!(
            "AADSTS{code}: {self} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}"
        );
        json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": format!("{authority}/error?code={code}"),
        })
    }

    /// What a code means, for the page that `error_uri` names; `None` for a code that this version never gives.
    pub fn explain(code: u32) -> Option<&'static str> {
        Some(match code {
            700_016 => "The tenant has no application with this client id.",
            7_000_229 => "The application is registered, but its service principal is missing in the tenant.",
            7_000_112 => "The application or its service principal is disabled.",
            7_000_215 => {
                "The client secret is wrong: none of the application's secrets has this value. Use the secret's \
                 value, not its id."
            }
            7_000_222 => "The client secret has expired. Add a new one to the application.",
            7_000_218 => "The request carries no client secret.",
            700_027 => "The client assertion cannot be verified: this version takes client secrets.",
            90_002 => "There is no tenant of this id or domain name.",
            50_059 => "An application signs in at its tenant's own endpoint, not at `common`.",
            900_144 => "A parameter of the request is missing or empty.",
            9_002_313 => "The request is malformed: a parameter is repeated, contradictory or unreadable.",
            70_003 => "The grant type is not one of this version.",
            70_011 => "The scope is not valid: ask for one resource at a time.",
            1_002_012 => "The scope of the client-credentials grant is a resource followed by `/.default`.",
            500_011 => "The tenant has no resource of this name.",
            70_005 => "Interactive sign-in is not part of this version.",
            900_561 => "The endpoint takes POST requests only.",
            50_049 => "The host that instance discovery asked about is not this authority's.",
            90_033 => "The server cannot answer now. Try again later.",
            50_000 => "The server failed. Its log names the cause under the trace id.",
            _ => return None,
        })
    }
}

/// A client's text, bounded and without control characters, as it may stand in a refusal.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    if text.chars().count() > MAX_SHOWN {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> Vec<SignInError> {
        let text = || "x".to_owned();
        vec![
            SignInError::ApplicationNotFound { client: text(), tenant: text() },
            SignInError::NoServicePrincipal { client: text(), tenant: text() },
            SignInError::ApplicationDisabled { client: text() },
            SignInError::WrongSecret { client: text() },
            SignInError::ExpiredSecret { client: text() },
            SignInError::NoCredential,
            SignInError::AssertionNotSupported,
            SignInError::UnknownTenant { tenant: text() },
            SignInError::NoTenant,
            SignInError::MissingParameter { name: "scope" },
            SignInError::Malformed,
            SignInError::UnsupportedGrant { grant: text() },
            SignInError::InvalidScope { scope: text() },
            SignInError::ScopeWithoutDefault { scope: text() },
            SignInError::ResourceNotFound { resource: text(), tenant: text() },
            SignInError::InteractiveNotSupported { what: text() },
            SignInError::PostOnly { method: text() },
            SignInError::InvalidInstance,
            SignInError::TemporarilyUnavailable,
            SignInError::ServerError,
        ]
    }

    #[test]
    fn codes_are_unique_and_explained() {
        let mut codes: Vec<u32> = each().iter().map(SignInError::code).collect();
        assert!(codes.iter().all(|code| SignInError::explain(*code).is_some()));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), each().len());
        assert_eq!(SignInError::explain(1), None);
    }

    #[test]
    fn a_refusal_as_clients_read_it() {
        let context = ErrorContext {
            authority: "https://localhost:8444",
            trace_id: Uuid::from_u128(1),
            correlation_id: Uuid::from_u128(2),
            timestamp: "2026-07-01 10:00:00Z",
        };
        let refusal = SignInError::MissingParameter { name: "scope" };
        assert_eq!(
            serde_json::to_string_pretty(&refusal.body(refusal.error(), &context)).unwrap(),
            r#"{
  "error": "invalid_request",
  "error_description": "AADSTS900144: The request body must contain the following parameter: 'scope'. Trace ID: 00000000-0000-0000-0000-000000000001 Correlation ID: 00000000-0000-0000-0000-000000000002 Timestamp: 2026-07-01 10:00:00Z",
  "error_codes": [
    900144
  ],
  "timestamp": "2026-07-01 10:00:00Z",
  "trace_id": "00000000-0000-0000-0000-000000000001",
  "correlation_id": "00000000-0000-0000-0000-000000000002",
  "error_uri": "https://localhost:8444/error?code=900144"
}"#
        );
    }

    #[test]
    fn what_a_client_sent_is_repeated_within_bounds() {
        let refusal = SignInError::UnsupportedGrant { grant: format!("a\r\n{}", "b".repeat(1000)) };
        let text = refusal.to_string();
        assert!(!text.contains(['\r', '\n']) && text.len() < 500, "{text}");
    }
}
