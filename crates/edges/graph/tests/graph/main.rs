//! The edge with real tokens over a real store: what clients send, and what they get, byte for byte where
//! clients look.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod applications;
mod groups;
mod house;
mod several;
