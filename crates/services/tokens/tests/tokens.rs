//! Tokens from issue to caller, over a real store and directory.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hmac, rand, rsa, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::{Access, Caller, GLOBAL_ADMINISTRATOR};
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Client, Directory, DirectoryError, NewApplication, ObjectKey, ObjectKind};
use gatepost_names::{ObjectId, Origins, PrincipalKind, TenantId};
use gatepost_store::{Store, tenants};
use gatepost_tokens::{IssueError, Resource, TokenError, Tokens};
use serde_json::{Value, json};
use uuid::Uuid;

const ARM: &str = "https://localhost:8445/";

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Clock,
    directory: Directory,
    tokens: Tokens,
    tenant: TenantId,
    admin: Caller,
    client: Arc<Client>,
}

fn origins() -> Origins {
    Origins {
        portal: "https://localhost:8443".to_owned(),
        authority: "https://localhost:8444".to_owned(),
        resource_manager: "https://localhost:8445".to_owned(),
        graph: "https://localhost:8446".to_owned(),
        email: "https://localhost:8447".to_owned(),
        provisioning: "https://localhost:8448".to_owned(),
    }
}

fn world() -> World {
    world_of(true)
}

/// A tenant that has the service principals of the platform's own resources, or that has not.
fn world_of(seeded: bool) -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
    let clock = Clock::fixed(from_micros(1_800_000_000_000_000));
    let access = Access::open(store.clone(), clock.clone()).unwrap();
    let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
    let tenant = TenantId(Uuid::new_v4());
    let admin = Caller::new(tenant, ObjectId(Uuid::new_v4()), PrincipalKind::User, "admin".to_owned(), None);
    let row = tenants::Tenant {
        id: tenant,
        display_name: "Contoso".to_owned(),
        default_domain: "contoso.example".to_owned(),
    };
    let app_id = store
        .write(|tx| {
            tenants::insert_tenant(tx, &row, 0)?;
            if seeded {
                directory.seed_tenant(tx, tenant)?;
            }
            access.put_directory_role(tx, tenant, admin.object_id, GLOBAL_ADMINISTRATOR)?;
            let new = NewApplication { display_name: "Mailer".to_owned(), ..NewApplication::default() };
            let application = directory.create_application(tx, tenant, new)?;
            directory.create_service_principal(tx, tenant, application.app_id)?;
            Ok::<_, DirectoryError>(application.app_id)
        })
        .unwrap();
    let client = directory.client(tenant, app_id).unwrap().unwrap();
    let tokens = Tokens::open(store.clone(), clock.clone(), directory.clone(), origins()).unwrap();
    World { _dir: dir, store, clock, directory, tokens, tenant, admin, client }
}

impl World {
    fn issue(&self, audience: &str) -> String {
        self.tokens.client_credentials(self.tenant, &self.client, audience, &[]).unwrap().access_token
    }

    fn reopened(&self, origins: Origins) -> Tokens {
        Tokens::open(self.store.clone(), self.clock.clone(), self.directory.clone(), origins).unwrap()
    }

    /// The parts of a genuine token, decoded: header and claims.
    fn parts(&self) -> (Value, Value) {
        let token = self.issue(ARM);
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
        (next(), next())
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

#[test]
fn a_token_stands_for_its_service_principal() {
    let world = world();
    let token = world.issue(ARM);
    // Twice: the second answer comes from memory.
    for _ in 0..2 {
        let caller = world.tokens.verify(&token, Resource::ResourceManager).unwrap();
        assert_eq!(
            caller,
            Caller::new(
                world.tenant,
                world.client.service_principal.unwrap(),
                PrincipalKind::ServicePrincipal,
                world.client.app_id.to_string(),
                Some(world.client.app_id),
            )
        );
    }
}

#[test]
fn a_reply_says_how_long_its_token_lives() {
    let world = world();
    let issued = world.tokens.client_credentials(world.tenant, &world.client, ARM, &[]).unwrap();
    assert_eq!(
        (issued.expires_in, issued.not_before, issued.expires_on),
        (3599, 1_800_000_000, 1_800_003_600)
    );
    assert!(!format!("{issued:?}").contains(&issued.access_token));
}

#[test]
fn every_spelling_is_accepted_at_its_own_resource_alone() {
    let world = world();
    for (audience, resource) in [
        ("https://localhost:8445", Resource::ResourceManager),
        ("https://management.core.windows.net/", Resource::ResourceManager),
        ("https://graph.microsoft.com", Resource::Graph),
        ("https://communication.azure.com/", Resource::Communication),
        ("https://communication.azure.com", Resource::Communication),
    ] {
        let token = world.issue(audience);
        for at in Resource::ALL {
            for _ in 0..2 {
                match world.tokens.verify(&token, at) {
                    Ok(_) => assert_eq!(at, resource),
                    Err(TokenError::WrongAudience(named)) => {
                        assert_ne!(at, resource);
                        assert_eq!(named, audience);
                    }
                    Err(other) => unreachable_error(&other),
                }
            }
        }
    }
    let unknown = world.tokens.client_credentials(world.tenant, &world.client, "https://x.example", &[]);
    assert_eq!(unknown.unwrap_err(), IssueError::UnknownResource);
}

fn unreachable_error(error: &TokenError) {
    assert_eq!(error.to_string(), "no error");
}

#[test]
fn tokens_end_with_their_time() {
    let world = world();
    let token = world.issue(ARM);
    let verify = || world.tokens.verify(&token, Resource::ResourceManager);
    verify().unwrap();
    world.clock.advance(Duration::from_secs(3599));
    verify().unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert!(matches!(verify(), Err(TokenError::Expired)));
    assert!(matches!(
        world.reopened(origins()).verify(&token, Resource::ResourceManager),
        Err(TokenError::Expired)
    ));
}

#[test]
fn a_token_from_the_future_is_not_valid_yet() {
    let world = world();
    let ahead = Clock::fixed(from_micros(1_800_000_301_000_000));
    let tokens = Tokens::open(world.store.clone(), ahead, world.directory.clone(), origins()).unwrap();
    let token = tokens.client_credentials(world.tenant, &world.client, ARM, &[]).unwrap().access_token;
    assert!(matches!(world.tokens.verify(&token, Resource::ResourceManager), Err(TokenError::NotYetValid)));
    world.clock.advance(Duration::from_secs(1));
    world.tokens.verify(&token, Resource::ResourceManager).unwrap();
}

#[test]
fn keys_and_tokens_survive_a_restart() {
    let world = world();
    let token = world.issue(ARM);
    let again = world.reopened(origins());
    again.verify(&token, Resource::ResourceManager).unwrap();
    assert_eq!(again.jwks(None), world.tokens.jwks(None));
    let elsewhere = Origins { authority: "https://localhost:1".to_owned(), ..origins() };
    assert!(matches!(
        world.reopened(elsewhere).verify(&token, Resource::ResourceManager),
        Err(TokenError::WrongIssuer(_))
    ));
}

#[test]
fn a_disabled_or_deleted_principal_has_no_valid_token() {
    let world = world();
    let token = world.issue(ARM);
    let verify = || world.tokens.verify(&token, Resource::ResourceManager);
    verify().unwrap();
    let key = ObjectKey::AppId(world.client.app_id);
    let enable = |enabled: bool| {
        let sent = json!({"accountEnabled": enabled}).as_object().unwrap().clone();
        world.directory.update(&world.admin, ObjectKind::ServicePrincipal, &key, &sent).unwrap();
    };
    enable(false);
    assert!(matches!(verify(), Err(TokenError::PrincipalGone)));
    enable(true);
    verify().unwrap();
    world.directory.remove(&world.admin, ObjectKind::ServicePrincipal, &key).unwrap();
    assert!(matches!(verify(), Err(TokenError::PrincipalGone)));
    // The same application gets another service principal: the old one's token stays dead.
    world
        .store
        .write(|tx| world.directory.create_service_principal(tx, world.tenant, world.client.app_id))
        .unwrap();
    assert!(matches!(verify(), Err(TokenError::PrincipalGone)));
}

#[test]
fn forged_signatures_are_refused() {
    let world = world();
    let (header, claims) = world.parts();
    let refused = |token: &str| {
        let error = world.tokens.verify(token, Resource::ResourceManager).unwrap_err();
        assert!(matches!(error, TokenError::BadSignature), "{error} for {token}");
    };
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    for alg in ["none", "None", "NONE", "", "rs256", "PS256"] {
        refused(&format!("{}.", unsigned(&with("alg", alg.into()), &claims)));
    }
    // HS256 with the public key as its secret.
    let jwks = world.tokens.jwks(None);
    let message = unsigned(&with("alg", "HS256".into()), &claims);
    for secret in [jwks["keys"][0]["n"].as_str().unwrap(), jwks["keys"][0]["x5c"][0].as_str().unwrap()] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message.as_bytes());
        refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)));
    }
    // Another key under our key's name, and under a name of its own.
    let other = signature::RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    for header in [header.clone(), with("kid", "mine".into())] {
        let message = unsigned(&header, &claims);
        let mut tag = vec![0; other.public_modulus_len()];
        other
            .sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), message.as_bytes(), &mut tag)
            .unwrap();
        refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)));
    }
    // A genuine signature under other claims, and an extension that must be understood.
    let genuine = world.issue(ARM);
    let tag = genuine.rsplit('.').next().unwrap();
    let mut others = claims.clone();
    others["oid"] = Uuid::nil().to_string().into();
    refused(&format!("{}.{tag}", unsigned(&header, &others)));
    refused(&format!("{}.{tag}", unsigned(&with("crit", json!(["exp"])), &claims)));
}

#[test]
fn what_is_no_token_is_malformed() {
    let world = world();
    let genuine = world.issue(ARM);
    let long = "a".repeat(20_000);
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "ä.ö.ü",
        long.as_str(),
        &format!("{genuine}!"),
        &format!("{genuine}.x"),
    ] {
        let error = world.tokens.verify(text, Resource::Graph).unwrap_err();
        assert!(matches!(error, TokenError::Malformed), "{error} for {text}");
    }
}

#[test]
fn the_key_set_verifies_tokens_by_itself() {
    let world = world();
    let jwks = world.tokens.jwks(Some(world.tenant));
    let key = &jwks["keys"][0];
    let (header, _) = world.parts();
    for name in ["kid", "x5t"] {
        assert_eq!(header[name], key["kid"]);
        assert_eq!(key["x5t"], key["kid"]);
    }
    assert_eq!(header["alg"], "RS256");
    assert_eq!(key["e"], "AQAB");
    assert_eq!(key["issuer"], format!("https://localhost:8444/{}/v2.0", world.tenant));
    assert_eq!(world.tokens.jwks(None)["keys"][0]["issuer"], "https://localhost:8444/{tenantid}/v2.0");

    let token = world.issue(ARM);
    let (message, tag) = token.rsplit_once('.').unwrap();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let public = rsa::PublicKeyComponents {
        n: decode(key["n"].as_str().unwrap()),
        e: decode(key["e"].as_str().unwrap()),
    };
    public.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decode(tag)).unwrap();
    // The certificate holds the same modulus.
    let certificate =
        base64::engine::general_purpose::STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
    assert!(certificate.windows(public.n.len()).any(|window| window == public.n));
}

/// `cargo test --release -p gatepost-tokens --test tokens -- --ignored --nocapture speed`
#[test]
#[ignore = "a measurement, not a test"]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn speed_of_verification() {
    let world = world();
    let tokens: Vec<String> = (0..500).map(|_| world.issue(ARM)).collect();
    for round in ["first", "again"] {
        let begun = std::time::Instant::now();
        for token in &tokens {
            world.tokens.verify(token, Resource::ResourceManager).unwrap();
        }
        println!("{round}: {:?} a token", begun.elapsed() / 500);
    }
}

#[test]
fn what_a_tenant_has_no_service_principal_of_is_no_resource() {
    let world = world_of(false);
    for resource in Resource::ALL {
        let refused =
            world.tokens.client_credentials(world.tenant, &world.client, &resource.app_id().to_string(), &[]);
        assert!(matches!(refused, Err(IssueError::UnknownResource)), "{resource:?}");
    }
}

#[test]
fn spellings_of_one_audience_are_one() {
    let world = world();
    for spelled in
        ["https://Management.Azure.com/", "https://management.azure.com", "HTTPS://MANAGEMENT.AZURE.COM"]
    {
        world.tokens.verify(&world.issue(spelled), Resource::ResourceManager).unwrap();
    }
    let many = format!("https://management.azure.com{}", "/".repeat(3));
    for audience in [many, format!("https://{}", "x".repeat(60_000))] {
        let refused = world.tokens.client_credentials(world.tenant, &world.client, &audience, &[]);
        assert!(matches!(refused, Err(IssueError::UnknownResource)));
    }
}
