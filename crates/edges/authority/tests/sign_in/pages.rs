//! The pages themselves, and what users meet on them.

use gatepost_directory::UserError;

use crate::fixture::*;

#[test]
fn what_every_page_uses() {
    let world = world();
    let style = world.browser().get("/assets/gatepost.css");
    assert_eq!((style.status().as_u16(), header(&style, "content-type")), (200, "text/css; charset=utf-8"));
    let sheet = text(&style);
    assert!(sheet.contains("prefers-color-scheme: dark") && sheet.contains(":focus-visible"));
    assert!(!sheet.contains("http:") && !sheet.contains("https:") && !sheet.contains("@import"));
    let script = world.browser().get("/assets/post.js");
    assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(world.browser().get("/assets/other.js").status(), 404);
}

#[test]
fn every_field_has_a_label_and_every_page_a_heading() {
    let world = world();
    let mut browser = world.browser();
    let mut pages = vec![browser.get(&authorize_url(&az())), browser.get("/device")];
    let signed = browser.sign_in(&pages[0], USER, "wrong");
    pages.push(signed);
    for page in &pages {
        let page = text(page);
        assert!(
            page.starts_with("<!doctype html>\n<html lang=\"en\">") && page.contains("width=device-width")
        );
        assert_eq!(page.matches("<h1>").count(), 1, "{page}");
        for field in page.split("<input ").skip(1).filter(|field| !field.contains("type=\"hidden\"")) {
            let id = field.split(" id=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(page.contains(&format!("<label for=\"{id}\">")), "{id}: {page}");
        }
    }
    assert!(text(&pages[2]).contains("role=\"alert\"") && text(&pages[2]).contains("aria-invalid=\"true\""));
}

#[test]
fn many_wrong_passwords_lock_the_user_out_for_a_while() {
    let world = world();
    let mut browser = world.browser();
    let mut page = browser.get(&authorize_url(&az()));
    let mut locked = false;
    for n in 0..60 {
        // The same wrong password again is a typing mistake; others are guesses.
        page = browser.sign_in(&page, USER, &format!("wrong {n}"));
        locked = text(&page).contains("locked");
        if locked {
            break;
        }
    }
    assert!(locked, "{}", text(&page));
    let refused = world.directory.sign_in_password(TENANT, USER, PASSWORD, None);
    assert!(matches!(refused, Err(UserError::Locked { .. })));
}

#[test]
fn a_password_that_somebody_else_chose_is_replaced() {
    let world = world();
    world.store.write(|tx| world.directory.require_password_change(tx, TENANT, world.user, true)).unwrap();
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&az()));
    let page = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&page).contains("Update your password"), "{}", text(&page));
    let new = "an even better horse staple 7";
    let fill = |old: &'static str, new: &'static str, again: &'static str| {
        [("password", old), ("new", new), ("again", again)]
    };
    let page = browser.submit(&page, "new-password", &fill(PASSWORD, new, "different"));
    assert!(text(&page).contains("The two passwords differ."));
    let page = browser.submit(&page, "new-password", &fill("wrong", new, new));
    assert!(text(&page).contains("The current password is wrong."));
    let page = browser.submit(&page, "new-password", &fill(PASSWORD, "short", "short"));
    assert!(text(&page).contains("role=\"alert\""));
    let answer = browser.submit(&page, "new-password", &fill(PASSWORD, new, new));
    assert!(landed(&answer).contains_key("code"));
    // The grant `password` has no page to ask on.
    world.store.write(|tx| world.directory.require_password_change(tx, TENANT, world.user, true)).unwrap();
    let form = [
        ("grant_type", "password"),
        ("client_id", AZ),
        ("username", USER),
        ("password", new),
        ("scope", ARM),
    ];
    expect(&world.token(&form), 400, "invalid_grant", 50_055);
}

#[test]
fn refusals_have_pages_of_their_own() {
    let world = world();
    let page = world.browser().get("/error?code=7000215");
    assert!(text(&page).contains("AADSTS7000215: The client secret is wrong"));
    assert_eq!(world.browser().get("/error?code=1").status(), 404);
}

/// The code that an authenticator shows now for a secret in base32.
fn shown_code(world: &World, secret: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = secret.chars().map(|c| format!("{:05b}", alphabet.find(c).unwrap())).collect();
    let key: Vec<u8> = (0..bits.len() / 8)
        .map(|at| u8::from_str_radix(bits.get(at * 8..at * 8 + 8).unwrap(), 2).unwrap())
        .collect();
    let step = world.clock.now().as_second() / gatepost_credentials::totp::STEP;
    format!("{:06}", gatepost_credentials::totp::code(&key, step))
}

#[test]
fn a_second_factor_is_asked_for() {
    let world = world();
    let enrolment = world.directory.begin_totp(TENANT, world.user, "Gatepost").unwrap();
    let code = shown_code(&world, &enrolment.secret);
    world.directory.confirm_totp(TENANT, world.user, &code).unwrap();
    world.later(60);
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&az()));
    let page = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&page).contains("Verify your identity") && text(&page).contains("one-time-code"));
    // The password alone signs nobody in.
    let silent = authorize_url(&changed(&az(), &[("prompt", "none")]));
    assert_eq!(landed(&browser.get(&silent))["error"], "login_required");
    let page = browser.submit(&page, "factor", &[("otp", "000000")]);
    assert!(text(&page).contains("That code is wrong, or was used before."));
    let code = shown_code(&world, &enrolment.secret);
    let spaced = format!(" {} {} ", code.get(..3).unwrap(), code.get(3..).unwrap());
    let answer = browser.submit(&page, "factor", &[("otp", &spaced)]);
    let reply = body(&world.token(&redemption(&landed(&answer)["code"])));
    assert_eq!(claims(&reply["access_token"])["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
    // A code is good once, in another browser too.
    let mut other = world.browser();
    let page = other.get(&authorize_url(&az()));
    let page = other.sign_in(&page, USER, PASSWORD);
    assert!(text(&other.submit(&page, "factor", &[("otp", &code)])).contains("was used before"));
    // Without a page there is nowhere to ask.
    let form = [
        ("grant_type", "password"),
        ("client_id", AZ),
        ("username", USER),
        ("password", PASSWORD),
        ("scope", ARM),
    ];
    expect(&world.token(&form), 400, "invalid_grant", 50_076);
    assert_eq!(body(&world.token(&form))["suberror"], "basic_action");
}

/// A browser whose user has proved the password and is asked for the second factor; the factor's secret too.
fn half_signed_in(world: &World) -> (Browser<'_>, http::Response<bytes::Bytes>, String) {
    let enrolment = world.directory.begin_totp(TENANT, world.user, "Gatepost").unwrap();
    let code = shown_code(world, &enrolment.secret);
    world.directory.confirm_totp(TENANT, world.user, &code).unwrap();
    world.later(60);
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&az()));
    let page = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&page).contains("Verify your identity"));
    (browser, page, enrolment.secret)
}

#[test]
fn a_proved_password_ends_with_its_revocation() {
    let world = world();
    let (mut browser, page, secret) = half_signed_in(&world);
    world.later(1);
    let now = world.clock.micros();
    world.store.write(|tx| gatepost_store::sessions::invalidate_user(tx, TENANT, world.user, now)).unwrap();
    let answer = browser.submit(&page, "factor", &[("otp", &shown_code(&world, &secret))]);
    assert!(text(&answer).contains("AADSTS50089"), "{}", text(&answer));
    assert!(text(&browser.submit(&page, "factor", &[("otp", "0")])).contains("AADSTS50089"));
}

#[test]
fn a_proved_password_ends_with_the_user() {
    let world = world();
    let (mut browser, page, secret) = half_signed_in(&world);
    let key = gatepost_directory::ObjectKey::Id(world.user);
    let sent = properties(serde_json::json!({"accountEnabled": false}));
    world.directory.update(&world.admin, gatepost_directory::ObjectKind::User, &key, &sent).unwrap();
    let answer = browser.submit(&page, "factor", &[("otp", &shown_code(&world, &secret))]);
    assert!(text(&answer).contains("AADSTS50089"), "{}", text(&answer));
}

#[test]
fn a_proved_password_lasts_for_ten_minutes() {
    let world = world();
    let (mut browser, page, secret) = half_signed_in(&world);
    world.later(590);
    // Trying makes it last no longer.
    let again = browser.submit(&page, "factor", &[("otp", "000000")]);
    assert!(text(&again).contains("That code is wrong"));
    world.later(11);
    for page in [&page, &again] {
        let answer = browser.submit(page, "factor", &[("otp", &shown_code(&world, &secret))]);
        assert!(text(&answer).contains("AADSTS50089"), "{}", text(&answer));
    }
}
