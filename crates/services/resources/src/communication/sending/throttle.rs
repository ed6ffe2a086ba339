//! Slowing those who guess, over all their connections.
//!
//! The counts are the directory's ([`mailer_may_try`]). A username is never locked for everybody: its secrets cannot
//! be guessed, and anybody could stop an application's mail by failing on purpose.
//!
//! [`mailer_may_try`]: gatepost_directory::Directory::mailer_may_try

use std::net::IpAddr;

use gatepost_directory::ClientError;

use super::{Sending, SendingIdentity, SignInRefusal};

/// Signs in, unless too many sign-ins failed lately.
pub(super) fn guard(
    sending: &Sending,
    username: &str,
    address: Option<IpAddr>,
    sign_in: impl FnOnce() -> Result<SendingIdentity, SignInRefusal>,
) -> Result<SendingIdentity, SignInRefusal> {
    let Some(address) = address else { return sign_in() };
    let directory = &sending.0.platform.directory;
    directory.mailer_may_try(username, address).map_err(|until| SignInRefusal::TooManyFailures { until })?;
    let outcome = sign_in();
    match &outcome {
        Ok(_) => directory.mailer_tried(username, address, true),
        Err(refusal) if is_guess(refusal) => directory.mailer_tried(username, address, false),
        // Whoever has the right credential, but not the right, guesses nothing.
        Err(_) => {}
    }
    outcome
}

/// Whether somebody who guesses would be refused so.
fn is_guess(refusal: &SignInRefusal) -> bool {
    match refusal {
        SignInRefusal::UnknownUsername(_) | SignInRefusal::UnknownService(_) => true,
        SignInRefusal::Client { cause, .. } => {
            matches!(cause, ClientError::WrongSecret | ClientError::NotFound)
        }
        SignInRefusal::Token(_) => !refusal.is_temporary(),
        _ => false,
    }
}
