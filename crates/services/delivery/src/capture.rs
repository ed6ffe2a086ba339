//! Capture: every message goes to the Maildir, and nothing leaves the machine.
//!
//! A round leases what is due, writes the files, flushes them together, and only then marks their recipients
//! delivered, in one transaction.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gatepost_store::StoreError;
use gatepost_store::queue::{self, Leased, Outcome, RecipientState};

use crate::{Delivery, Inner, Maildir, next_attempt};

/// Messages of a round: they share its flushes.
const ROUND: usize = 256;
/// How long a lease holds. A round takes far less.
const LEASE: Duration = Duration::from_secs(600);
/// Longest sleep: a clock that was set may have made something due.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Time after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long a stop goes on delivering.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Time between two looks for old traces.
const HOUSEKEEPING: Duration = Duration::from_secs(600);
/// Old messages that are deleted in one transaction.
const EXPIRE: usize = 500;

/// What a message's attempt came to.
struct Attempt<'a> {
    message: &'a Leased,
    name: String,
    result: Result<(), Failure>,
}

enum Failure {
    /// The spool does not have the message any more.
    Lost(StoreError),
    /// The spool cannot be read now.
    Spool(StoreError),
    /// The mailbox cannot take it now.
    Mailbox(io::Error),
}

impl Delivery {
    /// Delivers what is due now, once; answers how many messages it tried. For tests: the service's own thread
    /// does so by itself.
    ///
    /// # Errors
    /// [`StoreError`]: what was leased becomes due again when its lease expires.
    pub fn deliver_due(&self) -> Result<usize, StoreError> {
        self.0.round()
    }

    /// Deletes the traces whose time is over; answers how many messages. The service's own thread does so now
    /// and then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn expire(&self) -> Result<usize, StoreError> {
        self.0.expire()
    }
}

impl Inner {
    /// The capture thread.
    pub(crate) fn keep_delivering(&self) {
        let mut housekeeping = Instant::now();
        loop {
            let sleep = match self.round_unless_held() {
                Ok(0) => self.until_next_due(),
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be delivered");
                    AFTER_FAILURE
                }
            };
            if housekeeping.elapsed() >= HOUSEKEEPING {
                housekeeping = Instant::now();
                if let Err(error) = self.expire() {
                    tracing::error!(%error, "old traces cannot be deleted");
                }
            }
            let open = if sleep.is_zero() { !self.work.is_closed() } else { self.work.wait(sleep) };
            if !open {
                break;
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT && matches!(self.round_unless_held(), Ok(tried) if tried > 0) {}
    }

    fn round_unless_held(&self) -> Result<usize, StoreError> {
        if self.held.load(Ordering::Acquire) { Ok(0) } else { self.round() }
    }

    fn until_next_due(&self) -> Duration {
        if self.held.load(Ordering::Acquire) {
            return LONGEST_SLEEP;
        }
        match self.store.read(queue::next_due) {
            Ok(Some(due)) => {
                let micros = u64::try_from(due.saturating_sub(self.clock.micros())).unwrap_or(0);
                Duration::from_micros(micros).clamp(Duration::from_millis(1), LONGEST_SLEEP)
            }
            Ok(None) => LONGEST_SLEEP,
            Err(_) => AFTER_FAILURE,
        }
    }

    fn round(&self) -> Result<usize, StoreError> {
        let now = self.clock.micros();
        if self.store.read(queue::next_due)?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let until = now.saturating_add(i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX));
        let leased = self.store.write_queue(|tx| queue::lease(tx, self.owner, now, until, ROUND))?;
        let mut attempts: Vec<Attempt<'_>> = leased.iter().map(|message| self.write(message)).collect();
        self.settle(&mut attempts);
        // However long the store refuses: to leave the leases to their end would hold the messages back as long.
        while let Err(error) = self.record(&attempts) {
            if !error.is_temporary() || !self.work.wait(AFTER_FAILURE) {
                return Err(error);
            }
            tracing::warn!(%error, "what was delivered cannot be recorded yet");
        }
        self.tend_spool();
        Ok(leased.len())
    }

    /// Writes a message to the Maildir's `tmp/`.
    fn write<'a>(&self, message: &'a Leased) -> Attempt<'a> {
        // The first recipient tells apart deliveries of one message that happen at different times.
        let first = message.recipients.first().map_or(0, |recipient| recipient.number);
        let name = Maildir::name(message.accepted_at, &format!("{}_{first}", message.id));
        let result = match self.spool.read(message.place) {
            Err(error @ StoreError::Corrupt(_)) => Err(Failure::Lost(error)),
            Err(error) => Err(Failure::Spool(error)),
            Ok(frame) => {
                let head = head_of(message);
                self.maildir.write(&name, &[head.as_bytes(), &frame.message]).map_err(Failure::Mailbox)
            }
        };
        Attempt { message, name, result }
    }

    /// Flushes what was written, then shows it to readers. INVARIANT: what is still `Ok` afterwards is on disk.
    fn settle(&self, attempts: &mut [Attempt<'_>]) {
        if !attempts.iter().any(|attempt| attempt.result.is_ok()) {
            return;
        }
        if let Err(error) = self.maildir.flush() {
            return fail_all(attempts, &error);
        }
        for attempt in attempts.iter_mut().filter(|attempt| attempt.result.is_ok()) {
            attempt.result = self.maildir.publish(&attempt.name).map_err(Failure::Mailbox);
        }
        if let Err(error) = self.maildir.flush_names() {
            fail_all(attempts, &error);
        }
    }

    /// Records all outcomes in one transaction, then counts them.
    fn record(&self, attempts: &[Attempt<'_>]) -> Result<(), StoreError> {
        let now = self.clock.micros();
        let changes = self.store.write_queue(|tx| {
            let mut changes = Vec::with_capacity(attempts.len());
            for attempt in attempts {
                let (state, due_at, detail) = outcome_of(attempt, now);
                let outcome =
                    Outcome { message: attempt.message.id, recipients: None, state, due_at, detail: &detail };
                changes.push((state, queue::record(tx, self.owner, now, &outcome)?));
            }
            Ok::<_, StoreError>(changes)
        })?;
        for (state, change) in &changes {
            let recipients = change.recipients as u64;
            match state {
                RecipientState::Delivered => self.counters.delivered(recipients),
                RecipientState::Failed | RecipientState::Dropped => self.counters.failed(recipients),
                RecipientState::Queued | RecipientState::Leased | RecipientState::Held => {
                    self.counters.deferred(recipients);
                }
            }
            if state.is_final() {
                self.counters.queued(-i64::try_from(recipients).unwrap_or(i64::MAX));
            }
        }
        self.spool.note_finished(changes.iter().filter_map(|(_, change)| change.finished));
        Ok(())
    }

    fn expire(&self) -> Result<usize, StoreError> {
        let kept = i64::try_from(self.settings.trace_retention.as_micros()).unwrap_or(i64::MAX);
        let before = self.clock.micros().saturating_sub(kept);
        let mut deleted = 0;
        loop {
            let now = self.store.write_queue(|tx| queue::expire(tx, before, EXPIRE))?;
            deleted += now;
            if now < EXPIRE {
                return Ok(deleted);
            }
        }
    }
}

fn fail_all(attempts: &mut [Attempt<'_>], error: &io::Error) {
    for attempt in attempts.iter_mut().filter(|attempt| attempt.result.is_ok()) {
        attempt.result = Err(Failure::Mailbox(io::Error::new(error.kind(), error.to_string())));
    }
}

/// The fields that delivery puts in front of a message.
fn head_of(message: &Leased) -> String {
    let mut head = format!("Return-Path: <{}>\r\n", message.reverse_path.as_deref().unwrap_or_default());
    for recipient in &message.recipients {
        head.push_str("Delivered-To: ");
        head.push_str(&recipient.address);
        head.push_str("\r\n");
    }
    head.push_str(&format!("X-Gatepost-Message-Id: {}\r\n", message.id));
    head
}

/// The state that an attempt brings its recipients to, when they are due again, and what the trace says.
fn outcome_of(attempt: &Attempt<'_>, now: i64) -> (RecipientState, i64, String) {
    match &attempt.result {
        Ok(()) => (RecipientState::Delivered, now, format!("mailbox new/{}", attempt.name)),
        Err(Failure::Lost(error)) => {
            tracing::error!(message = %attempt.message.id, %error, "a message cannot be read");
            (RecipientState::Held, now, format!("the message cannot be read from the spool: {error}"))
        }
        Err(Failure::Spool(error)) => {
            tracing::warn!(message = %attempt.message.id, %error, "a message cannot be read now");
            // In the end it is held: unlike a failed one it stays in the spool, where it may well be whole.
            try_again(attempt, now, RecipientState::Held, format!("the spool cannot be read now: {error}"))
        }
        Err(Failure::Mailbox(error)) => {
            tracing::warn!(message = %attempt.message.id, %error, "a message cannot be captured");
            let detail = format!("the mailbox cannot take it: {}", error.kind());
            try_again(attempt, now, RecipientState::Failed, detail)
        }
    }
}

/// Queued until the next attempt; `in_the_end` when there is to be none.
fn try_again(
    attempt: &Attempt<'_>,
    now: i64,
    in_the_end: RecipientState,
    detail: String,
) -> (RecipientState, i64, String) {
    let made = attempt.message.recipients.iter().map(|r| r.attempts).max().unwrap_or(0);
    match next_attempt(made.saturating_add(1), attempt.message.accepted_at, now) {
        Some(due) => (RecipientState::Queued, due, detail),
        None => (in_the_end, now, detail),
    }
}
