//! What is handed in for delivery, and why it may be refused.

use std::net::IpAddr;

use bytes::Bytes;
use gatepost_mail::Completed;
use gatepost_names::{ApplicationId, EmailAddress, MessageId, ObjectId, ResourceId};
use gatepost_store::StoreError;
use gatepost_store::spool::AppendError;

/// A message to accept, its header section completed.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The id that the message will have, from [`Delivery::new_id`](crate::Delivery::new_id).
    pub id: MessageId,
    /// The communication service that it came through.
    pub service: ResourceId,
    /// The application that sent it.
    pub app_id: ApplicationId,
    /// Its service principal.
    pub object_id: ObjectId,
    /// The SMTP username that it signed in with.
    pub username: String,
    /// The reverse-path; `None` for the null one.
    pub reverse_path: Option<EmailAddress>,
    /// The forward-paths; at least one.
    pub recipients: Vec<EmailAddress>,
    /// The message.
    pub message: Content,
    /// The value of the Message-ID field.
    pub internet_message_id: String,
    /// Where the client connected from.
    pub client: IpAddr,
}

/// A message's octets, in pieces, so that completing its header section copies nothing.
#[derive(Clone, Debug, Default)]
pub struct Content(Vec<Bytes>);

impl Content {
    /// The message that completing `raw` gave.
    pub fn completed(completed: Completed, raw: &Bytes) -> Content {
        let mut pieces = Vec::with_capacity(1 + completed.kept.len());
        pieces.push(Bytes::from(completed.prefix));
        pieces.extend(
            completed.kept.into_iter().filter(|range| range.end <= raw.len()).map(|range| raw.slice(range)),
        );
        Content(pieces)
    }

    pub(crate) fn into_pieces(self) -> Vec<Bytes> {
        self.0
    }
}

impl From<Vec<u8>> for Content {
    fn from(message: Vec<u8>) -> Content {
        Content(vec![Bytes::from(message)])
    }
}

impl From<Bytes> for Content {
    fn from(message: Bytes) -> Content {
        Content(vec![message])
    }
}

/// Why a message is not accepted. It will not be delivered, and each is temporary.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AcceptError {
    /// No space is left (SMTP: `452 4.3.1`).
    #[error("no space is left for messages")]
    Full,
    /// The server stops (SMTP: `421 4.3.2`).
    #[error("the server stops")]
    Stopped,
    /// The spool failed (SMTP: `451 4.3.0`). The detail is for the log.
    #[error(transparent)]
    Store(StoreError),
}

impl AcceptError {
    /// Whether the same message may be accepted later. Always.
    pub fn is_temporary(&self) -> bool {
        true
    }
}

impl From<AppendError> for AcceptError {
    fn from(error: AppendError) -> AcceptError {
        match error {
            AppendError::Full => AcceptError::Full,
            AppendError::Closed => AcceptError::Stopped,
            AppendError::Device(detail) => AcceptError::Store(StoreError::Engine(detail)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completed_message_is_its_prefix_and_what_is_kept() {
        let raw = Bytes::from_static(b"Bcc: x\r\nFrom: a@b\r\n\r\nbody");
        let completed =
            Completed { prefix: b"Date: d\r\n".to_vec(), kept: vec![0..0, 8..25], message_id: String::new() };
        let whole = completed.to_vec(&raw);
        let content = Content::completed(completed, &raw);
        assert_eq!(content.into_pieces().concat(), whole);
        assert_eq!(whole, b"Date: d\r\nFrom: a@b\r\n\r\nbody");
    }
}
