//! The resource tree and its providers: what Azure Resource Manager is about.

pub mod communication;
mod error;
pub mod provider;

pub use error::ResourceError;
