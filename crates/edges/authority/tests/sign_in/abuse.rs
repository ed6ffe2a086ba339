//! What somebody might try who means ill.

use gatepost_https::Edge;
use gatepost_oauth::Resource;
use http::Method;

use crate::fixture::*;

#[test]
fn nobody_is_sent_where_the_client_is_not() {
    let world = world();
    for uri in [
        "https://evil.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://localhost:80@evil.example/",
        "https://localhost:53712",
        "http://127.0.0.1:53712",
        "http://localhost:53712/other",
        "http://localhost#x",
        "javascript:alert(1)",
        "//evil.example",
        "/\\evil.example",
        "http://localhost:53712\r\nSet-Cookie: x=y",
    ] {
        let answer = world.browser().get(&authorize_url(&changed(&az(), &[("redirect_uri", uri)])));
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (400, ""), "{uri}");
        let page = text(&answer);
        assert!(page.contains("AADSTS50011") && !page.contains("<form"), "{uri}: {page}");
        assert!(page.contains("Correlation ID"));
    }
}

#[test]
fn mistakes_before_the_redirect_uri_is_known_stay_here() {
    let world = world();
    for (changes, code) in [
        (("client_id", ""), "AADSTS900144"),
        (("client_id", "<b>"), "AADSTS700016"),
        (("client_id", "11111111-1111-4111-8111-111111111111"), "AADSTS700016"),
        (("response_mode", "web_message"), "AADSTS70007"),
    ] {
        let answer = world.browser().get(&authorize_url(&changed(&az(), &[changes])));
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (400, ""), "{changes:?}");
        assert!(text(&answer).contains(code), "{changes:?}: {}", text(&answer));
        assert!(!text(&answer).contains("<b>"));
    }
    let app_id = world.web.app_id.to_string();
    let multi = [
        ("client_id", app_id.as_str()),
        ("redirect_uri", WEB),
        ("response_type", "code"),
        ("scope", "openid"),
    ];
    let answer = world.browser().get(&format!("/common/oauth2/v2.0/authorize?{}", encoded(&multi)));
    assert!(text(&answer).contains("AADSTS50194"));
    // Another tenant does not know the client at all.
    let answer = world.browser().get(&format!("/{OTHER}/oauth2/v2.0/authorize?{}", encoded(&multi)));
    assert!(text(&answer).contains("AADSTS700016"));
}

#[test]
fn pkce_cannot_be_left_out() {
    let world = world();
    let without =
        changed(&az(), &[("code_challenge", ""), ("code_challenge_method", ""), ("response_mode", "query")]);
    let spa = world.web.app_id.to_string();
    let spa = changed(&without, &[("client_id", &spa), ("redirect_uri", "https://spa.example/")]);
    for query in [&without, &spa] {
        let fields = landed(&world.browser().get(&authorize_url(query)));
        assert_eq!(fields["error"], "invalid_request");
        assert!(fields["error_description"].starts_with("AADSTS9002325"), "{fields:?}");
    }
    for changes in [
        [("code_challenge_method", "plain"), ("code_challenge", VERIFIER)],
        [("code_challenge_method", ""), ("code_challenge", CHALLENGE)],
        [("code_challenge_method", "S256"), ("code_challenge", "short")],
    ] {
        let query = changed(&changed(&az(), &[("response_mode", "query")]), &changes);
        let fields = landed(&world.browser().get(&authorize_url(&query)));
        assert!(fields["error_description"].starts_with("AADSTS501491"), "{changes:?}: {fields:?}");
    }
}

#[test]
fn forms_of_other_sites_do_nothing() {
    let world = world();
    let url = authorize_url(&az());
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let steps: [&[(&str, &str)]; 6] = [
        &[("step", "password"), ("username", USER), ("password", PASSWORD)],
        &[("step", "factor"), ("otp", "000000")],
        &[("step", "new-password"), ("password", PASSWORD), ("new", "x"), ("again", "x")],
        &[("step", "consent"), ("for_all", "1")],
        &[("step", "account")],
        &[("step", "cancel")],
    ];
    let mut browser = world.browser();
    let page = browser.get(&url);
    let mine = form(&text(&page), "password").fields["ticket"].clone();
    let cookie = browser.cookie.clone().unwrap();
    let mut another = world.browser();
    another.get(&url);
    let others_cookie = another.cookie.clone().unwrap();
    for step in steps {
        // No ticket; a ticket without its cookie; a ticket with somebody else's cookie; a forged one.
        for (ticket, cookie) in [
            ("", Some(&cookie)),
            (mine.as_str(), None),
            (mine.as_str(), Some(&others_cookie)),
            ("eyJwYWdlIjoic2lnbi1pbiJ9.AAAA", Some(&cookie)),
        ] {
            let mut pairs = step.to_vec();
            pairs.push(("ticket", ticket));
            let mut headers = kind.to_vec();
            let cookie = cookie.map(|cookie| format!("__Host-gatepost={cookie}"));
            headers.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
            let answer = world.call(Method::POST, &url, &headers, &encoded(&pairs));
            assert_eq!((answer.status().as_u16(), header(&answer, "location")), (400, ""), "{step:?}");
            assert!(text(&answer).contains("AADSTS50089"), "{step:?}: {}", text(&answer));
        }
    }
    // A ticket is for its own request, and for an hour.
    let other = authorize_url(&changed(&az(), &[("scope", "https://localhost:8446//.default")]));
    let cookie = format!("__Host-gatepost={cookie}");
    let headers = [kind[0], ("cookie", cookie.as_str())];
    let pairs = [("step", "password"), ("ticket", mine.as_str()), ("username", USER), ("password", PASSWORD)];
    let answer = world.call(Method::POST, &other, &headers, &encoded(&pairs));
    assert!(text(&answer).contains("AADSTS50089"));
    world.later(3601);
    let answer = world.call(Method::POST, &url, &headers, &encoded(&pairs));
    assert!(text(&answer).contains("AADSTS50089"));
}

#[test]
fn signing_in_gives_a_new_cookie() {
    let world = world();
    let mut browser = world.browser();
    // A cookie that an attacker chose.
    browser.cookie = Some("attacker-knows-this-cookie".to_owned());
    let page = browser.get(&authorize_url(&az()));
    browser.sign_in(&page, USER, PASSWORD);
    assert_ne!(browser.cookie.as_deref(), Some("attacker-knows-this-cookie"));
    assert!(world.tokens.session("attacker-knows-this-cookie").unwrap().is_none());
}

#[test]
fn an_unknown_user_reads_the_same_as_a_wrong_password() {
    let world = world();
    let said = |login: &str| {
        let mut browser = world.browser();
        let page = browser.get(&authorize_url(&az()));
        let answer = browser.sign_in(&page, login, "wrong");
        let page = text(&answer);
        let ticket = form(&page, "password").fields["ticket"].clone();
        page.replace(&ticket, "").replace(login, "").to_lowercase()
    };
    let wrong = said(USER);
    assert!(wrong.contains("your account or password is incorrect."));
    for login in ["nobody@contoso.example", "eve@fabrikam.example", "x@nowhere.example", "no domain"] {
        assert_eq!(said(login), wrong, "{login}");
    }
}

#[test]
fn what_comes_from_outside_is_text() {
    let world = world();
    let evil = "\"><script>alert(1)</script>";
    let mut browser = world.browser();
    let page = browser
        .get(&authorize_url(&changed(&az(), &[("state", evil), ("login_hint", evil), ("prompt", "")])));
    assert!(text(&page).contains("&lt;script&gt;") && !text(&page).contains("<script>alert"));
    let page = browser.sign_in(&page, evil, "x");
    assert!(!text(&page).contains("<script>alert"));
    let answer = browser.sign_in(&page, USER, PASSWORD);
    // The hint is of another user: the client gets its answer all the same.
    assert_eq!(landed(&answer)["state"], evil);
    assert!(!text(&answer).contains("<script>alert"));
    for target in [
        "/device?user_code=%22%3E%3Cscript%3E",
        "/error?code=%3Cscript%3E",
        "/%3Cscript%3E/oauth2/v2.0/authorize",
    ] {
        assert!(!text(&browser.get(target)).contains("<script>"), "{target}");
    }
}

#[test]
fn tokens_of_one_tenant_at_another() {
    let world = world();
    let mut browser = world.browser();
    let at_home = changed(&az(), &[("prompt", "")]);
    let page = browser.get(&format!("/{OTHER}/oauth2/v2.0/authorize?{}", encoded(&at_home)));
    let code = landed(&browser.sign_in(&page, "eve@fabrikam.example", PASSWORD))["code"].clone();
    // A session there is none here.
    let silent = changed(&at_home, &[("prompt", "none")]);
    assert_eq!(landed(&browser.get(&authorize_url(&silent)))["error"], "login_required");
    expect(&world.token(&redemption(&code)), 400, "invalid_grant", 70_000);
    let reply = body(&world.post(&format!("/{OTHER}/oauth2/v2.0/token"), &redemption(&code)));
    let caller =
        world.tokens.verify(reply["access_token"].as_str().unwrap(), Resource::ResourceManager).unwrap();
    assert_eq!(caller.tenant, OTHER);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &world.web.app_id.to_string()),
        ("client_secret", &world.web.secret),
        ("scope", "https://localhost:8445/.default"),
    ];
    let elsewhere = world.post(&format!("/{OTHER}/oauth2/v2.0/token"), &form);
    expect(&elsewhere, 400, "unauthorized_client", 700_016);
}

#[test]
fn id_tokens_open_nothing() {
    let world = world();
    let code = world.browser().authorize(&az(), USER)["code"].clone();
    let reply = body(&world.token(&redemption(&code)));
    for resource in Resource::ALL {
        assert!(world.tokens.verify(reply["id_token"].as_str().unwrap(), resource).is_err());
    }
    assert!(world.tokens.userinfo(reply["id_token"].as_str().unwrap()).is_err());
    assert!(
        world.tokens.userinfo(reply["access_token"].as_str().unwrap()).is_err(),
        "that is for another resource"
    );
}

#[test]
fn signing_out() {
    let world = world();
    let mut browser = world.browser();
    let code = browser.authorize(&az(), USER)["code"].clone();
    let reply = body(&world.token(&redemption(&code)));
    let logout = format!("/{TENANT}/oauth2/v2.0/logout");
    // A link of anybody's asks; the page's button does it.
    let page = browser.get(&format!("{logout}?post_logout_redirect_uri=https://evil.example/"));
    assert!(text(&page).contains("<h1>Sign out</h1>"));
    let silent = authorize_url(&changed(&az(), &[("prompt", "none")]));
    assert!(landed(&browser.get(&silent)).contains_key("code"));
    let done = browser.submit(&page, "sign-out", &[]);
    assert!(text(&done).contains("You signed out") && header(&done, "location").is_empty());
    assert_eq!(landed(&browser.get(&silent))["error"], "login_required");

    // With the user's ID token it needs no question; and leads where the client is, nowhere else.
    let id_token = reply["id_token"].as_str().unwrap();
    browser.authorize(&az(), USER);
    let query =
        encoded(&[("id_token_hint", id_token), ("post_logout_redirect_uri", "https://evil.example/")]);
    let done = browser.get(&format!("{logout}?{query}"));
    assert!(text(&done).contains("You signed out") && header(&done, "location").is_empty());
    let web = world.web.app_id.to_string();
    let query = encoded(&[("client_id", &web), ("post_logout_redirect_uri", WEB), ("state", "s t")]);
    assert_eq!(header(&browser.get(&format!("{logout}?{query}")), "location"), format!("{WEB}?state=s+t"));
    // Another user's ID token is no hint either: it is whoever has it that would sign this user out.
    let mut other = world.browser();
    other.authorize(&az(), ADMIN);
    let query = encoded(&[("id_token_hint", id_token)]);
    assert!(text(&other.get(&format!("{logout}?{query}"))).contains("<h1>Sign out</h1>"));
    // An access token is no hint: resources see those.
    browser.authorize(&az(), USER);
    let query = encoded(&[("id_token_hint", reply["access_token"].as_str().unwrap())]);
    assert!(text(&browser.get(&format!("{logout}?{query}"))).contains("<h1>Sign out</h1>"));
}

#[test]
fn no_input_makes_it_fail_inside() {
    let world = world();
    let long = "x".repeat(60_000);
    let junk = ["", "\u{0}", "%", "\u{202e}", "'; DROP TABLE", &long];
    for value in junk {
        for name in [
            "grant_type",
            "client_id",
            "scope",
            "code",
            "refresh_token",
            "claims",
            "username",
            "client_assertion",
        ] {
            for grant in
                ["authorization_code", "refresh_token", "password", "device_code", "client_credentials"]
            {
                let mut form =
                    vec![("grant_type", grant), ("client_id", AZ), ("scope", ARM), ("username", USER)];
                form.extend([("code", "x"), ("refresh_token", "x")]);
                form.retain(|(key, _)| *key != name);
                form.push((name, value));
                if grant == "password" && name == "username" {
                    form.push(("password", "x"));
                }
                let answer = world.token(&form);
                assert!((400..500).contains(&answer.status().as_u16()), "{grant} {name}: {}", text(&answer));
            }
        }
        let query = encoded(&[("client_id", AZ), ("state", value), ("scope", value), ("user_code", value)]);
        for target in [
            authorize_url(&[]),
            "/device".to_owned(),
            format!("/{TENANT}/oauth2/v2.0/logout"),
            format!("/{TENANT}/adminconsent"),
        ] {
            let target = target.trim_end_matches('?');
            let answer = world.browser().get(&format!("{target}?{query}"));
            assert!(answer.status().as_u16() < 500 || answer.status() == 503, "{target}: {}", text(&answer));
        }
    }
    assert!(world.authority.body_limit() <= 64 * 1024);
}

#[test]
fn scripts_elsewhere_may_ask_for_tokens_but_have_no_cookie() {
    let world = world();
    let target = format!("/{TENANT}/oauth2/v2.0/token");
    let preflight = world.call(Method::OPTIONS, &target, &[("origin", "https://spa.example")], "");
    assert_eq!((preflight.status().as_u16(), header(&preflight, "access-control-allow-origin")), (204, "*"));
    let answer = world.post(&target, &[]);
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    for answer in [preflight, answer] {
        assert_eq!(header(&answer, "access-control-allow-credentials"), "");
    }
    let page = world.browser().get(&authorize_url(&az()));
    assert_eq!(header(&page, "access-control-allow-origin"), "");
}

#[test]
fn forms_are_sent_to_this_origin_whatever_the_path_looks_like() {
    let world = world();
    let mut browser = world.browser();
    browser.authorize(&az(), USER);
    for path in [
        "//contoso.example/oauth2/v2.0/authorize",
        "///contoso.example//oauth2/authorize",
        "/\\contoso.example/oauth2/v2.0/authorize",
    ] {
        let page = world.browser().get(&format!("{path}?{}", encoded(&az())));
        if page.status() == 200 {
            assert!(form(&text(&page), "password").action.starts_with("/contoso.example/oauth2/"), "{path}");
        }
    }
    let page = browser.get("//evil.example/oauth2/v2.0/logout");
    assert!(form(&text(&page), "sign-out").action.starts_with("/evil.example/oauth2/v2.0/logout?"));
}
