//! What a scope parameter asks for (RFC 6749 section 3.3, OpenID Connect Core section 5.4).
//!
//! `openid`, `profile`, `email` and `offline_access` are for the authority itself. Every other scope is a
//! permission at a resource: `{resource}/{permission}`; a permission without a resource is Microsoft Graph's.
//! All of a request's permissions are of one resource, since a token is for one.

use crate::audience::{MAX_AUDIENCE, read_audience};
use crate::{Resource, SignInError};

/// The permission that stands for all that were granted.
pub const DEFAULT: &str = ".default";
/// Scopes that a request may have.
const MAX_SCOPES: usize = 128;
/// Characters that it may have.
const MAX_LENGTH: usize = 8 * 1024;

/// The scopes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// The resource in the client's spelling; none if the request has only scopes for the authority itself.
    pub audience: Option<String>,
    /// The permissions at the resource, without its name.
    pub permissions: Vec<String>,
    /// `openid`: an ID token.
    pub openid: bool,
    /// `profile`: the user's name in it.
    pub profile: bool,
    /// `email`: the user's address in it.
    pub email: bool,
    /// `offline_access`: a refresh token.
    pub offline: bool,
    /// The scopes as the client wrote them.
    pub requested: String,
}

impl Scopes {
    /// Reads a scope parameter.
    ///
    /// # Errors
    /// [`SignInError::InvalidScope`] for permissions of more than one resource, for `.default` beside others of
    /// its resource, for what is too long or has characters that no scope has.
    pub fn read(text: &str) -> Result<Scopes, SignInError> {
        let invalid = || SignInError::InvalidScope { scope: text.to_owned() };
        let mut scopes = Scopes {
            requested: text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
            ..Scopes::default()
        };
        if text.len() > MAX_LENGTH || text.split_ascii_whitespace().count() > MAX_SCOPES {
            return Err(invalid());
        }
        for scope in text.split_ascii_whitespace() {
            if !scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
                return Err(invalid());
            }
            match scope.to_ascii_lowercase().as_str() {
                "openid" => scopes.openid = true,
                "profile" => scopes.profile = true,
                "email" => scopes.email = true,
                "offline_access" => scopes.offline = true,
                _ => scopes.add(scope).ok_or_else(invalid)?,
            }
        }
        let default = scopes.permissions.iter().any(|permission| permission == DEFAULT);
        if default && scopes.permissions.len() > 1 {
            return Err(invalid());
        }
        Ok(scopes)
    }

    /// All that was granted at a resource: what the v1 endpoint's `resource` asks for.
    ///
    /// # Errors
    /// [`SignInError::Malformed`] for one that is too long.
    pub fn all_of(resource: &str) -> Result<Scopes, SignInError> {
        Ok(Scopes {
            audience: Some(read_audience(resource)?.to_owned()),
            permissions: vec![DEFAULT.to_owned()],
            openid: true,
            profile: true,
            email: false,
            offline: true,
            requested: String::new(),
        })
    }

    fn add(&mut self, scope: &str) -> Option<()> {
        let graph = Resource::Graph.app_id().to_string();
        let (resource, permission) = match scope.rsplit_once('/') {
            Some((resource, permission)) => (resource, permission),
            None if scope.parse::<uuid::Uuid>().is_ok() => (scope, DEFAULT),
            None => (graph.as_str(), scope),
        };
        if resource.is_empty() || permission.is_empty() || scope.len() > MAX_AUDIENCE {
            return None;
        }
        match &self.audience {
            None => self.audience = Some(resource.to_owned()),
            Some(known) if known.eq_ignore_ascii_case(resource) => {}
            Some(_) => return None,
        }
        if !self.permissions.iter().any(|known| known == permission) {
            self.permissions.push(permission.to_owned());
        }
        Some(())
    }

    /// Whether everything that was granted is asked for, and nothing by name.
    pub fn is_default(&self) -> bool {
        matches!(self.permissions.as_slice(), [only] if only == DEFAULT)
    }

    /// The resource that a token is for; Microsoft Graph where nothing else is named.
    pub fn audience_or_graph(&self) -> String {
        self.audience.clone().unwrap_or_else(|| Resource::Graph.app_id().to_string())
    }

    /// The scopes for the authority itself, by name.
    pub fn identity(&self) -> Vec<&'static str> {
        [
            (self.openid, "openid"),
            (self.profile, "profile"),
            (self.email, "email"),
            (self.offline, "offline_access"),
        ]
        .into_iter()
        .filter_map(|(asked, name)| asked.then_some(name))
        .collect()
    }

    /// The same resource and permissions with what another request asked of the authority itself: a client that
    /// redeems a code need not repeat that.
    #[must_use]
    pub fn with_identity_of(mut self, other: &Scopes) -> Scopes {
        self.openid |= other.openid;
        self.profile |= other.profile;
        self.email |= other.email;
        self.offline |= other.offline;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Scopes {
        Scopes::read(text).unwrap()
    }

    #[test]
    fn resources_and_permissions() {
        for (text, audience, permissions) in [
            ("https://h//.default offline_access openid profile", "https://h/", vec![".default"]),
            ("https://h/.default", "https://h", vec![".default"]),
            ("User.Read mail.read", "00000003-0000-0000-c000-000000000000", vec!["User.Read", "mail.read"]),
            ("api://x/a/Files.Read api://x/a/Files.Write", "api://x/a", vec!["Files.Read", "Files.Write"]),
            ("https://H/a https://h/b https://h/a", "https://H", vec!["a", "b"]),
            (
                "797f4846-ba00-4fd7-ba43-dac1f8f63013",
                "797f4846-ba00-4fd7-ba43-dac1f8f63013",
                vec![".default"],
            ),
        ] {
            let scopes = read(text);
            assert_eq!(
                (scopes.audience.as_deref(), scopes.permissions),
                (Some(audience), permissions.iter().map(|p| (*p).to_owned()).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_for_the_authority() {
        let scopes = read("OpenID profile email offline_access");
        assert_eq!(scopes.identity(), ["openid", "profile", "email", "offline_access"]);
        assert_eq!((scopes.audience.as_deref(), scopes.is_default()), (None, false));
        assert_eq!(scopes.audience_or_graph(), "00000003-0000-0000-c000-000000000000");
        let redeemed = read("https://h/.default").with_identity_of(&scopes);
        assert!(redeemed.openid && redeemed.offline && redeemed.is_default());
    }

    #[test]
    fn one_resource_at_a_time() {
        for text in [
            "https://a/x https://b/x",
            "User.Read https://b/x",
            "https://a/.default https://a/x",
            "/x",
            "a/",
            "ä",
            "a\"b",
        ] {
            assert!(matches!(Scopes::read(text), Err(SignInError::InvalidScope { .. })), "{text}");
        }
        assert!(Scopes::read(&"x ".repeat(200)).is_err());
    }

    #[test]
    fn long_audiences_and_scopes_are_refused() {
        let audience = |length: usize| format!("https://{}", "h".repeat(length - 8));
        assert!(Scopes::all_of(&audience(512)).is_ok());
        assert_eq!(Scopes::all_of(&audience(513)), Err(SignInError::Malformed));
        assert!(Scopes::read(&format!("{}/x", audience(510))).is_ok());
        assert!(Scopes::read(&format!("{}/x", audience(511))).is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_repeats_what_was_asked(text in "\\PC{0,60}") {
            if let Ok(scopes) = Scopes::read(&text) {
                prop_assert_eq!(Scopes::read(&scopes.requested).unwrap(), scopes);
            }
        }
    }
}
