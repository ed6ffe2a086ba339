//! The authority: OpenID Connect discovery, key sets, token endpoints and the sign-in pages, as Microsoft Entra
//! answers them.
//!
//! This edge parses requests, asks `gatepost-directory` and `gatepost-tokens`, and words the answers; the rules
//! are in `gatepost-oauth`. Rules: RFC 6749, RFC 8414, OpenID Connect Discovery 1.0, and the Entra pages that
//! `docs/specifications.md` lists.

mod admin_consent;
mod authorize;
mod consent;
mod credential;
mod device;
mod discovery;
mod guesses;
mod html;
mod logout;
mod pages;
mod reply;
mod respond;
mod route;
mod signing_in;
mod token;
mod visit;

use std::sync::Arc;

use gatepost_clock::Clock;
use gatepost_directory::{Directory, PasskeyParty, Tenant};
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::Origins;
use gatepost_oauth::SignInError;
use gatepost_tokens::Tokens;

use guesses::Guesses;
use reply::Exchange;
use route::Route;

/// Most bytes of a request's body. A client assertion with its certificate chain takes a few thousand.
const BODY_LIMIT: usize = 64 * 1024;

/// The one stylesheet of all pages.
const STYLE: &str = include_str!("../assets/gatepost.css");
/// Sends the form of an answer on.
const POST_SCRIPT: &str = include_str!("../assets/post.js");
/// Asks for a passkey.
const PASSKEY_SCRIPT: &str = include_str!("../assets/passkey.js");

/// The authority's edge.
#[derive(Clone, Debug)]
pub struct Authority {
    tokens: Tokens,
    directory: Directory,
    clock: Clock,
    origins: Origins,
    guesses: Guesses,
}

/// What the first segment of a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TenantName {
    /// One tenant.
    One(Arc<Tenant>),
    /// `common` or `organizations`: whichever tenant signs in.
    Any,
}

impl Authority {
    /// An authority that answers at `origins.authority`.
    pub fn new(tokens: Tokens, directory: Directory, clock: Clock, origins: Origins) -> Authority {
        Authority { tokens, directory, clock, origins, guesses: Guesses::default() }
    }

    /// The tenant that a path's first segment names.
    fn tenant(&self, exchange: &Exchange<'_>, segment: &str) -> Result<TenantName, SignInError> {
        if segment.eq_ignore_ascii_case("common") || segment.eq_ignore_ascii_case("organizations") {
            return Ok(TenantName::Any);
        }
        match self.tokens.tenant_by_segment(segment) {
            Ok(Some(tenant)) => Ok(TenantName::One(tenant)),
            Ok(None) => Err(SignInError::UnknownTenant { tenant: segment.to_owned() }),
            Err(error) => Err(exchange.store_failed(&error)),
        }
    }

    /// Whom passkeys are for: this authority.
    fn passkey_party(&self) -> PasskeyParty<'_> {
        let origin = self.origins.authority.as_str();
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        let id = host.rsplit_once(':').map_or(host, |(name, _)| name);
        PasskeyParty { id, origin, name: "Gatepost" }
    }

    fn exchange<'a>(&'a self, call: &'a Call) -> Exchange<'a> {
        Exchange::new(call, &self.origins.authority, &self.clock)
    }
}

impl Edge for Authority {
    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn answer(&self, call: Call) -> Answer {
        let exchange = self.exchange(&call);
        match route::of(&call.path) {
            Some(Route::Token { tenant, endpoint }) => self.token(&exchange, &tenant, endpoint),
            Some(Route::DeviceCode { tenant, endpoint }) => self.device_code(&exchange, &tenant, endpoint),
            Some(_) if !reply::is_read(&call.method) && call.method != http::Method::POST => {
                exchange.method_not_allowed()
            }
            Some(Route::Authorize { tenant, endpoint }) => self.authorize(&exchange, &tenant, endpoint),
            Some(Route::AdminConsent { tenant }) => self.admin_consent(&exchange, &tenant),
            Some(Route::Device) => self.device_page(&exchange),
            Some(Route::Logout) => self.logout(&exchange),
            Some(_) if !reply::is_read(&call.method) => exchange.method_not_allowed(),
            Some(Route::Configuration { tenant, endpoint }) => {
                self.configuration(&exchange, &tenant, endpoint)
            }
            Some(Route::Keys { tenant }) => self.keys(&exchange, &tenant),
            Some(Route::Instance) => self.instance(&exchange),
            Some(Route::UserRealm { user }) => self.user_realm(&exchange, &user),
            Some(Route::Asset { file }) => match file.as_str() {
                "gatepost.css" => exchange.asset("text/css; charset=utf-8", STYLE),
                "post.js" => exchange.asset("text/javascript; charset=utf-8", POST_SCRIPT),
                "passkey.js" => exchange.asset("text/javascript; charset=utf-8", PASSKEY_SCRIPT),
                _ => exchange.not_found(),
            },
            Some(Route::ErrorPage) => {
                let code = call.query_value("code").and_then(|code| code.parse().ok());
                let (status, page) = pages::error_code(code);
                exchange.page(status, page)
            }
            None => exchange.not_found(),
        }
    }

    fn too_large(&self, call: &Call) -> Answer {
        let mut answer = self.exchange(call).refused(&SignInError::Malformed);
        *answer.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        answer
    }

    fn failed(&self, call: &Call) -> Answer {
        self.exchange(call).refused(&SignInError::ServerError)
    }
}
