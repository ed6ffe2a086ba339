//! Reading more from a socket at once than its reader asks for.
//!
//! rustls reads 4 KiB at a time. A message is often larger, and each read is a system call; so as much as there
//! is gets read into a buffer that all connections of a thread share, and only what the reader does not take is
//! kept with the connection. An idle connection keeps nothing.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Octets of the buffer that a thread's connections share.
const AT_ONCE: usize = 64 * 1024;

thread_local! {
    // Zeroed pages, so that the system gives memory only for what is used.
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; AT_ONCE]);
}

/// A socket and what was read from it too early.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    socket: TcpStream,
    ahead: Vec<u8>,
    taken: usize,
}

impl ReadAhead {
    pub(crate) fn new(socket: TcpStream) -> ReadAhead {
        ReadAhead { socket, ahead: Vec::new(), taken: 0 }
    }

    fn take_ahead(&mut self, buffer: &mut ReadBuf<'_>) {
        let left = self.ahead.get(self.taken..).unwrap_or_default();
        let wanted = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..wanted).unwrap_or_default());
        self.taken += wanted;
        if self.taken >= self.ahead.len() {
            self.ahead = Vec::new();
            self.taken = 0;
        }
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.ahead.is_empty() {
            this.take_ahead(buffer);
            return Poll::Ready(Ok(()));
        }
        if buffer.remaining() >= AT_ONCE {
            return Pin::new(&mut this.socket).poll_read(context, buffer);
        }
        SHARED.with_borrow_mut(|shared| {
            let mut read = ReadBuf::new(shared);
            ready!(Pin::new(&mut this.socket).poll_read(context, &mut read))?;
            let filled = read.filled();
            let (now, later) = filled.split_at(filled.len().min(buffer.remaining()));
            buffer.put_slice(now);
            this.ahead.extend_from_slice(later);
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
