//! The spool journal: where accepted messages are made durable (`docs/decisions/0001-spool-journal.md`).
//!
//! Append-only segment files; each frame holds one message with its envelope. One thread writes, and one flush
//! serves every append that waits. The rows about a message follow within milliseconds, in one transaction with
//! the journal's position; what the position has not reached is read again at the next start.

mod checksum;
mod frame;
mod segment;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

pub use frame::{Place, Position};

use crate::StoreError;
use crate::queue::Envelope;
use frame::{HEADER, Header};
use segment::Segments;
use writer::{Inbox, Pending, Writer};

/// Appends that wait at the same time; more wait before they are handed in.
const MAX_WAITING: usize = 4096;

/// How large the journal's files are.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Segments that are kept to be used again.
    pub spares: usize,
    /// Bytes that all files may have together. Beyond it the journal is full.
    pub max_bytes: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { segment_bytes: 64 << 20, spares: 8, max_bytes: u64::MAX }
    }
}

/// Why a message was not written. Nothing of it will be delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No space is left. Temporary.
    #[error("no space is left for the spool")]
    Full,
    /// The journal is closed. Temporary: the server stops.
    #[error("the spool is closed")]
    Closed,
    /// The device failed. Temporary.
    #[error("the spool cannot be written: {0}")]
    Device(String),
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> AppendError {
        match StoreError::from(error) {
            StoreError::Full => AppendError::Full,
            other => AppendError::Device(other.to_string()),
        }
    }
}

/// A message that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its envelope.
    pub envelope: Envelope,
    /// Where it is.
    pub place: Place,
    /// The point of the journal behind it.
    pub end: Position,
}

/// A message read back. Both are slices of one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The envelope as it was written, JSON.
    pub envelope: Bytes,
    /// The message.
    pub message: Bytes,
}

/// The journal. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

struct Inner {
    segments: Arc<Segments>,
    inbox: Inbox,
    waiting: Arc<Semaphore>,
    /// Where the writer will begin; taken when it is started.
    writer: Mutex<Option<Writer>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ledger: Mutex<Ledger>,
    head: Arc<Head>,
}

/// Where the writer is, for those who look on.
#[derive(Default)]
struct Head {
    segment: AtomicU64,
    offset: AtomicU64,
    flush_micros: AtomicU64,
}

/// Which segments are still needed.
#[derive(Default)]
struct Ledger {
    /// Messages without a final outcome, by segment. A count may pass below 0 for a moment, when a message is
    /// delivered before it is counted.
    unfinished: HashMap<u64, i64>,
    indexed: u64,
}

impl Spool {
    /// Opens a journal, makes it where there is none. `indexed` is how far the store's rows go; `replay` is
    /// called for each message behind it, in order, and its error ends the opening. [`Spool::note_unfinished`]
    /// and [`Spool::note_indexed`] come next.
    ///
    /// # Errors
    /// [`StoreError`]: the files cannot be read, or what `replay` answers.
    pub fn open(
        folder: &Path,
        settings: Settings,
        indexed: Position,
        mut replay: impl FnMut(Written) -> Result<(), StoreError>,
    ) -> Result<Spool, StoreError> {
        let segments = Arc::new(Segments::open(folder, settings, indexed.segment)?);
        let mut end = indexed;
        for (sequence, size) in segments.in_use().into_iter().filter(|(n, _)| *n >= indexed.segment) {
            let file = segments.file(sequence)?;
            // What a killed process wrote may be in memory only; rows must never be more durable than frames.
            file.sync_data()?;
            if sequence != end.segment {
                end = Position { segment: sequence, offset: 0, chain: 0 };
            }
            while let Some(found) = frame_after(&file, size, end)? {
                end = found.end;
                replay(found)?;
            }
        }
        let head = Arc::new(Head::default());
        let writer = Writer::at(end, segments.clone(), head.clone())?;
        Ok(Spool(Arc::new(Inner {
            segments,
            inbox: Inbox::default(),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            writer: Mutex::new(Some(writer)),
            thread: Mutex::new(None),
            ledger: Mutex::new(Ledger { unfinished: HashMap::new(), indexed: indexed.segment }),
            head,
        })))
    }

    /// Starts the writer. `committed` is called on its thread with each batch that is on disk, before the batch
    /// is answered; while it waits, nothing is written.
    /// A second call does nothing.
    ///
    /// # Errors
    /// [`StoreError::Engine`] if there can be no more threads.
    pub fn start(&self, committed: impl FnMut(Vec<Written>) + Send + 'static) -> Result<(), StoreError> {
        let Some(writer) = lock(&self.0.writer).take() else { return Ok(()) };
        let inner = self.0.clone();
        let thread = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || writer.run(&inner.inbox, committed))?;
        *lock(&self.0.thread) = Some(thread);
        Ok(())
    }

    /// Lets no more appends in, and returns when those that were let in are answered.
    pub fn stop(&self) {
        self.0.inbox.close();
        let thread = lock(&self.0.thread).take();
        match thread.map(JoinHandle::join) {
            None => self.0.inbox.abandon(),
            Some(Ok(())) => {}
            Some(Err(_)) => tracing::error!("the spool's writer had failed"),
        }
    }

    /// Writes a message. When this returns `Ok`, it is on disk. `message` is its pieces, in order.
    ///
    /// Dropping the future does not take the message back once it was handed in.
    ///
    /// # Errors
    /// [`AppendError`]; the message is then not accepted.
    pub async fn append(&self, envelope: Envelope, message: Vec<Bytes>) -> Result<Place, AppendError> {
        let encoded = envelope.encode();
        if u32::try_from(encoded.len()).is_err() {
            return Err(AppendError::Device("the envelope is too large".to_owned()));
        }
        let size: u64 = message.iter().map(|piece| piece.len() as u64).sum();
        let pieces = std::iter::once(encoded.as_slice()).chain(message.iter().map(|piece| piece.as_ref()));
        let content = frame::content_of(pieces);
        let length = frame::frame_length(encoded.len() as u64, size);
        let permit = self.0.waiting.clone().acquire_owned().await.map_err(|_| AppendError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { envelope, encoded, message, content, length, answer, permit };
        self.0.inbox.put(pending);
        answered.await.map_err(|_| AppendError::Closed)?
    }

    /// Reads a message back and checks it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if there is no whole frame at the place; other errors of the device.
    pub fn read(&self, place: Place) -> Result<Frame, StoreError> {
        let missing = || {
            StoreError::Corrupt(format!("no message at {} of spool segment {}", place.offset, place.segment))
        };
        let file = match self.0.segments.file(place.segment) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            other => other?,
        };
        let (header, _, frame) =
            frame_at(&file, place.segment, place.offset, u64::MAX)?.ok_or_else(missing)?;
        if header.length() == place.length { Ok(frame) } else { Err(missing()) }
    }

    /// Notes how many messages of each segment still need it, when the store's rows have just been read.
    pub fn note_unfinished(&self, counts: impl IntoIterator<Item = (u64, u64)>) {
        let counts = counts.into_iter().map(|(segment, count)| (segment, signed(count)));
        lock(&self.0.ledger).unfinished = counts.collect();
    }

    /// Notes that the store's rows reach to `end`, and how many messages they brought to each segment.
    pub fn note_indexed(&self, end: Position, brought: impl IntoIterator<Item = u64>) {
        let mut ledger = lock(&self.0.ledger);
        for segment in brought {
            *ledger.unfinished.entry(segment).or_default() += 1;
        }
        ledger.indexed = ledger.indexed.max(end.segment);
    }

    /// Notes that messages of these segments need them no more; the store's rows say so durably.
    pub fn note_finished(&self, segments: impl IntoIterator<Item = u64>) {
        let mut ledger = lock(&self.0.ledger);
        for segment in segments {
            *ledger.unfinished.entry(segment).or_default() -= 1;
        }
    }

    /// Frees the segments that no message needs, and has a spare one ready. Called now and then by whoever
    /// indexes; it does nothing most of the time.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is lost, and the next call tries again.
    pub fn tend(&self) -> Result<(), StoreError> {
        let current = self.0.head.segment.load(Ordering::Acquire);
        let free: Vec<u64> = {
            let mut ledger = lock(&self.0.ledger);
            // INVARIANT: below `indexed` every message of a segment has been counted.
            let before = ledger.indexed.min(current);
            let in_use = self.0.segments.in_use();
            let free: Vec<u64> = in_use
                .into_iter()
                .map(|(segment, _)| segment)
                .filter(|segment| *segment < before && ledger.unfinished.get(segment).is_none_or(|n| *n == 0))
                .collect();
            ledger.unfinished.retain(|segment, _| !free.contains(segment));
            free
        };
        for segment in free {
            self.0.segments.retire(segment)?;
        }
        // The first half of a segment is time enough to make the next one; a small queue needs only one.
        let size = self.0.segments.in_use().last().map_or(0, |(_, size)| *size);
        if self.0.head.offset.load(Ordering::Relaxed) > size / 2 {
            self.0.segments.prepare()?;
        }
        Ok(())
    }

    /// How long the last flush took.
    pub fn last_flush(&self) -> Duration {
        Duration::from_micros(self.0.head.flush_micros.load(Ordering::Relaxed))
    }

    /// Bytes that the journal's files have on disk.
    pub fn bytes(&self) -> u64 {
        self.0.segments.bytes()
    }

    /// Changes [`Settings::max_bytes`].
    pub fn limit(&self, max_bytes: u64) {
        self.0.segments.limit(max_bytes);
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("segments", &self.0.segments.in_use()).finish_non_exhaustive()
    }
}

/// The frame that begins at `from`, if a whole one that belongs there does.
fn frame_after(file: &File, size: u64, from: Position) -> Result<Option<Written>, StoreError> {
    let Some((header, check, frame)) = frame_at(file, from.segment, from.offset, size)? else {
        return Ok(None);
    };
    if header.before != from.chain {
        return Ok(None);
    }
    let envelope = Envelope::decode(&frame.envelope)?;
    let place = Place { segment: from.segment, offset: from.offset, length: header.length() };
    let offset = frame::aligned(from.offset + header.length());
    Ok(Some(Written { envelope, place, end: Position { segment: from.segment, offset, chain: check } }))
}

/// The whole frame at an offset, with its header and check.
fn frame_at(
    file: &File,
    segment: u64,
    offset: u64,
    size: u64,
) -> Result<Option<(Header, u64, Frame)>, StoreError> {
    let mut bytes = [0; HEADER];
    if !read_whole(file, &mut bytes, offset)? {
        return Ok(None);
    }
    let Some((header, check)) = Header::decode(&bytes, segment, offset) else { return Ok(None) };
    let length = header.length();
    if offset.saturating_add(length) > size {
        return Ok(None);
    }
    let too_large = |_| StoreError::Corrupt("a frame of the spool is too large for this machine".to_owned());
    let content_length = usize::try_from(length).map_err(too_large)? - HEADER;
    let mut content = vec![0; content_length];
    if !read_whole(file, &mut content, offset + HEADER as u64)?
        || frame::content_of([content.as_slice()]) != header.content
    {
        return Ok(None);
    }
    let mut envelope = Bytes::from(content);
    let at = usize::try_from(header.envelope).map_err(too_large)?;
    let message = envelope.split_off(at.min(envelope.len()));
    Ok(Some((header, check, Frame { envelope, message })))
}

/// Fills the buffer; false if the file ends before.
fn read_whole(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
