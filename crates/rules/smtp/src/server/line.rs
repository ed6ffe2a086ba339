//! Receiving command lines in pieces, in constant memory.

use std::borrow::Cow;

use memchr::memchr2;

use super::limits::Limits;

/// What a piece of input came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received<'a> {
    /// A line, without its CRLF.
    Line(Cow<'a, [u8]>),
    /// A line over the limit, now at its end; its text is gone.
    TooLong,
    /// As [`Received::TooLong`], and the line began with BDAT: nobody knows how many octets of content follow.
    ChunkTooLong,
    /// No end in sight: the client must not be listened to any more.
    Endless,
    /// A CR without LF or an LF without CR.
    BareLineBreak,
    /// All input is taken and the line goes on.
    Incomplete,
}

/// The part of a line that has come so far.
#[derive(Debug, Default)]
pub(super) struct LineReceiver {
    held: Vec<u8>,
    /// Octets of this line so far, held or discarded.
    length: usize,
    too_long: bool,
    /// The line is too long and began with BDAT.
    chunk: bool,
    /// The last octet was a CR.
    carriage_return: bool,
}

impl LineReceiver {
    /// Whether a line has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.length > 0 || self.carriage_return
    }

    /// Takes input up to the end of a line. `in_dialogue` allows the length of a SASL response.
    pub(super) fn receive<'a>(
        &mut self,
        input: &mut &'a [u8],
        limits: &Limits,
        in_dialogue: bool,
    ) -> Received<'a> {
        if self.carriage_return {
            let Some((first, rest)) = input.split_first() else { return Received::Incomplete };
            if *first != b'\n' {
                return Received::BareLineBreak;
            }
            *input = rest;
            return self.complete(&[], limits, in_dialogue);
        }
        let Some(at) = memchr2(b'\r', b'\n', input) else {
            let text = std::mem::take(input);
            return self.hold(text, limits, in_dialogue);
        };
        let (text, rest) = input.split_at(at);
        match rest {
            [b'\r', b'\n', after @ ..] => {
                *input = after;
                self.complete(text, limits, in_dialogue)
            }
            [b'\r'] => {
                *input = &[];
                self.carriage_return = true;
                self.hold(text, limits, in_dialogue)
            }
            _ if self.is_endless(text, limits) => Received::Endless,
            _ => Received::BareLineBreak,
        }
    }

    fn is_endless(&self, text: &[u8], limits: &Limits) -> bool {
        self.length.saturating_add(text.len()) > limits.endless_line
    }

    fn hold<'a>(&mut self, text: &[u8], limits: &Limits, in_dialogue: bool) -> Received<'a> {
        if self.is_endless(text, limits) {
            return Received::Endless;
        }
        self.length += text.len();
        if self.too_long || self.length > limits.authentication_line.max(limits.command_line) {
            self.give_up(text);
        } else {
            self.held.extend_from_slice(text);
            // Fewer octets than tell AUTH from others are always within the limit.
            if self.length > limit_for(&self.held, limits, in_dialogue) {
                self.give_up(&[]);
            }
        }
        Received::Incomplete
    }

    /// Forgets a line that is too long, but not what kind of line it is.
    fn give_up(&mut self, text: &[u8]) {
        if !self.too_long {
            self.chunk = is_chunk(&self.held, text);
            self.too_long = true;
        }
        self.held = Vec::new();
    }

    fn complete<'a>(&mut self, text: &'a [u8], limits: &Limits, in_dialogue: bool) -> Received<'a> {
        if self.is_endless(text, limits) {
            return Received::Endless;
        }
        let mut done = std::mem::take(self);
        if done.too_long {
            return too_long(done.chunk);
        }
        let line = if done.held.is_empty() {
            Cow::Borrowed(text)
        } else {
            if done.held.len() + text.len() > limits.authentication_line.max(limits.command_line) {
                return too_long(is_chunk(&done.held, text));
            }
            done.held.extend_from_slice(text);
            Cow::Owned(done.held)
        };
        if line.len() > limit_for(&line, limits, in_dialogue) {
            too_long(is_chunk(&line, &[]))
        } else {
            Received::Line(line)
        }
    }
}

/// Whether a line that comes in two parts begins with BDAT.
fn is_chunk(held: &[u8], text: &[u8]) -> bool {
    held.iter().chain(text).take(4).map(u8::to_ascii_uppercase).eq(*b"BDAT")
}

fn too_long(chunk: bool) -> Received<'static> {
    if chunk { Received::ChunkTooLong } else { Received::TooLong }
}

fn limit_for(line: &[u8], limits: &Limits, in_dialogue: bool) -> usize {
    let authentication = in_dialogue || line.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
    if authentication { limits.authentication_line } else { limits.command_line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { command_line: 8, authentication_line: 12, endless_line: 30, ..Limits::default() }
    }

    fn receive_all(pieces: &[&[u8]]) -> Vec<String> {
        let (mut receiver, mut all) = (LineReceiver::default(), Vec::new());
        for piece in pieces {
            let mut input = *piece;
            loop {
                match receiver.receive(&mut input, &limits(), false) {
                    Received::Line(line) => all.push(String::from_utf8(line.into_owned()).unwrap()),
                    Received::Incomplete => break,
                    Received::TooLong => all.push("too long".to_owned()),
                    end => {
                        all.push(format!("{end:?}"));
                        return all;
                    }
                }
            }
            assert!(receiver.held.len() <= 12);
        }
        all
    }

    #[test]
    fn every_split_gives_the_same_lines() {
        for (text, lines) in [
            (&b"a\r\nbc\r\n\r\n"[..], &["a", "bc", ""][..]),
            (b"12345678\r\n123456789\r\nx\r\n", &["12345678", "too long", "x"]),
            (b"AUTH 6789012\r\nAUTH 67890123\r\n", &["AUTH 6789012", "too long"]),
            (b"1234567890123456789012345678901\r\nx\r\n", &["Endless"]),
            (b"a\nb\r\n", &["BareLineBreak"]),
            (b"a\rb\r\n", &["BareLineBreak"]),
            (b"a\r\r\n", &["BareLineBreak"]),
            (b"a\r\n\nb\r\n", &["a", "BareLineBreak"]),
        ] {
            assert_eq!(receive_all(&[text]), lines);
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(receive_all(&bytes), lines);
            for at in 0..text.len() {
                let (a, b) = text.split_at(at);
                assert_eq!(receive_all(&[a, b]), lines, "split at {at}");
            }
        }
    }
}
