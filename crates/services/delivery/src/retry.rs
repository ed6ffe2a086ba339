//! When to try again. Pure.

/// Minutes between attempts; after the last it stays so. RFC 5321 section 4.5.4.1 asks for quick first retries
/// and for 30 minutes or more later on.
const MINUTES: [i64; 6] = [1, 2, 5, 15, 30, 60];
/// How long a message is tried: "at least 4 to 5 days" (RFC 5321 section 4.5.4.1).
const LIFETIME: i64 = 5 * 24 * 3600 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;

/// When the next attempt is due, after the `attempts`-th has failed for a reason that may pass. `None` to give
/// up. Times are microseconds since the Unix epoch.
pub fn next_attempt(attempts: u32, accepted_at: i64, now: i64) -> Option<i64> {
    let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let minutes = MINUTES.get(step).or(MINUTES.last()).copied().unwrap_or(60);
    let due = now.saturating_add(minutes.saturating_mul(MINUTE));
    (due < accepted_at.saturating_add(LIFETIME)).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_grow_apart_and_end_after_five_days() {
        let mut now = 0;
        let mut waits = Vec::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Some(due) = next_attempt(attempts, 0, now) else { break };
            waits.push((due - now) / MINUTE);
            now = due;
        }
        assert_eq!(waits[..8], [1, 2, 5, 15, 30, 60, 60, 60]);
        assert!(waits.iter().skip(5).all(|minutes| *minutes == 60));
        assert!(now < LIFETIME && now > LIFETIME - 60 * MINUTE);
    }
}
