//! SMTP as pure state machines: bytes in, steps out.
//!
//! [`server::Session`] is the submission server's side (RFC 5321, RFC 6409 and the extensions listed in
//! [`server`]); [`client::Client`] is a minimal submission client for the demo, the load generator and tests.
//! Neither knows sockets, TLS, time or where messages go: the edge that drives a session moves the bytes and
//! answers its questions.

pub mod client;
mod reply;
pub mod server;

pub use reply::{Enhanced, Reply};
