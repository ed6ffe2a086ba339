//! OAuth 2.0 as Microsoft Entra speaks it: what a token request says, whom a token is for, what stands in it,
//! and how a refusal is worded.
//!
//! Pure: time, identifiers and entropy come in as values. `gatepost-tokens` and the authority edge use it.
//! Rules: RFC 6749 (client credentials), RFC 7519 (JWT), the Entra error table in `docs/specifications.md`.

mod audience;
mod claims;
mod error;
mod request;

pub use audience::{Audiences, Resource};
pub use claims::{AppToken, AppTokenClaims, ClaimsError, TOKEN_SECONDS, VerifiedClaims, issuer};
pub use error::{ErrorContext, SignInError};
pub use request::{ClientSecret, Endpoint, TokenRequest};
