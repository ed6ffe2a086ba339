//! What users and administrators agree to.

use gatepost_directory::Registration;
use gatepost_names::ObjectId;
use serde_json::json;

use crate::fixture::*;

fn request<'a>(app_id: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("client_id", app_id),
        ("response_type", "code"),
        ("redirect_uri", WEB),
        ("scope", scope),
        ("state", "s"),
    ]
}

fn registration(world: &World, app: &App) -> Registration {
    world.directory.registration(TENANT, app.app_id).unwrap().unwrap()
}

fn given(world: &World, user: ObjectId) -> Vec<String> {
    let (client, resource) = (registration(world, &world.web), registration(world, &world.api));
    let (client, resource) = (client.service_principal.unwrap(), resource.service_principal.unwrap());
    world.directory.delegated_scopes(TENANT, client, resource, user).unwrap()
}

#[test]
fn a_user_is_asked_once() {
    let world = world();
    let web = world.web.app_id.to_string();
    let query = request(&web, "api://orders/Orders.Read");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    let shown = text(&consent);
    for word in ["Orders API", "Read your orders", "Reads them.", "Shop &lt;script&gt;", USER] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(!shown.contains("for_all"), "a user consents for itself");
    assert_eq!(given(&world, world.user), [""; 0]);
    assert!(landed(&browser.submit(&consent, "consent", &[])).contains_key("code"));
    assert_eq!(given(&world, world.user), ["Orders.Read"]);
    assert!(landed(&browser.get(&authorize_url(&query))).contains_key("code"));
    // Unless the client wants it; and others are asked, too.
    let again = browser.get(&authorize_url(&changed(&query, &[("prompt", "consent")])));
    assert!(text(&again).contains("Permissions requested"));
    let mut other = world.browser();
    let page = other.get(&authorize_url(&query));
    assert!(text(&other.sign_in(&page, ADMIN, PASSWORD)).contains("Permissions requested"));
}

#[test]
fn a_user_may_say_no() {
    let world = world();
    let web = world.web.app_id.to_string();
    let query = request(&web, "api://orders/Orders.Read");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    let fields = landed(&browser.submit(&consent, "cancel", &[]));
    assert_eq!((fields["error"].as_str(), fields["state"].as_str()), ("access_denied", "s"));
    assert!(fields["error_description"].starts_with("AADSTS65004: "));
    assert_eq!(given(&world, world.user), [""; 0]);
    let silent = changed(&query, &[("prompt", "none")]);
    assert_eq!(landed(&browser.get(&authorize_url(&silent)))["error"], "consent_required");
}

#[test]
fn what_only_administrators_give() {
    let world = world();
    let web = world.web.app_id.to_string();
    let query = request(&web, "api://orders/Orders.Manage");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let refused = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&refused).contains("Need admin approval"), "{}", text(&refused));
    // A form of one's own making is no way around it: the page's ticket is good, the user's right is asked again.
    let forced = browser.submit(&refused, "other", &[]);
    let stolen = form(&text(&refused), "other").fields["ticket"].clone();
    let sent = encoded(&[("step", "consent"), ("ticket", &stolen), ("for_all", "1")]);
    drop(forced);
    let cookie = format!("__Host-gatepost={}", browser.cookie.clone().unwrap());
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie.as_str())];
    let answer = world.call(http::Method::POST, &authorize_url(&query), &headers, &sent);
    assert!(text(&answer).contains("AADSTS90094"), "{}", text(&answer));
    assert_eq!(given(&world, world.user), [""; 0]);

    // The administrator gives it, for everybody.
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, ADMIN, PASSWORD);
    assert!(text(&consent).contains("Consent on behalf of your organization"));
    assert!(landed(&browser.submit(&consent, "consent", &[("for_all", "1")])).contains_key("code"));
    assert_eq!(given(&world, world.user), ["Orders.Manage"]);
    let mut browser = world.browser();
    assert!(browser.authorize(&query, USER).contains_key("code"));
}

#[test]
fn a_box_that_was_added_to_the_page() {
    let world = world();
    let web = world.web.app_id.to_string();
    let query = request(&web, "api://orders/Orders.Read");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    let answer = browser.submit(&consent, "consent", &[("for_all", "1")]);
    assert!(text(&answer).contains("AADSTS90094"), "{}", text(&answer));
    assert_eq!(given(&world, ObjectId(uuid::Uuid::nil())), [""; 0]);
}

#[test]
fn an_administrator_consents_ahead() {
    let world = world();
    let web = world.web.app_id.to_string();
    let url = |scope: &str| {
        let query = [("client_id", web.as_str()), ("redirect_uri", WEB), ("state", "s"), ("scope", scope)];
        format!("/{TENANT}/v2.0/adminconsent?{}", encoded(&query))
    };
    let mut browser = world.browser();
    let page = browser.get(&url("api://orders/Orders.Manage api://orders/Orders.Read"));
    let consent = browser.sign_in(&page, ADMIN, PASSWORD);
    let fields = landed(&browser.submit(&consent, "consent", &[]));
    assert_eq!((fields["admin_consent"].as_str(), fields["tenant"].clone()), ("True", TENANT.to_string()));
    assert_eq!(given(&world, world.user), ["Orders.Manage", "Orders.Read"]);
    let mut browser = world.browser();
    let page = browser.get(&url("api://orders/Orders.Manage"));
    assert!(text(&browser.sign_in(&page, USER, PASSWORD)).contains("Need admin approval"));
    let elsewhere = [("client_id", web.as_str()), ("redirect_uri", "https://evil.example/")];
    let answer = browser.get(&format!("/{TENANT}/adminconsent?{}", encoded(&elsewhere)));
    assert!(text(&answer).contains("AADSTS50011"));
}

#[test]
fn permissions_that_nobody_publishes() {
    let world = world();
    let web = world.web.app_id.to_string();
    let mut browser = world.browser();
    for (scope, code) in [
        ("api://orders/Nothing", "AADSTS650053"),
        ("api://nobody/x", "AADSTS500011"),
        ("https://localhost:8445/.default api://orders/Orders.Read", "AADSTS70011"),
    ] {
        let query = request(&web, scope);
        let mut answer = browser.get(&authorize_url(&query));
        if text(&answer).contains("<h1>Sign in</h1>") {
            answer = browser.sign_in(&answer, USER, PASSWORD);
        }
        let fields = landed(&answer);
        assert!(fields["error_description"].starts_with(code), "{scope}: {fields:?}");
    }
}

#[test]
fn applications_for_assigned_users_only() {
    let world = world();
    let web = registration(&world, &world.web);
    let sent = properties(json!({"appRoleAssignmentRequired": true}));
    let key = gatepost_directory::ObjectKey::Id(web.service_principal.unwrap());
    let kind = gatepost_directory::ObjectKind::ServicePrincipal;
    world.directory.update(&world.admin, kind, &key, &sent).unwrap();
    let app_id = world.web.app_id.to_string();
    let query = request(&app_id, "openid");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    let fields = landed(&browser.submit(&consent, "consent", &[]));
    assert_eq!(fields["error"], "access_denied");
    assert!(fields["error_description"].starts_with("AADSTS50105: "), "{fields:?}");
}

/// Makes the API publish its first permission under another name, or say something else of it.
fn republish(world: &World, value: &str, description: &str) {
    let sent = properties(json!({"api": {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [
        {"id": "11111111-0000-4000-8000-000000000001", "value": "Orders.Read", "type": "User", "isEnabled": true,
         "userConsentDisplayName": "Read your orders", "userConsentDescription": description},
        {"id": "11111111-0000-4000-8000-000000000002", "value": "Orders.Manage", "type": "User", "isEnabled": true,
         "userConsentDisplayName": "Manage all orders"},
    ]}}));
    let key = gatepost_directory::ObjectKey::Id(world.api.object);
    let kind = gatepost_directory::ObjectKind::Application;
    world.directory.update(&world.admin, kind, &key, &sent).unwrap();
    let ids = [("Orders.Read", 1), ("Orders.Manage", 2)];
    let id = ids.iter().find(|(known, _)| *known == value).map(|(_, id)| *id).unwrap();
    let sent = properties(json!({"requiredResourceAccess": [{"resourceAppId": world.api.app_id,
        "resourceAccess": [{"id": format!("11111111-0000-4000-8000-00000000000{id}"), "type": "Scope"}]}]}));
    let key = gatepost_directory::ObjectKey::Id(world.web.object);
    world.directory.update(&world.admin, kind, &key, &sent).unwrap();
}

#[test]
fn consent_is_given_to_what_the_page_showed() {
    let world = world();
    republish(&world, "Orders.Read", "Reads them.");
    let web = world.web.app_id.to_string();
    let query = request(&web, "api://orders/.default");
    let mut browser = world.browser();
    let page = browser.get(&authorize_url(&query));
    let consent = browser.sign_in(&page, USER, PASSWORD);
    assert!(text(&consent).contains("Read your orders"));
    // The client comes to need more while the page is open.
    republish(&world, "Orders.Manage", "Reads them.");
    let again = browser.submit(&consent, "consent", &[]);
    assert!(text(&again).contains("Permissions requested") && text(&again).contains("Manage all orders"));
    assert_eq!(given(&world, world.user), [""; 0]);
    assert!(landed(&browser.submit(&again, "consent", &[])).contains_key("code"));
    assert_eq!(given(&world, world.user), ["Orders.Manage"]);
}

#[test]
fn an_administrator_gives_everybody_what_the_page_showed() {
    let world = world();
    republish(&world, "Orders.Read", "Reads them.");
    let web = world.web.app_id.to_string();
    let mut browser = world.browser();
    let query = [("client_id", web.as_str()), ("redirect_uri", WEB), ("state", "s")];
    let ahead = browser.get(&format!("/{TENANT}/adminconsent?{}", encoded(&query)));
    let ahead = browser.sign_in(&ahead, ADMIN, PASSWORD);
    let page = browser.get(&authorize_url(&request(&web, "api://orders/.default")));
    for (page, filled) in [(&ahead, vec![]), (&page, vec![("for_all", "1")]), (&page, vec![])] {
        assert!(text(page).contains("Read your orders"), "{}", text(page));
        republish(&world, "Orders.Manage", "Reads them.");
        let again = browser.submit(page, "consent", &filled);
        assert!(text(&again).contains("Manage all orders"), "{}", text(&again));
        // The words are part of what was shown.
        republish(&world, "Orders.Read", "Reads them, and all others.");
        let again = browser.submit(page, "consent", &filled);
        assert!(text(&again).contains("and all others"), "{}", text(&again));
        assert_eq!(given(&world, world.user), [""; 0]);
        republish(&world, "Orders.Read", "Reads them.");
    }
    assert!(landed(&browser.submit(&page, "consent", &[("for_all", "1")])).contains_key("code"));
    assert_eq!(given(&world, world.user), ["Orders.Read"]);
}
