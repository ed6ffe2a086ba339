//! Where this server's protocols answer.

/// The base URL of each HTTPS origin, scheme and port and all, without a trailing slash:
/// `https://localhost:8444`. Clients need them separate (`docs/specifications.md`, origins).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// The portal.
    pub portal: String,
    /// Sign-in and tokens; the issuer of tokens is below it.
    pub authority: String,
    /// Azure Resource Manager.
    pub resource_manager: String,
    /// Microsoft Graph.
    pub graph: String,
    /// The e-mail data plane; a communication service answers below it.
    pub email: String,
    /// The gateway's Provisioning API.
    pub provisioning: String,
}
