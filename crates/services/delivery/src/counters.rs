//! Figures for `/metrics`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What is counted while the service runs.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    delivered: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    queued: AtomicI64,
}

/// The figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Messages accepted since the start.
    pub accepted: u64,
    /// Recipients delivered since the start.
    pub delivered: u64,
    /// Attempts on recipients that will be made again.
    pub deferred: u64,
    /// Recipients given up since the start.
    pub failed: u64,
    /// Recipients without a final state: queued, leased or held.
    pub queued: u64,
    /// Messages that are durable and have no rows yet.
    pub behind: u64,
    /// How long the last flush of the journal took.
    pub last_flush: Duration,
    /// Bytes of the journal's files.
    pub spool_bytes: u64,
}

impl Counters {
    pub(crate) fn accepted(&self, messages: u64) {
        self.accepted.fetch_add(messages, Relaxed);
    }

    pub(crate) fn delivered(&self, recipients: u64) {
        self.delivered.fetch_add(recipients, Relaxed);
    }

    pub(crate) fn deferred(&self, recipients: u64) {
        self.deferred.fetch_add(recipients, Relaxed);
    }

    pub(crate) fn failed(&self, recipients: u64) {
        self.failed.fetch_add(recipients, Relaxed);
    }

    pub(crate) fn queued(&self, change: i64) {
        self.queued.fetch_add(change, Relaxed);
    }

    pub(crate) fn read(&self, last_flush: Duration, spool_bytes: u64, behind: u64) -> Counted {
        Counted {
            accepted: self.accepted.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            deferred: self.deferred.load(Relaxed),
            failed: self.failed.load(Relaxed),
            queued: u64::try_from(self.queued.load(Relaxed)).unwrap_or(0),
            behind,
            last_flush,
            spool_bytes,
        }
    }
}
