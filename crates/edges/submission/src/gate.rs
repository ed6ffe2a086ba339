//! What submission asks of the services.

use std::net::IpAddr;

use gatepost_clock::Timestamp;
use gatepost_mail::Completed;
use gatepost_names::{EmailAddress, MessageId};
use gatepost_resources::communication::sending::Permission;
use gatepost_smtp::server::{Credentials, Envelope};

use crate::Refusal;

/// A message that may be sent, ready to be accepted.
#[derive(Debug)]
pub struct Arrival {
    /// The id that the Received field names and that the client is told.
    pub id: MessageId,
    /// From whom to whom.
    pub envelope: Envelope,
    /// The message as it was sent.
    pub content: Vec<u8>,
    /// What of it is kept and what is added.
    pub completed: Completed,
    /// Where the client connected from.
    pub client: IpAddr,
}

/// Who may send what, and where messages go. [`Services`](crate::Services) is the real one.
///
/// All but [`Gate::accept`] answer from memory: they are called on the threads that serve all connections.
pub trait Gate: Send + Sync + 'static {
    /// A client that has signed in.
    type Identity: Send + Sync + 'static;

    /// Verifies credentials, and that their owner may send. `client` is where it connects from.
    ///
    /// # Errors
    /// [`Refusal::SignIn`].
    fn sign_in(&self, credentials: &Credentials, client: IpAddr) -> Result<Self::Identity, Refusal>;

    /// Whether a client that signed in may still send, and from this reverse-path. Asked at each MAIL.
    ///
    /// # Errors
    /// [`Refusal::SignIn`], [`Refusal::SenderDomain`], [`Refusal::SenderUsername`], [`Refusal::NotAllowed`],
    /// [`Refusal::Internal`].
    fn begin(&self, identity: &Self::Identity, reverse_path: &EmailAddress) -> Result<Permission, Refusal>;

    /// Whether it may send to a recipient. Asked at RCPT where [`Permission::asks_recipients`].
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`].
    fn check_recipient(
        &self,
        identity: &Self::Identity,
        reverse_path: &EmailAddress,
        recipient: &EmailAddress,
    ) -> Result<(), Refusal>;

    /// Whether it may send a message whose header names these authors.
    ///
    /// # Errors
    /// [`Refusal::SenderDomain`], [`Refusal::SenderUsername`], [`Refusal::NotAllowed`], [`Refusal::Internal`].
    fn check_message(
        &self,
        identity: &Self::Identity,
        permission: Permission,
        envelope: &Envelope,
        authors: &[EmailAddress],
    ) -> Result<(), Refusal>;

    /// Keeps a refusal for the operator who asks why.
    fn note_refusal(&self, username: &str, refusal: &Refusal);

    /// A fresh id.
    fn new_id(&self) -> MessageId;

    /// The time now.
    fn now(&self) -> Timestamp;

    /// Accepts a message for delivery; when this returns its id, it is durable.
    ///
    /// # Errors
    /// [`Refusal::Full`], [`Refusal::Stopped`], [`Refusal::Internal`].
    fn accept(
        &self,
        identity: &Self::Identity,
        arrival: Arrival,
    ) -> impl Future<Output = Result<MessageId, Refusal>> + Send;
}
