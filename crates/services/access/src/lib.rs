//! The one door to access decisions.
//!
//! Every edge and service asks [`Access::require`]; nobody has a check of its own. Decisions are made in
//! memory by `gatepost-rbac` on a snapshot that follows each committed change before the change is
//! acknowledged.

mod answers;
mod assignments;
mod attributes;
mod caller;
mod decide;
mod denied;
mod denies;
mod directory;
mod groups;
mod hierarchy;
mod load;
mod locks;
mod roles;
mod state;

pub use answers::{About, Change, Unanswerable, WhatIfError};
pub use assignments::RoleAssignment;
pub use attributes::NotYetKnown;
pub use caller::{Caller, RequestLine, RequestOrigin};
pub use decide::Granted;
pub use denied::{Denied, DirectoryDenied};
pub use denies::{DenyPrincipal, StoredDeny};
pub use gatepost_rbac::directory::{
    DirectoryAction, GLOBAL_ADMINISTRATOR, ROLES as DIRECTORY_ROLES, Target as DirectoryTarget,
    is_privileged, name as directory_role_name, owns_what_it_makes,
    resource_actions as directory_role_actions,
};
pub use gatepost_rbac::graph_permissions::{GRAPH_PERMISSIONS, GraphPermission};
pub use gatepost_rbac::{
    DenialCause, DenyEffect, FoundRole, Lock, LockLevel, LockedOperation, PermissionBlock, Plane,
    RoleDefinition,
};
pub use gatepost_store::Reach;
pub use gatepost_store::assignments::Position;
pub use groups::MemberError;
pub use hierarchy::{Extent, ManagementGroup, ManagementGroupError};
pub use locks::{Locked, StoredLock};
pub use roles::StoredRole;
pub use state::Access;
