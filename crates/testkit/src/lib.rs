//! What tests over the whole server stand on: a server on free ports in a folder of its own, and a load
//! generator. Never part of the product.
#![expect(clippy::expect_used, reason = "a test that cannot start its server has failed")]

pub mod load;

use std::path::Path;

use gatepost::bootstrap::Bootstrap;
use gatepost::server::Server;
use gatepost::{Addresses, DataFolder, Outside, UpOptions};

/// A server in this process, on free ports. Stop it with [`TestServer::stop`].
pub struct TestServer {
    server: Server,
}

impl TestServer {
    /// Starts a server on `folder`.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(folder: &Path) -> TestServer {
        let options = UpOptions {
            data: folder.to_owned(),
            addresses: Addresses::free(),
            hold_delivery: false,
            managed_identity: None,
            outside: Outside::default(),
            tenants: Vec::new(),
        };
        let folder = DataFolder::take(folder).expect("the data folder is free");
        TestServer { server: Server::start(folder, &options).await.expect("the server starts") }
    }

    /// What `bootstrap.json` says.
    pub fn bootstrap(&self) -> &Bootstrap {
        self.server.bootstrap()
    }

    /// Stops it cleanly.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
