//! The managed-identity endpoint: tokens without a credential, for whoever runs on this machine.
//!
//! It answers as Azure's instance metadata service does (`GET /metadata/identity/oauth2/token`), over plain HTTP,
//! on loopback only, and only when it is switched on: every process of the machine can have a token of every
//! managed identity of the tenant, so it is for development, and for machines that run one thing.
//!
//! SECURITY: the danger is a program on this machine that fetches URLs for others, or a browser. So the header
//! `Metadata: true` must be there, which neither sends on its own; a forwarded request is refused; and the host
//! must be named as an address or `localhost`, so that a foreign name that resolves to this machine gets nothing.

use std::net::IpAddr;

use gatepost_directory::{Client, Directory, ManagedIdentity};
use gatepost_https::{Answer, Call, Edge, json};
use gatepost_names::TenantId;
use gatepost_tokens::{IssueError, IssuedToken, Tokens};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

/// The one path.
const PATH: &str = "/metadata/identity/oauth2/token";
/// The link-local address that Azure's own service has: clients that were redirected to this machine name it.
const AZURE_ADDRESS: &str = "169.254.169.254";
/// Header fields that say that a request was passed on.
const FORWARDED: [&str; 5] = ["x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip"];

/// The managed-identity endpoint of one tenant.
#[derive(Debug)]
pub struct Metadata {
    tokens: Tokens,
    directory: Directory,
    tenant: TenantId,
    /// Whose tokens a request gets that names no identity.
    own: ManagedIdentity,
}

/// Why there is no token, in the words of Azure's service.
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

const fn refused(status: StatusCode, error: &'static str, description: &'static str) -> Refused {
    Refused { status, error, description }
}

const NO_HEADER: Refused =
    refused(StatusCode::BAD_REQUEST, "invalid_request", "Required metadata header not specified");
const FORWARDED_REQUEST: Refused =
    refused(StatusCode::BAD_REQUEST, "invalid_request", "Requests that were passed on are not answered");
const FOREIGN_HOST: Refused =
    refused(StatusCode::BAD_REQUEST, "invalid_request", "The host is not this machine's metadata service");
const NO_RESOURCE: Refused =
    refused(StatusCode::BAD_REQUEST, "invalid_request", "Required query variable 'resource' is missing");
const TWO_IDENTITIES: Refused =
    refused(StatusCode::BAD_REQUEST, "invalid_request", "Only one identity may be named");
const NO_IDENTITY: Refused = refused(StatusCode::BAD_REQUEST, "invalid_request", "Identity not found");
const UNKNOWN_RESOURCE: Refused = refused(
    StatusCode::BAD_REQUEST,
    "invalid_resource",
    "AADSTS500011: The resource principal was not found in the tenant.",
);
const FAILED: Refused = refused(
    StatusCode::INTERNAL_SERVER_ERROR,
    "unknown",
    "Failed to retrieve token from the identity service",
);

impl Metadata {
    /// An endpoint that gives tokens of the tenant's managed identities, of `own` if a request names none.
    pub fn new(tokens: Tokens, directory: Directory, tenant: TenantId, own: ManagedIdentity) -> Metadata {
        Metadata { tokens, directory, tenant, own }
    }

    fn token(&self, call: &Call) -> Result<(std::sync::Arc<Client>, IssuedToken), Refused> {
        check_origin(call)?;
        let resource = call.query_value("resource").filter(|resource| !resource.trim().is_empty());
        let resource = resource.ok_or(NO_RESOURCE)?;
        // A slash at the end is the client library's, not the resource's.
        let client = self.identity(call)?;
        let issued = self.tokens.client_credentials(self.tenant, &client, resource.trim(), &[]);
        match issued {
            Ok(token) => Ok((client, token)),
            Err(IssueError::UnknownResource) => Err(UNKNOWN_RESOURCE),
            Err(IssueError::NoServicePrincipal) => Err(NO_IDENTITY),
            Err(error) => {
                tracing::error!(request = %call.request_id, "no token for a managed identity: {error}");
                Err(FAILED)
            }
        }
    }

    /// The managed identity that a request names.
    fn identity(&self, call: &Call) -> Result<std::sync::Arc<Client>, Refused> {
        let named = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
        let client_id = named("client_id");
        let object_id = named("object_id").or_else(|| named("principal_id"));
        let resource_id = named("msi_res_id").or_else(|| named("mi_res_id"));
        let found = match (client_id, object_id, resource_id) {
            (None, None, None) => self.directory.managed_identity(self.tenant, self.own),
            (Some(id), None, None) => {
                let id = id.parse().map_err(|_| NO_IDENTITY)?;
                self.directory.managed_identity(self.tenant, ManagedIdentity::Client(id))
            }
            (None, Some(id), None) => {
                let id = id.parse().map_err(|_| NO_IDENTITY)?;
                self.directory.managed_identity(self.tenant, ManagedIdentity::Object(id))
            }
            // Managed identities are no resources here.
            (None, None, Some(_)) => return Err(NO_IDENTITY),
            _ => return Err(TWO_IDENTITIES),
        };
        let found = found.map_err(|error| {
            tracing::error!(request = %call.request_id, "no managed identity: {error}");
            FAILED
        })?;
        found.filter(|client| client.enabled).ok_or(NO_IDENTITY)
    }
}

/// Whether a request comes from a program on this machine that means this service.
fn check_origin(call: &Call) -> Result<(), Refused> {
    if FORWARDED.iter().any(|name| call.headers.contains_key(*name)) {
        return Err(FORWARDED_REQUEST);
    }
    // A browser says where its page came from.
    if call.headers.contains_key(header::ORIGIN) || !call.peer.ip().to_canonical().is_loopback() {
        return Err(FOREIGN_HOST);
    }
    if !call.header(header::HOST.as_str()).is_some_and(is_own_host) {
        return Err(FOREIGN_HOST);
    }
    let metadata = call.header("metadata").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    if metadata { Ok(()) } else { Err(NO_HEADER) }
}

fn is_own_host(field: &str) -> bool {
    let host = match field.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(host, _)| host),
        None => field.split_once(':').map_or(field, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host == AZURE_ADDRESS
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Edge for Metadata {
    fn body_limit(&self) -> usize {
        0
    }

    fn answer(&self, call: Call) -> Answer {
        if call.path.trim_end_matches('/') != PATH {
            return of(&refused(StatusCode::NOT_FOUND, "not_found", "There is nothing else here"));
        }
        if call.method != Method::GET {
            return of(&refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Only GET is answered",
            ));
        }
        match self.token(&call) {
            Ok((client, token)) => {
                let body = json!({
                    "access_token": token.access_token,
                    "client_id": client.app_id,
                    "expires_in": token.expires_in.to_string(),
                    "expires_on": token.expires_on.to_string(),
                    "ext_expires_in": token.expires_in.to_string(),
                    "not_before": token.not_before.to_string(),
                    "resource": token.audience,
                    "token_type": "Bearer",
                });
                unkept(json(StatusCode::OK, &body))
            }
            Err(refusal) => {
                tracing::info!(request = %call.request_id, "no managed-identity token: {}", refusal.description);
                of(&refusal)
            }
        }
    }

    fn too_large(&self, _call: &Call) -> Answer {
        of(&refused(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "Requests have no body here"))
    }

    fn failed(&self, _call: &Call) -> Answer {
        of(&FAILED)
    }
}

fn of(refusal: &Refused) -> Answer {
    let body = json!({ "error": refusal.error, "error_description": refusal.description });
    unkept(json(refusal.status, &body))
}

fn unkept(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_are_answered() {
        for (field, own) in [
            ("localhost", true),
            ("LOCALHOST:50342", true),
            ("127.0.0.1:50342", true),
            ("127.1.2.3", true),
            ("[::1]:50342", true),
            ("169.254.169.254", true),
            ("169.254.169.254:80", true),
            ("", false),
            ("evil.example", false),
            ("localhost.evil.example:50342", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("[::1", false),
            ("[fe80::1]", false),
        ] {
            assert_eq!(is_own_host(field), own, "{field}");
        }
    }
}
