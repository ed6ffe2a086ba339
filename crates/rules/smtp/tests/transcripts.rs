//! Whole sessions as tables. Each runs in one piece, cut at every octet, and octet by octet.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod driver;

use std::sync::Arc;

use driver::{Input, run};
use gatepost_smtp::Reply;
use gatepost_smtp::server::{Limits, Session, Step, replies};

const TLS_SESSION: &str = "EHLO c\r\nAUTH PLAIN AG1haWxlcgByaWdodA==\r\n";
const MAIL: &str = "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<x@y.z>\r\n";

/// Checks the end of the trace: the lines after those that `skip` counts.
fn check(name: &str, tls: bool, parts: &[&[u8]], expected: &[&str]) {
    let input = Input { tls, parts };
    let whole = run(&input, |_| Vec::new());
    let end = &whole[whole.len().saturating_sub(expected.len())..];
    assert_eq!(end, expected, "{name}: {whole:#?}");
    let octets = run(&input, |part| (1..part.len()).collect());
    assert_eq!(octets, whole, "{name}, octet by octet");
    let longest = parts.iter().map(|part| part.len()).max().unwrap();
    for at in 0..longest.min(2_000) {
        let cut = run(&input, |part| if at < part.len() { vec![at] } else { Vec::new() });
        assert_eq!(cut, whole, "{name}, cut at {at}");
    }
}

/// A transcript that begins authenticated under TLS.
fn check_sending(name: &str, text: &str, expected: &[&str]) {
    check(name, true, &[format!("{TLS_SESSION}{text}").as_bytes()], expected);
}

#[test]
fn a_whole_submission_by_starttls() {
    check(
        "submission",
        false,
        &[
            b"EHLO client.test\r\nSTARTTLS\r\n",
            b"EHLO client.test\r\nAUTH LOGIN\r\nbWFpbGVy\r\ncmlnaHQ=\r\nMAIL FROM:<a@contoso.com>\r\nRCPT TO:<x@y.z>\r\nDATA\r\nSubject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
        ],
        &[
            "S: 220 mail.test ESMTP Gatepost",
            "S: 250-mail.test",
            "S: 250-PIPELINING",
            "S: 250-8BITMIME",
            "S: 250-SMTPUTF8",
            "S: 250-CHUNKING",
            "S: 250-ENHANCEDSTATUSCODES",
            "S: 250-SIZE 400",
            "S: 250 STARTTLS",
            "S: 220 2.0.0 Ready to start TLS",
            "[TLS]",
            "S: 250-mail.test",
            "S: 250-PIPELINING",
            "S: 250-8BITMIME",
            "S: 250-SMTPUTF8",
            "S: 250-CHUNKING",
            "S: 250-ENHANCEDSTATUSCODES",
            "S: 250-SIZE 400",
            "S: 250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER",
            "S: 334 VXNlcm5hbWU6",
            "S: 334 UGFzc3dvcmQ6",
            "[SECRET mailer right]",
            "S: 235 2.7.0 Authentication successful",
            "[MAIL a@contoso.com]",
            "S: 250 2.1.0 Sender OK",
            "S: 250 2.1.5 Recipient OK",
            "S: 354 Start mail input; end with <CRLF>.<CRLF>",
            "[MESSAGE to [x@y.z]: \"Subject: hi\\r\\n\\r\\n.dot\\r\\n\"]",
            "S: 250 2.0.0 00000000-0000-0000-0000-000000000001",
            "S: 221 2.0.0 Bye",
            "[CLOSE]",
        ],
    );
}

#[test]
fn what_is_pipelined_behind_starttls_is_thrown_away() {
    check(
        "injection",
        false,
        &[b"EHLO c\r\nSTARTTLS\r\nEHLO evil\r\nNOOP\r\nRS", b"ET\r\nMAIL FROM:<a@contoso.com>\r\n"],
        &[
            "S: 220 2.0.0 Ready to start TLS",
            "[TLS]",
            "S: 500 5.5.1 Command not recognized",
            "S: 503 5.5.1 Send EHLO first",
        ],
    );
}

#[test]
fn before_tls() {
    let refused: &[(&str, &str)] = &[
        (
            "AUTH PLAIN AG1haWxlcgByaWdodA==",
            "538 5.7.11 Encryption required for requested authentication mechanism",
        ),
        ("AUTH LOGIN", "538 5.7.11 Encryption required for requested authentication mechanism"),
        ("MAIL FROM:<a@contoso.com>", "530 5.7.0 Must issue a STARTTLS command first"),
        ("RCPT TO:<a@contoso.com>", "503 5.5.1 Send MAIL first"),
        ("STARTTLS now", "501 5.5.4 Syntax error in arguments"),
        ("VRFY a", "252 2.0.0 Cannot verify the user, but will take a message for it"),
        ("EXPN a", "502 5.5.1 Command not implemented"),
    ];
    for (command, reply) in refused {
        check(command, false, &[format!("EHLO c\r\n{command}\r\n").as_bytes()], &[&format!("S: {reply}")]);
    }
}

#[test]
fn authentication() {
    // user=mailer^Aauth=Bearer right^A^A and the like.
    let cases: &[(&str, &[&str])] = &[
        (
            "AUTH PLAIN AG1haWxlcgByaWdodA==",
            &["[SECRET mailer right]", "S: 235 2.7.0 Authentication successful"],
        ),
        (
            "AUTH PLAIN\r\nAG1haWxlcgByaWdodA==",
            &["S: 334 ", "[SECRET mailer right]", "S: 235 2.7.0 Authentication successful"],
        ),
        (
            "AUTH PLAIN AG1haWxlcgB3cm9uZw==",
            &["[SECRET mailer wrong]", "S: 535 5.7.3 Authentication unsuccessful"],
        ),
        (
            "AUTH PLAIN AG1haWxlcgBsYXRlcg==",
            &["[SECRET mailer later]", "S: 454 4.7.0 Temporary authentication failure"],
        ),
        (
            "AUTH LOGIN bWFpbGVy\r\ncmlnaHQ=",
            &["S: 334 UGFzc3dvcmQ6", "[SECRET mailer right]", "S: 235 2.7.0 Authentication successful"],
        ),
        ("AUTH LOGIN =\r\n*", &["S: 334 UGFzc3dvcmQ6", "S: 501 5.7.0 Authentication cancelled"]),
        ("AUTH PLAIN\r\n*\r\nNOOP", &["S: 334 ", "S: 501 5.7.0 Authentication cancelled", "S: 250 2.0.0 OK"]),
        ("AUTH PLAIN =", &["S: 501 5.5.2 Cannot decode the authentication response"]),
        ("AUTH LOGIN YQ1i", &["S: 501 5.5.2 Cannot decode the authentication response"]),
        ("AUTH PLAIN !!", &["S: 501 5.5.2 Cannot decode the authentication response"]),
        (
            "AUTH PLAIN\r\nAG1haWxlcgByaWdodA",
            &["S: 334 ", "S: 501 5.5.2 Cannot decode the authentication response"],
        ),
        ("AUTH CRAM-MD5", &["S: 504 5.5.4 Unrecognized authentication mechanism"]),
        ("AUTH", &["S: 501 5.5.4 Syntax error in arguments"]),
        (
            "AUTH XOAUTH2 dXNlcj1tYWlsZXIBYXV0aD1CZWFyZXIgcmlnaHQBAQ==",
            &["[TOKEN mailer right]", "S: 235 2.7.0 Authentication successful"],
        ),
        (
            "AUTH XOAUTH2 dXNlcj1tYWlsZXIBYXV0aD1CZWFyZXIgVE9LRU4BAQ==\r\n\r\nNOOP",
            &[
                "[TOKEN mailer TOKEN]",
                "S: 334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJodHRwczovL2NvbW11bmljYXRpb24uYXp1cmUuY29tLy5kZWZhdWx0In0=",
                "S: 535 5.7.3 Authentication unsuccessful",
                "S: 250 2.0.0 OK",
            ],
        ),
        (
            "AUTH OAUTHBEARER\r\nbixhPW1haWxlciwBYXV0aD1CZWFyZXIgVE9LRU4BAQ==\r\nAQ==\r\nNOOP",
            &[
                "S: 334 ",
                "[TOKEN mailer TOKEN]",
                "S: 334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJodHRwczovL2NvbW11bmljYXRpb24uYXp1cmUuY29tLy5kZWZhdWx0In0=",
                "S: 535 5.7.3 Authentication unsuccessful",
                "S: 250 2.0.0 OK",
            ],
        ),
        (
            "AUTH PLAIN AG1haWxlcgByaWdodA==\r\nAUTH LOGIN",
            &["S: 235 2.7.0 Authentication successful", "S: 503 5.5.1 Already authenticated"],
        ),
    ];
    for (commands, expected) in cases {
        check(commands, true, &[format!("EHLO c\r\n{commands}\r\n").as_bytes()], expected);
    }
    check(
        "HELO",
        true,
        &[b"HELO c\r\nAUTH LOGIN\r\n"],
        &["S: 250 mail.test", "S: 503 5.5.1 Send EHLO first"],
    );
    let long = format!("EHLO c\r\nAUTH PLAIN\r\n{}\r\nNOOP\r\n", "A".repeat(201));
    check(
        "too long",
        true,
        &[long.as_bytes()],
        &["S: 334 ", "S: 500 5.5.6 Authentication exchange line is too long", "S: 250 2.0.0 OK"],
    );
    let wrong = "AUTH PLAIN AG1haWxlcgB3cm9uZw==\r\n".repeat(5);
    check(
        "cut off",
        true,
        &[format!("EHLO c\r\n{wrong}").as_bytes()],
        &[
            "S: 535 5.7.3 Authentication unsuccessful",
            "[SECRET mailer wrong]",
            "S: 535 5.7.3 Authentication unsuccessful",
            "[SECRET mailer wrong]",
            "S: 421 4.7.0 Too many failed authentications",
            "[CLOSE]",
        ],
    );
}

#[test]
fn senders_and_recipients() {
    let cases: &[(&str, &[&str])] = &[
        (
            "MAIL FROM:<a@contoso.com>\r\nMAIL FROM:<a@contoso.com>",
            &["S: 250 2.1.0 Sender OK", "S: 503 5.5.1 Sender already given"],
        ),
        (
            "MAIL FROM:<a@mycontoso.com>\r\nRCPT TO:<x@y.z>",
            &[
                "S: 501 5.1.7 The specified sender domain has not been linked.",
                "S: 503 5.5.1 Send MAIL first",
            ],
        ),
        ("MAIL FROM:<nobody@contoso.com>", &["S: 550 5.3.5 Email sender's username is invalid"]),
        ("MAIL FROM:<>", &["S: 550 5.7.1 The null reverse-path is not accepted for submission"]),
        ("MAIL FROM:a@contoso.com", &["S: 501 5.1.7 Syntax error in sender address"]),
        ("MAIL FROM:<a@contoso.com> SIZE=401", &["S: 552 5.3.4 Message size exceeds the limit"]),
        ("MAIL FROM:<a@contoso.com> SIZE=400 BODY=8BITMIME AUTH=<>", &["S: 250 2.1.0 Sender OK"]),
        ("MAIL FROM:<a@contoso.com> X=1", &["S: 555 5.5.4 Unsupported parameter"]),
        ("MAIL FROM:<ä@contoso.com>", &["S: 553 5.6.7 Address needs SMTPUTF8"]),
        (
            "MAIL FROM:<ä@contoso.com> SMTPUTF8\r\nRCPT TO:<ö@bücher.de>",
            &["[MAIL ä@contoso.com]", "S: 250 2.1.0 Sender OK", "S: 250 2.1.5 Recipient OK"],
        ),
        (
            "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<a@bücher.de>",
            &["S: 250 2.1.0 Sender OK", "S: 553 5.6.7 Address needs SMTPUTF8"],
        ),
        (
            "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<x>\r\nDATA",
            &["S: 501 5.1.3 Syntax error in recipient address", "S: 554 5.5.1 No valid recipients"],
        ),
        (
            "MAIL FROM:<a@contoso.com>\r\nDATA",
            &["S: 250 2.1.0 Sender OK", "S: 554 5.5.1 No valid recipients"],
        ),
        ("DATA", &["S: 503 5.5.1 Send MAIL first"]),
        (
            "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<1@y>\r\nRCPT TO:<\"a b\"@y>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<4@y>\r\nDATA\r\nx\r\n.",
            &[
                "S: 250 2.1.5 Recipient OK",
                "S: 250 2.1.5 Recipient OK",
                "S: 250 2.1.5 Recipient OK",
                "S: 452 4.5.3 Too many recipients",
                "S: 354 Start mail input; end with <CRLF>.<CRLF>",
                "[MESSAGE to [1@y, \"a b\"@y, Postmaster@mail.test]: \"x\\r\\n\"]",
                "S: 250 2.0.0 00000000-0000-0000-0000-000000000001",
            ],
        ),
        (
            "MAIL FROM:<a@contoso.com>\r\nRSET\r\nRCPT TO:<x@y>",
            &["S: 250 2.0.0 OK", "S: 503 5.5.1 Send MAIL first"],
        ),
        ("MAIL FROM:<a@contoso.com>\r\nEHLO again\r\nRCPT TO:<x@y>", &["S: 503 5.5.1 Send MAIL first"]),
        ("STARTTLS", &["S: 503 5.5.1 TLS already active"]),
    ];
    for (commands, expected) in cases {
        check_sending(commands, &format!("{commands}\r\n"), expected);
    }
    check(
        "unauthenticated",
        true,
        &[b"EHLO c\r\nMAIL FROM:<a@contoso.com>\r\n"],
        &["S: 530 5.7.0 Authentication required"],
    );
}

#[test]
fn recipients_are_asked_for_where_the_driver_wants_it() {
    check_sending(
        "asked",
        "MAIL FROM:<held@contoso.com>\r\nRCPT TO:<x@inside.test>\r\nRCPT TO:<y@outside.test>\r\n\
         RCPT TO:<z@inside.test>\r\nDATA\r\nhi\r\n.\r\n\
         MAIL FROM:<held@contoso.com>\r\nRCPT TO:<y@outside.test>\r\nDATA\r\nRSET\r\n\
         MAIL FROM:<a@contoso.com>\r\nRCPT TO:<y@outside.test>\r\nQUIT\r\n",
        &[
            "[MAIL held@contoso.com]",
            "S: 250 2.1.0 Sender OK",
            "[RCPT x@inside.test]",
            "S: 250 2.1.5 Recipient OK",
            "[RCPT y@outside.test]",
            "S: 550 5.7.1 Sending to this recipient is not allowed",
            "[RCPT z@inside.test]",
            "S: 250 2.1.5 Recipient OK",
            "S: 354 Start mail input; end with <CRLF>.<CRLF>",
            "[MESSAGE to [x@inside.test, z@inside.test]: \"hi\\r\\n\"]",
            "S: 250 2.0.0 00000000-0000-0000-0000-000000000001",
            "[MAIL held@contoso.com]",
            "S: 250 2.1.0 Sender OK",
            "[RCPT y@outside.test]",
            "S: 550 5.7.1 Sending to this recipient is not allowed",
            "S: 554 5.5.1 No valid recipients",
            "S: 250 2.0.0 OK",
            "[MAIL a@contoso.com]",
            "S: 250 2.1.0 Sender OK",
            "S: 250 2.1.5 Recipient OK",
            "S: 221 2.0.0 Bye",
            "[CLOSE]",
        ],
    );
}

#[test]
fn smuggled_ends_of_data() {
    let smuggled = "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<victim@y.z>\r\nDATA\r\n";
    for end in
        ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n", "\n\n.\r\n", "\n.\r"]
    {
        let text = format!("{MAIL}DATA\r\nhello{end}{smuggled}spam\r\n.\r\nNOOP\r\n");
        check_sending(
            &format!("{end:?}"),
            &text,
            &[
                "S: 354 Start mail input; end with <CRLF>.<CRLF>",
                "S: 550 5.6.0 Message contains bare CR or LF; lines must end in CRLF",
                "S: 250 2.0.0 OK",
            ],
        );
    }
    check_sending(
        "a bare CR before a proper end",
        &format!("{MAIL}DATA\r\nhello\r\r\n.\r\nNOOP\r\n"),
        &["S: 550 5.6.0 Message contains bare CR or LF; lines must end in CRLF", "S: 250 2.0.0 OK"],
    );
}

#[test]
fn lines_that_are_not_commands() {
    let long = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(200));
    let endless = "x".repeat(1_001);
    let bad = "XYZZY\r\n".repeat(20);
    let cases: &[(&str, &[&str])] = &[
        (&long, &["S: 500 5.5.2 Line too long", "S: 250 2.0.0 OK"]),
        (&endless, &["S: 500 5.5.2 Line too long", "[CLOSE]"]),
        ("NOOP\nQUIT\r\n", &["S: 500 5.5.2 Lines must end in CRLF", "[CLOSE]"]),
        ("NOOP\rQUIT\r\n", &["S: 500 5.5.2 Lines must end in CRLF", "[CLOSE]"]),
        (
            "NO\0OP\r\nNOOP\r\n",
            &["S: 500 5.5.2 Command contains characters that are not allowed", "S: 250 2.0.0 OK"],
        ),
        (
            "NOOP \u{e9}\r\nNOOP\r\n",
            &["S: 500 5.5.2 Command contains characters that are not allowed", "S: 250 2.0.0 OK"],
        ),
        (&bad, &["S: 500 5.5.1 Command not recognized", "S: 421 4.7.0 Too many bad commands", "[CLOSE]"]),
    ];
    for (text, expected) in cases {
        check_sending(text, text, expected);
    }
    check(
        "latin 1",
        true,
        &[b"EHLO c\r\nVRFY \xe9\r\n"],
        &["S: 500 5.5.2 Command contains characters that are not allowed"],
    );
}

#[test]
fn messages_over_the_limit() {
    let line = format!("{}\r\n", "x".repeat(98));
    let large = format!("{MAIL}DATA\r\n{}.\r\nNOOP\r\n", line.repeat(5));
    check_sending("large", &large, &["S: 552 5.3.4 Message size exceeds the limit", "S: 250 2.0.0 OK"]);
    let exact = format!("{MAIL}DATA\r\n{}.\r\nRSET\r\n", line.repeat(4));
    check_sending("exact", &exact, &["S: 250 2.0.0 00000000-0000-0000-0000-000000000001", "S: 250 2.0.0 OK"]);
    let hopeless = format!("{MAIL}DATA\r\n{}", line.repeat(17));
    check_sending("hopeless", &hopeless, &["S: 552 5.3.4 Message size exceeds the limit", "[CLOSE]"]);
    let long = format!("{MAIL}DATA\r\n{}\r\n.\r\nNOOP\r\n", "x".repeat(301));
    check_sending(
        "long line",
        &long,
        &["S: 550 5.6.0 Message contains a line that is too long", "S: 250 2.0.0 OK"],
    );
}

#[test]
fn chunks() {
    let message = "[MESSAGE to [x@y.z]: \"a\\r\\n.\\r\\nb\\r\\n\"]";
    let cases: &[(&str, &[&str])] =
        &[("BDAT 8 LAST\r\na\r\n.\r\nb\r\nNOOP\r\n", &["S: 503 5.5.1 Send MAIL first", "S: 250 2.0.0 OK"])];
    for (text, expected) in cases {
        check_sending(text, &text.replace("BDAT 8", "BDAT 9"), expected);
    }
    for text in [
        "BDAT 9 LAST\r\na\r\n.\r\nb\r\n",
        "BDAT 2\r\na\rBDAT 4\r\n\n.\r\nBDAT 3\r\nb\r\nBDAT 0 LAST\r\n",
        "BDAT 7 LAST\r\na\r\n.\r\nb",
    ] {
        check_sending(
            text,
            &format!("{MAIL}{text}NOOP\r\n"),
            &[message, "S: 250 2.0.0 00000000-0000-0000-0000-000000000001", "S: 250 2.0.0 OK"],
        );
    }
    let refused: &[(&str, &[&str])] = &[
        (
            "BDAT 3 LAST\r\na\nbNOOP\r\n",
            &["S: 550 5.6.0 Message contains bare CR or LF; lines must end in CRLF", "S: 250 2.0.0 OK"],
        ),
        (
            "BDAT 3 LAST\r\nab\rNOOP\r\n",
            &["S: 550 5.6.0 Message contains bare CR or LF; lines must end in CRLF", "S: 250 2.0.0 OK"],
        ),
        (
            "BDAT 3\r\na\nbBDAT 2 LAST\r\nxyNOOP\r\n",
            &[
                "S: 550 5.6.0 Message contains bare CR or LF; lines must end in CRLF",
                "S: 503 5.5.1 Send MAIL first",
                "S: 250 2.0.0 OK",
            ],
        ),
        (
            "BDAT 2\r\nabDATA\r\n",
            &["S: 250 2.0.0 2 octets received", "S: 503 5.5.1 Bad sequence of commands"],
        ),
        ("BDAT 2\r\nabRCPT TO:<x@y.z>\r\n", &["S: 503 5.5.1 Bad sequence of commands"]),
        ("BDAT x\r\nabc", &["S: 501 5.5.4 Chunk size cannot be read", "[CLOSE]"]),
        ("BDAT 1601 LAST\r\nabc", &["S: 552 5.3.4 Message size exceeds the limit", "[CLOSE]"]),
    ];
    for (text, expected) in refused {
        check_sending(text, &format!("{MAIL}{text}"), expected);
    }
    let large = format!(
        "{MAIL}BDAT 401\r\n{}BDAT 1 LAST\r\nxNOOP\r\n",
        "x".repeat(401).replace("xxxxxxxxxx", "xxxxxxxx\r\n")
    );
    check_sending(
        "large",
        &large,
        &["S: 552 5.3.4 Message size exceeds the limit", "S: 503 5.5.1 Send MAIL first", "S: 250 2.0.0 OK"],
    );
}

#[test]
fn octets_behind_a_malformed_bdat_are_not_commands() {
    let long = format!("bdat 5 {}\r\nNOOP\r\n", "x".repeat(200));
    let longer = format!("BDAT 5 {}\r\nNOOP\r\n", "x".repeat(500));
    for text in [
        "BDAT 6\tLAST\r\nNOOP\r\n",
        "BDAT 6\u{e9}\r\nNOOP\r\n",
        "bDaT\t6\r\nNOOP\r\n",
        "BDAT6\r\nNOOP\r\n",
        " BDAT 6\r\nNOOP\r\n",
        &long,
        &longer,
    ] {
        check_sending(
            text,
            &format!("{MAIL}{text}"),
            &["S: 250 2.1.5 Recipient OK", "S: 501 5.5.4 Chunk size cannot be read", "[CLOSE]"],
        );
    }
}

#[test]
fn commands_without_authentication_are_limited() {
    let text = "EHLO c\r\n".repeat(8_192);
    let trace = run(&Input { tls: true, parts: &[text.as_bytes()] }, |_| Vec::new());
    let greetings = trace.iter().filter(|line| line.starts_with("S: 250 AUTH")).count();
    assert_eq!(greetings, 100);
    assert_eq!(
        trace[trace.len() - 2..],
        ["S: 421 4.7.0 Too many commands without authentication", "[CLOSE]"]
    );
    check_sending("authenticated", &"NOOP\r\n".repeat(120), &["S: 250 2.0.0 OK"; 110]);
}

fn session(input: &str) -> (Session, Vec<Reply>) {
    let mut session = Session::new(Arc::from("mail.test"), Arc::new(Limits::default()), true);
    let mut input = input.as_bytes();
    loop {
        match session.feed(&mut input) {
            Step::Authenticate(_) => session.signed_in(),
            Step::MailFrom(_) => session.sender_accepted(),
            Step::Flush => session.output().clear(),
            _ => break,
        }
    }
    let refusals = session.take_refusals();
    (session, refusals)
}

#[test]
fn replies_do_not_gather_without_limit() {
    let mut session = Session::new(Arc::from("mail.test"), Arc::new(Limits::default()), true);
    let text = format!("{TLS_SESSION}{}", "EHLO c\r\n".repeat(8_192));
    let (mut input, mut flushed) = (text.as_bytes(), 0);
    loop {
        let step = session.feed(&mut input);
        assert!(session.output().len() < 17 * 1024);
        match step {
            Step::Authenticate(_) => session.signed_in(),
            Step::Flush => {
                flushed += 1;
                session.output().clear();
            }
            _ => break,
        }
    }
    assert!(input.is_empty());
    assert!(flushed > 50, "{flushed}");
}

#[test]
fn the_sessions_own_refusals_are_kept() {
    let (_, refusals) = session(
        "EHLO c\r\nAUTH PLAIN !!\r\nAUTH PLAIN AG1haWxlcgByaWdodA==\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nNO\nOP\r\n",
    );
    assert_eq!(refusals, [replies::BAD_SASL_RESPONSE, replies::NULL_REVERSE_PATH, replies::BARE_LINE_BREAK]);
    assert_eq!(session("EHLO c\r\nNOOP\r\nQUIT\r\n").1, []);
}

#[test]
fn recipients_are_held_in_memory_too() {
    let recipients = "RCPT TO:<somebody@example.com>\r\n".repeat(500);
    let text = format!("{TLS_SESSION}MAIL FROM:<a@contoso.com>\r\n{recipients}");
    let (mut session, _) = session(&text);
    assert!(session.held() > 500 * 20, "{}", session.held());
    session.refuse_content(replies::INSUFFICIENT_STORAGE);
    assert_eq!(session.held(), 0);
    session.output().clear();
    session.feed(&mut &b"RCPT TO:<x@y.z>\r\nDATA\r\n"[..]);
    let replies = String::from_utf8(session.output().clone()).unwrap();
    assert_eq!(replies, "452 4.3.1 Insufficient system storage\r\n".repeat(2));
}
