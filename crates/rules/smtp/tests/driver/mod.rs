//! A driver for sessions that writes down everything that happens.

use std::sync::Arc;

use gatepost_names::MessageId;
use gatepost_smtp::server::{Credentials, Limits, Session, Step, replies};

/// What a client sends before and after STARTTLS, and whether the connection is encrypted from the start.
pub(crate) struct Input<'a> {
    pub(crate) tls: bool,
    pub(crate) parts: &'a [&'a [u8]],
}

/// Small limits, so that transcripts reach them.
pub(crate) fn limits() -> Limits {
    Limits {
        message_size: 400,
        recipients: 3,
        command_line: 100,
        authentication_line: 200,
        endless_line: 1_000,
        text_line: 300,
        bad_commands: 8,
        unauthenticated_commands: 100,
        failed_authentications: 3,
    }
}

/// Runs a session and gives its replies (`S: …`), the steps (`[…]`) and the messages. Each part of the input is
/// cut at the places that `cuts` gives for it.
pub(crate) fn run(input: &Input<'_>, mut cuts: impl FnMut(&[u8]) -> Vec<usize>) -> Vec<String> {
    let mut session = Session::new(Arc::from("mail.test"), Arc::new(limits()), input.tls);
    let mut trace = Vec::new();
    let mut accepted = 0;
    'parts: for part in input.parts {
        let mut start = 0;
        for end in cuts(part).into_iter().chain([part.len()]) {
            let mut piece = &part[start..end];
            start = end;
            loop {
                let step = session.feed(&mut piece);
                write_down(&mut session, &mut trace);
                assert!(session.held() <= 256 * 1024);
                match step {
                    Step::NeedInput => {
                        assert!(piece.is_empty());
                        break;
                    }
                    Step::Flush => {}
                    Step::StartTls => {
                        trace.push("[TLS]".to_owned());
                        session.tls_established();
                        continue 'parts;
                    }
                    Step::Authenticate(credentials) => sign_in(&mut session, credentials, &mut trace),
                    Step::MailFrom(address) => {
                        trace.push(format!("[MAIL {address}]"));
                        if address.domain().as_str() != "contoso.com" {
                            session.sender_refused(&replies::SENDER_DOMAIN_NOT_LINKED);
                        } else if address.local_part() == "nobody" {
                            session.sender_refused(&replies::SENDER_USERNAME_INVALID);
                        } else {
                            if address.local_part() == "held" {
                                session.ask_recipients();
                            }
                            session.sender_accepted();
                        }
                    }
                    Step::Recipient(address) => {
                        trace.push(format!("[RCPT {address}]"));
                        if address.domain().as_str() == "outside.test" {
                            session.recipient_refused(&replies::RECIPIENT_NOT_ALLOWED);
                        } else {
                            session.recipient_accepted();
                        }
                    }
                    Step::Message(message) => {
                        trace.push(format!(
                            "[MESSAGE to {:?}: {:?}]",
                            message.envelope.recipients,
                            String::from_utf8_lossy(&message.content)
                        ));
                        accepted += 1;
                        session.message_accepted(MessageId(uuid(accepted)));
                    }
                    Step::Close => {
                        trace.push("[CLOSE]".to_owned());
                        return trace;
                    }
                }
                write_down(&mut session, &mut trace);
            }
        }
    }
    trace
}

fn uuid(number: u8) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(number))
}

fn sign_in(session: &mut Session, credentials: Credentials, trace: &mut Vec<String>) {
    let (kind, username, proof) = match credentials {
        Credentials::Secret { username, password } => ("SECRET", username, password),
        Credentials::Token { username, token } => ("TOKEN", username, token),
    };
    trace.push(format!("[{kind} {username} {}]", proof.as_str()));
    match proof.as_str() {
        "right" => session.signed_in(),
        "later" => session.sign_in_refused(replies::TEMPORARY_AUTHENTICATION_FAILURE),
        _ => session.sign_in_refused(replies::AUTHENTICATION_UNSUCCESSFUL),
    }
}

fn write_down(session: &mut Session, trace: &mut Vec<String>) {
    let output = std::mem::take(session.output());
    let text = String::from_utf8(output).unwrap();
    assert!(text.is_empty() || text.ends_with("\r\n"));
    trace.extend(text.split_terminator("\r\n").map(|line| format!("S: {line}")));
}
