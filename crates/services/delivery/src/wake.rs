//! A bell that one thread sleeps beside.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Remembers that it was rung until somebody has heard it.
#[derive(Default)]
pub(crate) struct Wake {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    rung: bool,
    closed: bool,
}

impl Wake {
    /// There is something to do.
    pub(crate) fn ring(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = std::mem::replace(&mut state.rung, true);
        drop(state);
        if !heard {
            self.changed.notify_one();
        }
    }

    /// There will be nothing more to do.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Sleeps until rung or closed, at most for `limit`; answers whether it is still open.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, limit, |state| !state.rung && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
        !state.closed
    }
}
