//! Receiving a message, by DATA (RFC 5321 section 4.5.2) or by BDAT (RFC 3030).
//!
//! SECURITY: a message ends at CRLF `.` CRLF and nowhere else. A CR without LF or an LF without CR, anywhere in
//! the message, refuses the whole message at its end; so no variant of the end can be smuggled past this server
//! to one that reads line breaks more loosely.

use memchr::memchr2;

use super::limits::Limits;
use super::replies;
use crate::reply::Reply;

/// Room that is made at once for a message that announces its size.
const FIRST_RESERVATION: usize = 256 * 1024;
/// Room that is made at once for a message that does not.
const USUAL_MESSAGE: usize = 8 * 1024;
/// A client that sends this many times the limit after being told the limit is cut off.
const HOPELESS: u64 = 4;

/// The text of a message, dots removed, and what is wrong with it. Once something is, nothing more is kept.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    received: u64,
    line: usize,
    after_carriage_return: bool,
    bare_line_break: bool,
    long_line: bool,
    refusal: Option<Reply>,
    size_limit: u64,
    line_limit: usize,
}

impl Body {
    pub(super) fn new(limits: &Limits, announced: Option<u64>) -> Body {
        let room = announced.map_or(USUAL_MESSAGE, |size| {
            usize::try_from(size.saturating_add(2)).unwrap_or(FIRST_RESERVATION).min(FIRST_RESERVATION)
        });
        Body {
            bytes: Vec::with_capacity(room),
            received: 0,
            line: 0,
            after_carriage_return: false,
            bare_line_break: false,
            long_line: false,
            refusal: None,
            size_limit: limits.message_size,
            line_limit: limits.text_line,
        }
    }

    /// Octets of memory in use.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Refuses the message for a reason from outside; it is still received to its end.
    pub(super) fn refuse(&mut self, reply: Reply) {
        self.refusal.get_or_insert(reply);
        self.bytes = Vec::new();
    }

    /// What is wrong so far. It is told in a fixed order, not in that of the input, so that it does not matter
    /// how the input was cut into pieces.
    pub(super) fn fault(&self) -> Option<Reply> {
        if self.received > self.size_limit {
            return Some(replies::MESSAGE_TOO_LARGE);
        }
        if self.bare_line_break {
            return Some(replies::BARE_LINE_BREAK_IN_MESSAGE);
        }
        if self.long_line {
            return Some(replies::TEXT_LINE_TOO_LONG);
        }
        self.refusal.clone()
    }

    /// The message, or why it is refused.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Reply> {
        self.bare_line_break |= self.after_carriage_return;
        if let Some(reply) = self.fault() {
            return Err(reply);
        }
        if self.line > 0 {
            // Only BDAT can leave the last line open.
            self.bytes.extend_from_slice(b"\r\n");
        }
        Ok(self.bytes)
    }

    /// Whether so much came that there is no point in waiting for the end.
    pub(super) fn is_hopeless(&self) -> bool {
        self.received > self.size_limit.saturating_mul(HOPELESS)
    }

    /// Whether a chunk of `size` more octets would make it [hopeless](Body::is_hopeless).
    pub(super) fn would_be_hopeless(&self, size: u64) -> bool {
        self.received.saturating_add(size) > self.size_limit.saturating_mul(HOPELESS)
    }

    fn append(&mut self, text: &[u8]) {
        self.received = self.received.saturating_add(text.len() as u64);
        if self.bare_line_break || self.long_line || self.refusal.is_some() || self.received > self.size_limit
        {
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(text);
        }
    }

    fn lengthen_line(&mut self, by: usize) {
        self.line = self.line.saturating_add(by);
        self.long_line |= self.line > self.line_limit;
    }

    /// Takes a piece of a chunk, checking its line breaks.
    fn append_chunk(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            if self.after_carriage_return {
                self.after_carriage_return = false;
                if *first == b'\n' {
                    rest = after;
                    self.line = 0;
                } else {
                    self.bare_line_break = true;
                }
                continue;
            }
            let Some(at) = memchr2(b'\r', b'\n', rest) else {
                self.lengthen_line(rest.len());
                break;
            };
            self.lengthen_line(at);
            let (_, found) = rest.split_at(at);
            if let Some((line_break, after)) = found.split_first() {
                self.after_carriage_return = *line_break == b'\r';
                self.bare_line_break |= *line_break == b'\n';
                rest = after;
            }
        }
        self.append(text);
    }
}

/// Where in a message the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    LineStart,
    Text,
    /// After a CR.
    CarriageReturn,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot and a CR at the start of a line.
    DotCarriageReturn,
}

/// Receives a message by DATA.
#[derive(Debug)]
pub(super) struct DataReceiver {
    pub(super) body: Body,
    position: Position,
}

impl DataReceiver {
    pub(super) fn new(body: Body) -> DataReceiver {
        DataReceiver { body, position: Position::LineStart }
    }

    /// Takes input up to the end of the message; `true` when it is there.
    pub(super) fn receive(&mut self, input: &mut &[u8]) -> bool {
        // `run` begins at the first octet that is still to be appended, `rest` at the next one to be looked at.
        let (mut run, mut rest) = (*input, *input);
        loop {
            match self.position {
                Position::LineStart => match rest {
                    [] => break,
                    [b'.', after @ ..] => {
                        self.append_run(run, rest);
                        (run, rest) = (after, after);
                        self.position = Position::Dot;
                    }
                    _ => self.position = Position::Text,
                },
                Position::Text => {
                    let Some(at) = memchr2(b'\r', b'\n', rest) else {
                        self.body.lengthen_line(rest.len());
                        rest = &[];
                        break;
                    };
                    self.body.lengthen_line(at);
                    match rest.split_at(at).1 {
                        [b'\r', b'\n', after @ ..] => {
                            rest = after;
                            self.end_line();
                        }
                        [b'\r', after @ ..] => {
                            rest = after;
                            self.position = Position::CarriageReturn;
                        }
                        [_, after @ ..] => {
                            self.body.bare_line_break = true;
                            rest = after;
                        }
                        [] => break,
                    }
                }
                Position::CarriageReturn => match rest {
                    [] => break,
                    [b'\n', after @ ..] => {
                        rest = after;
                        self.end_line();
                    }
                    _ => {
                        self.body.bare_line_break = true;
                        self.position = Position::Text;
                    }
                },
                Position::Dot => match rest {
                    [] => break,
                    [b'\r', after @ ..] => {
                        (run, rest) = (after, after);
                        self.position = Position::DotCarriageReturn;
                    }
                    _ => self.position = Position::Text,
                },
                Position::DotCarriageReturn => match rest {
                    [] => break,
                    [b'\n', after @ ..] => {
                        *input = after;
                        return true;
                    }
                    _ => {
                        self.body.bare_line_break = true;
                        self.position = Position::Text;
                    }
                },
            }
        }
        self.append_run(run, rest);
        *input = rest;
        false
    }

    fn end_line(&mut self) {
        self.body.line = 0;
        self.position = Position::LineStart;
    }

    fn append_run(&mut self, run: &[u8], rest: &[u8]) {
        self.body.append(run.get(..run.len().saturating_sub(rest.len())).unwrap_or_default());
    }
}

/// Receives one chunk of a message by BDAT.
#[derive(Debug)]
pub(super) struct ChunkReceiver {
    /// What the chunk is added to; `None` when the chunk is out of sequence and thrown away.
    pub(super) body: Option<Body>,
    pub(super) size: u64,
    pub(super) remaining: u64,
    pub(super) last: bool,
}

impl ChunkReceiver {
    /// Takes input up to the end of the chunk; `true` when it is there.
    pub(super) fn receive(&mut self, input: &mut &[u8]) -> bool {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
        let (text, rest) = input.split_at(wanted);
        *input = rest;
        self.remaining -= wanted as u64;
        if let Some(body) = &mut self.body {
            body.append_chunk(text);
        }
        self.remaining == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { message_size: 100, text_line: 40, ..Limits::default() }
    }

    /// The message or the refusal's text, and what was left of the input.
    type Ended = (Result<Vec<u8>, String>, Vec<u8>);

    fn receive(text: &[u8], cuts: &[usize]) -> Option<Ended> {
        let mut receiver = DataReceiver::new(Body::new(&limits(), None));
        let mut ended = false;
        let mut left = Vec::new();
        let mut start = 0;
        for end in cuts.iter().copied().chain([text.len()]) {
            let mut input = &text[start..end];
            ended = ended || receiver.receive(&mut input);
            left.extend_from_slice(input);
            start = end;
        }
        ended.then(|| (receiver.body.finish().map_err(|reply| reply.text().to_owned()), left))
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_message() {
        let bare = Err(replies::BARE_LINE_BREAK_IN_MESSAGE.text().to_owned());
        let long = Err(replies::TEXT_LINE_TOO_LONG.text().to_owned());
        let large = Err(replies::MESSAGE_TOO_LARGE.text().to_owned());
        let message = |text: &[u8]| Ok(text.to_vec());
        let line = [b'x'; 41];
        let long_line = [&line[..], b"\r\n.\r\n"].concat();
        let many_lines = [&b"1234567890\r\n".repeat(9)[..], b".\r\n"].concat();
        for (text, result) in [
            (&b".\r\n"[..], Some(message(b""))),
            (b"a\r\n.\r\n", Some(message(b"a\r\n"))),
            (b"..\r\n...a\r\n.\r\n", Some(message(b".\r\n..a\r\n"))),
            (b".a\r\n\r\n.\r\n", Some(message(b"a\r\n\r\n"))),
            (b"a\n.\n\r\n.\r\n", Some(bare.clone())),
            (b"a\n.\r\n\r\n.\r\n", Some(bare.clone())),
            (b"a\r.\r\r\n.\r\n", Some(bare.clone())),
            (b"a\r\n.\n\r\n.\r\n", Some(bare.clone())),
            (b"a\r\n.\r\r\n.\r\n", Some(bare.clone())),
            (b"a\r\n.\rb\r\n.\r\n", Some(bare.clone())),
            (b"a\r\r\n.\r\n", Some(bare.clone())),
            (b"a\n\r\n.\r\n", Some(bare.clone())),
            (b"a\r\n.", None),
            (b"a\n.\n", None),
            (b"a\n.\r\n", None),
            (b"a\r.\r", None),
            (b"a\r\n.\n", None),
            (b"a\r\n.\r", None),
            (&long_line, Some(long)),
            (&many_lines, Some(large)),
        ] {
            let text_and_more = [text, b"QUIT\r\n"].concat();
            let shown = String::from_utf8_lossy(text).into_owned();
            let whole = receive(text, &[]);
            assert_eq!(whole.as_ref().map(|(message, _)| message), result.as_ref(), "{shown:?}");
            for cut in 0..text.len() {
                assert_eq!(receive(text, &[cut]), whole, "{shown:?} cut at {cut}");
            }
            let bytes: Vec<usize> = (1..text.len()).collect();
            assert_eq!(receive(text, &bytes), whole, "{shown:?}");
            if result.is_some() {
                assert_eq!(receive(&text_and_more, &[]).unwrap().1, b"QUIT\r\n");
            }
        }
    }

    #[test]
    fn nothing_of_a_refused_message_is_kept() {
        let mut receiver = DataReceiver::new(Body::new(&limits(), Some(1_000_000)));
        for _ in 0..100 {
            assert!(!receiver.receive(&mut &b"0123456789\r\n"[..]));
        }
        assert_eq!(receiver.body.held(), 0);
        assert!(receiver.body.is_hopeless());
    }
}
