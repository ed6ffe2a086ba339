//! One connection of the generator.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gatepost_smtp::client::{Client, Event, Outgoing, Profile};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::{Options, Security};

/// How long a server may take to say something; one that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that has been opened as far as [`Event::Ready`].
pub(super) struct Session {
    stream: Box<dyn Stream>,
    client: Client,
    input: Vec<u8>,
    used: usize,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// When the end of data was written and when its reply had come.
pub(super) struct Sent {
    pub(super) end_of_data: Instant,
    pub(super) replied: Instant,
}

impl Session {
    /// Connects, encrypts and authenticates.
    pub(super) async fn open(options: &Options, tls: &Arc<ClientConfig>) -> io::Result<Session> {
        let socket = TcpStream::connect(options.server).await?;
        socket.set_nodelay(true)?;
        let client = Client::new(Profile {
            name: "load.test".to_owned(),
            starttls: options.security == Security::StartTls,
            authentication: options.authentication.clone(),
            pipelining: options.pipelining,
        });
        let stream: Box<dyn Stream> = match options.security {
            Security::Implicit => Box::new(encrypt(options, tls, Box::new(socket)).await?),
            Security::None | Security::StartTls => Box::new(socket),
        };
        let mut session = Session { stream, client, input: Vec::new(), used: 0 };
        loop {
            match session.next_event().await? {
                Event::Ready => return Ok(session),
                Event::StartTls => {
                    let Session { stream, mut client, .. } = session;
                    let stream = Box::new(encrypt(options, tls, stream).await?);
                    client.tls_established();
                    session = Session { stream, client, input: Vec::new(), used: 0 };
                }
                event => return Err(io::Error::other(format!("no session: {event:?}"))),
            }
        }
    }

    /// Sends a message; an error if it does not get its 250.
    pub(super) async fn send(&mut self, message: Outgoing<'_>) -> io::Result<Sent> {
        self.client.send(message);
        let mut end_of_data = Instant::now();
        loop {
            match self.next_event().await? {
                Event::ContentSent => {
                    self.flush().await?;
                    end_of_data = Instant::now();
                }
                Event::Accepted(_) => return Ok(Sent { end_of_data, replied: Instant::now() }),
                event => return Err(io::Error::other(format!("not accepted: {event:?}"))),
            }
        }
    }

    /// Says QUIT and waits for the answer.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.client.quit();
        match self.next_event().await? {
            Event::Closed => Ok(()),
            event => Err(io::Error::other(format!("not closed: {event:?}"))),
        }
    }

    /// Waits until the server says something or closes.
    pub(super) async fn until_the_server_speaks(&mut self) -> io::Result<usize> {
        let mut octet = [0];
        self.stream.read(&mut octet).await
    }

    /// Gives back what memory can be given back.
    pub(super) fn rest(&mut self) {
        self.input = Vec::new();
        self.used = 0;
        *self.client.output() = Vec::new();
    }

    async fn next_event(&mut self) -> io::Result<Event> {
        loop {
            let mut rest = self.input.get(self.used..).unwrap_or_default();
            let event = self.client.feed(&mut rest);
            self.used = self.input.len() - rest.len();
            if event != Event::NeedInput {
                return Ok(event);
            }
            self.input.clear();
            self.used = 0;
            self.flush().await?;
            self.input.reserve(4096);
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await;
            if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.client.output().is_empty() {
            self.stream.write_all(self.client.output()).await?;
            self.stream.flush().await?;
            self.client.output().clear();
        }
        Ok(())
    }
}

async fn encrypt(
    options: &Options,
    tls: &Arc<ClientConfig>,
    stream: Box<dyn Stream>,
) -> io::Result<impl Stream + use<>> {
    let name = ServerName::try_from(options.server_name.clone()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await
}
