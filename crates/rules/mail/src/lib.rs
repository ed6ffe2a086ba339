//! Rules of the Internet message format (RFC 5322, RFC 6532) that a submission server needs (RFC 6409
//! section 8): reading the header section, naming the authors, completing what is missing.
//!
//! Pure: the time, the message's id and the client's facts come in as values. The body is opaque here, so
//! malformed MIME passes through as it came. Called by `submission` at end of data, and by the e-mail edge.

mod complete;
mod error;
mod header;
mod mailbox_list;

pub use complete::{Completed, Trace, date};
pub use error::MailError;
pub use header::{Field, Headers, MAX_FIELDS, MAX_HEADER_BYTES};
pub use mailbox_list::{ListError, mailbox_list};

use gatepost_names::EmailAddress;

/// The addresses of the message's only From field, in order; at least one.
///
/// # Errors
/// [`MailError`]: a header section that cannot be read, From missing, repeated or not a plain mailbox list.
pub fn from_addresses(raw: &[u8]) -> Result<Vec<EmailAddress>, MailError> {
    Headers::scan(raw)?.from_addresses()
}

/// The address of the Sender field; empty where there is none.
///
/// # Errors
/// As [`from_addresses`], for Sender; more than one mailbox is refused.
pub fn sender_addresses(raw: &[u8]) -> Result<Vec<EmailAddress>, MailError> {
    Headers::scan(raw)?.sender_addresses()
}

/// Checks a submitted message and completes its header section: see [`Headers::complete`].
///
/// # Errors
/// [`MailError`].
pub fn complete(raw: &[u8], trace: &Trace<'_>) -> Result<Completed, MailError> {
    Headers::scan(raw)?.complete(trace)
}
