//! What clients ask before they sign in: OpenID Connect discovery, key sets, instances and user realms.

use gatepost_https::Answer;
use gatepost_oauth::{Endpoint, SignInError};
use http::Uri;
use serde_json::{Value, json};

use crate::reply::{Exchange, KEYS_CACHE};
use crate::{Authority, TenantName};

/// The word of the discovery endpoints for an unknown tenant.
const INVALID_TENANT: &str = "invalid_tenant";

impl Authority {
    /// `GET /{tenant}[/v2.0]/.well-known/openid-configuration`
    pub(crate) fn configuration(&self, exchange: &Exchange<'_>, segment: &str, endpoint: Endpoint) -> Answer {
        match self.tenant(exchange, segment) {
            Ok(tenant) => exchange.configuration(&self.openid_configuration(segment, &tenant, endpoint)),
            Err(error) => refuse(exchange, &error),
        }
    }

    /// `GET /{tenant}/discovery[/v2.0]/keys`
    pub(crate) fn keys(&self, exchange: &Exchange<'_>, segment: &str) -> Answer {
        match self.tenant(exchange, segment) {
            Ok(TenantName::One(tenant)) => exchange.cacheable(&self.tokens.jwks(Some(tenant.id)), KEYS_CACHE),
            Ok(TenantName::Any) => exchange.cacheable(&self.tokens.jwks(None), KEYS_CACHE),
            Err(error) => refuse(exchange, &error),
        }
    }

    /// `GET /common/discovery/instance`: whether a host is this authority's. Clients ask with and without the
    /// port.
    pub(crate) fn instance(&self, exchange: &Exchange<'_>) -> Answer {
        let own: Option<Uri> = self.origins.authority.parse().ok();
        let asked: Option<Uri> =
            exchange.call.query_value("authorization_endpoint").and_then(|text| text.parse().ok());
        let (Some(own), Some(asked)) = (own, asked) else {
            return exchange.refused(&SignInError::InvalidInstance);
        };
        let (Some(own_host), Some(asked_host)) = (own.host(), asked.host()) else {
            return exchange.refused(&SignInError::InvalidInstance);
        };
        if !own_host.eq_ignore_ascii_case(asked_host) {
            return exchange.refused(&SignInError::InvalidInstance);
        }
        let tenant = asked.path().split('/').find(|segment| !segment.is_empty()).unwrap_or("common");
        let host = host_of(&self.origins.authority);
        let mut aliases = vec![host];
        aliases.extend((own_host != host).then_some(own_host));
        exchange.configuration(&json!({
            "tenant_discovery_endpoint":
                format!("{}/{tenant}/v2.0/.well-known/openid-configuration", self.origins.authority),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": aliases}],
        }))
    }

    /// `GET /common/userrealm/{user}`: whether a user's domain is a tenant's here. It says nothing about the
    /// user.
    pub(crate) fn user_realm(&self, exchange: &Exchange<'_>, user: &str) -> Answer {
        let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
        let tenant = match self.directory.tenant_by_segment(domain) {
            Ok(tenant) => tenant.filter(|_| !domain.is_empty()),
            Err(error) => return exchange.refused(&exchange.store_failed(&error)),
        };
        let host = host_of(&self.origins.authority);
        let realm = if tenant.is_some() {
            json!({
                "ver": "1.0",
                "account_type": "Managed",
                "domain_name": domain.to_lowercase(),
                "cloud_instance_name": host,
                "cloud_audience_urn": "urn:federation:MicrosoftOnline",
            })
        } else {
            json!({"ver": "1.0", "account_type": "Unknown", "cloud_instance_name": host})
        };
        exchange.secret(&realm)
    }

    /// Each URL keeps the tenant's name as it was asked for: clients take their tenant from it.
    fn openid_configuration(&self, segment: &str, tenant: &TenantName, endpoint: Endpoint) -> Value {
        let base = format!("{}/{}", self.origins.authority, encoded(segment));
        let issuer_tenant = match tenant {
            TenantName::One(tenant) => tenant.id.to_string(),
            TenantName::Any => "{tenantid}".to_owned(),
        };
        let issuer = format!("{}/{issuer_tenant}", self.origins.authority);
        let (issuer, oauth2, keys) = match endpoint {
            Endpoint::V1 => (format!("{issuer}/"), format!("{base}/oauth2"), "discovery/keys"),
            Endpoint::V2 => (format!("{issuer}/v2.0"), format!("{base}/oauth2/v2.0"), "discovery/v2.0/keys"),
        };
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{oauth2}/authorize"),
            "token_endpoint": format!("{oauth2}/token"),
            "device_authorization_endpoint": format!("{oauth2}/devicecode"),
            "end_session_endpoint": format!("{oauth2}/logout"),
            "jwks_uri": format!("{base}/{keys}"),
            "userinfo_endpoint": format!("{}/oidc/userinfo", self.origins.graph),
            "grant_types_supported": [
                "client_credentials",
                "authorization_code",
                "implicit",
                "refresh_token",
                "password",
                "urn:ietf:params:oauth:grant-type:device_code",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "code_challenge_methods_supported": ["S256"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "c_hash", "at_hash", "email",
                "name", "given_name", "family_name", "preferred_username", "oid", "tid", "sid", "uti", "ver",
            ],
            "request_uri_parameter_supported": false,
            "http_logout_supported": false,
            "frontchannel_logout_supported": false,
            "tenant_region_scope": "WW",
            "cloud_instance_name": host_of(&self.origins.authority),
            "msgraph_host": host_of(&self.origins.graph),
        })
    }
}

fn refuse(exchange: &Exchange<'_>, error: &SignInError) -> Answer {
    match error {
        SignInError::UnknownTenant { .. } => exchange.refused_as(error, INVALID_TENANT),
        _ => exchange.refused(error),
    }
}

/// The host of an origin, with its port.
fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// A path segment, so that what was decoded from a path can stand in one again.
fn encoded(segment: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(segment, RESERVED).to_string()
}
