//! ID tokens (OpenID Connect Core section 2) and `client_info`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_names::{ApplicationId, TenantId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::claims::put_groups;
use crate::{GroupsClaim, TOKEN_SECONDS, TokenVersion, UserFacts};

/// What a client is told of the user who signed in.
#[derive(Clone, Debug)]
pub struct IdToken<'a> {
    /// The authority's base URL, without a trailing slash.
    pub authority: &'a str,
    /// The tenant that signed the user in.
    pub tenant: TenantId,
    /// Of the endpoint that was asked.
    pub version: TokenVersion,
    /// The client.
    pub app_id: ApplicationId,
    /// The user.
    pub user: &'a UserFacts,
    /// The user's name for this client alone.
    pub subject: &'a str,
    /// The client's number, which it gets back.
    pub nonce: Option<&'a str>,
    /// Names the sign-in.
    pub session: Uuid,
    /// Whether `email` was asked for.
    pub email: bool,
    /// When the user signed in, where the client asked for it (`max_age`), in seconds.
    pub signed_in_at: Option<i64>,
    /// The app roles of the user at the client.
    pub roles: &'a [String],
    /// The groups of the user, where the client wants them.
    pub groups: GroupsClaim<'a>,
    /// Microsoft Graph's base URL.
    pub graph: &'a str,
    /// SHA-256 of the code that goes with it.
    pub code_hash: Option<&'a [u8]>,
    /// SHA-256 of the access token that goes with it.
    pub token_hash: Option<&'a [u8]>,
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// Random bytes that make the token unique.
    pub entropy: [u8; 16],
}

impl IdToken<'_> {
    /// The claims.
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                claims.insert(name.to_owned(), value);
            }
        };
        put("aud", json!(self.app_id));
        put("iss", json!(self.version.issuer(self.authority, self.tenant)));
        put("iat", json!(self.now));
        put("nbf", json!(self.now));
        put("exp", json!(self.now + TOKEN_SECONDS));
        put("auth_time", json!(self.signed_in_at));
        put("at_hash", json!(self.token_hash.map(half)));
        put("c_hash", json!(self.code_hash.map(half)));
        if self.email {
            put("email", json!(self.user.mail));
        }
        put("family_name", json!(self.user.family_name));
        put("given_name", json!(self.user.given_name));
        put("name", json!(self.user.name));
        put("nonce", json!(self.nonce));
        put("oid", json!(self.user.object_id));
        put("preferred_username", json!(self.user.login));
        if self.version == TokenVersion::V1 {
            put("unique_name", json!(self.user.login));
            put("upn", json!(self.user.login));
        }
        if !self.roles.is_empty() {
            put("roles", json!(self.roles));
        }
        put("sid", json!(self.session));
        put("sub", json!(self.subject));
        put("tid", json!(self.tenant));
        put("uti", json!(URL_SAFE_NO_PAD.encode(self.entropy)));
        put("ver", json!(if self.version == TokenVersion::V1 { "1.0" } else { "2.0" }));
        put_groups(&mut claims, &self.groups, self.user.object_id, self.graph);
        claims
    }
}

/// The left half of a SHA-256, as `c_hash` and `at_hash` have it.
fn half(hash: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2).unwrap_or_default())
}

/// MSAL's name of the account: `{"uid":…,"utid":…}` in base64url.
pub fn client_info(user: Uuid, tenant: TenantId) -> String {
    URL_SAFE_NO_PAD.encode(json!({"uid": user, "utid": tenant}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_token() {
        let user = UserFacts {
            object_id: Uuid::from_u128(4),
            name: "Ada".to_owned(),
            login: "ada@contoso.example".to_owned(),
            mail: Some("ada@mail.example".to_owned()),
            ..UserFacts::default()
        };
        let token = IdToken {
            authority: "https://l",
            tenant: TenantId(Uuid::from_u128(1)),
            version: TokenVersion::V2,
            app_id: ApplicationId(Uuid::from_u128(2)),
            user: &user,
            subject: "s",
            nonce: Some("n"),
            session: Uuid::from_u128(8),
            email: true,
            signed_in_at: None,
            roles: &[],
            groups: GroupsClaim::None,
            graph: "https://g",
            code_hash: Some(&[0; 32]),
            token_hash: None,
            now: 100,
            entropy: [7; 16],
        };
        assert_eq!(
            Value::Object(token.claims()),
            json!({
                "aud": Uuid::from_u128(2), "iss": format!("https://l/{}/v2.0", Uuid::from_u128(1)), "iat": 100, "nbf": 100,
                "exp": 3700, "c_hash": "AAAAAAAAAAAAAAAAAAAAAA", "email": "ada@mail.example", "name": "Ada",
                "nonce": "n", "oid": Uuid::from_u128(4), "preferred_username": "ada@contoso.example",
                "sid": Uuid::from_u128(8), "sub": "s", "tid": Uuid::from_u128(1),
                "uti": "BwcHBwcHBwcHBwcHBwcHBw", "ver": "2.0",
            })
        );
        let v1 = IdToken { version: TokenVersion::V1, email: false, ..token }.claims();
        assert_eq!((&v1["upn"], v1.get("email")), (&json!("ada@contoso.example"), None));
    }

    #[test]
    fn an_account_as_msal_names_it() {
        let info = client_info(Uuid::from_u128(1), TenantId(Uuid::from_u128(2)));
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(info).unwrap()).unwrap();
        assert_eq!(text, format!(r#"{{"uid":"{}","utid":"{}"}}"#, Uuid::from_u128(1), Uuid::from_u128(2)));
    }
}
