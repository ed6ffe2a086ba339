//! Accepting connections, and the clean stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::connection::{self, Served};
use crate::exchange::Exchange;
use crate::{Edge, Limits, Listener};

/// How long accepting rests when the system refuses for want of file descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Serves `edge` over TLS until `stop` turns true (or its sender is gone): then nothing more is accepted, idle
/// connections close, requests in flight are answered, and this returns.
pub async fn serve(
    listener: Listener,
    tls: Arc<rustls::ServerConfig>,
    edge: Arc<dyn Edge>,
    stop: watch::Receiver<bool>,
) {
    serve_with(listener, Some(tls), edge, Limits::default(), stop).await;
}

/// As [`serve`], without TLS: for the management listener, which is on the loopback only.
pub async fn serve_plain(listener: Listener, edge: Arc<dyn Edge>, stop: watch::Receiver<bool>) {
    serve_with(listener, None, edge, Limits::default(), stop).await;
}

/// As [`serve`], or without TLS as [`serve_plain`], with limits of one's own.
pub async fn serve_with(
    listener: Listener,
    tls: Option<Arc<rustls::ServerConfig>>,
    edge: Arc<dyn Edge>,
    limits: Limits,
    stop: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let served = Served {
        tls: tls.map(TlsAcceptor::from),
        exchange: Arc::new(Exchange::new(edge, limits)),
        limits,
        stop: stop.clone(),
    };
    let mut accepting = JoinSet::new();
    for socket in listener.into_sockets() {
        accepting.spawn(accept_all(socket, Arc::clone(&connections), served.clone()));
    }
    while accepting.join_next().await.is_some() {}
    let everyone = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.grace, connections.acquire_many(everyone)).await.is_err() {
        tracing::warn!("stopped with requests still in flight: they took longer than the grace time");
    }
}

async fn accept_all(socket: TcpListener, connections: Arc<Semaphore>, served: Served) {
    let mut stop = served.stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            accepted = accept(&socket, &connections) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                // The clients wait for each answer: nothing is gained by holding small segments back.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "TCP_NODELAY was refused");
                }
                let served = served.clone();
                tokio::spawn(async move {
                    connection::run(stream, peer, served).await;
                    drop(permit);
                });
            }
            Err(error) if is_peers_doing(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Ends when the server is to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone can never tell: that is a stop, too.
    drop(stop.wait_for(|stopped| *stopped).await);
}

async fn accept(
    socket: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = socket.accept().await?;
    Ok((stream, peer, permit))
}

fn is_peers_doing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
