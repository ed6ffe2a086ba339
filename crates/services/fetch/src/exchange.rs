//! One request and its answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{FetchError, Settings, Target};

/// Most header fields of an answer.
const MOST_FIELDS: usize = 64;
/// Most bytes of an answer's header section.
const LONGEST_HEAD: usize = 16 * 1024;

pub(crate) async fn get(
    target: &Target,
    settings: &Settings,
    tls: &Arc<ClientConfig>,
) -> Result<Vec<u8>, FetchError> {
    let stream = connect(target, settings, tls).await?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MOST_FIELDS)
        .max_buf_size(LONGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| FetchError::Protocol(error.to_string()))?;
    let request = Request::get(&target.path)
        .header(header::HOST, host_field(target))
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("gatepost/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Url)?;
    let answer = async {
        let answer =
            sender.send_request(request).await.map_err(|error| FetchError::Protocol(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), settings.bytes).collect().await;
        body.map(|body| body.to_bytes().to_vec()).map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLong
            } else {
                FetchError::Protocol(error.to_string())
            }
        })
    };
    // The connection makes progress only while it is asked to.
    tokio::pin!(answer);
    tokio::select! {
        outcome = &mut answer => outcome,
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(FetchError::Protocol(error.to_string())),
        },
    }
}

async fn connect(
    target: &Target,
    settings: &Settings,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, FetchError> {
    let name = ServerName::try_from(target.bare_host().to_owned()).map_err(|_| FetchError::Url)?;
    let addresses = target.vet(resolve(target).await?, settings)?;
    let mut failed = FetchError::Resolve;
    // A few: a name with a thousand addresses is not worth a thousand connections.
    for address in addresses.into_iter().take(4) {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                let connector = TlsConnector::from(Arc::clone(tls));
                let connected = connector.connect(name, socket).await;
                return connected.map_err(|error| FetchError::Connect(error.to_string()));
            }
            Err(error) => failed = FetchError::Connect(error.to_string()),
        }
    }
    Err(failed)
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, FetchError> {
    let host = target.bare_host();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let found = tokio::net::lookup_host((host, target.port)).await.map_err(|_| FetchError::Resolve)?;
    Ok(found.collect())
}

fn host_field(target: &Target) -> String {
    if target.port == 443 { target.host.clone() } else { format!("{}:{}", target.host, target.port) }
}
