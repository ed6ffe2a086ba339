//! Many connections that are open, authenticated and silent.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::session::Session;
use super::{Options, tls};

/// Connections that are opened at a time.
const AT_ONCE: usize = 32;

/// What became of idle connections.
#[derive(Clone, Debug, Serialize)]
pub struct IdleReport {
    /// Connections that were to be opened.
    pub connections: usize,
    /// Connections that were opened and authenticated.
    pub opened: usize,
    /// Seconds that opening all took.
    pub opening: f64,
    /// Connections that the server still held at the end.
    pub held: usize,
    /// The first thing that went wrong.
    pub failure: Option<String>,
}

impl IdleReport {
    /// Whether all connections were opened and held.
    pub fn is_success(&self) -> bool {
        self.opened == self.connections && self.held == self.connections
    }
}

impl fmt::Display for IdleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IdleReport { connections, opened, opening, held, .. } = self;
        write!(f, "{opened} of {connections} connections opened in {opening:.2} s, {held} held")?;
        self.failure.iter().try_for_each(|failure| write!(f, "\nfailed: {failure}"))
    }
}

/// Opens `connections` authenticated connections, holds them for a time, and looks which are still there. Says
/// on standard error when all are open, so that the server's memory can be read then.
///
/// # Errors
/// The trust file cannot be read.
pub async fn hold(options: Options, connections: usize, time: Duration) -> io::Result<IdleReport> {
    let tls = tls::config(&options.trust)?;
    let options = Arc::new(options);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let begun = Instant::now();
    let opening: Vec<_> = (0..connections)
        .map(|_| {
            let (options, tls, turns) = (Arc::clone(&options), Arc::clone(&tls), Arc::clone(&turns));
            tokio::spawn(async move {
                let _turn = turns.acquire().await.map_err(io::Error::other)?;
                let mut session = Session::open(&options, &tls).await?;
                session.rest();
                io::Result::Ok(session)
            })
        })
        .collect();
    let (mut sessions, mut failure) = (Vec::with_capacity(connections), None);
    for session in opening {
        match session.await.map_err(io::Error::other)? {
            Ok(session) => sessions.push(session),
            Err(error) => {
                failure.get_or_insert(error.to_string());
            }
        }
    }
    let opened = sessions.len();
    let took = begun.elapsed();
    eprintln!("{opened} connections open");
    sleep(time).await;
    let mut held = 0;
    for session in &mut sessions {
        // The server has nothing to say; whatever can be read at once is its goodbye or the end.
        if timeout(Duration::ZERO, session.until_the_server_speaks()).await.is_err() {
            held += 1;
        }
    }
    Ok(IdleReport { connections, opened, opening: took.as_secs_f64(), held, failure })
}
