//! Temporary lock-out after failed sign-ins: the arithmetic. Whose attempts are counted is the directory's.

/// When somebody who guesses has to wait, and for how long. Times are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures until the first lock.
    pub failures: u32,
    /// How long the first lock is; each further one is twice as long.
    pub first: i64,
    /// How long the longest is.
    pub longest: i64,
    /// After how long without a failure everything is forgotten.
    pub forgotten: i64,
}

const SECOND: i64 = 1_000_000;

/// Guessing at one user's password: ten failures, then one guess a minute, and fewer and fewer.
pub const USER: Policy =
    Policy { failures: 10, first: 60 * SECOND, longest: 3600 * SECOND, forgotten: 24 * 3600 * SECOND };

/// Guessing from one address at whomever. An office may share an address, so it may fail more often.
pub const ADDRESS: Policy =
    Policy { failures: 100, first: 60 * SECOND, longest: 3600 * SECOND, forgotten: 3600 * SECOND };

/// Guessing at one SMTP username from one address. Its secrets are 40 random characters: the name is not locked
/// for others, or anybody could stop an application's mail.
pub const MAILER: Policy =
    Policy { failures: 20, first: 30 * SECOND, longest: 900 * SECOND, forgotten: 3600 * SECOND };

/// Guessing from an address that the user has signed in from before: the user's own mistakes. It has a count of its
/// own, so that strangers who guess elsewhere lock out only themselves.
pub const FAMILIAR: Policy =
    Policy { failures: 10, first: 60 * SECOND, longest: 3600 * SECOND, forgotten: 30 * 86_400 * SECOND };

/// The failed attempts of one source or at one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    failures: u32,
    locks: u32,
    last: i64,
    locked_until: i64,
    last_guess: u64,
}

impl Attempts {
    /// Until when the next attempt is refused unseen; `None` if it is looked at.
    pub fn locked(&self, now: i64) -> Option<i64> {
        (now < self.locked_until).then_some(self.locked_until)
    }

    /// Counts a failure. `guess` is a keyed hash of what was tried, 0 if unknown: the same wrong guess again is
    /// a program with an old password, not somebody who guesses, and does not count.
    pub fn fail(&mut self, policy: &Policy, now: i64, guess: u64) {
        if now.saturating_sub(self.last) > policy.forgotten {
            *self = Attempts::default();
        }
        let repeated = guess != 0 && guess == self.last_guess;
        self.last = now;
        self.last_guess = guess;
        if repeated {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= policy.failures {
            let doubled = policy.first.saturating_mul(1 << self.locks.min(20));
            self.locked_until = now.saturating_add(doubled.min(policy.longest));
            self.locks = self.locks.saturating_add(1);
            // One more failure after the lock is over, and it is locked again.
            self.failures = policy.failures.saturating_sub(1);
        }
    }

    /// Forgets the failures: the secret was right.
    pub fn succeed(&mut self, now: i64) {
        *self = Attempts { last: now, ..Attempts::default() };
    }

    /// When it was used last.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Whether nothing of it matters any more.
    pub fn is_forgotten(&self, policy: &Policy, now: i64) -> bool {
        now.saturating_sub(self.last) > policy.forgotten && now >= self.locked_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_failures_lock_for_a_minute_and_then_longer() {
        let mut attempts = Attempts::default();
        for n in 0..9 {
            attempts.fail(&USER, 0, n + 1);
        }
        assert_eq!(attempts.locked(0), None);
        attempts.fail(&USER, 0, 100);
        assert_eq!(attempts.locked(0), Some(60 * SECOND));
        assert_eq!(attempts.locked(60 * SECOND), None);
        attempts.fail(&USER, 60 * SECOND, 101);
        assert_eq!(attempts.locked(60 * SECOND), Some(180 * SECOND));
        for n in 0..20 {
            attempts.fail(&USER, 10_000 * SECOND, n + 200);
        }
        assert_eq!(attempts.locked(10_000 * SECOND), Some(13_600 * SECOND));
        attempts.fail(&USER, 200_000 * SECOND, 300);
        assert_eq!(attempts.locked(200_000 * SECOND), None, "a day later it starts afresh");
    }

    #[test]
    fn an_old_password_tried_again_does_not_lock() {
        let mut attempts = Attempts::default();
        for n in 0..1000 {
            attempts.fail(&USER, n * SECOND, 7);
        }
        assert_eq!(attempts.locked(1000 * SECOND), None);
        assert!(!attempts.is_forgotten(&USER, 1000 * SECOND));
        assert!(attempts.is_forgotten(&USER, 100_000 * SECOND));
    }

    proptest! {
        /// However guesses are spread, at most this many are looked at in a day.
        #[test]
        fn guesses_a_day_are_few(pauses in proptest::collection::vec(0_i64..4000, 1..2000)) {
            let (mut attempts, mut now, mut seen) = (Attempts::default(), 0_i64, 0);
            for (guess, pause) in (1_u64..).zip(pauses) {
                now += pause * SECOND;
                if now > 86_400 * SECOND {
                    break;
                }
                if attempts.locked(now).is_none() {
                    seen += 1;
                    attempts.fail(&USER, now, guess);
                }
            }
            prop_assert!(seen <= 10 + 6 + 24, "{seen}");
        }
    }
}
