//! What happens at the end of data.

use std::net::IpAddr;

use gatepost_mail::{Headers, Trace};
use gatepost_names::MessageId;
use gatepost_resources::communication::sending::Permission;
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
/// The message is malformed, or may not be sent: see [`Gate::check_message`].
pub(crate) fn prepare<G: Gate>(
    gate: &G,
    identity: &G::Identity,
    permission: Permission,
    message: Message,
    client: &Client<'_>,
) -> Result<Arrival, Refusal> {
    let Message { envelope, content } = message;
    let headers = Headers::scan(&content)?;
    let mut authors = headers.from_addresses()?;
    authors.extend(headers.sender_addresses()?);
    gate.check_message(identity, permission, &envelope, &authors)?;
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
    permission: Permission,
    message: Message,
    client: &Client<'_>,
) -> Result<MessageId, Refusal> {
    let arrival = prepare(gate, identity, permission, message, client)?;
    gate.accept(identity, arrival).await
}
