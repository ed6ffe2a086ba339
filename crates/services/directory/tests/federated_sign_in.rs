//! Applications that sign in with an outside issuer's token, and issuers that mean ill.
#![expect(clippy::unwrap_used, reason = "tests")]

mod credential_house;
#[path = "../../fetch/tests/outside_server/mod.rs"]
mod outside_server;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use credential_house::{House, Key};
use gatepost_directory::{ClientError, CredentialKind, DirectoryError, FederatedCredential};
use outside_server::{OutsideServer, Reply};
use serde_json::{Value, json};

const SUBJECT: &str = "repo:contoso/mailer:ref:refs/heads/main";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// An issuer whose key set tests can change.
struct Issuer {
    server: OutsideServer,
    keys: Arc<Mutex<Reply>>,
}

fn reply(document: &Value) -> Reply {
    Reply::Body(document.to_string().into_bytes())
}

fn key_set(keys: &[Value]) -> Reply {
    reply(&json!({ "keys": keys }))
}

impl Issuer {
    fn start() -> Issuer {
        let keys = Arc::new(Mutex::new(key_set(&[Key::shared().jwk("one")])));
        let (shown, port) = (Arc::clone(&keys), Arc::new(Mutex::new(0_u16)));
        let own_port = Arc::clone(&port);
        let server = OutsideServer::start(move |path| {
            let origin = format!("https://localhost:{}", own_port.lock().unwrap());
            match path {
                "/.well-known/openid-configuration" => {
                    reply(&json!({ "issuer": origin, "jwks_uri": format!("{origin}/keys") }))
                }
                "/keys" => shown.lock().unwrap().clone(),
                _ => Reply::Status(404),
            }
        });
        *port.lock().unwrap() = server.port;
        Issuer { server, keys }
    }

    fn house(&self) -> House {
        House::with(settings(&self.server))
    }

    fn set(&self, reply: Reply) {
        *self.keys.lock().unwrap() = reply;
    }

    fn claims(&self, house: &House) -> Value {
        claims(house, &self.server.origin())
    }
}

fn settings(server: &OutsideServer) -> gatepost_fetch::Settings {
    gatepost_fetch::Settings {
        private_hosts: vec!["localhost".to_owned()],
        extra_roots: vec![server.root.clone()],
        time: Duration::from_secs(2),
        ..gatepost_fetch::Settings::default()
    }
}

fn claims(house: &House, issuer: &str) -> Value {
    json!({
        "iss": issuer, "sub": SUBJECT, "aud": AUDIENCE, "iat": house.now(), "exp": house.now() + 600,
    })
}

fn trust(house: &House, issuer: &str) -> FederatedCredential {
    let sent = json!({ "name": "ci-main", "issuer": issuer, "subject": SUBJECT, "audiences": [AUDIENCE] });
    house
        .store
        .write(|tx| {
            house.directory.add_federated(tx, house.tenant, house.application, sent.as_object().unwrap())
        })
        .unwrap()
}

fn token(kid: &str, claims: &Value) -> String {
    Key::shared().sign(&json!({ "alg": "RS256", "typ": "JWT", "kid": kid }), claims)
}

#[test]
fn an_outside_token_signs_in_more_than_once() {
    let issuer = Issuer::start();
    let house = issuer.house();
    let trusted = trust(&house, &issuer.server.origin());
    let token = token("one", &issuer.claims(&house));
    for _ in 0..3 {
        let proof = house.sign_in(&token).unwrap();
        assert_eq!((proof.credential, proof.kind), (trusted.id, CredentialKind::Federated));
    }
    assert_eq!(issuer.server.hits(), 2, "the issuer was asked once: discovery and keys");
    house
        .store
        .write(|tx| house.directory.remove_federated(tx, house.tenant, house.application, "CI-Main"))
        .unwrap();
    assert!(matches!(house.sign_in(&token), Err(ClientError::NoFederatedCredential)));
}

#[test]
fn what_differs_is_said_and_the_issuer_not_asked() {
    let issuer = Issuer::start();
    let house = issuer.house();
    let changed = |name: &str, value: Value| {
        let mut claims = issuer.claims(&house);
        claims[name] = value;
        house.sign_in(&token("one", &claims)).unwrap_err()
    };
    assert!(matches!(changed("jti", json!("x")), ClientError::NoFederatedCredential));
    trust(&house, &issuer.server.origin());
    assert!(matches!(changed("iss", json!("https://other.example")), ClientError::FederatedIssuer));
    assert!(matches!(changed("sub", json!("repo:evil/mailer")), ClientError::FederatedSubject));
    assert!(matches!(changed("sub", json!(SUBJECT.to_uppercase())), ClientError::FederatedCase));
    assert!(matches!(changed("aud", json!(["a", "b"])), ClientError::FederatedAudience));
    assert!(matches!(changed("exp", json!(house.now() - 1000)), ClientError::AssertionTime));
    assert_eq!(issuer.server.hits(), 0);
}

#[test]
fn tokens_that_the_issuer_did_not_sign_are_refused() {
    let issuer = Issuer::start();
    let house = issuer.house();
    trust(&house, &issuer.server.origin());
    let claims = issuer.claims(&house);
    let other = Key::make();
    for kid in ["one", "../one", "one\u{0}", "https://localhost/keys", ""] {
        let forged =
            other.sign(&json!({ "alg": "RS256", "kid": kid, "jku": "https://evil.example" }), &claims);
        assert!(matches!(house.sign_in(&forged), Err(ClientError::FederatedSignature)), "{kid}");
    }
    let nameless = other.sign(&json!({ "alg": "RS256", "jwk": other.jwk("x") }), &claims);
    assert!(matches!(house.sign_in(&nameless), Err(ClientError::FederatedSignature)));
    // The key is for one algorithm.
    let other_padding = Key::shared().sign(&json!({ "alg": "PS256", "kid": "one" }), &claims);
    assert!(matches!(house.sign_in(&other_padding), Err(ClientError::FederatedSignature)));
    let nameless = Key::shared().sign(&json!({ "alg": "RS256" }), &claims);
    assert!(house.sign_in(&nameless).is_ok(), "an issuer need not name its keys");
}

#[test]
fn a_new_key_is_fetched_and_a_made_up_one_does_not_hammer() {
    let issuer = Issuer::start();
    let house = issuer.house();
    trust(&house, &issuer.server.origin());
    let claims = issuer.claims(&house);
    house.sign_in(&token("one", &claims)).unwrap();
    for n in 0..1000 {
        let refused = house.sign_in(&token(&format!("made up {n}"), &claims));
        assert!(matches!(refused, Err(ClientError::FederatedSignature)));
    }
    assert_eq!(issuer.server.hits(), 2, "within the minute nobody is asked again");
    issuer.set(key_set(&[Key::shared().jwk("two")]));
    house.clock.advance(Duration::from_secs(61));
    house.sign_in(&token("two", &claims)).unwrap();
    assert_eq!(issuer.server.hits(), 4);
    assert!(matches!(house.sign_in(&token("one", &claims)), Err(ClientError::FederatedSignature)));
}

#[test]
fn an_issuer_that_is_away_is_left_alone_and_its_keys_used() {
    let issuer = Issuer::start();
    let house = issuer.house();
    trust(&house, &issuer.server.origin());
    house.sign_in(&token("one", &issuer.claims(&house))).unwrap();
    issuer.set(Reply::Status(503));
    house.clock.advance(Duration::from_secs(2 * 3600));
    for _ in 0..100 {
        house.sign_in(&token("one", &issuer.claims(&house))).unwrap();
    }
    assert_eq!(issuer.server.hits(), 4, "one more attempt, no more");
    house.clock.advance(Duration::from_secs(23 * 3600));
    for _ in 0..100 {
        let refused = house.sign_in(&token("one", &issuer.claims(&house)));
        assert!(matches!(refused, Err(ClientError::IssuerUnavailable)), "after a day they are too old");
        assert!(refused.unwrap_err().is_temporary());
    }
    assert_eq!(issuer.server.hits(), 6);
    issuer.set(key_set(&[Key::shared().jwk("one")]));
    house.clock.advance(Duration::from_secs(601));
    house.sign_in(&token("one", &issuer.claims(&house))).unwrap();
}

#[test]
fn documents_that_are_none_are_refused_and_not_asked_for_again() {
    for bad in [
        Reply::Status(404),
        Reply::Redirect("/keys".to_owned()),
        Reply::Endless { announced: false },
        Reply::Endless { announced: true },
        Reply::Body(b"[]".to_vec()),
        Reply::Body(vec![b'['; 200_000]),
        key_set(&[]),
        key_set(&[json!({ "kty": "oct", "k": "AAAA", "kid": "one" })]),
    ] {
        let issuer = Issuer::start();
        issuer.set(bad.clone());
        let house = issuer.house();
        trust(&house, &issuer.server.origin());
        for _ in 0..50 {
            let refused = house.sign_in(&token("one", &issuer.claims(&house)));
            assert!(matches!(refused, Err(ClientError::IssuerUnavailable)), "{bad:?}");
        }
        assert_eq!(issuer.server.hits(), 2, "{bad:?}");
    }
}

#[test]
fn an_issuer_speaks_for_itself_only() {
    let server = OutsideServer::start(|_| {
        reply(
            &json!({ "issuer": "https://token.actions.githubusercontent.com", "jwks_uri": "https://localhost/" }),
        )
    });
    let house = House::with(settings(&server));
    trust(&house, &server.origin());
    let refused = house.sign_in(&token("one", &claims(&house, &server.origin())));
    assert!(matches!(refused, Err(ClientError::IssuerUnavailable)));
    assert_eq!(server.hits(), 1);
}

#[test]
fn a_key_set_on_a_private_address_is_not_fetched() {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let inside = OutsideServer::start(move |_| {
        seen.store(true, Ordering::SeqCst);
        Reply::Status(200)
    });
    let (target, port) = (format!("https://127.0.0.1:{}/secrets", inside.port), Arc::new(Mutex::new(0)));
    let own_port = Arc::clone(&port);
    let server = OutsideServer::start(move |_| {
        let origin = format!("https://localhost:{}", own_port.lock().unwrap());
        reply(&json!({ "issuer": origin, "jwks_uri": target }))
    });
    *port.lock().unwrap() = server.port;
    let house = House::with(settings(&server));
    trust(&house, &server.origin());
    let refused = house.sign_in(&token("one", &claims(&house, &server.origin())));
    assert!(matches!(refused, Err(ClientError::IssuerUnavailable)));
    assert!(!asked.load(Ordering::SeqCst));
}

#[test]
fn an_issuer_that_hangs_holds_up_a_few_threads_and_not_for_long() {
    let hanging = OutsideServer::start(|_| Reply::Hang);
    let house =
        House::with(gatepost_fetch::Settings { time: Duration::from_millis(500), ..settings(&hanging) });
    trust(&house, &hanging.origin());
    let text = token("one", &claims(&house, &hanging.origin()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                assert!(matches!(house.sign_in(&text), Err(ClientError::IssuerUnavailable)));
            });
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(hanging.hits(), 1, "one of them asked");
    let begun = Instant::now();
    assert!(house.sign_in(&text).is_err());
    assert!(begun.elapsed() < Duration::from_millis(400), "it is left alone for a while");
}

#[test]
fn federated_credentials_as_clients_send_them() {
    let house = House::new();
    let (tenant, application) = (house.tenant, house.application);
    let add = |sent: &Value| {
        house
            .store
            .write(|tx| house.directory.add_federated(tx, tenant, application, sent.as_object().unwrap()))
    };
    let good = |name: &str, subject: &str| {
        json!({ "name": name, "issuer": "https://token.actions.githubusercontent.com", "subject": subject,
                "audiences": [AUDIENCE], "description": "" })
    };
    let made = add(&good("git-hub", "a")).unwrap();
    assert_eq!(made.to_json()["audiences"], json!([AUDIENCE]));
    assert!(matches!(add(&good("GIT-hub", "b")), Err(DirectoryError::ValueInUse(_))));
    assert!(matches!(add(&good("other", "a")), Err(DirectoryError::ValueInUse(_))));
    for (name, value) in [
        ("name", json!("a b")),
        ("name", json!("../x")),
        ("name", json!("ab")),
        ("name", json!("x".repeat(121))),
        ("issuer", json!("http://plain.example")),
        ("issuer", json!("https://user@host.example")),
        ("issuer", json!("https://host.example/?x=1")),
        ("issuer", json!("https://host.example/../..")),
        ("issuer", json!("file:///etc/passwd")),
        ("subject", json!("")),
        ("subject", json!("a\nb")),
        ("subject", json!("x".repeat(601))),
        ("audiences", json!([])),
        ("audiences", json!("x")),
        ("audiences", json!([7])),
        ("colour", json!("red")),
    ] {
        let mut sent = good("fresh", "fresh");
        sent[name] = value.clone();
        assert!(add(&sent).is_err(), "{name}: {value}");
    }
    let mut lacking = good("fresh", "fresh");
    lacking.as_object_mut().unwrap().shift_remove("subject");
    assert!(matches!(add(&lacking), Err(DirectoryError::MissingProperty { .. })));
    for n in 1..20 {
        add(&good(&format!("number-{n}"), &format!("s{n}"))).unwrap();
    }
    assert!(matches!(add(&good("one-more", "s")), Err(DirectoryError::TooManyFederated(20))));

    let change = |id: &str, sent: &Value| {
        house.store.write(|tx| {
            house.directory.change_federated(tx, tenant, application, id, sent.as_object().unwrap())
        })
    };
    change("Git-Hub", &json!({ "subject": "c", "description": "x" })).unwrap();
    change(&made.id.to_string(), &json!({ "audiences": ["y"] })).unwrap();
    assert!(matches!(
        change("git-hub", &json!({ "name": "renamed" })),
        Err(DirectoryError::ReadOnlyProperty(_))
    ));
    assert!(matches!(change("git-hub", &json!({ "subject": "s1" })), Err(DirectoryError::ValueInUse(_))));
    assert!(matches!(change("nobody", &json!({})), Err(DirectoryError::NotFound(_))));
    let kept = house.store.read(|conn| house.directory.federated_named(conn, tenant, application, "git-hub"));
    let kept = kept.unwrap();
    assert_eq!((kept.subject.as_str(), kept.audiences), ("c", vec!["y".to_owned()]));
}
