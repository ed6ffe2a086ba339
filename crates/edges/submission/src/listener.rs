//! Accepting connections, and the clean stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gatepost_smtp::server::replies;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::budget::Budget;
use crate::connection::{Connection, LINGER};
use crate::gate::Gate;
use crate::settings::Settings;

/// How long accepting pauses when the system has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// What a stopping server gives its connections beyond their grace and lingering.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By STARTTLS, without which nothing can be sent (RFC 3207).
    StartTls,
    /// With the connection (RFC 8314).
    ImplicitTls,
}

/// The submission server. Its limits hold over all listeners that it serves.
pub struct Submission<G> {
    pub(crate) gate: G,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) settings: Settings,
    pub(crate) host: Arc<str>,
    pub(crate) limits: Arc<gatepost_smtp::server::Limits>,
    pub(crate) budget: Arc<Budget>,
    connections: AtomicUsize,
    all_closed: Notify,
}

impl<G: Gate> Submission<G> {
    /// A server that is not yet listening.
    pub fn new(gate: G, tls: Arc<ServerConfig>, settings: Settings) -> Arc<Submission<G>> {
        Arc::new(Submission {
            gate,
            tls,
            host: Arc::from(settings.host.as_str()),
            limits: Arc::new(settings.limits.clone()),
            budget: Budget::new(settings.memory),
            settings,
            connections: AtomicUsize::new(0),
            all_closed: Notify::new(),
        })
    }

    /// Serves sockets that listen, until `stop` becomes true. Then idle clients are told 421 4.3.2, what is
    /// under way is finished within [`Settings::grace`], and this returns when all connections of this server
    /// are closed, or a few seconds after the grace is over.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        mode: Mode,
        mut stop: watch::Receiver<bool>,
    ) {
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| tokio::spawn(Arc::clone(&self).accept_from(listener, mode, stop.clone())))
            .collect();
        // An error means that the sender is gone, and with it whoever could stop the server more kindly.
        let _ = stop.wait_for(|stop| *stop).await;
        for task in accepting {
            let _ = task.await;
        }
        let longest = self.settings.grace.saturating_add(LINGER).saturating_add(LAST_WORDS);
        if tokio::time::timeout(longest, self.all_connections_closed()).await.is_err() {
            tracing::warn!(connections = self.connections(), "stopped with connections still open");
        }
    }

    async fn all_connections_closed(&self) {
        loop {
            let closed = self.all_closed.notified();
            if self.connections() == 0 {
                return;
            }
            closed.await;
        }
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn accept_from(self: Arc<Self>, listener: TcpListener, mode: Mode, stop: watch::Receiver<bool>) {
        let mut stopped = stop.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((socket, peer)) => self.admit(socket, peer, mode, stop.clone()),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn admit(
        self: &Arc<Self>,
        mut socket: TcpStream,
        peer: SocketAddr,
        mode: Mode,
        stop: watch::Receiver<bool>,
    ) {
        // Without it each reply may wait for the client's delayed acknowledgement.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost at once");
            return;
        }
        let place = Place(Arc::clone(self));
        if self.connections.fetch_add(1, Ordering::SeqCst) >= self.settings.connections {
            tracing::warn!(%peer, "too many connections");
            if mode == Mode::StartTls {
                let mut reply = Vec::new();
                replies::TOO_MANY_CONNECTIONS.write(&mut reply);
                tokio::spawn(async move {
                    let _place = place;
                    let _ = tokio::time::timeout(PAUSE, socket.write_all(&reply)).await;
                });
            }
            return;
        }
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let _place = place;
            Connection::new(server, socket, peer, mode, stop).run().await;
        });
    }
}

/// A connection's place among those that are counted.
struct Place<G: Gate>(Arc<Submission<G>>);

impl<G: Gate> Drop for Place<G> {
    fn drop(&mut self) {
        if self.0.connections.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.all_closed.notify_waiters();
        }
    }
}
