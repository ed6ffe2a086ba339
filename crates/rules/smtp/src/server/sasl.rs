//! SASL mechanisms: reading what clients say (RFC 4616, RFC 7628, and the LOGIN and XOAUTH2 conventions).

use std::fmt;

use zeroize::Zeroizing;

/// What a client claims to be and how it wants to prove it. Shown without the proof.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// PLAIN and LOGIN.
    Secret {
        /// The SMTP username, in any of its forms.
        username: String,
        /// The application's client secret.
        password: Zeroizing<String>,
    },
    /// XOAUTH2 and OAUTHBEARER.
    Token {
        /// The SMTP username, in any of its forms; empty where OAUTHBEARER gave none.
        username: String,
        /// An access token.
        token: Zeroizing<String>,
    },
}

impl Credentials {
    /// The SMTP username as the client gave it.
    pub fn username(&self) -> &str {
        match self {
            Credentials::Secret { username, .. } | Credentials::Token { username, .. } => username,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Credentials::Secret { .. } => "Secret",
            Credentials::Token { .. } => "Token",
        };
        f.debug_struct(kind).field("username", &self.username()).finish_non_exhaustive()
    }
}

/// The mechanisms that the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    Login,
    XOAuth2,
    OAuthBearer,
}

impl Mechanism {
    pub(super) const ALL: [Mechanism; 4] =
        [Mechanism::Plain, Mechanism::Login, Mechanism::XOAuth2, Mechanism::OAuthBearer];

    pub(super) fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::OAuthBearer => "OAUTHBEARER",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// The JSON that answers a token that is not accepted; the client answers it and then gets its 535.
    pub(super) fn failure(self) -> Option<&'static str> {
        match self {
            Mechanism::Plain | Mechanism::Login => None,
            Mechanism::XOAuth2 => Some(
                r#"{"status":"401","schemes":"bearer","scope":"https://communication.azure.com/.default"}"#,
            ),
            Mechanism::OAuthBearer => {
                Some(r#"{"status":"invalid_token","scope":"https://communication.azure.com/.default"}"#)
            }
        }
    }
}

/// Octets of a username that are let in.
const LONGEST_USERNAME: usize = 255;

/// A username that may be looked up and logged. SECURITY: control characters could forge lines of the log.
pub(super) fn username(text: &str) -> Option<String> {
    let well_formed = text.len() <= LONGEST_USERNAME && !text.chars().any(char::is_control);
    well_formed.then(|| text.to_owned())
}

/// `[authzid] NUL authcid NUL passwd`. An authorization identity other than the authentication identity is not
/// read: nobody may act as somebody else here.
pub(super) fn plain(response: &[u8]) -> Option<Credentials> {
    let mut parts = std::str::from_utf8(response).ok()?.split('\0');
    let (as_whom, username, password) = (parts.next()?, parts.next()?, parts.next()?);
    let acts_for_itself = as_whom.is_empty() || as_whom == username;
    if parts.next().is_some() || !acts_for_itself || username.is_empty() {
        return None;
    }
    Some(Credentials::Secret {
        username: self::username(username)?,
        password: Zeroizing::new(password.to_owned()),
    })
}

/// `user=… ^A auth=Bearer … ^A ^A`.
pub(super) fn xoauth2(response: &[u8]) -> Option<Credentials> {
    let text = std::str::from_utf8(response).ok()?.strip_suffix("\x01\x01")?;
    let (user, auth) = text.split_once('\x01')?;
    Some(Credentials::Token { username: username(user.strip_prefix("user=")?)?, token: bearer(auth)? })
}

/// `n,a=…, ^A key=value ^A … ^A`, with the pair `auth=Bearer …` (RFC 7628 section 3.1).
pub(super) fn oauthbearer(response: &[u8]) -> Option<Credentials> {
    let text = std::str::from_utf8(response).ok()?.strip_suffix("\x01\x01")?;
    let (header, pairs) = text.split_once('\x01')?;
    let mut parts = header.split(',');
    // `n`: no channel binding; `y`: the client could, and thinks that we cannot.
    if !matches!(parts.next(), Some("n" | "y")) {
        return None;
    }
    let username = match parts.next()? {
        "" => String::new(),
        name => self::username(&saslname(name.strip_prefix("a=")?)?)?,
    };
    if parts.next() != Some("") || parts.next().is_some() {
        return None;
    }
    let auth = pairs.split('\x01').find(|pair| pair.starts_with("auth="))?;
    Some(Credentials::Token { username, token: bearer(auth)? })
}

fn bearer(pair: &str) -> Option<Zeroizing<String>> {
    let (scheme, token) = pair.strip_prefix("auth=")?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer")).then(|| Zeroizing::new(token.trim().to_owned()))
}

/// Undoes `=2C` for a comma and `=3D` for an equals sign (RFC 5801 section 4).
fn saslname(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut parts = text.split('=');
    name.push_str(parts.next()?);
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        name.push(match code {
            "2C" | "2c" => ',',
            "3D" | "3d" => '=',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(username: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Secret { username: username.into(), password: Zeroizing::new(password.into()) })
    }

    fn token(username: &str, token: &str) -> Option<Credentials> {
        Some(Credentials::Token { username: username.into(), token: Zeroizing::new(token.into()) })
    }

    #[test]
    fn responses() {
        assert_eq!(plain(b"\0mailer\0s3cret"), secret("mailer", "s3cret"));
        assert_eq!(plain(b"mailer\0mailer\0s3cret"), secret("mailer", "s3cret"));
        assert_eq!(plain(b"admin\0mailer\0s3cret"), None);
        assert_eq!(plain(b"\0\0s3cret"), None);
        assert_eq!(plain(b"mailer\0s3cret"), None);
        assert_eq!(plain(b"\0a\0b\0c"), None);
        assert_eq!(plain(b"\0\xff\0x"), None);
        assert_eq!(xoauth2(b"user=mailer\x01auth=Bearer TOKEN\x01\x01"), token("mailer", "TOKEN"));
        assert_eq!(xoauth2(b"user=mailer\x01auth=Basic TOKEN\x01\x01"), None);
        assert_eq!(xoauth2(b"user=mailer\x01auth=Bearer TOKEN"), None);
        assert_eq!(
            oauthbearer(b"n,a=a=2Cb=3Dc,\x01host=h\x01port=587\x01auth=Bearer T\x01\x01"),
            token("a,b=c", "T")
        );
        assert_eq!(oauthbearer(b"n,,\x01auth=Bearer T\x01\x01"), token("", "T"));
        assert_eq!(oauthbearer(b"p=tls-unique,,\x01auth=Bearer T\x01\x01"), None);
        assert_eq!(oauthbearer(b"n,a=x=\x01auth=Bearer T\x01\x01"), None);
        assert_eq!(oauthbearer(b"n,,\x01host=h\x01\x01"), None);
    }

    #[test]
    fn usernames_cannot_forge_log_lines() {
        let long = "x".repeat(256);
        for name in ["a\r\nb", "a\nb", "a\u{1b}[2J", "a\u{85}b", "a\tb", &long] {
            assert_eq!(username(name), None);
            assert_eq!(plain(format!("\0{name}\0x").as_bytes()), None);
            assert_eq!(xoauth2(format!("user={name}\x01auth=Bearer T\x01\x01").as_bytes()), None);
            assert_eq!(oauthbearer(format!("n,a={name},\x01auth=Bearer T\x01\x01").as_bytes()), None);
        }
        assert_eq!(username(&"x".repeat(255)).unwrap().len(), 255);
    }

    #[test]
    fn the_documented_vector() {
        use base64::Engine as _;
        let text = "dXNlcj1tYWlsZXIBYXV0aD1CZWFyZXIgVE9LRU4BAQ==";
        let response = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        assert_eq!(xoauth2(&response), token("mailer", "TOKEN"));
    }

    #[test]
    fn proofs_are_not_shown() {
        let shown = format!("{:?} {:?}", secret("u", "hidden"), token("u", "hidden"));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
