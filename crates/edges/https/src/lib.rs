//! The listener that every HTTP edge stands on.
//!
//! It owns TLS, the limits on what a peer may send and how long it may take, and the clean stop. An edge is a
//! plain function from a bounded request to a response ([`Edge::answer`]); it runs on a thread of its own, so it
//! may wait for the store.
//!
//! Rules: RFC 9110 and RFC 9112. HTTP/1.1 is enough for every client that matters here, and it keeps one
//! request from holding up another on the same connection.

mod absent;
mod address;
mod call;
mod connection;
mod deadline;
mod exchange;
mod limits;
mod listener;

pub use absent::Absent;
pub use address::{BadAddress, Listener, parse_address};
pub use call::{Answer, Call, Edge, QueryPairs, json, no_content};
pub use limits::{FREE_BODY, Limits};
pub use listener::{serve, serve_plain, serve_with};
