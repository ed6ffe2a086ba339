//! How a refusal is answered: its code, its status, and the body that tells of it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{SignInError, error_table};

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
        error_table::row(self).0
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        error_table::row(self).1
    }

    /// RFC 6749's `error`.
    pub fn error(&self) -> &'static str {
        error_table::row(self).2
    }

    /// Microsoft's `suberror`: what the client should do about it.
    pub fn suberror(&self) -> Option<&'static str> {
        error_table::suberror(self)
    }

    /// The `error` of an answer that goes to a redirect URI (OpenID Connect Core section 3.1.2.6).
    pub fn authorization_error(&self) -> &'static str {
        match self {
            SignInError::ConsentRequired { .. } => "consent_required",
            SignInError::MfaRequired | SignInError::PasswordExpired => "interaction_required",
            SignInError::UserNotAssigned { .. } | SignInError::UserNotInTenant { .. } => "access_denied",
            other => other.error(),
        }
    }

    /// What a code means, for the page that `error_uri` names; `None` for a code that this server never gives.
    pub fn explain(code: u32) -> Option<&'static str> {
        error_table::meaning(code)
    }

    /// Whether the same request may succeed later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, SignInError::TemporarilyUnavailable | SignInError::ServerError)
    }

    /// Code, text and the ids by which the refusal is found in the log.
    pub fn description(&self, context: &ErrorContext<'_>) -> String {
        let ErrorContext { trace_id, correlation_id, timestamp, .. } = context;
        format!(
            "AADSTS{}: {self} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}",
            self.code()
        )
    }

    /// The JSON body. `error` is [`SignInError::error`] except where an endpoint has a word of its own:
    /// discovery says `invalid_tenant`.
    pub fn body(&self, error: &str, context: &ErrorContext<'_>) -> Value {
        let ErrorContext { authority, trace_id, correlation_id, timestamp } = context;
        let code = self.code();
        let mut body = json!({
            "error": error,
            "error_description": self.description(context),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": format!("{authority}/error?code={code}"),
        });
        if let (Some(suberror), Some(members)) = (self.suberror(), body.as_object_mut()) {
            members.insert("suberror".to_owned(), suberror.into());
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let consent = SignInError::ConsentRequired { client: "x".to_owned() };
        assert_eq!(consent.body(consent.error(), &context)["suberror"], "consent_required");
        assert_eq!(consent.authorization_error(), "consent_required");
    }

    #[test]
    fn what_a_client_sent_is_repeated_within_bounds() {
        let refusal = SignInError::UnsupportedGrant { grant: format!("a\r\n{}", "b".repeat(1000)) };
        let text = refusal.to_string();
        assert!(!text.contains(['\r', '\n']) && text.len() < 500, "{text}");
    }
}
