//! The store: one relational database, and beside it the spool that holds accepted messages.
//!
//! All SQL is in this crate, one file a group of tables; the services call typed functions. The engine today
//! is SQLite in WAL mode with `synchronous=FULL`: a write that returned is on disk. Access goes through
//! [`Conn`], which names no engine, so that the same statements can run on PostgreSQL.

pub mod access;
pub mod activity;
pub mod assignments;
pub mod communication;
pub mod credentials;
pub mod credentials_of_users;
mod database;
pub mod denies;
pub mod directory;
mod error;
pub mod groups;
pub mod keys;
pub mod locks;
pub mod management_groups;
mod migrations;
pub mod queue;
mod reach;
pub mod resources;
mod row;
pub mod sessions;
pub mod sessions_devices;
pub mod sessions_grants;
pub mod sessions_log;
pub mod spool;
pub mod tenants;

pub use database::{Conn, Store, Tx};
pub use error::StoreError;
pub use reach::Reach;
pub use row::{Param, Row};
