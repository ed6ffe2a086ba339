//! Why an application may not send. The texts are the operator's; edges tell clients less.

use gatepost_access::Denied;
use gatepost_clock::Timestamp;
use gatepost_directory::ClientError;
use gatepost_names::{ApplicationId, DomainName, EmailAddress};
use gatepost_store::StoreError;
use gatepost_tokens::TokenError;

/// Why an application may not sign in, or no longer send. The text is the operator's.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefusal {
    /// No SMTP username resource has this username.
    #[error("no SMTP username '{0}' exists")]
    UnknownUsername(String),
    /// A legacy username that names no communication service of that tenant.
    #[error("'{0}' names a communication service that does not exist in the tenant that it names")]
    UnknownService(String),
    /// Too many sign-ins failed lately, under this username from this address or from the address at all.
    #[error("too many sign-ins failed; none is looked at until {until}")]
    TooManyFailures {
        /// When the next one is looked at.
        until: Timestamp,
    },
    /// The application or its secret was refused.
    #[error("application {app_id}: {cause}")]
    Client {
        /// The application that the username stands for.
        app_id: ApplicationId,
        /// What is wrong with it.
        cause: ClientError,
    },
    /// The token was refused.
    #[error("the token was refused: {0}")]
    Token(TokenError),
    /// The token is good, but it is another application's, or a user's.
    #[error("the username stands for application {linked}, the token was issued to {presented}")]
    OtherApplication {
        /// The application that the username stands for.
        linked: ApplicationId,
        /// Who the token names.
        presented: String,
    },
    /// The secret of the sign-in was removed, or has ended, while the connection stayed open.
    #[error("application {0}: the client secret of this sign-in was removed or has ended")]
    SecretGone(ApplicationId),
    /// The username stands for something else now than when this connection signed in.
    #[error("the SMTP username '{0}' was changed since the sign-in")]
    UsernameChanged(String),
    /// The username is an e-mail address of a domain that is not linked.
    #[error("the domain '{0}' of the username is not linked to the communication service")]
    UsernameDomainNotLinked(DomainName),
    /// One of the three actions is not allowed at the communication service.
    #[error("{0}")]
    Denied(Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SignInRefusal {
    /// Whether the same sign-in may succeed later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            SignInRefusal::Store(_) | SignInRefusal::TooManyFailures { .. } => true,
            SignInRefusal::Client { cause, .. } => matches!(cause, ClientError::Store(_)),
            SignInRefusal::Denied(denied) => denied.is_temporary(),
            SignInRefusal::Token(cause) => matches!(cause, TokenError::Store(_)),
            _ => false,
        }
    }
}

/// Why an address may not be sent from. The text is the operator's.
#[derive(Debug, thiserror::Error)]
pub enum SenderRefusal {
    /// The address's domain is not linked to the communication service.
    #[error("the domain '{domain}' is not linked to the communication service '{service}'")]
    DomainNotLinked {
        /// The domain.
        domain: DomainName,
        /// The communication service's name.
        service: String,
    },
    /// The domain is linked, but no longer verified.
    #[error("the domain '{0}' is linked, but it is not verified")]
    DomainNotVerified(DomainName),
    /// The domain has no such sender.
    #[error("'{0}' is not a registered sender username of its domain")]
    UnknownSender(EmailAddress),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SenderRefusal {
    /// Whether the same sender may be accepted later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, SenderRefusal::Store(_))
    }
}

/// Why a transaction may not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum SendRefusal {
    /// The application may not send at all.
    #[error(transparent)]
    SignIn(#[from] SignInRefusal),
    /// The address is no sender of the communication service.
    #[error(transparent)]
    Sender(#[from] SenderRefusal),
    /// No role allows it: the conditions under which roles were assigned are not met.
    #[error("{} is not allowed: {denied}", at.what(about))]
    NotAllowed {
        /// What is not allowed.
        at: Part,
        /// The sender or recipient that it is about; for a whole message its sender.
        about: String,
        /// The decision.
        denied: Box<Denied>,
    },
}

/// A part of a message that conditions are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The reverse-path.
    Sender,
    /// A forward-path.
    Recipient,
    /// All of it: its authors, its recipients and their number.
    Message,
}

impl Part {
    fn what(self, about: &str) -> String {
        match self {
            Part::Sender => format!("sending from '{about}'"),
            Part::Recipient => format!("sending to '{about}'"),
            Part::Message => format!("this message from '{about}'"),
        }
    }
}

impl SendRefusal {
    /// Whether the same may be accepted later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            SendRefusal::SignIn(refusal) => refusal.is_temporary(),
            SendRefusal::Sender(refusal) => refusal.is_temporary(),
            SendRefusal::NotAllowed { denied, .. } => denied.is_temporary(),
        }
    }
}
