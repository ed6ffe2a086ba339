//! The one door to access decisions.
//!
//! Every edge and service asks [`Access::require`]; nobody has a check of its own. Decisions are made in
//! memory by `gatepost-rbac` on a snapshot that follows each committed change before the change is
//! acknowledged.

mod assignments;
mod caller;
mod decide;
mod denied;
mod directory;
mod roles;
mod state;

pub use assignments::RoleAssignment;
pub use caller::Caller;
pub use decide::Granted;
pub use denied::{Denied, DirectoryDenied};
pub use gatepost_rbac::directory::{DirectoryAction, GLOBAL_ADMINISTRATOR};
pub use gatepost_rbac::{DenialCause, FoundRole, PermissionBlock, Plane, RoleDefinition};
pub use roles::StoredRole;
pub use state::Access;
