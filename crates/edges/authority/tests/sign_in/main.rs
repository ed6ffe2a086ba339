//! Signing in as browsers, devices and clients do it, over a real store, directory and token service.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "tests"
)]

mod abuse;
mod behalf;
mod code;
mod consent;
mod device;
mod fixture;
mod grants;
mod pages;
