//! Documents of outside servers: key sets of issuers that an application trusts.
//!
//! One GET over HTTPS with a bound on everything: time, bytes, redirects (none), addresses (public ones, unless
//! the operator names a host). The caller's thread waits; the work is on a thread of its own, so that a system
//! resolver that hangs holds up nobody for longer than [`Settings::time`].
//!
//! Rules: RFC 9110, RFC 9112, RFC 8446; the addresses of RFC 6890.

mod address;
mod exchange;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

pub use address::is_public;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For one document, or several that belong together, from resolving the name to the last byte.
    pub time: Duration,
    /// Most bytes of a document.
    pub bytes: usize,
    /// Fetches at once; one more is refused.
    pub at_once: usize,
    /// Hosts that may have an address that is not public: `host` or `host:port`, in lower case.
    pub private_hosts: Vec<String>,
    /// Certificate authorities beside those that browsers trust.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            time: Duration::from_secs(5),
            bytes: 256 * 1024,
            at_once: 8,
            private_hosts: Vec::new(),
            extra_roots: Vec::new(),
        }
    }
}

/// Why there is no document. Texts are for the operator's log; they name the server, never what it sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not `https://host[:port]/path` without user, query of its own kind or fragment.
    #[error("the address is not a plain https URL")]
    Url,
    /// The name has no address, or the resolver does not answer.
    #[error("the host's name cannot be resolved")]
    Resolve,
    /// The host has no public address, and the operator does not allow others.
    #[error("the host has no public address, and is not among the private hosts that are allowed")]
    NotPublic,
    /// No connection, or no TLS.
    #[error("no connection: {0}")]
    Connect(String),
    /// It took too long.
    #[error("the server did not answer in time")]
    Late,
    /// The document is too long.
    #[error("the document is too long")]
    TooLong,
    /// Any other status than 200. Redirects are not followed.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// What came is not HTTP.
    #[error("the answer cannot be read: {0}")]
    Protocol(String),
    /// As many fetches as may be are under way.
    #[error("too many fetches at once")]
    Busy,
}

/// Fetches documents. Cheap to clone; clones share the limits.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    settings: Settings,
    tls: Arc<ClientConfig>,
    under_way: AtomicUsize,
}

impl Fetcher {
    /// A fetcher with these settings.
    ///
    /// # Errors
    /// The text says which certificate authority cannot be used.
    pub fn new(settings: Settings) -> Result<Fetcher, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &settings.extra_roots {
            roots.add(root.clone()).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Fetcher(Arc::new(Inner { settings, tls: Arc::new(tls), under_way: AtomicUsize::new(0) })))
    }

    /// The moment by which what begins now has to be there: for several documents that belong together.
    pub fn due(&self) -> Instant {
        Instant::now() + self.0.settings.time
    }

    /// The document at an https URL. Waits until `due` at most.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn get(&self, url: &str, due: Instant) -> Result<Vec<u8>, FetchError> {
        let target = Target::parse(url)?;
        let place = Place::take(&self.0)?;
        let inner = Arc::clone(&self.0);
        let (answer, answered) = mpsc::sync_channel(1);
        let work = move || {
            let outcome = run(&inner, &target, due);
            // INVARIANT: the place is given back when the work has ended, not when the caller stops waiting: a
            // resolver that hangs uses up places, never threads without number.
            drop(place);
            // The caller may have given up.
            drop(answer.send(outcome));
        };
        std::thread::Builder::new()
            .name("fetch".to_owned())
            .spawn(work)
            .map_err(|error| FetchError::Connect(error.to_string()))?;
        let left = due.saturating_duration_since(Instant::now());
        // A moment more, so that the precise reason arrives.
        answered.recv_timeout(left + Duration::from_millis(100)).unwrap_or(Err(FetchError::Late))
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// One of the fetches that may be under way.
struct Place(Arc<Inner>);

impl Place {
    fn take(inner: &Arc<Inner>) -> Result<Place, FetchError> {
        let place = Place(Arc::clone(inner));
        if inner.under_way.fetch_add(1, Ordering::SeqCst) >= inner.settings.at_once {
            return Err(FetchError::Busy);
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Where a document is.
pub(crate) struct Target {
    host: String,
    port: u16,
    /// Path and query.
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Target, FetchError> {
        let uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
        let authority = uri.authority().ok_or(FetchError::Url)?;
        let plain = uri.scheme_str() == Some("https")
            && !authority.as_str().contains('@')
            && !url.contains('#')
            && !authority.host().is_empty();
        if !plain {
            return Err(FetchError::Url);
        }
        // What stands behind the host is a port that is one, or nothing.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 443,
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(FetchError::Url)?,
            None => return Err(FetchError::Url),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Target { host: authority.host().to_ascii_lowercase(), port, path })
    }

    /// The host as a name or address, without the brackets of IPv6.
    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    fn may_be_private(&self, settings: &Settings) -> bool {
        let with_port = format!("{}:{}", self.host, self.port);
        settings.private_hosts.iter().any(|allowed| *allowed == self.host || *allowed == with_port)
    }

    /// The addresses that may be connected to.
    ///
    /// SECURITY: what is vetted here is what is connected to: the name is not resolved again.
    fn vet(&self, found: Vec<SocketAddr>, settings: &Settings) -> Result<Vec<SocketAddr>, FetchError> {
        if found.is_empty() {
            return Err(FetchError::Resolve);
        }
        if self.may_be_private(settings) {
            return Ok(found);
        }
        let public: Vec<SocketAddr> =
            found.into_iter().filter(|address| is_public(address.ip().to_canonical())).collect();
        if public.is_empty() { Err(FetchError::NotPublic) } else { Ok(public) }
    }
}

/// Whether a URL is one that [`Fetcher::get`] takes.
pub fn is_https_url(url: &str) -> bool {
    Target::parse(url).is_ok()
}

fn run(inner: &Inner, target: &Target, due: Instant) -> Result<Vec<u8>, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .map_err(|error| FetchError::Connect(error.to_string()))?;
    let outcome = runtime.block_on(async {
        let work = exchange::get(target, &inner.settings, &inner.tls);
        tokio::time::timeout_at(due.into(), work).await.unwrap_or(Err(FetchError::Late))
    });
    // Waits for the resolver if that still hangs: this thread's place stays taken until then.
    drop(runtime);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_urls_are_fetched() {
        for url in [
            "",
            "http://a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "//a.example/",
            "https://user@a.example/",
            "https://user:secret@a.example/",
            "https://a.example:/",
            "https://a.example:99999/",
            "https://a.example/#x",
            "https://a b/",
            "https://a.example/\r\nx: y",
        ] {
            assert!(!is_https_url(url), "{url}");
        }
        for url in ["https://a.example", "https://A.example:8443/x?y=z", "https://[::1]:8443/"] {
            assert!(is_https_url(url), "{url}");
        }
    }

    #[test]
    fn private_addresses_need_the_operators_word() {
        let target = Target::parse("https://issuer.example:8443/keys").unwrap();
        let found = |text: &str| vec![text.parse::<SocketAddr>().unwrap()];
        let mut settings = Settings::default();
        assert_eq!(target.vet(found("127.0.0.1:8443"), &settings), Err(FetchError::NotPublic));
        assert_eq!(target.vet(found("[::ffff:10.0.0.1]:8443"), &settings), Err(FetchError::NotPublic));
        assert_eq!(target.vet(found("1.1.1.1:8443"), &settings), Ok(found("1.1.1.1:8443")));
        let both = ["169.254.169.254:8443", "1.1.1.1:8443"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(target.vet(both, &settings), Ok(found("1.1.1.1:8443")), "only the public one is used");
        for (allowed, good) in [
            ("issuer.example", true),
            ("issuer.example:8443", true),
            ("issuer.example:443", false),
            ("example", false),
        ] {
            settings.private_hosts = vec![allowed.to_owned()];
            assert_eq!(target.vet(found("127.0.0.1:8443"), &settings).is_ok(), good, "{allowed}");
        }
        assert_eq!(target.vet(Vec::new(), &settings), Err(FetchError::Resolve));
    }

    #[test]
    fn no_more_fetches_than_allowed() {
        let fetcher = Fetcher::new(Settings { at_once: 1, ..Settings::default() }).unwrap();
        let place = Place::take(&fetcher.0).unwrap();
        assert_eq!(fetcher.get("https://localhost/", fetcher.due()), Err(FetchError::Busy));
        drop(place);
        assert_eq!(fetcher.get("https://localhost:1/", fetcher.due()), Err(FetchError::NotPublic));
        assert_eq!(fetcher.get("https://127.0.0.1:1/", fetcher.due()), Err(FetchError::NotPublic));
        assert_eq!(fetcher.get("https://[::1]:1/", fetcher.due()), Err(FetchError::NotPublic));
    }
}
