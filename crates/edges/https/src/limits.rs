//! How much a peer may have of the server.

use std::time::Duration;

/// What each body may have without counting towards [`Limits::bodies`]: ordinary requests go on while large
/// bodies are refused.
pub const FREE_BODY: usize = 64 * 1024;

/// The limits of one listener. None of the times is an idle timer that a peer can keep feeding: each one bounds
/// a whole step.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; beyond that, accepting pauses and the kernel's backlog waits.
    pub connections: usize,
    /// For the whole TLS handshake.
    pub handshake: Duration,
    /// For the whole head of a request, from its first byte.
    pub head: Duration,
    /// From one answer to the first byte of the next request.
    pub idle: Duration,
    /// For the whole body, beside what [`Limits::slowest`] adds for its length.
    pub body: Duration,
    /// Bytes a second that a peer must manage, in either direction, on top of the fixed times.
    pub slowest: u32,
    /// Bytes of bodies that may be in memory at once, beside the first [`FREE_BODY`] of each; beyond it the answer
    /// is 503. A body is read before anybody knows who sends it.
    pub bodies: usize,
    /// Requests that the edge works on at once.
    pub running: usize,
    /// Requests that may wait for that; beyond it the answer is 503.
    pub waiting: usize,
    /// How long a stop waits for requests in flight.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4096,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(30),
            slowest: 16 * 1024,
            bodies: 64 * 1024 * 1024,
            running: 64,
            waiting: 1024,
            grace: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// How long a peer may take for `bytes`, beside a fixed time.
    pub(crate) fn transfer(&self, bytes: usize) -> Duration {
        Duration::from_secs(bytes as u64 / u64::from(self.slowest.max(1)))
    }
}
