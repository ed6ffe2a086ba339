//! What is due from time to time: the rotation of keys, and the end of what is over.

use std::sync::{Arc, PoisonError, RwLock};

use gatepost_clock::Clock;
use gatepost_store::{Store, StoreError, sessions, sessions_log};

use crate::keys::{KeyError, KeyRing};

/// How long the log of sign-ins goes back, in microseconds.
const LOG_KEPT: i64 = 30 * 24 * 3_600_000_000;
/// Rows that it has at most.
const LOG_ROWS: i64 = 1_000_000;

/// The keys as everybody sees them.
pub(crate) type SharedKeys = Arc<RwLock<Arc<KeyRing>>>;

/// Whatever the upkeep needs; it keeps nothing else alive.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) keys: SharedKeys,
}

impl Upkeep {
    /// Does what is due; failures go to the log, and the next run tries again.
    pub(crate) fn run(&self) {
        if let Err(error) = self.renew_keys(false) {
            tracing::error!(%error, "the signing keys could not be renewed");
        }
        let now = self.clock.micros();
        let purged: Result<usize, StoreError> = self.store.write_queue(|tx| {
            Ok(sessions::purge(tx, now)? + sessions_log::purge_sign_ins(tx, now - LOG_KEPT, LOG_ROWS)?)
        });
        match purged {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "removed sign-ins that are over"),
            Err(error) => tracing::error!(%error, "sign-ins that are over could not be removed"),
        }
    }

    /// Publishes the next key where one is due, or where `publish` says so; removes spent ones.
    pub(crate) fn renew_keys(&self, publish: bool) -> Result<(), KeyError> {
        let now = self.clock.micros();
        let ring = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let publish = publish || ring.wants_successor(now);
        if !publish && !ring.has_spent(now) {
            return Ok(());
        }
        let renewed = Arc::new(ring.renewed(&self.store, &self.clock, publish)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }
}
