//! A minimal submission client, sans-IO: EHLO, STARTTLS, AUTH, and messages one after the other.
//!
//! The demo, the load generator and the tests use it. It speaks to servers that announce what it needs; it does
//! not choose mechanisms or fall back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr, memmem};
use zeroize::Zeroizing;

use crate::reply::Reply;

/// A line of a reply that is longer is an error.
const REPLY_LINE: usize = 8 * 1024;

/// How to prove who is sending.
#[derive(Clone)]
pub enum Authentication {
    /// No AUTH at all.
    None,
    /// AUTH PLAIN with an initial response.
    Plain {
        /// The SMTP username.
        username: String,
        /// The secret.
        password: Zeroizing<String>,
    },
    /// AUTH LOGIN.
    Login {
        /// The SMTP username.
        username: String,
        /// The secret.
        password: Zeroizing<String>,
    },
    /// AUTH XOAUTH2 with an initial response.
    XOAuth2 {
        /// The SMTP username.
        username: String,
        /// The access token.
        token: Zeroizing<String>,
    },
}

/// What a client does before it sends.
#[derive(Clone)]
pub struct Profile {
    /// The name for EHLO.
    pub name: String,
    /// Begin in plain text and change over by STARTTLS; else the connection is used as it is.
    pub starttls: bool,
    /// How to prove who is sending.
    pub authentication: Authentication,
    /// Send MAIL, RCPT and DATA in one group (RFC 2920).
    pub pipelining: bool,
}

/// A message as the commands need it. `content` has CRLF line ends and is not dot-stuffed.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The reverse-path, without angle brackets.
    pub reverse_path: &'a str,
    /// The forward-paths, without angle brackets.
    pub recipients: &'a [&'a str],
    /// Header and body.
    pub content: &'a [u8],
}

/// What came of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Read more.
    NeedInput,
    /// Write the output, do a TLS handshake, then [`Client::tls_established`].
    StartTls,
    /// Ready for [`Client::send`] or [`Client::quit`].
    Ready,
    /// The envelope is accepted and the content stands in the output; the next event tells what came of it.
    ContentSent,
    /// The server took the message; its reply to the end of data.
    Accepted(Reply),
    /// The server refused the message at `at`; the client is ready for another.
    MessageRefused {
        /// What was refused.
        at: Stage,
        /// The first negative reply.
        reply: Reply,
    },
    /// The session cannot go on: its opening or its authentication was refused.
    SessionRefused {
        /// What was refused.
        at: Stage,
        /// The negative reply.
        reply: Reply,
    },
    /// QUIT was answered.
    Closed,
    /// The server sent something that is not SMTP.
    ProtocolError,
}

/// The commands in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for the greeting.
    Greeting,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// AUTH, any step of it.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of data.
    EndOfData,
    /// RSET, after a message that was refused within its transaction.
    Rset,
    /// QUIT.
    Quit,
}

#[derive(Debug)]
enum Waiting {
    For(Stage),
    /// LOGIN's two answers.
    Login(u8),
    Tls,
    Nothing,
    Broken,
}

/// The client's side of a session.
pub struct Client {
    profile: Profile,
    output: Vec<u8>,
    line: Vec<u8>,
    waiting: Waiting,
    secure: bool,
    /// RCPT and DATA commands that are still to be sent, last first; empty when pipelining.
    unsent: Vec<Vec<u8>>,
    /// Dot-stuffed content with its end.
    content: Vec<u8>,
    recipients_left: usize,
    recipients_accepted: usize,
    refusal: Option<(Stage, Reply)>,
}

impl Client {
    /// A client that waits for the greeting.
    pub fn new(profile: Profile) -> Client {
        let secure = !profile.starttls;
        Client {
            profile,
            output: Vec::new(),
            line: Vec::new(),
            waiting: Waiting::For(Stage::Greeting),
            secure,
            unsent: Vec::new(),
            content: Vec::new(),
            recipients_left: 0,
            recipients_accepted: 0,
            refusal: None,
        }
    }

    /// What is to be written. The driver takes it out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Takes from `input` what it can, up to the next event.
    pub fn feed(&mut self, input: &mut &[u8]) -> Event {
        loop {
            let Some(at) = memchr(b'\n', input) else {
                self.line.extend_from_slice(input);
                *input = &[];
                return if self.line.len() > REPLY_LINE { self.broken() } else { Event::NeedInput };
            };
            let (text, rest) = input.split_at(at + 1);
            *input = rest;
            self.line.extend_from_slice(text);
            let line = std::mem::take(&mut self.line);
            let Some(reply) = std::str::from_utf8(&line).ok().map(|line| line.trim_end_matches(['\r', '\n']))
            else {
                return self.broken();
            };
            if reply.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            let Some(reply) = Reply::parse(reply) else { return self.broken() };
            if let Some(event) = self.on_reply(reply) {
                if event == Event::StartTls && !input.is_empty() {
                    // SECURITY: what came in plain text behind the 220 must not count under TLS.
                    return self.broken();
                }
                return event;
            }
        }
    }

    /// Goes on under TLS.
    pub fn tls_established(&mut self) {
        if matches!(self.waiting, Waiting::Tls) {
            self.secure = true;
            self.command(Stage::Ehlo, &["EHLO ", &self.profile.name.clone()]);
        }
    }

    /// Begins a message. Only when [ready](Event::Ready), which the client also is after each message.
    pub fn send(&mut self, message: Outgoing<'_>) {
        self.content.clear();
        stuff_dots(message.content, &mut self.content);
        self.recipients_left = message.recipients.len();
        self.recipients_accepted = 0;
        self.refusal = None;
        self.command(Stage::Mail, &["MAIL FROM:<", message.reverse_path, ">"]);
        self.unsent =
            message.recipients.iter().map(|path| format!("RCPT TO:<{path}>\r\n").into_bytes()).collect();
        self.unsent.push(b"DATA\r\n".to_vec());
        if self.profile.pipelining {
            for command in self.unsent.drain(..) {
                self.output.extend_from_slice(&command);
            }
        } else {
            self.unsent.reverse();
        }
    }

    /// Ends the session.
    pub fn quit(&mut self) {
        self.command(Stage::Quit, &["QUIT"]);
    }

    fn on_reply(&mut self, reply: Reply) -> Option<Event> {
        match self.waiting {
            Waiting::For(stage @ (Stage::Mail | Stage::Rcpt | Stage::Data | Stage::EndOfData)) => {
                self.on_message_reply(stage, reply)
            }
            Waiting::For(Stage::Rset) => self.tell_refusal(),
            Waiting::For(stage) => self.on_session_reply(stage, reply),
            Waiting::Login(answered) => self.on_login_challenge(answered, reply),
            Waiting::Tls | Waiting::Nothing | Waiting::Broken => Some(self.broken()),
        }
    }

    fn on_session_reply(&mut self, stage: Stage, reply: Reply) -> Option<Event> {
        if !reply.is_positive() {
            self.waiting = Waiting::Nothing;
            return Some(Event::SessionRefused { at: stage, reply });
        }
        match stage {
            Stage::Greeting => self.command(Stage::Ehlo, &["EHLO ", &self.profile.name.clone()]),
            Stage::Ehlo if !self.secure => self.command(Stage::StartTls, &["STARTTLS"]),
            Stage::Ehlo => return self.authenticate(),
            Stage::StartTls => {
                self.waiting = Waiting::Tls;
                return Some(Event::StartTls);
            }
            Stage::Auth if reply.code() == 334 => {
                // The JSON that says why a token is not accepted; an empty line asks for the reply itself.
                self.command(Stage::Auth, &[]);
            }
            Stage::Auth => {
                self.waiting = Waiting::Nothing;
                return Some(Event::Ready);
            }
            _ => {
                self.waiting = Waiting::Nothing;
                return Some(Event::Closed);
            }
        }
        None
    }

    fn authenticate(&mut self) -> Option<Event> {
        match self.profile.authentication.clone() {
            Authentication::None => {
                self.waiting = Waiting::Nothing;
                return Some(Event::Ready);
            }
            Authentication::Plain { username, password } => {
                let response = Zeroizing::new(format!("\0{username}\0{}", password.as_str()));
                self.command(
                    Stage::Auth,
                    &["AUTH PLAIN ", &Zeroizing::new(STANDARD.encode(response.as_bytes()))],
                );
            }
            Authentication::XOAuth2 { username, token } => {
                let response =
                    Zeroizing::new(format!("user={username}\x01auth=Bearer {}\x01\x01", token.as_str()));
                let response = Zeroizing::new(STANDARD.encode(response.as_bytes()));
                self.command(Stage::Auth, &["AUTH XOAUTH2 ", &response]);
            }
            Authentication::Login { .. } => {
                self.command(Stage::Auth, &["AUTH LOGIN"]);
                self.waiting = Waiting::Login(0);
            }
        }
        None
    }

    fn on_login_challenge(&mut self, answered: u8, reply: Reply) -> Option<Event> {
        let Authentication::Login { username, password } = self.profile.authentication.clone() else {
            return Some(self.broken());
        };
        if reply.code() != 334 {
            return self.on_session_reply(Stage::Auth, reply);
        }
        if answered == 0 {
            self.command(Stage::Auth, &[&STANDARD.encode(username)]);
            self.waiting = Waiting::Login(1);
        } else {
            self.command(Stage::Auth, &[&Zeroizing::new(STANDARD.encode(password.as_bytes()))]);
        }
        None
    }

    fn on_message_reply(&mut self, stage: Stage, reply: Reply) -> Option<Event> {
        let positive = reply.is_positive();
        if !positive {
            self.refusal.get_or_insert((stage, reply.clone()));
        }
        match stage {
            Stage::Mail if !positive && !self.profile.pipelining => return self.message_refused(),
            Stage::Mail => self.waiting = Waiting::For(Stage::Rcpt),
            Stage::Rcpt => {
                self.recipients_left = self.recipients_left.saturating_sub(1);
                self.recipients_accepted += usize::from(positive);
                if self.recipients_left == 0 {
                    if self.recipients_accepted == 0 && !self.profile.pipelining {
                        return self.message_refused();
                    }
                    self.waiting = Waiting::For(Stage::Data);
                }
            }
            Stage::Data if reply.code() == 354 => {
                self.output.append(&mut self.content);
                self.waiting = Waiting::For(Stage::EndOfData);
                return Some(Event::ContentSent);
            }
            Stage::Data => return self.message_refused(),
            _ if positive => {
                self.waiting = Waiting::Nothing;
                return Some(Event::Accepted(reply));
            }
            _ => {
                self.refusal = Some((stage, reply));
                return self.message_refused();
            }
        }
        if let Some(command) = self.unsent.pop() {
            self.output.extend_from_slice(&command);
        }
        None
    }

    fn message_refused(&mut self) -> Option<Event> {
        self.unsent.clear();
        self.content.clear();
        if matches!(self.refusal, Some((Stage::Rcpt | Stage::Data, _))) {
            // The transaction that MAIL began is still open.
            self.command(Stage::Rset, &["RSET"]);
            return None;
        }
        self.tell_refusal()
    }

    fn tell_refusal(&mut self) -> Option<Event> {
        self.waiting = Waiting::Nothing;
        match self.refusal.take() {
            Some((at, reply)) => Some(Event::MessageRefused { at, reply }),
            None => Some(self.broken()),
        }
    }

    fn command(&mut self, stage: Stage, parts: &[&str]) {
        for part in parts {
            self.output.extend_from_slice(part.as_bytes());
        }
        self.output.extend_from_slice(b"\r\n");
        self.waiting = Waiting::For(stage);
    }

    fn broken(&mut self) -> Event {
        self.waiting = Waiting::Broken;
        Event::ProtocolError
    }
}

/// Appends `content` with its dots doubled at line starts (RFC 5321 section 4.5.2) and the end of data.
fn stuff_dots(content: &[u8], out: &mut Vec<u8>) {
    out.reserve(content.len() + content.len() / 64 + 8);
    if content.first() == Some(&b'.') {
        out.push(b'.');
    }
    let mut rest = content;
    while let Some(at) = memmem::find(rest, b"\n.") {
        let (text, after) = rest.split_at(at + 1);
        out.extend_from_slice(text);
        out.push(b'.');
        // The dot itself goes with what follows it.
        rest = after;
    }
    out.extend_from_slice(rest);
    if content.last() != Some(&b'\n') {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
}
