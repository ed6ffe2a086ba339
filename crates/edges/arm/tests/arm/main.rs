//! The resource manager's edge, asked as a client asks it, over real services and a store of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod assignments;
mod bad_input;
mod definitions;
mod fixture;
mod groups;
mod mail;
mod platform;
mod resources;
mod things;
