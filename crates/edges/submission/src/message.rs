//! What happens at the end of data.

use std::net::IpAddr;

use gatepost_mail::{Headers, Trace};
use gatepost_names::MessageId;
use gatepost_smtp::server::Message;

use crate::gate::{Arrival, Gate};
use crate::refusal::Refusal;

/// What the Received field says about a client.
pub(crate) struct Client<'a> {
    pub(crate) name: &'a str,
    pub(crate) ip: IpAddr,
    pub(crate) tls: Option<&'a str>,
    pub(crate) host: &'a str,
}

/// Checks the header's senders and completes the header (RFC 6409 section 8).
///
/// # Errors
/// The message is malformed, or an address of From or Sender is not a registered sender.
pub(crate) fn prepare<G: Gate>(
    gate: &G,
    identity: &G::Identity,
    message: Message,
    client: &Client<'_>,
) -> Result<Arrival, Refusal> {
    let Message { envelope, content } = message;
    let headers = Headers::scan(&content)?;
    for author in headers.from_addresses()?.iter().chain(&headers.sender_addresses()?) {
        gate.check_sender(identity, author)?;
    }
    let id = gate.new_id();
    let completed = headers.complete(&Trace {
        id,
        helo: client.name,
        ip: client.ip,
        tls: client.tls,
        authenticated: true,
        utf8: envelope.smtputf8,
        by: client.host,
        now: gate.now(),
    })?;
    Ok(Arrival { id, envelope, content, completed, client: client.ip })
}

/// Accepts a message: checked, completed, durable.
///
/// # Errors
/// As [`prepare`] and [`Gate::accept`].
pub(crate) async fn take<G: Gate>(
    gate: &G,
    identity: &G::Identity,
    message: Message,
    client: &Client<'_>,
) -> Result<MessageId, Refusal> {
    let arrival = prepare(gate, identity, message, client)?;
    gate.accept(identity, arrival).await
}
