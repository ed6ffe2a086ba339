//! Keeping the queue's rows behind the journal: messages that are durable get their rows in batches, one
//! transaction each, a few milliseconds after they were answered.
//!
//! Limits are weights, not messages: a message counts one, and each of its recipients, as its rows do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_store::queue::{self, Sources};
use gatepost_store::spool::{Spool, Written};
use gatepost_store::{Store, StoreError};

use crate::{Inner, Settings};

/// Weight with which a transaction is full; the message that brings it there belongs to it.
const BATCH: usize = 2000;
/// Time between two transactions while messages keep coming: each costs a flush, whatever it holds.
const PACE: Duration = Duration::from_millis(50);
/// Weight for which a transaction is worth its flush before that.
const WORTHWHILE: usize = 1000;
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
    /// Of all that wait.
    weight: usize,
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
        let weight: usize = written.iter().map(weight_of).sum();
        let mut state = self.lock();
        while state.weight >= self.capacity && !self.failing.load(Ordering::Acquire) && !state.closed {
            state.writer_sleeps = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.extend(written);
        state.weight = state.weight.saturating_add(weight);
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
        self.failing.load(Ordering::Acquire) && self.lock().weight >= self.capacity / 4
    }

    /// How many messages are behind.
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
            && state.weight < WORTHWHILE
        {
            // Not woken by each batch that comes meanwhile: it sleeps the time out.
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut batch = Vec::with_capacity(state.waiting.len().min(BATCH / 2));
        let mut weight = 0;
        while weight < BATCH
            && let Some(next) = state.waiting.pop_front()
        {
            weight += weight_of(&next);
            batch.push(next);
        }
        state.weight = state.weight.saturating_sub(weight);
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
    let mut weight = 0;
    let mut end = indexed;
    let spool = Spool::open(&settings.spool, settings.journal, indexed, |written| {
        end = written.end;
        weight += weight_of(&written);
        batch.push(written);
        if weight >= BATCH {
            write_rows(store, &mut sources, &batch)?;
            batch.clear();
            weight = 0;
        }
        Ok(())
    })?;
    write_rows(store, &mut sources, &batch)?;
    spool.note_unfinished(store.read(queue::unfinished_by_segment)?);
    spool.note_indexed(end, []);
    Ok(spool)
}

fn weight_of(written: &Written) -> usize {
    1 + written.envelope.recipients.len()
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

#[cfg(test)]
mod tests {
    use gatepost_names::{ApplicationId, MessageId, ObjectId};
    use gatepost_store::queue::Envelope;
    use gatepost_store::spool::{Place, Position};
    use uuid::Uuid;

    use super::*;

    fn written(recipients: usize) -> Written {
        let envelope = Envelope {
            id: MessageId(Uuid::nil()),
            accepted_at: 0,
            service: "/subscriptions/a".to_owned(),
            app_id: ApplicationId(Uuid::nil()),
            object_id: ObjectId(Uuid::nil()),
            username: "mailer".to_owned(),
            reverse_path: None,
            recipients: vec!["a@b.example".to_owned(); recipients],
            internet_message_id: "<a@b>".to_owned(),
            client: "::1".to_owned(),
            size: 0,
        };
        let place = Place { segment: 1, offset: 0, length: 0 };
        Written { envelope, place, end: Position { segment: 1, offset: 0, chain: 0 } }
    }

    #[test]
    fn a_transaction_is_as_large_as_its_recipients_make_it() {
        let behind = Behind::new(65_536);
        behind.put((0..5).map(|_| written(999)).chain((0..1500).map(|_| written(1))).collect());
        behind.close();
        let batches: Vec<usize> = std::iter::from_fn(|| behind.take(None)).map(|batch| batch.len()).collect();
        assert_eq!(batches, [2, 2, 1 + 500, 1000]);
        assert_eq!((behind.len(), behind.lock().weight), (0, 0));
    }

    #[test]
    fn messages_with_many_recipients_stop_a_store_that_fails_sooner() {
        let behind = Behind::new(4000);
        behind.failing.store(true, Ordering::Release);
        behind.put(vec![written(1); 10]);
        assert!(!behind.is_stuck());
        behind.put(vec![written(979)]);
        assert!(behind.is_stuck());
    }
}
