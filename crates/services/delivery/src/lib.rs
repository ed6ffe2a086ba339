//! Accepting messages, keeping them, and delivering them.
//!
//! [`Delivery::accept`] answers when a message is durable in the spool journal. From there it goes through the
//! queue's rows (`index`) to whoever delivers; today that is `capture`, which puts messages into a Maildir.
//! A crash may deliver a message twice, and never loses one that was accepted. Called by `submission`, and by
//! the edges that show and operate the queue.

mod capture;
mod counters;
mod index;
mod maildir;
mod operate;
mod retry;
mod submission;
mod wake;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gatepost_clock::Clock;
use gatepost_names::MessageId;
use gatepost_store::queue::{self, Envelope};
use gatepost_store::spool::{self, Spool};
use gatepost_store::{Store, StoreError};
use uuid::Uuid;

pub use counters::{Counted, Counters};
pub use gatepost_store::queue::{
    Event, EventKind, Filter, MessageTrace, RecipientState, RecipientTrace, Summary,
};
pub use maildir::Maildir;
pub use retry::next_attempt;
pub use submission::{AcceptError, Content, Submission};

use wake::Wake;

/// How messages are kept and delivered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Maildir that captured messages go to; made where there is none.
    pub mailbox: PathBuf,
    /// The folder of the spool journal; made where there is none.
    pub spool: PathBuf,
    /// Whether the queue begins held: messages are accepted and none is delivered.
    pub hold: bool,
    /// The journal's sizes.
    pub journal: spool::Settings,
    /// How long the trace of a message is kept after the message was finished.
    pub trace_retention: Duration,
    /// What may wait for its rows before the journal's writer waits too: each message counts one, and each of
    /// its recipients.
    pub max_behind: usize,
}

impl Settings {
    /// The usual settings on a data folder: `mailbox/` and `spool/` in it.
    pub fn in_folder(data: &Path) -> Settings {
        Settings {
            mailbox: data.join("mailbox"),
            spool: data.join("spool"),
            hold: false,
            journal: spool::Settings::default(),
            trace_retention: Duration::from_secs(30 * 24 * 3600),
            max_behind: 65_536,
        }
    }
}

/// The delivery service. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    settings: Settings,
    spool: Spool,
    maildir: Maildir,
    counters: Counters,
    /// This process, as the holder of leases.
    owner: Uuid,
    held: AtomicBool,
    behind: index::Behind,
    /// Rung when there may be something to deliver, or to stop for.
    work: Wake,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    stopped: bool,
    indexer: Option<JoinHandle<()>>,
    capture: Option<JoinHandle<()>>,
}

impl Delivery {
    /// Opens the queue and reads from the journal what the store has not seen yet. Nothing runs before
    /// [`Delivery::start`]. Only one process may have a data folder open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Store, clock: Clock, settings: Settings) -> Result<Delivery, StoreError> {
        let maildir = Maildir::open(&settings.mailbox)?;
        let owner = Uuid::new_v4();
        let spool = index::open_spool(&store, &settings)?;
        store.write_queue(|tx| queue::release_leases(tx, owner, clock.micros()))?;
        let depth: u64 = store.read(queue::depth)?.iter().map(|(_, count)| *count).sum();
        let counters = Counters::default();
        counters.queued(i64::try_from(depth).unwrap_or(i64::MAX));
        Ok(Delivery(Arc::new(Inner {
            held: AtomicBool::new(settings.hold),
            behind: index::Behind::new(settings.max_behind),
            work: Wake::default(),
            threads: Mutex::new(Threads::default()),
            store,
            clock,
            settings,
            spool,
            maildir,
            counters,
            owner,
        })))
    }

    /// Starts the threads that write the journal, keep the rows and deliver. A second call does nothing.
    ///
    /// # Errors
    /// [`StoreError::Engine`] if there can be no more threads.
    pub fn start(&self) -> Result<(), StoreError> {
        let mut threads = self.threads();
        if threads.stopped || threads.indexer.is_some() {
            return Ok(());
        }
        let inner = self.0.clone();
        self.0.spool.start(move |written| inner.take_over(written))?;
        threads.indexer = Some(spawn("queue-index", self.0.clone(), |inner| inner.keep_rows())?);
        threads.capture = Some(spawn("capture", self.0.clone(), |inner| inner.keep_delivering())?);
        Ok(())
    }

    /// Stops: new messages are refused, those that are being accepted are answered, their rows are written, and
    /// what is due is delivered as far as that takes seconds. What remains is delivered after the next start.
    pub fn stop(&self) {
        let (indexer, capture) = {
            let mut threads = self.threads();
            threads.stopped = true;
            (threads.indexer.take(), threads.capture.take())
        };
        self.0.spool.stop();
        self.0.behind.close();
        join(indexer);
        self.0.work.close();
        join(capture);
    }

    /// A new id. Ids sort by time, and each is given once.
    pub fn new_id(&self) -> MessageId {
        let millis = u64::try_from(self.0.clock.now().as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        if getrandom::fill(&mut random).is_err() {
            // Practically impossible on Linux; the other source of the same crate family is no worse.
            return MessageId(Uuid::now_v7());
        }
        MessageId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Accepts a message. When this returns `Ok`, envelope and message are on disk and will be delivered. One
    /// disk flush serves all callers that wait at the same time.
    ///
    /// # Errors
    /// [`AcceptError`]: the message will not be delivered, and the client may try again.
    pub async fn accept(&self, submission: Submission) -> Result<MessageId, AcceptError> {
        if self.0.behind.is_stuck() {
            return Err(AcceptError::Full);
        }
        let id = submission.id;
        let message = submission.message.into_pieces();
        let envelope = Envelope {
            id,
            accepted_at: self.0.clock.micros(),
            service: submission.service.to_string(),
            app_id: submission.app_id,
            object_id: submission.object_id,
            username: submission.username,
            reverse_path: submission.reverse_path.map(|address| address.to_string()),
            recipients: submission.recipients.iter().map(ToString::to_string).collect(),
            internet_message_id: submission.internet_message_id,
            client: submission.client.to_string(),
            size: message.iter().map(|piece| piece.len() as u64).sum(),
        };
        self.0.spool.append(envelope, message).await?;
        Ok(id)
    }

    /// Holds the whole queue, or lets it go on. Messages are accepted all the same.
    pub fn hold_queue(&self, held: bool) {
        self.0.held.store(held, Ordering::Release);
        self.0.work.ring();
    }

    /// Whether the whole queue is held.
    pub fn is_held(&self) -> bool {
        self.0.held.load(Ordering::Acquire)
    }

    /// What was counted since the start.
    pub fn counted(&self) -> Counted {
        self.0.counters.read(self.0.spool.last_flush(), self.0.spool.bytes(), self.0.behind.len() as u64)
    }

    /// The journal, for tests and operators who limit its size.
    pub fn spool(&self) -> &Spool {
        &self.0.spool
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Threads> {
        self.0.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

fn spawn(name: &str, inner: Arc<Inner>, work: fn(&Inner)) -> Result<JoinHandle<()>, StoreError> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&inner))?)
}

fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread
        && thread.join().is_err()
    {
        tracing::error!("a thread of the delivery service had failed");
    }
}
