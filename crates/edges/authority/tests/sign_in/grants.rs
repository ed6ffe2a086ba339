//! Refresh tokens, passwords, acting on behalf of users, and what ends them.

use gatepost_directory::{ObjectKey, ObjectKind};
use gatepost_oauth::Resource;
use gatepost_tokens::SignInQuery;
use serde_json::{Value, json};

use crate::fixture::*;

fn signed_in(world: &World) -> Value {
    let code = world.browser().authorize(&az(), USER)["code"].clone();
    body(&world.token(&redemption(&code)))
}

fn refresh(token: &Value) -> Vec<(&str, &str)> {
    vec![("grant_type", "refresh_token"), ("client_id", AZ), ("refresh_token", token.as_str().unwrap())]
}

#[test]
fn refresh_tokens_rotate() {
    let world = world();
    let first = signed_in(&world);
    let graph = "https://localhost:8446//.default offline_access openid profile";
    let second = body(&world.token(&changed(&refresh(&first["refresh_token"]), &[("scope", graph)])));
    world.tokens.verify(second["access_token"].as_str().unwrap(), Resource::Graph).unwrap();
    assert_eq!(second["scope"], graph);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let third = world.post("/organizations/oauth2/v2.0/token", &refresh(&second["refresh_token"]));
    assert_eq!(third.status(), 200, "{}", text(&third));
    // The scopes stay what they were when nothing is said.
    assert_eq!(body(&third)["scope"], graph);
}

#[test]
fn the_second_use_of_a_refresh_token_ends_the_sign_in() {
    let world = world();
    let first = signed_in(&world);
    let second = body(&world.token(&refresh(&first["refresh_token"])));
    let access = second["access_token"].as_str().unwrap();
    world.tokens.verify(access, Resource::ResourceManager).unwrap();
    expect(&world.token(&refresh(&first["refresh_token"])), 400, "invalid_grant", 70_000);
    expect(&world.token(&refresh(&second["refresh_token"])), 400, "invalid_grant", 70_000);
    assert!(world.tokens.verify(access, Resource::ResourceManager).is_err());
    // Another sign-in of the same user goes on.
    let other = signed_in(&world);
    assert_eq!(world.token(&refresh(&other["refresh_token"])).status(), 200);
}

#[test]
fn refresh_tokens_that_are_refused() {
    let world = world();
    let reply = signed_in(&world);
    let token = reply["refresh_token"].clone();
    for junk in ["x", "1.", "1.AAAA", "0.abc"] {
        expect(&world.token(&refresh(&json!(junk))), 400, "invalid_request", 9_002_313);
    }
    let powershell = changed(&refresh(&token), &[("client_id", "1950a258-227b-4e31-a9cf-717495945fc2")]);
    expect(&world.token(&powershell), 400, "invalid_grant", 70_000);
    let elsewhere = world.post(&format!("/{OTHER}/oauth2/v2.0/token"), &refresh(&token));
    expect(&elsewhere, 400, "invalid_grant", 70_000);
    let nowhere = changed(&refresh(&token), &[("scope", "https://x.example/.default")]);
    expect(&world.token(&nowhere), 400, "invalid_resource", 500_011);
    let unknown = changed(&refresh(&token), &[("scope", "https://localhost:8445/Nothing.Such")]);
    expect(&world.token(&unknown), 400, "invalid_client", 650_053);
    // None of that used it up; ninety days do.
    let next = body(&world.token(&refresh(&token)))["refresh_token"].clone();
    world.later(90 * 24 * 3600);
    expect(&world.token(&refresh(&next)), 400, "invalid_grant", 700_082);
}

#[test]
fn a_new_password_ends_what_the_old_one_gave() {
    let world = world();
    let reply = signed_in(&world);
    let access = reply["access_token"].as_str().unwrap();
    let mut browser = world.browser();
    browser.authorize(&az(), USER);
    world.later(1);
    world
        .store
        .write(|tx| gatepost_store::sessions::invalidate_user(tx, TENANT, world.user, world.clock.micros()))
        .unwrap();
    assert!(world.tokens.verify(access, Resource::ResourceManager).is_err());
    expect(&world.token(&refresh(&reply["refresh_token"])), 400, "invalid_grant", 50_173);
    let silent = changed(&az(), &[("prompt", "none")]);
    assert_eq!(landed(&browser.get(&authorize_url(&silent)))["error"], "login_required");
    assert_eq!(signed_in(&world)["token_type"], "Bearer");
}

#[test]
fn a_disabled_user_has_nothing() {
    let world = world();
    let reply = signed_in(&world);
    let mut browser = world.browser();
    browser.authorize(&az(), USER);
    let key = ObjectKey::Id(world.user);
    let sent = properties(json!({"accountEnabled": false}));
    world.directory.update(&world.admin, ObjectKind::User, &key, &sent).unwrap();
    let access = reply["access_token"].as_str().unwrap();
    assert!(world.tokens.verify(access, Resource::ResourceManager).is_err());
    expect(&world.token(&refresh(&reply["refresh_token"])), 400, "invalid_grant", 50_057);
    let silent = changed(&az(), &[("prompt", "none")]);
    assert_eq!(landed(&browser.get(&authorize_url(&silent)))["error"], "login_required");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&az()));
    assert!(text(&browser.sign_in(&page, USER, PASSWORD)).contains("The user account is disabled."));
}

#[test]
fn user_name_and_password() {
    let world = world();
    let form = [
        ("grant_type", "password"),
        ("client_id", AZ),
        ("username", USER),
        ("password", PASSWORD),
        ("scope", ARM),
    ];
    let reply = body(&world.token(&form));
    world.tokens.verify(reply["access_token"].as_str().unwrap(), Resource::ResourceManager).unwrap();
    assert!(reply["refresh_token"].is_string() && reply["id_token"].is_string());
    assert_eq!(world.post("/organizations/oauth2/v2.0/token", &form).status(), 200);
    for (changes, error, code) in [
        ([("password", "wrong")], "invalid_grant", 50_126),
        ([("username", "nobody@contoso.example")], "invalid_grant", 50_126),
        ([("username", "eve@fabrikam.example")], "invalid_grant", 50_034),
        ([("username", "nobody")], "invalid_grant", 50_034),
    ] {
        expect(&world.token(&changed(&form, &changes)), 400, error, code);
    }
    // A client that keeps a secret has to show it.
    let api = world.api.app_id.to_string();
    expect(&world.token(&changed(&form, &[("client_id", &api)])), 401, "invalid_client", 7_000_218);
}

#[test]
fn on_behalf_of_a_user() {
    let world = world();
    let (web, api) = (world.web.app_id.to_string(), world.api.app_id.to_string());
    // The shop gets a token for the API, and the API one for Graph.
    let query = [
        ("client_id", web.as_str()),
        ("response_type", "code"),
        ("redirect_uri", WEB),
        ("scope", "api://orders/Orders.Read"),
    ];
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&consent).contains("Read your orders"));
    let code = landed(&browser.submit(&consent, "consent", &[]))["code"].clone();
    let reply = body(&world.token(&[
        ("grant_type", "authorization_code"),
        ("client_id", &web),
        ("client_secret", &world.web.secret),
        ("code", &code),
        ("redirect_uri", WEB),
    ]));
    assert_eq!(reply["scope"], "api://orders/Orders.Read");
    let access = claims(&reply["access_token"]);
    assert_eq!((&access["aud"], &access["azp"], &access["ver"]), (&json!(api), &json!(web), &json!("2.0")));
    assert_eq!((&access["scp"], &access["azpacr"]), (&json!("Orders.Read"), &json!("1")));

    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_id", api.as_str()),
        ("client_secret", world.api.secret.as_str()),
        ("assertion", reply["access_token"].as_str().unwrap()),
        ("requested_token_use", "on_behalf_of"),
        ("scope", "https://graph.microsoft.com/User.Read"),
    ];
    expect(&world.token(&form), 400, "invalid_grant", 65_001);
    assert_eq!(body(&world.token(&form))["suberror"], "consent_required");
    // Once the user has agreed that the API reads the profile:
    let graph = world.directory.registration(TENANT, Resource::Graph.app_id()).unwrap().unwrap();
    let own = world.directory.registration(TENANT, world.api.app_id).unwrap().unwrap();
    world
        .store
        .write(|tx| {
            let (client, resource) = (own.service_principal.unwrap(), graph.service_principal.unwrap());
            let scopes = ["User.Read".to_owned()];
            world.directory.put_delegated_grant(tx, TENANT, client, resource, Some(world.user), &scopes)
        })
        .unwrap();
    let downstream = body(&world.token(&form));
    let caller =
        world.tokens.verify_token(downstream["access_token"].as_str().unwrap(), Resource::Graph).unwrap();
    assert_eq!((caller.caller.object_id, caller.delegated), (world.user, true));
    assert_eq!((caller.scopes, caller.caller.app_id), (vec!["User.Read".to_owned()], Some(world.api.app_id)));

    // Tokens that are not for the API, or no user's.
    let other = claims(&downstream["access_token"]);
    assert_eq!(other["appid"], json!(api));
    form[3] = ("assertion", downstream["access_token"].as_str().unwrap());
    expect(&world.token(&form), 400, "invalid_grant", 50_013);
    let own_token = body(&world.token(&[
        ("grant_type", "client_credentials"),
        ("client_id", &web),
        ("client_secret", &world.web.secret),
        ("scope", "api://orders/.default"),
    ]));
    form[3] = ("assertion", own_token["access_token"].as_str().unwrap());
    expect(&world.token(&form), 400, "invalid_grant", 50_013);
    form[3] = ("assertion", reply["access_token"].as_str().unwrap());
    world.later(3600);
    expect(&world.token(&form), 400, "invalid_grant", 500_133);
}

#[test]
fn unknown_applications_share_a_row_of_the_log() {
    let world = world();
    signed_in(&world);
    for _ in 0..20 {
        world.token(&[
            ("grant_type", "client_credentials"),
            ("client_id", &uuid::Uuid::new_v4().to_string()),
            ("client_secret", "x"),
            ("scope", "https://localhost:8445/.default"),
        ]);
    }
    let all = SignInQuery { limit: 100, ..SignInQuery::default() };
    let rows = world.tokens.sign_ins(TENANT, &all).unwrap();
    let unknown: Vec<_> = rows.iter().filter(|row| row.app_id.is_none()).collect();
    assert_eq!(unknown.iter().map(|row| row.times).sum::<i64>(), 20, "{rows:?}");
    // As many rows as batches, at most; a batch is a quarter of a second.
    assert!(unknown.len() < 20 && unknown.iter().all(|row| row.address.is_none()));
    // Failures give way first.
    let good = rows.iter().filter(|row| row.code == 0).count();
    world
        .store
        .write_queue(|tx| gatepost_store::sessions_log::purge_sign_ins(tx, 0, i64::try_from(good).unwrap()))
        .unwrap();
    let rows = world.tokens.sign_ins(TENANT, &all).unwrap();
    assert!(rows.len() == good && rows.iter().all(|row| row.code == 0), "{rows:?}");
}

#[test]
fn removing_a_secret_ends_its_tokens() {
    let world = world();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &world.web.app_id.to_string()),
        ("client_secret", &world.web.secret),
        ("scope", "https://localhost:8445/.default"),
    ];
    let reply = body(&world.token(&form));
    let token = reply["access_token"].as_str().unwrap();
    world.tokens.verify(token, Resource::ResourceManager).unwrap();
    let removed = world
        .store
        .write(|tx| world.directory.remove_password(tx, TENANT, world.web.object, world.web.secret_id));
    removed.unwrap();
    let refused = world.tokens.verify(token, Resource::ResourceManager).unwrap_err();
    assert_eq!(refused.to_string(), "the access token was revoked");
}

#[test]
fn the_log_of_sign_ins() {
    let world = world();
    signed_in(&world);
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&az()));
    browser.sign_in(&page, USER, "wrong");
    for _ in 0..3 {
        world.token(&[
            ("grant_type", "client_credentials"),
            ("client_id", &world.web.app_id.to_string()),
            ("client_secret", "wrong"),
            ("scope", "https://localhost:8445/.default"),
        ]);
    }
    let all = SignInQuery { limit: 100, ..SignInQuery::default() };
    let rows = world.tokens.sign_ins(TENANT, &all).unwrap();
    let seen: Vec<(&str, u32, i64)> =
        rows.iter().map(|row| (row.kind.as_str(), row.code, row.times)).collect();
    for wanted in [("interactiveUser", 0, 1), ("nonInteractiveUser", 0, 1), ("interactiveUser", 50_126, 1)] {
        assert!(seen.contains(&wanted), "{wanted:?} in {seen:?}");
    }
    let guesses: i64 = rows.iter().filter(|row| row.code == 7_000_215).map(|row| row.times).sum();
    assert_eq!(guesses, 3);
    let of_user = SignInQuery { user: Some(world.user), ..all.clone() };
    let rows = world.tokens.sign_ins(TENANT, &of_user).unwrap();
    assert!(rows.iter().all(|row| row.login.as_deref() == Some(USER) && row.code == 0), "{rows:?}");
    assert_eq!(rows[0].address.as_deref(), Some("192.0.2.1"));
    assert!(rows.iter().any(|row| row.app_name.as_deref() == Some("Microsoft Azure CLI")));
    assert_eq!(world.tokens.sign_ins(OTHER, &all).unwrap(), []);
    // Page by page, none twice and none left out.
    let mut paged = Vec::new();
    let mut query = SignInQuery { limit: 1, ..SignInQuery::default() };
    loop {
        let page = world.tokens.sign_ins(TENANT, &query).unwrap();
        let Some(row) = page.into_iter().next() else { break };
        query.before = Some((row.at, row.id));
        paged.push(row.id);
    }
    let whole: Vec<_> = world.tokens.sign_ins(TENANT, &all).unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(paged, whole);
}

#[test]
fn a_new_key_breaks_no_live_token() {
    let world = world();
    let reply = signed_in(&world);
    let old = reply["access_token"].as_str().unwrap();
    let keys = || world.tokens.jwks(None)["keys"].as_array().unwrap().len();
    let kid = |token: &str| {
        let header = token.split('.').next().unwrap().to_owned();
        claims(&json!(format!("x.{header}.x")))["kid"].clone()
    };
    assert_eq!(keys(), 1);
    world.tokens.publish_next_key().unwrap();
    // It is published, and signs nothing yet.
    assert_eq!(keys(), 2);
    let meanwhile = signed_in(&world)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(kid(&meanwhile), kid(old));
    world.later(24 * 3600 - 60);
    let last = signed_in(&world)["access_token"].as_str().unwrap().to_owned();
    world.later(120);
    let first = signed_in(&world)["access_token"].as_str().unwrap().to_owned();
    assert_ne!(kid(&first), kid(&last));
    for token in [&last, &first] {
        world.tokens.verify(token, Resource::ResourceManager).unwrap();
    }
    world.tokens.maintain();
    assert_eq!(keys(), 2, "tokens of the old key live");
    world.later(48 * 3600);
    world.tokens.maintain();
    assert_eq!(keys(), 1);
    // And the next one comes by itself.
    world.later(89 * 24 * 3600);
    world.tokens.maintain();
    assert_eq!(keys(), 2);
}
