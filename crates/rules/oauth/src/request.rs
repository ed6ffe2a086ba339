//! What a token request says (RFC 6749 sections 2.3.1 and 4.4.2; the v1 endpoint's `resource`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_names::ApplicationId;

use crate::SignInError;

/// The suffix by which a scope asks for everything that was granted at a resource.
const DEFAULT_SUFFIX: &str = "/.default";
/// Client capabilities that a request may name.
const MAX_CAPABILITIES: usize = 16;

/// Which token endpoint was asked: they differ in how a request names the resource, and in the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/{tenant}/oauth2/token`
    V1,
    /// `/{tenant}/oauth2/v2.0/token`
    V2,
}

/// A client secret as it came. It is never shown, in `{:?}` neither.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// The secret itself, to be verified and then forgotten.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

/// A well-formed request of the client-credentials grant, the one grant of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Who asks.
    pub app_id: ApplicationId,
    /// What proves it.
    pub secret: ClientSecret,
    /// The resource in the client's spelling; a scope's one `/.default` is taken off.
    pub audience: String,
    /// The capabilities that the client wants named in the token (`xms_cc`).
    pub capabilities: Vec<String>,
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
        let value = |name| single(form, name);
        let grant = value("grant_type")?.ok_or(SignInError::MissingParameter { name: "grant_type" })?;
        let (client, secret) =
            client_credential(value("client_id")?, value("client_secret")?, authorization)?;
        let client = client.ok_or(SignInError::MissingParameter { name: "client_id" })?;
        if grant != "client_credentials" {
            return Err(SignInError::UnsupportedGrant { grant: grant.to_owned() });
        }
        let app_id = client.parse().map_err(|_| SignInError::ApplicationNotFound {
            client: client.clone(),
            tenant: tenant.to_owned(),
        })?;
        let secret = match secret {
            Some(secret) => secret,
            None if value("client_assertion")?.is_some() => return Err(SignInError::AssertionNotSupported),
            None => return Err(SignInError::NoCredential),
        };
        let audience = match endpoint {
            Endpoint::V1 => value("resource")?.ok_or(SignInError::MissingParameter { name: "resource" })?,
            Endpoint::V2 => {
                audience_of_scope(value("scope")?.ok_or(SignInError::MissingParameter { name: "scope" })?)?
            }
        };
        Ok(TokenRequest {
            app_id,
            secret: ClientSecret(secret),
            audience: audience.to_owned(),
            capabilities: value("claims")?.map_or(Ok(Vec::new()), capabilities)?,
        })
    }
}

/// The value of a parameter; an empty one counts as absent. A repeated one is malformed (RFC 6749 section 3.2).
fn single<'a>(
    form: &'a [(impl AsRef<str>, impl AsRef<str>)],
    name: &str,
) -> Result<Option<&'a str>, SignInError> {
    let mut values = form.iter().filter(|(key, _)| key.as_ref() == name).map(|(_, value)| value.as_ref());
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(SignInError::Malformed),
        (value, None) => Ok(value.filter(|value| !value.is_empty())),
    }
}

/// The client's id and secret, from the form or from HTTP Basic, never from both.
fn client_credential(
    client: Option<&str>,
    secret: Option<&str>,
    authorization: Option<&str>,
) -> Result<(Option<String>, Option<String>), SignInError> {
    let Some((basic_client, basic_secret)) = authorization.map(basic_credential).transpose()?.flatten()
    else {
        return Ok((client.map(str::to_owned), secret.map(str::to_owned)));
    };
    let contradicts = client.is_some_and(|client| !client.eq_ignore_ascii_case(&basic_client));
    if contradicts || secret.is_some() {
        return Err(SignInError::Malformed);
    }
    Ok((Some(basic_client), Some(basic_secret).filter(|secret| !secret.is_empty())))
}

/// The pair in `Basic …`, each half form-encoded (RFC 6749 section 2.3.1); `None` for another scheme.
fn basic_credential(authorization: &str) -> Result<Option<(String, String)>, SignInError> {
    let Some((scheme, encoded)) = authorization.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| SignInError::Malformed)?;
    let text = String::from_utf8(bytes).map_err(|_| SignInError::Malformed)?;
    let (client, secret) = text.split_once(':').ok_or(SignInError::Malformed)?;
    Ok(Some((form_decoded(client), form_decoded(secret))))
}

fn form_decoded(text: &str) -> String {
    // Neither half can hold a separator that was not encoded: an id is a UUID, and generated secrets have none.
    match form_urlencoded::parse(text.as_bytes()).next() {
        Some((decoded, rest)) if rest.is_empty() && !text.contains(['&', '=']) => decoded.into_owned(),
        _ => text.to_owned(),
    }
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

/// The client capabilities in a `claims` parameter: `{"access_token":{"xms_cc":{"values":["CP1"]}}}`.
fn capabilities(claims: &str) -> Result<Vec<String>, SignInError> {
    let claims: serde_json::Value = serde_json::from_str(claims).map_err(|_| SignInError::Malformed)?;
    let values = claims.pointer("/access_token/xms_cc/values").and_then(|values| values.as_array());
    Ok(values
        .into_iter()
        .flatten()
        .filter_map(|value| value.as_str())
        .filter(|value| value.len() <= 32)
        .take(MAX_CAPABILITIES)
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: &str = "b1c1e0f4-6d62-4d0a-8f0e-111111111111";

    type Form<'a> = Vec<(&'a str, &'a str)>;

    fn form<'a>(changes: &[(&'a str, Option<&'a str>)]) -> Form<'a> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", "s3cret"),
            ("scope", "https://localhost:8445//.default"),
        ];
        for (name, value) in changes {
            form.retain(|(key, _)| key != name);
            form.extend(value.map(|value| (*name, value)));
        }
        form
    }

    fn read(changes: &[(&str, Option<&str>)]) -> Result<TokenRequest, SignInError> {
        TokenRequest::read(Endpoint::V2, "contoso", &form(changes), None)
    }

    #[test]
    fn exactly_one_default_is_taken_off() {
        for (scope, audience) in [
            ("https://h//.default", "https://h/"),
            ("https://h/.default", "https://h"),
            ("https://h/.default/.default", "https://h/.default"),
            ("797f4846-ba00-4fd7-ba43-dac1f8f63013/.default", "797f4846-ba00-4fd7-ba43-dac1f8f63013"),
        ] {
            assert_eq!(read(&[("scope", Some(scope))]).unwrap().audience, audience);
        }
    }

    #[test]
    fn the_v1_endpoint_takes_a_resource() {
        let v1 = form(&[("scope", None), ("resource", Some("https://management.azure.com/"))]);
        let request = TokenRequest::read(Endpoint::V1, "t", &v1, None).unwrap();
        assert_eq!(request.audience, "https://management.azure.com/");
        let missing = TokenRequest::read(Endpoint::V1, "t", &form(&[]), None).unwrap_err();
        assert_eq!(missing, SignInError::MissingParameter { name: "resource" });
    }

    #[test]
    fn each_mistake_has_its_error() {
        let missing = |name| SignInError::MissingParameter { name };
        for (changes, error) in [
            (vec![("grant_type", None)], missing("grant_type")),
            (vec![("grant_type", Some(""))], missing("grant_type")),
            (vec![("client_id", None)], missing("client_id")),
            (vec![("scope", None)], missing("scope")),
            (vec![("client_secret", None)], SignInError::NoCredential),
            (
                vec![("client_secret", None), ("client_assertion", Some("a.b.c"))],
                SignInError::AssertionNotSupported,
            ),
            (
                vec![("grant_type", Some("password"))],
                SignInError::UnsupportedGrant { grant: "password".to_owned() },
            ),
            (
                vec![("client_id", Some("nobody"))],
                SignInError::ApplicationNotFound {
                    client: "nobody".to_owned(),
                    tenant: "contoso".to_owned(),
                },
            ),
            (
                vec![("scope", Some("User.Read"))],
                SignInError::ScopeWithoutDefault { scope: "User.Read".to_owned() },
            ),
            (
                vec![("scope", Some("/.default"))],
                SignInError::ScopeWithoutDefault { scope: "/.default".to_owned() },
            ),
            (
                vec![("scope", Some("a/.default b/.default"))],
                SignInError::InvalidScope { scope: "a/.default b/.default".to_owned() },
            ),
            (vec![("claims", Some("{"))], SignInError::Malformed),
        ] {
            assert_eq!(read(&changes).unwrap_err(), error, "{changes:?}");
        }
        let mut twice = form(&[]);
        twice.push(("client_id", CLIENT));
        assert_eq!(TokenRequest::read(Endpoint::V2, "t", &twice, None), Err(SignInError::Malformed));
    }

    #[test]
    fn http_basic_proves_the_client_too() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let without = form(&[("client_id", None), ("client_secret", None)]);
        let read = |form: &Form<'_>, header: &str| TokenRequest::read(Endpoint::V2, "t", form, Some(header));

        let request = read(&without, &basic(&format!("{CLIENT}:a%2Bb~c%3A"))).unwrap();
        assert_eq!((request.app_id.to_string().as_str(), request.secret.expose()), (CLIENT, "a+b~c:"));
        let same_client = form(&[("client_secret", None)]);
        assert!(read(&same_client, &basic(&format!("{CLIENT}:x"))).is_ok());
        // Another scheme is not ours to judge.
        assert!(read(&form(&[]), "Bearer x").is_ok());

        let other = basic("b1c1e0f4-6d62-4d0a-8f0e-222222222222:x");
        for (form, header) in [
            (&form(&[]), basic(&format!("{CLIENT}:x"))),
            (&same_client, other),
            (&without, "Basic !".to_owned()),
            (&without, basic("no colon")),
        ] {
            assert_eq!(read(form, &header), Err(SignInError::Malformed));
        }
        assert_eq!(read(&without, &basic(&format!("{CLIENT}:"))), Err(SignInError::NoCredential));
    }

    #[test]
    fn capabilities_and_fields_that_nobody_asked_for() {
        let request = read(&[
            ("claims", Some(r#"{"access_token":{"xms_cc":{"values":["CP1",1]}}}"#)),
            ("client_info", Some("1")),
            ("x-client-SKU", Some("msal.js.node")),
        ])
        .unwrap();
        assert_eq!(request.capabilities, ["CP1"]);
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(pairs in prop::collection::vec(("\\PC{0,12}", "\\PC{0,24}"), 0..6), header in "\\PC{0,40}") {
            let _ = TokenRequest::read(Endpoint::V2, "t", &pairs, Some(&header));
            let _ = TokenRequest::read(Endpoint::V1, "t", &pairs, Some(&format!("Basic {header}")));
        }
    }
}
