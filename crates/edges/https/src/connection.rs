//! One connection, from the TLS handshake to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::Limits;
use crate::deadline::{Deadline, Watched};
use crate::exchange::Exchange;
use crate::listener::stopped;

/// Bytes that the head of a request may have. Tokens and continuation links are long; this holds several.
const MAX_HEAD: usize = 64 * 1024;
/// Header fields that a request may have.
const MAX_FIELDS: usize = 128;

/// What the connections of a listener share.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) limits: Limits,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Serves one connection until either side ends it.
pub(crate) async fn run(stream: TcpStream, peer: SocketAddr, served: Served) {
    let Some(tls) = served.tls.clone() else {
        return speak(stream, peer, served).await;
    };
    let mut stop = served.stop.clone();
    let handshake = tokio::time::timeout(served.limits.handshake, tls.accept(stream));
    tokio::select! {
        () = stopped(&mut stop) => {}
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => speak(stream, peer, served).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        },
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(stream: S, peer: SocketAddr, served: Served) {
    let Served { exchange, limits, mut stop, .. } = served;
    let deadline = Deadline::new(&limits);
    let watched = TokioIo::new(Watched { stream, deadline: deadline.clone() });
    let service = service_fn(|request| {
        let exchange = Arc::clone(&exchange);
        let deadline = deadline.clone();
        async move { exchange.answer(request, peer, &deadline).await }
    });
    let connection = http1::Builder::new()
        // The deadline covers it, and tells a head that is being sent from a connection at rest.
        .header_read_timeout(None)
        .max_headers(MAX_FIELDS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(watched, service);
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "the connection ended early");
                }
                return;
            }
            () = deadline.passed() => {
                tracing::debug!(%peer, "the connection was closed: the peer took too long");
                return;
            }
            () = stopped(&mut stop), if !stopping => {
                if deadline.is_fresh() {
                    return;
                }
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
