//! The last refusals of each SMTP username: what the client was not told, kept for the operator.
//!
//! In memory only, and bounded both for each username and in all.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use gatepost_clock::{Timestamp, arm_format};
use serde::Serialize;

/// Refusals kept for one username.
const MOST_PER_USERNAME: usize = 10;
/// Usernames for which any are kept.
const MOST_USERNAMES: usize = 10_000;
/// Characters of one refusal.
const MOST_CHARACTERS: usize = 500;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// When, in RFC 3339.
    pub at: String,
    /// The precise cause.
    pub reason: String,
}

/// The last refusals by username. Cheap to clone; clones share one.
#[derive(Clone, Debug, Default)]
pub struct RefusalLog(Arc<Mutex<HashMap<String, VecDeque<Refusal>>>>);

impl RefusalLog {
    /// Keeps a refusal of a username, given by its key.
    pub(super) fn note(&self, key: &str, at: Timestamp, reason: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_USERNAMES && !kept.contains_key(key) {
            let oldest = kept.iter().min_by(|a, b| latest(a.1).cmp(latest(b.1))).map(|(key, _)| key.clone());
            oldest.map(|key| kept.remove(&key));
        }
        let of_username = kept.entry(key.to_owned()).or_default();
        if of_username.len() >= MOST_PER_USERNAME {
            of_username.pop_front();
        }
        let reason = reason.chars().take(MOST_CHARACTERS).collect();
        of_username.push_back(Refusal { at: arm_format(at), reason });
    }

    /// The refusals of a username, given by its key, newest first.
    pub(super) fn recent(&self, key: &str) -> Vec<Refusal> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).map(|of_username| of_username.iter().rev().cloned().collect()).unwrap_or_default()
    }
}

fn latest(refusals: &VecDeque<Refusal>) -> &str {
    refusals.back().map_or("", |refusal| refusal.at.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_ones_are_kept() {
        let log = RefusalLog::default();
        for n in 0..15 {
            log.note("a", gatepost_clock::from_micros(n), &format!("no {n}"));
        }
        let kept = log.recent("a");
        assert_eq!(kept.len(), MOST_PER_USERNAME);
        assert_eq!(kept[0].reason, "no 14");
        assert_eq!(kept[9].reason, "no 5");
        assert!(log.recent("b").is_empty());
    }

    #[test]
    fn the_username_refused_longest_ago_makes_room() {
        let log = RefusalLog::default();
        for n in 0..=MOST_USERNAMES {
            log.note(&n.to_string(), gatepost_clock::from_micros(n as i64), "no");
        }
        assert!(log.recent("0").is_empty());
        assert_eq!(log.recent("1").len(), 1);
        assert_eq!(log.recent(&MOST_USERNAMES.to_string()).len(), 1);
    }
}
