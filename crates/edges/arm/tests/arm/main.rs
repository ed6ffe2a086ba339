//! The resource manager's edge, asked as a client asks it, over real services and a store of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod activity;
mod assignment_input;
mod assignment_lists;
mod assignment_rules;
mod assignments;
mod bad_input;
mod definition_rules;
mod definitions;
mod delegation;
mod denies;
mod elevation;
mod fixture;
mod groups;
mod last_owner;
mod locks;
mod mail;
mod management_groups;
mod platform;
mod resources;
mod things;
