//! The load generator's command line. `load --help` tells the options.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use gatepost_smtp::client::Authentication;
use gatepost_testkit::load::{self, Options, Security, Trust};
use serde::Serialize;
use zeroize::Zeroizing;

/// Sends messages to a submission server and measures it. Exit status 1 if any message lacks its 250 or is not
/// delivered.
#[derive(Parser)]
struct Arguments {
    /// Where the server listens.
    #[arg(long, default_value = "localhost:2587")]
    server: String,
    /// The name in the server's certificate; the host of --server by default.
    #[arg(long)]
    server_name: Option<String>,
    /// How TLS begins.
    #[arg(long, value_enum, default_value = "starttls")]
    tls: Tls,
    /// A PEM file with the CA that signed the server's certificate.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Do not check the server's certificate.
    #[arg(long)]
    insecure: bool,
    /// How to sign in.
    #[arg(long, value_enum, default_value = "plain")]
    auth: Auth,
    /// The SMTP username.
    #[arg(long, default_value = "")]
    username: String,
    /// The secret; read from the environment variable LOAD_SECRET where it is not given.
    #[arg(long)]
    password: Option<String>,
    /// The access token for XOAUTH2; read from LOAD_SECRET where it is not given.
    #[arg(long)]
    token: Option<String>,
    /// The sender.
    #[arg(long)]
    from: Option<String>,
    /// A recipient; may be given more than once.
    #[arg(long, default_value = "load@example.com")]
    to: Vec<String>,
    /// Connections at a time.
    #[arg(long, default_value_t = 10)]
    connections: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1_000)]
    messages: u64,
    /// Messages on each connection before another is opened.
    #[arg(long, default_value_t = 100)]
    per_connection: u64,
    /// Octets of a message.
    #[arg(long, default_value_t = 4_096)]
    size: usize,
    /// Send MAIL, RCPT and DATA one by one.
    #[arg(long)]
    no_pipelining: bool,
    /// Messages a second, evenly spaced; as fast as they go by default.
    #[arg(long)]
    rate: Option<f64>,
    /// A Maildir in which each message must be found.
    #[arg(long)]
    mailbox: Option<PathBuf>,
    /// Seconds that delivery may take after the last message was accepted.
    #[arg(long, default_value_t = 60)]
    mailbox_wait: u64,
    /// Instead of sending, open this many authenticated connections and hold them.
    #[arg(long)]
    idle: Option<usize>,
    /// Seconds to hold them.
    #[arg(long, default_value_t = 10)]
    hold: u64,
    /// Threads of the generator.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    None,
    Starttls,
    Implicit,
}

#[derive(Clone, Copy, ValueEnum)]
enum Auth {
    None,
    Plain,
    Login,
    Xoauth2,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: Arguments) -> Result<bool, String> {
    let (idle, hold, json) = (arguments.idle, Duration::from_secs(arguments.hold), arguments.json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads.max(1))
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let options = options(arguments)?;
    runtime.block_on(async {
        if let Some(connections) = idle {
            let report = load::hold(options, connections, hold).await.map_err(|error| error.to_string())?;
            print(&report, json)?;
            return Ok(report.is_success());
        }
        let report = load::run(options).await.map_err(|error| error.to_string())?;
        print(&report, json)?;
        Ok(report.is_success())
    })
}

fn print<R: Serialize + std::fmt::Display>(report: &R, json: bool) -> Result<(), String> {
    if json {
        println!("{}", serde_json::to_string(report).map_err(|error| error.to_string())?);
    } else {
        println!("{report}");
    }
    Ok(())
}

fn options(arguments: Arguments) -> Result<Options, String> {
    let host = arguments.server.rsplit_once(':').map_or(arguments.server.as_str(), |(host, _)| host);
    let server_name = arguments.server_name.unwrap_or_else(|| host.trim_matches(['[', ']']).to_owned());
    let trust = match (arguments.ca, arguments.insecure, arguments.tls) {
        (Some(file), false, _) => Trust::File(file),
        (None, true, _) | (None, false, Tls::None) => Trust::Anything,
        _ => return Err("give either --ca FILE or --insecure".to_owned()),
    };
    let secret = |given: Option<String>| {
        let secret = given.or_else(|| std::env::var("LOAD_SECRET").ok());
        secret.map(Zeroizing::new).ok_or("give the secret, or set LOAD_SECRET")
    };
    let username = arguments.username;
    let authentication = match arguments.auth {
        Auth::None => Authentication::None,
        Auth::Plain => Authentication::Plain { username, password: secret(arguments.password)? },
        Auth::Login => Authentication::Login { username, password: secret(arguments.password)? },
        Auth::Xoauth2 => Authentication::XOAuth2 { username, token: secret(arguments.token)? },
    };
    Ok(Options {
        server: resolve(&arguments.server)?,
        server_name,
        security: match arguments.tls {
            Tls::None => Security::None,
            Tls::Starttls => Security::StartTls,
            Tls::Implicit => Security::Implicit,
        },
        trust,
        authentication,
        connections: arguments.connections,
        messages: arguments.messages,
        per_connection: arguments.per_connection,
        size: arguments.size,
        from: match (arguments.from, arguments.idle) {
            (Some(from), _) => from,
            (None, Some(_)) => String::new(),
            (None, None) => return Err("give the sender with --from".to_owned()),
        },
        to: arguments.to,
        pipelining: !arguments.no_pipelining,
        rate: arguments.rate.filter(|rate| *rate > 0.0),
        mailbox: arguments.mailbox,
        mailbox_wait: Duration::from_secs(arguments.mailbox_wait),
    })
}

fn resolve(server: &str) -> Result<SocketAddr, String> {
    let mut addresses = server.to_socket_addrs().map_err(|error| format!("{server}: {error}"))?;
    addresses
        .find(SocketAddr::is_ipv4)
        .or_else(|| server.to_socket_addrs().ok()?.next())
        .ok_or_else(|| format!("{server} has no address"))
}
