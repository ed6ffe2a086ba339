//! The time, as a value that is handed in.
//!
//! Services ask a [`Clock`]; rules take the time as an argument. Tests hold a clock that stands still until
//! they move it, so that no test ever sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub use jiff::Timestamp;

/// Where a service gets the time from. Cheap to clone; clones share one source.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Microseconds since the Unix epoch.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(Source::System)
    }

    /// A clock that shows `at` until [`Clock::advance`] moves it. For tests.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock(Source::Set(Arc::new(AtomicI64::new(at.as_microsecond()))))
    }

    /// The time now, to the microsecond (the store's resolution).
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Source::System => Timestamp::now().as_microsecond(),
            Source::Set(at) => at.load(Ordering::Relaxed),
        };
        from_micros(micros)
    }

    /// Microseconds since the Unix epoch: the form in which the store keeps times.
    pub fn micros(&self) -> i64 {
        self.now().as_microsecond()
    }

    /// Moves a fixed clock forward. The system clock is left alone.
    pub fn advance(&self, by: std::time::Duration) {
        if let Source::Set(at) = &self.0 {
            at.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

/// The timestamp of a stored time; values outside of what a timestamp can hold are clamped.
pub fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// RFC 3339 in UTC with seven fractional digits, as Azure Resource Manager writes it:
/// `2022-01-15T21:08:45.4904312Z`.
pub fn arm_format(at: Timestamp) -> String {
    format!("{}{:07}Z", at.strftime("%Y-%m-%dT%H:%M:%S."), at.subsec_nanosecond().unsigned_abs() / 100)
}

/// RFC 3339 in UTC without a fraction, as Microsoft Graph writes it: `2022-01-15T21:08:45Z`.
pub fn graph_format(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(from_micros(1_642_281_525_490_431));
        let copy = clock.clone();
        assert_eq!(arm_format(clock.now()), "2022-01-15T21:18:45.4904310Z");
        clock.advance(std::time::Duration::from_secs(2));
        assert_eq!(graph_format(copy.now()), "2022-01-15T21:18:47Z");
    }
}
