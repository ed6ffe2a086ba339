//! The header section as fields (RFC 5322 section 2.2, RFC 6532).
//!
//! The scanner is strict: what two mail programs could read in two ways is refused, because the sender check
//! stands on it. It looks at each octet once and keeps only where the fields are.

use std::ops::Range;

use gatepost_names::EmailAddress;

use crate::{MailError, mailbox_list};

/// Most octets that a header section may have.
pub const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Most fields that a header section may have.
pub const MAX_FIELDS: usize = 1000;

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written.
    pub name: &'a [u8],
    /// What follows the colon, still folded, without the final line end.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has this name; letter case does not matter.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

#[derive(Clone, Debug)]
struct Span {
    /// From the first octet of the name past the final line end.
    whole: Range<usize>,
    /// Past the last octet of the name.
    name_end: usize,
    /// After the colon, without the final line end.
    value: Range<usize>,
}

/// A message whose header section has been read.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    raw: &'a [u8],
    spans: Vec<Span>,
    /// Where the header section ends: at the empty line, or at the end of the message.
    end: usize,
}

impl<'a> Headers<'a> {
    /// Reads the header section of a message whose lines end with CRLF. The body may be anything.
    ///
    /// # Errors
    /// [`MailError`]; it does not yet say whether From is there, or 8-bit octets are allowed.
    pub fn scan(raw: &'a [u8]) -> Result<Headers<'a>, MailError> {
        let mut spans: Vec<Span> = Vec::with_capacity(16);
        let mut at = 0;
        let mut line_number = 0;
        while at < raw.len() {
            line_number += 1;
            let rest = raw.get(at..).unwrap_or_default();
            let (line, after) = line_of(rest, at, line_number)?;
            if line.is_empty() {
                break;
            }
            if after > MAX_HEADER_BYTES {
                return Err(MailError::HeaderTooLong);
            }
            let full = spans.len() == MAX_FIELDS;
            match (line.first(), spans.last_mut()) {
                (Some(b' ' | b'\t'), Some(open)) => {
                    open.whole.end = after;
                    open.value.end = at + line.len();
                }
                (Some(b' ' | b'\t'), None) => return Err(MailError::MalformedField(line_number)),
                _ if full => return Err(MailError::TooManyFields),
                _ => spans.push(field_at(line, at, after).ok_or(MailError::MalformedField(line_number))?),
            }
            at = after;
        }
        if spans.is_empty() {
            return Err(MailError::NoHeader);
        }
        Ok(Headers { raw, spans, end: at })
    }

    /// The fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + '_ {
        self.spans.iter().map(|span| self.field(span))
    }

    /// The header section without the empty line that ends it.
    pub fn section(&self) -> &'a [u8] {
        self.raw.get(..self.end).unwrap_or_default()
    }

    /// The whole message.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The addresses of the only From field, in order; at least one.
    ///
    /// # Errors
    /// [`MailError::NoFrom`], [`MailError::Repeated`], [`MailError::BadAddresses`].
    pub fn from_addresses(&self) -> Result<Vec<EmailAddress>, MailError> {
        let value = self.only("From")?.ok_or(MailError::NoFrom)?;
        mailbox_list(value).map_err(|error| MailError::BadAddresses("From", error))
    }

    /// The address of the Sender field; empty where there is none.
    ///
    /// # Errors
    /// [`MailError::Repeated`], also for two mailboxes in one field; [`MailError::BadAddresses`].
    pub fn sender_addresses(&self) -> Result<Vec<EmailAddress>, MailError> {
        let Some(value) = self.only("Sender")? else { return Ok(Vec::new()) };
        let addresses = mailbox_list(value).map_err(|error| MailError::BadAddresses("Sender", error))?;
        if addresses.len() > 1 { Err(MailError::Repeated("Sender")) } else { Ok(addresses) }
    }

    /// The value of a field that may be there once.
    fn only(&self, name: &'static str) -> Result<Option<&'a [u8]>, MailError> {
        let mut values = self.fields().filter(|field| field.is(name)).map(|field| field.value);
        let first = values.next();
        if values.next().is_some() { Err(MailError::Repeated(name)) } else { Ok(first) }
    }

    /// The fields with the octets that each occupies, its line ends included.
    pub(crate) fn located(&self) -> impl Iterator<Item = (Field<'a>, Range<usize>)> + '_ {
        self.spans.iter().map(|span| (self.field(span), span.whole.clone()))
    }

    fn field(&self, span: &Span) -> Field<'a> {
        Field {
            name: self.raw.get(span.whole.start..span.name_end).unwrap_or_default(),
            value: self.raw.get(span.value.clone()).unwrap_or_default(),
        }
    }
}

/// The first line of `rest` without its end, and where the next one begins in the message.
fn line_of(rest: &[u8], at: usize, number: usize) -> Result<(&[u8], usize), MailError> {
    let window = rest.get(..MAX_HEADER_BYTES + 2).unwrap_or(rest);
    match memchr::memchr2(b'\r', b'\n', window) {
        // The message ends with its header section, and without a line end.
        None if window.len() == rest.len() => Ok((rest, at + rest.len())),
        None => Err(MailError::HeaderTooLong),
        Some(end) if rest.get(end..end + 2) == Some(b"\r\n".as_slice()) => {
            Ok((rest.get(..end).unwrap_or_default(), at + end + 2))
        }
        Some(_) => Err(MailError::BareLineEnd(number)),
    }
}

/// Reads the first line of a field. White space between name and colon is obsolete syntax that programs read
/// in different ways, so it is refused.
fn field_at(line: &[u8], at: usize, after: usize) -> Option<Span> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?;
    if name.is_empty() || !name.iter().all(|octet| matches!(octet, 33..=126)) {
        return None;
    }
    Some(Span { whole: at..after, name_end: at + colon, value: at + colon + 1..at + line.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_values(raw: &[u8]) -> Vec<(String, String)> {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Headers::scan(raw).unwrap().fields().map(|f| (text(f.name), text(f.value))).collect()
    }

    #[test]
    fn fields_are_found_and_folding_is_kept() {
        let raw = b"Subject: one\r\n two\r\nX-Empty:\r\nFrom:a@b\r\n\r\nbody: no field\r\n";
        assert_eq!(
            names_and_values(raw),
            [("Subject", " one\r\n two"), ("X-Empty", ""), ("From", "a@b")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        assert_eq!(Headers::scan(raw).unwrap().section().len(), 40);
    }

    #[test]
    fn a_message_may_end_with_its_header_section() {
        for raw in ["From: a@b", "From: a@b\r\n", "From: a@b\r\n\r\n"] {
            assert_eq!(names_and_values(raw.as_bytes()), [("From".to_owned(), " a@b".to_owned())]);
        }
    }

    #[test]
    fn malformed_header_sections_are_refused() {
        for (raw, error) in [
            (&b""[..], MailError::NoHeader),
            (b"\r\nbody", MailError::NoHeader),
            (b" folded: first\r\n", MailError::MalformedField(1)),
            (b"From: a@b\r\nno colon here\r\n\r\n", MailError::MalformedField(2)),
            (b"From : a@b\r\n\r\n", MailError::MalformedField(1)),
            (b": a@b\r\n\r\n", MailError::MalformedField(1)),
            ("Fr\u{f6}m: a@b\r\n\r\n".as_bytes(), MailError::MalformedField(1)),
            (b"From: a@b\nTo: c@d\r\n\r\n", MailError::BareLineEnd(1)),
            (b"From: a@b\rTo: c@d\r\n\r\n", MailError::BareLineEnd(1)),
        ] {
            assert_eq!(Headers::scan(raw).unwrap_err(), error, "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn size_and_number_are_bounded() {
        let many = "X: y\r\n".repeat(MAX_FIELDS + 1);
        assert_eq!(Headers::scan(many.as_bytes()).unwrap_err(), MailError::TooManyFields);
        let long = format!("X: {}", "y".repeat(MAX_HEADER_BYTES));
        assert_eq!(Headers::scan(long.as_bytes()).unwrap_err(), MailError::HeaderTooLong);
        let folded = format!("X: y\r\n{}", " y\r\n".repeat(MAX_HEADER_BYTES / 4));
        assert_eq!(Headers::scan(folded.as_bytes()).unwrap_err(), MailError::HeaderTooLong);
    }

    #[test]
    fn from_is_there_once() {
        let addresses = |raw: &[u8]| Headers::scan(raw).unwrap().from_addresses();
        assert_eq!(addresses(b"To: a@b\r\n\r\n"), Err(MailError::NoFrom));
        assert_eq!(addresses(b"From: a@b\r\nfrom: c@d\r\n\r\n"), Err(MailError::Repeated("From")));
        assert_eq!(addresses(b"FROM: a@b\r\n\r\n").unwrap().len(), 1);
        let sender = |raw: &[u8]| Headers::scan(raw).unwrap().sender_addresses();
        assert_eq!(sender(b"From: a@b\r\n\r\n"), Ok(Vec::new()));
        assert_eq!(sender(b"Sender: a@b, c@d\r\n\r\n"), Err(MailError::Repeated("Sender")));
    }
}
