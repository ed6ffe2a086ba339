//! The server over real sockets and real TLS. Time is Tokio's and stands still until nothing else can happen.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod server;

use std::sync::atomic::Ordering;
use std::time::Duration;

use gatepost_smtp::server::Limits;
use gatepost_submission::{Mode, Settings};
use server::Server;
use tokio::time::Instant;

const MESSAGE: &str = "From: Billing <billing@contoso.com>\r\nSubject: hi\r\n\r\nhello\r\n.\r\n";

fn settings() -> Settings {
    Settings { host: "mail.test".into(), ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_completed_and_accepted_by_starttls_and_by_implicit_tls() {
    for mode in [Mode::StartTls, Mode::ImplicitTls] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let server = Server::start(settings(), mode).await;
            let mut talk = server.connect().await;
            if mode == Mode::StartTls {
                talk.expect("220 mail.test").await;
                talk.say("EHLO c\r\nSTARTTLS\r\n").await;
                talk.expect("250 ").await;
                talk.expect("220 2.0.0").await;
            }
            let mut talk = server.secure_with(talk, version).await;
            if mode == Mode::ImplicitTls {
                talk.expect("220 mail.test").await;
            }
            talk.say("EHLO client.test\r\nAUTH PLAIN AG1haWxlcgByaWdodA==\r\n").await;
            talk.expect("250 AUTH").await;
            talk.expect("235 ").await;
            talk.begin_message().await;
            talk.say(MESSAGE).await;
            let reply = talk.expect("250 2.0.0 ").await;
            let message = server.facts.accepted.lock().unwrap().pop().unwrap();
            assert!(message.contains(reply.strip_prefix("250 2.0.0 ").unwrap()), "{message}");
            assert!(message.starts_with("Received: from client.test"), "{message}");
            assert!(message.contains("\r\nMessage-ID: <"), "{message}");
            assert!(message.ends_with("\r\n\r\nhello\r\n"), "{message}");
            talk.say("QUIT\r\n").await;
            talk.expect("221 ").await;
            assert_eq!(talk.hear().await, "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_pipelined_behind_starttls_is_discarded() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.connect().await;
    talk.expect("220 ").await;
    talk.say("EHLO c\r\nSTARTTLS\r\nEHLO evil\r\nAUTH PLAIN AG1haWxlcgByaWdodA==\r\nNOOP\r\n").await;
    talk.expect("250 STARTTLS").await;
    talk.expect("220 2.0.0").await;
    let mut talk = server.secure(talk).await;
    talk.say("MAIL FROM:<billing@contoso.com>\r\n").await;
    talk.expect("503 5.5.1 Send EHLO first").await;
}

#[tokio::test(start_paused = true)]
async fn conditions_are_asked_at_rcpt_and_at_the_end_of_data() {
    let server = Server::start(settings(), Mode::StartTls).await;
    server.facts.held.store(true, Ordering::SeqCst);
    let mut talk = server.signed_in().await;
    talk.say(
        "MAIL FROM:<billing@contoso.com>\r\nRCPT TO:<a@inside.test>\r\nRCPT TO:<b@outside.test>\r\nDATA\r\n",
    )
    .await;
    talk.expect("250 2.1.0").await;
    talk.expect("250 2.1.5").await;
    talk.expect("550 5.7.1 Sending to this recipient is not allowed").await;
    talk.expect("354 ").await;
    talk.say(MESSAGE).await;
    talk.expect("250 2.0.0").await;
    talk.say(
        "MAIL FROM:<billing@contoso.com>\r\nRCPT TO:<a@inside.test>\r\nRCPT TO:<b@inside.test>\r\nDATA\r\n",
    )
    .await;
    talk.expect("250 2.1.0").await;
    talk.expect("250 2.1.5").await;
    talk.expect("250 2.1.5").await;
    talk.expect("354 ").await;
    talk.say(MESSAGE).await;
    talk.expect("550 5.7.1 Sending this message is not allowed").await;
    let noted = server.facts.noted.lock().unwrap().join("\n");
    assert!(noted.contains("b@outside.test is outside") && noted.contains("too many recipients"), "{noted}");
    // Without conditions nobody asks.
    server.facts.held.store(false, Ordering::SeqCst);
    talk.say("MAIL FROM:<billing@contoso.com>\r\nRCPT TO:<b@outside.test>\r\nRSET\r\n").await;
    talk.expect("250 2.1.0").await;
    talk.expect("250 2.1.5").await;
    talk.expect("250 ").await;
}

#[tokio::test(start_paused = true)]
async fn one_octet_a_second_does_not_keep_a_connection() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.connect().await;
    talk.expect("220 ").await;
    let begun = Instant::now();
    while talk.try_to_say(b"x").await && begun.elapsed() < Duration::from_secs(200) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    talk.expect("421 4.4.2").await;
    assert_eq!(talk.hear().await, "");
    let took = begun.elapsed();
    assert!((60..=70).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_at_a_trickle_is_cut_off() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    talk.begin_message().await;
    let begun = Instant::now();
    while talk.try_to_say(b"some text\r\n").await && begun.elapsed() < Duration::from_secs(1000) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    talk.expect("421 4.4.2").await;
    let took = begun.elapsed();
    assert!((60..=70).contains(&took.as_secs()), "{took:?}");
    assert!(server.facts.accepted.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn clients_that_never_sign_in_do_not_stay() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.connect().await;
    talk.expect("220 ").await;
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(30)).await;
        talk.try_to_say(b"NOOP\r\n").await;
        if talk.hear().await.starts_with("421 4.4.2") {
            break;
        }
    }
    assert!(begun.elapsed() <= Duration::from_secs(5 * 60 + 30));
}

#[tokio::test(start_paused = true)]
async fn bad_passwords_are_slowed_and_cut_off_and_nobody_else_waits() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let (mut guesser, mut other) = (server.greeted().await, server.signed_in().await);
    let begun = Instant::now();
    guesser.say(&"AUTH PLAIN AG1haWxlcgB3cm9uZw==\r\n".repeat(20)).await;
    other.say("NOOP\r\n").await;
    other.expect("250 2.0.0").await;
    assert!(begun.elapsed() < Duration::from_millis(250));
    for _ in 0..5 {
        guesser.expect("535 5.7.3 Authentication unsuccessful").await;
    }
    guesser.expect("421 4.7.0").await;
    assert_eq!(guesser.hear().await, "");
    assert_eq!(begun.elapsed().as_millis() / 250, 1 + 2 + 4 + 8 + 16 + 16);
    assert_eq!(server.facts.noted.lock().unwrap().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_application_stops_within_its_connection() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    talk.begin_message().await;
    talk.say(MESSAGE).await;
    talk.expect("250 2.0.0").await;
    server.facts.revoked.store(true, Ordering::SeqCst);
    talk.say("MAIL FROM:<billing@contoso.com>\r\n").await;
    talk.expect("535 5.7.3").await;
    assert_eq!(server.facts.noted.lock().unwrap()[0], "mailer: the role is gone");
    server.facts.revoked.store(false, Ordering::SeqCst);
    talk.begin_message().await;
    talk.say(MESSAGE).await;
    talk.expect("250 2.0.0").await;
}

#[tokio::test(start_paused = true)]
async fn the_header_is_checked_as_the_envelope_is() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    for (header, reply) in [
        ("From: a@mycontoso.com\r\n", "501 5.1.7 The specified sender domain has not been linked."),
        ("From: ceo@contoso.com\r\n", "550 5.3.5 Email sender's username is invalid"),
        ("From: billing@contoso.com, ceo@contoso.com\r\nSender: billing@contoso.com\r\n", "550 5.3.5"),
        ("From: billing@contoso.com\r\nSender: ceo@contoso.com\r\n", "550 5.3.5"),
        ("From: billing@contoso.com\r\nFrom: ceo@contoso.com\r\n", "550 5.6.0"),
        ("Subject: nobody\r\n", "550 5.6.0"),
        ("From: \u{e9} <billing@contoso.com>\r\n", "550 5.6.9"),
    ] {
        talk.begin_message().await;
        talk.say(&format!("{header}\r\nhello\r\n.\r\n")).await;
        talk.expect(reply).await;
    }
    assert!(server.facts.accepted.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_inside_is_temporary_and_tells_nothing() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    for (fault, reply) in [(&server.facts.full, "452 4.3.1"), (&server.facts.broken, "451 4.3.0")] {
        fault.store(true, Ordering::SeqCst);
        talk.begin_message().await;
        talk.say(MESSAGE).await;
        let heard = talk.expect(reply).await;
        assert!(!heard.contains("upside down"), "{heard}");
        fault.store(false, Ordering::SeqCst);
        talk.begin_message().await;
        talk.say(MESSAGE).await;
        talk.expect("250 2.0.0").await;
    }
}

#[tokio::test]
async fn a_line_without_an_end_is_answered_and_the_client_reads_it() {
    let server = Server::start(settings(), Mode::StartTls).await;
    for secure in [false, true] {
        let mut talk = if secure {
            server.greeted().await
        } else {
            let mut talk = server.connect().await;
            talk.expect("220 ").await;
            talk
        };
        let part = vec![b'x'; 64 * 1024];
        for _ in 0..160 {
            talk.try_to_say(&part).await;
        }
        talk.expect("500 5.5.2 Line too long").await;
        assert_eq!(talk.hear().await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_together_keep_to_the_memory() {
    let server = Server::start(Settings { memory: 64 * 1024, ..settings() }, Mode::StartTls).await;
    let (mut large, mut small) = (server.signed_in().await, server.signed_in().await);
    large.begin_message().await;
    large.say("From: billing@contoso.com\r\n\r\n").await;
    for _ in 0..100 {
        large.say(&format!("{}\r\n", "x".repeat(998))).await;
    }
    small.begin_message().await;
    small.say(MESSAGE).await;
    small.expect("250 2.0.0").await;
    large.say(".\r\n").await;
    large.expect("452 4.3.1").await;
    large.begin_message().await;
    large.say(MESSAGE).await;
    large.expect("250 2.0.0").await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_and_one_recipients() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    talk.say("MAIL FROM:<billing@contoso.com>\r\n").await;
    talk.expect("250 ").await;
    let commands: String = (0..1_001).map(|n| format!("RCPT TO:<user{n}@y.z>\r\n")).collect();
    talk.say(&commands).await;
    for _ in 0..1_000 {
        talk.expect("250 2.1.5").await;
    }
    talk.expect("452 4.5.3").await;
    talk.say("DATA\r\n").await;
    talk.expect("354 ").await;
    talk.say(MESSAGE).await;
    talk.expect("250 2.0.0").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_read_to_its_end_and_refused() {
    let limits = Limits { message_size: 10_000, ..Limits::default() };
    let server = Server::start(Settings { limits, ..settings() }, Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    talk.say("MAIL FROM:<billing@contoso.com> SIZE=10001\r\n").await;
    talk.expect("552 5.3.4").await;
    talk.begin_message().await;
    talk.say(&format!("From: billing@contoso.com\r\n\r\n{}.\r\n", "x\r\n".repeat(4_000))).await;
    talk.expect("552 5.3.4").await;
    talk.begin_message().await;
    talk.say(MESSAGE).await;
    talk.expect("250 2.0.0").await;
}

#[tokio::test(start_paused = true)]
async fn one_connection_too_many() {
    let server = Server::start(Settings { connections: 1, ..settings() }, Mode::StartTls).await;
    let first = server.signed_in().await;
    let mut second = server.connect().await;
    second.expect("421 4.3.2").await;
    assert_eq!(second.hear().await, "");
    drop(first);
    while server.submission.connections() > 0 {
        tokio::task::yield_now().await;
    }
    server.signed_in().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_what_is_under_way() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let (mut idle, mut sending) = (server.signed_in().await, server.signed_in().await);
    sending.begin_message().await;
    server.stop.send(true).unwrap();
    idle.expect("421 4.3.2").await;
    sending.say(MESSAGE).await;
    sending.expect("250 2.0.0").await;
    sending.expect("421 4.3.2").await;
    drop((idle, sending));
    server.serving.await.unwrap();
    assert_eq!(server.facts.accepted.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_ever() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut stuck = server.signed_in().await;
    stuck.begin_message().await;
    let begun = Instant::now();
    server.stop.send(true).unwrap();
    stuck.expect("421 4.4.2").await;
    server.serving.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn stopping_is_not_put_off_by_a_client_that_keeps_talking() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let (mut chunks, mut open) = (server.signed_in().await, server.signed_in().await);
    chunks.say("MAIL FROM:<billing@contoso.com>\r\nRCPT TO:<x@y.z>\r\nBDAT 5\r\nhello").await;
    open.say("MAIL FROM:<billing@contoso.com>\r\n").await;
    for talk in [&mut chunks, &mut open] {
        talk.expect("250 2.1.0").await;
    }
    chunks.expect("250 2.1.5").await;
    chunks.expect("250 2.0.0 5 octets").await;
    let begun = Instant::now();
    server.stop.send(true).unwrap();
    // A transaction without content is idle.
    open.expect("421 4.3.2").await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(open);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        chunks.try_to_say(b"NOOP\r\n").await;
        if !chunks.hear().await.starts_with("250") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    drop(chunks);
    server.serving.await.unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(12), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn half_a_message_by_bdat_is_not_held_for_ever() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    talk.say("MAIL FROM:<billing@contoso.com>\r\nRCPT TO:<x@y.z>\r\nBDAT 5\r\nhello").await;
    for start in ["250 2.1.0", "250 2.1.5", "250 2.0.0"] {
        talk.expect(start).await;
    }
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        talk.try_to_say(b"NOOP\r\n").await;
        if talk.hear().await.starts_with("421 4.4.2") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(1_000));
    }
    assert!((540..=660).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn pipelined_commands_are_answered_in_portions() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.signed_in().await;
    talk.say(&"EHLO c\r\n".repeat(1_000)).await;
    for _ in 0..1_000 {
        talk.expect("250 AUTH").await;
    }
    let mut talk = server.greeted().await;
    talk.say(&"EHLO c\r\n".repeat(1_000)).await;
    // Two EHLO and one STARTTLS came before.
    for _ in 0..97 {
        talk.expect("250 AUTH").await;
    }
    talk.expect("421 4.7.0").await;
}

#[tokio::test(start_paused = true)]
async fn the_sessions_own_refusals_are_noted_for_those_who_signed_in() {
    let server = Server::start(settings(), Mode::StartTls).await;
    let mut talk = server.greeted().await;
    talk.say("AUTH PLAIN !!\r\n").await;
    talk.expect("501 5.5.2").await;
    assert!(server.facts.noted.lock().unwrap().is_empty());
    let mut talk = server.signed_in().await;
    talk.say("MAIL FROM:<>\r\n").await;
    talk.expect("550 5.7.1").await;
    talk.say("NOOP\n").await;
    talk.expect("500 5.5.2").await;
    assert_eq!(
        *server.facts.noted.lock().unwrap(),
        [
            "mailer: 550 5.7.1 The null reverse-path is not accepted for submission",
            "mailer: 500 5.5.2 Lines must end in CRLF"
        ]
    );
}
