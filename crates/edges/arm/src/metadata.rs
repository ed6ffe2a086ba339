//! `/metadata/endpoints`: where the parts of this cloud are, for clients that are being set up. No token is
//! needed (reference entra-arm-clients.md section 4).

use gatepost_names::Origins;
use serde_json::{Value, json};

/// The api-versions, newest first. Before 2022-09-01 the answer was an array.
pub(crate) const VERSIONS: &[&str] =
    &["2023-12-01", "2023-11-01", "2022-09-01", "2020-09-01", "2020-06-01", "2019-05-01", "2018-05-01"];
const FIRST_OBJECT: &str = "2022-09-01";

/// The document of one of [`VERSIONS`].
pub(crate) fn endpoints(origins: &Origins, version: &str) -> Value {
    let cloud = cloud(origins);
    if version >= FIRST_OBJECT { cloud } else { json!([cloud]) }
}

/// Resource ids end with a slash, as Azure's do: clients put them into token requests as they are.
fn cloud(origins: &Origins) -> Value {
    let manager = format!("{}/", origins.resource_manager);
    let graph = format!("{}/", origins.graph);
    json!({
        "name": "Gatepost",
        "portal": origins.portal,
        "authentication": {
            "loginEndpoint": origins.authority,
            "audiences": [manager, origins.resource_manager],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": manager,
        "microsoftGraphResourceId": graph,
        "graphAudience": graph,
        "graph": "",
        "gallery": "",
        "media": "",
        "batch": "",
        "sqlManagement": "",
        "vmImageAliasDoc": "",
        "activeDirectoryDataLake": "",
        "appInsightsResourceId": "",
        "appInsightsTelemetryChannelResourceId": "",
        "attestationResourceId": "",
        "logAnalyticsResourceId": "",
        "ossrDbmsResourceId": "",
        "synapseAnalyticsResourceId": "",
        "suffixes": {},
    })
}
