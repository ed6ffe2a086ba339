//! One connection: a session, its bytes, its deadlines.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gatepost_names::EmailAddress;
use gatepost_resources::communication::sending::Permission;
use gatepost_smtp::server::{Awaiting, Credentials, Message, Session, Step, replies};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::budget::Share;
use crate::deadline::Deadline;
use crate::gate::Gate;
use crate::listener::{Mode, Submission};
use crate::message::{self, Client};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::wire::Wire;

/// How long, and for how many octets, a client that was refused is listened to so that it reads its reply.
pub(crate) const LINGER: Duration = Duration::from_secs(5);
const LINGER_OCTETS: usize = 64 * 1024 * 1024;

/// Octets of replies for which room is kept with a connection.
const USUAL_OUTPUT: usize = 1024;

/// Why a connection ends other than by its session.
enum Ended {
    /// The client went away, or broke TLS.
    Lost(io::Error),
    /// The client closed without QUIT.
    Hangup,
    /// A deadline passed.
    Late,
    /// The server stops and nothing is under way.
    Stopping,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        Ended::Lost(error)
    }
}

/// A client that has signed in.
struct SignedIn<I> {
    identity: I,
    username: String,
    /// The transaction under way: its reverse-path, and what is left to ask.
    begun: Option<(EmailAddress, Permission)>,
}

pub(crate) struct Connection<G: Gate> {
    server: Arc<Submission<G>>,
    wire: Wire,
    peer: SocketAddr,
    mode: Mode,
    stop: watch::Receiver<bool>,
    /// When a stopping server ends the connection, whatever it is doing; set once.
    stop_by: Option<Instant>,
    session: Session,
    signed_in: Option<SignedIn<G::Identity>>,
    input: Vec<u8>,
    share: Share,
    deadline: Deadline,
    opened: Instant,
    pace: Pace,
    /// The message that is being received, and since when.
    receiving: Option<(u64, Instant)>,
}

/// What the deadline was set for.
struct Pace {
    awaiting: Awaiting,
    progress: u64,
    begun: Instant,
    /// Octets since it began.
    octets: u64,
}

impl<G: Gate> Connection<G> {
    pub(crate) fn new(
        server: Arc<Submission<G>>,
        socket: TcpStream,
        peer: SocketAddr,
        mode: Mode,
        stop: watch::Receiver<bool>,
    ) -> Connection<G> {
        let tls = mode == Mode::ImplicitTls;
        let session = Session::new(Arc::clone(&server.host), Arc::clone(&server.limits), tls);
        let now = Instant::now();
        Connection {
            wire: Wire::Plain(socket),
            peer,
            mode,
            stop,
            stop_by: None,
            share: Share::new(&server.budget),
            deadline: Deadline::after(server.settings.command),
            opened: now,
            pace: Pace { awaiting: session.awaiting(), progress: session.progress(), begun: now, octets: 0 },
            receiving: None,
            session,
            signed_in: None,
            input: Vec::new(),
            server,
        }
    }

    pub(crate) async fn run(mut self) {
        tracing::debug!(peer = %self.peer, "connected");
        let ended = match self.converse().await {
            Ok(()) => Ok(()),
            Err(Ended::Late) => self.say_goodbye(&replies::TIMEOUT).await,
            Err(Ended::Stopping) => self.say_goodbye(&replies::SHUTTING_DOWN).await,
            Err(ended) => Err(ended),
        };
        match ended {
            Ok(()) | Err(Ended::Hangup | Ended::Late | Ended::Stopping) => {
                tracing::debug!(peer = %self.peer, "closed");
            }
            Err(Ended::Lost(error)) => tracing::debug!(peer = %self.peer, %error, "connection lost"),
        }
    }

    async fn converse(&mut self) -> Result<(), Ended> {
        if self.mode == Mode::ImplicitTls {
            self.shake_hands().await?;
        }
        loop {
            let mut rest = self.input.as_slice();
            let before = rest.len();
            let step = self.session.feed(&mut rest);
            let used = before - rest.len();
            match step {
                Step::NeedInput => {
                    self.keep_within_budget();
                    self.input = Vec::new();
                    self.write_replies().await?;
                    self.read_more().await?;
                    continue;
                }
                Step::Flush => {
                    self.input.drain(..used);
                    self.write_replies().await?;
                }
                Step::StartTls => {
                    // SECURITY: whatever came in plain text after the command is gone before TLS begins.
                    self.input = Vec::new();
                    self.write_replies().await?;
                    self.shake_hands().await?;
                    self.session.tls_established();
                    continue;
                }
                Step::Close => {
                    self.input = Vec::new();
                    self.write_replies().await?;
                    return self.close().await;
                }
                Step::Authenticate(credentials) => {
                    self.input.drain(..used);
                    self.sign_in(credentials).await?;
                }
                Step::MailFrom(address) => {
                    self.input.drain(..used);
                    self.check_sender(&address);
                }
                Step::Recipient(address) => {
                    self.input.drain(..used);
                    self.check_recipient(&address);
                }
                Step::Message(message) => {
                    self.input.drain(..used);
                    self.accept(message).await?;
                }
            }
        }
    }

    async fn shake_hands(&mut self) -> Result<(), Ended> {
        let config = Arc::clone(&self.server.tls);
        // Boxed: its state is large and short-lived, the connection's is not.
        let handshake = Box::pin(self.wire.start_tls(config));
        let shaken = tokio::select! {
            biased;
            shaken = timeout(self.server.settings.handshake, handshake) => shaken,
            _ = self.stop.wait_for(|stop| *stop) => return Err(Ended::Hangup),
        };
        match shaken {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::info!(peer = %self.peer, %error, "TLS handshake failed");
                Err(Ended::Lost(error))
            }
            Err(_) => {
                tracing::info!(peer = %self.peer, "TLS handshake took too long");
                Err(Ended::Hangup)
            }
        }
    }

    async fn read_more(&mut self) -> Result<(), Ended> {
        self.notice_stop();
        loop {
            // Looked at before anything is read: a client that always has more to say does not outlast them.
            if Instant::now() >= self.set_deadline() {
                return Err(Ended::Late);
            }
            if self.stop_by.is_some()
                && self.session.message_under_way().is_none()
                && self.pace.awaiting == Awaiting::Command
            {
                return Err(Ended::Stopping);
            }
            let stop = async { drop(self.stop.wait_for(|stop| *stop).await) };
            let count = tokio::select! {
                biased;
                count = self.wire.read(&mut self.input) => Some(count?),
                () = self.deadline.passed() => return Err(Ended::Late),
                () = stop, if self.stop_by.is_none() => None,
            };
            match count {
                Some(0) => return Err(Ended::Hangup),
                Some(count) => {
                    self.pace.octets = self.pace.octets.saturating_add(count as u64);
                    return Ok(());
                }
                None => self.begin_to_stop(),
            }
        }
    }

    /// Sets the deadline for what the session waits for now. It moves only when something has come whole, or, in
    /// a message, with the octets that came; so a client cannot keep a connection by feeding it single octets.
    fn set_deadline(&mut self) -> Instant {
        let now = Instant::now();
        let (awaiting, progress) = (self.session.awaiting(), self.session.progress());
        if (awaiting, progress) != (self.pace.awaiting, self.pace.progress) {
            self.pace = Pace { awaiting, progress, begun: now, octets: 0 };
        }
        let settings = &self.server.settings;
        let mut due = self.pace.begun + allowance(settings, awaiting, self.pace.octets);
        if self.signed_in.is_none() {
            due = due.min(self.opened + settings.sign_in);
        }
        match (self.session.message_under_way(), self.receiving) {
            (Some(message), Some((same, since))) if message == same => {
                due = due.min(since + settings.content)
            }
            (message, _) => self.receiving = message.map(|message| (message, now)),
        }
        if let Some(stop_by) = self.stop_by {
            due = due.min(stop_by);
        }
        self.deadline.set(due);
        due
    }

    fn notice_stop(&mut self) {
        if self.stop_by.is_none() && *self.stop.borrow() {
            self.begin_to_stop();
        }
    }

    fn begin_to_stop(&mut self) {
        self.stop_by = Some(Instant::now() + self.server.settings.grace);
    }

    async fn write_replies(&mut self) -> Result<(), Ended> {
        if self.session.output().is_empty() {
            return Ok(());
        }
        self.report_refusals();
        self.notice_stop();
        let mut due = Instant::now() + self.server.settings.write;
        if let Some(stop_by) = self.stop_by {
            due = due.min(stop_by);
        }
        self.deadline.set(due);
        {
            let mut write = pin!(self.wire.write(self.session.output()));
            loop {
                tokio::select! {
                    biased;
                    written = &mut write => break written?,
                    () = self.deadline.passed() => return Err(Ended::Hangup),
                    _ = self.stop.wait_for(|stop| *stop), if self.stop_by.is_none() => {
                        let stop_by = Instant::now() + self.server.settings.grace;
                        self.stop_by = Some(stop_by);
                        self.deadline.set(due.min(stop_by));
                    }
                }
            }
        }
        let output = self.session.output();
        output.clear();
        if output.capacity() > USUAL_OUTPUT {
            *output = Vec::new();
        }
        Ok(())
    }

    /// Holds the octets of the message under way against the server's budget.
    fn keep_within_budget(&mut self) {
        let held = self.session.held();
        if !self.share.resize(held) {
            tracing::warn!(peer = %self.peer, "no memory left for another message");
            self.session.refuse_content(replies::INSUFFICIENT_STORAGE);
            self.share.resize(self.session.held());
        }
    }

    async fn sign_in(&mut self, credentials: Credentials) -> Result<(), Ended> {
        let username = credentials.username().to_owned();
        match self.server.gate.sign_in(&credentials, self.peer.ip()) {
            Ok(identity) => {
                tracing::debug!(peer = %self.peer, ?username, "signed in");
                self.signed_in = Some(SignedIn { identity, username, begun: None });
                self.session.signed_in();
            }
            Err(refusal) => {
                let reply = self.refuse(&refusal, &username, "AUTH");
                if !reply.is_temporary() {
                    let count = self.session.failed_authentications() + 1;
                    self.hold_back(self.server.settings.delay_after(count)).await?;
                }
                self.session.sign_in_refused(reply);
            }
        }
        Ok(())
    }

    /// Slows a client that guesses. Only its own task waits.
    async fn hold_back(&mut self, delay: Duration) -> Result<(), Ended> {
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            _ = self.stop.wait_for(|stop| *stop) => Err(Ended::Stopping),
        }
    }

    fn check_sender(&mut self, address: &EmailAddress) {
        let Some(client) = &mut self.signed_in else {
            return self.session.sender_refused(&replies::AUTHENTICATION_REQUIRED);
        };
        // SECURITY: asked again each time, so that a revoked application stops at once.
        let begun = self.server.gate.begin(&client.identity, address);
        client.begun = begun.as_ref().ok().map(|permission| (address.clone(), *permission));
        match begun {
            Ok(permission) => {
                if permission.asks_recipients() {
                    self.session.ask_recipients();
                }
                self.session.sender_accepted();
            }
            Err(refusal) => {
                let username = client.username.clone();
                let reply = self.refuse(&refusal, &username, "MAIL");
                self.session.sender_refused(&reply);
            }
        }
    }

    fn check_recipient(&mut self, recipient: &EmailAddress) {
        let Some(SignedIn { identity, username, begun: Some((reverse_path, _)) }) = &self.signed_in else {
            return self.session.recipient_refused(&replies::AUTHENTICATION_REQUIRED);
        };
        match self.server.gate.check_recipient(identity, reverse_path, recipient) {
            Ok(()) => self.session.recipient_accepted(),
            Err(refusal) => {
                let reply = self.refuse(&refusal, username, "RCPT");
                self.session.recipient_refused(&reply);
            }
        }
    }

    async fn accept(&mut self, message: Message) -> Result<(), Ended> {
        let Some(client) = &self.signed_in else {
            self.session.message_refused(&replies::AUTHENTICATION_REQUIRED);
            return Ok(());
        };
        let facts = Client {
            name: self.session.client_name().unwrap_or_default(),
            ip: self.peer.ip().to_canonical(),
            tls: self.wire.tls_version(),
            host: &self.server.host,
        };
        // Until the message is durable it is in memory, though no longer in the session.
        if !self.share.resize(message.content.capacity()) {
            let reply = self.refuse(&Refusal::Full, &client.username, "end of data");
            self.session.message_refused(&reply);
            return Ok(());
        }
        let permission = client.begun.as_ref().map_or(Permission::Conditional, |(_, permission)| *permission);
        match message::take(&self.server.gate, &client.identity, permission, message, &facts).await {
            Ok(id) => self.session.message_accepted(id),
            Err(refusal) => {
                let reply = self.refuse(&refusal, &client.username, "end of data");
                self.session.message_refused(&reply);
            }
        }
        self.notice_stop();
        if self.stop_by.is_some() { Err(Ended::Stopping) } else { Ok(()) }
    }

    /// Tells the log and whoever asks why; gives what the client is told.
    fn refuse(&self, refusal: &Refusal, username: &str, at: &str) -> gatepost_smtp::Reply {
        let correlation = Uuid::new_v4();
        let reply = refusal.reply(correlation);
        if let Refusal::Internal(cause) = refusal {
            tracing::error!(peer = %self.peer, ?username, at, %correlation, ?cause, "failed");
        } else {
            // SECURITY: a cause may quote the client; escaped, it cannot forge lines of the log.
            let (reply, cause) = (reply.to_string(), refusal.to_string());
            tracing::info!(peer = %self.peer, ?username, at, ?reply, ?cause, "refused");
        }
        self.server.gate.note_refusal(username, refusal);
        reply
    }

    /// Tells the log, and for a client that has signed in whoever asks why, what the session refused by itself.
    fn report_refusals(&mut self) {
        for reply in self.session.take_refusals() {
            let username = self.signed_in.as_ref().map(|client| client.username.as_str());
            tracing::info!(peer = %self.peer, ?username, reply = ?reply.to_string(), "refused by the rules of SMTP");
            if let Some(username) = username {
                self.server.gate.note_refusal(username, &Refusal::Session(reply));
            }
        }
    }

    async fn say_goodbye(&mut self, reply: &gatepost_smtp::Reply) -> Result<(), Ended> {
        self.session.close_with(reply);
        self.write_replies().await?;
        self.close().await
    }

    async fn close(&mut self) -> Result<(), Ended> {
        let closing = async {
            self.wire.finish().await?;
            if self.session.has_quit() { Ok(()) } else { self.wire.drain(LINGER_OCTETS).await }
        };
        // A client that is gone already, or does not close, has had its reply.
        let _ = timeout(LINGER, closing).await;
        Ok(())
    }
}

fn allowance(settings: &Settings, awaiting: Awaiting, octets: u64) -> Duration {
    match awaiting {
        Awaiting::Command | Awaiting::Driver => settings.idle,
        Awaiting::RestOfCommand => settings.command,
        Awaiting::Content => {
            let earned = Duration::from_secs(octets / u64::from(settings.content_rate.max(1)));
            settings.content.min(settings.command.saturating_add(earned))
        }
    }
}
