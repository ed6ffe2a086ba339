//! Whether a redirect URI is a registered one (RFC 9700 section 2.1, RFC 8252 section 7.3).
//!
//! URIs are compared as texts, byte for byte. The one exception is the loopback redirect of native clients,
//! whose port is the client's free choice.

/// What a redirect URI was registered as: it says what kind of client waits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// A server that keeps a credential.
    Web,
    /// A script in a browser: no credential, PKCE instead.
    Spa,
    /// An installed application: no credential, PKCE instead.
    PublicClient,
}

impl Platform {
    /// Whether clients there can keep no secret.
    pub fn is_public(self) -> bool {
        self != Platform::Web
    }
}

/// A registered redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    /// The URI as it was registered.
    pub uri: String,
    /// What it was registered as.
    pub platform: Platform,
}

/// Longer ones are never followed.
const MAX_LENGTH: usize = 2048;

/// The registered redirect URI that `asked` is, if it is one.
pub fn registered<'a>(registered: &'a [RedirectUri], asked: &str) -> Option<&'a RedirectUri> {
    registered.iter().find(|known| redirect_matches(&known.uri, asked))
}

/// Whether a client that registered `registered` may be answered at `asked`.
pub fn redirect_matches(registered: &str, asked: &str) -> bool {
    if !is_well_formed(asked) {
        return false;
    }
    if registered == asked {
        return true;
    }
    match (Loopback::parse(registered), Loopback::parse(asked)) {
        (Some(registered), Some(asked)) => registered == asked,
        _ => false,
    }
}

/// No fragment (RFC 6749 section 3.1.2), and nothing that browsers or logs read in more than one way.
fn is_well_formed(uri: &str) -> bool {
    uri.len() <= MAX_LENGTH
        && uri.contains(':')
        && !uri.starts_with(':')
        && uri
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>'))
        && !is_executed(uri)
}

/// Whether browsers run or show the URI itself instead of going somewhere.
fn is_executed(uri: &str) -> bool {
    let scheme = uri.split(':').next().unwrap_or("").to_ascii_lowercase();
    matches!(scheme.as_str(), "javascript" | "data" | "vbscript" | "blob" | "file" | "about")
}

/// A redirect to the client's own machine; its port is left out.
#[derive(PartialEq, Eq)]
struct Loopback<'a> {
    host: &'a str,
    /// With the query; without anything it is the root.
    path: &'a str,
}

impl<'a> Loopback<'a> {
    fn parse(uri: &'a str) -> Option<Loopback<'a>> {
        let rest = uri.strip_prefix("http://")?;
        let host = ["localhost", "127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
        let rest = rest.get(host.len()..)?;
        let (port, path) = match rest.find(['/', '?']) {
            Some(at) => (rest.get(..at)?, rest.get(at..)?),
            None => (rest, "/"),
        };
        let port_is_one = match port.strip_prefix(':') {
            None => port.is_empty(),
            Some(digits) => {
                !digits.is_empty()
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && digits.parse::<u16>().is_ok()
            }
        };
        port_is_one.then_some(Loopback { host, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exactly_what_was_registered() {
        for (registered, asked) in [
            ("https://app.example/cb", "https://app.example/cb"),
            ("https://app.example/cb?a=b", "https://app.example/cb?a=b"),
            ("msal1234://auth", "msal1234://auth"),
            ("http://localhost", "http://localhost"),
            ("http://localhost", "http://localhost:53712"),
            ("http://localhost", "http://localhost:53712/"),
            ("http://localhost:1/cb", "http://localhost:2/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb"),
            ("http://[::1]:9/", "http://[::1]:10"),
        ] {
            assert!(redirect_matches(registered, asked), "{registered} {asked}");
        }
    }

    #[test]
    fn what_only_looks_registered() {
        for (registered, asked) in [
            ("https://app.example/cb", "https://app.example/cb/"),
            ("https://app.example/cb", "https://app.example/cb?x=1"),
            ("https://app.example/cb", "https://app.example/cb#x"),
            ("https://app.example/cb", "https://app.example/CB"),
            ("https://app.example/cb", "https://APP.example/cb"),
            ("https://app.example/cb", "http://app.example/cb"),
            ("https://app.example/cb", "https://app.example:443/cb"),
            ("https://app.example/cb", "https://app.example/cb/../cb"),
            ("https://app.example/cb", "https://app.example/%63b"),
            ("https://app.example/cb", "https://app.example.evil.example/cb"),
            ("https://app.example/cb", "https://app.example@evil.example/cb"),
            ("https://app.example/cb", "https://evil.example/https://app.example/cb"),
            ("https://app.example", "https://app.example/"),
            ("https://*.app.example/cb", "https://x.app.example/cb"),
            ("http://localhost", "http://localhost.evil.example"),
            ("http://localhost", "http://localhost@evil.example"),
            ("http://localhost", "http://localhost:80@evil.example/"),
            ("http://localhost", "http://localhost:1:2/"),
            ("http://localhost", "http://localhost:99999/"),
            ("http://localhost", "http://localhost:+80/"),
            ("http://localhost", "http://localhost:/"),
            ("http://localhost", "http://localhost\\@evil.example/"),
            ("http://localhost", "https://localhost"),
            ("http://localhost", "http://LOCALHOST"),
            ("http://localhost", "http://localhost/cb"),
            ("http://localhost", "http://127.0.0.1"),
            ("https://localhost:1/", "https://localhost:2/"),
            ("http://app.example:1/", "http://app.example:2/"),
            ("", ""),
            ("x", "x"),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("JavaScript:alert(1)", "JavaScript:alert(1)"),
            ("data:text/html,x", "data:text/html,x"),
            ("https://app.example/a b", "https://app.example/a b"),
            ("https://app.example/\r\nx", "https://app.example/\r\nx"),
        ] {
            assert!(!redirect_matches(registered, asked), "{registered} {asked}");
        }
    }

    proptest! {
        /// Whatever is accepted is the registered text, or differs from it in the port of a loopback host alone.
        #[test]
        fn nothing_else_is_accepted(known in "(http|https)://(localhost|127.0.0.1|a.example)(:[0-9]{1,5})?(/[a-z]{0,3})?", asked in "(http|https)://(localhost|127.0.0.1|a.example)(:[0-9]{1,5})?(/[a-z]{0,3})?(\\?x)?") {
            let without_port = |uri: &str| {
                let (scheme, rest) = uri.split_once("://").unwrap();
                let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                let host = host.split(':').next().unwrap();
                let path = if path.is_empty() { "/" } else { path };
                format!("{scheme}://{host}{path}")
            };
            if redirect_matches(&known, &asked) {
                let loopback = known.starts_with("http://localhost") || known.starts_with("http://127.0.0.1");
                prop_assert!(known == asked || loopback);
                prop_assert!(known == asked || without_port(&known) == without_port(&asked));
            }
        }

        #[test]
        fn no_text_makes_it_panic(known in "\\PC{0,40}", asked in "\\PC{0,40}") {
            let _ = redirect_matches(&known, &asked);
        }
    }
}
