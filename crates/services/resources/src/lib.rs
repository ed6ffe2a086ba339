//! The resource tree and its providers: what Azure Resource Manager is about.
//!
//! [`Resources`] holds the use cases; the ARM edge and the portal call them. A resource type is one module that
//! implements [`provider::ResourceType`]; everything that is the same for all types is done here: existence of
//! groups and parents, access, tags, `systemData`, conditional requests, storing, lists. Rules: reference
//! entra-arm-clients.md sections 4 to 6, authorization-arm.md, rbac.md sections 1 to 7.

pub mod access_answers;
mod actions;
pub mod activity;
mod authorization;
pub mod catalogue;
pub mod communication;
mod deletes;
mod error;
mod groups;
mod intent;
mod listing;
mod locations;
pub mod locks;
pub mod mail;
pub mod management_groups;
mod operations;
pub mod provider;
mod reads;
pub mod registry;
mod rendering;
pub mod request;
mod service;
mod subscriptions;
mod tags;
pub mod tree;
pub mod versions;
mod writes;

pub use authorization::{Limits, Query};
pub use error::{Detail, ResourceError};
pub use intent::Intent;
pub use reads::Collection;
pub use rendering::Expand;
pub use request::{Acted, Conditions, Deleted, Listing, Page, Shown, Written};
pub use service::Resources;
pub use versions::ApiVersion;
