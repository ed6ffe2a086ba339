//! What an operator may set.

use std::time::Duration;

use gatepost_smtp::server::Limits;

/// Settings of the submission server. The default fits a server of a few cores.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name in the greeting and in Received fields.
    pub host: String,
    /// Limits of each session.
    pub limits: Limits,
    /// Connections at a time, over all listeners; one more is answered 421 4.3.2.
    pub connections: usize,
    /// Octets of messages being received and accepted at a time; a message that finds no room is answered
    /// 452 4.3.1.
    pub memory: usize,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// From connecting to having authenticated.
    pub sign_in: Duration,
    /// Between commands.
    pub idle: Duration,
    /// From a command's first octet to its last, and for each response of the AUTH dialogue.
    pub command: Duration,
    /// For a whole message, from DATA or its first chunk to its last octet, whatever its size and whatever comes
    /// between its chunks.
    pub content: Duration,
    /// Octets a second that a message must come at, after the time for a command is used up.
    pub content_rate: u32,
    /// For a reply to be taken by the client.
    pub write: Duration,
    /// After the first failed authentication; each further one doubles it, up to [`Settings::longest_delay`].
    pub first_delay: Duration,
    /// The longest answer to a failed authentication is held back.
    pub longest_delay: Duration,
    /// For what is under way when the server stops.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            host: "localhost".to_owned(),
            limits: Limits::default(),
            connections: 20_000,
            memory: 256 * 1024 * 1024,
            handshake: Duration::from_secs(30),
            sign_in: Duration::from_secs(5 * 60),
            idle: Duration::from_secs(5 * 60),
            command: Duration::from_secs(60),
            content: Duration::from_secs(10 * 60),
            content_rate: 1024,
            write: Duration::from_secs(60),
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(4),
            grace: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// How long the answer to the `count`th failed authentication of a connection is held back.
    pub(crate) fn delay_after(&self, count: u32) -> Duration {
        let doublings = count.saturating_sub(1).min(16);
        self.first_delay.saturating_mul(1 << doublings).min(self.longest_delay)
    }
}
