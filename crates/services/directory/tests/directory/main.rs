//! The directory over a real store.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod groups;
mod house;
mod identities;
mod losses;
mod matrix;
mod reach;
mod speed;
