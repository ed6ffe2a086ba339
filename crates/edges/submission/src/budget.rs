//! The octets of messages that are in memory, over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much may be held, and how much is.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Budget> {
        Arc::new(Budget { limit, used: AtomicUsize::new(0) })
    }
}

/// One connection's part of a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    octets: usize,
}

impl Share {
    pub(crate) fn new(budget: &Arc<Budget>) -> Share {
        Share { budget: Arc::clone(budget), octets: 0 }
    }

    /// Makes the part `octets` large. `false`, and nothing changes, when there is no room for more.
    pub(crate) fn resize(&mut self, octets: usize) -> bool {
        let used = &self.budget.used;
        if octets > self.octets {
            let more = octets - self.octets;
            let fits = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(more).filter(|used| *used <= self.budget.limit)
            });
            if fits.is_err() {
                return false;
            }
        } else if octets < self.octets {
            used.fetch_sub(self.octets - octets, Ordering::Relaxed);
        }
        self.octets = octets;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_together_keep_to_the_limit() {
        let budget = Budget::new(10);
        let (mut a, mut b) = (Share::new(&budget), Share::new(&budget));
        assert!(a.resize(6));
        assert!(!b.resize(5));
        assert!(b.resize(4));
        assert!(a.resize(1));
        assert!(b.resize(9));
        drop(b);
        assert!(a.resize(10));
        drop(a);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
