//! Properties that hold for any input, and a comparison with an independent reader of messages.

#![expect(clippy::unwrap_used, reason = "tests")]

use gatepost_mail::{Headers, Trace, complete, from_addresses, mailbox_list};
use gatepost_names::EmailAddress;
use jiff::Timestamp;
use proptest::prelude::*;

fn trace(utf8: bool) -> Trace<'static> {
    Trace {
        id: "0190163d-8694-739b-aea5-966c26f8ad90".parse().unwrap(),
        helo: "client.example",
        ip: "192.0.2.7".parse().unwrap(),
        tls: None,
        authenticated: false,
        utf8,
        by: "mail.example",
        now: Timestamp::from_second(1_642_280_925).unwrap(),
    }
}

/// What holds for each message that is accepted.
fn check(raw: &[u8]) {
    let _ = from_addresses(raw);
    for utf8 in [false, true] {
        let Ok(completed) = complete(raw, &trace(utf8)) else { continue };
        let whole = completed.to_vec(raw);
        let again = Headers::scan(&whole).unwrap();
        let count = |name: &str| again.fields().filter(|field| field.is(name)).count();
        for name in ["From", "Date", "Message-ID"] {
            assert_eq!(count(name), 1, "{name}");
        }
        assert_eq!(count("Bcc") + count("Return-Path") + count("Resent-Bcc"), 0);
        let section = Headers::scan(raw).unwrap().section().len();
        assert!(whole.ends_with(raw.get(section..).unwrap()), "the body is kept");
    }
}

#[test]
fn any_octets_are_read_without_panic() {
    bolero::check!().with_iterations(20_000).for_each(check);
}

#[test]
fn any_octets_are_a_list_or_refused() {
    bolero::check!().with_iterations(20_000).for_each(|value: &[u8]| {
        if let Ok(addresses) = mailbox_list(value) {
            assert!(!addresses.is_empty());
        }
    });
}

/// Pieces that header sections are made of, good and bad.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "From: ",
        "from: ",
        "Sender: ",
        "Date: ",
        "Message-ID: ",
        "Bcc: ",
        "Return-Path: ",
        "Subject: ",
        "\r\n",
        "\r\n",
        "\r\n ",
        "\r\n\t",
        "\r",
        "\n",
        "\r\n\r\n",
        "a@b.example",
        "<c@d.example>",
        "Ann",
        "\"Q. R\"",
        "(comment)",
        ",",
        ";",
        ":",
        "\"",
        "(",
        ")",
        "<",
        ">",
        "@",
        "\\",
        " ",
        "ü",
        "=?utf-8?q?x?=",
        ".",
        "\0",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_pieces_are_completed_or_refused(pieces in prop::collection::vec(piece(), 0..24)) {
        check(pieces.concat().as_bytes());
    }

    /// Where both read the From field, they read the same addresses; mail-parser is the more lenient one.
    #[test]
    fn from_is_what_an_independent_reader_finds(pieces in prop::collection::vec(piece(), 1..8)) {
        let raw = format!("From: {}\r\n\r\nbody\r\n", pieces.concat());
        let Ok(ours) = from_addresses(raw.as_bytes()) else { return Ok(()) };
        // The other reader takes a quoted local part for a display name.
        if ours.iter().any(|address| address.local_part().starts_with('"')) {
            return Ok(());
        }
        let theirs = mail_parser::MessageParser::default().parse(raw.as_bytes()).unwrap();
        let found: Vec<String> = theirs
            .from()
            .into_iter()
            .flat_map(|from| from.iter())
            .filter_map(|mailbox| mailbox.address())
            // Compared as this project compares them: the domain in its ASCII form, quotes as written.
            .map(|text| text.parse::<EmailAddress>().map_or_else(|_| text.to_lowercase(), |a| a.key()))
            .collect();
        let ours: Vec<String> = ours.iter().map(EmailAddress::key).collect();
        prop_assert_eq!(ours, found, "{:?}", raw);
    }
}
