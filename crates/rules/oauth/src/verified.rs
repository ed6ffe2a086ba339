//! What a resource needs from a token whose signature is verified.

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use serde::Deserialize;
use uuid::Uuid;

use crate::TokenVersion;

/// How far ahead of this server's clock an issuer's may be.
const SKEW_SECONDS: i64 = 300;

/// The claims that count.
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
    #[serde(alias = "azp")]
    pub appid: ApplicationId,
    /// `app` for an application's own token, `user` for a user's. ID tokens have none.
    pub idtyp: String,
    /// `1.0` or `2.0`.
    pub ver: String,
    /// App roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The permissions that a user gave the client, separated by spaces.
    #[serde(default)]
    pub scp: Option<String>,
    /// The user's sign-in that the token came from.
    #[serde(default)]
    pub sid: Option<Uuid>,
    /// The credential that the client proved itself with, in the server's own notation.
    #[serde(default)]
    pub cred: Option<String>,
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
    #[error("the token is not an access token")]
    WrongKind,
}

impl VerifiedClaims {
    /// Whether it is a user's token.
    pub fn is_users(&self) -> bool {
        self.idtyp == "user"
    }

    /// The permissions that the user gave the client.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scp.as_deref().unwrap_or("").split(' ').filter(|scope| !scope.is_empty())
    }

    /// Checks the issuer and the kind: what never changes while the token lives.
    ///
    /// # Errors
    /// [`ClaimsError::WrongIssuer`], [`ClaimsError::WrongKind`].
    pub fn check_origin(&self, authority: &str) -> Result<(), ClaimsError> {
        let version = match self.ver.as_str() {
            "1.0" => TokenVersion::V1,
            "2.0" => TokenVersion::V2,
            _ => return Err(ClaimsError::WrongKind),
        };
        if self.iss != version.issuer(authority, self.tid) {
            return Err(ClaimsError::WrongIssuer);
        }
        // SECURITY: a user's token without its sign-in could not be revoked; ID tokens have no `idtyp`.
        match (self.idtyp.as_str(), &self.scp, self.sid) {
            ("app", None, None) | ("user", Some(_), Some(_)) => Ok(()),
            _ => Err(ClaimsError::WrongKind),
        }
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
    use crate::AppToken;

    const L: &str = "https://localhost:8444";

    fn verified() -> VerifiedClaims {
        let token =
            AppToken { frame: crate::claims::tests::frame(), object_id: ObjectId(Uuid::from_u128(3)) };
        serde_json::from_value(token.claims().into()).unwrap()
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
        let two = VerifiedClaims { ver: "2.0".to_owned(), ..verified() };
        assert_eq!(two.check_origin(L), Err(ClaimsError::WrongIssuer));
    }

    #[test]
    fn a_kind_is_what_it_says_it_is() {
        let wrong = |change: fn(&mut VerifiedClaims)| {
            let mut claims = verified();
            change(&mut claims);
            assert_eq!(claims.check_origin(L), Err(ClaimsError::WrongKind), "{claims:?}");
        };
        wrong(|claims| claims.idtyp = "user".to_owned());
        wrong(|claims| claims.idtyp = String::new());
        wrong(|claims| claims.scp = Some("x".to_owned()));
        wrong(|claims| claims.sid = Some(Uuid::nil()));
        wrong(|claims| claims.ver = "3.0".to_owned());
        let user = VerifiedClaims {
            idtyp: "user".to_owned(),
            scp: Some("a b".to_owned()),
            sid: Some(Uuid::nil()),
            ..verified()
        };
        assert_eq!(user.check_origin(L), Ok(()));
        assert_eq!(user.scopes().collect::<Vec<_>>(), ["a", "b"]);
    }
}
