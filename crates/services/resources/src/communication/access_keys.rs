//! The access keys of a communication service and the connection strings made of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepost_names::Origins;
use gatepost_store::StoreError;
use serde_json::{Value, json};

/// Bytes of an access key.
const KEY_BYTES: usize = 64;

/// A new access key.
///
/// # Errors
/// [`StoreError::Engine`] when the operating system gives no randomness.
pub(super) fn generate() -> Result<Vec<u8>, StoreError> {
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| StoreError::Engine(format!("no randomness: {error}")))?;
    Ok(key)
}

/// Where the service answers its data plane, without the scheme: host, port and path.
pub(super) fn host_name(origins: &Origins, service_name: &str) -> String {
    let origin = origins.email.as_str();
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    format!("{host}/{}", service_name.to_lowercase())
}

/// The answer of `listKeys` and `regenerateKey`.
pub(super) fn show(origins: &Origins, service_name: &str, keys: &[Vec<u8>; 2]) -> Value {
    let endpoint = format!("{}/{}/", origins.email, service_name.to_lowercase());
    let [primary, secondary] = keys.each_ref().map(|key| STANDARD.encode(key));
    let connection = |key: &str| format!("endpoint={endpoint};accesskey={key}");
    json!({
        "primaryConnectionString": connection(&primary),
        "secondaryConnectionString": connection(&secondary),
        "primaryKey": primary,
        "secondaryKey": secondary,
    })
}
