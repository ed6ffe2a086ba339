//! Why there is no token.

use gatepost_oauth::SignInError;
use gatepost_store::StoreError;

/// Variants are causes; the authority edge words each.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The request is refused, for the reason that clients are told.
    #[error(transparent)]
    Refused(#[from] SignInError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine gave no randomness, or could not sign.
    #[error("the token could not be signed")]
    Signing,
}
