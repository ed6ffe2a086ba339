//! Azure role-based access control as pure rules: who may do which action at which scope, and why.
//!
//! The only callers are `gatepost-access`, which keeps a [`Snapshot`] in memory and asks it, and the resource
//! types of Microsoft.Authorization, which check custom roles with [`custom`]. Nothing here reads a clock, a
//! file or a store. Rules: reference rbac.md sections 1 to 4; directory roles: section 11.
//!
//! Two principles: a decision always says why, and whatever is not understood grants nothing. Conditions are
//! not evaluated yet, so an assignment or a permission block that carries one grants nothing.

pub mod builtin;
mod compiled;
pub mod custom;
mod decision;
pub mod directory;
mod pattern;
mod role;
mod snapshot;

pub use compiled::{CompiledRole, Coverage};
pub use decision::{Decision, DenialCause, FoundRole, Grant};
pub use pattern::{ActionPattern, PatternError, action_matches};
pub use role::{PermissionBlock, Plane, RoleDefinition};
pub use snapshot::{Assignment, Snapshot};
