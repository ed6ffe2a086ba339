//! The listener that every HTTP edge stands on.
//!
//! It owns TLS, the limits on what a peer may send and how long it may take, and the clean stop. An edge is a
//! plain function from a bounded request to a response ([`Edge::answer`]); it runs on a thread of its own, so it
//! may wait for the store.

mod call;

pub use call::{Answer, Call, Edge, QueryPairs, json, no_content};
