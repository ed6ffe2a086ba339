//! OAuth 2.0 and OpenID Connect as Microsoft Entra speaks them: what a request says, where an answer may go,
//! whom a token is for, what stands in it, and how a refusal is worded.
//!
//! Pure: time, identifiers and entropy come in as values. `gatepost-tokens` and the authority edge use it.
//! Rules: RFC 6749, RFC 7636, RFC 8628, RFC 9700, OpenID Connect Core 1.0, RFC 7519, and the Entra pages that
//! `docs/specifications.md` lists.

mod audience;
mod authorize;
mod claims;
mod error;
mod error_answer;
mod error_table;
mod form;
mod id_token;
mod pkce;
mod redirect;
mod request;
mod scope;
mod verified;

#[cfg(test)]
mod request_tests;

pub use audience::{Audiences, MAX_AUDIENCE, Resource, bare_audience, same_audience};
pub use authorize::{AuthorizeRequest, Destination, Prompt, ResponseMode, ResponseType};
pub use claims::{
    AppToken, ClientProofKind, GroupsClaim, MAX_GROUPS, TOKEN_SECONDS, TokenFrame, TokenVersion, UserFacts,
    UserToken,
};
pub use error::SignInError;
pub use error_answer::ErrorContext;
pub use form::Secret;
pub use id_token::{IdToken, client_info};
pub use pkce::{Challenge, is_verifier};
pub use redirect::{Platform, RedirectUri, redirect_matches, registered};
pub use request::{ClientCredential, Endpoint, Grant, TokenRequest};
pub use scope::{DEFAULT, Scopes};
pub use verified::{ClaimsError, VerifiedClaims};
