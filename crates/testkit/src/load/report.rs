//! What a run came to.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Quantiles of durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// Of twenty, the slowest.
    pub p95: f64,
    /// Of a hundred, the slowest.
    pub p99: f64,
    /// The slowest of all.
    pub max: f64,
}

impl Quantiles {
    /// Of these durations, in any order.
    pub fn of(durations: &mut [Duration]) -> Quantiles {
        durations.sort_unstable();
        let at = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index of the slice"
            )]
            let place = (durations.len().saturating_sub(1) as f64 * share).round() as usize;
            durations.get(place).map_or(0.0, |duration| duration.as_secs_f64() * 1_000.0)
        };
        Quantiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quantiles { p50, p95, p99, max } = self;
        write!(f, "p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms, max {max:.2} ms")
    }
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Messages that were to be sent.
    pub messages: u64,
    /// Messages that got their 250.
    pub accepted: u64,
    /// From the first connection to the last reply, in seconds.
    pub seconds: f64,
    /// Accepted messages a second.
    pub per_second: f64,
    /// Connections that were opened.
    pub sessions: u64,
    /// Sessions from connecting to the answer to QUIT.
    pub session: Quantiles,
    /// Messages from the end of data written to its 250 read.
    pub end_of_data: Quantiles,
    /// Messages found in the mailbox, where one was given.
    pub delivered: Option<u64>,
    /// From the last reply to the last message found in the mailbox, in seconds.
    pub delivery_lag: Option<f64>,
    /// The first few things that went wrong.
    pub failures: Vec<String>,
}

impl Report {
    /// Whether each message got its 250 and, where a mailbox was given, was delivered.
    pub fn is_success(&self) -> bool {
        self.accepted == self.messages
            && self.delivered.is_none_or(|delivered| delivered == self.messages)
            && self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {} messages accepted in {:.2} s: {:.0} messages/s",
            self.accepted, self.messages, self.seconds, self.per_second
        )?;
        writeln!(f, "session, connect to done ({}): {}", self.sessions, self.session)?;
        write!(f, "end of data to 250: {}", self.end_of_data)?;
        if let (Some(delivered), Some(lag)) = (self.delivered, self.delivery_lag) {
            write!(f, "\ndelivered: {delivered}, the last {lag:.2} s after the last 250")?;
        }
        for failure in &self.failures {
            write!(f, "\nfailed: {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_durations() {
        let mut durations: Vec<_> = (1..=101).rev().map(Duration::from_millis).collect();
        assert_eq!(Quantiles::of(&mut durations), Quantiles { p50: 51.0, p95: 96.0, p99: 100.0, max: 101.0 });
        assert_eq!(Quantiles::of(&mut []), Quantiles::default());
    }
}
