//! The keys of outside issuers, fetched and kept (OpenID Connect Discovery 1.0, RFC 7517).
//!
//! SECURITY: what makes the server fetch is a request of somebody who has not proved anything yet. So an issuer is
//! asked only if a federated credential names it; at most one fetch an issuer is under way; after a failure, or
//! for a key that the issuer does not have, it is left alone for a while that grows; and a tenant has only a few
//! threads waiting for its issuers, whatever they do.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_clock::Clock;
use gatepost_credentials::key::{self, NamedKey};
use gatepost_fetch::{FetchError, Fetcher};
use gatepost_names::TenantId;
use serde::Deserialize;

const SECOND: i64 = 1_000_000;
/// How long keys are used without asking again.
const FRESH: i64 = 3600 * SECOND;
/// How long they are used when asking fails.
const USABLE: i64 = 24 * 3600 * SECOND;
/// How long an issuer is left alone after its keys were fetched, though a key is missing.
const PAUSE: i64 = 60 * SECOND;
/// How long it is left alone after a first failure; twice as long after each further one.
const FIRST_BACKOFF: i64 = 30 * SECOND;
/// The longest of it.
const LONGEST_BACKOFF: i64 = 600 * SECOND;
/// How long somebody waits for another's fetch.
const PATIENCE: Duration = Duration::from_secs(6);
/// Threads that fetch or wait for one tenant.
const MOST_OF_A_TENANT: usize = 4;
/// Issuers whose keys are kept.
const MOST_ISSUERS: usize = 1000;

/// The issuer's keys cannot be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// What matters of a discovery document.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Fetch(#[from] FetchError),
    #[error("the discovery document is none, or has no issuer and jwks_uri")]
    Configuration,
    #[error("the discovery document is another issuer's")]
    OtherIssuer,
    #[error("the key set is none, or has no key that can verify")]
    KeySet,
}

pub(crate) struct Issuers {
    fetcher: Fetcher,
    clock: Clock,
    kept: Mutex<HashMap<String, Arc<Issuer>>>,
    waiting: Mutex<HashMap<TenantId, usize>>,
}

#[derive(Default)]
struct Issuer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<Vec<NamedKey>>>,
    /// When the keys were fetched, when they were used, and until when the issuer is left alone; microseconds.
    fetched_at: i64,
    used_at: i64,
    quiet_until: i64,
    failures: u32,
    fetching: bool,
}

impl State {
    fn age(&self, now: i64) -> i64 {
        now.saturating_sub(self.fetched_at)
    }

    /// The keys, if they can be used still.
    fn usable(&self, now: i64) -> Result<Arc<Vec<NamedKey>>, Unavailable> {
        self.keys.clone().filter(|_| self.age(now) < USABLE).ok_or(Unavailable)
    }

    /// Whether the keys that there are will do.
    fn suffices(&self, now: i64, kid: Option<&str>) -> bool {
        let has = |keys: &Arc<Vec<NamedKey>>| match kid {
            None => true,
            Some(kid) => keys.iter().any(|key| key.kid.as_deref() == Some(kid)),
        };
        self.age(now) < FRESH && self.keys.as_ref().is_some_and(has)
    }
}

impl Issuers {
    pub(crate) fn new(fetcher: Fetcher, clock: Clock) -> Issuers {
        Issuers { fetcher, clock, kept: Mutex::default(), waiting: Mutex::default() }
    }

    /// The keys of an issuer, among them, if there is one, the key `kid`. May wait for the issuer.
    pub(crate) fn keys(
        &self,
        tenant: TenantId,
        issuer: &str,
        kid: Option<&str>,
    ) -> Result<Arc<Vec<NamedKey>>, Unavailable> {
        let entry = self.entry(issuer);
        let mut state = entry.lock();
        let now = self.clock.micros();
        state.used_at = now;
        if state.suffices(now, kid) {
            return state.usable(now);
        }
        if now < state.quiet_until {
            return state.usable(now);
        }
        // From here on a thread is held.
        let Some(_place) = self.wait_for(tenant) else { return state.usable(now) };
        if state.fetching {
            return self.await_other(&entry, state);
        }
        state.fetching = true;
        drop(state);
        let mut finish = Finish { entry: &entry, clock: &self.clock, outcome: None };
        let outcome = self.fetch(issuer);
        if let Err(failure) = &outcome {
            tracing::warn!(issuer, "an outside issuer's keys cannot be fetched: {failure}");
        }
        finish.outcome = outcome.ok();
        drop(finish);
        entry.lock().usable(now)
    }

    /// Waits for the fetch that another began.
    fn await_other(
        &self,
        entry: &Issuer,
        mut state: MutexGuard<'_, State>,
    ) -> Result<Arc<Vec<NamedKey>>, Unavailable> {
        let due = Instant::now() + PATIENCE;
        while state.fetching {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (state, _) = entry.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        state.usable(self.clock.micros())
    }

    fn fetch(&self, issuer: &str) -> Result<Vec<NamedKey>, Failure> {
        let due = self.fetcher.due();
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document = self.fetcher.get(&url, due)?;
        let found: Configuration = serde_json::from_slice(&document).map_err(|_| Failure::Configuration)?;
        // Section 4.3: it must be exactly what was asked about, or one issuer could speak for another.
        if found.issuer != issuer {
            return Err(Failure::OtherIssuer);
        }
        let document = self.fetcher.get(&found.jwks_uri, due)?;
        key::parse_set(&document).filter(|keys| !keys.is_empty()).ok_or(Failure::KeySet)
    }

    fn entry(&self, issuer: &str) -> Arc<Issuer> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.get(issuer) {
            return Arc::clone(entry);
        }
        if kept.len() >= MOST_ISSUERS {
            // One that is in use is locked, or has a second owner: the oldest of the others goes.
            let oldest = kept
                .iter()
                .filter(|(_, entry)| Arc::strong_count(entry) == 1)
                .min_by_key(|(_, entry)| entry.lock().used_at)
                .map(|(issuer, _)| issuer.clone());
            oldest.and_then(|oldest| kept.remove(&oldest));
        }
        Arc::clone(kept.entry(issuer.to_owned()).or_default())
    }

    fn wait_for(&self, tenant: TenantId) -> Option<Waiting<'_>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(tenant).or_default();
        if *count >= MOST_OF_A_TENANT {
            return None;
        }
        *count += 1;
        Some(Waiting { issuers: self, tenant })
    }
}

impl Issuer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a fetch, however it ends.
struct Finish<'a> {
    entry: &'a Issuer,
    clock: &'a Clock,
    outcome: Option<Vec<NamedKey>>,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let now = self.clock.micros();
        let mut state = self.entry.lock();
        state.fetching = false;
        match self.outcome.take() {
            Some(keys) => {
                state.keys = Some(Arc::new(keys));
                state.fetched_at = now;
                state.failures = 0;
                state.quiet_until = now.saturating_add(PAUSE);
            }
            None => {
                let pause = FIRST_BACKOFF.saturating_mul(1 << state.failures.min(10)).min(LONGEST_BACKOFF);
                state.failures = state.failures.saturating_add(1);
                state.quiet_until = now.saturating_add(pause);
            }
        }
        drop(state);
        self.entry.changed.notify_all();
    }
}

/// A thread that is held for a tenant.
struct Waiting<'a> {
    issuers: &'a Issuers,
    tenant: TenantId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.issuers.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.tenant);
            }
        }
    }
}
