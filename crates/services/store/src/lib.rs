//! The store: one relational database, and beside it the spool that holds accepted messages.
//!
//! All SQL is in this crate, one file a group of tables; the services call typed functions. The engine today
//! is SQLite in WAL mode with `synchronous=FULL`: a write that returned is on disk. Access goes through
//! [`Conn`], which names no engine, so that the same statements can run on PostgreSQL.

pub mod access;
pub mod communication;
mod database;
pub mod directory;
mod error;
pub mod keys;
mod migrations;
pub mod queue;
pub mod resources;
mod row;
pub mod spool;
pub mod tenants;

pub use database::{Conn, Store, Tx};
pub use error::StoreError;
pub use row::{Param, Row};
