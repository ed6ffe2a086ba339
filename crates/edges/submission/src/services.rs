//! The real gate: sending rules from `resources`, acceptance by `delivery`.

use std::net::IpAddr;

use bytes::Bytes;
use gatepost_access::RequestOrigin;
use gatepost_clock::{Clock, Timestamp};
use gatepost_delivery::{Content, Delivery, Submission};
use gatepost_names::{EmailAddress, MessageId};
use gatepost_resources::communication::sending::{Outgoing, Permission, Sending, SendingIdentity};
use gatepost_smtp::server::{Credentials, Envelope};
use uuid::Uuid;

use crate::gate::{Arrival, Gate};
use crate::refusal::Refusal;

/// The services that submission stands on.
#[derive(Clone)]
pub struct Services {
    /// Who may send what.
    pub sending: Sending,
    /// Where messages go.
    pub delivery: Delivery,
    /// For the Received field.
    pub clock: Clock,
}

impl Gate for Services {
    type Identity = SendingIdentity;

    fn sign_in(&self, credentials: &Credentials, client: IpAddr) -> Result<SendingIdentity, Refusal> {
        let origin = RequestOrigin::new(Uuid::new_v4(), client);
        let identity = match credentials {
            Credentials::Secret { username, password } => {
                self.sending.sign_in_with_secret(username, password, origin)?
            }
            Credentials::Token { username, token } => {
                self.sending.sign_in_with_token(username, token, origin)?
            }
        };
        Ok(identity)
    }

    fn begin(&self, identity: &SendingIdentity, reverse_path: &EmailAddress) -> Result<Permission, Refusal> {
        Ok(self.sending.begin(identity, reverse_path)?)
    }

    fn check_recipient(
        &self,
        identity: &SendingIdentity,
        reverse_path: &EmailAddress,
        recipient: &EmailAddress,
    ) -> Result<(), Refusal> {
        Ok(self.sending.check_recipient(identity, reverse_path, recipient)?)
    }

    fn check_message(
        &self,
        identity: &SendingIdentity,
        permission: Permission,
        envelope: &Envelope,
        authors: &[EmailAddress],
    ) -> Result<(), Refusal> {
        let message =
            Outgoing { reverse_path: &envelope.reverse_path, authors, recipients: &envelope.recipients };
        Ok(self.sending.check_message(identity, permission, &message)?)
    }

    fn note_refusal(&self, username: &str, refusal: &Refusal) {
        self.sending.note_refusal(username, &refusal.to_string());
    }

    fn new_id(&self) -> MessageId {
        self.delivery.new_id()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn accept(&self, identity: &SendingIdentity, arrival: Arrival) -> Result<MessageId, Refusal> {
        let mut completed = arrival.completed;
        let submission = Submission {
            id: arrival.id,
            service: identity.service.clone(),
            app_id: identity.app_id,
            object_id: identity.caller.object_id,
            username: identity.username.clone(),
            reverse_path: Some(arrival.envelope.reverse_path),
            recipients: arrival.envelope.recipients,
            internet_message_id: std::mem::take(&mut completed.message_id),
            message: Content::completed(completed, &Bytes::from(arrival.content)),
            client: arrival.client,
        };
        Ok(self.delivery.accept(submission).await?)
    }
}
