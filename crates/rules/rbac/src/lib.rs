//! Azure role-based access control as pure rules: who may do which action at which scope, and why.
//!
//! The only callers are `gatepost-access`, which keeps a [`Snapshot`] of each tenant in memory and asks it, and
//! the resource types of Microsoft.Authorization, which check custom roles with [`custom`] and conditions with
//! [`condition`]. Nothing here reads a clock, a file or a store. Rules: reference rbac.md sections 1 to 4, 9
//! and 10; directory roles: section 11.
//!
//! Two principles: a decision always says why, and whatever is not understood grants nothing.

mod action;
mod assignment;
pub mod builtin;
mod cause;
mod compiled;
pub mod condition;
pub mod custom;
mod decide;
mod decision;
mod deny;
pub mod diff;
pub mod directory;
pub mod explain;
pub mod graph_permissions;
mod hierarchy;
mod index;
pub mod least;
mod lock;
mod path;
mod pattern;
mod principals;
mod query;
mod role;
mod roles;
mod scopes;
mod snapshot;

pub use action::MAX_ACTION;
pub use assignment::{Assignment, Held};
pub use cause::{DenialCause, FoundRole};
pub use compiled::{CompiledRole, Coverage};
pub use decide::Question;
pub use decision::{Decision, Denial, Grant};
pub use deny::{DeniedPrincipals, DenyAssignment, DenyEffect};
pub use hierarchy::{Hierarchy, MAX_DEPTH};
pub use lock::{Lock, LockLevel, LockedOperation};
pub use pattern::{ActionPattern, PatternError, action_matches};
pub use principals::Cycle;
pub use role::{PermissionBlock, Plane, RoleDefinition};
pub use snapshot::Snapshot;
