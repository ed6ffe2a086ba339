//! The front door: the command line, the wiring of the services and edges, and the first start of a data
//! folder. Nothing is decided here; each module hands over to a service or speaks to the running server's own
//! HTTPS and SMTP interfaces.

mod access_command;
mod access_text;
pub mod bootstrap;
pub mod certificates;
pub mod cli;
mod client;
mod data_folder;
mod demo;
mod demo_message;
mod demo_snippets;
mod log;
mod machine;
mod management;
mod operator;
mod output;
mod principals;
pub mod server;
mod tenant;
mod up;
mod verify;

pub use data_folder::{DataFolder, FolderError};
pub use up::{Address, Addresses, AfterReady, Outside, StartError, UpOptions};
