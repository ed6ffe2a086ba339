//! What a [`Snapshot`](crate::Snapshot) is built from: a seeded hash, tables that share all that a change
//! does not touch, and the fingerprints by which an assignment is found.

mod hash;
mod marks;
mod shards;
mod slab;

pub(crate) use hash::{Seed, last_word};
pub(crate) use marks::{Filter, Home, Homes, Mark, Marked, Tags};
pub(crate) use shards::Shards;
pub(crate) use slab::{NO_SLOT, Slab};
