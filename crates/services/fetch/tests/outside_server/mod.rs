//! An HTTPS server of somebody else, as good or as bad as a test wants it.
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// 200 with this body.
    Body(Vec<u8>),
    /// This status, without a body.
    Status(u16),
    /// 302 to this address.
    Redirect(String),
    /// Nothing, for as long as the server lives.
    Hang,
    /// A head and the beginning of a body, and then nothing.
    HangInside,
    /// 200 with a body of 100 MB, of announced length or not.
    Endless { announced: bool },
    /// A head of a million fields.
    EndlessHead,
    /// This, which is no HTTP.
    Raw(Vec<u8>),
}

type Handler = dyn Fn(&str) -> Reply + Send + Sync;

/// The server. It ends with its owner.
pub(crate) struct OutsideServer {
    /// On 127.0.0.1.
    pub(crate) port: u16,
    /// What its certificate is signed with.
    pub(crate) root: CertificateDer<'static>,
    hits: Arc<AtomicUsize>,
    /// Those who hang wait for its end.
    _alive: mpsc::Sender<()>,
}

impl OutsideServer {
    /// A server that answers each path as `handler` says.
    pub(crate) fn start(handler: impl Fn(&str) -> Reply + Send + Sync + 'static) -> OutsideServer {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let root = certificate.der().clone();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![root.clone()], private)
            .unwrap();
        let (config, handler): (_, Arc<Handler>) = (Arc::new(config), Arc::new(handler));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hits = Arc::new(AtomicUsize::new(0));
        let (alive, ended) = mpsc::channel();
        let ended = Arc::new(Mutex::new(ended));
        let counted = Arc::clone(&hits);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, handler) = (Arc::clone(&config), Arc::clone(&handler));
                let (ended, hits) = (Arc::clone(&ended), Arc::clone(&counted));
                std::thread::spawn(move || {
                    // A client that hangs up is none of the server's business.
                    let _ = serve(socket, config, handler.as_ref(), &ended, &hits);
                });
            }
        });
        OutsideServer { port, root, hits, _alive: alive }
    }

    /// Requests that were read.
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// The server's own address, without a path.
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

fn serve(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    handler: &Handler,
    ended: &Mutex<mpsc::Receiver<()>>,
    hits: &AtomicUsize,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, socket));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    hits.fetch_add(1, Ordering::SeqCst);
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let stream = reader.get_mut();
    match handler(&path) {
        Reply::Body(body) => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)?;
        }
        Reply::Status(status) => {
            write!(stream, "HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n")?;
        }
        Reply::Redirect(to) => {
            write!(stream, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")?;
        }
        Reply::Hang => hang(ended),
        Reply::HangInside => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"keys\":")?;
            stream.flush()?;
            hang(ended);
        }
        Reply::Endless { announced } => {
            let head = if announced { "content-length: 100000000\r\n" } else { "connection: close\r\n" };
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n")?;
            for _ in 0..1600 {
                stream.write_all(&[b' '; 64 * 1024])?;
            }
        }
        Reply::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            for n in 0..1_000_000 {
                write!(stream, "field-{n}: value\r\n")?;
            }
        }
        Reply::Raw(bytes) => stream.write_all(&bytes)?,
    }
    stream.flush()?;
    stream.conn.send_close_notify();
    stream.flush()?;
    // Until the client has closed: what it has not read yet would be lost.
    let _ = stream.sock.read(&mut [0; 64]);
    Ok(())
}

fn hang(ended: &Mutex<mpsc::Receiver<()>>) {
    let _ = ended.lock().unwrap().recv();
}
