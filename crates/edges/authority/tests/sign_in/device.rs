//! Signing in on a device that has no browser.

use gatepost_oauth::Resource;
use serde_json::{Value, json};

use crate::fixture::*;

fn begin(world: &World) -> Value {
    let answer = world.post(
        "/organizations/oauth2/v2.0/devicecode",
        &[("client_id", AZ), ("scope", ARM), ("claims", "{}")],
    );
    assert_eq!(answer.status(), 200, "{}", text(&answer));
    body(&answer)
}

fn poll(world: &World, device: &Value) -> http::Response<bytes::Bytes> {
    let code = device["device_code"].as_str().unwrap();
    // As MSAL Python sends it: the code twice, no scope.
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", AZ),
        ("device_code", code),
        ("code", code),
    ];
    world.post("/organizations/oauth2/v2.0/token", &form)
}

#[test]
fn a_device_waits_for_its_user() {
    let world = world();
    let device = begin(&world);
    let code = device["user_code"].as_str().unwrap();
    assert_eq!((&device["expires_in"], &device["interval"]), (&json!(900), &json!(5)));
    assert_eq!(device["verification_uri"], "https://localhost:8444/device");
    assert_eq!(
        device["message"],
        format!(
            "To sign in, use a web browser to open the page https://localhost:8444/device and enter the code {code} to authenticate."
        )
    );
    expect(&poll(&world, &device), 400, "authorization_pending", 70_016);
    expect(&poll(&world, &device), 400, "slow_down", 90_055);
    world.later(5);
    // It was told to wait five seconds more.
    expect(&poll(&world, &device), 400, "slow_down", 90_055);
    world.later(15);
    expect(&poll(&world, &device), 400, "authorization_pending", 70_016);

    let mut browser = world.browser();
    let page = browser.get("/device");
    let typed = format!(" {}-{}", &code[..4].to_lowercase(), &code[4..]);
    let next = browser.submit(&page, "code", &[("user_code", &typed)]);
    assert_eq!(header(&next, "location"), format!("/device?user_code={code}"));
    let page = browser.get(header(&next, "location"));
    let question = browser.sign_in(&page, USER, PASSWORD);
    let shown = text(&question);
    assert!(shown.contains("Are you trying to sign in to Microsoft Azure CLI?"), "{shown}");
    assert!(shown.contains("192.0.2.1") && shown.contains(USER));
    assert!(text(&browser.submit(&question, "device", &[])).contains("You are signed in"));

    let reply = body(&poll(&world, &device));
    assert_eq!(reply["scope"], ARM);
    world.tokens.verify(reply["access_token"].as_str().unwrap(), Resource::ResourceManager).unwrap();
    assert!(reply["refresh_token"].is_string());
    // It was good once, on the device and on the page.
    expect(&poll(&world, &device), 400, "bad_verification_code", 70_018);
    let again = browser.get(&format!("/device?user_code={code}"));
    assert!(text(&again).contains("That code is wrong, or has expired."));
}

#[test]
fn a_user_who_says_no() {
    let world = world();
    let device = begin(&world);
    let mut browser = world.browser();
    let page = browser.get(&format!("/device?user_code={}", device["user_code"].as_str().unwrap()));
    let question = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&browser.submit(&question, "cancel", &[])).contains("Sign-in cancelled"));
    expect(&poll(&world, &device), 400, "authorization_declined", 70_020);
}

#[test]
fn a_device_that_waits_too_long() {
    let world = world();
    let device = begin(&world);
    world.later(900);
    expect(&poll(&world, &device), 400, "expired_token", 70_019);
    world.later(2 * 3600);
    world.tokens.maintain();
    expect(&poll(&world, &device), 400, "bad_verification_code", 70_018);
}

#[test]
fn devices_of_one_tenant_are_for_its_users() {
    let world = world();
    let answer =
        world.post(&format!("/{TENANT}/oauth2/v2.0/devicecode"), &[("client_id", AZ), ("scope", ARM)]);
    let device = body(&answer);
    let mut browser = world.browser();
    let page = browser.get(&format!("/device?user_code={}", device["user_code"].as_str().unwrap()));
    let refused = browser.sign_in(&page, "eve@fabrikam.example", PASSWORD);
    assert!(text(&refused).contains("Your account or password is incorrect."));
    // Nor with a session that she has elsewhere.
    let mut browser = world.browser();
    let at_home = changed(&az(), &[("prompt", "")]);
    let page = browser.get(&format!("/{OTHER}/oauth2/v2.0/authorize?{}", encoded(&at_home)));
    assert!(landed(&browser.sign_in(&page, "eve@fabrikam.example", PASSWORD)).contains_key("code"));
    let page = browser.get(&format!("/device?user_code={}", device["user_code"].as_str().unwrap()));
    assert!(text(&page).contains("<h1>Sign in</h1>"));
}

#[test]
fn guessing_codes_ends() {
    let world = world();
    let device = begin(&world);
    let mut browser = world.browser();
    for _ in 0..30 {
        assert_eq!(browser.get("/device?user_code=AAAAAAAAA").status(), 200);
    }
    assert_eq!(browser.get("/device?user_code=AAAAAAAAA").status(), 503);
    // The right one neither: the guesser does not learn it.
    let right = format!("/device?user_code={}", device["user_code"].as_str().unwrap());
    assert_eq!(browser.get(&right).status(), 503);
    world.later(60);
    assert_eq!(browser.get(&right).status(), 200);
}

#[test]
fn what_a_device_must_say() {
    let world = world();
    let ask = |form: &[(&str, &str)]| world.post(&format!("/{TENANT}/oauth2/v2.0/devicecode"), form);
    expect(&ask(&[("scope", ARM)]), 400, "invalid_request", 900_144);
    expect(&ask(&[("client_id", AZ)]), 400, "invalid_request", 900_144);
    expect(&ask(&[("client_id", "x"), ("scope", ARM)]), 400, "unauthorized_client", 700_016);
    // A client with a secret alone is no device's.
    let api = world.api.app_id.to_string();
    expect(&ask(&[("client_id", &api), ("scope", ARM)]), 401, "invalid_client", 7_000_218);
    let get = world.call(http::Method::GET, &format!("/{TENANT}/oauth2/v2.0/devicecode"), &[], "");
    expect(&get, 400, "invalid_request", 900_561);
}
