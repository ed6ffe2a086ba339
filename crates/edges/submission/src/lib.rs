//! SMTP submission: sockets and TLS around [`gatepost_smtp::server::Session`].
//!
//! The session decides what a client may say; this crate moves its bytes, keeps its deadlines and limits, asks
//! the [`Gate`] who may send what, and turns each refusal into a reply ([`Refusal`]). It holds no rule of its
//! own. Rules: RFC 5321, RFC 6409 and the table in `gatepost_smtp::server`.

mod budget;
mod connection;
mod deadline;
mod gate;
mod listener;
mod message;
mod read_ahead;
mod refusal;
mod services;
mod settings;
mod wire;

pub use gate::{Arrival, Gate};
pub use gatepost_resources::communication::sending::Permission;
pub use listener::{Mode, Submission};
pub use refusal::Refusal;
pub use services::Services;
pub use settings::Settings;
