//! The session: what a client may say when, and whom the driver must ask.

use std::borrow::Cow;
use std::sync::Arc;

use gatepost_names::EmailAddress;
use zeroize::Zeroize;

use super::auth::Dialogue;
use super::command::{self, Command};
use super::data::{ChunkReceiver, DataReceiver};
use super::limits::Limits;
use super::line::{LineReceiver, Received};
use super::replies;
use super::sasl::{Credentials, Mechanism};
use super::transaction::{Message, Transaction};
use crate::reply::Reply;

/// What the driver does next. Before it waits for anything it writes [`Session::output`] to the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// All input is used up: read more. Also the answer while another step waits for its own answer.
    NeedInput,
    /// So many replies have gathered that the output must be written before the rest of the input is fed.
    Flush,
    /// Write the output, then do a TLS handshake, then [`Session::tls_established`]. All input that was given
    /// and everything that came before the handshake is thrown away.
    StartTls,
    /// Answer with [`Session::signed_in`] or [`Session::sign_in_refused`].
    Authenticate(Credentials),
    /// May this reverse-path be used? Answer with [`Session::sender_accepted`] or [`Session::sender_refused`].
    MailFrom(EmailAddress),
    /// May this forward-path be used? Only where the driver said [`Session::ask_recipients`]. Answer with
    /// [`Session::recipient_accepted`] or [`Session::recipient_refused`].
    Recipient(EmailAddress),
    /// Answer with [`Session::message_accepted`], but only when the message is durable, or
    /// [`Session::message_refused`].
    Message(Message),
    /// Write the output, then close.
    Close,
}

/// Octets of replies after which the output must be written: a client that pipelines must read too.
const FLUSH_AT: usize = 16 * 1024;

/// Refusals kept for the driver.
const REFUSALS: usize = 8;

/// What the session is waiting for; a driver sets its deadlines by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaiting {
    /// The first octet of a command.
    Command,
    /// The rest of a command, or a response in the AUTH dialogue.
    RestOfCommand,
    /// The rest of a message or of a chunk.
    Content,
    /// The driver's answer to a step, or the end.
    Driver,
}

#[derive(Debug)]
pub(super) enum State {
    Command,
    Dialogue(Dialogue),
    Data(DataReceiver),
    Chunk(ChunkReceiver),
    // These wait for the driver.
    StartingTls,
    SigningIn(Mechanism),
    CheckingSender,
    CheckingRecipient(EmailAddress),
    Accepting,
    Closed,
}

/// One client's session with a submission server, without I/O.
///
/// Feed it what the client sent, do what the [`Step`] says, answer, feed it the rest. Replies gather in
/// [`Session::output`]. However the input is cut into pieces, the replies and steps are the same.
#[derive(Debug)]
pub struct Session {
    pub(super) host: Arc<str>,
    pub(super) limits: Arc<Limits>,
    pub(super) output: Vec<u8>,
    line: LineReceiver,
    pub(super) state: State,
    pub(super) tls: bool,
    pub(super) client_name: Option<String>,
    /// The client said EHLO, not HELO.
    pub(super) extended: bool,
    pub(super) authenticated: bool,
    pub(super) transaction: Option<Transaction>,
    pub(super) bad_commands: u32,
    pub(super) failed_authentications: u32,
    unauthenticated_commands: u32,
    pub(super) messages_begun: u64,
    refusals: Vec<Reply>,
    progress: u64,
    quit: bool,
}

impl Session {
    /// A session that has just begun; its greeting stands in the output. `tls` when the connection is encrypted
    /// from the start.
    pub fn new(host: Arc<str>, limits: Arc<Limits>, tls: bool) -> Session {
        let mut output = Vec::with_capacity(256);
        Reply::with_text(220, None, format!("{host} ESMTP Gatepost")).write(&mut output);
        Session {
            host,
            limits,
            output,
            line: LineReceiver::default(),
            state: State::Command,
            tls,
            client_name: None,
            extended: false,
            authenticated: false,
            transaction: None,
            bad_commands: 0,
            failed_authentications: 0,
            unauthenticated_commands: 0,
            messages_begun: 0,
            refusals: Vec::new(),
            progress: 0,
            quit: false,
        }
    }

    /// Replies to be written. The driver takes them out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Takes from `input` what it can, up to the next step. After a step other than [`Step::NeedInput`], `input`
    /// holds what is left; it is fed again after the answer, or after the output is written and cleared.
    pub fn feed(&mut self, input: &mut &[u8]) -> Step {
        loop {
            if self.output.len() >= FLUSH_AT {
                return Step::Flush;
            }
            let step = match &mut self.state {
                State::Command => self.feed_line(input, false),
                State::Dialogue(_) => self.feed_line(input, true),
                State::Data(_) => self.feed_data(input),
                State::Chunk(_) => self.feed_chunk(input),
                State::Closed => {
                    *input = &[];
                    Some(Step::Close)
                }
                State::StartingTls
                | State::SigningIn(_)
                | State::CheckingSender
                | State::CheckingRecipient(_)
                | State::Accepting => Some(Step::NeedInput),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn feed_line(&mut self, input: &mut &[u8], in_dialogue: bool) -> Option<Step> {
        let limits = Arc::clone(&self.limits);
        let received = self.line.receive(input, &limits, in_dialogue);
        if matches!(received, Received::Incomplete) {
            return Some(Step::NeedInput);
        }
        self.progress += 1;
        match received {
            Received::Incomplete => Some(Step::NeedInput),
            Received::Line(line) => {
                let step = self.on_line(&line);
                if let Cow::Owned(mut line) = line {
                    // It may have held a secret.
                    line.zeroize();
                }
                if matches!(step, Some(Step::StartTls)) {
                    // SECURITY: what came in plain text behind STARTTLS must not count under TLS.
                    *input = &[];
                }
                step
            }
            Received::TooLong if in_dialogue => {
                self.state = State::Command;
                self.refuse_command(replies::SASL_RESPONSE_TOO_LONG)
            }
            Received::ChunkTooLong if in_dialogue => {
                self.state = State::Command;
                self.refuse_command(replies::SASL_RESPONSE_TOO_LONG)
            }
            Received::TooLong => self.refuse_command(replies::LINE_TOO_LONG),
            // SECURITY: the octets of the chunk would be read as commands.
            Received::ChunkTooLong => self.close_with(&replies::BAD_CHUNK_SIZE),
            Received::Endless => self.close_with(&replies::LINE_TOO_LONG),
            Received::BareLineBreak => self.close_with(&replies::BARE_LINE_BREAK),
        }
    }

    fn on_line(&mut self, line: &[u8]) -> Option<Step> {
        if let State::Dialogue(dialogue) = std::mem::replace(&mut self.state, State::Command) {
            return self.on_response(dialogue, line);
        }
        match command::parse(line) {
            Ok(command) => self.on_command(command),
            // SECURITY: as above.
            Err(_) if command::is_chunk(line) => self.close_with(&replies::BAD_CHUNK_SIZE),
            Err(reply) => self.refuse_command(reply),
        }
    }

    fn on_command(&mut self, command: Command<'_>) -> Option<Step> {
        if !self.authenticated {
            self.unauthenticated_commands += 1;
            if self.unauthenticated_commands > self.limits.unauthenticated_commands {
                return self.close_with(&replies::TOO_MANY_UNAUTHENTICATED_COMMANDS);
            }
        }
        match command {
            Command::Ehlo(name) => self.on_ehlo(name),
            Command::Helo(name) => self.on_helo(name),
            Command::StartTls => self.on_starttls(),
            Command::Auth { mechanism, initial_response } => self.on_auth(mechanism, initial_response),
            Command::Mail(mail) => self.on_mail(mail),
            Command::Rcpt { path, ascii } => self.on_rcpt(path, ascii),
            Command::Data => self.on_data(),
            Command::Bdat(header) => self.on_bdat(header),
            Command::Rset => {
                self.transaction = None;
                self.reply(&replies::OK)
            }
            Command::Noop => self.reply(&replies::OK),
            Command::Vrfy => self.reply(&replies::CANNOT_VERIFY),
            Command::Help => self.reply(&replies::HELP),
            Command::NotImplemented => self.refuse_command(replies::NOT_IMPLEMENTED),
            Command::Quit => {
                self.quit = true;
                self.close_with(&replies::BYE)
            }
        }
    }

    fn on_starttls(&mut self) -> Option<Step> {
        if self.tls {
            return self.refuse_command(replies::TLS_ALREADY_ACTIVE);
        }
        replies::READY_FOR_TLS.write(&mut self.output);
        self.state = State::StartingTls;
        Some(Step::StartTls)
    }

    /// Answers [`Step::StartTls`]. The session begins anew, without a greeting (RFC 3207 section 4.2).
    pub fn tls_established(&mut self) {
        if matches!(self.state, State::StartingTls) {
            self.state = State::Command;
            self.tls = true;
            self.line = LineReceiver::default();
            self.client_name = None;
            self.extended = false;
            self.transaction = None;
        }
    }

    fn feed_data(&mut self, input: &mut &[u8]) -> Option<Step> {
        let State::Data(receiver) = &mut self.state else { return None };
        if !receiver.receive(input) {
            return if receiver.body.is_hopeless() {
                self.close_with(&replies::MESSAGE_TOO_LARGE)
            } else {
                Some(Step::NeedInput)
            };
        }
        self.progress += 1;
        match std::mem::replace(&mut self.state, State::Command) {
            State::Data(receiver) => self.on_end_of_data(receiver.body),
            _ => None,
        }
    }

    fn feed_chunk(&mut self, input: &mut &[u8]) -> Option<Step> {
        let State::Chunk(receiver) = &mut self.state else { return None };
        if !receiver.receive(input) {
            return Some(Step::NeedInput);
        }
        self.progress += 1;
        match std::mem::replace(&mut self.state, State::Command) {
            State::Chunk(receiver) => self.on_end_of_chunk(receiver),
            _ => None,
        }
    }

    pub(super) fn reply(&mut self, reply: &Reply) -> Option<Step> {
        reply.write(&mut self.output);
        None
    }

    /// Answers a command that is wrong in itself or comes at the wrong time, and counts it.
    pub(super) fn refuse_command(&mut self, reply: Reply) -> Option<Step> {
        self.bad_commands += 1;
        self.note(&reply);
        if self.bad_commands >= self.limits.bad_commands {
            return self.close_with(&replies::TOO_MANY_BAD_COMMANDS);
        }
        self.reply(&reply)
    }

    /// Refuses a recipient or a message, which is no mistake in the commands.
    pub(super) fn refuse_message(&mut self, reply: &Reply) -> Option<Step> {
        self.note(reply);
        self.reply(reply)
    }

    fn note(&mut self, reply: &Reply) {
        if self.refusals.last() == Some(reply) {
            return;
        }
        if self.refusals.len() == REFUSALS {
            self.refusals.remove(0);
        }
        self.refusals.push(reply.clone());
    }

    /// What the session refused by itself since this was last asked, at most the last few; the same refusal many
    /// times in a row counts once. What the driver refused is not among them. For its log.
    pub fn take_refusals(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.refusals)
    }

    /// Ends the session with a reply, whatever it was doing; the next step is [`Step::Close`]. For drivers whose
    /// deadline has passed or whose server stops.
    pub fn close_with(&mut self, reply: &Reply) -> Option<Step> {
        if !matches!(self.state, State::Closed) {
            if !reply.is_positive() && *reply != replies::SHUTTING_DOWN {
                self.note(reply);
            }
            reply.write(&mut self.output);
            self.state = State::Closed;
            self.transaction = None;
        }
        Some(Step::Close)
    }

    /// Refuses the message that is being received, for a reason of the driver's, such as a lack of memory. It is
    /// still received to its end and then answered with `reply`; where none of it has come, so are RCPT, DATA and
    /// BDAT.
    pub fn refuse_content(&mut self, reply: Reply) {
        match &mut self.state {
            State::Data(receiver) => receiver.body.refuse(reply),
            State::Chunk(receiver) => {
                if let Some(body) = &mut receiver.body {
                    body.refuse(reply);
                }
            }
            _ => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.refuse(reply);
                }
            }
        }
    }

    /// Octets of memory that the message under way takes.
    pub fn held(&self) -> usize {
        let receiving = match &self.state {
            State::Data(receiver) => receiver.body.held(),
            State::Chunk(receiver) => receiver.body.as_ref().map_or(0, super::data::Body::held),
            _ => 0,
        };
        receiving + self.transaction.as_ref().map_or(0, Transaction::held)
    }

    /// What the session is waiting for.
    pub fn awaiting(&self) -> Awaiting {
        match &self.state {
            State::Command if self.line.has_begun() => Awaiting::RestOfCommand,
            State::Command => Awaiting::Command,
            State::Dialogue(_) => Awaiting::RestOfCommand,
            State::Data(_) | State::Chunk(_) => Awaiting::Content,
            State::StartingTls
            | State::SigningIn(_)
            | State::CheckingSender
            | State::CheckingRecipient(_)
            | State::Accepting
            | State::Closed => Awaiting::Driver,
        }
    }

    /// Grows with each command, response, message and chunk that has come whole; a deadline for one of them is
    /// over when this changes.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// The number of the message of which a part has come, or which waits to be accepted: a stopping server lets
    /// it end first, and a deadline for the whole message holds while this stays the same.
    pub fn message_under_way(&self) -> Option<u64> {
        let begun = matches!(self.state, State::Data(_) | State::Chunk(_) | State::Accepting)
            || self.transaction.as_ref().is_some_and(Transaction::has_content);
        begun.then_some(self.messages_begun)
    }

    /// Whether the client ended the session by QUIT, and so will send nothing more.
    pub fn has_quit(&self) -> bool {
        self.quit
    }

    /// The name that the client gave with EHLO or HELO.
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the client has authenticated.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }
}
