//! A mail transaction: MAIL, RCPT, and DATA or BDAT (RFC 5321 section 3.3, RFC 3030).

use gatepost_names::{EmailAddress, MessageId};

use super::command::{ChunkHeader, Mail};
use super::data::{Body, ChunkReceiver, DataReceiver};
use super::path::Path;
use super::replies;
use super::session::{Session, State, Step};
use crate::reply::{Enhanced, Reply};

/// From whom to whom, as the commands said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse-path; never null at a submission server, for it must be a registered sender.
    pub reverse_path: EmailAddress,
    /// The forward-paths, in order, duplicates and all.
    pub recipients: Vec<EmailAddress>,
    /// Whether MAIL said SMTPUTF8.
    pub smtputf8: bool,
}

/// A message whose end has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// From whom to whom.
    pub envelope: Envelope,
    /// Header and body, dots removed, every line ending in CRLF.
    pub content: Vec<u8>,
}

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Transaction {
    envelope: Envelope,
    announced: Option<u64>,
    /// Octets of memory that the recipients take, about.
    recipient_octets: usize,
    /// Whether the driver wants to be asked about each recipient.
    asks_recipients: bool,
    /// Why the driver wants no message, told instead of taking more.
    refusal: Option<Reply>,
    /// What BDAT brought so far.
    chunks: Option<Body>,
}

impl Transaction {
    pub(super) fn held(&self) -> usize {
        self.recipient_octets + self.chunks.as_ref().map_or(0, Body::held)
    }

    /// Whether a part of the message has come.
    pub(super) fn has_content(&self) -> bool {
        self.chunks.is_some()
    }

    fn add_recipient(&mut self, address: EmailAddress) {
        self.recipient_octets +=
            size_of::<EmailAddress>() + address.local_part().len() + address.domain().as_str().len();
        self.envelope.recipients.push(address);
    }

    pub(super) fn refuse(&mut self, reply: Reply) {
        if let Some(body) = &mut self.chunks {
            body.refuse(reply);
        } else {
            self.envelope.recipients = Vec::new();
            self.recipient_octets = 0;
            self.refusal.get_or_insert(reply);
        }
    }
}

impl Session {
    pub(super) fn on_mail(&mut self, mail: Mail) -> Option<Step> {
        if self.client_name.is_none() {
            return self.refuse_command(replies::EHLO_FIRST);
        }
        if !self.tls {
            return self.refuse_command(replies::STARTTLS_REQUIRED);
        }
        if !self.authenticated {
            return self.refuse_command(replies::AUTHENTICATION_REQUIRED);
        }
        if self.transaction.is_some() {
            return self.refuse_command(replies::SENDER_ALREADY_GIVEN);
        }
        if !mail.ascii && !mail.smtputf8 {
            return self.refuse_command(replies::SMTPUTF8_REQUIRED);
        }
        if mail.size.is_some_and(|size| size > self.limits.message_size) {
            return self.refuse_command(replies::MESSAGE_TOO_LARGE);
        }
        let Path::Mailbox(reverse_path) = mail.path else {
            let null = mail.path == Path::Null;
            return self.refuse_command(if null {
                replies::NULL_REVERSE_PATH
            } else {
                replies::SENDER_DOMAIN_NOT_LINKED
            });
        };
        self.transaction = Some(Transaction {
            envelope: Envelope {
                reverse_path: reverse_path.clone(),
                recipients: Vec::new(),
                smtputf8: mail.smtputf8,
            },
            announced: mail.size,
            recipient_octets: 0,
            asks_recipients: false,
            refusal: None,
            chunks: None,
        });
        self.state = State::CheckingSender;
        Some(Step::MailFrom(reverse_path))
    }

    /// To be said before [`Session::sender_accepted`]: in this transaction each recipient is a
    /// [`Step::Recipient`].
    pub fn ask_recipients(&mut self) {
        if let (State::CheckingSender, Some(transaction)) = (&self.state, &mut self.transaction) {
            transaction.asks_recipients = true;
        }
    }

    /// Answers [`Step::MailFrom`]: the transaction begins.
    pub fn sender_accepted(&mut self) {
        if matches!(self.state, State::CheckingSender) {
            self.state = State::Command;
            replies::SENDER_OK.write(&mut self.output);
        }
    }

    /// Answers [`Step::MailFrom`]: no transaction begins.
    pub fn sender_refused(&mut self, reply: &Reply) {
        if matches!(self.state, State::CheckingSender) {
            self.state = State::Command;
            self.transaction = None;
            reply.write(&mut self.output);
        }
    }

    pub(super) fn on_rcpt(&mut self, path: Path, ascii: bool) -> Option<Step> {
        let limit = self.limits.recipients;
        let postmaster = matches!(path, Path::Postmaster).then(|| format!("Postmaster@{}", self.host));
        let Some(transaction) = &mut self.transaction else {
            return self.refuse_command(replies::MAIL_FIRST);
        };
        if transaction.chunks.is_some() {
            return self.refuse_command(replies::BAD_SEQUENCE);
        }
        if let Some(reply) = transaction.refusal.clone() {
            return self.refuse_message(&reply);
        }
        let recipient = match path {
            _ if !ascii && !transaction.envelope.smtputf8 => Err(replies::SMTPUTF8_REQUIRED),
            _ if transaction.envelope.recipients.len() >= limit => Err(replies::TOO_MANY_RECIPIENTS),
            Path::Mailbox(address) => Ok(address),
            Path::Postmaster => {
                EmailAddress::parse(&postmaster.unwrap_or_default()).map_err(|_| replies::BAD_FORWARD_PATH)
            }
            Path::Null => Err(replies::BAD_FORWARD_PATH),
        };
        match recipient {
            Ok(address) if transaction.asks_recipients => {
                self.state = State::CheckingRecipient(address.clone());
                Some(Step::Recipient(address))
            }
            Ok(address) => {
                transaction.add_recipient(address);
                self.reply(&replies::RECIPIENT_OK)
            }
            Err(reply) => {
                if reply.is_temporary() {
                    return self.refuse_message(&reply);
                }
                self.refuse_command(reply)
            }
        }
    }

    /// Answers [`Step::Recipient`]: the message will go there too.
    pub fn recipient_accepted(&mut self) {
        if let Some(address) = self.checked_recipient() {
            if let Some(transaction) = &mut self.transaction {
                transaction.add_recipient(address);
            }
            replies::RECIPIENT_OK.write(&mut self.output);
        }
    }

    /// Answers [`Step::Recipient`]: the message does not go there; the transaction goes on.
    pub fn recipient_refused(&mut self, reply: &Reply) {
        if self.checked_recipient().is_some() {
            reply.write(&mut self.output);
        }
    }

    fn checked_recipient(&mut self) -> Option<EmailAddress> {
        match std::mem::replace(&mut self.state, State::Command) {
            State::CheckingRecipient(address) => Some(address),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Why a message cannot begin now, if it cannot.
    fn obstacle_to_content(&self) -> Option<Reply> {
        match &self.transaction {
            None => Some(replies::MAIL_FIRST),
            Some(Transaction { refusal: Some(reply), .. }) => Some(reply.clone()),
            Some(transaction) if transaction.envelope.recipients.is_empty() => {
                Some(replies::NO_VALID_RECIPIENTS)
            }
            Some(_) => None,
        }
    }

    pub(super) fn on_data(&mut self) -> Option<Step> {
        if let Some(reply) = self.obstacle_to_content() {
            return self.refuse_command(reply);
        }
        let announced = match &self.transaction {
            Some(transaction) if transaction.chunks.is_none() => transaction.announced,
            _ => return self.refuse_command(replies::BAD_SEQUENCE),
        };
        self.messages_begun += 1;
        self.state = State::Data(DataReceiver::new(Body::new(&self.limits, announced)));
        replies::GO_AHEAD.write(&mut self.output);
        None
    }

    /// The end of data has come.
    pub(super) fn on_end_of_data(&mut self, body: Body) -> Option<Step> {
        let hopeless = body.is_hopeless();
        self.state = State::Command;
        let transaction = self.transaction.take();
        match (body.finish(), transaction) {
            _ if hopeless => self.close_with(&replies::MESSAGE_TOO_LARGE),
            (Ok(content), Some(transaction)) => {
                self.state = State::Accepting;
                Some(Step::Message(Message { envelope: transaction.envelope, content }))
            }
            (Ok(_), None) => self.refuse_command(replies::BAD_SEQUENCE),
            (Err(reply), _) => self.refuse_message(&reply),
        }
    }

    pub(super) fn on_bdat(&mut self, header: Option<ChunkHeader>) -> Option<Step> {
        let Some(ChunkHeader { size, last }) = header else {
            // SECURITY: the chunk's octets would be read as commands.
            return self.close_with(&replies::BAD_CHUNK_SIZE);
        };
        let out_of_sequence = self.obstacle_to_content().is_some();
        let limits = &self.limits;
        if self.transaction.as_ref().is_some_and(|transaction| !transaction.has_content()) {
            self.messages_begun += 1;
        }
        let body = self.transaction.as_mut().filter(|_| !out_of_sequence).map(|transaction| {
            transaction.chunks.take().unwrap_or_else(|| Body::new(limits, transaction.announced))
        });
        let hopeless = match &body {
            Some(body) => body.would_be_hopeless(size),
            None => size > self.limits.message_size,
        };
        if hopeless {
            return self.close_with(&replies::MESSAGE_TOO_LARGE);
        }
        self.state = State::Chunk(ChunkReceiver { body, size, remaining: size, last });
        None
    }

    /// A chunk has come whole.
    pub(super) fn on_end_of_chunk(&mut self, chunk: ChunkReceiver) -> Option<Step> {
        self.state = State::Command;
        let Some(body) = chunk.body else {
            let reply = self.obstacle_to_content().unwrap_or(replies::BAD_SEQUENCE);
            return self.refuse_command(reply);
        };
        if chunk.last {
            return self.on_end_of_data(body);
        }
        if let Some(reply) = body.fault() {
            // The chunks that follow are out of sequence then (RFC 3030 section 2).
            self.transaction = None;
            return self.refuse_message(&reply);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(body);
        }
        let text = format!("{} octets received", chunk.size);
        Reply::with_text(250, Some(Enhanced(2, 0, 0)), text).write(&mut self.output);
        None
    }

    /// Answers [`Step::Message`]: the message is durable, and ours to deliver.
    pub fn message_accepted(&mut self, id: MessageId) {
        self.bad_commands = 0;
        self.answer_message(&Reply::with_text(250, Some(Enhanced(2, 0, 0)), id.to_string()));
    }

    /// Answers [`Step::Message`]: the message is not taken.
    pub fn message_refused(&mut self, reply: &Reply) {
        self.answer_message(reply);
    }

    fn answer_message(&mut self, reply: &Reply) {
        if matches!(self.state, State::Accepting) {
            self.state = State::Command;
            reply.write(&mut self.output);
        }
    }
}
