//! How much work the filter of one request may cause, over all the documents that it is evaluated on.

use std::cell::Cell;

use crate::evaluate::EvaluationError;

/// Steps of one request: enough for a few conditions on each of 100,000 objects.
const STEPS_PER_REQUEST: usize = 1_000_000;
/// Bytes of a text that are read in one step.
const BYTES_PER_STEP: usize = 64;

/// The steps that are left to a request: one for each condition, function and value that is looked at, and more
/// for long texts. Every evaluation of the request spends from the same budget.
#[derive(Debug)]
pub struct Budget(Cell<usize>);

impl Budget {
    /// What a request that lists may spend.
    pub fn per_request() -> Budget {
        Budget::of(STEPS_PER_REQUEST)
    }

    /// So many steps.
    pub fn of(steps: usize) -> Budget {
        Budget(Cell::new(steps))
    }

    /// Spends steps on what the caller looks at itself.
    ///
    /// # Errors
    /// [`EvaluationError::TooComplex`] if there are not so many left.
    pub fn take(&self, steps: usize) -> Result<(), EvaluationError> {
        self.spend(steps)
    }

    pub(crate) fn spend(&self, steps: usize) -> Result<(), EvaluationError> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(EvaluationError::TooComplex)
    }

    pub(crate) fn spend_on_text(&self, text: &str) -> Result<(), EvaluationError> {
        self.spend(text.len() / BYTES_PER_STEP)
    }
}
