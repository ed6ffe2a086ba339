//! The wiring: opens the services on a data folder, binds the listeners, and gives each edge what it needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost_access::Access;
use gatepost_arm::Arm;
use gatepost_authority::Authority;
use gatepost_clock::Clock;
use gatepost_delivery::{Delivery, Settings};
use gatepost_directory::Directory;
use gatepost_graph::Graph;
use gatepost_https::{Absent, Edge, Listener, serve, serve_plain};
use gatepost_resources::Resources;
use gatepost_resources::communication::RefusalLog;
use gatepost_resources::communication::sending::Sending;
use gatepost_resources::mail::MailQueue;
use gatepost_resources::provider::Platform;
use gatepost_store::Store;
use gatepost_submission::{Mode, Submission};
use gatepost_tokens::Tokens;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bootstrap::{self, Bootstrap, Endpoints, FirstStart};
use crate::certificates::ServerCertificate;
use crate::data_folder::DataFolder;
use crate::machine;
use crate::management::Management;
use crate::up::{Address, Addresses, StartError, UpOptions};

/// A server that runs.
pub struct Server {
    folder: DataFolder,
    bootstrap: Bootstrap,
    delivery: Delivery,
    stop: watch::Sender<bool>,
    listening: JoinSet<()>,
}

impl Server {
    /// Starts everything on a folder that this process holds. When it returns, all listeners answer and
    /// `bootstrap.json` is written.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(folder: DataFolder, options: &UpOptions) -> Result<Server, StartError> {
        let listeners = Listeners::bind(&options.addresses).await?;
        let for_machine = match &options.managed_identity {
            Some(address) => Some((address, Listeners::one("--managed-identity", address).await?)),
            None => None,
        };
        let endpoints = listeners.endpoints(&options.addresses);
        let certificate = ServerCertificate::open(folder.path())?;
        let mut services = Services::open(&folder, options, &certificate, endpoints)?;
        let (stop, stopped) = watch::channel(false);
        let mut metadata = None;
        if let Some((address, listener)) = for_machine {
            let Services { directory, tokens, bootstrap, .. } = &mut services;
            let (edge, identity) =
                machine::metadata(directory, tokens, bootstrap.tenant_id, address, &listener)?;
            bootstrap.managed_identity = Some(identity);
            metadata = Some((listener, edge));
        }
        services.bootstrap.save(&folder.bootstrap_file())?;
        services.delivery.start().map_err(|e| StartError::Service(format!("delivery: {e}")))?;
        let mut listening = listeners.serve(&services, &certificate, &stopped)?;
        if let Some((listener, edge)) = metadata {
            listening.spawn(serve_plain(listener, Arc::new(edge), stopped.clone()));
        }
        listening.spawn(machine::warn_of_ending_credentials(services.directory.clone(), stopped));
        let Services { bootstrap, delivery, .. } = services;
        Ok(Server { folder, bootstrap, delivery, stop, listening })
    }

    /// What a client needs to know, secrets included.
    pub fn bootstrap(&self) -> &Bootstrap {
        &self.bootstrap
    }

    /// The file that says so.
    pub fn bootstrap_file(&self) -> PathBuf {
        self.folder.bootstrap_file()
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops accepting, finishes what was acknowledged, closes the store.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.listening.join_next().await.is_some() {}
        let delivery = self.delivery;
        // Stopping waits for threads that write to disk.
        drop(tokio::task::spawn_blocking(move || delivery.stop()).await);
    }
}

/// The services, opened in the order in which they stand on each other.
struct Services {
    store: Store,
    clock: Clock,
    access: Access,
    directory: Directory,
    tokens: Tokens,
    resources: Resources,
    sending: Sending,
    delivery: Delivery,
    bootstrap: Bootstrap,
}

impl Services {
    fn open(
        folder: &DataFolder,
        options: &UpOptions,
        certificate: &ServerCertificate,
        endpoints: Endpoints,
    ) -> Result<Services, StartError> {
        let failed =
            |what: &'static str| move |error: String| StartError::Service(format!("{what}: {error}"));
        let clock = Clock::system();
        let store = Store::open(&folder.database()).map_err(|e| failed("store")(e.to_string()))?;
        let access =
            Access::open(store.clone(), clock.clone()).map_err(|e| failed("access")(e.to_string()))?;
        let outside = machine::outside_settings(&options.outside)?;
        let directory = Directory::open_with(store.clone(), clock.clone(), access.clone(), outside)
            .map_err(|e| failed("directory")(e.to_string()))?;
        let first = FirstStart { store: &store, clock: &clock, access: &access, directory: &directory };
        let origins = endpoints.origins();
        let bootstrap = bootstrap::open(
            &first,
            &folder.bootstrap_file(),
            &certificate.ca_file,
            endpoints,
            &options.tenants,
        )?;
        let tokens = Tokens::open(store.clone(), clock.clone(), directory.clone(), origins.clone())
            .map_err(|e| failed("tokens")(e.to_string()))?;
        let settings = Settings { hold: options.hold_delivery, ..Settings::in_folder(folder.path()) };
        let delivery = Delivery::open(store.clone(), clock.clone(), settings)
            .map_err(|e| failed("delivery")(e.to_string()))?;
        let platform = Platform {
            store: store.clone(),
            clock: clock.clone(),
            access: access.clone(),
            directory: directory.clone(),
            refusals: RefusalLog::default(),
            origins,
        };
        let sending = Sending::open(platform.clone(), tokens.clone());
        let resources = Resources::open(platform);
        resources.purge_activity();
        resources.prepare_answers();
        Ok(Services { store, clock, access, directory, tokens, resources, sending, delivery, bootstrap })
    }
}

/// The bound sockets, one listener a protocol.
struct Listeners {
    portal: Listener,
    authority: Listener,
    resource_manager: Listener,
    graph: Listener,
    email: Listener,
    provisioning: Listener,
    smtp: Listener,
    smtps: Listener,
    management: Listener,
}

impl Listeners {
    async fn one(what: &'static str, address: &Address) -> Result<Listener, StartError> {
        Listener::bind(&address.sockets).await.map_err(|error| StartError::Listen { what, error })
    }

    async fn bind(addresses: &Addresses) -> Result<Listeners, StartError> {
        let one = Listeners::one;
        Ok(Listeners {
            portal: one("--portal", &addresses.portal).await?,
            authority: one("--authority", &addresses.authority).await?,
            resource_manager: one("--resource-manager", &addresses.resource_manager).await?,
            graph: one("--graph", &addresses.graph).await?,
            email: one("--email", &addresses.email).await?,
            provisioning: one("--provisioning", &addresses.provisioning).await?,
            smtp: one("--smtp", &addresses.smtp).await?,
            smtps: one("--smtps", &addresses.smtps).await?,
            management: one("--management", &addresses.management).await?,
        })
    }

    fn endpoints(&self, addresses: &Addresses) -> Endpoints {
        let at = |address: &Address, listener: &Listener| format!("{}:{}", address.host, listener.port());
        let https = |address: &Address, listener: &Listener| format!("https://{}", at(address, listener));
        Endpoints {
            portal: https(&addresses.portal, &self.portal),
            authority: https(&addresses.authority, &self.authority),
            resource_manager: https(&addresses.resource_manager, &self.resource_manager),
            graph: https(&addresses.graph, &self.graph),
            email: https(&addresses.email, &self.email),
            provisioning: https(&addresses.provisioning, &self.provisioning),
            smtp: at(&addresses.smtp, &self.smtp),
            smtps: at(&addresses.smtps, &self.smtps),
            management: format!("http://{}", at(&addresses.management, &self.management)),
        }
    }

    /// Starts a task a listener; each ends once `stopped` turns true and its work is finished.
    fn serve(
        self,
        services: &Services,
        certificate: &ServerCertificate,
        stopped: &watch::Receiver<bool>,
    ) -> Result<JoinSet<()>, StartError> {
        let https = certificate.server_config(&[b"http/1.1"])?;
        let origins = services.bootstrap.endpoints.origins();
        let edges: [(Listener, Arc<dyn Edge>); 6] = [
            (self.portal, Arc::new(Absent::new("The portal"))),
            (
                self.authority,
                Arc::new(Authority::new(
                    services.tokens.clone(),
                    services.directory.clone(),
                    services.clock.clone(),
                    origins.clone(),
                )),
            ),
            (
                self.resource_manager,
                Arc::new(
                    Arm::new(
                        services.resources.clone(),
                        services.tokens.clone(),
                        services.access.clone(),
                        services.clock.clone(),
                        origins.clone(),
                    )
                    .with_mail_queue(MailQueue::new(services.resources.clone(), services.delivery.clone())),
                ),
            ),
            (
                self.graph,
                Arc::new(Graph::new(
                    services.directory.clone(),
                    services.tokens.clone(),
                    services.access.clone(),
                    services.clock.clone(),
                    origins,
                )),
            ),
            (self.email, Arc::new(Absent::new("The e-mail data plane"))),
            (self.provisioning, Arc::new(Absent::new("The Provisioning API"))),
        ];
        let mut listening = JoinSet::new();
        for (listener, edge) in edges {
            listening.spawn(serve(listener, Arc::clone(&https), edge, stopped.clone()));
        }
        let management = Management {
            store: services.store.clone(),
            delivery: services.delivery.clone(),
            directory: services.directory.clone(),
        };
        listening.spawn(serve_plain(self.management, Arc::new(management), stopped.clone()));
        let gate = gatepost_submission::Services {
            sending: services.sending.clone(),
            delivery: services.delivery.clone(),
            clock: services.clock.clone(),
        };
        let settings = gatepost_submission::Settings::default();
        let submission = Submission::new(gate, certificate.server_config(&[])?, settings);
        for (listener, mode) in [(self.smtp, Mode::StartTls), (self.smtps, Mode::ImplicitTls)] {
            let serving = Arc::clone(&submission).serve(listener.into_sockets(), mode, stopped.clone());
            listening.spawn(serving);
        }
        Ok(listening)
    }
}
