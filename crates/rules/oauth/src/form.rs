//! Parameters of requests: one value each, and secrets that are never shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::SignInError;

/// Client capabilities that a request may name.
const MAX_CAPABILITIES: usize = 16;

/// A secret as it came: a client secret, a password, a code, a token. It is never shown, in `{:?}` neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret from being shown.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself, to be verified and then forgotten.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The decoded pairs of a form or a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a, K, V>(pub(crate) &'a [(K, V)]);

impl<'a, K: AsRef<str>, V: AsRef<str>> Parameters<'a, K, V> {
    /// The value of a parameter; an empty one counts as absent. A repeated one is malformed (RFC 6749
    /// section 3.2).
    pub(crate) fn optional(&self, name: &str) -> Result<Option<&'a str>, SignInError> {
        let mut values =
            self.0.iter().filter(|(key, _)| key.as_ref() == name).map(|(_, value)| value.as_ref());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(SignInError::Malformed),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&'a str, SignInError> {
        self.optional(name)?.ok_or(SignInError::MissingParameter { name })
    }

    pub(crate) fn secret(&self, name: &'static str) -> Result<Secret, SignInError> {
        self.required(name).map(Secret::new)
    }

    /// The client capabilities in `claims`: `{"access_token":{"xms_cc":{"values":["CP1"]}}}`.
    pub(crate) fn capabilities(&self) -> Result<Vec<String>, SignInError> {
        let Some(claims) = self.optional("claims")? else { return Ok(Vec::new()) };
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
}

/// The client's id and secret, from the form or from HTTP Basic, never from both.
pub(crate) fn client_credential(
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
