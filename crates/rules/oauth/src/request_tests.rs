//! Token requests as clients send them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::form::Secret;
use crate::{ClientCredential, Endpoint, Grant, SignInError, TokenRequest};

const CLIENT: &str = "b1c1e0f4-6d62-4d0a-8f0e-111111111111";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

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

fn grant(fields: &[(&str, &str)]) -> Result<Grant, SignInError> {
    let mut form = vec![("client_id", CLIENT)];
    form.extend(fields);
    TokenRequest::read(Endpoint::V2, "t", &form, None).map(|request| request.grant)
}

fn audience(request: &TokenRequest) -> &str {
    match &request.grant {
        Grant::ClientCredentials { audience } => audience,
        other => other.name(),
    }
}

#[test]
fn exactly_one_default_is_taken_off() {
    for (scope, expected) in [
        ("https://h//.default", "https://h/"),
        ("https://h/.default", "https://h"),
        ("https://h/.default/.default", "https://h/.default"),
        ("797f4846-ba00-4fd7-ba43-dac1f8f63013/.default", "797f4846-ba00-4fd7-ba43-dac1f8f63013"),
    ] {
        assert_eq!(audience(&read(&[("scope", Some(scope))]).unwrap()), expected);
    }
}

#[test]
fn the_v1_endpoint_takes_a_resource() {
    let v1 = form(&[("scope", None), ("resource", Some("https://management.azure.com/"))]);
    let request = TokenRequest::read(Endpoint::V1, "t", &v1, None).unwrap();
    assert_eq!(audience(&request), "https://management.azure.com/");
    let missing = TokenRequest::read(Endpoint::V1, "t", &form(&[]), None).unwrap_err();
    assert_eq!(missing, SignInError::MissingParameter { name: "resource" });
    let refresh = [
        ("client_id", CLIENT),
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("resource", "https://h/"),
    ];
    let Grant::Refresh { scopes: Some(scopes), .. } =
        TokenRequest::read(Endpoint::V1, "t", &refresh, None).unwrap().grant
    else {
        panic!("a refresh");
    };
    assert_eq!((scopes.audience.as_deref(), scopes.is_default()), (Some("https://h/"), true));
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
        (vec![("client_assertion", Some("a.b.c"))], SignInError::Malformed),
        (
            vec![("client_secret", None), ("client_assertion", Some("a.b.c"))],
            missing("client_assertion_type"),
        ),
        (
            vec![
                ("client_secret", None),
                ("client_assertion", Some("a.b.c")),
                ("client_assertion_type", Some("x")),
            ],
            SignInError::Malformed,
        ),
        (vec![("grant_type", Some("pass"))], SignInError::UnsupportedGrant { grant: "pass".to_owned() }),
        (
            vec![("client_id", Some("nobody"))],
            SignInError::ApplicationNotFound { client: "nobody".to_owned(), tenant: "contoso".to_owned() },
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
fn every_grant() {
    let code = grant(&[
        ("grant_type", "authorization_code"),
        ("code", "c"),
        ("redirect_uri", "http://localhost"),
        ("code_verifier", VERIFIER),
        ("scope", "https://h/.default openid"),
    ])
    .unwrap();
    let Grant::AuthorizationCode { code, redirect_uri, verifier, scopes } = code else { panic!("a code") };
    assert_eq!((code.expose(), redirect_uri.as_deref()), ("c", Some("http://localhost")));
    assert_eq!((verifier.unwrap().expose(), scopes.unwrap().openid), (VERIFIER, true));

    for name in ["urn:ietf:params:oauth:grant-type:device_code", "device_code"] {
        for field in ["device_code", "code"] {
            let device = grant(&[("grant_type", name), (field, "d")]).unwrap();
            assert_eq!(device, Grant::DeviceCode { code: Secret::new("d") });
        }
    }
    let both = grant(&[("grant_type", "device_code"), ("device_code", "d"), ("code", "d")]).unwrap();
    assert_eq!(both.name(), "device_code");
    let password =
        grant(&[("grant_type", "password"), ("username", "u"), ("password", "p"), ("scope", "User.Read")]);
    assert_eq!(password.unwrap().name(), "password");
    let jwt = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let fields =
        [jwt, ("assertion", "a.b.c"), ("requested_token_use", "on_behalf_of"), ("scope", "User.Read")];
    assert_eq!(grant(&fields).unwrap().name(), "on_behalf_of");
}

#[test]
fn what_the_other_grants_lack() {
    let missing = |name| SignInError::MissingParameter { name };
    let jwt = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    for (fields, error) in [
        (vec![("grant_type", "authorization_code")], missing("code")),
        (vec![("grant_type", "refresh_token")], missing("refresh_token")),
        (vec![("grant_type", "device_code")], missing("device_code")),
        (vec![("grant_type", "password"), ("username", "u")], missing("password")),
        (vec![("grant_type", "password"), ("username", "u"), ("password", "p")], missing("scope")),
        (vec![jwt, ("assertion", "a")], missing("requested_token_use")),
        (vec![jwt, ("assertion", "a"), ("requested_token_use", "x")], SignInError::Malformed),
        (
            vec![("grant_type", "authorization_code"), ("code", "c"), ("code_verifier", "short")],
            SignInError::VerifierMismatch,
        ),
    ] {
        assert_eq!(grant(&fields).unwrap_err(), error, "{fields:?}");
    }
}

#[test]
fn http_basic_proves_the_client_too() {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let without = form(&[("client_id", None), ("client_secret", None)]);
    let read = |form: &Form<'_>, header: &str| TokenRequest::read(Endpoint::V2, "t", form, Some(header));

    let request = read(&without, &basic(&format!("{CLIENT}:a%2Bb~c%3A"))).unwrap();
    assert_eq!(request.app_id.to_string(), CLIENT);
    assert_eq!(request.credential, ClientCredential::Secret(Secret::new("a+b~c:")));
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
