//! Records what changed nothing: refusals, failures, actions that only answer. Anybody can cause such events, as
//! many as they like, so they are bounded:
//!
//! * What is the same (caller, action, target, ending) within a minute is one event that counts up; counting costs
//!   no write to the disk.
//! * Of one caller a minute has so many events, of all callers together so many; what is beyond counts up one
//!   last event that says so ([`super::waiting`]).
//! * A thread of its own writes, many events in a transaction and with pauses, so that who writes honestly waits
//!   for one of these transactions at most, and who is refused for none.
//! * Of the events on disk the oldest go when there are too many. Events of changes never go before their time.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gatepost_clock::Clock;
use gatepost_names::ObjectId;
use gatepost_store::activity::{self as log, EventRow};
use gatepost_store::{Store, StoreError};
use uuid::Uuid;

use super::DAYS_KEPT;
use super::waiting::{Batch, Waiting};

/// Most events that changed nothing on disk.
const MOST_KEPT: i64 = 100_000;
/// Rows that go in one transaction, and most such transactions in a row.
const PURGED_AT_ONCE: u32 = 500;
const PURGES_IN_A_ROW: usize = 100;
/// From one purge to the next, in microseconds; and where there is more to do.
const PURGE_EVERY: i64 = 3_600_000_000;
const PURGE_SOON: i64 = 60_000_000;
const DAY: i64 = 86_400_000_000;
/// The pause of the thread between two transactions, unless somebody waits for it.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a reader waits for events that are still to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes the events that changed nothing, and lets old events go.
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    /// Started with the first event.
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    store: Store,
    clock: Clock,
    hasher: RandomState,
    state: Mutex<State>,
    /// Tells the thread that there is something to do.
    wake: Condvar,
    /// Tells who waits that everything is written.
    written: Condvar,
    days_kept: AtomicU32,
    /// When the next purge is due, in microseconds.
    purge_due: AtomicI64,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// How many have asked for everything to be written, and how many of them have got it.
    asked: u64,
    answered: u64,
    /// Whether events that wait no more are on their way to the disk.
    writing: bool,
    stop: bool,
}

impl Recorder {
    pub(crate) fn new(store: Store, clock: Clock) -> Recorder {
        let shared = Shared {
            store,
            clock,
            hasher: RandomState::new(),
            state: Mutex::default(),
            wake: Condvar::new(),
            written: Condvar::new(),
            days_kept: AtomicU32::new(DAYS_KEPT),
            purge_due: AtomicI64::new(i64::MIN),
        };
        Recorder { shared: Arc::new(shared), thread: Mutex::default() }
    }

    /// Keeps events for so many days from now on; for at least one.
    pub(crate) fn keep_for(&self, days: u32) {
        self.shared.days_kept.store(days.max(1), Ordering::Relaxed);
    }

    /// Takes an event that changed nothing; `status` and `code` tell how it ended. It is on disk soon, and at once
    /// for who asks for the log.
    pub(crate) fn record(&self, caller: ObjectId, event: EventRow, status: u16, code: &str) {
        let shared = &self.shared;
        let (operation, resource) = (&event.operation_key, &event.resource_key);
        let key = shared.hasher.hash_one((caller, event.tenant, operation, resource, status, code));
        let beyond = shared.hasher.hash_one((caller, event.tenant, "beyond"));
        let added = shared.state().waiting.take_in(key, beyond, caller, event);
        if added {
            self.wake();
        }
    }

    /// Brings everything on disk that was recorded before, counts too.
    pub(crate) fn flush(&self) {
        let shared = &self.shared;
        let mut state = shared.state();
        state.waiting.end_counts();
        if state.waiting.is_empty() && !state.writing && state.asked == state.answered {
            return;
        }
        state.asked += 1;
        let ticket = state.asked;
        drop(state);
        if !self.wake() {
            return;
        }
        let state = shared.state();
        let waited = shared.written.wait_timeout_while(state, PATIENCE, |state| state.answered < ticket);
        drop(waited);
    }

    /// The event that stands for a repetition with this correlation id, if it is remembered.
    pub(crate) fn repeated(&self, correlation: Uuid) -> Option<i64> {
        self.shared.state().waiting.repeated(correlation)
    }

    /// Lets events go that are too old or too many, if it is time to look: at start, and at most hourly.
    pub(crate) fn purge_if_due(&self) {
        if self.shared.clock.micros() >= self.shared.purge_due.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Wakes the thread, and starts it the first time; answers whether there is one.
    fn wake(&self) -> bool {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = self.shared.clone();
            let started = std::thread::Builder::new().name("activity-log".to_owned()).spawn(move || {
                shared.work();
            });
            match started {
                Ok(handle) => *thread = Some(handle),
                Err(error) => tracing::error!(%error, "the activity log has no thread to write with"),
            }
        }
        // The lock makes the thread either see what was added or hear this.
        drop(self.shared.state());
        self.shared.wake.notify_one();
        thread.is_some()
    }
}

impl Drop for Recorder {
    /// What was recorded is written.
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.stop = true;
            state.waiting.end_counts();
        }
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the activity log's thread ended badly");
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: writes what waits, purges, pauses, until it is stopped and nothing waits.
    fn work(&self) {
        loop {
            let mut state = self.state();
            let idle = |state: &mut State| {
                state.waiting.is_empty()
                    && state.asked == state.answered
                    && !state.stop
                    && self.clock.micros() < self.purge_due.load(Ordering::Relaxed)
            };
            state = self.wake.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            let ticket = state.asked;
            let stop = state.stop;
            state.writing = true;
            drop(state);
            self.write_all();
            if !stop {
                self.purge_if_due();
            }
            let mut state = self.state();
            state.writing = false;
            state.answered = state.answered.max(ticket);
            self.written.notify_all();
            if stop {
                return;
            }
            let pausing = |state: &mut State| state.asked == state.answered && !state.stop;
            drop(self.wake.wait_timeout_while(state, PAUSE, pausing));
        }
    }

    fn write_all(&self) {
        loop {
            let batch = self.state().waiting.take_batch();
            if batch.is_empty() {
                return;
            }
            if let Err(error) = self.write(&batch) {
                not_recorded(&error);
            }
        }
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let places = self.store.write_queue::<_, StoreError>(|tx| {
            for (place, repeats, last_at) in &batch.counts {
                log::repeat(tx, place.load(Ordering::Acquire), *repeats, *last_at)?;
            }
            batch.events.iter().map(|(event, _)| log::insert(tx, event)).collect::<Result<Vec<i64>, _>>()
        })?;
        for ((_, place), seq) in batch.events.iter().zip(places) {
            place.store(seq, Ordering::Release);
        }
        Ok(())
    }

    fn purge_if_due(&self) {
        let now = self.clock.micros();
        if now < self.purge_due.load(Ordering::Relaxed) {
            return;
        }
        let more = self.purge(now).unwrap_or_else(|error| {
            tracing::warn!(%error, "old events are not purged from the activity log");
            false
        });
        let pause = if more { PURGE_SOON } else { PURGE_EVERY };
        self.purge_due.store(now.saturating_add(pause), Ordering::Relaxed);
    }

    /// Some steps; answers whether there may be more to do.
    fn purge(&self, now: i64) -> Result<bool, StoreError> {
        let days = i64::from(self.days_kept.load(Ordering::Relaxed));
        let before = now.saturating_sub(days.saturating_mul(DAY));
        let mut excess = self.store.read(log::count_bounded)?.saturating_sub(MOST_KEPT);
        for _ in 0..PURGES_IN_A_ROW {
            let step = u32::try_from(excess).unwrap_or(0).min(PURGED_AT_ONCE);
            let old = self.store.write_queue::<_, StoreError>(|tx| {
                if step > 0 {
                    log::purge_bounded(tx, step)?;
                }
                log::purge_before(tx, before, PURGED_AT_ONCE)
            })?;
            excess = excess.saturating_sub(i64::from(step));
            if old < PURGED_AT_ONCE as usize && excess <= 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// That the store cannot take an event is no reason to answer the request in another way.
fn not_recorded(error: &StoreError) {
    if error.is_temporary() {
        tracing::warn!(%error, "events are not on the activity log");
    } else {
        tracing::error!(%error, "events are not on the activity log");
    }
}
