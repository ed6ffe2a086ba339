//! `gatepost up`: everything on loopback, from a data folder.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use clap::Args;
use gatepost_https::parse_address;
use gatepost_names::DomainName;
use tokio::signal::unix::{SignalKind, signal};

use crate::bootstrap::BootstrapError;
use crate::certificates::CertificateError;
use crate::data_folder::{DataFolder, FolderError};
use crate::server::Server;

/// How long threads that still work on requests are waited for at the end.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What to run once the server is ready; it gets the data folder. The server runs on beside it and after it.
pub type AfterReady = fn(PathBuf) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What `gatepost up` is told.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// The data folder; made where there is none.
    pub data: PathBuf,
    /// Where to listen.
    pub addresses: Addresses,
    /// Accept messages, deliver none.
    pub hold_delivery: bool,
    /// Where the managed-identity endpoint listens; nowhere unless it is asked for.
    pub managed_identity: Option<Address>,
    /// How outside issuers are fetched from.
    pub outside: Outside,
    /// Domains that get a tenant each, beside the first tenant, where no tenant has them yet.
    pub tenants: Vec<DomainName>,
}

/// Which outside issuers of federated credentials may be fetched from, beside those on the open Internet.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Federated credentials")]
pub struct Outside {
    /// Let this host have a private or loopback address. May be repeated.
    #[arg(long = "federation-host", value_name = "HOST[:PORT]")]
    pub private_hosts: Vec<String>,
    /// PEM file of certificate authorities to trust beside the public ones.
    #[arg(long = "federation-ca", value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// Where each protocol listens: `ADDRESS:PORT`, `localhost` being both loopback addresses; port 0 picks a free
/// one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Addresses (ADDRESS:PORT on loopback; port 0 picks a free one)")]
pub struct Addresses {
    /// Portal.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:8443", value_parser = loopback)]
    pub portal: Address,
    /// Authority: sign-in and tokens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:8444", value_parser = loopback)]
    pub authority: Address,
    /// Azure Resource Manager.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:8445", value_parser = loopback)]
    pub resource_manager: Address,
    /// Microsoft Graph.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:8446", value_parser = loopback)]
    pub graph: Address,
    /// E-mail data plane.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:8447", value_parser = loopback)]
    pub email: Address,
    /// Provisioning API of the gateway.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:8448", value_parser = loopback)]
    pub provisioning: Address,
    /// SMTP submission with STARTTLS.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:2587", value_parser = loopback)]
    pub smtp: Address,
    /// SMTP submission with TLS from the first byte.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:2465", value_parser = loopback)]
    pub smtps: Address,
    /// Health, readiness and metrics, without TLS.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "localhost:9464", value_parser = loopback)]
    pub management: Address,
}

/// One of them: the host as clients shall write it, and what to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `localhost`, `127.0.0.1` or `[::1]`.
    pub host: String,
    /// The sockets' addresses, all with one port.
    pub sockets: Vec<SocketAddr>,
}

impl Addresses {
    /// A free port for each, on both loopback addresses. For tests.
    pub fn free() -> Addresses {
        let any = || loopback("localhost:0").unwrap_or(Address { host: String::new(), sockets: Vec::new() });
        Addresses {
            portal: any(),
            authority: any(),
            resource_manager: any(),
            graph: any(),
            email: any(),
            provisioning: any(),
            smtp: any(),
            smtps: any(),
            management: any(),
        }
    }
}

/// Reads an address; only loopback is served by `up`, whose certificate is for loopback.
pub(crate) fn loopback(text: &str) -> Result<Address, String> {
    let sockets = parse_address(text).map_err(|e| e.to_string())?;
    if !sockets.iter().all(|socket| socket.ip().is_loopback()) {
        return Err("`gatepost up` listens on loopback addresses only".to_owned());
    }
    let host = text.rsplit_once(':').map_or("localhost", |(host, _)| host).to_ascii_lowercase();
    Ok(Address { host, sockets })
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A socket cannot be bound.
    #[error("{what}: {error}")]
    Listen {
        /// Which listener: the flag's name.
        what: &'static str,
        /// The system's reason, with the address.
        error: std::io::Error,
    },
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The folder cannot be set up.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// A service cannot start.
    #[error("{0}")]
    Service(String),
    /// What was to run after the start failed.
    #[error("{0}")]
    AfterReady(String),
}

/// Runs the server until SIGTERM or SIGINT, then stops it cleanly: what was acknowledged is finished.
///
/// # Errors
/// [`StartError`].
pub(crate) fn run(options: &UpOptions, after: Option<AfterReady>) -> Result<(), StartError> {
    let folder = DataFolder::take(&options.data)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| StartError::Service(format!("the runtime cannot start: {e}")))?;
    let outcome = runtime.block_on(serve(folder, options, after));
    // What was acknowledged is finished by now; a request that never ends does not keep the process.
    runtime.shutdown_timeout(SHUTDOWN);
    outcome
}

/// Each connection takes a file descriptor, and the usual soft limit of 1,024 is for programs that use
/// `select`: takes all that the hard limit gives.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, current = ?limit.current, "the limit of open files stays as it is");
    }
}

async fn serve(folder: DataFolder, options: &UpOptions, after: Option<AfterReady>) -> Result<(), StartError> {
    let failed = |error: std::io::Error| StartError::Service(format!("signals cannot be caught: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let path = folder.path().to_owned();
    let server = Server::start(folder, options).await?;
    announce(&server);
    let outcome = {
        let work = async {
            match after {
                Some(after) => after(path).await.map_err(StartError::AfterReady),
                None => Ok(()),
            }
        };
        tokio::pin!(work);
        tokio::select! {
            outcome = &mut work => match outcome {
                Ok(()) => {
                    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                    Ok(())
                }
                Err(error) => Err(error),
            },
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    };
    tracing::info!("stopping");
    server.stop().await;
    tracing::info!("stopped");
    outcome
}

/// Says where everything is, and at last `ready` on a line of its own.
fn announce(server: &Server) {
    let bootstrap = server.bootstrap();
    let endpoints = &bootstrap.endpoints;
    println!("Gatepost {}", env!("CARGO_PKG_VERSION"));
    if let Some(identity) = &bootstrap.managed_identity {
        println!("  {:22} {} (client id {})", "managed identity", identity.endpoint, identity.client_id);
    }
    for (name, value) in [
        ("tenant", &format!("{} ({})", bootstrap.tenant_id, bootstrap.tenant_domain)),
        ("subscription", &bootstrap.subscription_id.to_string()),
        ("administrator", &bootstrap.admin.user_principal_name),
        ("certificate authority", &bootstrap.ca_file),
        ("portal", &endpoints.portal),
        ("authority", &endpoints.authority),
        ("resource manager", &endpoints.resource_manager),
        ("graph", &endpoints.graph),
        ("email", &endpoints.email),
        ("provisioning", &endpoints.provisioning),
        ("smtp", &endpoints.smtp),
        ("smtps", &endpoints.smtps),
        ("management", &endpoints.management),
        ("secrets and the rest", &server.bootstrap_file().display().to_string()),
    ] {
        println!("  {name:22} {value}");
    }
    for other in &bootstrap.tenants {
        println!("  {:22} {} ({})", "further tenant", other.tenant_id, other.tenant_domain);
    }
    println!("ready");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        assert_eq!(loopback("localhost:0").unwrap().sockets.len(), 2);
        assert_eq!(loopback("[::1]:8443").unwrap().host, "[::1]");
        assert!(loopback("0.0.0.0:8443").unwrap_err().contains("loopback"));
        assert!(loopback("localhost").is_err());
    }
}
