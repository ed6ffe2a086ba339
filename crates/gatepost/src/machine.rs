//! What this machine adds to the directory: which outside issuers may be fetched from, the managed identity of its
//! programs, and the operator's warnings of credentials that end.

use std::collections::HashSet;
use std::time::Duration;

use gatepost_directory::{Directory, EndingCredential, WARNING_DAYS};
use gatepost_https::Listener;
use gatepost_metadata::Metadata;
use gatepost_names::TenantId;
use gatepost_tokens::Tokens;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;
use uuid::Uuid;

use crate::bootstrap::MachineIdentity;
use crate::up::{Address, Outside, StartError};

/// How often the operator is warned anew of what is ending.
const WARNING_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings for fetching from outside issuers.
pub(crate) fn outside_settings(outside: &Outside) -> Result<gatepost_fetch::Settings, StartError> {
    let mut settings = gatepost_fetch::Settings {
        private_hosts: outside.private_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        ..gatepost_fetch::Settings::default()
    };
    if let Some(file) = &outside.ca {
        let failed =
            |reason: String| StartError::Service(format!("--federation-ca {}: {reason}", file.display()));
        let read = CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))?;
        settings.extra_roots = read.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
        if settings.extra_roots.is_empty() {
            return Err(failed("there is no certificate in it".to_owned()));
        }
    }
    Ok(settings)
}

/// The managed-identity endpoint of a tenant, and what programs need to know of it.
pub(crate) fn metadata(
    directory: &Directory,
    tokens: &Tokens,
    tenant: TenantId,
    address: &Address,
    listener: &Listener,
) -> Result<(Metadata, MachineIdentity), StartError> {
    let failed =
        |error: gatepost_directory::DirectoryError| StartError::Service(format!("identity: {error}"));
    let own = directory.own_managed_identity(tenant).map_err(failed)?;
    let identity = MachineIdentity {
        client_id: own.app_id,
        object_id: own.id,
        endpoint: format!("http://{}:{}", address.host, listener.port()),
    };
    let named = gatepost_directory::ManagedIdentity::Object(own.id);
    Ok((Metadata::new(tokens.clone(), directory.clone(), tenant, named), identity))
}

/// Warns of credentials that end soon: of each at the start, when it comes within reach, and once a day.
pub(crate) async fn warn_of_ending_credentials(directory: Directory, mut stop: watch::Receiver<bool>) {
    let mut hourly = tokio::time::interval(Duration::from_secs(60 * 60));
    let mut warned: HashSet<Uuid> = HashSet::new();
    let mut begun = tokio::time::Instant::now();
    loop {
        tokio::select! {
            _ = hourly.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if begun.elapsed() >= WARNING_PERIOD {
            warned.clear();
            begun = tokio::time::Instant::now();
        }
        let asked = directory.clone();
        match tokio::task::spawn_blocking(move || asked.credentials_ending()).await {
            Ok(Ok(ending)) => {
                for credential in ending.iter().filter(|credential| warned.insert(credential.key_id)) {
                    warn(credential);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "credentials that end cannot be listed"),
            Err(_) => return,
        }
    }
}

fn warn(credential: &EndingCredential) {
    tracing::warn!(
        tenant = %credential.tenant,
        object = %credential.object,
        holder = ?credential.holder,
        key_id = %credential.key_id,
        name = ?credential.display_name,
        kind = ?credential.kind,
        end = %credential.end,
        "a credential ends within {WARNING_DAYS} days"
    );
}
