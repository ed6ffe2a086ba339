//! What stands in access tokens.
//!
//! The version of a token is its resource's choice (`api.requestedAccessTokenVersion`); Azure Resource Manager,
//! Microsoft Graph and Communication Services take v1.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// How long an access token lives.
pub const TOKEN_SECONDS: i64 = 3600;
/// Groups that stand in a token; with more, the token says where to ask for them.
pub const MAX_GROUPS: usize = 200;

/// The shape of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenVersion {
    /// `ver` 1.0: `appid`, `upn`, the audience as it was asked for.
    #[default]
    V1,
    /// `ver` 2.0: `azp`, `preferred_username`, the resource's client id as audience.
    V2,
}

impl TokenVersion {
    /// The issuer of a tenant's tokens of this version.
    pub fn issuer(self, authority: &str, tenant: TenantId) -> String {
        match self {
            TokenVersion::V1 => format!("{authority}/{tenant}/"),
            TokenVersion::V2 => format!("{authority}/{tenant}/v2.0"),
        }
    }
}

/// How a client proved itself: the `appidacr` of v1, the `azpacr` of v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProofKind {
    /// A public client: not at all.
    None,
    /// A client secret.
    Secret,
    /// A certificate or a federated credential.
    Assertion,
}

impl ClientProofKind {
    fn acr(self) -> &'static str {
        match self {
            ClientProofKind::None => "0",
            ClientProofKind::Secret => "1",
            ClientProofKind::Assertion => "2",
        }
    }
}

/// What every access token says.
#[derive(Clone, Debug)]
pub struct TokenFrame<'a> {
    /// The authority's base URL, without a trailing slash.
    pub authority: &'a str,
    /// The tenant that signs in.
    pub tenant: TenantId,
    /// Which claims it is made of.
    pub version: TokenVersion,
    /// Whom it is for.
    pub audience: &'a str,
    /// The client.
    pub app_id: ApplicationId,
    /// How the client proved itself.
    pub proof: ClientProofKind,
    /// The credential that proved it, in the server's own notation; removing the credential ends the token.
    pub credential: Option<&'a str>,
    /// The app roles of the token's subject at the resource.
    pub roles: &'a [String],
    /// Client capabilities that the request named.
    pub capabilities: &'a [String],
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// Random bytes that make the token unique.
    pub entropy: [u8; 16],
}

/// An application's token for itself.
#[derive(Clone, Debug)]
pub struct AppToken<'a> {
    /// What every token says.
    pub frame: TokenFrame<'a>,
    /// The client's service principal in the tenant.
    pub object_id: ObjectId,
}

/// The groups of a user, as far as its token is to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GroupsClaim<'a> {
    /// Not at all.
    #[default]
    None,
    /// All of them, if there are not too many.
    Ids(&'a [ObjectId]),
}

/// A user's token through a client.
#[derive(Clone, Debug)]
pub struct UserToken<'a> {
    /// What every token says.
    pub frame: TokenFrame<'a>,
    /// The user.
    pub user: &'a UserFacts,
    /// The user's name for this client alone (OpenID Connect Core section 8).
    pub subject: &'a str,
    /// The permissions that the user gave the client, by value.
    pub scopes: &'a [String],
    /// How the user signed in (RFC 8176).
    pub methods: &'a [String],
    /// Names the sign-in: ending it ends the token.
    pub session: Uuid,
    /// Template ids of the user's directory roles.
    pub directory_roles: &'a [Uuid],
    /// The user's groups, transitive.
    pub groups: GroupsClaim<'a>,
    /// Microsoft Graph's base URL: where groups are asked for that have no room here.
    pub graph: &'a str,
}

/// What tokens say of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFacts {
    /// Object id.
    pub object_id: Uuid,
    /// What people see.
    pub name: String,
    /// User principal name.
    pub login: String,
    /// Mail address.
    pub mail: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
}

impl TokenFrame<'_> {
    fn claims(&self) -> Map<String, Value> {
        let uti = URL_SAFE_NO_PAD.encode(self.entropy);
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| {
            claims.insert(name.to_owned(), value);
        };
        put("aud", json!(self.audience));
        put("iss", json!(self.version.issuer(self.authority, self.tenant)));
        put("iat", json!(self.now));
        put("nbf", json!(self.now));
        put("exp", json!(self.now + TOKEN_SECONDS));
        put("aio", json!(format!("k2{uti}")));
        let (client, acr) = match self.version {
            TokenVersion::V1 => ("appid", "appidacr"),
            TokenVersion::V2 => ("azp", "azpacr"),
        };
        put(client, json!(self.app_id));
        put(acr, json!(self.proof.acr()));
        if let Some(credential) = self.credential {
            put("cred", json!(credential));
        }
        claims
    }

    /// The claims that end each token, in the order of the alphabet as the others.
    fn finish(&self, mut claims: Map<String, Value>) -> Map<String, Value> {
        if !self.roles.is_empty() {
            claims.insert("roles".to_owned(), json!(self.roles));
        }
        claims.insert("rh".to_owned(), json!(format!("1.{}.", URL_SAFE_NO_PAD.encode(self.tenant.bytes()))));
        claims.insert("tid".to_owned(), json!(self.tenant));
        claims.insert("uti".to_owned(), json!(URL_SAFE_NO_PAD.encode(self.entropy)));
        let version = match self.version {
            TokenVersion::V1 => "1.0",
            TokenVersion::V2 => "2.0",
        };
        claims.insert("ver".to_owned(), json!(version));
        if !self.capabilities.is_empty() {
            claims.insert("xms_cc".to_owned(), json!(self.capabilities));
        }
        claims
    }
}

impl AppToken<'_> {
    /// The claims.
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = self.frame.claims();
        claims.insert(
            "idp".to_owned(),
            json!(TokenVersion::V1.issuer(self.frame.authority, self.frame.tenant)),
        );
        claims.insert("idtyp".to_owned(), json!("app"));
        claims.insert("oid".to_owned(), json!(self.object_id));
        claims.insert("sub".to_owned(), json!(self.object_id));
        self.frame.finish(claims)
    }
}

impl UserToken<'_> {
    /// The claims.
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = self.frame.claims();
        let mut put = |name: &str, value: Value| {
            claims.insert(name.to_owned(), value);
        };
        if self.frame.version == TokenVersion::V1 {
            put("amr", json!(self.methods));
            put("upn", json!(self.user.login));
            put("unique_name", json!(self.user.login));
        } else {
            put("preferred_username", json!(self.user.login));
        }
        for (name, value) in [("family_name", &self.user.family_name), ("given_name", &self.user.given_name)]
        {
            if let Some(value) = value {
                put(name, json!(value));
            }
        }
        put("idtyp", json!("user"));
        put("name", json!(self.user.name));
        put("oid", json!(self.user.object_id));
        put("scp", json!(self.scopes.join(" ")));
        put("sid", json!(self.session));
        put("sub", json!(self.subject));
        if !self.directory_roles.is_empty() {
            put("wids", json!(self.directory_roles));
        }
        put_groups(&mut claims, &self.groups, self.user.object_id, self.graph);
        self.frame.finish(claims)
    }
}

/// Writes the groups, or where to ask for them if they are too many.
pub(crate) fn put_groups(claims: &mut Map<String, Value>, groups: &GroupsClaim<'_>, user: Uuid, graph: &str) {
    match groups {
        GroupsClaim::None | GroupsClaim::Ids([]) => {}
        GroupsClaim::Ids(ids) if ids.len() <= MAX_GROUPS => {
            claims.insert("groups".to_owned(), json!(ids));
        }
        GroupsClaim::Ids(_) => {
            claims.insert("_claim_names".to_owned(), json!({"groups": "src1"}));
            let endpoint = format!("{graph}/v1.0/users/{user}/getMemberObjects");
            claims.insert("_claim_sources".to_owned(), json!({"src1": {"endpoint": endpoint}}));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    const L: &str = "https://localhost:8444";

    pub(crate) fn frame() -> TokenFrame<'static> {
        TokenFrame {
            authority: L,
            tenant: TenantId(Uuid::from_u128(1)),
            version: TokenVersion::V1,
            audience: "https://management.azure.com/",
            app_id: ApplicationId(Uuid::from_u128(2)),
            proof: ClientProofKind::Secret,
            credential: None,
            roles: &[],
            capabilities: &[],
            now: 1_000_000,
            entropy: [7; 16],
        }
    }

    #[test]
    fn an_application_token_as_a_resource_reads_it() {
        let token = AppToken { frame: frame(), object_id: ObjectId(Uuid::from_u128(3)) };
        assert_eq!(
            serde_json::to_string_pretty(&token.claims()).unwrap(),
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
  "sub": "00000000-0000-0000-0000-000000000003",
  "rh": "1.AAAAAAAAAAAAAAAAAAAAAQ.",
  "tid": "00000000-0000-0000-0000-000000000001",
  "uti": "BwcHBwcHBwcHBwcHBwcHBw",
  "ver": "1.0"
}"#
        );
    }

    fn ada() -> UserFacts {
        UserFacts {
            object_id: Uuid::from_u128(4),
            name: "Ada".to_owned(),
            login: "ada@contoso.example".to_owned(),
            ..UserFacts::default()
        }
    }

    #[test]
    fn a_users_token_in_both_versions() {
        let (scopes, methods) = (["a".to_owned(), "b".to_owned()], ["pwd".to_owned(), "mfa".to_owned()]);
        let (user, roles) = (ada(), [Uuid::from_u128(9)]);
        let token = |version| {
            UserToken {
                frame: TokenFrame { version, proof: ClientProofKind::None, ..frame() },
                user: &user,
                subject: "pairwise",
                scopes: &scopes,
                methods: &methods,
                session: Uuid::from_u128(8),
                directory_roles: &roles,
                groups: GroupsClaim::Ids(&[ObjectId(Uuid::from_u128(5))]),
                graph: "https://g",
            }
            .claims()
        };
        let one = token(TokenVersion::V1);
        assert_eq!(
            (&one["upn"], &one["amr"], &one["appidacr"]),
            (&json!("ada@contoso.example"), &json!(["pwd", "mfa"]), &json!("0"))
        );
        assert_eq!(
            (&one["scp"], &one["sub"], &one["idtyp"]),
            (&json!("a b"), &json!("pairwise"), &json!("user"))
        );
        assert_eq!(one["groups"], json!([Uuid::from_u128(5)]));
        assert_eq!(one["wids"], json!([Uuid::from_u128(9)]));
        let two = token(TokenVersion::V2);
        assert_eq!(two["iss"], format!("{L}/{}/v2.0", Uuid::from_u128(1)));
        assert_eq!(
            (&two["azp"], &two["azpacr"], &two["ver"]),
            (&json!(Uuid::from_u128(2)), &json!("0"), &json!("2.0"))
        );
        assert_eq!(two["preferred_username"], "ada@contoso.example");
        assert!(!two.contains_key("upn") && !two.contains_key("appid") && !two.contains_key("amr"));
    }

    #[test]
    fn too_many_groups_are_asked_for_elsewhere() {
        let groups: Vec<ObjectId> = (0..201).map(|n| ObjectId(Uuid::from_u128(n))).collect();
        let user = Uuid::from_u128(4);
        let claims = |ids: &[ObjectId]| {
            let mut claims = Map::new();
            put_groups(&mut claims, &GroupsClaim::Ids(ids), user, "https://g");
            Value::Object(claims)
        };
        assert_eq!(claims(&groups[..200])["groups"].as_array().map(Vec::len), Some(200));
        assert_eq!(
            claims(&groups),
            json!({
                "_claim_names": {"groups": "src1"},
                "_claim_sources": {"src1": {"endpoint": format!("https://g/v1.0/users/{user}/getMemberObjects")}},
            })
        );
        assert_eq!(claims(&[]), json!({}));
    }

    proptest! {
        /// Whatever goes in, a token is the tenant's own, ends in an hour, and is either a user's or an
        /// application's.
        #[test]
        fn what_holds_for_every_token(tenant: u128, client: u128, user: u128, now in 0_i64..4_000_000_000, audience in "\\PC{0,30}", scopes in prop::collection::vec("[A-Za-z.]{1,9}", 1..4), groups in 0_usize..300, two: bool) {
            let version = if two { TokenVersion::V2 } else { TokenVersion::V1 };
            let tenant = TenantId(Uuid::from_u128(tenant));
            let app_id = ApplicationId(Uuid::from_u128(client));
            let frame = TokenFrame { tenant, app_id, version, now, audience: &audience, ..frame() };
            let facts = UserFacts { object_id: Uuid::from_u128(user), ..ada() };
            let groups: Vec<ObjectId> = (0..groups as u128).map(|n| ObjectId(Uuid::from_u128(n))).collect();
            let users = UserToken {
                frame: frame.clone(),
                user: &facts,
                subject: "s",
                scopes: &scopes,
                methods: &[],
                session: Uuid::from_u128(1),
                directory_roles: &[],
                groups: GroupsClaim::Ids(&groups),
                graph: "https://g",
            }
            .claims();
            let own = AppToken { frame, object_id: ObjectId(Uuid::from_u128(user)) }.claims();
            prop_assert_eq!(users.contains_key("groups"), (1..=MAX_GROUPS).contains(&groups.len()));
            prop_assert_eq!(users.contains_key("_claim_names"), groups.len() > MAX_GROUPS);
            prop_assert!(users.contains_key("scp") && !own.contains_key("scp") && !own.contains_key("sid"));
            for claims in [users, own] {
                let read: crate::VerifiedClaims = serde_json::from_value(claims.into()).unwrap();
                prop_assert_eq!(read.check_origin(L), Ok(()));
                prop_assert_eq!((read.tid, read.appid, read.oid.0), (tenant, app_id, Uuid::from_u128(user)));
                prop_assert!(read.check_times(now).is_ok() && read.check_times(now + TOKEN_SECONDS).is_err());
            }
        }
    }
}
