//! The activity log: who did or tried what, where, and how it ended.
//!
//! Every use case that writes goes through [`Resources::change`](crate::Resources), which asks for access, checks
//! locks, and writes the event of a success into the transaction of the change itself. What changed nothing
//! (refusals, failures, actions that only answer) is recorded by the [`recorder`], within bounds: a flood of
//! refusals neither fills the disk nor keeps others from writing. [`query`] shows the log through
//! `Microsoft.Insights/eventtypes/management/values` (reference insights-arm.md section 3).

mod attempt;
mod event;
mod filter;
mod outcome;
mod query;
mod recorder;
mod waiting;

#[cfg(test)]
mod tests;

pub(crate) use attempt::{Intended, Method};
pub use outcome::status_and_code;
pub use query::RefusedRequest;
pub(crate) use recorder::Recorder;

use crate::provider::Operation;

/// The provider's namespace.
pub const NAMESPACE: &str = "Microsoft.Insights";

/// The right to read the log.
pub(crate) const READ: &str = "Microsoft.Insights/eventtypes/values/read";

/// Of Microsoft.Insights, the operations that exist here.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: READ,
        display_name: "Read the activity log",
        description: "Read the events of the activity log.",
        is_data_action: false,
    },
    Operation {
        name: "Microsoft.Insights/eventCategories/read",
        display_name: "List the categories of events",
        description: "List the categories of events.",
        is_data_action: false,
    },
];

/// How long events are kept unless the operator says otherwise, in days.
pub const DAYS_KEPT: u32 = 90;
