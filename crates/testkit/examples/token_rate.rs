//! How many client-credentials token requests a second the server answers, beside how many RS256 signatures with a
//! 2048-bit key the machine makes at all. Both in one run, on the same cores; the load comes from the same process.
//!
//!     cargo run --release -p gatepost-testkit --example token_rate -- [SECONDS] [CONNECTIONS]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use gatepost_testkit::TestServer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn main() {
    let argument = |at: usize, default: u64| {
        std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (seconds, connections) = (argument(1, 5), argument(2, 4));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start(folder.path()).await;
        // Twice in turn, so that a machine that gets slower is seen.
        for _ in 0..2 {
            let signing = tokio::task::spawn_blocking(move || signatures(seconds)).await.unwrap();
            let tokens = requests(&server, seconds, connections).await;
            println!(
                "signatures {signing:.0}/s, token requests {tokens:.0}/s over {connections} connections: {:.0} %",
                100.0 * tokens / signing
            );
        }
        server.stop().await;
    });
}

/// RS256 signatures a second, on all cores.
fn signatures(seconds: u64) -> f64 {
    let pair = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let cores = std::thread::available_parallelism().unwrap().get();
    let begun = Instant::now();
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let pair = Arc::clone(&pair);
            std::thread::spawn(move || {
                let (message, mut signature) = ([b'x'; 800], vec![0; pair.public_modulus_len()]);
                let mut made = 0_u64;
                while begun.elapsed() < Duration::from_secs(seconds) {
                    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
                    made += 1;
                }
                made
            })
        })
        .collect();
    let made: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    made as f64 / begun.elapsed().as_secs_f64()
}

/// Answered requests a second, over connections that stay open.
async fn requests(server: &TestServer, seconds: u64, connections: u64) -> f64 {
    let known = server.bootstrap();
    let host = known.endpoints.authority.trim_start_matches("https://").to_owned();
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
        known.automation.client_id, known.automation.client_secret
    );
    let request: Arc<[u8]> = format!(
        "POST /{}/oauth2/v2.0/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        known.tenant_id,
        body.len()
    )
    .into_bytes()
    .into();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&known.ca_file).unwrap()).unwrap();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let answered = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (tls, host) = (tls.clone(), host.clone());
        let (request, answered) = (Arc::clone(&request), Arc::clone(&answered));
        clients.spawn(async move {
            let stream = TcpStream::connect(&host).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut stream = tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
            let mut read = vec![0; 16 * 1024];
            while begun.elapsed() < Duration::from_secs(seconds) {
                stream.write_all(&request).await.unwrap();
                let mut length = 0;
                loop {
                    length += stream.read(read.get_mut(length..).unwrap()).await.unwrap();
                    let so_far = read.get(..length).unwrap();
                    assert!(so_far.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(so_far));
                    // The body is one JSON object, and nothing comes after it.
                    if so_far.ends_with(b"}") {
                        break;
                    }
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while clients.join_next().await.is_some() {}
    answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}
