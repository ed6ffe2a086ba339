//! A client of the server's own HTTPS interfaces: what operator commands and the demo speak through, with the
//! rights of the principal that they sign in as and no others.

use std::path::Path;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::bootstrap::Bootstrap;

/// Most bytes of a reply that are read.
const REPLY_LIMIT: usize = 16 * 1024 * 1024;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The folder's files cannot be used.
    #[error("{0}")]
    Setup(String),
    /// Nobody answers.
    #[error(
        "the server at {origin} does not answer: {reason} (is `gatepost up` running on this data folder?)"
    )]
    Unreachable {
        /// Where.
        origin: String,
        /// Why.
        reason: String,
    },
    /// The server refused.
    #[error("{code}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The error code of the reply.
        code: String,
        /// Its text.
        message: String,
    },
    /// The reply is not what the protocol says.
    #[error("the reply of {0} cannot be understood")]
    Unexpected(String),
}

impl ClientError {
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            ClientError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Which interface a call goes to; each has tokens of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    ResourceManager,
    Graph,
}

/// A signed-in client.
pub(crate) struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(crate) bootstrap: Bootstrap,
    resource_manager_token: String,
    graph_token: String,
}

impl Client {
    /// Signs in as the automation principal of the folder.
    pub(crate) async fn sign_in(folder: &Path) -> Result<Client, ClientError> {
        let bootstrap =
            Bootstrap::load(&folder.join("bootstrap.json")).map_err(|e| ClientError::Setup(e.to_string()))?;
        let tls = trusting(Path::new(&bootstrap.ca_file))?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        let http = HttpClient::builder(TokioExecutor::new()).build(connector);
        let mut client =
            Client { http, bootstrap, resource_manager_token: String::new(), graph_token: String::new() };
        client.resource_manager_token = client.token(Api::ResourceManager).await?;
        client.graph_token = client.token(Api::Graph).await?;
        Ok(client)
    }

    fn origin(&self, api: Api) -> &str {
        match api {
            Api::ResourceManager => &self.bootstrap.endpoints.resource_manager,
            Api::Graph => &self.bootstrap.endpoints.graph,
        }
    }

    async fn token(&self, api: Api) -> Result<String, ClientError> {
        let url =
            format!("{}/{}/oauth2/v2.0/token", self.bootstrap.endpoints.authority, self.bootstrap.tenant_id);
        let scope = format!("{}/.default", self.origin(api));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.bootstrap.automation.client_id.to_string()),
            ("client_secret", &self.bootstrap.automation.client_secret),
            ("scope", &scope),
        ];
        let body = form
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect::<Vec<_>>()
            .join("&");
        let request = Request::post(&url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(body))
            .map_err(|e| ClientError::Setup(e.to_string()))?;
        let (_, reply) = self.send(request).await?;
        reply
            .get("access_token")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or(ClientError::Unexpected(url))
    }

    /// Calls an interface. `path` begins with a slash and has its query.
    ///
    /// # Errors
    /// [`ClientError::Refused`] for any status that is not of the 200s.
    pub(crate) async fn call(
        &self,
        api: Api,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), ClientError> {
        let token = match api {
            Api::ResourceManager => &self.resource_manager_token,
            Api::Graph => &self.graph_token,
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin(api)))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.map(Value::to_string).unwrap_or_default()))
            .map_err(|e| ClientError::Setup(e.to_string()))?;
        self.send(request).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), ClientError> {
        let origin = request.uri().to_string();
        let reply = self.http.request(request).await.map_err(|e| ClientError::Unreachable {
            origin: origin.clone(),
            reason: std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string),
        })?;
        let status = reply.status();
        let body = Limited::new(reply.into_body(), REPLY_LIMIT)
            .collect()
            .await
            .map_err(|_| ClientError::Unexpected(origin.clone()))?
            .to_bytes();
        let value = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).map_err(|_| ClientError::Unexpected(origin))?
        };
        if status.is_success() { Ok((status, value)) } else { Err(refusal(status, &value)) }
    }
}

/// Reads the error of ARM and Graph (`error.code`, `error.message`) or of OAuth (`error`, `error_description`).
fn refusal(status: StatusCode, body: &Value) -> ClientError {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, message) = match body.get("error") {
        Some(Value::Object(error)) => (text(error.get("code")), text(error.get("message"))),
        error => (text(error), text(body.get("error_description"))),
    };
    ClientError::Refused { status, code, message }
}

fn percent(value: &str) -> String {
    value
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// TLS settings that trust one authority and no other.
pub(crate) fn trusting(ca_file: &Path) -> Result<rustls::ClientConfig, ClientError> {
    let failed = |reason: String| ClientError::Setup(format!("{}: {reason}", ca_file.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).map_err(|e| failed(e.to_string()))? {
        let certificate = certificate.map_err(|e| failed(e.to_string()))?;
        roots.add(certificate).map_err(|e| failed(e.to_string()))?;
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
