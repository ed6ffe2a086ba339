//! Messages under conditions, part by part and whole.

use std::time::Duration;

use gatepost_access::RequestOrigin;
use gatepost_names::EmailAddress;
use uuid::Uuid;

use super::{Outgoing, Part, Permission, SendRefusal};
use crate::communication::fixture::{ORIGIN, Ready};
use crate::communication::{ACTIONS_TO_SEND, SenderRefusal, SendingIdentity, SignInRefusal};

const MAIL: &str = "Microsoft.Communication/EmailServices";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn addresses(texts: &[&str]) -> Vec<EmailAddress> {
    texts.iter().map(|text| address(text)).collect()
}

/// The usual form: the three actions only where the expression holds.
fn only_if(expression: &str) -> String {
    format!(
        "((!(ActionMatches{{'Microsoft.Communication/CommunicationServices/*'}}) AND \
         !(ActionMatches{{'{MAIL}/write'}})) OR ({expression}))"
    )
}

/// A client that has signed in.
struct Client {
    ready: Ready,
    identity: SendingIdentity,
    sender: EmailAddress,
}

impl Client {
    fn held_to(expression: &str) -> Client {
        let ready = Ready::new();
        ready.hold_to(Some(&only_if(expression)));
        let sending = &ready.fixture.sending;
        let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
        let sender = ready.sender();
        Client { ready, identity, sender }
    }

    fn begin(&self, reverse_path: &EmailAddress) -> Result<Permission, SendRefusal> {
        self.ready.fixture.sending.begin(&self.identity, reverse_path)
    }

    fn recipient(&self, to: &str) -> Result<(), SendRefusal> {
        self.ready.fixture.sending.check_recipient(&self.identity, &self.sender, &address(to))
    }

    /// A whole message, as a session would ask about it.
    fn send(
        &self,
        reverse_path: &EmailAddress,
        authors: &[EmailAddress],
        recipients: &[&str],
    ) -> Result<(), SendRefusal> {
        let permission = self.begin(reverse_path)?;
        let recipients = addresses(recipients);
        let message = Outgoing { reverse_path, authors, recipients: &recipients };
        self.ready.fixture.sending.check_message(&self.identity, permission, &message)
    }
}

fn refused_at(refused: Result<(), SendRefusal>) -> Part {
    match refused {
        Err(SendRefusal::NotAllowed { at, denied, .. }) => {
            assert!(!denied.is_temporary());
            at
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_condition_nothing_is_asked_after_mail() {
    let ready = Ready::new();
    let sending = &ready.fixture.sending;
    let identity = sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    assert_eq!(sending.authorize(&identity).unwrap(), Permission::Any);
    let permission = sending.begin(&identity, &ready.sender()).unwrap();
    assert_eq!(permission, Permission::Any);
    assert!(!permission.asks_recipients());
    // Authors must be senders all the same.
    let (sender, stranger) = (ready.sender(), address("a@b.example"));
    let message = Outgoing { reverse_path: &sender, authors: &[stranger], recipients: &[] };
    let refused = sending.check_message(&identity, permission, &message);
    assert!(matches!(refused, Err(SendRefusal::Sender(SenderRefusal::DomainNotLinked { .. }))));
}

#[test]
fn an_application_is_held_to_its_own_sender() {
    let client = Client::held_to(&format!(
        "@Request[{MAIL}:SenderAddress] StringLike 'billing@*' AND @Request[{MAIL}:SenderDomain] StringNotEquals 'x'"
    ));
    let billing = client.ready.add_sender("billing");
    // The recipients do not matter to it: they are not asked about.
    assert_eq!(client.begin(&billing).unwrap(), Permission::Sender);
    let shouted = address(&billing.to_string().to_uppercase());
    assert_eq!(client.begin(&shouted).unwrap(), Permission::Sender);
    assert_eq!(refused_at(client.begin(&client.sender).map(drop)), Part::Sender);
    let to = ["x@anywhere.example"];
    client.send(&billing, &[billing.clone(), shouted], &to).unwrap();
    // A header From that is another registered sender does not slip through.
    assert_eq!(refused_at(client.send(&billing, std::slice::from_ref(&client.sender), &to)), Part::Message);
    assert_eq!(
        refused_at(client.send(&billing, &[billing.clone(), client.sender.clone()], &to)),
        Part::Message
    );
}

#[test]
fn spelling_does_not_get_around_an_exclusion() {
    let ready = Ready::new();
    let ceo = ready.add_sender("ceo");
    let identity =
        ready.fixture.sending.sign_in_with_secret(Ready::USERNAME, &ready.app.secret, ORIGIN).unwrap();
    let sender = ready.sender();
    ready.hold_to(Some(&only_if(&format!("@Request[{MAIL}:SenderAddress] StringNotEquals '{ceo}'"))));
    let client = Client { ready, identity, sender };
    assert_eq!(client.begin(&client.sender).unwrap(), Permission::Sender);
    for spelling in [ceo.to_string(), ceo.to_string().to_uppercase(), format!("CeO@{}", ceo.domain())] {
        assert_eq!(refused_at(client.begin(&address(&spelling)).map(drop)), Part::Sender, "{spelling}");
    }
}

#[test]
fn recipients_are_held_to_their_domains() {
    let client = Client::held_to(&format!(
        "@Request[{MAIL}:RecipientDomain] ForAnyOfAnyValues:StringEquals {{'inside.example', 'xn--bcher-kva.example'}}"
    ));
    let permission = client.begin(&client.sender).unwrap();
    assert!(permission.asks_recipients());
    client.recipient("a@INSIDE.example").unwrap();
    client.recipient("a@b\u{fc}cher.example").unwrap();
    for outside in ["a@outside.example", "a@sub.inside.example", "a@inside.example.evil.example"] {
        assert_eq!(refused_at(client.recipient(outside)), Part::Recipient, "{outside}");
    }
    client.send(&client.sender, &[], &["a@inside.example", "b@Inside.Example"]).unwrap();
    // Whoever asks about the message alone gets the same answer.
    let mixed = ["a@inside.example", "a@outside.example"];
    assert_eq!(refused_at(client.send(&client.sender, &[], &mixed)), Part::Message);
    assert_eq!(refused_at(client.send(&client.sender, &[], &[])), Part::Message);
}

#[test]
fn several_assignments_allow_together_what_none_allows_alone() {
    let inside = format!("@Request[{MAIL}:RecipientDomain] StringEquals 'inside.example'");
    let client = Client::held_to(&inside);
    let both = ["a@inside.example", "a@partner.example"];
    assert_eq!(refused_at(client.send(&client.sender, &[], &both)), Part::Message);
    // A second one, for another domain: each recipient is allowed by one of them.
    let role = client.ready.fixture.role("Second", &ACTIONS_TO_SEND);
    let mut second = Ready { role, ..client.ready };
    second.assignment = second.assign();
    second.hold_to(Some(&only_if(&inside.replace("inside", "partner"))));
    let client = Client { ready: second, ..client };
    client.send(&client.sender, &[], &both).unwrap();
    assert_eq!(refused_at(client.recipient("a@outside.example")), Part::Recipient);
}

#[test]
fn a_message_has_at_most_so_many_recipients() {
    let client = Client::held_to(&format!("@Request[{MAIL}:RecipientCount] NumericLessThanEquals 2"));
    assert!(client.begin(&client.sender).unwrap().asks_recipients());
    client.recipient("a@b.example").unwrap();
    client.send(&client.sender, &[], &["a@b.example", "b@c.example"]).unwrap();
    // The same recipient twice is one.
    client.send(&client.sender, &[], &["a@b.example", "A@B.example", "b@c.example"]).unwrap();
    let three = ["a@b.example", "b@c.example", "c@d.example"];
    assert_eq!(refused_at(client.send(&client.sender, &[], &three)), Part::Message);
}

#[test]
fn from_a_subnet_only() {
    let client = Client::held_to("@Environment[ClientAddress] IpAddressIn '127.0.0.0/8'");
    // It is decided when the client signs in; nothing is left to ask.
    assert_eq!(client.begin(&client.sender).unwrap(), Permission::Any);
    let sending = &client.ready.fixture.sending;
    let sign_in = |from: &str| {
        let origin = RequestOrigin::new(Uuid::nil(), from.parse().unwrap());
        sending.sign_in_with_secret(Ready::USERNAME, &client.ready.app.secret, origin)
    };
    sign_in("::ffff:127.0.0.9").unwrap();
    for outside in ["192.0.2.1", "::1"] {
        assert!(matches!(sign_in(outside), Err(SignInRefusal::Denied(_))), "{outside}");
    }
    let nowhere = RequestOrigin::default();
    let refused = sending.sign_in_with_secret(Ready::USERNAME, &client.ready.app.secret, nowhere);
    assert!(matches!(refused, Err(SignInRefusal::Denied(_))));
    client.ready.hold_to(Some(&only_if(
        "!(@Environment[ClientAddress] ForAnyOfAnyValues:IpAddressIn {'127.0.0.1', '::1'})",
    )));
    assert!(matches!(client.begin(&client.sender), Err(SendRefusal::SignIn(SignInRefusal::Denied(_)))));
}

#[test]
fn until_a_moment_only() {
    // The clock of the tests begins at 14:13:20 that day.
    let client = Client::held_to("@Environment[UtcNow] DateTimeLessThan '2026-09-21T14:20:00.0Z'");
    assert_eq!(client.begin(&client.sender).unwrap(), Permission::Any);
    client.ready.fixture.clock.advance(Duration::from_secs(900));
    let refused = client.begin(&client.sender);
    assert!(matches!(refused, Err(SendRefusal::SignIn(SignInRefusal::Denied(_)))), "{refused:?}");
}

#[test]
fn a_change_counts_at_once() {
    let client = Client::held_to(&format!("@Request[{MAIL}:RecipientCount] NumericLessThanEquals 1"));
    let two = ["a@b.example", "b@c.example"];
    assert_eq!(refused_at(client.send(&client.sender, &[], &two)), Part::Message);
    client.ready.hold_to(Some(&only_if(&format!("@Request[{MAIL}:RecipientCount] NumericLessThanEquals 2"))));
    client.send(&client.sender, &[], &two).unwrap();
    client.ready.hold_to(None);
    assert_eq!(client.begin(&client.sender).unwrap(), Permission::Any);
    client.ready.hold_to(Some(&only_if("@Environment[UtcNow] DateTimeLessThan '2000-01-01T00:00:00Z'")));
    assert!(matches!(client.begin(&client.sender), Err(SendRefusal::SignIn(_))));
}

#[test]
fn the_operator_reads_why() {
    let client = Client::held_to(&format!("@Request[{MAIL}:RecipientDomain] StringEquals 'inside.example'"));
    let refused = client.recipient("a@outside.example").unwrap_err();
    let text = refused.to_string();
    assert!(text.starts_with("sending to 'a@outside.example' is not allowed: "), "{text}");
    assert!(text.contains("'Mail sender'") && text.contains("condition"), "{text}");
    let readiness = client.ready.readiness(Ready::USERNAME);
    assert!(readiness.ready, "{readiness:?}");
    let held: Vec<_> =
        readiness.checks.iter().filter(|check| check.detail.contains("under a condition")).collect();
    assert_eq!(held.len(), 3);
    assert!(held[0].detail.contains(":RecipientDomain] StringEquals 'inside.example'"), "{}", held[0].detail);
    client.ready.hold_to(Some(&only_if("@Environment[UtcNow] DateTimeLessThan '2000-01-01T00:00:00Z'")));
    let readiness = client.ready.readiness(Ready::USERNAME);
    assert!(!readiness.ready);
}
