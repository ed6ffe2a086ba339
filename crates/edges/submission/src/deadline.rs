//! One timer for a connection's many deadlines.
//!
//! Deadlines change with every command and nearly never pass, so the timer is left alone while the new deadline
//! is later than the old one; when it fires too early it is wound up again.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// When the connection has to be done with what it is doing.
pub(crate) struct Deadline {
    due: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    pub(crate) fn after(time: Duration) -> Deadline {
        let due = Instant::now() + time;
        Deadline { due, timer: Box::pin(sleep_until(due)) }
    }

    pub(crate) fn set(&mut self, due: Instant) {
        self.due = due;
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
    }

    /// Waits until the deadline has passed. May be dropped and called again.
    pub(crate) async fn passed(&mut self) {
        loop {
            self.timer.as_mut().await;
            if Instant::now() >= self.due {
                return;
            }
            self.timer.as_mut().reset(self.due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_moves_both_ways() {
        let begun = Instant::now();
        let mut deadline = Deadline::after(Duration::from_secs(10));
        deadline.set(begun + Duration::from_secs(30));
        deadline.passed().await;
        assert_eq!(begun.elapsed().as_secs(), 30);
        deadline.set(begun + Duration::from_secs(90));
        deadline.set(begun + Duration::from_secs(40));
        deadline.passed().await;
        assert_eq!(begun.elapsed().as_secs(), 40);
    }
}
