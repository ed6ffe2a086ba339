//! The client against the server, octets handed over in memory.

use std::sync::Arc;

use gatepost_names::MessageId;
use gatepost_smtp::client::{Authentication, Client, Event, Outgoing, Profile, Stage};
use gatepost_smtp::server::{Credentials, Limits, Message, Session, Step, replies};
use zeroize::Zeroizing;

/// Hands octets over until neither side has any; gives the client's events other than NeedInput.
fn exchange(client: &mut Client, session: &mut Session, messages: &mut Vec<Message>) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let to_client = std::mem::take(session.output());
        let mut input = &to_client[..];
        loop {
            let event = client.feed(&mut input);
            if event == Event::NeedInput {
                break;
            }
            if event == Event::StartTls {
                session.tls_established();
                client.tls_established();
            }
            let done = !matches!(event, Event::StartTls | Event::ContentSent);
            events.push(event);
            if done {
                return events;
            }
        }
        let to_server = std::mem::take(client.output());
        assert!(!(to_server.is_empty() && to_client.is_empty()), "both sides wait");
        serve(session, &to_server, messages);
    }
}

fn serve(session: &mut Session, octets: &[u8], messages: &mut Vec<Message>) {
    let mut input = octets;
    loop {
        match session.feed(&mut input) {
            Step::NeedInput | Step::Flush | Step::StartTls | Step::Close => return,
            Step::Authenticate(credentials) => {
                let right = match &credentials {
                    Credentials::Secret { password, .. } => password.as_str() == "right",
                    Credentials::Token { token, .. } => token.as_str() == "right",
                };
                if right && credentials.username() == "mailer" {
                    session.signed_in();
                } else {
                    session.sign_in_refused(replies::AUTHENTICATION_UNSUCCESSFUL);
                }
            }
            Step::MailFrom(address) if address.domain().as_str() == "contoso.com" => {
                session.sender_accepted()
            }
            Step::MailFrom(_) => session.sender_refused(&replies::SENDER_DOMAIN_NOT_LINKED),
            Step::Recipient(_) => session.recipient_accepted(),
            Step::Message(message) => {
                messages.push(message);
                session.message_accepted(MessageId(uuid::Uuid::nil()));
            }
        }
    }
}

fn pair(authentication: Authentication, starttls: bool, pipelining: bool) -> (Client, Session) {
    let profile = Profile { name: "client.test".into(), starttls, authentication, pipelining };
    let session = Session::new(Arc::from("mail.test"), Arc::new(Limits::default()), !starttls);
    (Client::new(profile), session)
}

fn secret(word: &str) -> Zeroizing<String> {
    Zeroizing::new(word.to_owned())
}

#[test]
fn messages_arrive_as_they_were_by_every_way() {
    let username = || "mailer".to_owned();
    for authentication in [
        Authentication::Plain { username: username(), password: secret("right") },
        Authentication::Login { username: username(), password: secret("right") },
        Authentication::XOAuth2 { username: username(), token: secret("right") },
    ] {
        for (starttls, pipelining) in [(true, true), (true, false), (false, true), (false, false)] {
            let (mut client, mut session) = pair(authentication.clone(), starttls, pipelining);
            let mut messages = Vec::new();
            let events = exchange(&mut client, &mut session, &mut messages);
            assert_eq!(events.last(), Some(&Event::Ready));
            for content in ["Subject: x\r\n\r\n.\r\n..a\r\nb\r\n", "no end"] {
                client.send(Outgoing {
                    reverse_path: "a@contoso.com",
                    recipients: &["x@y.z", "z@y.z"],
                    content: content.as_bytes(),
                });
                let events = exchange(&mut client, &mut session, &mut messages);
                let [Event::ContentSent, Event::Accepted(reply)] = &events[..] else { panic!("{events:?}") };
                assert_eq!(reply.to_string(), "250 2.0.0 00000000-0000-0000-0000-000000000000");
                let message = messages.pop().unwrap();
                assert_eq!(message.envelope.recipients.len(), 2);
                let whole =
                    if content.ends_with('\n') { content.to_owned() } else { format!("{content}\r\n") };
                assert_eq!(message.content, whole.as_bytes());
            }
            client.quit();
            assert_eq!(exchange(&mut client, &mut session, &mut messages), [Event::Closed]);
        }
    }
}

#[test]
fn refusals_are_told_with_their_place() {
    for pipelining in [true, false] {
        let right = Authentication::Plain { username: "mailer".into(), password: secret("right") };
        let (mut client, mut session) = pair(right, true, pipelining);
        let mut messages = Vec::new();
        exchange(&mut client, &mut session, &mut messages);
        for (reverse_path, recipients, place) in [
            ("a@other.com", ["x@y.z"], Stage::Mail),
            ("a@contoso.com", ["nobody"], Stage::Rcpt),
            ("a@other.com", ["x@y.z"], Stage::Mail),
        ] {
            client.send(Outgoing { reverse_path, recipients: &recipients, content: b"x" });
            let events = exchange(&mut client, &mut session, &mut messages);
            assert!(matches!(&events[..], [Event::MessageRefused { at, .. }] if *at == place), "{events:?}");
        }
        assert!(messages.is_empty());
    }
}

#[test]
fn a_refused_sign_in_ends_the_session() {
    for authentication in [
        Authentication::Login { username: "mailer".into(), password: secret("wrong") },
        Authentication::XOAuth2 { username: "mailer".into(), token: secret("wrong") },
        Authentication::Plain { username: "mailer".into(), password: secret("wrong") },
    ] {
        let (mut client, mut session) = pair(authentication, true, true);
        let events = exchange(&mut client, &mut session, &mut Vec::new());
        let Some(Event::SessionRefused { at: Stage::Auth, reply }) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(reply.to_string(), "535 5.7.3 Authentication unsuccessful");
    }
}

#[test]
fn what_stands_behind_the_reply_to_starttls_breaks_the_session() {
    let (mut client, _) = pair(Authentication::None, true, false);
    assert_eq!(client.feed(&mut &b"220 a\r\n250 b\r\n220 c\r\n250 evil\r\n"[..]), Event::ProtocolError);
    let (mut client, _) = pair(Authentication::None, true, false);
    assert_eq!(client.feed(&mut &b"nonsense\r\n"[..]), Event::ProtocolError);
}
