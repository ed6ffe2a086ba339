//! What stands in an application's access token.
//!
//! The version of a token is its resource's choice; all resources of this version take v1 tokens, as Azure
//! Resource Manager and Microsoft Graph do.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use serde::{Deserialize, Serialize};

/// How long an access token lives.
pub const TOKEN_SECONDS: i64 = 3600;
/// How far ahead of this server's clock an issuer's may be.
const SKEW_SECONDS: i64 = 300;

/// The issuer of a tenant's v1 tokens.
pub fn issuer(authority: &str, tenant: TenantId) -> String {
    format!("{authority}/{tenant}/")
}

/// What an application's token is to say.
#[derive(Clone, Debug)]
pub struct AppToken<'a> {
    /// The authority's base URL, without a trailing slash.
    pub authority: &'a str,
    /// The tenant that signs in.
    pub tenant: TenantId,
    /// The client.
    pub app_id: ApplicationId,
    /// Its service principal in the tenant.
    pub object_id: ObjectId,
    /// The resource in the client's spelling.
    pub audience: &'a str,
    /// The app roles that it holds at the resource.
    pub roles: &'a [String],
    /// Client capabilities that the request named.
    pub capabilities: &'a [String],
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// Random bytes that make the token unique.
    pub entropy: [u8; 16],
}

/// The claims of an application's token, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppTokenClaims<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    aio: String,
    appid: ApplicationId,
    /// How the client proved itself: `1` is a secret.
    appidacr: &'static str,
    idp: String,
    idtyp: &'static str,
    oid: ObjectId,
    rh: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
    sub: ObjectId,
    tid: TenantId,
    uti: String,
    ver: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    xms_cc: &'a [String],
}

impl<'a> AppToken<'a> {
    /// The claims.
    pub fn claims(&self) -> AppTokenClaims<'a> {
        let iss = issuer(self.authority, self.tenant);
        let uti = URL_SAFE_NO_PAD.encode(self.entropy);
        AppTokenClaims {
            aud: self.audience,
            iat: self.now,
            nbf: self.now,
            exp: self.now + TOKEN_SECONDS,
            aio: format!("k2{uti}"),
            appid: self.app_id,
            appidacr: "1",
            idp: iss.clone(),
            iss,
            idtyp: "app",
            oid: self.object_id,
            rh: format!("1.{}.", URL_SAFE_NO_PAD.encode(self.tenant.bytes())),
            roles: self.roles,
            sub: self.object_id,
            tid: self.tenant,
            uti,
            ver: "1.0",
            xms_cc: self.capabilities,
        }
    }
}

/// The claims that a resource needs from a token whose signature is verified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VerifiedClaims {
    /// Whom the token is for.
    pub aud: String,
    /// Who issued it.
    pub iss: String,
    /// When it was issued, in seconds since the Unix epoch; so for the next two.
    pub iat: i64,
    /// Before when it is not valid.
    pub nbf: i64,
    /// From when on it is not valid.
    pub exp: i64,
    /// The tenant.
    pub tid: TenantId,
    /// The principal.
    pub oid: ObjectId,
    /// The client.
    pub appid: ApplicationId,
    /// `app` for an application's own token.
    pub idtyp: String,
    /// App roles.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// Why claims do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Another authority issued it, or this one for another tenant than it says.
    #[error("the token's issuer is not this authority")]
    WrongIssuer,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet, by more than the clocks may differ.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Not a kind of token that this server issues.
    #[error("the token is not an application's access token")]
    WrongKind,
}

impl VerifiedClaims {
    /// Checks the issuer and the kind: what never changes while the token lives.
    ///
    /// # Errors
    /// [`ClaimsError::WrongIssuer`], [`ClaimsError::WrongKind`].
    pub fn check_origin(&self, authority: &str) -> Result<(), ClaimsError> {
        if self.iss != issuer(authority, self.tid) {
            return Err(ClaimsError::WrongIssuer);
        }
        if self.idtyp != "app" {
            return Err(ClaimsError::WrongKind);
        }
        Ok(())
    }

    /// Checks the times at `now`, in seconds since the Unix epoch. Five minutes' difference between clocks is
    /// allowed to the beginning, none to the end.
    ///
    /// # Errors
    /// [`ClaimsError::Expired`], [`ClaimsError::NotYetValid`].
    pub fn check_times(&self, now: i64) -> Result<(), ClaimsError> {
        if now >= self.exp {
            return Err(ClaimsError::Expired);
        }
        if self.nbf.max(self.iat) > now.saturating_add(SKEW_SECONDS) {
            return Err(ClaimsError::NotYetValid);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const L: &str = "https://localhost:8444";

    fn token() -> AppToken<'static> {
        AppToken {
            authority: L,
            tenant: TenantId(Uuid::from_u128(1)),
            app_id: ApplicationId(Uuid::from_u128(2)),
            object_id: ObjectId(Uuid::from_u128(3)),
            audience: "https://management.azure.com/",
            roles: &[],
            capabilities: &[],
            now: 1_000_000,
            entropy: [7; 16],
        }
    }

    fn verified() -> VerifiedClaims {
        serde_json::from_str(&serde_json::to_string(&token().claims()).unwrap()).unwrap()
    }

    #[test]
    fn an_application_token_as_a_resource_reads_it() {
        assert_eq!(
            serde_json::to_string_pretty(&token().claims()).unwrap(),
            r#"{
  "aud": "https://management.azure.com/",
  "iss": "https://localhost:8444/00000000-0000-0000-0000-000000000001/",
  "iat": 1000000,
  "nbf": 1000000,
  "exp": 1003600,
  "aio": "k2BwcHBwcHBwcHBwcHBwcHBw",
  "appid": "00000000-0000-0000-0000-000000000002",
  "appidacr": "1",
  "idp": "https://localhost:8444/00000000-0000-0000-0000-000000000001/",
  "idtyp": "app",
  "oid": "00000000-0000-0000-0000-000000000003",
  "rh": "1.AAAAAAAAAAAAAAAAAAAAAQ.",
  "sub": "00000000-0000-0000-0000-000000000003",
  "tid": "00000000-0000-0000-0000-000000000001",
  "uti": "BwcHBwcHBwcHBwcHBwcHBw",
  "ver": "1.0"
}"#
        );
    }

    #[test]
    fn times_are_checked_with_skew_at_the_beginning_only() {
        let claims = verified();
        for (now, checked) in [
            (1_000_000, Ok(())),
            (1_003_599, Ok(())),
            (1_003_600, Err(ClaimsError::Expired)),
            (999_700, Ok(())),
            (999_699, Err(ClaimsError::NotYetValid)),
        ] {
            assert_eq!(claims.check_times(now), checked, "{now}");
        }
        assert_eq!(VerifiedClaims { iat: i64::MAX, ..claims }.check_times(1), Err(ClaimsError::NotYetValid));
    }

    #[test]
    fn the_issuer_is_this_authority_for_the_same_tenant() {
        assert_eq!(verified().check_origin(L), Ok(()));
        assert_eq!(verified().check_origin("https://localhost:1"), Err(ClaimsError::WrongIssuer));
        let other = VerifiedClaims { tid: TenantId(Uuid::from_u128(9)), ..verified() };
        assert_eq!(other.check_origin(L), Err(ClaimsError::WrongIssuer));
        let user = VerifiedClaims { idtyp: "user".to_owned(), ..verified() };
        assert_eq!(user.check_origin(L), Err(ClaimsError::WrongKind));
    }
}
