//! The authority: OpenID Connect discovery, key sets and token endpoints, as Microsoft Entra answers them.
//!
//! This edge parses requests, asks `gatepost-directory` and `gatepost-tokens`, and words the answers; the rules
//! are in `gatepost-oauth`. Rules: RFC 6749, RFC 8414, OpenID Connect Discovery 1.0, and the Entra pages that
//! `docs/specifications.md` lists.

mod discovery;
mod pages;
mod reply;
mod route;
mod token;

use gatepost_clock::Clock;
use gatepost_directory::{Directory, Tenant};
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::Origins;
use gatepost_oauth::SignInError;
use gatepost_tokens::Tokens;

use reply::Exchange;
use route::Route;

/// Most bytes of a request's body. A client assertion with its certificate chain takes a few thousand.
const BODY_LIMIT: usize = 64 * 1024;

/// The authority's edge.
#[derive(Clone, Debug)]
pub struct Authority {
    tokens: Tokens,
    directory: Directory,
    clock: Clock,
    origins: Origins,
}

/// What the first segment of a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TenantName {
    /// One tenant.
    One(Tenant),
    /// `common` or `organizations`: whichever tenant signs in.
    Any,
}

impl Authority {
    /// An authority that answers at `origins.authority`.
    pub fn new(tokens: Tokens, directory: Directory, clock: Clock, origins: Origins) -> Authority {
        Authority { tokens, directory, clock, origins }
    }

    /// The tenant that a path's first segment names.
    fn tenant(&self, exchange: &Exchange<'_>, segment: &str) -> Result<TenantName, SignInError> {
        if segment.eq_ignore_ascii_case("common") || segment.eq_ignore_ascii_case("organizations") {
            return Ok(TenantName::Any);
        }
        match self.directory.tenant_by_segment(segment) {
            Ok(Some(tenant)) => Ok(TenantName::One(tenant)),
            Ok(None) => Err(SignInError::UnknownTenant { tenant: segment.to_owned() }),
            Err(error) => Err(exchange.store_failed(&error)),
        }
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
            Some(Route::DeviceCode) => exchange.refused(&SignInError::UnsupportedGrant {
                grant: "urn:ietf:params:oauth:grant-type:device_code".to_owned(),
            }),
            Some(_) if !reply::is_read(&call.method) => exchange.method_not_allowed(),
            Some(Route::Configuration { tenant, endpoint }) => {
                self.configuration(&exchange, &tenant, endpoint)
            }
            Some(Route::Keys { tenant }) => self.keys(&exchange, &tenant),
            Some(Route::Instance) => self.instance(&exchange),
            Some(Route::UserRealm { user }) => self.user_realm(&exchange, &user),
            Some(Route::Authorize) => exchange.page(pages::interactive_sign_in(&call)),
            Some(Route::Logout) => exchange.page(pages::signed_out()),
            Some(Route::ErrorPage) => exchange.page(pages::error_code(&call)),
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
