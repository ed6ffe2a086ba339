//! Sending and readiness: everything in place, each single thing missing, and put right again without a
//! restart.

use std::time::Duration;

use gatepost_access::RequestOrigin;
use gatepost_directory::{ClientError, ObjectKey, ObjectKind};
use gatepost_names::{EmailAddress, PrincipalKind};
use serde_json::json;
use uuid::Uuid;

use super::fixture::{ORIGIN, Ready, SECRET_SECONDS};
use super::{ACTIONS_TO_SEND, SenderRefusal, SignInRefusal};
use crate::{Acted, ResourceError};

fn signs_in(ready: &Ready) -> Result<(), SignInRefusal> {
    let identity = ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN)?;
    assert_eq!(identity.service, ready.fixture.id(&ready.service));
    assert_eq!(identity.caller.object_id, ready.app.principal);
    Ok(())
}

/// The checks that fail now.
fn failing(ready: &Ready) -> Vec<String> {
    let readiness = ready.readiness(Ready::USERNAME);
    assert_eq!(readiness.ready, readiness.checks.iter().all(|check| check.passed));
    assert_eq!(readiness.status, if readiness.ready { "Ready to use" } else { "Not ready" });
    readiness.checks.into_iter().filter(|check| !check.passed).map(|check| check.name).collect()
}

fn detail(ready: &Ready, name: &str) -> String {
    ready.readiness(Ready::USERNAME).checks.into_iter().find(|check| check.name == name).unwrap().detail
}

#[test]
fn everything_in_place_is_ready_and_sends() {
    let ready = Ready::new();
    assert_eq!(failing(&ready), Vec::<String>::new());
    signs_in(&ready).unwrap();
    let identity = ready.fixture.sending.sign_in_with_secret("MAILER", &ready.app.secret, ORIGIN).unwrap();
    ready.fixture.sending.authorize(&identity).unwrap();
    let sender = ready.sender();
    ready.fixture.sending.check_sender(&identity, &sender).unwrap();
    let shouted = EmailAddress::parse(&sender.to_string().to_uppercase()).unwrap();
    ready.fixture.sending.check_sender(&identity, &shouted).unwrap();
    assert!(detail(&ready, ACTIONS_TO_SEND[0]).contains("'Mail sender'"));
    assert!(detail(&ready, "liveCredential").contains("ends at 20"));
}

#[test]
fn all_three_forms_of_username_sign_in() {
    let ready = Ready::new();
    let domain = ready.sender().domain().to_string();
    let email = format!("newsletter@{domain}");
    ready.username(&email);
    let (app, tenant) = (ready.app.app_id, ready.fixture.tenant);
    for (username, form) in [
        ("mailer".to_owned(), "freeText"),
        (email, "emailAddress"),
        (format!("contoso.{app}.{tenant}"), "legacy"),
        (format!("Contoso|{app}|{tenant}"), "legacy"),
    ] {
        let identity =
            ready.fixture.sending.sign_in_with_secret(&username, &ready.app.secret, ORIGIN).unwrap();
        assert_eq!(identity.username, username);
        ready.fixture.sending.check_sender(&identity, &ready.sender()).unwrap();
        let readiness = ready.readiness(&username).to_json();
        assert_eq!(readiness["form"], form, "{username}");
        assert_eq!(readiness["ready"], true, "{readiness:#}");
    }
}

#[test]
fn a_token_signs_its_own_application_in() {
    let ready = Ready::new();
    let directory = &ready.fixture.platform.directory;
    let token_of = |app: &super::fixture::App, audience: &str| {
        let client = directory.verify_secret(ready.fixture.tenant, app.app_id, &app.secret).unwrap();
        let issued = ready.fixture.tokens.client_credentials(ready.fixture.tenant, &client, audience, &[]);
        issued.unwrap().access_token
    };
    let sending = &ready.fixture.sending;
    let communication = "https://communication.azure.com";
    let token = token_of(&ready.app, communication);
    let identity = sending.sign_in_with_token(Ready::USERNAME, &token, ORIGIN).unwrap();
    assert_eq!(identity.app_id, ready.app.app_id);
    sending.check_sender(&identity, &ready.sender()).unwrap();

    let other = ready.fixture.application("Other");
    let refused = sending.sign_in_with_token(Ready::USERNAME, &token_of(&other, communication), ORIGIN);
    assert!(matches!(refused, Err(SignInRefusal::OtherApplication { .. })), "{refused:?}");
    let graph = token_of(&ready.app, "https://graph.microsoft.com");
    let refused = sending.sign_in_with_token(Ready::USERNAME, &graph, ORIGIN);
    assert!(matches!(refused, Err(SignInRefusal::Token(_))), "{refused:?}");
    let refused = sending.sign_in_with_token(Ready::USERNAME, "not a token", ORIGIN);
    assert!(matches!(refused, Err(SignInRefusal::Token(_))), "{refused:?}");
    assert!(matches!(
        sending.sign_in_with_token("nobody", &token, ORIGIN),
        Err(SignInRefusal::UnknownUsername(_))
    ));
}

#[test]
fn usernames_that_stand_for_nothing() {
    let ready = Ready::new();
    let (app, tenant) = (ready.app.app_id, ready.fixture.tenant);
    let nil = Uuid::nil();
    for (username, known_form) in [
        ("nobody".to_owned(), true),
        (String::new(), true),
        ("x".repeat(5000), true),
        (format!("nowhere.{app}.{tenant}"), false),
        (format!("contoso.{app}.{nil}"), false),
        (format!("a.contoso.{app}.{tenant}"), false),
    ] {
        let refused =
            ready.fixture.sending.sign_in_with_secret(&username, &ready.app.secret, ORIGIN).unwrap_err();
        assert_eq!(matches!(refused, SignInRefusal::UnknownUsername(_)), known_form, "{refused}");
        assert!(!refused.is_temporary());
        let service = ready.fixture.id(&ready.service);
        let unknown = ready.fixture.sending.readiness(&service, &username);
        assert!(matches!(unknown, Err(ResourceError::NotFound { .. })));
    }
    let refused = ready
        .fixture
        .sending
        .sign_in_with_secret(&format!("contoso.{nil}.{tenant}"), "x", ORIGIN)
        .unwrap_err();
    assert!(matches!(refused, SignInRefusal::Client { cause: ClientError::NotFound, .. }), "{refused}");
}

#[test]
fn a_wrong_secret_is_refused() {
    let ready = Ready::new();
    let refused = ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, "wrong", ORIGIN).unwrap_err();
    assert!(matches!(refused, SignInRefusal::Client { cause: ClientError::WrongSecret, .. }));
    assert!(!refused.to_string().contains(&ready.app.secret));
    assert_eq!(failing(&ready), Vec::<String>::new());
}

#[test]
fn an_expired_secret_is_refused_until_there_is_a_new_one() {
    let ready = Ready::new();
    ready.fixture.clock.advance(Duration::from_secs(SECRET_SECONDS));
    assert!(matches!(signs_in(&ready), Err(SignInRefusal::Client { cause: ClientError::ExpiredSecret, .. })));
    assert_eq!(failing(&ready), ["liveCredential"]);
    assert!(detail(&ready, "liveCredential").contains("expired"));
    let (_, secret) = ready.fixture.secret(ready.app.object);
    assert_eq!(failing(&ready), Vec::<String>::new());
    ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, &secret, ORIGIN).unwrap();
}

#[test]
fn a_removed_secret_is_refused() {
    let ready = Ready::new();
    signs_in(&ready).unwrap();
    let directory = &ready.fixture.platform.directory;
    let remove = |tx: &gatepost_store::Tx<'_>| {
        directory.remove_password(tx, ready.fixture.tenant, ready.app.object, ready.app.key_id)
    };
    ready.fixture.platform.store.write(remove).unwrap();
    assert!(matches!(signs_in(&ready), Err(SignInRefusal::Client { cause: ClientError::WrongSecret, .. })));
    assert_eq!(failing(&ready), ["liveCredential"]);
    assert!(detail(&ready, "liveCredential").contains("no client secret"));
}

#[test]
fn a_disabled_application_stops_at_once() {
    let ready = Ready::new();
    let identity =
        ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    ready.fixture.enable(ready.app.principal, false);
    for refused in [signs_in(&ready), ready.fixture.sending.authorize(&identity).map(drop)] {
        assert!(matches!(refused, Err(SignInRefusal::Client { cause: ClientError::Disabled, .. })));
    }
    assert_eq!(failing(&ready), ["applicationEnabled"]);
    ready.fixture.enable(ready.app.principal, true);
    ready.fixture.sending.authorize(&identity).unwrap();
    assert_eq!(failing(&ready), Vec::<String>::new());
}

#[test]
fn without_a_service_principal_nothing_is_allowed() {
    let mut ready = Ready::new();
    let identity =
        ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    let directory = ready.fixture.platform.directory.clone();
    let key = ObjectKey::Id(ready.app.principal);
    directory.remove(&ready.fixture.admin, ObjectKind::ServicePrincipal, &key).unwrap();
    for refused in [signs_in(&ready), ready.fixture.sending.authorize(&identity).map(drop)] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, SignInRefusal::Client { cause: ClientError::NoServicePrincipal, .. }),
            "{refused}"
        );
    }
    let mut expected = vec!["servicePrincipalExists"];
    expected.extend(ACTIONS_TO_SEND);
    assert_eq!(failing(&ready), expected);
    ready.app.principal = ready.fixture.service_principal(ready.app.app_id);
    // The new service principal is another one: the old assignment is not its.
    assert_eq!(failing(&ready), ACTIONS_TO_SEND);
    ready.assign();
    assert_eq!(failing(&ready), Vec::<String>::new());
    signs_in(&ready).unwrap();
}

#[test]
fn without_an_application_nothing_works() {
    let ready = Ready::new();
    let directory = &ready.fixture.platform.directory;
    let key = ObjectKey::Id(ready.app.object);
    directory.remove(&ready.fixture.admin, ObjectKind::Application, &key).unwrap();
    assert!(matches!(signs_in(&ready), Err(SignInRefusal::Client { cause: ClientError::NotFound, .. })));
    let failing = failing(&ready);
    assert_eq!(failing[0], "applicationExists");
    assert!(failing.contains(&"liveCredential".to_owned()));
}

#[test]
fn each_of_the_three_actions_is_needed() {
    for missing in ACTIONS_TO_SEND {
        let ready = Ready::new();
        let identity =
            ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
        let rest: Vec<&str> = ACTIONS_TO_SEND.into_iter().filter(|action| *action != missing).collect();
        ready.fixture.put_role(ready.role, "Mail sender", &rest);
        for refused in [signs_in(&ready), ready.fixture.sending.authorize(&identity).map(drop)] {
            match refused {
                Err(SignInRefusal::Denied(denied)) => assert_eq!(denied.action, missing),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(failing(&ready), [missing]);
        assert!(detail(&ready, missing).contains("Assign a role"));
        ready.fixture.put_role(ready.role, "Mail sender", &ACTIONS_TO_SEND);
        ready.fixture.sending.authorize(&identity).unwrap();
        assert_eq!(failing(&ready), Vec::<String>::new());
    }
}

#[test]
fn a_role_elsewhere_does_not_help_but_one_above_does() {
    let ready = Ready::new();
    let fixture = &ready.fixture;
    let identity = fixture.sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    fixture.unassign(ready.assignment);
    assert!(matches!(fixture.sending.authorize(&identity), Err(SignInRefusal::Denied(_))));
    assert_eq!(failing(&ready), ACTIONS_TO_SEND);
    let kind = PrincipalKind::ServicePrincipal;
    let sibling = fixture.id(&fixture.communication_service("contoso2"));
    fixture.assign(fixture.tenant, ready.app.principal, kind, ready.role, sibling.scope());
    assert!(matches!(fixture.sending.authorize(&identity), Err(SignInRefusal::Denied(_))));
    assert_eq!(failing(&ready), ACTIONS_TO_SEND);
    let group = sibling.scope().parent().unwrap();
    fixture.assign(fixture.tenant, ready.app.principal, kind, ready.role, &group);
    fixture.sending.authorize(&identity).unwrap();
    assert_eq!(failing(&ready), Vec::<String>::new());
}

#[test]
fn senders_must_be_registered_at_a_linked_domain() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    let domain = ready.sender().domain().clone();
    let check = |text: &str| sending.check_sender(&identity, &EmailAddress::parse(text).unwrap());
    assert!(matches!(check(&format!("news@{domain}")), Err(SenderRefusal::UnknownSender(_))));
    for other in
        [format!("evil{domain}"), format!("sub.{domain}"), "azurecomm.net".into(), format!("{domain}.evil")]
    {
        let refused = check(&format!("donotreply@{other}"));
        assert!(matches!(refused, Err(SenderRefusal::DomainNotLinked { .. })), "{other}");
    }
    let path = format!("{}/senderUsernames/News", ready.domain);
    ready.fixture.put(&path, json!({"properties": {"username": "News"}}));
    check(&format!("news@{domain}")).unwrap();
    ready.fixture.delete(&path).unwrap();
    assert!(matches!(check(&format!("news@{domain}")), Err(SenderRefusal::UnknownSender(_))));
}

#[test]
fn an_unlinked_domain_sends_no_more() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    ready.fixture.links(&ready.service, &[]).unwrap();
    let refused = sending.check_sender(&identity, &ready.sender()).unwrap_err();
    assert!(matches!(refused, SenderRefusal::DomainNotLinked { .. }));
    assert_eq!(failing(&ready), ["verifiedDomainLinked"]);
    ready.fixture.links(&ready.service, &[&ready.domain]).unwrap();
    sending.check_sender(&identity, &ready.sender()).unwrap();
    assert_eq!(failing(&ready), Vec::<String>::new());
}

#[test]
fn a_linked_domain_that_lost_its_verification_sends_no_more() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    ready.fixture.set_verification(&ready.domain, "SPF", "VerificationFailed");
    let refused = sending.check_sender(&identity, &ready.sender()).unwrap_err();
    assert!(matches!(refused, SenderRefusal::DomainNotVerified(_)));
    assert_eq!(failing(&ready), ["verifiedDomainLinked"]);
    ready.fixture.set_verification(&ready.domain, "SPF", "Verified");
    sending.check_sender(&identity, &ready.sender()).unwrap();
}

#[test]
fn a_username_of_an_unlinked_domain_is_not_ready() {
    let ready = Ready::new();
    let email = format!("printer@{}", ready.sender().domain());
    ready.username(&email);
    let identity = ready.fixture.sending.sign_in_with_secret(&email, &ready.app.secret, ORIGIN).unwrap();
    let second = ready.fixture.managed_domain("mail2", "Europe");
    ready.fixture.links(&ready.service, &[&second]).unwrap();
    let refused = ready.fixture.sending.authorize(&identity).unwrap_err();
    assert!(matches!(refused, SignInRefusal::UsernameDomainNotLinked(_)));
    let readiness = ready.readiness(&email);
    let failing: Vec<_> = readiness.checks.iter().filter(|c| !c.passed).map(|c| c.name.as_str()).collect();
    assert_eq!(failing, ["usernameDomainLinked"]);
    assert!(ready.readiness(Ready::USERNAME).ready);
}

#[test]
fn a_username_that_is_deleted_or_changed_stops_its_open_connections() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    let path = format!("{}/smtpUsernames/mailer", ready.service);
    let mut other = ready.username_body("mailer");
    other["properties"]["entraApplicationId"] = Uuid::new_v4().to_string().into();
    ready.fixture.put(&path, other);
    assert!(matches!(sending.authorize(&identity), Err(SignInRefusal::UsernameChanged(_))));
    ready.fixture.put(&path, ready.username_body("mailer"));
    sending.authorize(&identity).unwrap();
    ready.fixture.delete(&path).unwrap();
    assert!(matches!(sending.authorize(&identity), Err(SignInRefusal::UnknownUsername(_))));
}

#[test]
fn refusals_are_kept_for_usernames_that_exist() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    sending.note_refusal("MAILER", "the client secret has expired");
    sending.note_refusal("nobody", "no such username");
    let kept = ready.readiness(Ready::USERNAME).recent_refusals;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].reason, "the client secret has expired");
    let (app, tenant) = (ready.app.app_id, ready.fixture.tenant);
    sending.note_refusal(&format!("contoso|{app}|{tenant}"), "role missing");
    assert_eq!(ready.readiness(&format!("Contoso.{app}.{tenant}")).recent_refusals[0].reason, "role missing");
}

#[test]
fn the_two_actions_answer_the_same_and_nothing_of_other_services() {
    let ready = Ready::new();
    ready.fixture.sending.note_refusal(Ready::USERNAME, "why");
    let username = json!({"username": Ready::USERNAME});
    let explained = ready.fixture.act(&ready.service, "explainSmtpUsername", username.clone()).unwrap();
    let path = format!("{}/smtpUsernames/mailer", ready.service);
    assert_eq!(ready.fixture.act(&path, "checkReadiness", json!(null)).unwrap(), explained);
    let Acted::Done(body) = explained else { panic!("{explained:?}") };
    assert_eq!(body["status"], "Ready to use");
    assert_eq!(body["recentRefusals"][0]["reason"], "why");
    assert_eq!(body["checks"][0]["name"], "applicationExists");
    let other = ready.fixture.communication_service("fabrikam");
    let refused = ready.fixture.act(&other, "explainSmtpUsername", username);
    assert!(matches!(refused, Err(ResourceError::NotFound { code: "SmtpUsernameNotFound", .. })));
    let refused = ready.fixture.act(&other, "explainSmtpUsername", json!({}));
    assert!(matches!(refused, Err(ResourceError::InvalidProperty { .. })));
}

#[test]
fn removing_the_secret_of_an_open_connection_stops_it() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    sending.authorize(&identity).unwrap();
    let directory = &ready.fixture.platform.directory;
    let tenant = ready.fixture.tenant;
    let client = directory.client(tenant, ready.app.app_id).unwrap().unwrap();
    let (application, key_id) = (client.application.unwrap(), client.secrets[0].key_id);
    let removed: Result<_, gatepost_directory::DirectoryError> =
        ready.fixture.platform.store.write(|tx| directory.remove_password(tx, tenant, application, key_id));
    removed.unwrap();
    assert!(matches!(sending.authorize(&identity), Err(SignInRefusal::SecretGone(_))));
}

#[test]
fn a_connection_does_not_outlive_the_token_that_opened_it() {
    let ready = Ready::new();
    let directory = &ready.fixture.platform.directory;
    let client = directory.verify_secret(ready.fixture.tenant, ready.app.app_id, &ready.app.secret).unwrap();
    let audience = "https://communication.azure.com";
    let token =
        ready.fixture.tokens.client_credentials(ready.fixture.tenant, &client, audience, &[]).unwrap();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_token(Ready::USERNAME, &token.access_token, ORIGIN).unwrap();
    sending.authorize(&identity).unwrap();
    ready.fixture.platform.clock.advance(std::time::Duration::from_secs(2 * 3600));
    assert!(matches!(sending.authorize(&identity), Err(SignInRefusal::Token(_))));
}

#[test]
fn made_up_legacy_usernames_leave_no_trace() {
    let ready = Ready::new();
    let username = format!("contoso.{}.{}", Uuid::from_u128(7), ready.fixture.tenant);
    ready.fixture.sending.note_refusal(&username, "no");
    assert!(ready.fixture.platform.refusals.recent(&username).is_empty());
}

#[test]
fn whoever_guesses_waits_over_all_connections_and_the_application_goes_on() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let from = |last| RequestOrigin::new(Uuid::nil(), std::net::IpAddr::from([93, 184, 216, last]));
    sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, from(1)).unwrap();
    let mut seen = 0;
    for n in 0..1000 {
        let refused =
            sending.sign_in_with_secret(Ready::USERNAME, &format!("guess {n}"), from(2)).unwrap_err();
        match &refused {
            SignInRefusal::Client { cause: ClientError::WrongSecret, .. } => seen += 1,
            SignInRefusal::TooManyFailures { .. } => assert!(refused.is_temporary()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 20);
    let refused = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, from(2));
    assert!(matches!(refused, Err(SignInRefusal::TooManyFailures { .. })), "the address waits");
    for last in [1, 3] {
        sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, from(last)).unwrap();
    }
    let mut seen = 0;
    for n in 0..1000 {
        let refused = sending.sign_in_with_secret(&format!("nobody{n}"), "guess", from(4)).unwrap_err();
        seen += usize::from(matches!(refused, SignInRefusal::UnknownUsername(_)));
    }
    assert_eq!(seen, 100);
}
