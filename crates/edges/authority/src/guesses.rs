//! How often an address may guess a device's code: a person mistypes now and then, a program tries thousands.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Wrong codes in one window.
const MOST: u32 = 30;
/// Microseconds of a window.
const WINDOW: i64 = 60 * 1_000_000;
/// Addresses that are remembered; with more, all start afresh.
const ADDRESSES: usize = 10_000;

/// Wrong codes by address, in the window that began at the time beside them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guesses(Arc<Mutex<HashMap<IpAddr, (i64, u32)>>>);

impl Guesses {
    /// Whether another code of this address is looked at.
    pub(crate) fn may_try(&self, from: IpAddr, now: i64) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&from.to_canonical()).is_none_or(|(begun, wrong)| now - begun >= WINDOW || *wrong < MOST)
    }

    /// Notes a wrong code.
    pub(crate) fn failed(&self, from: IpAddr, now: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES {
            all.retain(|_, (begun, _)| now - *begun < WINDOW);
            if all.len() >= ADDRESSES {
                all.clear();
            }
        }
        let entry = all.entry(from.to_canonical()).or_insert((now, 0));
        if now - entry.0 >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_ends_and_begins_again() {
        let (guesses, from) = (Guesses::default(), IpAddr::from([192, 0, 2, 1]));
        for _ in 0..MOST {
            assert!(guesses.may_try(from, 0));
            guesses.failed(from, 0);
        }
        assert!(!guesses.may_try(from, WINDOW - 1));
        assert!(guesses.may_try(IpAddr::from([192, 0, 2, 2]), 0));
        assert!(guesses.may_try(from, WINDOW));
    }

    #[test]
    fn it_stays_bounded() {
        let guesses = Guesses::default();
        for n in 0..30_000_u32 {
            guesses.failed(IpAddr::from(n.to_be_bytes()), 0);
        }
        assert!(guesses.0.lock().unwrap().len() <= ADDRESSES);
    }
}
