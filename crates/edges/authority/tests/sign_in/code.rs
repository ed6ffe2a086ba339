//! The authorization code, from the page to the tokens.

use gatepost_oauth::Resource;
use serde_json::json;

use crate::fixture::*;

#[test]
fn az_signs_a_user_in() {
    let world = world();
    let mut browser = world.browser();
    let query = az();
    let url = format!("/organizations/oauth2/v2.0/authorize?{}", encoded(&query));
    let page = browser.get(&url);
    assert_eq!(page.status(), 200);
    assert!(text(&page).contains("Microsoft Azure CLI"), "{}", text(&page));
    let answer = browser.sign_in(&page, &USER.to_uppercase(), PASSWORD);
    assert!(text(&answer).contains("src=\"/assets/post.js\""));
    assert!(
        header(&answer, "content-security-policy").contains("form-action 'self' http://localhost:53712;")
    );
    let fields = landed(&answer);
    assert_eq!(fields["(uri)"], "http://localhost:53712");
    assert_eq!(fields["state"], "a state & more");

    let answer = world.post("/organizations/oauth2/v2.0/token", &redemption(&fields["code"]));
    assert_eq!(answer.status(), 200, "{}", text(&answer));
    let reply = body(&answer);
    let names: Vec<&String> = reply.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "token_type",
            "expires_in",
            "ext_expires_in",
            "access_token",
            "scope",
            "refresh_token",
            "id_token",
            "client_info"
        ]
    );
    assert_eq!(reply["scope"], ARM);
    let caller =
        world.tokens.verify(reply["access_token"].as_str().unwrap(), Resource::ResourceManager).unwrap();
    assert_eq!((caller.object_id, caller.client.as_str()), (world.user, USER));
    assert_eq!(caller.app_id.unwrap().to_string(), AZ);
    let access = claims(&reply["access_token"]);
    assert_eq!(
        (&access["scp"], &access["idtyp"], &access["ver"]),
        (&json!("user_impersonation"), &json!("user"), &json!("1.0"))
    );
    assert_eq!(
        (&access["upn"], &access["appidacr"], &access["amr"]),
        (&json!(USER), &json!("0"), &json!(["pwd"]))
    );
    assert_eq!((&access["aud"], &access["xms_cc"]), (&json!("https://localhost:8445/"), &json!(null)));
    let id = claims(&reply["id_token"]);
    assert_eq!((&id["aud"], &id["nonce"], &id["tid"]), (&json!(AZ), &json!("0123abc"), &json!(TENANT)));
    assert_eq!((&id["preferred_username"], &id["oid"]), (&json!(USER), &json!(world.user)));
    assert_eq!(id["iss"], format!("https://localhost:8444/{TENANT}/v2.0"));
    assert_eq!(id["sub"], access["sub"]);
    assert_ne!(id["sub"], id["oid"]);
}

#[test]
fn a_browser_that_is_signed_in_is_not_asked_again() {
    let world = world();
    let mut browser = world.browser();
    let plain = changed(&az(), &[("prompt", "")]);
    browser.authorize(&plain, USER);
    let silent = changed(&plain, &[("prompt", "none"), ("state", "second")]);
    let fields = landed(&browser.get(&authorize_url(&silent)));
    assert_eq!((fields["state"].as_str(), fields.contains_key("code")), ("second", true));

    // Whoever wants to know better is asked.
    for (change, word) in [
        (("prompt", "login"), "Password"),
        (("prompt", "select_account"), "Continue as ada@contoso.example"),
        (("login_hint", ADMIN), "value=\"admin@contoso.example\""),
    ] {
        let page = browser.get(&authorize_url(&changed(&plain, &[change])));
        assert!(text(&page).contains(word), "{change:?}: {}", text(&page));
    }
    let page = browser.get(&authorize_url(&changed(&plain, &[("prompt", "select_account")])));
    assert!(landed(&browser.submit(&page, "account", &[])).contains_key("code"));
    let other = browser.submit(&page, "other", &[]);
    assert!(landed(&browser.sign_in(&other, ADMIN, PASSWORD)).contains_key("code"));

    world.later(100);
    let young = changed(&plain, &[("max_age", "50"), ("prompt", "none")]);
    assert_eq!(landed(&browser.get(&authorize_url(&young)))["error"], "login_required");
    let old = changed(&plain, &[("max_age", "200"), ("prompt", "none")]);
    let code = landed(&browser.get(&authorize_url(&old)))["code"].clone();
    let reply = body(&world.token(&redemption(&code)));
    assert_eq!(claims(&reply["id_token"])["auth_time"], 1_800_000_000);
    // A day later nobody is signed in any more.
    world.later(24 * 3600);
    assert_eq!(landed(&browser.get(&authorize_url(&silent)))["error"], "login_required");
}

#[test]
fn a_silent_request_without_a_session() {
    let world = world();
    let query = changed(&az(), &[("prompt", "none"), ("response_mode", "query")]);
    let answer = world.browser().get(&authorize_url(&query));
    assert_eq!(answer.status(), 303);
    let fields = landed(&answer);
    assert_eq!((fields["error"].as_str(), fields["state"].as_str()), ("login_required", "a state & more"));
    assert!(fields["error_description"].starts_with("AADSTS50058: "));
}

#[test]
fn each_way_to_the_redirect_uri() {
    let world = world();
    let plain = changed(&az(), &[("prompt", "")]);
    for (mode, sign) in [("query", '?'), ("fragment", '#'), ("", '?')] {
        let mut browser = world.browser();
        let page = browser.get(&authorize_url(&changed(&plain, &[("response_mode", mode)])));
        let answer = browser.sign_in(&page, USER, PASSWORD);
        let location = header(&answer, "location");
        assert!(location.starts_with(&format!("http://localhost:53712{sign}code=")), "{location}");
        assert_eq!(answer.status(), 303);
    }
}

#[test]
fn a_code_is_good_once() {
    let world = world();
    let code = world.browser().authorize(&az(), USER)["code"].clone();
    let reply = body(&world.token(&redemption(&code)));
    let token = reply["access_token"].as_str().unwrap();
    world.tokens.verify(token, Resource::ResourceManager).unwrap();
    expect(&world.token(&redemption(&code)), 400, "invalid_grant", 54_005);
    // What the first use gave is over.
    assert!(world.tokens.verify(token, Resource::ResourceManager).is_err());
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", AZ),
        ("refresh_token", reply["refresh_token"].as_str().unwrap()),
    ];
    expect(&world.token(&refresh), 400, "invalid_grant", 70_000);
}

#[test]
fn codes_that_are_refused() {
    let world = world();
    let code = |world: &World| world.browser().authorize(&az(), USER)["code"].clone();
    let fresh = code(&world);
    let try_with = |changes: &[(&str, &str)]| world.token(&changed(&redemption(&fresh), changes));
    expect(&try_with(&[("code", "x")]), 400, "invalid_grant", 70_000);
    expect(&try_with(&[("redirect_uri", "http://localhost:53713")]), 401, "invalid_client", 500_112);
    expect(&try_with(&[("redirect_uri", "")]), 401, "invalid_client", 500_112);
    expect(&try_with(&[("code_verifier", "")]), 400, "invalid_grant", 501_481);
    let wrong = "a".repeat(43);
    expect(&try_with(&[("code_verifier", &wrong)]), 400, "invalid_grant", 501_481);
    // Another client's, and another tenant's.
    let powershell = "1950a258-227b-4e31-a9cf-717495945fc2";
    expect(&try_with(&[("client_id", powershell)]), 400, "invalid_grant", 70_000);
    let elsewhere = world.post(&format!("/{OTHER}/oauth2/v2.0/token"), &redemption(&fresh));
    expect(&elsewhere, 400, "invalid_grant", 70_000);
    // None of that used it up.
    assert_eq!(try_with(&[]).status(), 200);
    let late = code(&world);
    world.later(600);
    expect(&world.token(&redemption(&late)), 400, "invalid_grant", 70_008);
}

#[test]
fn a_server_proves_itself() {
    let world = world();
    let app_id = world.web.app_id.to_string();
    let query = [
        ("client_id", app_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", WEB),
        ("scope", "openid profile email offline_access"),
        ("state", "s"),
        ("nonce", "n"),
    ];
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    assert!(text(&page).contains("Shop &lt;script&gt;"));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&consent).contains("Permissions requested"), "{}", text(&consent));
    let code = landed(&browser.submit(&consent, "consent", &[]))["code"].clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", app_id.as_str()),
        ("client_secret", world.web.secret.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", WEB),
    ];
    // Without its secret nobody redeems what was sent to a server.
    expect(&world.token(&changed(&form, &[("client_secret", "")])), 401, "invalid_client", 7_000_218);
    expect(&world.token(&changed(&form, &[("client_secret", "x")])), 401, "invalid_client", 7_000_215);
    // A verifier where the request had no challenge: somebody took it out.
    expect(&world.token(&changed(&form, &[("code_verifier", VERIFIER)])), 400, "invalid_grant", 501_481);
    let reply = body(&world.token(&form));
    assert_eq!(reply["scope"], "openid profile email offline_access");
    let access = claims(&reply["access_token"]);
    assert_eq!(
        (&access["scp"], &access["appidacr"]),
        (&json!("openid profile email offline_access"), &json!("1"))
    );
    let info = world.tokens.userinfo(reply["access_token"].as_str().unwrap()).unwrap();
    assert_eq!((&info["sub"], &info["name"]), (&claims(&reply["id_token"])["sub"], &json!("Ada")));
    // Its refresh token is for the proven client alone.
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", app_id.as_str()),
        ("client_secret", world.web.secret.as_str()),
        ("refresh_token", reply["refresh_token"].as_str().unwrap()),
    ];
    expect(&world.token(&changed(&refresh, &[("client_secret", "")])), 401, "invalid_client", 7_000_218);
    assert_eq!(world.token(&refresh).status(), 200);
}

#[test]
fn id_tokens_from_the_authorization_endpoint() {
    let world = world();
    let app_id = world.web.app_id.to_string();
    let query = [
        ("client_id", app_id.as_str()),
        ("response_type", "code id_token"),
        ("redirect_uri", WEB),
        ("scope", "openid profile"),
        ("nonce", "n"),
    ];
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    let answer = browser.submit(&consent, "consent", &[]);
    assert!(header(&answer, "location").starts_with(&format!("{WEB}#")), "tokens never stand in a query");
    let fields = landed(&answer);
    let id = claims(&json!(fields["id_token"]));
    assert_eq!((&id["nonce"], &id["aud"]), (&json!("n"), &json!(app_id)));
    assert!(id["c_hash"].is_string() && fields.contains_key("code"));
    // The access token is another switch, and that is off.
    let implicit = changed(&query, &[("response_type", "id_token token")]);
    let refused = landed(&browser.get(&authorize_url(&implicit)));
    assert_eq!(refused["error"], "unsupported_response_type");
    assert!(refused["error_description"].starts_with("AADSTS700051"));
}

#[test]
fn version_1_as_old_clients_speak_it() {
    let world = world();
    let query =
        changed(&az(), &[("scope", ""), ("resource", "https://management.azure.com/"), ("prompt", "")]);
    let mut browser = world.browser();
    let page = browser.get(&format!("/contoso.example/oauth2/authorize?{}", encoded(&query)));
    let code = landed(&browser.sign_in(&page, USER, PASSWORD))["code"].clone();
    let form = changed(&redemption(&code), &[("scope", ""), ("resource", "https://management.azure.com/")]);
    let reply = body(&world.post("/contoso.example/oauth2/token", &form));
    assert_eq!(
        (&reply["expires_in"], &reply["resource"]),
        (&json!("3599"), &json!("https://management.azure.com/"))
    );
    assert_eq!(claims(&reply["id_token"])["ver"], "1.0");
    assert_eq!(claims(&reply["access_token"])["aud"], "https://management.azure.com/");
}
