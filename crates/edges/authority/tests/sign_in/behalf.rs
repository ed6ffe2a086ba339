//! What acting on behalf of a user gives, and what ends it.

use gatepost_oauth::Resource;
use serde_json::Value;

use crate::fixture::*;

/// A user's token for the API, which the shop got; the API may read the user's profile and stay signed in.
fn token_for_the_api(world: &World) -> Value {
    let web = world.web.app_id.to_string();
    let graph = world.directory.registration(TENANT, Resource::Graph.app_id()).unwrap().unwrap();
    let own = world.directory.registration(TENANT, world.api.app_id).unwrap().unwrap();
    let (client, resource) = (own.service_principal.unwrap(), graph.service_principal.unwrap());
    let scopes = ["User.Read".to_owned()];
    world
        .store
        .write(|tx| {
            world.directory.put_delegated_grant(tx, TENANT, client, resource, Some(world.user), &scopes)
        })
        .unwrap();
    let query = [
        ("client_id", web.as_str()),
        ("response_type", "code"),
        ("redirect_uri", WEB),
        ("scope", "api://orders/Orders.Read"),
    ];
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let mut answer = browser.sign_in(&page, USER, PASSWORD);
    if text(&answer).contains("Permissions requested") {
        answer = browser.submit(&answer, "consent", &[]);
    }
    body(&world.token(&[
        ("grant_type", "authorization_code"),
        ("client_id", &web),
        ("client_secret", &world.web.secret),
        ("code", &landed(&answer)["code"]),
        ("redirect_uri", WEB),
    ]))
}

fn on_behalf(world: &World, assertion: &Value) -> http::Response<bytes::Bytes> {
    world.token(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_id", &world.api.app_id.to_string()),
        ("client_secret", &world.api.secret),
        ("assertion", assertion.as_str().unwrap()),
        ("requested_token_use", "on_behalf_of"),
        ("scope", "https://graph.microsoft.com/User.Read offline_access"),
    ])
}

fn refresh_of_the_api(world: &World, token: &Value) -> http::Response<bytes::Bytes> {
    world.token(&[
        ("grant_type", "refresh_token"),
        ("client_id", &world.api.app_id.to_string()),
        ("client_secret", &world.api.secret),
        ("refresh_token", token.as_str().unwrap()),
    ])
}

#[test]
fn a_revoked_assertion_gives_nothing() {
    let world = world();
    let reply = token_for_the_api(&world);
    assert_eq!(on_behalf(&world, &reply["access_token"]).status(), 200);
    // The shop's secret, by which it had the token, is removed.
    let (object, id) = (world.web.object, world.web.secret_id);
    world.store.write(|tx| world.directory.remove_password(tx, TENANT, object, id)).unwrap();
    expect(&on_behalf(&world, &reply["access_token"]), 400, "invalid_grant", 50_013);
}

#[test]
fn acting_on_behalf_ends_with_the_sign_in() {
    let world = world();
    let reply = token_for_the_api(&world);
    let first = body(&on_behalf(&world, &reply["access_token"]));
    let second = body(&on_behalf(&world, &reply["access_token"]));
    // One sign-in for all of them, of which the latest token counts; the older one tells of no theft.
    expect(&refresh_of_the_api(&world, &first["refresh_token"]), 400, "invalid_grant", 70_000);
    let next = body(&refresh_of_the_api(&world, &second["refresh_token"]));
    world.tokens.verify(next["access_token"].as_str().unwrap(), Resource::Graph).unwrap();
    let sid = |token: &Value| -> uuid::Uuid { claims(token)["sid"].as_str().unwrap().parse().unwrap() };
    let (origin, own) = (sid(&reply["access_token"]), sid(&next["access_token"]));
    let row = world.store.read(|conn| gatepost_store::sessions_grants::grant(conn, own)).unwrap().unwrap();
    assert_eq!((row.parent, row.client), (Some(origin), world.api.app_id));
    let now = world.clock.micros();
    world.store.write(|tx| gatepost_store::sessions_grants::revoke_grant(tx, origin, now)).unwrap();
    assert!(world.tokens.verify(next["access_token"].as_str().unwrap(), Resource::Graph).is_err());
    expect(&refresh_of_the_api(&world, &next["refresh_token"]), 400, "invalid_grant", 70_000);
    expect(&on_behalf(&world, &reply["access_token"]), 400, "invalid_grant", 50_013);
}

#[test]
fn sign_ins_to_one_client_leave_others_alone() {
    use gatepost_store::sessions_grants::{GrantRow, RefreshRow, grant, insert_grant, set_refresh};
    let world = world();
    let row = |client, at| GrantRow {
        id: uuid::Uuid::new_v4(),
        tenant: TENANT,
        user: world.user,
        client,
        methods: "pwd".to_owned(),
        signed_in_at: at,
        created_at: at,
        expires_at: i64::MAX,
        revoked_at: None,
        refresh: None,
        refresh_number: 0,
        parent: None,
    };
    let (other, used, idle) = (row(world.web.app_id, 0), row(world.api.app_id, 1), row(world.api.app_id, 2));
    let kept = |id| world.store.read(|conn| grant(conn, id)).unwrap().is_some();
    world
        .store
        .write(|tx| {
            for row in [&other, &used, &idle] {
                insert_grant(tx, row)?;
            }
            let refresh = RefreshRow { hash: vec![1], scope: String::new() };
            set_refresh(tx, used.id, &refresh, 1, (10_000, i64::MAX))?;
            (0..499).try_for_each(|n| insert_grant(tx, &row(world.api.app_id, 10 + n)))
        })
        .unwrap();
    assert_eq!((kept(other.id), kept(used.id), kept(idle.id)), (true, true, false));
}
