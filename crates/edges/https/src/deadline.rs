//! Until when a peer must have finished what it is doing.
//!
//! Each connection is in one phase at a time and each phase has one deadline, which nothing that the peer sends
//! moves. The watch over it is one future per connection ([`Deadline::passed`]).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Limits;

/// What the peer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has connected and sent nothing yet.
    Fresh,
    /// It has its answers, and may read them or send the next request.
    Idle,
    /// It is sending the head of a request.
    Head,
    /// It waits for us, or is sending a body, which has its own deadline.
    Served,
}

/// The phase of one connection and its deadline. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    state: Arc<watch::Sender<(Phase, Option<Instant>)>>,
    head: Duration,
    idle: Duration,
}

impl Deadline {
    /// A peer that has just connected: it has the time of one head to begin.
    pub(crate) fn new(limits: &Limits) -> Deadline {
        let fresh = (Phase::Fresh, Some(Instant::now() + limits.head));
        Deadline { state: Arc::new(watch::Sender::new(fresh)), head: limits.head, idle: limits.idle }
    }

    /// A request's head is complete: the peer waits for us now.
    pub(crate) fn served(&self) {
        self.state.send_replace((Phase::Served, None));
    }

    /// The answer is on its way; `transfer` is how long its bytes may take.
    pub(crate) fn answered(&self, transfer: Duration) {
        self.state.send_replace((Phase::Idle, Some(Instant::now() + self.idle + transfer)));
    }

    fn bytes_came(&self) {
        let head_ends = Instant::now() + self.head;
        self.state.send_if_modified(|state| {
            let begins = matches!(state.0, Phase::Fresh | Phase::Idle);
            if begins {
                *state = (Phase::Head, Some(head_ends));
            }
            begins
        });
    }

    /// Whether the peer never sent anything.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state.borrow().0 == Phase::Fresh
    }

    /// Ends when a deadline has passed.
    pub(crate) async fn passed(&self) {
        let mut state = self.state.subscribe();
        loop {
            let until = state.borrow_and_update().1;
            let expired = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = expired => return,
                changed = state.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// A stream that tells the deadline when bytes come.
pub(crate) struct Watched<S> {
    pub(crate) stream: S,
    pub(crate) deadline: Deadline,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() && buf.filled().len() > before {
            self.deadline.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
