//! Keeping the queue's rows behind the journal: messages that are durable get their rows in batches, one
//! transaction each, a few milliseconds after they were answered.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_store::queue::{self, Sources};
use gatepost_store::spool::{Spool, Written};
use gatepost_store::{Store, StoreError};

use crate::{Inner, Settings};

/// Messages that one transaction covers at most.
const BATCH: usize = 1000;
/// Time between two transactions while messages keep coming: each costs a flush, whatever it holds.
const PACE: Duration = Duration::from_millis(5);
/// Messages for which a transaction is worth its flush before that.
const WORTHWHILE: usize = 500;
/// Time before a transaction that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Messages that are durable and have no rows yet, in the journal's order.
pub(crate) struct Behind {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
    failing: AtomicBool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Written>,
    closed: bool,
    indexer_sleeps: bool,
    writer_sleeps: bool,
}

impl Behind {
    pub(crate) fn new(capacity: usize) -> Behind {
        Behind {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            capacity,
            failing: AtomicBool::new(false),
        }
    }

    /// Hands a batch over, on the journal's thread. It waits while too many are behind, so that those who hand
    /// messages in wait too; but not for a store that fails, since they would wait for long.
    pub(crate) fn put(&self, written: Vec<Written>) {
        let mut state = self.lock();
        while state.waiting.len() >= self.capacity && !self.failing.load(Ordering::Acquire) && !state.closed {
            state.writer_sleeps = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.extend(written);
        let enough = state.indexer_sleeps;
        state.indexer_sleeps = false;
        drop(state);
        if enough {
            self.changed.notify_all();
        }
    }

    /// Nothing more will come. The indexer finishes what is there.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether the store fails and too much is behind to accept more.
    pub(crate) fn is_stuck(&self) -> bool {
        self.failing.load(Ordering::Acquire) && self.len() >= self.capacity / 4
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// The next batch; waits for one. `None` when nothing will come.
    fn take(&self, last: Option<Instant>) -> Option<Vec<Written>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.indexer_sleeps = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let not_before = last.map(|last| last + PACE);
        while let Some(left) = not_before.and_then(|at| at.checked_duration_since(Instant::now()))
            && !left.is_zero()
            && !state.closed
            && state.waiting.len() < WORTHWHILE
        {
            // Not woken by each batch that comes meanwhile: it sleeps the time out.
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let count = state.waiting.len().min(BATCH);
        let batch = state.waiting.drain(..count).collect();
        if std::mem::take(&mut state.writer_sleeps) {
            self.changed.notify_all();
        }
        Some(batch)
    }

    /// Waits before another try; false if it is time to stop.
    fn pause(&self) -> bool {
        self.failing.store(true, Ordering::Release);
        self.changed.notify_all();
        let state = self.lock();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, RETRY, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes over what is durable, on the journal's thread: from here on it is in the queue.
    pub(crate) fn take_over(&self, written: Vec<Written>) {
        let recipients: usize = written.iter().map(|written| written.envelope.recipients.len()).sum();
        self.counters.accepted(written.len() as u64);
        self.counters.queued(i64::try_from(recipients).unwrap_or(i64::MAX));
        self.behind.put(written);
    }

    /// The indexer's thread.
    pub(crate) fn keep_rows(&self) {
        let mut sources = Sources::default();
        let mut last = None;
        while let Some(batch) = self.behind.take(last) {
            while let Err(error) = write_rows(&self.store, &mut sources, &batch) {
                sources.forget();
                tracing::error!(%error, messages = batch.len(), "the queue's rows cannot be written");
                if !self.behind.pause() {
                    // The journal has them; the next start reads them from there.
                    return;
                }
            }
            self.behind.failing.store(false, Ordering::Release);
            last = Some(Instant::now());
            if let Some(newest) = batch.last() {
                self.spool.note_indexed(newest.end, batch.iter().map(|written| written.place.segment));
            }
            self.work.ring();
            self.tend_spool();
        }
    }

    /// Frees what the spool needs no longer.
    pub(crate) fn tend_spool(&self) {
        if let Err(error) = self.spool.tend() {
            tracing::warn!(%error, "a segment of the spool cannot be prepared or freed now");
        }
    }
}

/// Opens the journal and gives what the store has not seen its rows.
pub(crate) fn open_spool(store: &Store, settings: &Settings) -> Result<Spool, StoreError> {
    let indexed = store.read(queue::indexed)?;
    let mut sources = Sources::default();
    let mut batch = Vec::new();
    let mut end = indexed;
    let spool = Spool::open(&settings.spool, settings.journal, indexed, |written| {
        end = written.end;
        batch.push(written);
        if batch.len() == BATCH {
            write_rows(store, &mut sources, &batch)?;
            batch.clear();
        }
        Ok(())
    })?;
    write_rows(store, &mut sources, &batch)?;
    spool.note_unfinished(store.read(queue::unfinished_by_segment)?);
    spool.note_indexed(end, []);
    Ok(spool)
}

fn write_rows(store: &Store, sources: &mut Sources, batch: &[Written]) -> Result<(), StoreError> {
    let Some(newest) = batch.last() else { return Ok(()) };
    store.write_queue(|tx| {
        for written in batch {
            queue::index(tx, sources, written)?;
        }
        queue::set_indexed(tx, newest.end)
    })
}
