//! A submission server on a free port with a gate of our own, and somebody who talks to it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gatepost_clock::Timestamp;
use gatepost_names::{EmailAddress, MessageId};
use gatepost_resources::communication::sending::{Part, Permission};
use gatepost_smtp::server::{Credentials, Envelope};
use gatepost_submission::{Arrival, Gate, Mode, Refusal, Settings, Submission};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// What the gate knows; tests change it while the server runs.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) revoked: AtomicBool,
    /// Whether only recipients of `inside.test` are allowed.
    pub(crate) held: AtomicBool,
    pub(crate) full: AtomicBool,
    pub(crate) broken: AtomicBool,
    pub(crate) accepted: Mutex<Vec<String>>,
    pub(crate) noted: Mutex<Vec<String>>,
}

#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Arc<Facts>);

fn check_sender(address: &EmailAddress) -> Result<(), Refusal> {
    if address.domain().as_str() != "contoso.com" {
        return Err(Refusal::SenderDomain(format!("{} is not linked", address.domain())));
    }
    let known: HashSet<&str> = HashSet::from(["billing", "donotreply"]);
    if !known.contains(address.local_part()) {
        return Err(Refusal::SenderUsername(format!("{address} is not registered")));
    }
    Ok(())
}

impl Gate for Fake {
    type Identity = String;

    fn sign_in(&self, credentials: &Credentials, client: IpAddr) -> Result<String, Refusal> {
        assert!(client.is_loopback());
        match credentials {
            Credentials::Secret { username, password } if password.as_str() == "right" => {
                Ok(username.clone())
            }
            _ => Err(Refusal::SignIn { cause: "the secret is wrong".into(), temporary: false }),
        }
    }

    fn begin(&self, _: &String, reverse_path: &EmailAddress) -> Result<Permission, Refusal> {
        if self.0.revoked.load(Ordering::SeqCst) {
            return Err(Refusal::SignIn { cause: "the role is gone".into(), temporary: false });
        }
        check_sender(reverse_path)?;
        let held = self.0.held.load(Ordering::SeqCst);
        Ok(if held { Permission::Conditional } else { Permission::Any })
    }

    fn check_recipient(&self, _: &String, _: &EmailAddress, to: &EmailAddress) -> Result<(), Refusal> {
        if to.domain().as_str() == "inside.test" {
            return Ok(());
        }
        Err(Refusal::NotAllowed { at: Part::Recipient, cause: format!("{to} is outside") })
    }

    fn check_message(
        &self,
        _: &String,
        permission: Permission,
        envelope: &Envelope,
        authors: &[EmailAddress],
    ) -> Result<(), Refusal> {
        authors.iter().try_for_each(check_sender)?;
        if permission == Permission::Conditional && envelope.recipients.len() > 1 {
            return Err(Refusal::NotAllowed { at: Part::Message, cause: "too many recipients".into() });
        }
        Ok(())
    }

    fn note_refusal(&self, username: &str, refusal: &Refusal) {
        self.0.noted.lock().unwrap().push(format!("{username}: {refusal}"));
    }

    fn new_id(&self) -> MessageId {
        MessageId(uuid::Uuid::now_v7())
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn accept(&self, _: &String, arrival: Arrival) -> Result<MessageId, Refusal> {
        if self.0.full.load(Ordering::SeqCst) {
            return Err(Refusal::Full);
        }
        if self.0.broken.load(Ordering::SeqCst) {
            return Err(Refusal::Internal("row 7 is upside down".into()));
        }
        let message = arrival.completed.to_vec(&arrival.content);
        self.0.accepted.lock().unwrap().push(String::from_utf8(message).unwrap());
        Ok(arrival.id)
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) facts: Arc<Facts>,
    pub(crate) submission: Arc<Submission<Fake>>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) serving: JoinHandle<()>,
    address: std::net::SocketAddr,
    certificate: CertificateDer<'static>,
}

impl Server {
    pub(crate) async fn start(settings: Settings, mode: Mode) -> Server {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = signed.cert.der().clone();
        let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let facts = Arc::new(Facts::default());
        let submission = Submission::new(Fake(facts.clone()), Arc::new(tls), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(submission.clone().serve(vec![listener], mode, stopped));
        Server { facts, submission, stop, serving, address, certificate }
    }

    pub(crate) async fn connect(&self) -> Talk {
        let socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Talk { stream: Box::new(socket), read: Vec::new() }
    }

    pub(crate) async fn secure(&self, talk: Talk) -> Talk {
        self.secure_with(talk, &rustls::version::TLS13).await
    }

    pub(crate) async fn secure_with(
        &self,
        talk: Talk,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Talk {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, talk.stream).await.unwrap();
        Talk { stream: Box::new(stream), read: Vec::new() }
    }

    /// A client that has done STARTTLS and said EHLO.
    pub(crate) async fn greeted(&self) -> Talk {
        let mut talk = self.connect().await;
        talk.expect("220 ").await;
        talk.say("EHLO client.test\r\n").await;
        talk.expect("250 STARTTLS").await;
        talk.say("STARTTLS\r\n").await;
        talk.expect("220 2.0.0").await;
        let mut talk = self.secure(talk).await;
        talk.say("EHLO client.test\r\n").await;
        talk.expect("250 AUTH").await;
        talk
    }

    /// A client that has authenticated too.
    pub(crate) async fn signed_in(&self) -> Talk {
        let mut talk = self.greeted().await;
        talk.say("AUTH PLAIN AG1haWxlcgByaWdodA==\r\n").await;
        talk.expect("235 2.7.0").await;
        talk
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A client's end of a conversation.
pub(crate) struct Talk {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Talk {
    pub(crate) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Writes although the server may have closed.
    pub(crate) async fn try_to_say(&mut self, text: &[u8]) -> bool {
        self.stream.write_all(text).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// The last line of the next reply; empty at the end.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            while let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8(self.read.drain(..end + 2).collect()).unwrap();
                if line.as_bytes()[3] != b'-' {
                    return line.trim_end().to_owned();
                }
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return String::new(),
                Ok(count) => self.read.extend_from_slice(&buffer[..count]),
            }
        }
    }

    pub(crate) async fn expect(&mut self, start: &str) -> String {
        let reply = self.hear().await;
        assert!(reply.starts_with(start), "expected {start}, heard {reply}");
        reply
    }

    /// Says MAIL, RCPT and DATA at once.
    pub(crate) async fn begin_message(&mut self) {
        self.say("MAIL FROM:<billing@contoso.com>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n").await;
        self.expect("250 2.1.0").await;
        self.expect("250 2.1.5").await;
        self.expect("354 ").await;
    }
}
