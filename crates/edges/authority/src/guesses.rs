//! How often an address may guess a device's code: a person mistypes now and then, a program tries thousands.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use gatepost_tokens::network_of;

/// Wrong codes in one window.
const MOST: u32 = 30;
/// Microseconds of a window.
const WINDOW: i64 = 60 * 1_000_000;
/// Networks that are remembered; the one that began first gives way to another.
const ADDRESSES: usize = 10_000;

/// Wrong codes by network, in the window that began at the time beside them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guesses(Arc<Mutex<HashMap<IpAddr, (i64, u32)>>>);

impl Guesses {
    /// Whether another code of this address is looked at.
    pub(crate) fn may_try(&self, from: IpAddr, now: i64) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&network_of(from)).is_none_or(|(begun, wrong)| now - begun >= WINDOW || *wrong < MOST)
    }

    /// Notes a wrong code.
    pub(crate) fn failed(&self, from: IpAddr, now: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = network_of(from);
        if all.len() >= ADDRESSES && !all.contains_key(&from) {
            all.retain(|_, (begun, _)| now - *begun < WINDOW);
            if all.len() >= ADDRESSES {
                let oldest = all.iter().min_by_key(|(_, (begun, _))| *begun).map(|(from, _)| *from);
                all.retain(|from, _| Some(*from) != oldest);
            }
        }
        let entry = all.entry(from).or_insert((now, 0));
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
    fn a_network_of_ipv6_guesses_as_one() {
        let guesses = Guesses::default();
        for n in 0..u16::try_from(MOST).unwrap() {
            guesses.failed(IpAddr::from([0x2001, 0xdb8, 0, 1, 7, n, 0, n]), 0);
        }
        assert!(!guesses.may_try("2001:db8:0:1::1".parse().unwrap(), 0));
        assert!(guesses.may_try("2001:db8:0:2::1".parse().unwrap(), 0));
    }

    #[test]
    fn the_oldest_gives_way_not_all() {
        let guesses = Guesses::default();
        let first = IpAddr::from([198, 51, 100, 1]);
        guesses.failed(first, 0);
        let second = IpAddr::from([198, 51, 100, 2]);
        for _ in 0..MOST {
            guesses.failed(second, 1);
        }
        for n in 0..u32::try_from(ADDRESSES).unwrap() - 1 {
            guesses.failed(IpAddr::from(n.to_be_bytes()), 2);
        }
        assert!(!guesses.0.lock().unwrap().contains_key(&first));
        assert!(!guesses.may_try(second, 2));
    }

    #[test]
    fn it_stays_bounded() {
        let guesses = Guesses::default();
        for n in 0..11_000_u32 {
            guesses.failed(IpAddr::from(n.to_be_bytes()), 0);
        }
        assert!(guesses.0.lock().unwrap().len() <= ADDRESSES);
    }
}
