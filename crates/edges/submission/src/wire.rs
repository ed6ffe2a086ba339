//! A connection's bytes, in plain text or under TLS.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use rustls::ProtocolVersion;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::read_ahead::ReadAhead;

/// Octets that one read takes at most.
const AT_ONCE: usize = 64 * 1024;

thread_local! {
    // One buffer for all connections of a thread: an idle connection has none.
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; AT_ONCE]);
}

/// What a connection's bytes go over.
pub(crate) enum Wire {
    /// In plain text.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<ReadAhead>>),
    /// After a handshake that failed.
    Gone,
}

impl Wire {
    /// Does the server's part of a TLS handshake. On failure the connection is gone.
    pub(crate) async fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let Wire::Plain(socket) = std::mem::replace(self, Wire::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let stream = TlsAcceptor::from(config).accept(ReadAhead::new(socket)).await?;
        *self = Wire::Tls(Box::new(stream));
        Ok(())
    }

    /// The version of TLS, as Received fields name it.
    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        match self {
            Wire::Tls(stream) => Some(match stream.get_ref().1.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLS1.2",
                _ => "TLS1.3",
            }),
            Wire::Plain(_) | Wire::Gone => None,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut (dyn Stream + '_)>> {
        match self {
            Wire::Plain(socket) => Ok(Pin::new(socket)),
            Wire::Tls(stream) => Ok(Pin::new(&mut **stream)),
            Wire::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Appends to `into` what there is; 0 at the end. Takes no memory while there is nothing.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        read_once(&mut self.stream()?, into).await
    }

    /// Writes all of it, and all of it goes out.
    pub(crate) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut stream = self.stream()?;
        stream.write_all(octets).await?;
        stream.flush().await
    }

    /// Says that nothing more will be written, under TLS by its own alert too.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.stream()?.shutdown().await
    }

    /// Reads and throws away up to `limit` octets, to the end: closing a socket with unread octets would reset
    /// it and take the last reply from the client.
    pub(crate) async fn drain(&mut self, mut limit: usize) -> io::Result<()> {
        let mut thrown_away = Vec::new();
        while limit > 0 {
            let count = match self {
                // What comes under TLS is not even decrypted.
                Wire::Tls(stream) => read_once(&mut Pin::new(stream.get_mut().0), &mut thrown_away).await?,
                Wire::Plain(_) => self.read(&mut thrown_away).await?,
                Wire::Gone => 0,
            };
            if count == 0 {
                break;
            }
            limit = limit.saturating_sub(count);
            thrown_away.clear();
        }
        Ok(())
    }
}

async fn read_once<S: AsyncRead + ?Sized>(stream: &mut Pin<&mut S>, into: &mut Vec<u8>) -> io::Result<usize> {
    poll_fn(|context| {
        SHARED.with_borrow_mut(|shared| {
            let mut buffer = ReadBuf::new(shared);
            ready!(stream.as_mut().poll_read(context, &mut buffer))?;
            into.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
