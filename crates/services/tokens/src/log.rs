//! The log of sign-ins, and the thread that writes it.
//!
//! Signing in never waits for the log: rows go through a bounded channel to a thread that writes many in one
//! transaction, equal ones as one row. The same thread does what is due from time to time: purging, and the
//! rotation of keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_store::sessions_log::{SignInRow, insert_sign_in};
use gatepost_store::{Store, StoreError};

use crate::upkeep::Upkeep;

/// Rows that may wait.
const CAPACITY: usize = 8192;
/// Failures that may wait: they leave room for what succeeds, whoever sends how many.
const FAILURES: usize = CAPACITY / 2;
/// Different rows that are written at once.
const BATCH: usize = 2048;
/// How long rows are gathered before they are written.
const GATHER: Duration = Duration::from_millis(250);
/// How often the upkeep runs.
const UPKEEP: Duration = Duration::from_secs(60);

enum Message {
    Row(Box<SignInRow>),
    /// Write everything now, then answer.
    Flush(SyncSender<()>),
}

/// Where rows of the log go to.
pub(crate) struct SignInLog {
    sender: Mutex<Option<SyncSender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: Arc<AtomicU64>,
    /// Failures that wait.
    failures: Arc<AtomicUsize>,
}

impl SignInLog {
    /// Starts the thread.
    pub(crate) fn start(upkeep: Upkeep) -> Result<SignInLog, StoreError> {
        let (sender, receiver) = sync_channel(CAPACITY);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let failures = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&failures);
        let thread = std::thread::Builder::new()
            .name("sign-in-log".to_owned())
            .spawn(move || run(&receiver, &upkeep, &counted, &waiting))
            .map_err(|error| StoreError::Engine(format!("the thread of the sign-in log: {error}")))?;
        Ok(SignInLog { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), lost, failures })
    }

    /// Adds a row. Where the log cannot keep up, the row is counted and lost: sign-in goes on.
    pub(crate) fn add(&self, row: SignInRow) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref() else { return };
        let is_failure = row.code != 0;
        // The lock is held, so that only the thread changes the number meanwhile, and only downwards.
        if is_failure && self.failures.load(Ordering::Acquire) >= FAILURES {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if is_failure {
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
        if let Err(TrySendError::Full(_)) = sender.try_send(Message::Row(Box::new(row))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            if is_failure {
                self.failures.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    /// Returns when all rows that were added before are in the store.
    pub(crate) fn flush(&self) {
        let (answer, written) = sync_channel(1);
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if sender.is_some_and(|sender| sender.send(Message::Flush(answer)).is_ok()) {
            // An error means that the thread is gone, and with it the wait.
            let _ = written.recv();
        }
    }
}

impl Drop for SignInLog {
    fn drop(&mut self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

fn run(receiver: &Receiver<Message>, upkeep: &Upkeep, lost: &AtomicU64, failures: &AtomicUsize) {
    let mut next_upkeep = Instant::now() + UPKEEP;
    loop {
        let mut batch = Batch::default();
        match receiver.recv_timeout(next_upkeep.saturating_duration_since(Instant::now())) {
            Ok(message) => batch.take(message, failures),
            Err(RecvTimeoutError::Timeout) => {
                upkeep.run();
                next_upkeep = Instant::now() + UPKEEP;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let until = Instant::now() + GATHER;
        while !batch.is_due() {
            match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => batch.take(message, failures),
                Err(_) => break,
            }
        }
        batch.write(&upkeep.store);
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "the sign-in log could not keep up: rows are missing");
        }
    }
}

/// What equal rows have in common.
type Alike =
    (TenantId, String, Option<ObjectId>, Option<ApplicationId>, Option<ApplicationId>, Option<String>, u32);

/// Rows that are written together.
#[derive(Default)]
struct Batch {
    rows: Vec<SignInRow>,
    alike: HashMap<Alike, usize>,
    flushed: Vec<SyncSender<()>>,
}

impl Batch {
    fn take(&mut self, message: Message, failures: &AtomicUsize) {
        match message {
            Message::Flush(answer) => self.flushed.push(answer),
            Message::Row(row) => {
                if row.code != 0 {
                    failures.fetch_sub(1, Ordering::AcqRel);
                }
                self.add(*row);
            }
        }
    }

    /// Failures, and what applications do by themselves, come in floods: equal ones become one row. Of applications
    /// that nobody registered, all are equal: who sends them can make them differ at will.
    fn add(&mut self, mut row: SignInRow) {
        if row.code == 0 && row.kind != "servicePrincipal" {
            self.rows.push(row);
            return;
        }
        if row.code != 0 && row.app_id.is_none() {
            (row.user, row.login, row.user_name) = (None, None, None);
            (row.resource_id, row.resource_name, row.address) = (None, None, None);
        }
        let login = row.login.clone().unwrap_or_default();
        let alike = (row.tenant, login, row.user, row.app_id, row.resource_id, row.address.clone(), row.code);
        match self.alike.get(&alike).and_then(|at| self.rows.get_mut(*at)) {
            Some(first) => first.times += row.times,
            None => {
                self.alike.insert(alike, self.rows.len());
                self.rows.push(row);
            }
        }
    }

    fn is_due(&self) -> bool {
        !self.flushed.is_empty() || self.rows.len() >= BATCH
    }

    fn write(self, store: &Store) {
        let written = store.write_queue(|tx| self.rows.iter().try_for_each(|row| insert_sign_in(tx, row)));
        if let Err(error) = written {
            tracing::error!(%error, rows = self.rows.len(), "the sign-in log could not be written");
        }
        for answer in self.flushed {
            let _ = answer.send(());
        }
    }
}
