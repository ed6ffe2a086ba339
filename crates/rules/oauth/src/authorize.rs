//! What an authorization request says (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1, RFC 7636).
//!
//! Reading goes in two steps, since a mistake may be reported to the redirect URI only once the URI is known to
//! be the client's: first [`Destination`], then [`AuthorizeRequest`].

use gatepost_names::ApplicationId;

use crate::form::Parameters;
use crate::{Challenge, Endpoint, Scopes, SignInError};

/// Longest `state` and `nonce` that are given back.
const MAX_STATE: usize = 8 * 1024;

/// How the answer travels to the redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query.
    Query,
    /// In the fragment, which servers do not see.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

/// What the answer consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseType {
    /// An authorization code.
    pub code: bool,
    /// An ID token.
    pub id_token: bool,
    /// An access token.
    pub token: bool,
}

/// Who asked, and where the answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The client.
    pub app_id: ApplicationId,
    /// The redirect URI as it came; the client's only one, if nothing is said.
    pub redirect_uri: Option<String>,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// Given back as it came.
    pub state: Option<String>,
}

/// How much the user is to be bothered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Not at all.
    pub none: bool,
    /// With the password, whoever is signed in.
    pub login: bool,
    /// With the question of consent.
    pub consent: bool,
    /// With the choice of an account.
    pub select_account: bool,
}

/// The rest of a well-formed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// What the answer consists of.
    pub response: ResponseType,
    /// What the tokens are to be for.
    pub scopes: Scopes,
    /// Given back in the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// How much the user is to be bothered.
    pub prompt: Prompt,
    /// The user whom the client expects.
    pub login_hint: Option<String>,
    /// Seconds since the user's sign-in that the client puts up with.
    pub max_age: Option<i64>,
    /// Capabilities that the client wants named in the token.
    pub capabilities: Vec<String>,
    /// Whether the answer is to name the account.
    pub client_info: bool,
}

impl Destination {
    /// Reads who asked. `tenant` is for the error texts.
    ///
    /// # Errors
    /// A [`SignInError`] that is for the user's eyes: there is nobody to send it to.
    pub fn read(
        tenant: &str,
        query: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Result<Destination, SignInError> {
        let query = Parameters(query);
        let client = query.required("client_id")?;
        let app_id = client.parse().map_err(|_| SignInError::ApplicationNotFound {
            client: client.to_owned(),
            tenant: tenant.to_owned(),
        })?;
        let state = query.optional("state")?.map(str::to_owned);
        if state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
            return Err(SignInError::Malformed);
        }
        let shows_token = query
            .optional("response_type")?
            .is_some_and(|kinds| kinds.split_ascii_whitespace().any(|kind| kind != "code"));
        let mode = match query.optional("response_mode")? {
            None if shows_token => ResponseMode::Fragment,
            None | Some("query") => ResponseMode::Query,
            Some("fragment") => ResponseMode::Fragment,
            Some("form_post") => ResponseMode::FormPost,
            Some(other) => return Err(SignInError::UnsupportedResponseMode { mode: other.to_owned() }),
        };
        Ok(Destination {
            app_id,
            redirect_uri: query.optional("redirect_uri")?.map(str::to_owned),
            // A refusal may stand in a query even where the tokens may not.
            mode: if shows_token && mode == ResponseMode::Query { ResponseMode::Fragment } else { mode },
            state,
        })
    }
}

impl AuthorizeRequest {
    /// Reads the rest.
    ///
    /// # Errors
    /// A [`SignInError`] for the client.
    pub fn read(
        endpoint: Endpoint,
        query: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Result<AuthorizeRequest, SignInError> {
        let query = Parameters(query);
        let response = response_type(query.required("response_type")?)?;
        if (response.token || response.id_token) && query.optional("response_mode")? == Some("query") {
            return Err(SignInError::UnsupportedResponseMode { mode: "query".to_owned() });
        }
        let scopes = match endpoint {
            Endpoint::V2 => Scopes::read(query.required("scope")?)?,
            Endpoint::V1 => query.optional("resource")?.map_or_else(
                || Ok(Scopes { openid: true, profile: true, offline: true, ..Scopes::default() }),
                Scopes::all_of,
            )?,
        };
        let nonce = query.optional("nonce")?.map(str::to_owned);
        if nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_STATE) {
            return Err(SignInError::Malformed);
        }
        if response.id_token && !scopes.openid {
            return Err(SignInError::InvalidScope { scope: scopes.requested });
        }
        if response.id_token && nonce.is_none() {
            return Err(SignInError::MissingParameter { name: "nonce" });
        }
        let challenge =
            Challenge::read(query.optional("code_challenge")?, query.optional("code_challenge_method")?)?;
        Ok(AuthorizeRequest {
            response,
            scopes,
            nonce,
            challenge,
            prompt: prompt(query.optional("prompt")?.unwrap_or(""))?,
            login_hint: query.optional("login_hint")?.map(str::to_owned).filter(|hint| hint.len() <= 256),
            max_age: query
                .optional("max_age")?
                .map(|text| text.parse().ok().filter(|age| *age >= 0).ok_or(SignInError::Malformed))
                .transpose()?,
            capabilities: query.capabilities()?,
            client_info: query.optional("client_info")? == Some("1"),
        })
    }
}

fn response_type(text: &str) -> Result<ResponseType, SignInError> {
    let unsupported = || SignInError::UnsupportedResponseType { kind: text.to_owned() };
    let mut response = ResponseType::default();
    for kind in text.split_ascii_whitespace() {
        let asked = match kind {
            "code" => &mut response.code,
            "id_token" => &mut response.id_token,
            "token" => &mut response.token,
            _ => return Err(unsupported()),
        };
        if std::mem::replace(asked, true) {
            return Err(unsupported());
        }
    }
    // An access token from here goes with an ID token only, and never beside a code.
    match response {
        ResponseType { code: false, id_token: false, .. } | ResponseType { code: true, token: true, .. } => {
            Err(unsupported())
        }
        good => Ok(good),
    }
}

fn prompt(text: &str) -> Result<Prompt, SignInError> {
    let mut prompt = Prompt::default();
    for word in text.split_ascii_whitespace() {
        match word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" | "admin_consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            // Sign-up; there is none here.
            "create" => {}
            _ => return Err(SignInError::Malformed),
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(SignInError::Malformed);
    }
    Ok(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

    fn query<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut query = vec![
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:1"),
            ("scope", "https://h//.default offline_access openid profile"),
        ];
        for (name, value) in changes {
            query.retain(|(key, _)| key != name);
            query.push((name, value));
        }
        query
    }

    fn read(changes: &[(&str, &str)]) -> Result<AuthorizeRequest, SignInError> {
        AuthorizeRequest::read(Endpoint::V2, &query(changes))
    }

    #[test]
    fn as_az_sends_it() {
        let changes = [
            ("state", "s"),
            ("response_mode", "form_post"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("nonce", "n"),
            ("client_info", "1"),
            ("claims", r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#),
            ("prompt", "select_account"),
        ];
        let destination = Destination::read("t", &query(&changes)).unwrap();
        assert_eq!((destination.mode, destination.state.as_deref()), (ResponseMode::FormPost, Some("s")));
        let request = read(&changes).unwrap();
        assert!(request.response.code && !request.response.id_token && request.client_info);
        assert!(request.prompt.select_account && request.challenge.is_some() && request.scopes.offline);
        assert_eq!((request.nonce.as_deref(), request.capabilities), (Some("n"), vec!["CP1".to_owned()]));
    }

    #[test]
    fn tokens_never_stand_in_a_query() {
        let destination = |changes: &[(&str, &str)]| Destination::read("t", &query(changes)).unwrap().mode;
        assert_eq!(destination(&[]), ResponseMode::Query);
        assert_eq!(destination(&[("response_type", "code id_token")]), ResponseMode::Fragment);
        assert_eq!(
            destination(&[("response_type", "id_token"), ("response_mode", "query")]),
            ResponseMode::Fragment
        );
        let refused = read(&[("response_type", "id_token"), ("response_mode", "query"), ("nonce", "n")]);
        assert_eq!(refused, Err(SignInError::UnsupportedResponseMode { mode: "query".to_owned() }));
    }

    #[test]
    fn response_types() {
        for kind in ["code", "id_token", "code id_token", "id_token code", "id_token token"] {
            assert!(read(&[("response_type", kind), ("nonce", "n")]).is_ok(), "{kind}");
        }
        for kind in ["token", "code token", "code id_token token", "code code", "none", "Code"] {
            let refused = read(&[("response_type", kind), ("nonce", "n")]);
            assert_eq!(refused, Err(SignInError::UnsupportedResponseType { kind: kind.to_owned() }));
        }
        assert_eq!(
            read(&[("response_type", "id_token")]),
            Err(SignInError::MissingParameter { name: "nonce" })
        );
    }

    #[test]
    fn mistakes() {
        for (changes, error) in [
            (
                vec![("code_challenge_method", "plain"), ("code_challenge", "x")],
                SignInError::InvalidChallenge,
            ),
            (vec![("prompt", "none login")], SignInError::Malformed),
            (vec![("prompt", "x")], SignInError::Malformed),
            (vec![("max_age", "-1")], SignInError::Malformed),
            (vec![("scope", "")], SignInError::MissingParameter { name: "scope" }),
            (vec![("response_type", "")], SignInError::MissingParameter { name: "response_type" }),
        ] {
            assert_eq!(read(&changes).unwrap_err(), error, "{changes:?}");
        }
        let mode = Destination::read("t", &query(&[("response_mode", "web_message")]));
        assert_eq!(mode, Err(SignInError::UnsupportedResponseMode { mode: "web_message".to_owned() }));
        let mut twice = query(&[]);
        twice.push(("redirect_uri", "https://evil.example"));
        assert_eq!(Destination::read("t", &twice), Err(SignInError::Malformed));
    }

    proptest! {
        #[test]
        fn reading_never_panics(pairs in prop::collection::vec(("(client_id|prompt|scope|response_type|state|max_age|\\PC{0,4})", "\\PC{0,24}"), 0..8)) {
            let _ = Destination::read("t", &pairs);
            let _ = AuthorizeRequest::read(Endpoint::V1, &pairs);
            let _ = AuthorizeRequest::read(Endpoint::V2, &pairs);
        }
    }
}
