//! Why a client is refused, and what it is told.
//!
//! SECURITY: the causes are the operator's. A client learns nothing from them about usernames, secrets and roles.

use gatepost_delivery::AcceptError;
use gatepost_mail::MailError;
use gatepost_resources::communication::sending::{Part, SendRefusal, SenderRefusal, SignInRefusal};
use gatepost_smtp::server::replies;
use gatepost_smtp::{Enhanced, Reply};
use uuid::Uuid;

/// A refusal with its precise cause, for the log.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The credentials are wrong, or their owner may not send (any more).
    #[error("{cause}")]
    SignIn {
        /// In the operator's words.
        cause: String,
        /// Whether it may succeed later with nothing else changed.
        temporary: bool,
    },
    /// The sender's domain is not linked, or not verified.
    #[error("{0}")]
    SenderDomain(String),
    /// The sender is not registered with its domain.
    #[error("{0}")]
    SenderUsername(String),
    /// The conditions under which roles were assigned are not met.
    #[error("{cause}")]
    NotAllowed {
        /// What of the message it is about.
        at: Part,
        /// In the operator's words.
        cause: String,
    },
    /// The message is not well formed.
    #[error(transparent)]
    Message(#[from] MailError),
    /// The session refused it by itself, by the rules of SMTP.
    #[error("{0}")]
    Session(Reply),
    /// There is no room for the message.
    #[error("no room for the message")]
    Full,
    /// The server stops.
    #[error("the server is stopping")]
    Stopped,
    /// Something went wrong inside.
    #[error("{0}")]
    Internal(String),
}

impl Refusal {
    /// What the client is told. `correlation` names the refusal in the log, for those whose cause stays inside.
    pub fn reply(&self, correlation: Uuid) -> Reply {
        match self {
            Refusal::SignIn { temporary: false, .. } => replies::AUTHENTICATION_UNSUCCESSFUL,
            Refusal::SignIn { temporary: true, .. } => replies::TEMPORARY_AUTHENTICATION_FAILURE,
            Refusal::SenderDomain(_) => replies::SENDER_DOMAIN_NOT_LINKED,
            Refusal::SenderUsername(_) => replies::SENDER_USERNAME_INVALID,
            Refusal::NotAllowed { at: Part::Sender, .. } => replies::SENDER_NOT_ALLOWED,
            Refusal::NotAllowed { at: Part::Recipient, .. } => replies::RECIPIENT_NOT_ALLOWED,
            Refusal::NotAllowed { at: Part::Message, .. } => replies::MESSAGE_NOT_ALLOWED,
            Refusal::Message(MailError::NeedsSmtputf8) => {
                Reply::with_text(550, Some(Enhanced(5, 6, 9)), MailError::NeedsSmtputf8.to_string())
            }
            Refusal::Message(error) => Reply::with_text(550, Some(Enhanced(5, 6, 0)), error.to_string()),
            Refusal::Session(reply) => reply.clone(),
            Refusal::Full => replies::INSUFFICIENT_STORAGE,
            Refusal::Stopped => Reply::new(451, Enhanced(4, 3, 2), "Service shutting down, try again later"),
            Refusal::Internal(_) => Reply::with_text(
                451,
                Some(Enhanced(4, 3, 0)),
                format!("Temporary server error, try again later (reference {correlation})"),
            ),
        }
    }
}

impl From<SignInRefusal> for Refusal {
    fn from(refusal: SignInRefusal) -> Refusal {
        Refusal::SignIn { temporary: refusal.is_temporary(), cause: refusal.to_string() }
    }
}

impl From<SenderRefusal> for Refusal {
    fn from(refusal: SenderRefusal) -> Refusal {
        let cause = refusal.to_string();
        match refusal {
            SenderRefusal::DomainNotLinked { .. } | SenderRefusal::DomainNotVerified(_) => {
                Refusal::SenderDomain(cause)
            }
            SenderRefusal::UnknownSender(_) => Refusal::SenderUsername(cause),
            SenderRefusal::Store(_) => Refusal::Internal(cause),
        }
    }
}

impl From<SendRefusal> for Refusal {
    fn from(refusal: SendRefusal) -> Refusal {
        let cause = refusal.to_string();
        match refusal {
            SendRefusal::SignIn(refusal) => refusal.into(),
            SendRefusal::Sender(refusal) => refusal.into(),
            SendRefusal::NotAllowed { denied, .. } if denied.is_temporary() => Refusal::Internal(cause),
            SendRefusal::NotAllowed { at, .. } => Refusal::NotAllowed { at, cause },
        }
    }
}

impl From<AcceptError> for Refusal {
    fn from(error: AcceptError) -> Refusal {
        match error {
            AcceptError::Full => Refusal::Full,
            AcceptError::Stopped => Refusal::Stopped,
            AcceptError::Store(error) => Refusal::Internal(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies() {
        let id = Uuid::nil();
        for (refusal, reply) in [
            (
                Refusal::SignIn { cause: "secret".into(), temporary: false },
                "535 5.7.3 Authentication unsuccessful",
            ),
            (
                Refusal::SignIn { cause: "secret".into(), temporary: true },
                "454 4.7.0 Temporary authentication failure",
            ),
            (
                Refusal::SenderDomain("secret".into()),
                "501 5.1.7 The specified sender domain has not been linked.",
            ),
            (Refusal::SenderUsername("secret".into()), "550 5.3.5 Email sender's username is invalid"),
            (
                Refusal::NotAllowed { at: Part::Sender, cause: "secret".into() },
                "550 5.7.1 Sending from this address is not allowed",
            ),
            (
                Refusal::NotAllowed { at: Part::Recipient, cause: "secret".into() },
                "550 5.7.1 Sending to this recipient is not allowed",
            ),
            (
                Refusal::NotAllowed { at: Part::Message, cause: "secret".into() },
                "550 5.7.1 Sending this message is not allowed",
            ),
            (Refusal::Message(MailError::NoFrom), "550 5.6.0 the message has no From field"),
            (Refusal::Full, "452 4.3.1 Insufficient system storage"),
            (Refusal::Stopped, "451 4.3.2 Service shutting down, try again later"),
            (
                Refusal::Internal("secret".into()),
                "451 4.3.0 Temporary server error, try again later (reference 00000000-0000-0000-0000-000000000000)",
            ),
        ] {
            assert_eq!(refusal.reply(id).to_string(), reply);
        }
    }
}
