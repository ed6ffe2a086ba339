//! The one door to access decisions.
//!
//! Every edge and service asks [`Access::require`]; nobody has a check of its own. Decisions are made in memory
//! by `gatepost-rbac` on a snapshot that follows each committed change before the change is acknowledged.

mod caller;

pub use caller::Caller;
