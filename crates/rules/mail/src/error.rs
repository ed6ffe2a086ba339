//! Why a message is refused. All are permanent: the same message will be refused again.

use crate::{ListError, MAX_FIELDS, MAX_HEADER_BYTES};

/// What is wrong with a message. The text may be shown to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Nothing came, or it begins with the empty line that ends a header section.
    #[error("the message has no header section")]
    NoHeader,
    /// A line of the header section is neither a field nor the continuation of one.
    #[error("line {0} of the header section is not a header field")]
    MalformedField(usize),
    /// A carriage return or a line feed that stands alone in the header section.
    #[error("line {0} of the header section has a bare CR or LF")]
    BareLineEnd(usize),
    /// The header section is too long.
    #[error("the header section is longer than {MAX_HEADER_BYTES} octets")]
    HeaderTooLong,
    /// The header section has too many fields.
    #[error("the header section has more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// A NUL octet, anywhere.
    #[error("the message contains a NUL octet")]
    Nul,
    /// A header section that is not ASCII in a transaction without SMTPUTF8 (RFC 6532 section 3).
    #[error("the header section is not ASCII and the transaction did not ask for SMTPUTF8")]
    NeedsSmtputf8,
    /// A header section that is neither ASCII nor UTF-8.
    #[error("the header section is not valid UTF-8")]
    NotUtf8,
    /// No From field.
    #[error("the message has no From field")]
    NoFrom,
    /// A field that may be there once is there more often (RFC 5322 section 3.6).
    #[error("the message has more than one {0} field")]
    Repeated(&'static str),
    /// A field of addresses that cannot be read.
    #[error("the {0} field cannot be read: {1}")]
    BadAddresses(&'static str, ListError),
}
