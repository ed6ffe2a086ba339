//! What makes a credential good: client assertions and the keys that sign them, the match of an outside token
//! with a federated credential, the rule for passwords, one-time passwords, lock-out.
//!
//! All of it is a function of what is handed in; `gatepost-directory` has the stored side, the clock and the
//! randomness. Rules: RFC 7515, 7517, 7518, 7519 and 7523 (assertions), RFC 5280 (certificates), RFC 4226 and
//! 6238 (one-time passwords); reference entra-arm-clients.md section 3.3.

pub mod assertion;
mod cbor;
pub mod certificate;
mod common_passwords;
pub mod federated;
pub mod key;
pub mod lockout;
pub mod passkey;
pub mod password;
pub mod totp;
