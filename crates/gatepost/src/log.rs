//! The log: lines on standard error, at the level that `GATEPOST_LOG` names.

use tracing_subscriber::EnvFilter;

/// Starts the log. Without `GATEPOST_LOG` it shows what `default` names.
pub(crate) fn start(default: &str) {
    let filter = EnvFilter::try_from_env("GATEPOST_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(true)
        .finish();
    // A second start in one process (tests) keeps the first log.
    drop(tracing::subscriber::set_global_default(subscriber));
}
