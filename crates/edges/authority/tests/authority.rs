//! The authority as clients see it, over a real store, directory and token service.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use gatepost_access::{Access, Caller, GLOBAL_ADMINISTRATOR};
use gatepost_authority::Authority;
use gatepost_clock::{Clock, from_micros};
use gatepost_directory::{Directory, DirectoryError, NewApplication, NewPassword, ObjectKey, ObjectKind};
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::{ApplicationId, ObjectId, Origins, PrincipalKind, TenantId};
use gatepost_store::{Store, tenants};
use gatepost_tokens::{Resource, Tokens};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

const TENANT: TenantId = TenantId(uuid!("7d1f3a52-93c4-4c8e-9d6b-0f2f5a6f0001"));
const TRACE: Uuid = uuid!("00000000-0000-4000-8000-000000000001");
const ARM_SCOPE: &str = "https://localhost:8445//.default";

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Clock,
    directory: Directory,
    tokens: Tokens,
    authority: Authority,
    admin: Caller,
    app_id: ApplicationId,
    application: ObjectId,
    secret: String,
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
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
    // 2027-01-15T08:00:00Z
    let clock = Clock::fixed(from_micros(1_800_000_000_000_000));
    let access = Access::open(store.clone(), clock.clone()).unwrap();
    let directory = Directory::open(store.clone(), clock.clone(), access.clone()).unwrap();
    let admin = Caller::new(TENANT, ObjectId(Uuid::new_v4()), PrincipalKind::User, "admin".to_owned(), None);
    let tenant = tenants::Tenant {
        id: TENANT,
        display_name: "Contoso".to_owned(),
        default_domain: "contoso.example".to_owned(),
    };
    let (application, secret) = store
        .write(|tx| {
            tenants::insert_tenant(tx, &tenant, 0)?;
            directory.seed_tenant(tx, TENANT)?;
            access.put_directory_role(tx, TENANT, admin.object_id, GLOBAL_ADMINISTRATOR)?;
            let new = NewApplication { display_name: "Mailer".to_owned(), ..NewApplication::default() };
            let application = directory.create_application(tx, TENANT, new)?;
            directory.create_service_principal(tx, TENANT, application.app_id)?;
            let (_, secret) = directory.add_password(tx, TENANT, application.id, NewPassword::default())?;
            Ok::<_, DirectoryError>((application, secret))
        })
        .unwrap();
    let tokens = Tokens::open(store.clone(), clock.clone(), directory.clone(), origins()).unwrap();
    let authority = Authority::new(tokens.clone(), directory.clone(), clock.clone(), origins());
    let (app_id, application) = (application.app_id, application.id);
    World { _dir: dir, store, clock, directory, tokens, authority, admin, app_id, application, secret }
}

fn call(method: Method, target: &str, headers: &[(&'static str, &str)], body: &str) -> Call {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Call {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: map,
        body: Bytes::from(body.to_owned()),
        peer: "127.0.0.1:1".parse().unwrap(),
        request_id: TRACE,
    }
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

impl World {
    fn get(&self, target: &str) -> Answer {
        self.authority.answer(call(Method::GET, target, &[], ""))
    }

    fn post(&self, target: &str, form: &[(&str, &str)], headers: &[(&'static str, &str)]) -> Answer {
        let encoded: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut all = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        all.extend(headers);
        self.authority.answer(call(Method::POST, target, &all, &encoded))
    }

    /// A good request with some parameters changed or, by `None`, taken away.
    fn token_at(&self, target: &str, changes: &[(&str, Option<&str>)]) -> Answer {
        let app_id = self.app_id.to_string();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", app_id.as_str()),
            ("client_secret", self.secret.as_str()),
            ("scope", ARM_SCOPE),
            ("client_info", "1"),
        ];
        for (name, value) in changes {
            form.retain(|(key, _)| key != name);
            form.extend(value.map(|value| (*name, value)));
        }
        self.post(target, &form, &[])
    }

    fn token(&self, changes: &[(&str, Option<&str>)]) -> Answer {
        self.token_at(&format!("/{TENANT}/oauth2/v2.0/token"), changes)
    }
}

/// Status, `error` and code of a refusal; checks the shape that all refusals have.
fn refusal(answer: &Answer) -> (u16, String, u64) {
    let body = body(answer);
    let code = body["error_codes"][0].as_u64().unwrap();
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert!(
        description.ends_with(&format!(
            " Trace ID: {TRACE} Correlation ID: {TRACE} Timestamp: 2027-01-15 08:00:00Z"
        )),
        "{description}"
    );
    assert_eq!(body["timestamp"], "2027-01-15 08:00:00Z");
    assert_eq!(body["trace_id"], TRACE.to_string());
    assert_eq!(body["error_uri"], format!("https://localhost:8444/error?code={code}"));
    assert_eq!(header(answer, "cache-control"), "no-store");
    assert_eq!(header(answer, "x-ms-request-id"), TRACE.to_string());
    (answer.status().as_u16(), body["error"].as_str().unwrap().to_owned(), code)
}

fn expect(answer: &Answer, status: u16, error: &str, code: u64) {
    assert_eq!(refusal(answer), (status, error.to_owned(), code));
}

#[test]
fn discovery_v2() {
    let world = world();
    let answer = world.get(&format!("/{TENANT}/v2.0/.well-known/openid-configuration"));
    assert_eq!(header(&answer, "content-type"), "application/json; charset=utf-8");
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    let base = format!("https://localhost:8444/{TENANT}");
    assert_eq!(
        body(&answer),
        json!({
            "issuer": format!("{base}/v2.0"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "userinfo_endpoint": "https://localhost:8446/oidc/userinfo",
            "grant_types_supported": ["client_credentials", "authorization_code", "implicit", "refresh_token",
                "password", "urn:ietf:params:oauth:grant-type:device_code",
                "urn:ietf:params:oauth:grant-type:jwt-bearer"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "code_challenge_methods_supported": ["S256"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "c_hash",
                "at_hash", "email", "name", "given_name", "family_name", "preferred_username", "oid", "tid",
                "sid", "uti", "ver"],
            "request_uri_parameter_supported": false,
            "http_logout_supported": false,
            "frontchannel_logout_supported": false,
            "tenant_region_scope": "WW",
            "cloud_instance_name": "localhost:8444",
            "msgraph_host": "localhost:8446",
        })
    );
}

#[test]
fn discovery_v1_and_by_other_names() {
    let world = world();
    let get = |target: &str| body(&world.get(target));
    let v1 = get(&format!("/{TENANT}/.well-known/openid-configuration"));
    assert_eq!(v1["issuer"], format!("https://localhost:8444/{TENANT}/"));
    assert_eq!(v1["token_endpoint"], format!("https://localhost:8444/{TENANT}/oauth2/token"));
    assert_eq!(v1["jwks_uri"], format!("https://localhost:8444/{TENANT}/discovery/keys"));

    let domain = get("//Contoso.example/v2.0/.well-known/openid-configuration");
    assert_eq!(domain["issuer"], format!("https://localhost:8444/{TENANT}/v2.0"));
    assert_eq!(domain["token_endpoint"], "https://localhost:8444/Contoso.example/oauth2/v2.0/token");

    for name in ["common", "organizations"] {
        let any = get(&format!("/{name}/v2.0/.well-known/openid-configuration"));
        assert_eq!(any["issuer"], "https://localhost:8444/{tenantid}/v2.0");
        assert_eq!(any["token_endpoint"], format!("https://localhost:8444/{name}/oauth2/v2.0/token"));
    }
}

#[test]
fn an_unknown_tenant() {
    let world = world();
    for segment in ["7d1f3a52-93c4-4c8e-9d6b-0f2f5a6f9999", "fabrikam.example", "consumers", "%2e%2e", "%00"]
    {
        for rest in [".well-known/openid-configuration", "v2.0/.well-known/openid-configuration"] {
            expect(&world.get(&format!("/{segment}/{rest}")), 400, "invalid_tenant", 90_002);
        }
        expect(&world.get(&format!("/{segment}/discovery/v2.0/keys")), 400, "invalid_tenant", 90_002);
        let token = world.token_at(&format!("/{segment}/oauth2/v2.0/token"), &[]);
        expect(&token, 400, "invalid_request", 90_002);
    }
}

#[test]
fn key_sets() {
    let world = world();
    let keys = body(&world.get(&format!("/{TENANT}/discovery/v2.0/keys")));
    assert_eq!(keys["keys"][0]["issuer"], format!("https://localhost:8444/{TENANT}/v2.0"));
    let common = body(&world.get("/common/discovery/keys"));
    assert_eq!(common["keys"][0]["issuer"], "https://localhost:8444/{tenantid}/v2.0");
    assert_eq!(common["keys"][0]["kid"], keys["keys"][0]["kid"]);
}

#[test]
fn instances_and_realms() {
    let world = world();
    let ask = |endpoint: &str| {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("api-version", "1.1")
            .append_pair("authorization_endpoint", endpoint)
            .finish();
        world.get(&format!("/common/discovery/instance?{query}"))
    };
    for host in ["localhost", "localhost:8444"] {
        assert_eq!(
            body(&ask(&format!("https://{host}/{TENANT}/oauth2/v2.0/authorize"))),
            json!({
                "tenant_discovery_endpoint":
                    format!("https://localhost:8444/{TENANT}/v2.0/.well-known/openid-configuration"),
                "api-version": "1.1",
                "metadata": [{
                    "preferred_network": "localhost:8444",
                    "preferred_cache": "localhost:8444",
                    "aliases": ["localhost:8444", "localhost"],
                }],
            })
        );
    }
    expect(&ask("https://login.example/x/oauth2/v2.0/authorize"), 400, "invalid_instance", 50_049);
    expect(&world.get("/common/discovery/instance"), 400, "invalid_instance", 50_049);

    assert_eq!(
        body(&world.get("/common/userrealm/somebody%40Contoso.example?api-version=1.0")),
        json!({
            "ver": "1.0",
            "account_type": "Managed",
            "cloud_instance_name": "localhost:8444",
            "domain_name": "contoso.example",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        })
    );
    for user in ["somebody%40fabrikam.example", "nobody", "x%40"] {
        let realm = body(&world.get(&format!("/common/userrealm/{user}")));
        assert_eq!(realm["account_type"], "Unknown");
    }
}

#[test]
fn a_token_by_the_v2_endpoint() {
    let world = world();
    let answer = world.token(&[("claims", Some(r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#))]);
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let reply = body(&answer);
    let names: Vec<&String> = reply.as_object().unwrap().keys().collect();
    assert_eq!(names, ["token_type", "expires_in", "ext_expires_in", "access_token"]);
    assert_eq!((&reply["token_type"], &reply["expires_in"]), (&json!("Bearer"), &json!(3599)));
    let token = reply["access_token"].as_str().unwrap();
    let caller = world.tokens.verify(token, Resource::ResourceManager).unwrap();
    assert_eq!(caller.app_id, Some(world.app_id));
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["aud"], "https://localhost:8445/");
    assert_eq!(claims["iss"], format!("https://localhost:8444/{TENANT}/"));
    assert_eq!(claims["xms_cc"], json!(["CP1"]));
    assert_eq!((&claims["idtyp"], &claims["ver"]), (&json!("app"), &json!("1.0")));
}

#[test]
fn a_token_by_the_v1_endpoint() {
    let world = world();
    let answer = world.token_at(
        "/contoso.example/oauth2/token",
        &[("scope", None), ("resource", Some("https://graph.microsoft.com"))],
    );
    let mut reply = body(&answer);
    let token = reply["access_token"].take();
    world.tokens.verify(token.as_str().unwrap(), Resource::Graph).unwrap();
    assert_eq!(
        reply,
        json!({
            "token_type": "Bearer",
            "expires_in": "3599",
            "ext_expires_in": "3599",
            "expires_on": "1800003600",
            "not_before": "1800000000",
            "resource": "https://graph.microsoft.com",
            "access_token": null,
        })
    );
}

#[test]
fn a_token_by_http_basic() {
    let world = world();
    let basic = format!("basic {}", STANDARD.encode(format!("{}:{}", world.app_id, world.secret)));
    let form = [("grant_type", "client_credentials"), ("scope", ARM_SCOPE)];
    let target = format!("/{TENANT}/oauth2/v2.0/token");
    let answer = world.post(&target, &form, &[("authorization", &basic)]);
    assert_eq!(answer.status(), 200);
    let wrong = format!("Basic {}", STANDARD.encode(format!("{}:x", world.app_id)));
    let answer = world.post(&target, &form, &[("authorization", &wrong)]);
    expect(&answer, 401, "invalid_client", 7_000_215);
    assert_eq!(header(&answer, "www-authenticate"), "Basic realm=\"Gatepost\"");
}

#[test]
fn mistakes_in_the_request() {
    let world = world();
    for (changes, status, error, code) in [
        (vec![("grant_type", None)], 400, "invalid_request", 900_144),
        (vec![("client_id", None)], 400, "invalid_request", 900_144),
        (vec![("scope", None)], 400, "invalid_request", 900_144),
        (vec![("claims", Some("{"))], 400, "invalid_request", 9_002_313),
        (vec![("grant_type", Some("passwords"))], 400, "unsupported_grant_type", 70_003),
        (vec![("scope", Some("User.Read"))], 400, "invalid_scope", 1_002_012),
        (vec![("scope", Some("a/.default b/.default"))], 400, "invalid_scope", 70_011),
        (vec![("scope", Some("https://x.example/.default"))], 400, "invalid_resource", 500_011),
        (vec![("client_secret", None)], 401, "invalid_client", 7_000_218),
        (vec![("client_assertion", Some("a.b.c"))], 400, "invalid_request", 9_002_313),
        (vec![("client_secret", None), ("client_assertion", Some("a.b.c"))], 400, "invalid_request", 900_144),
    ] {
        expect(&world.token(&changes), status, error, code);
    }
    expect(&world.token_at("/common/oauth2/v2.0/token", &[]), 400, "invalid_request", 50_059);
}

#[test]
fn bodies_that_are_no_form() {
    let world = world();
    let target = format!("/{TENANT}/oauth2/v2.0/token");
    for (media_type, body) in [
        ("application/json", "{\"grant_type\":\"client_credentials\"}"),
        ("application/x-www-form-urlencoded", ""),
        ("application/x-www-form-urlencoded", "%ff%00&&==&grant_type"),
        ("", "grant_type=client_credentials"),
    ] {
        let answer =
            world.authority.answer(call(Method::POST, &target, &[("content-type", media_type)], body));
        expect(&answer, 400, "invalid_request", 900_144);
    }
    expect(&world.get(&target), 400, "invalid_request", 900_561);
    let head = world.authority.answer(call(Method::HEAD, &target, &[], ""));
    expect(&head, 400, "invalid_request", 900_561);
}

#[test]
fn clients_that_do_not_get_a_token() {
    let world = world();
    let other = "b1c1e0f4-6d62-4d0a-8f0e-111111111111";
    expect(&world.token(&[("client_id", Some(other))]), 400, "unauthorized_client", 700_016);
    expect(&world.token(&[("client_id", Some("nobody"))]), 400, "unauthorized_client", 700_016);
    let wrong = world.token(&[("client_secret", Some("wrong~secret"))]);
    expect(&wrong, 401, "invalid_client", 7_000_215);
    let text = body(&wrong).to_string();
    assert!(!text.contains("wrong~secret") && text.contains(&world.app_id.to_string()));

    let key = ObjectKey::AppId(world.app_id);
    let enable = |enabled: bool| {
        let sent = json!({"accountEnabled": enabled}).as_object().unwrap().clone();
        world.directory.update(&world.admin, ObjectKind::ServicePrincipal, &key, &sent).unwrap();
    };
    enable(false);
    expect(&world.token(&[]), 400, "unauthorized_client", 7_000_112);
    enable(true);
    assert_eq!(world.token(&[]).status(), 200);
    world.directory.remove(&world.admin, ObjectKind::ServicePrincipal, &key).unwrap();
    expect(&world.token(&[]), 400, "unauthorized_client", 7_000_229);
}

#[test]
fn secrets_outside_of_their_time() {
    let world = world();
    let add = |start: u64, end: u64| {
        let at = |seconds: u64| Some(world.clock.now() + Duration::from_secs(seconds));
        let new = NewPassword { display_name: None, start: at(start), end: at(end) };
        let added = world.store.write(|tx| world.directory.add_password(tx, TENANT, world.application, new));
        added.unwrap().1
    };
    let early = add(60, 120);
    expect(&world.token(&[("client_secret", Some(&early))]), 401, "invalid_client", 7_000_215);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.token(&[("client_secret", Some(&early))]).status(), 200);
    world.clock.advance(Duration::from_secs(60));
    let late = body(&world.token(&[("client_secret", Some(&early))]));
    assert_eq!((&late["error"], &late["error_codes"]), (&json!("invalid_client"), &json!([7_000_222])));
}

#[test]
fn the_clients_request_id_comes_back() {
    let world = world();
    let id = "11111111-2222-4333-8444-555555555555";
    let target = format!("/{TENANT}/oauth2/v2.0/token");
    let by_header = world.post(&target, &[], &[("client-request-id", id)]);
    let by_query = world.post(&format!("{target}?client-request-id={id}"), &[], &[]);
    for answer in [by_header, by_query] {
        assert_eq!(header(&answer, "client-request-id"), id);
        let body = body(&answer);
        assert_eq!((&body["correlation_id"], &body["trace_id"]), (&json!(id), &json!(TRACE)));
        assert!(body["error_description"].as_str().unwrap().contains(&format!("Correlation ID: {id}")));
    }
    let junk = world.post(&target, &[], &[("client-request-id", "<junk>")]);
    assert_eq!((header(&junk, "client-request-id"), &body(&junk)["correlation_id"]), ("", &json!(TRACE)));
}

#[test]
fn assertions_that_are_none() {
    let world = world();
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let assertion = |text: &'static str| {
        world.token(&[
            ("client_secret", None),
            ("client_assertion_type", Some(kind)),
            ("client_assertion", Some(text)),
        ])
    };
    for junk in ["a.b.c", "x", "..", "eyJhbGciOiJub25lIn0.e30."] {
        expect(&assertion(junk), 401, "invalid_client", 50_027);
    }
}

#[test]
fn paths_and_methods_that_nothing_answers() {
    let world = world();
    for target in ["/", "/x", &format!("/{TENANT}/oauth2/v2.0/x"), "/common/discovery/instance/x", "/%ff/%fe"]
    {
        assert_eq!(world.get(target).status(), 404, "{target}");
    }
    let target = format!("/{TENANT}/discovery/keys");
    let answer = world.post(&target, &[], &[]);
    assert_eq!((answer.status().as_u16(), header(&answer, "allow")), (405, "GET, HEAD"));
    assert_eq!(world.authority.answer(call(Method::HEAD, &target, &[], "")).status(), 200);
    let bare = call(Method::POST, &target, &[], "");
    assert_eq!(refusal(&world.authority.too_large(&bare)).0, 413);
    expect(&world.authority.failed(&bare), 500, "server_error", 50_000);
}
