//! A load generator for submission servers, ours and others.
//!
//! Each connection opens, authenticates and sends its messages one after the other; many do so at a time. What
//! is measured: accepted messages a second, each session from connecting to its end, and each message from its
//! end of data to its 250. A message that does not get its 250, or is not found in the mailbox afterwards, makes
//! the run a failure. It runs on the cores that it shares with the server, so it keeps its own work small: one
//! write per group of commands, messages made from one template.

mod idle;
mod mailbox;
mod report;
mod run;
mod session;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gatepost_smtp::client::Authentication;

pub use idle::{IdleReport, hold};
pub use report::{Quantiles, Report};
pub use run::run;

/// How TLS begins, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    None,
    /// By STARTTLS.
    StartTls,
    /// With the connection.
    Implicit,
}

/// Which certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that a CA of this PEM file signed.
    File(PathBuf),
    /// All: the server is not checked.
    Anything,
}

/// What is sent to whom, and how.
#[derive(Clone)]
pub struct Options {
    /// Where the server listens.
    pub server: SocketAddr,
    /// The name that its certificate must have.
    pub server_name: String,
    /// How TLS begins.
    pub security: Security,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// How to sign in.
    pub authentication: Authentication,
    /// Connections at a time.
    pub connections: usize,
    /// Messages in all.
    pub messages: u64,
    /// Messages on each connection before it is closed and another opened.
    pub per_connection: u64,
    /// Octets of a message, header included.
    pub size: usize,
    /// The reverse-path, and the From field.
    pub from: String,
    /// The forward-paths.
    pub to: Vec<String>,
    /// Whether MAIL, RCPT and DATA go out together.
    pub pipelining: bool,
    /// Messages a second at which they are sent; as fast as they go where there is none.
    pub rate: Option<f64>,
    /// A Maildir in which each message must be found after the run.
    pub mailbox: Option<PathBuf>,
    /// How long after the run that may take.
    pub mailbox_wait: Duration,
}
