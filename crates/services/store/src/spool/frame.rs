//! One accepted message in the journal: a header, the envelope as JSON, the message.
//!
//! ```text
//!  0  magic "GPJ1"          4 bytes
//!  4  envelope's length     u32, little endian; so all below
//!  8  message's length      u64
//! 16  the check of the frame before, 0 for the first of a segment
//! 24  content: checksum of envelope and message
//! 32  check: checksum of the 32 bytes above, seeded with segment and offset
//! 40  envelope, message, zeros up to a multiple of 8
//! ```
//! INVARIANT: a frame counts only if its check fits its place *and* it names the frame before it. Frames that
//! an earlier life of the file left behind fail the first rule; frames that a failed, later overwritten append
//! left behind fail the second.

use super::checksum::Checksum;

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 40;
const MAGIC: [u8; 4] = *b"GPJ1";
const ALIGNMENT: u64 = 8;

/// Where a message is in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The segment's sequence number.
    pub segment: u64,
    /// Where the frame begins in the segment.
    pub offset: u64,
    /// The frame's bytes without the zeros after it.
    pub length: u64,
}

/// A point between two frames of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The segment's sequence number; 0 before the first.
    pub segment: u64,
    /// Where the next frame begins.
    pub offset: u64,
    /// The check of the frame before; 0 at the beginning of a segment.
    pub chain: u64,
}

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) envelope: u32,
    pub(super) message: u64,
    pub(super) before: u64,
    pub(super) content: u64,
}

impl Header {
    /// The header's bytes at a place, and its check.
    pub(super) fn encode(&self, segment: u64, offset: u64) -> ([u8; HEADER], u64) {
        let mut bytes = [0; HEADER];
        let fields: [&[u8]; 5] = [
            &MAGIC,
            &self.envelope.to_le_bytes(),
            &self.message.to_le_bytes(),
            &self.before.to_le_bytes(),
            &self.content.to_le_bytes(),
        ];
        for (room, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *room = *byte;
        }
        let check = check_of(&bytes, segment, offset);
        for (room, byte) in bytes.iter_mut().skip(HEADER - 8).zip(check.to_le_bytes()) {
            *room = byte;
        }
        (bytes, check)
    }

    /// Reads a header and its check; `None` if it is not one that was written for this place.
    pub(super) fn decode(bytes: &[u8; HEADER], segment: u64, offset: u64) -> Option<(Header, u64)> {
        let (words, _) = bytes.as_chunks::<8>();
        let &[first, message, before, content, check] = words else { return None };
        let [a, b, c, d, lengths @ ..] = first;
        let check = u64::from_le_bytes(check);
        if [a, b, c, d] != MAGIC || check != check_of(bytes, segment, offset) {
            return None;
        }
        let header = Header {
            envelope: u32::from_le_bytes(lengths),
            message: u64::from_le_bytes(message),
            before: u64::from_le_bytes(before),
            content: u64::from_le_bytes(content),
        };
        Some((header, check))
    }

    /// The frame's bytes without the zeros after it.
    pub(super) fn length(&self) -> u64 {
        frame_length(u64::from(self.envelope), self.message)
    }
}

/// The bytes of a frame without the zeros after it.
pub(super) fn frame_length(envelope: u64, message: u64) -> u64 {
    (HEADER as u64).saturating_add(envelope).saturating_add(message)
}

/// Where the frame after one begins.
pub(super) fn aligned(end: u64) -> u64 {
    end.checked_next_multiple_of(ALIGNMENT).unwrap_or(end)
}

/// The checksum of a frame's content.
pub(super) fn content_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut sum = Checksum::new(0);
    for piece in pieces {
        sum.update(piece);
    }
    sum.finish()
}

fn check_of(header: &[u8; HEADER], segment: u64, offset: u64) -> u64 {
    let mut sum = Checksum::new(segment);
    sum.update(&offset.to_le_bytes());
    sum.update(header.get(..HEADER - 8).unwrap_or_default());
    sum.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_counts_only_at_its_own_place() {
        let header = Header { envelope: 3, message: 4, before: 5, content: 6 };
        let (bytes, check) = header.encode(9, 80);
        assert_eq!(Header::decode(&bytes, 9, 80), Some((header, check)));
        assert_eq!(Header::decode(&bytes, 10, 80), None);
        assert_eq!(Header::decode(&bytes, 9, 88), None);
        for at in 0..HEADER {
            let mut torn = bytes;
            torn[at] ^= 1;
            assert_eq!(Header::decode(&torn, 9, 80), None, "{at}");
        }
        assert_eq!(Header::decode(&[0; HEADER], 0, 0), None);
        assert_eq!((aligned(0), aligned(1), aligned(8), aligned(47)), (0, 8, 8, 48));
    }
}
