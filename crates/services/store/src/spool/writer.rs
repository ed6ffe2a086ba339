//! The one thread that writes the journal: it takes every append that waits, writes them in one go, flushes
//! once, and only then answers them (group commit). While it flushes, the next ones gather.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::frame::{self, HEADER, Header, Place, Position};
use super::segment::Segments;
use super::{AppendError, Head, Written};
use crate::queue::Envelope;

/// Bytes that one flush covers at most; a larger message goes alone.
const BATCH_BYTES: u64 = 16 << 20;
/// Messages that one flush covers at most.
const BATCH_MESSAGES: usize = 1024;
/// How long a flush waits for as many appends as the last one served.
const GATHER: Duration = Duration::from_micros(200);
/// Slices that one call may write (`IOV_MAX`).
const MAX_SLICES: usize = 1024;
const PAGE: u64 = 4096;
static ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];

/// An append that waits for its flush.
pub(super) struct Pending {
    pub(super) envelope: Envelope,
    pub(super) encoded: Vec<u8>,
    pub(super) message: Vec<Bytes>,
    pub(super) content: u64,
    /// Of the frame.
    pub(super) length: u64,
    pub(super) answer: oneshot::Sender<Result<Place, AppendError>>,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Appends on their way to the writer.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<InboxState>,
    arrived: Condvar,
}

#[derive(Default)]
struct InboxState {
    waiting: VecDeque<Pending>,
    closed: bool,
    /// How many must wait for the writer to be woken; 0 while it is awake.
    wake_at: usize,
}

impl Inbox {
    /// Hands an append in; once the journal is closed it is dropped, which tells whoever waits for it.
    pub(super) fn put(&self, pending: Pending) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.waiting.push_back(pending);
        if state.wake_at > 0 && state.waiting.len() >= state.wake_at {
            state.wake_at = 0;
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Lets no more appends in. The writer finishes those that are there.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Closes, and refuses those that still wait. For a writer that is not there, or no more.
    pub(super) fn abandon(&self) {
        self.close();
        self.lock().waiting.clear();
    }

    /// All that wait; waits for some. Empty when the journal is closed.
    ///
    /// Those who were answered by the last flush come back after a moment, one by one. So it gives `expected` of
    /// them that moment: a flush costs the same for one as for all.
    fn take(&self, expected: usize) -> VecDeque<Pending> {
        let mut state = self.lock();
        if expected > 1 && state.waiting.len() < expected && !state.closed {
            state.wake_at = expected;
            let (woken, _) = self
                .arrived
                .wait_timeout_while(state, GATHER, |state| state.wake_at > 0 && !state.closed)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
        }
        while state.waiting.is_empty() && !state.closed {
            state.wake_at = 1;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.wake_at = 0;
        std::mem::take(&mut state.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However the writer ends, nobody waits for it any longer.
struct AbandonOnDrop<'a>(&'a Inbox);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The segment that is being written.
struct Current {
    sequence: u64,
    file: Arc<File>,
    size: u64,
    offset: u64,
    chain: u64,
}

/// The writer's own state.
pub(super) struct Writer {
    segments: Arc<Segments>,
    current: Option<Current>,
    head: Arc<Head>,
}

impl Writer {
    /// A writer that goes on at `end`; in a new segment if `end` is in none.
    pub(super) fn at(end: Position, segments: Arc<Segments>, head: Arc<Head>) -> io::Result<Writer> {
        let size = segments.in_use().into_iter().find(|(number, _)| *number == end.segment);
        let current = match size {
            None => None,
            Some((sequence, size)) => {
                let file = segments.file(sequence)?;
                Some(Current { sequence, file, size, offset: end.offset, chain: end.chain })
            }
        };
        head.segment.store(end.segment, Ordering::Release);
        head.offset.store(end.offset, Ordering::Relaxed);
        Ok(Writer { segments, current, head })
    }

    /// Serves the inbox until it is closed and empty.
    pub(super) fn run(mut self, inbox: &Inbox, mut committed: impl FnMut(Vec<Written>)) {
        let _refuse_at_end = AbandonOnDrop(inbox);
        let mut expected = 0;
        loop {
            let mut waiting = inbox.take(expected);
            if waiting.is_empty() {
                return;
            }
            while !waiting.is_empty() {
                let batch = self.cut(&mut waiting);
                expected = batch.len();
                self.commit(batch, &mut committed);
            }
        }
    }

    /// Takes from the front what goes into one flush. INVARIANT: a batch lies in one segment, so that what
    /// stands in a later segment was written after this one was flushed.
    fn cut(&mut self, waiting: &mut VecDeque<Pending>) -> Vec<Pending> {
        let room = self.current.as_ref().map_or(0, |current| current.size.saturating_sub(current.offset));
        let first = waiting.front().map_or(0, |pending| frame::aligned(pending.length));
        // What does not fit into this segment begins a new one, whose size is not known yet.
        let room = if first > room { self.segments.segment_bytes().max(first) } else { room };
        let limit = room.min(BATCH_BYTES.max(first));
        let mut batch = Vec::with_capacity(waiting.len().min(BATCH_MESSAGES));
        let mut bytes = 0;
        while let Some(next) = waiting.front() {
            let length = frame::aligned(next.length);
            if batch.len() == BATCH_MESSAGES || bytes + length > limit {
                break;
            }
            bytes += length;
            batch.extend(waiting.pop_front());
        }
        batch
    }

    /// Writes and flushes a batch, hands it on, and answers it.
    fn commit(&mut self, batch: Vec<Pending>, committed: &mut impl FnMut(Vec<Written>)) {
        match self.try_commit(&batch) {
            Ok(places) => {
                let mut written = Vec::with_capacity(batch.len());
                let mut answers = Vec::with_capacity(batch.len());
                for (pending, (place, end)) in batch.into_iter().zip(places) {
                    written.push(Written { envelope: pending.envelope, place, end });
                    answers.push((pending.answer, place, pending.permit));
                }
                committed(written);
                for (answer, place, permit) in answers {
                    // The client may be gone; the message is accepted all the same.
                    let _ = answer.send(Ok(place));
                    drop(permit);
                }
            }
            Err(error) => {
                let refusal = AppendError::from(error);
                tracing::error!(%refusal, messages = batch.len(), "messages could not be written");
                for pending in batch {
                    let _ = pending.answer.send(Err(refusal.clone()));
                }
            }
        }
    }

    fn try_commit(&mut self, batch: &[Pending]) -> io::Result<Vec<(Place, Position)>> {
        let bytes: u64 = batch.iter().map(|pending| frame::aligned(pending.length)).sum();
        if self.current.as_ref().is_none_or(|current| current.size.saturating_sub(current.offset) < bytes) {
            let (sequence, file, size) = self.segments.next(bytes)?;
            self.head.segment.store(sequence, Ordering::Release);
            self.current = Some(Current { sequence, file, size, offset: 0, chain: 0 });
        }
        let Some(current) = self.current.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        let (headers, places) = lay_out(current, batch);
        let written = write_frames(current, batch, &headers, bytes).and_then(|()| {
            let begun = Instant::now();
            current.file.sync_data()?;
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.head.flush_micros.store(micros, Ordering::Relaxed);
            Ok(())
        });
        match (written, places.last()) {
            (Ok(()), Some((_, end))) => {
                (current.offset, current.chain) = (end.offset, end.chain);
                self.head.offset.store(end.offset, Ordering::Relaxed);
                Ok(places)
            }
            (Ok(()), None) => Ok(places),
            (Err(error), _) => {
                // After a failed write or flush nobody can say what is on disk. The journal goes on in another
                // segment; this one keeps what was acknowledged and, if it can be done, ends there.
                let _ = current.file.write_all_at(&[0; HEADER], current.offset);
                let _ = current.file.sync_data();
                self.current = None;
                Err(error)
            }
        }
    }
}

/// The frames' headers, and where each frame will be and end.
fn lay_out(current: &Current, batch: &[Pending]) -> (Vec<[u8; HEADER]>, Vec<(Place, Position)>) {
    let segment = current.sequence;
    let (mut offset, mut chain) = (current.offset, current.chain);
    let mut headers = Vec::with_capacity(batch.len());
    let mut places = Vec::with_capacity(batch.len());
    for pending in batch {
        let header = Header {
            envelope: u32::try_from(pending.encoded.len()).unwrap_or(u32::MAX),
            message: pending.message.iter().map(|piece| piece.len() as u64).sum(),
            before: chain,
            content: pending.content,
        };
        let place = Place { segment, offset, length: pending.length };
        let (bytes, check) = header.encode(segment, offset);
        offset = frame::aligned(offset + pending.length);
        chain = check;
        headers.push(bytes);
        places.push((place, Position { segment, offset, chain }));
    }
    (headers, places)
}

/// Writes the frames one after the other, and zeros up to the end of the page: so the next batch finds its
/// first page in memory, and never makes the kernel read one from a segment that is used again.
fn write_frames(
    current: &Current,
    batch: &[Pending],
    headers: &[[u8; HEADER]],
    bytes: u64,
) -> io::Result<()> {
    let zeros = |count: u64| ZEROS.get(..usize::try_from(count).unwrap_or(0)).unwrap_or_default();
    let mut slices = Vec::with_capacity(batch.len() * 6 + 1);
    for (pending, header) in batch.iter().zip(headers) {
        slices.push(IoSlice::new(header));
        slices.push(IoSlice::new(&pending.encoded));
        slices.extend(pending.message.iter().map(|piece| IoSlice::new(piece)));
        slices.push(IoSlice::new(zeros(frame::aligned(pending.length) - pending.length)));
    }
    let end = current.offset + bytes;
    let page_end = end.next_multiple_of(PAGE).min(current.size);
    slices.push(IoSlice::new(zeros(page_end.saturating_sub(end))));
    slices.retain(|slice| !slice.is_empty());
    let mut rest = slices.as_mut_slice();
    let mut offset = current.offset;
    while !rest.is_empty() {
        let now = rest.get(..rest.len().min(MAX_SLICES)).unwrap_or_default();
        let count = match rustix::io::pwritev(&current.file, now, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => count,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        offset += count as u64;
        IoSlice::advance_slices(&mut rest, count);
    }
    Ok(())
}
