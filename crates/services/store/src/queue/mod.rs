//! The queue: accepted messages, their recipients, and the trace of each message.
//!
//! A recipient is due when its time has come and nobody holds a lease on it; a lease that expires makes it due
//! again. The message itself is in the [spool](crate::spool).

mod index;
mod lease;
mod operate;
mod report;

use gatepost_names::{ApplicationId, MessageId, ObjectId};
use serde::{Deserialize, Serialize};

pub use index::{Sources, index, indexed, set_indexed, unfinished_by_segment};
pub use lease::{Changed, Leased, LeasedRecipient, Outcome, lease, next_due, record, release_leases};
pub use operate::{Operation, expire, operate, scope_of};
pub use report::{
    Event, Filter, MessageTrace, RecipientTrace, Summary, UnfinishedMessage, depth, list, show, unfinished,
    verify,
};

use crate::StoreError;

/// What is known about a message when it is accepted. Written into the spool with the message, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The message's id.
    pub id: MessageId,
    /// When it was accepted, in microseconds since the Unix epoch.
    pub accepted_at: i64,
    /// The resource id of the communication service.
    pub service: String,
    /// The application that sent it.
    pub app_id: ApplicationId,
    /// Its service principal.
    pub object_id: ObjectId,
    /// The SMTP username that it signed in with.
    pub username: String,
    /// The reverse-path; `None` for the null one.
    pub reverse_path: Option<String>,
    /// The forward-paths.
    pub recipients: Vec<String>,
    /// The value of the Message-ID field.
    pub internet_message_id: String,
    /// Where the client connected from.
    pub client: String,
    /// Bytes of the message.
    pub size: u64,
}

impl Envelope {
    /// As the spool keeps it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Strings, numbers and lists of them always encode.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what the spool keeps.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn decode(bytes: &[u8]) -> Result<Envelope, StoreError> {
        serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(format!("an envelope: {error}")))
    }
}

macro_rules! stored_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Its name, as people see it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// Reads its name.
            pub fn parse(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)* _ => None }
            }

            /// Its number in the store.
            pub(crate) fn number(self) -> i64 {
                match self { $($name::$variant => $number,)* }
            }

            /// Reads its number in the store.
            pub(crate) fn of_number(number: i64) -> Result<$name, StoreError> {
                match number {
                    $($number => Ok($name::$variant),)*
                    _ => Err(StoreError::Corrupt(format!("{number} is no {}", stringify!($name)))),
                }
            }
        }
    };
}

stored_enum! {
    /// Where a recipient stands. The schema's indexes know the numbers.
    RecipientState {
        /// Waits for its next attempt.
        Queued = 0, "queued";
        /// Somebody delivers it just now.
        Leased = 1, "leased";
        /// Waits for an operator.
        Held = 2, "held";
        /// Delivered. Final, as all below.
        Delivered = 10, "delivered";
        /// Given up.
        Failed = 11, "failed";
        /// Dropped by an operator.
        Dropped = 12, "dropped";
    }
}

impl RecipientState {
    /// Whether nothing more will be done.
    pub fn is_final(self) -> bool {
        self.number() >= 10
    }
}

stored_enum! {
    /// What happened to a message.
    EventKind {
        /// It was accepted: durable, and answered with 250.
        Accepted = 0, "accepted";
        /// An attempt succeeded.
        Delivered = 1, "delivered";
        /// An attempt failed, and there will be another one.
        Deferred = 2, "deferred";
        /// An attempt failed, and there will be no other.
        Failed = 3, "failed";
        /// An operator stopped it.
        Held = 4, "held";
        /// An operator let it go on.
        Released = 5, "released";
        /// An operator asked for an attempt at once.
        Retried = 6, "retried";
        /// An operator dropped it.
        Dropped = 7, "dropped";
    }
}

/// A stored count or size that cannot be negative.
fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt(format!("{value} is negative")))
}

/// A count or size as the store keeps it.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
