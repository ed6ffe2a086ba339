//! Completing a submitted message (RFC 6409 section 8) and its trace field (RFC 5321 section 4.4).

use std::net::IpAddr;
use std::ops::Range;

use gatepost_names::MessageId;
use jiff::Timestamp;

use crate::{Headers, MailError};

/// Most octets of the client's own name that the Received field repeats.
const MAX_HELO: usize = 255;
/// Most octets of a Message-ID that is kept: what a line may have (RFC 5322 section 2.1.1).
const MAX_MESSAGE_ID: usize = 998;

/// The facts of the submission that the Received field records.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// The id under which the message is accepted.
    pub id: MessageId,
    /// What the client called itself in EHLO.
    pub helo: &'a str,
    /// Where it connected from.
    pub ip: IpAddr,
    /// The version of TLS, for the comment in the field; `None` without TLS.
    pub tls: Option<&'a str>,
    /// Whether it signed in.
    pub authenticated: bool,
    /// Whether the transaction asked for SMTPUTF8: the header section may then be UTF-8.
    pub utf8: bool,
    /// This server's host name.
    pub by: &'a str,
    /// When the message came.
    pub now: Timestamp,
}

/// A message ready for delivery: new fields, then pieces of what was submitted. The body is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// Fields to put before everything: Received, and Date and Message-ID where they were missing.
    pub prefix: Vec<u8>,
    /// The ranges of the submitted message to keep, in order.
    pub kept: Vec<Range<usize>>,
    /// The value of the Message-ID field, with its angle brackets.
    pub message_id: String,
}

impl Completed {
    /// The pieces of the completed message in order. `raw` is the message that was completed.
    pub fn parts<'a>(&'a self, raw: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.prefix.as_slice())
            .chain(self.kept.iter().map(move |range| raw.get(range.clone()).unwrap_or_default()))
    }

    /// The completed message in one piece. `raw` is the message that was completed.
    pub fn to_vec(&self, raw: &[u8]) -> Vec<u8> {
        self.parts(raw).collect::<Vec<_>>().concat()
    }
}

impl Headers<'_> {
    /// Checks the message and completes its header section:
    /// - Received in front; Date added if missing; Message-ID added if it is missing or not `<left@right>`
    ///   (a valid one of the client's is kept, up to 998 octets);
    /// - Bcc, Resent-Bcc and Return-Path taken out.
    ///
    /// # Errors
    /// [`MailError`]: a NUL octet anywhere, a header section that the transaction does not allow, From missing
    /// or repeated, Sender, Date or Message-ID repeated.
    pub fn complete(&self, trace: &Trace<'_>) -> Result<Completed, MailError> {
        self.check(trace.utf8)?;
        let mut kept = Vec::with_capacity(4);
        kept.push(0..self.raw().len());
        let mut message_id = None;
        let mut has_date = false;
        for (field, place) in self.located() {
            let wanted = if field.is("Message-ID") {
                message_id = valid_message_id(field.value);
                message_id.is_some()
            } else {
                has_date |= field.is("Date");
                !["Bcc", "Resent-Bcc", "Return-Path"].iter().any(|name| field.is(name))
            };
            if !wanted {
                take_out(&mut kept, place);
            }
        }
        let mut prefix = received(trace);
        if !has_date {
            prefix.push_str(&format!("Date: {}\r\n", date(trace.now)));
        }
        let message_id = message_id.unwrap_or_else(|| {
            let made = format!("<{}@{}>", trace.id, plain(trace.by, false));
            prefix.push_str(&format!("Message-ID: {made}\r\n"));
            made
        });
        Ok(Completed { prefix: prefix.into_bytes(), kept, message_id })
    }

    fn check(&self, utf8: bool) -> Result<(), MailError> {
        if memchr::memchr(0, self.raw()).is_some() {
            return Err(MailError::Nul);
        }
        if !self.section().is_ascii() {
            if !utf8 {
                return Err(MailError::NeedsSmtputf8);
            }
            std::str::from_utf8(self.section()).map_err(|_| MailError::NotUtf8)?;
        }
        let mut seen = [("From", 0), ("Sender", 0), ("Date", 0), ("Message-ID", 0)];
        for field in self.fields() {
            if let Some((name, count)) = seen.iter_mut().find(|(name, _)| field.is(name)) {
                *count += 1;
                if *count > 1 {
                    return Err(MailError::Repeated(name));
                }
            }
        }
        if seen.iter().any(|(name, count)| *name == "From" && *count == 0) {
            return Err(MailError::NoFrom);
        }
        Ok(())
    }
}

/// Splits the last range around `place`, which lies in it.
fn take_out(kept: &mut Vec<Range<usize>>, place: Range<usize>) {
    let Some(last) = kept.pop() else { return };
    if last.start < place.start {
        kept.push(last.start..place.start);
    }
    kept.push(place.end..last.end);
}

/// A Message-ID of the form `<left@right>` with nothing else around it, without its folding. One that fits into
/// no line counts as none: it is kept with the envelope and in the trace.
fn valid_message_id(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t', '\r', '\n']);
    let (left, right) = text.strip_prefix('<')?.strip_suffix('>')?.split_once('@')?;
    let allowed = |part: &str| {
        !part.is_empty() && part.chars().all(|c| !c.is_control() && !matches!(c, ' ' | '<' | '>' | '@'))
    };
    (text.len() <= MAX_MESSAGE_ID && allowed(left) && allowed(right)).then(|| text.to_owned())
}

/// The Received field, folded, with the protocol names of RFC 3848 and RFC 6531.
fn received(trace: &Trace<'_>) -> String {
    let protocol = format!(
        "{}{}{}",
        if trace.utf8 { "UTF8SMTP" } else { "ESMTP" },
        if trace.tls.is_some() { "S" } else { "" },
        if trace.authenticated { "A" } else { "" },
    );
    let from = match trace.ip.to_canonical() {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    };
    let tls = trace.tls.map_or(String::new(), |version| format!(" ({})", plain(version, false)));
    format!(
        "Received: from {} ({from})\r\n\tby {} with {protocol}{tls}\r\n\tid {}; {}\r\n",
        plain(trace.helo, trace.utf8),
        plain(trace.by, false),
        trace.id,
        date(trace.now),
    )
}

/// SECURITY: a name that came from outside, without any character that could end the field or a comment in
/// it.
fn plain(name: &str, utf8: bool) -> String {
    let safe = |c: char| {
        c.is_ascii_alphanumeric() || "-._:[]".contains(c) || (utf8 && !c.is_ascii() && !c.is_control())
    };
    let mut shown: String = name.chars().map(|c| if safe(c) { c } else { '_' }).collect();
    let cut = shown.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_HELO);
    shown.truncate(cut.unwrap_or(shown.len()));
    if shown.is_empty() { "unknown".to_owned() } else { shown }
}

/// A date as header fields write it (RFC 5322 section 3.3), in UTC: `Sat, 15 Jan 2022 21:08:45 +0000`.
pub fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace<'static> {
        Trace {
            id: "0190163d-8694-739b-aea5-966c26f8ad90".parse().unwrap(),
            helo: "client.example",
            ip: "192.0.2.7".parse().unwrap(),
            tls: Some("TLSv1.3"),
            authenticated: true,
            utf8: false,
            by: "mail.example",
            now: Timestamp::from_second(1_642_280_925).unwrap(),
        }
    }

    fn completed(raw: &str) -> String {
        let completed = crate::complete(raw.as_bytes(), &trace()).unwrap();
        String::from_utf8(completed.to_vec(raw.as_bytes())).unwrap()
    }

    const RECEIVED: &str = "Received: from client.example ([192.0.2.7])\r\n\tby mail.example with ESMTPSA \
        (TLSv1.3)\r\n\tid 0190163d-8694-739b-aea5-966c26f8ad90; Sat, 15 Jan 2022 21:08:45 +0000\r\n";

    #[test]
    fn what_is_missing_is_added() {
        assert_eq!(
            completed("From: a@b\r\n\r\nHello\r\n"),
            format!(
                "{RECEIVED}Date: Sat, 15 Jan 2022 21:08:45 +0000\r\n\
                 Message-ID: <0190163d-8694-739b-aea5-966c26f8ad90@mail.example>\r\n\
                 From: a@b\r\n\r\nHello\r\n"
            )
        );
    }

    #[test]
    fn what_is_there_is_kept_to_the_octet() {
        let raw =
            "Message-Id:\r\n <x@y.example>\r\nSubject: a\r\n b\r\nDate: whenever\r\nFrom: a@b\r\n\r\n\0"
                .replace('\0', "tail");
        assert_eq!(completed(&raw), format!("{RECEIVED}{raw}"));
        assert_eq!(crate::complete(raw.as_bytes(), &trace()).unwrap().message_id, "<x@y.example>");
    }

    #[test]
    fn blind_copies_return_paths_and_bad_ids_are_taken_out() {
        let raw = "Return-Path: <x@y>\r\nBcc: a@b,\r\n c@d\r\nDate: d\r\nMessage-ID: not an id\r\n\
                   From: a@b\r\nresent-bcc: x\r\nBCC: y\r\n\r\nBcc: body\r\n";
        assert_eq!(
            completed(raw),
            format!(
                "{RECEIVED}Message-ID: <0190163d-8694-739b-aea5-966c26f8ad90@mail.example>\r\n\
                 Date: d\r\nFrom: a@b\r\n\r\nBcc: body\r\n"
            )
        );
    }

    #[test]
    fn message_ids_need_two_parts_in_brackets() {
        for (value, valid) in [
            (" <a@b>", true),
            ("\r\n <a.b$c@[d]>", true),
            (" a@b", false),
            (" <a>", false),
            (" <@b>", false),
            (" <a@>", false),
            (" <a@b> x", false),
            (" <a@b><c@d>", false),
            (" <a b@c>", false),
            ("", false),
        ] {
            assert_eq!(valid_message_id(value.as_bytes()).is_some(), valid, "{value}");
        }
        let long = |length: usize| format!(" <{}@b>", "a".repeat(length - 4));
        assert_eq!(valid_message_id(long(998).as_bytes()).unwrap().len(), 998);
        assert_eq!(valid_message_id(long(999).as_bytes()), None);
    }

    #[test]
    fn messages_that_are_refused() {
        for (raw, error) in [
            (&b"From: a@b\r\n\r\nx\0y"[..], MailError::Nul),
            (b"To: a@b\r\n\r\n", MailError::NoFrom),
            (b"From: a@b\r\nFrom: a@b\r\n\r\n", MailError::Repeated("From")),
            (b"From: a@b\r\nDate: a\r\nDate: b\r\n\r\n", MailError::Repeated("Date")),
            ("From: a@b\r\nSubject: ü\r\n\r\n".as_bytes(), MailError::NeedsSmtputf8),
        ] {
            assert_eq!(crate::complete(raw, &trace()).unwrap_err(), error);
        }
        let utf8 = Trace { utf8: true, ..trace() };
        assert_eq!(
            crate::complete(b"From: a@b\r\nSubject: \xff\r\n\r\n", &utf8).unwrap_err(),
            MailError::NotUtf8
        );
        let raw = "From: a@b\r\nSubject: ü\r\n\r\n\u{fc}".as_bytes();
        let text = String::from_utf8(crate::complete(raw, &utf8).unwrap().to_vec(raw)).unwrap();
        assert!(text.contains("with UTF8SMTPSA"), "{text}");
    }

    #[test]
    fn a_hostile_helo_cannot_add_a_field() {
        let hostile = Trace { helo: "x)\r\nBcc: y", ip: "2001:db8::1".parse().unwrap(), ..trace() };
        assert!(received(&hostile).starts_with("Received: from x___Bcc:_y ([IPv6:2001:db8::1])\r\n"));
        let long = "é".repeat(300);
        assert!(plain(&long, true).len() < MAX_HELO + 4);
        assert_eq!(plain("", true), "unknown");
    }
}
