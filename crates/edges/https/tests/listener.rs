//! The listener over real sockets.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use gatepost_https::{
    Absent, Answer, Call, Edge, Limits, Listener, json, no_content, parse_address, serve, serve_with,
};
use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

const BODY_LIMIT: usize = 64 * 1024;

/// `/panic` panics, `/wait` waits until it is let go, everything else tells what came.
struct Probe {
    let_go: Mutex<mpsc::Receiver<()>>,
    body_limit: usize,
    waiting: Arc<Notify>,
}

impl Edge for Probe {
    fn body_limit(&self) -> usize {
        self.body_limit
    }

    fn answer(&self, call: Call) -> Answer {
        match call.path.as_str() {
            "/panic" => panic!("the edge was told to"),
            "/wait" => {
                self.waiting.notify_one();
                self.let_go.lock().unwrap().recv().unwrap();
                no_content(StatusCode::NO_CONTENT)
            }
            path => json(
                StatusCode::OK,
                &json!({"method": call.method.as_str(), "path": path, "query": call.query, "length": call.body.len()}),
            ),
        }
    }

    fn too_large(&self, _call: &Call) -> Answer {
        json(StatusCode::PAYLOAD_TOO_LARGE, &json!({"refused": "too large"}))
    }

    fn failed(&self, call: &Call) -> Answer {
        json(StatusCode::INTERNAL_SERVER_ERROR, &json!({"failed": call.request_id}))
    }
}

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    let_go: mpsc::Sender<()>,
    /// Told when a request has begun to wait.
    waiting: Arc<Notify>,
}

async fn start(limits: Limits) -> Server {
    start_for(limits, BODY_LIMIT).await
}

async fn start_for(limits: Limits, body_limit: usize) -> Server {
    let listener = Listener::bind(&parse_address("127.0.0.1:0").unwrap()).await.unwrap();
    let address = listener.addresses()[0];
    let (stop, stopped) = watch::channel(false);
    let (let_go, waits) = mpsc::channel();
    let waiting = Arc::new(Notify::new());
    let edge = Arc::new(Probe { let_go: Mutex::new(waits), body_limit, waiting: Arc::clone(&waiting) });
    let task = tokio::spawn(serve_with(listener, None, edge, limits, stopped));
    Server { address, stop, task, let_go, waiting }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Reads one answer: its head, and as much body as its Content-Length says.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap_or_else(|e| panic!("{e} after {head:?}")));
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |text| text.parse::<usize>().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    read_answer(stream).await
}

async fn is_closed(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    let (head, body) = ask(&mut stream, "GET /a%2F/b?x=1&y HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 200"));
    assert_eq!(body, r#"{"method":"GET","path":"/a%2F/b","query":"x=1&y","length":0}"#);
    let (_, body) = ask(&mut stream, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(body, r#"{"method":"POST","path":"/p","query":"","length":3}"#);
    let chunked = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    assert!(ask(&mut stream, chunked).await.1.contains(r#""length":2"#));
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert!(all.starts_with("HTTP/1.1 200") && all.ends_with("\r\n\r\n"), "{all}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    let request = format!("PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", BODY_LIMIT + 1);
    let (head, body) = ask(&mut stream, &request).await;
    assert!(head.starts_with("http/1.1 413") && head.contains("connection: close"), "{head}");
    assert_eq!(body, r#"{"refused":"too large"}"#);

    let mut stream = server.connect().await;
    let expecting = request.replace("Host: h", "Host: h\r\nExpect: 100-continue");
    assert!(ask(&mut stream, &expecting).await.0.starts_with("http/1.1 413"));
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_peer_that_sends_all_of_a_refused_body_first_still_finds_the_refusal() {
    let server = start(Limits::default()).await;
    let size = 32 * 1024 * 1024;
    let mut stream = server.connect().await;
    let request = format!("PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; size]).await.unwrap();
    assert!(read_answer(&mut stream).await.0.starts_with("http/1.1 413"));
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_chunked_body_is_refused_as_soon_as_it_passes_the_limit() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n")
        .await
        .unwrap();
    stream.write_all(&vec![b'x'; BODY_LIMIT + 1]).await.unwrap();
    let (head, _) = read_answer(&mut stream).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
}

#[tokio::test]
async fn bodies_of_strangers_fill_no_more_memory_than_the_budget() {
    let free = 64 * 1024;
    let server = start_for(Limits { bodies: 1000, ..Limits::default() }, 1024 * 1024).await;
    let post = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))
    };
    // The budget is taken until the edge has answered.
    let mut holder = server.connect().await;
    holder.write_all(post("/wait", free + 1000).as_bytes()).await.unwrap();
    server.waiting.notified().await;
    let mut refused = server.connect().await;
    let (head, _) = ask(&mut refused, &post("/p", free + 1)).await;
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after: 1"), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert!(is_closed(&mut refused).await);
    let mut small = server.connect().await;
    assert!(ask(&mut small, &post("/p", free)).await.1.contains(r#""length":65536"#));
    server.let_go.send(()).unwrap();
    assert!(read_answer(&mut holder).await.0.starts_with("http/1.1 204"));
    let mut large = server.connect().await;
    assert!(ask(&mut large, &post("/p", free + 1000)).await.0.starts_with("http/1.1 200"));
    let mut larger = server.connect().await;
    assert!(ask(&mut larger, &post("/p", free + 1001)).await.0.starts_with("http/1.1 503"));
}

#[tokio::test]
async fn a_panic_is_answered_and_the_server_lives() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    let (head, body) = ask(&mut stream, "GET /panic HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 500"));
    assert!(body.starts_with(r#"{"failed":""#));
    assert!(ask(&mut stream, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await.0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn requests_that_http_does_not_allow() {
    let server = start(Limits::default()).await;
    for (request, status) in [
        ("GET /a HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), "400"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "400"),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "405"),
        ("GET a HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "400"),
        ("\0\u{1}\u{2}\r\n\r\n".to_owned(), "400"),
        ("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n".to_owned(), "400"),
        ("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(), "400"),
        (format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(80_000)), "414|431"),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "a: b\r\n".repeat(1000)), "431"),
    ] {
        let mut stream = server.connect().await;
        let _ = stream.write_all(request.as_bytes()).await;
        let (head, _) = read_answer(&mut stream).await;
        assert!(
            status.split('|').any(|status| head.starts_with(&format!("http/1.1 {status}"))),
            "{head} for {:?}",
            request.get(..30.min(request.len()))
        );
        assert!(is_closed(&mut stream).await || status == "400", "{head}");
    }
    let mut old = server.connect().await;
    assert!(ask(&mut old, "GET /a HTTP/1.0\r\n\r\n").await.0.starts_with("http/1.0 200"));
}

#[tokio::test(start_paused = true)]
async fn a_head_has_a_deadline_that_trickling_does_not_move() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    let begun = tokio::time::Instant::now();
    let request = format!("GET /a HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(1000));
    for byte in request.bytes() {
        tokio::time::sleep(Duration::from_millis(900)).await;
        if stream.write_all(&[byte]).await.is_err() || begun.elapsed() > Duration::from_secs(600) {
            break;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed() {
    let server = start(Limits::default()).await;
    let mut fresh = server.connect().await;
    assert!(is_closed(&mut fresh).await);
    let mut idle = server.connect().await;
    ask(&mut idle, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let begun = tokio::time::Instant::now();
    assert!(is_closed(&mut idle).await);
    assert!(begun.elapsed() >= Limits::default().idle);
}

#[tokio::test(start_paused = true)]
async fn a_body_has_a_deadline() {
    let server = start(Limits::default()).await;
    let mut stream = server.connect().await;
    let (head, _) = ask(&mut stream, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(head.starts_with("http/1.1 408"), "{head}");
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn more_requests_than_may_wait_are_told_to_come_back() {
    let server = start(Limits { running: 1, waiting: 1, ..Limits::default() }).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        streams.push(Box::pin(async move {
            let answer = read_answer(&mut stream).await;
            (answer, stream)
        }));
    }
    // Whichever came last finds both places taken.
    let first = futures_first(&mut streams).await;
    assert!(first.starts_with("http/1.1 503") && first.contains("retry-after: 1"), "{first}");
    for _ in 0..2 {
        server.let_go.send(()).unwrap();
        assert!(futures_first(&mut streams).await.starts_with("http/1.1 204"));
    }
}

/// The head of the first answer that is there; its connection is taken out of the list.
async fn futures_first<F>(streams: &mut Vec<std::pin::Pin<Box<F>>>) -> String
where
    F: Future<Output = ((String, String), TcpStream)>,
{
    std::future::poll_fn(|cx| {
        for at in 0..streams.len() {
            if let std::task::Poll::Ready(((head, _), _)) = streams[at].as_mut().poll(cx) {
                drop(streams.remove(at));
                return std::task::Poll::Ready(head);
            }
        }
        std::task::Poll::Pending
    })
    .await
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = start(Limits::default()).await;
    let mut fresh = server.connect().await;
    let mut idle = server.connect().await;
    ask(&mut idle, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut busy = server.connect().await;
    busy.write_all(b"POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await
        .unwrap();
    // The listener asks for the body: the request is in flight for certain.
    assert!(read_answer(&mut busy).await.0.starts_with("http/1.1 100"));

    server.stop.send(true).unwrap();
    assert!(is_closed(&mut fresh).await);
    assert!(is_closed(&mut idle).await);
    let (head, body) = ask(&mut busy, "ab").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("connection: close"), "{head}");
    assert!(body.contains(r#""length":2"#));
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let server = start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    ask(&mut first, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut second = server.connect().await;
    second.write_all(b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    ask(&mut first, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
    drop(first);
    assert!(read_answer(&mut second).await.1.contains("/b"));
}

#[tokio::test]
async fn over_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let listener = Listener::bind(&parse_address("localhost:0").unwrap()).await.unwrap();
    let addresses = listener.addresses();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve(listener, Arc::new(tls), Arc::new(Absent::new("The portal")), stopped));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client =
        Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    for address in addresses {
        let plain = TcpStream::connect(address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut stream =
            tokio_rustls::TlsConnector::from(Arc::clone(&client)).connect(name, plain).await.unwrap();
        let (head, body) = ask(&mut stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(head.starts_with("http/1.1 501"));
        assert_eq!(
            body,
            r#"{"error":{"code":"NotImplemented","message":"The portal is not part of this version of Gatepost."}}"#
        );
        // Plain HTTP on the TLS port ends that connection alone.
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut rest = Vec::new();
        let _ = plain.read_to_end(&mut rest).await;
        assert!(!Bytes::from(rest).starts_with(b"HTTP/"));
    }
    stop.send(true).unwrap();
    task.await.unwrap();
}
