//! Replies: a code, an enhanced status code and a text (RFC 5321 section 4.2, RFC 2034, RFC 3463).

use std::borrow::Cow;
use std::fmt;

/// An enhanced status code (RFC 3463), such as 5.7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enhanced(pub u8, pub u16, pub u16);

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One line of answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<Enhanced>,
    text: Cow<'static, str>,
}

impl Reply {
    /// A reply with an enhanced status code and a fixed text.
    pub const fn new(code: u16, enhanced: Enhanced, text: &'static str) -> Reply {
        Reply { code, enhanced: Some(enhanced), text: Cow::Borrowed(text) }
    }

    /// A reply of the few that carry no enhanced status code (220 greeting, 334, 354, answers to HELO).
    pub const fn plain(code: u16, text: &'static str) -> Reply {
        Reply { code, enhanced: None, text: Cow::Borrowed(text) }
    }

    /// A reply with a text made for the occasion.
    pub fn with_text(code: u16, enhanced: Option<Enhanced>, text: String) -> Reply {
        Reply { code, enhanced, text: Cow::Owned(text) }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code, where the reply has one.
    pub fn enhanced(&self) -> Option<Enhanced> {
        self.enhanced
    }

    /// What stands behind the codes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// 2xx and 3xx.
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// 4xx: the same command may succeed later.
    pub fn is_temporary(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Appends the reply's line with its CRLF. Line breaks and other control characters in the text become `?`,
    /// so that no text can forge a second reply.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_digits(self.code, out);
        out.push(b' ');
        if let Some(Enhanced(class, subject, detail)) = self.enhanced {
            write_digits(u16::from(class), out);
            out.push(b'.');
            write_digits(subject, out);
            out.push(b'.');
            write_digits(detail, out);
            out.push(b' ');
        }
        out.extend(self.text.bytes().map(|b| if b.is_ascii_control() { b'?' } else { b }));
        out.extend_from_slice(b"\r\n");
    }

    /// Reads the last line of a reply, without its CRLF, as a client does. `None` if it does not begin with
    /// three digits.
    pub fn parse(line: &str) -> Option<Reply> {
        let (code, rest) = line.split_at_checked(3)?;
        let code: u16 = code.bytes().all(|b| b.is_ascii_digit()).then(|| code.parse().ok())??;
        let rest = rest.strip_prefix([' ', '-']).unwrap_or(rest);
        let (enhanced, text) = match rest.split_once(' ') {
            Some((first, text)) => match parse_enhanced(first) {
                Some(enhanced) => (Some(enhanced), text),
                None => (None, rest),
            },
            None => match parse_enhanced(rest) {
                Some(enhanced) => (Some(enhanced), ""),
                None => (None, rest),
            },
        };
        Some(Reply { code, enhanced, text: Cow::Owned(text.to_owned()) })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.enhanced {
            Some(enhanced) => write!(f, "{} {enhanced} {}", self.code, self.text),
            None => write!(f, "{} {}", self.code, self.text),
        }
    }
}

fn write_digits(number: u16, out: &mut Vec<u8>) {
    for divisor in [10_000u16, 1_000, 100, 10] {
        if number >= divisor {
            out.push(b'0' + u8::try_from(number / divisor % 10).unwrap_or(0));
        }
    }
    out.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
}

fn parse_enhanced(text: &str) -> Option<Enhanced> {
    let mut parts = text.split('.');
    let class: u8 = parts.next()?.parse().ok()?;
    let subject = parts.next()?.parse().ok()?;
    let detail = parts.next()?.parse().ok()?;
    (matches!(class, 2 | 4 | 5) && parts.next().is_none()).then_some(Enhanced(class, subject, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_one_line_whatever_its_text() {
        for (reply, line) in [
            (
                Reply::new(535, Enhanced(5, 7, 3), "Authentication unsuccessful"),
                "535 5.7.3 Authentication unsuccessful\r\n",
            ),
            (Reply::plain(354, "Go on"), "354 Go on\r\n"),
            (
                Reply::with_text(451, Some(Enhanced(4, 3, 0)), "a\r\n250 b".to_owned()),
                "451 4.3.0 a??250 b\r\n",
            ),
            (Reply::new(538, Enhanced(5, 7, 11), "x"), "538 5.7.11 x\r\n"),
            (Reply::new(250, Enhanced(2, 100, 120), "x"), "250 2.100.120 x\r\n"),
        ] {
            let mut out = Vec::new();
            reply.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }

    #[test]
    fn a_client_reads_what_a_server_writes() {
        for reply in [
            Reply::new(535, Enhanced(5, 7, 3), "Authentication unsuccessful"),
            Reply::new(250, Enhanced(2, 0, 0), ""),
            Reply::plain(250, "2 fast"),
        ] {
            let mut out = Vec::new();
            reply.write(&mut out);
            let line = String::from_utf8(out).unwrap();
            assert_eq!(Reply::parse(line.trim_end_matches("\r\n")), Some(reply));
        }
        assert_eq!(Reply::parse("2x0 hello"), None);
        assert_eq!(Reply::parse("25"), None);
        assert_eq!(Reply::parse("+25 a"), None);
    }
}
