//! What a bad server can do to a fetch: little, and not for long.
#![expect(clippy::unwrap_used, reason = "tests")]

mod outside_server;

use std::time::{Duration, Instant};

use gatepost_fetch::{FetchError, Fetcher, Settings};
use outside_server::{OutsideServer, Reply};

fn settings(server: &OutsideServer) -> Settings {
    Settings {
        private_hosts: vec![format!("localhost:{}", server.port)],
        extra_roots: vec![server.root.clone()],
        ..Settings::default()
    }
}

fn fetch(server: &OutsideServer, settings: Settings) -> Result<Vec<u8>, FetchError> {
    let fetcher = Fetcher::new(settings).unwrap();
    fetcher.get(&format!("{}/document?x=1", server.origin()), fetcher.due())
}

#[test]
fn a_document_is_fetched() {
    let server = OutsideServer::start(|path| match path {
        "/document?x=1" => Reply::Body(b"{}".to_vec()),
        _ => Reply::Status(404),
    });
    assert_eq!(fetch(&server, settings(&server)).unwrap(), b"{}");
}

#[test]
fn redirects_are_not_followed() {
    let server = OutsideServer::start(|_| Reply::Redirect("/document?x=1".to_owned()));
    assert_eq!(fetch(&server, settings(&server)), Err(FetchError::Status(302)));
    assert_eq!(server.hits(), 1);
}

#[test]
fn a_server_that_hangs_is_given_up() {
    for reply in [Reply::Hang, Reply::HangInside] {
        let server = OutsideServer::start(move |_| reply.clone());
        let begun = Instant::now();
        let outcome = fetch(&server, Settings { time: Duration::from_millis(300), ..settings(&server) });
        assert_eq!(outcome, Err(FetchError::Late));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_hundred_megabytes_are_not_read() {
    for announced in [true, false] {
        let server = OutsideServer::start(move |_| Reply::Endless { announced });
        assert_eq!(fetch(&server, settings(&server)), Err(FetchError::TooLong));
    }
    let server = OutsideServer::start(|_| Reply::EndlessHead);
    assert!(matches!(fetch(&server, settings(&server)), Err(FetchError::Protocol(_))));
}

#[test]
fn the_bound_is_exact() {
    let server = OutsideServer::start(|_| Reply::Body(vec![b' '; 1000]));
    assert_eq!(fetch(&server, Settings { bytes: 1000, ..settings(&server) }).unwrap().len(), 1000);
    assert_eq!(fetch(&server, Settings { bytes: 999, ..settings(&server) }), Err(FetchError::TooLong));
}

#[test]
fn what_is_no_http_is_refused() {
    for raw in ["", "hello\r\n\r\n", "HTTP/1.1 two hundred\r\n\r\n", "SSH-2.0-x\r\n"] {
        let server = OutsideServer::start(move |_| Reply::Raw(raw.as_bytes().to_vec()));
        let outcome = fetch(&server, settings(&server));
        assert!(matches!(outcome, Err(FetchError::Protocol(_))), "{raw}: {outcome:?}");
    }
}

#[test]
fn a_private_address_is_not_even_connected_to() {
    let server = OutsideServer::start(|_| Reply::Body(Vec::new()));
    let strict = Settings { private_hosts: Vec::new(), ..settings(&server) };
    assert_eq!(fetch(&server, strict), Err(FetchError::NotPublic));
    assert_eq!(server.hits(), 0);
}

#[test]
fn an_unknown_authority_is_no_authority() {
    let server = OutsideServer::start(|_| Reply::Body(Vec::new()));
    let strangers = Settings { extra_roots: Vec::new(), ..settings(&server) };
    assert!(matches!(fetch(&server, strangers), Err(FetchError::Connect(_))));
    assert_eq!(server.hits(), 0);
}
