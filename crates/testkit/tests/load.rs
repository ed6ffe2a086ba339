//! The load generator against a submission server whose gate puts messages into a Maildir, or loses them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatepost_clock::Timestamp;
use gatepost_names::{EmailAddress, MessageId};
use gatepost_smtp::client::Authentication;
use gatepost_smtp::server::{Credentials, Envelope};
use gatepost_submission::{Arrival, Gate, Mode, Permission, Refusal, Settings, Submission};
use gatepost_testkit::load::{self, Options, Security, Trust};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// Delivers each message at once, but for the one whose number is to be lost, and refuses another.
struct Post {
    folder: PathBuf,
    count: AtomicU64,
    lose: Option<u64>,
    refuse: Option<u64>,
}

impl Gate for Post {
    type Identity = ();

    fn sign_in(&self, _: &Credentials, _: IpAddr) -> Result<(), Refusal> {
        Ok(())
    }

    fn begin(&self, (): &(), _: &EmailAddress) -> Result<Permission, Refusal> {
        Ok(Permission::Any)
    }

    fn check_recipient(&self, (): &(), _: &EmailAddress, _: &EmailAddress) -> Result<(), Refusal> {
        Ok(())
    }

    fn check_message(&self, (): &(), _: Permission, _: &Envelope, _: &[EmailAddress]) -> Result<(), Refusal> {
        Ok(())
    }

    fn note_refusal(&self, _: &str, _: &Refusal) {}

    fn new_id(&self) -> MessageId {
        MessageId(uuid::Uuid::now_v7())
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn accept(&self, (): &(), arrival: Arrival) -> Result<MessageId, Refusal> {
        let number = Some(self.count.fetch_add(1, Ordering::SeqCst));
        if number == self.refuse {
            return Err(Refusal::Full);
        }
        if number != self.lose {
            let file = self.folder.join("new").join(arrival.id.to_string());
            fs::write(file, arrival.completed.to_vec(&arrival.content)).unwrap();
        }
        Ok(arrival.id)
    }
}

struct Running {
    folder: tempfile::TempDir,
    options: Options,
    /// Dropped at the end, which stops the server.
    _stop: watch::Sender<bool>,
}

async fn start(mode: Mode, lose: Option<u64>, refuse: Option<u64>) -> Running {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("new")).unwrap();
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, signed.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let tls =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .unwrap();
    let gate = Post { folder: folder.path().to_owned(), count: AtomicU64::new(0), lose, refuse };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let submission = Submission::new(gate, Arc::new(tls), Settings::default());
    tokio::spawn(submission.serve(vec![listener], mode, stopped));
    let options = Options {
        server,
        server_name: "localhost".to_owned(),
        security: if mode == Mode::StartTls { Security::StartTls } else { Security::Implicit },
        trust: Trust::File(ca),
        authentication: Authentication::Plain {
            username: "mailer".to_owned(),
            password: Zeroizing::new("secret".to_owned()),
        },
        connections: 3,
        messages: 20,
        per_connection: 4,
        size: 4_096,
        from: "billing@contoso.com".to_owned(),
        to: vec!["x@example.com".to_owned(), "y@example.com".to_owned()],
        pipelining: true,
        rate: None,
        mailbox: Some(folder.path().to_owned()),
        mailbox_wait: Duration::ZERO,
    };
    Running { folder, options, _stop: stop }
}

#[tokio::test]
async fn every_message_is_accepted_and_found() {
    for mode in [Mode::StartTls, Mode::ImplicitTls] {
        for rate in [None, Some(10_000.0)] {
            let running = start(mode, None, None).await;
            let options = Options { rate, pipelining: rate.is_none(), ..running.options.clone() };
            let report = load::run(options).await.unwrap();
            assert!(report.is_success(), "{report}");
            assert_eq!((report.accepted, report.sessions, report.delivered), (20, 5, Some(20)));
            assert_eq!(fs::read_dir(running.folder.path().join("new")).unwrap().count(), 20);
        }
    }
}

#[tokio::test]
async fn a_message_that_is_lost_fails_the_run() {
    let running = start(Mode::StartTls, Some(7), None).await;
    let report = load::run(running.options.clone()).await.unwrap();
    assert!(!report.is_success());
    assert_eq!((report.accepted, report.delivered), (20, Some(19)));
}

#[tokio::test]
async fn a_message_that_is_refused_fails_the_run() {
    let running = start(Mode::StartTls, None, Some(7)).await;
    let report = load::run(running.options.clone()).await.unwrap();
    assert!(!report.is_success());
    assert!(
        report.failures.iter().any(|failure| failure.contains("4.3.1") || failure.contains("452")),
        "{report}"
    );
}

#[tokio::test]
async fn idle_connections_are_held() {
    let running = start(Mode::StartTls, None, None).await;
    let report = load::hold(running.options.clone(), 20, Duration::ZERO).await.unwrap();
    assert!(report.is_success(), "{report}");
    assert_eq!((report.opened, report.held), (20, 20));
}
