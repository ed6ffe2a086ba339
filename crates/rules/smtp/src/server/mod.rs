//! The submission server's side of SMTP.
//!
//! | RFC | what | where |
//! |---|---|---|
//! | 5321, 6409 | commands, replies, sequence | [`Session`], `command`, `transaction` |
//! | 4954, 4616, 7628 | AUTH PLAIN, LOGIN, XOAUTH2, OAUTHBEARER, under TLS only | `auth`, `sasl` |
//! | 3207 | STARTTLS; the session begins anew, what was pipelined behind it is thrown away | [`Session`] |
//! | 2920 | PIPELINING: replies gather in one output buffer | [`Session::output`] |
//! | 1870, 6152, 6531 | SIZE, 8BITMIME, SMTPUTF8 | `command`, `transaction` |
//! | 3030 | CHUNKING (BDAT), without BINARYMIME | `data` |
//! | 2034 | ENHANCEDSTATUSCODES | `crate::Reply` |
//!
//! Lines end in CRLF and in nothing else. A bare CR or LF in a command ends the session, in a message it
//! refuses the message; so no two servers can disagree about where a message ends.

mod auth;
mod command;
mod data;
mod extensions;
mod limits;
mod line;
mod path;
pub mod replies;
mod sasl;
mod session;
mod transaction;

pub use limits::Limits;
pub use sasl::Credentials;
pub use session::{Awaiting, Session, Step};
pub use transaction::{Envelope, Message};
