//! The AUTH dialogue (RFC 4954).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::replies;
use super::sasl::{self, Credentials, Mechanism};
use super::session::{Session, State, Step};
use crate::reply::Reply;

/// What the client's next line answers.
#[derive(Debug)]
pub(super) enum Dialogue {
    /// The empty first challenge, or LOGIN's question for the username.
    First(Mechanism),
    /// LOGIN's question for the password.
    Password { username: String },
    /// The challenge that told a bearer that its token is not accepted. Whatever the client says, the refusal
    /// follows.
    Refused(Reply),
}

impl Session {
    pub(super) fn on_auth(&mut self, mechanism: &str, initial_response: Option<&str>) -> Option<Step> {
        if !self.extended {
            return self.refuse_command(replies::EHLO_FIRST);
        }
        if !self.tls {
            return self.refuse_command(replies::ENCRYPTION_REQUIRED);
        }
        if self.authenticated {
            return self.refuse_command(replies::ALREADY_AUTHENTICATED);
        }
        let Some(mechanism) = Mechanism::parse(mechanism) else {
            return self.refuse_command(replies::UNKNOWN_MECHANISM);
        };
        match initial_response {
            Some("=") => self.on_first_response(mechanism, &[]),
            Some(response) => match decode(response.as_bytes()) {
                Some(response) => self.on_first_response(mechanism, &response),
                None => self.refuse_command(replies::BAD_SASL_RESPONSE),
            },
            None => {
                let question = if mechanism == Mechanism::Login { "Username:" } else { "" };
                self.challenge(question, Dialogue::First(mechanism))
            }
        }
    }

    /// Takes the client's next line of the dialogue.
    pub(super) fn on_response(&mut self, dialogue: Dialogue, line: &[u8]) -> Option<Step> {
        self.state = State::Command;
        if let Dialogue::Refused(reply) = dialogue {
            return self.refuse_sign_in(reply);
        }
        if line == b"*" {
            return self.refuse_command(replies::AUTHENTICATION_CANCELLED);
        }
        let Some(response) = decode(line) else {
            return self.refuse_command(replies::BAD_SASL_RESPONSE);
        };
        match dialogue {
            Dialogue::First(mechanism) => self.on_first_response(mechanism, &response),
            Dialogue::Password { username } => match std::str::from_utf8(&response) {
                Ok(password) => {
                    let password = Zeroizing::new(password.to_owned());
                    self.ask_sign_in(Mechanism::Login, Credentials::Secret { username, password })
                }
                Err(_) => self.refuse_command(replies::BAD_SASL_RESPONSE),
            },
            Dialogue::Refused(_) => None,
        }
    }

    fn on_first_response(&mut self, mechanism: Mechanism, response: &[u8]) -> Option<Step> {
        let credentials = match mechanism {
            Mechanism::Plain => sasl::plain(response),
            Mechanism::XOAuth2 => sasl::xoauth2(response),
            Mechanism::OAuthBearer => sasl::oauthbearer(response),
            Mechanism::Login => {
                return match std::str::from_utf8(response).ok().and_then(sasl::username) {
                    Some(username) => self.challenge("Password:", Dialogue::Password { username }),
                    None => self.refuse_command(replies::BAD_SASL_RESPONSE),
                };
            }
        };
        match credentials {
            Some(credentials) => self.ask_sign_in(mechanism, credentials),
            None => self.refuse_command(replies::BAD_SASL_RESPONSE),
        }
    }

    fn ask_sign_in(&mut self, mechanism: Mechanism, credentials: Credentials) -> Option<Step> {
        self.state = State::SigningIn(mechanism);
        Some(Step::Authenticate(credentials))
    }

    fn challenge(&mut self, text: &str, dialogue: Dialogue) -> Option<Step> {
        Reply::with_text(334, None, STANDARD.encode(text)).write(&mut self.output);
        self.state = State::Dialogue(dialogue);
        None
    }

    /// Answers [`Step::Authenticate`]: the client is who it says.
    pub fn signed_in(&mut self) {
        if matches!(self.state, State::SigningIn(_)) {
            self.state = State::Command;
            self.authenticated = true;
            replies::AUTHENTICATED.write(&mut self.output);
        }
    }

    /// Answers [`Step::Authenticate`]: the client is not let in. A permanent reply counts against
    /// [`Limits::failed_authentications`](super::Limits); the last one closes the connection.
    pub fn sign_in_refused(&mut self, reply: Reply) {
        let State::SigningIn(mechanism) = self.state else { return };
        self.state = State::Command;
        match mechanism.failure() {
            Some(failure) if !reply.is_temporary() => {
                self.challenge(failure, Dialogue::Refused(reply));
            }
            _ => {
                self.refuse_sign_in(reply);
            }
        }
    }

    fn refuse_sign_in(&mut self, reply: Reply) -> Option<Step> {
        if reply.is_temporary() {
            reply.write(&mut self.output);
            return None;
        }
        self.failed_authentications += 1;
        if self.failed_authentications >= self.limits.failed_authentications {
            return self.close_with(&replies::TOO_MANY_FAILED_AUTHENTICATIONS);
        }
        reply.write(&mut self.output);
        None
    }

    /// Failed authentications on this connection.
    pub fn failed_authentications(&self) -> u32 {
        self.failed_authentications
    }
}

fn decode(response: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(response).ok().map(Zeroizing::new)
}
