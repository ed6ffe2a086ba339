//! The demo's own SMTP client: moves bytes between a socket and `gatepost_smtp::client::Client`.

use std::sync::Arc;
use std::time::Duration;

use gatepost_smtp::client::{Authentication, Client, Event, Outgoing, Profile};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::demo::Made;

/// How long the whole session may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends one message over STARTTLS and AUTH PLAIN; answers the message id of the server's last reply.
pub(crate) async fn send(endpoint: &str, tls: rustls::ClientConfig, made: &Made) -> Result<String, String> {
    tokio::time::timeout(PATIENCE, session(endpoint, tls, made))
        .await
        .unwrap_or_else(|_| Err(format!("{endpoint} took too long")))
}

async fn session(endpoint: &str, tls: rustls::ClientConfig, made: &Made) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{endpoint}: {error}");
    let host =
        endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host).trim_matches(['[', ']']).to_owned();
    let mut client = Client::new(Profile {
        name: "localhost".to_owned(),
        starttls: true,
        authentication: Authentication::Plain {
            username: made.username.clone(),
            password: made.secret.clone().into(),
        },
        pipelining: true,
    });
    let mut plain = TcpStream::connect(endpoint).await.map_err(failed)?;
    match advance(&mut client, &mut plain).await.map_err(failed)? {
        Event::StartTls => {}
        other => return Err(format!("STARTTLS was refused: {other:?}")),
    }
    let name = ServerName::try_from(host).map_err(|e| e.to_string())?;
    let mut secure = TlsConnector::from(Arc::new(tls)).connect(name, plain).await.map_err(failed)?;
    client.tls_established();
    match advance(&mut client, &mut secure).await.map_err(failed)? {
        Event::Ready => {}
        other => return Err(format!("signing in was refused: {other:?}")),
    }
    let content = format!(
        "From: Gatepost demo <{sender}>\r\nTo: you@example.com\r\nSubject: Hello from Gatepost\r\n\r\n\
         An application with a least-privilege role sent this.\r\n",
        sender = made.sender
    );
    client.send(Outgoing {
        reverse_path: &made.sender,
        recipients: &["you@example.com"],
        content: content.as_bytes(),
    });
    let reply = loop {
        match advance(&mut client, &mut secure).await.map_err(failed)? {
            Event::ContentSent => {}
            Event::Accepted(reply) => break reply,
            other => return Err(format!("the message was refused: {other:?}")),
        }
    };
    client.quit();
    // The message is accepted already: how the session ends changes nothing.
    drop(advance(&mut client, &mut secure).await);
    reply.text().split_whitespace().next().map(str::to_owned).ok_or_else(|| "no message id".to_owned())
}

/// Writes what waits and reads until something happens.
async fn advance<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client,
    stream: &mut S,
) -> std::io::Result<Event> {
    let mut buffer = [0_u8; 4096];
    loop {
        let output = std::mem::take(client.output());
        stream.write_all(&output).await?;
        stream.flush().await?;
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let mut input = buffer.get(..read).unwrap_or_default();
        let event = client.feed(&mut input);
        if event != Event::NeedInput {
            return Ok(event);
        }
    }
}
