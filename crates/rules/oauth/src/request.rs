//! What a token request says (RFC 6749 sections 2.3.1, 4.1.3, 4.3.2, 4.4.2 and 6; RFC 8628 section 3.4; RFC 7523;
//! the v1 endpoint's `resource`).

use gatepost_names::ApplicationId;

use crate::audience::read_audience;
use crate::form::{Parameters, Secret, client_credential};
use crate::{Scopes, SignInError, is_verifier};

/// The suffix by which a scope asks for everything that was granted at a resource.
const DEFAULT_SUFFIX: &str = "/.default";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longer codes, tokens and assertions are nobody's.
const MAX_HANDLE: usize = 32 * 1024;

/// Which token endpoint was asked: they differ in how a request names the resource, and in the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/{tenant}/oauth2/token`
    V1,
    /// `/{tenant}/oauth2/v2.0/token`
    V2,
}

/// What proves a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCredential {
    /// Nothing: a public client.
    None,
    /// A client secret.
    Secret(Secret),
    /// A signed assertion: by the client's certificate, or from an outside issuer.
    Assertion(Secret),
}

/// A well-formed token request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Who asks.
    pub app_id: ApplicationId,
    /// What proves it.
    pub credential: ClientCredential,
    /// What it asks for.
    pub grant: Grant,
    /// The capabilities that the client wants named in the token (`xms_cc`).
    pub capabilities: Vec<String>,
}

/// The grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A token for the client itself.
    ClientCredentials {
        /// The resource in the client's spelling; a scope's one `/.default` is taken off.
        audience: String,
    },
    /// A code from the authorization endpoint.
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// Where it was sent.
        redirect_uri: Option<String>,
        /// The PKCE verifier.
        verifier: Option<Secret>,
        /// What the token is for, if it is said again.
        scopes: Option<Scopes>,
    },
    /// A refresh token.
    Refresh {
        /// The token.
        token: Secret,
        /// What the new token is for; what the old one was, if nothing is said.
        scopes: Option<Scopes>,
    },
    /// A device's code.
    DeviceCode {
        /// The code.
        code: Secret,
    },
    /// The user's name and password.
    Password {
        /// The user principal name.
        login: String,
        /// The password.
        password: Secret,
        /// What the token is for.
        scopes: Scopes,
    },
    /// A user's token for the client, to be changed into one for another resource.
    OnBehalfOf {
        /// The token.
        assertion: Secret,
        /// What the new token is for.
        scopes: Scopes,
    },
}

impl Grant {
    /// Its name in a log.
    pub fn name(&self) -> &'static str {
        match self {
            Grant::ClientCredentials { .. } => "client_credentials",
            Grant::AuthorizationCode { .. } => "authorization_code",
            Grant::Refresh { .. } => "refresh_token",
            Grant::DeviceCode { .. } => "device_code",
            Grant::Password { .. } => "password",
            Grant::OnBehalfOf { .. } => "on_behalf_of",
        }
    }
}

impl TokenRequest {
    /// Reads a request from the decoded pairs of its form and the value of its `Authorization` header, if there
    /// was one. `tenant` is for the error texts.
    ///
    /// # Errors
    /// The [`SignInError`] that Entra answers; the first that applies, in its order.
    pub fn read(
        endpoint: Endpoint,
        tenant: &str,
        form: &[(impl AsRef<str>, impl AsRef<str>)],
        authorization: Option<&str>,
    ) -> Result<TokenRequest, SignInError> {
        let form = Parameters(form);
        let grant = form.required("grant_type")?;
        let (client, secret) =
            client_credential(form.optional("client_id")?, form.optional("client_secret")?, authorization)?;
        let client = client.ok_or(SignInError::MissingParameter { name: "client_id" })?;
        let kind = GrantKind::of(grant)?;
        let app_id = client.parse().map_err(|_| SignInError::ApplicationNotFound {
            client: client.clone(),
            tenant: tenant.to_owned(),
        })?;
        let credential = credential(&form, secret)?;
        if kind == GrantKind::ClientCredentials && credential == ClientCredential::None {
            return Err(SignInError::NoCredential);
        }
        Ok(TokenRequest {
            app_id,
            credential,
            grant: kind.read(endpoint, &form)?,
            capabilities: form.capabilities()?,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GrantKind {
    ClientCredentials,
    AuthorizationCode,
    Refresh,
    DeviceCode,
    Password,
    OnBehalfOf,
}

impl GrantKind {
    fn of(name: &str) -> Result<GrantKind, SignInError> {
        Ok(match name {
            "client_credentials" => GrantKind::ClientCredentials,
            "authorization_code" => GrantKind::AuthorizationCode,
            "refresh_token" => GrantKind::Refresh,
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => GrantKind::DeviceCode,
            "password" => GrantKind::Password,
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => GrantKind::OnBehalfOf,
            other => return Err(SignInError::UnsupportedGrant { grant: other.to_owned() }),
        })
    }

    fn read<K: AsRef<str>, V: AsRef<str>>(
        self,
        endpoint: Endpoint,
        form: &Parameters<'_, K, V>,
    ) -> Result<Grant, SignInError> {
        Ok(match self {
            GrantKind::ClientCredentials => {
                let audience = match endpoint {
                    Endpoint::V1 => form.required("resource")?,
                    Endpoint::V2 => audience_of_scope(form.required("scope")?)?,
                };
                Grant::ClientCredentials { audience: read_audience(audience)?.to_owned() }
            }
            GrantKind::AuthorizationCode => Grant::AuthorizationCode {
                code: handle(form, "code")?,
                redirect_uri: form.optional("redirect_uri")?.map(str::to_owned),
                verifier: verifier(form)?,
                scopes: scopes(endpoint, form)?,
            },
            GrantKind::Refresh => {
                Grant::Refresh { token: handle(form, "refresh_token")?, scopes: scopes(endpoint, form)? }
            }
            GrantKind::DeviceCode => {
                // Some clients say `code`, as the version of the protocol before RFC 8628 did.
                let name = if form.optional("device_code")?.is_some() { "device_code" } else { "code" };
                let code =
                    form.optional(name)?.ok_or(SignInError::MissingParameter { name: "device_code" })?;
                Grant::DeviceCode { code: Secret::new(code) }
            }
            GrantKind::Password => Grant::Password {
                login: form.required("username")?.to_owned(),
                password: form.secret("password")?,
                scopes: required_scopes(endpoint, form)?,
            },
            GrantKind::OnBehalfOf => {
                if form.required("requested_token_use")? != "on_behalf_of" {
                    return Err(SignInError::Malformed);
                }
                Grant::OnBehalfOf {
                    assertion: handle(form, "assertion")?,
                    scopes: required_scopes(endpoint, form)?,
                }
            }
        })
    }
}

fn credential<K: AsRef<str>, V: AsRef<str>>(
    form: &Parameters<'_, K, V>,
    secret: Option<String>,
) -> Result<ClientCredential, SignInError> {
    match (secret, form.optional("client_assertion")?) {
        (Some(_), Some(_)) => Err(SignInError::Malformed),
        (Some(secret), None) => Ok(ClientCredential::Secret(Secret::new(secret))),
        (None, None) => Ok(ClientCredential::None),
        (None, Some(assertion)) => {
            if form.required("client_assertion_type")? != ASSERTION_TYPE || assertion.len() > MAX_HANDLE {
                return Err(SignInError::Malformed);
            }
            Ok(ClientCredential::Assertion(Secret::new(assertion)))
        }
    }
}

fn handle<K: AsRef<str>, V: AsRef<str>>(
    form: &Parameters<'_, K, V>,
    name: &'static str,
) -> Result<Secret, SignInError> {
    let text = form.required(name)?;
    if text.len() > MAX_HANDLE { Err(SignInError::Malformed) } else { Ok(Secret::new(text)) }
}

fn verifier<K: AsRef<str>, V: AsRef<str>>(
    form: &Parameters<'_, K, V>,
) -> Result<Option<Secret>, SignInError> {
    match form.optional("code_verifier")? {
        Some(text) if !is_verifier(text) => Err(SignInError::VerifierMismatch),
        other => Ok(other.map(Secret::new)),
    }
}

/// What a user's token is for: `scope` of the v2 endpoint, `resource` of v1.
fn scopes<K: AsRef<str>, V: AsRef<str>>(
    endpoint: Endpoint,
    form: &Parameters<'_, K, V>,
) -> Result<Option<Scopes>, SignInError> {
    match endpoint {
        Endpoint::V1 => form.optional("resource")?.map(Scopes::all_of).transpose(),
        Endpoint::V2 => form.optional("scope")?.map(Scopes::read).transpose(),
    }
}

fn required_scopes<K: AsRef<str>, V: AsRef<str>>(
    endpoint: Endpoint,
    form: &Parameters<'_, K, V>,
) -> Result<Scopes, SignInError> {
    let name = if endpoint == Endpoint::V1 { "resource" } else { "scope" };
    scopes(endpoint, form)?.ok_or(SignInError::MissingParameter { name })
}

/// The resource of a scope `X/.default`: exactly one suffix is taken off, so `https://host//.default` names
/// `https://host/`.
fn audience_of_scope(scope: &str) -> Result<&str, SignInError> {
    let mut scopes = scope.split_ascii_whitespace();
    let (Some(only), None) = (scopes.next(), scopes.next()) else {
        return Err(SignInError::InvalidScope { scope: scope.to_owned() });
    };
    match only.strip_suffix(DEFAULT_SUFFIX) {
        Some(audience) if !audience.is_empty() => Ok(audience),
        _ => Err(SignInError::ScopeWithoutDefault { scope: only.to_owned() }),
    }
}
