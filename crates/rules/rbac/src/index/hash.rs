//! The hash of scopes and ids. It is seeded, so that nobody outside can choose names that fall together, and
//! it grows with its input, so that one walk over a scope hashes every scope above it too.

use std::hash::{BuildHasher, Hasher};

use uuid::Uuid;

/// The seed of a snapshot's hashes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    start: u64,
    step: u64,
    end: u64,
}

impl Seed {
    pub(crate) const fn new(seed: u64) -> Seed {
        // Odd constants keep the factors away from zero, where a product forgets its other factor.
        let start = fold(seed ^ 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93);
        let step = fold(start ^ 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db) | 1;
        let end = fold(step ^ 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3) | 1 << 63;
        Seed { start, step, end }
    }

    /// The state before any input.
    pub(crate) fn start(self) -> u64 {
        self.start
    }

    /// The state after eight more bytes.
    pub(crate) fn step(self, state: u64, word: u64) -> u64 {
        fold(state ^ word, self.step)
    }

    /// The hash of all the words before and the last, fewer than eight, bytes; `length` counts all bytes.
    pub(crate) fn finish(self, state: u64, rest: u64, length: usize) -> u64 {
        // INVARIANT: the length never reaches the top bit of `end`, so the factor is not zero.
        fold(state ^ rest, self.end ^ length as u64)
    }

    /// The hash of a text.
    pub(crate) fn text(self, text: &[u8]) -> u64 {
        let (words, rest) = text.as_chunks::<8>();
        let state = words.iter().fold(self.start, |state, word| self.step(state, u64::from_le_bytes(*word)));
        self.finish(state, last_word(rest), text.len())
    }

    /// The hash of an id.
    pub(crate) fn id(self, id: Uuid) -> u64 {
        let (high, low) = id.as_u64_pair();
        fold(fold(high ^ self.start, self.step) ^ low, self.end)
    }
}

/// Fewer than eight bytes as a number, as if zeros followed.
#[inline]
pub(crate) fn last_word(rest: &[u8]) -> u64 {
    // Two words that overlap, rather than a loop that becomes a call.
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        let shift = 8 * (rest.len() as u32 - 4);
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift;
    }
    match *rest {
        [one] => u64::from(one),
        [one, two] => u64::from(one) | u64::from(two) << 8,
        [one, two, three] => u64::from(one) | u64::from(two) << 8 | u64::from(three) << 16,
        _ => 0,
    }
}

/// Both halves of the product, folded into one.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    product as u64 ^ (product >> 64) as u64
}

/// For maps whose keys are ids, or hashes already.
impl BuildHasher for Seed {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { seed: *self, state: self.start }
    }
}

pub(crate) struct KeyHasher {
    seed: Seed,
    state: u64,
}

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.write_u64(last_word(rest));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.state = self.seed.step(self.state, word);
    }

    fn write_usize(&mut self, _: usize) {
        // The length of an id, which is the same for all.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_each_byte_the_length_and_the_seed() {
        let seed = Seed::new(1);
        let text = b"/subscriptions/0a/resourcegroups/rg1";
        let mut seen = std::collections::HashSet::new();
        assert!(seen.insert(seed.text(text)));
        assert!(seen.insert(Seed::new(2).text(text)));
        for at in 0..text.len() {
            let mut other = *text;
            other[at] ^= 1;
            assert!(seen.insert(seed.text(&other)), "byte {at}");
            assert!(seen.insert(seed.text(&text[..at])), "length {at}");
        }
        assert!(seen.insert(seed.text(b"\0")), "a zero byte is not nothing");
        assert!(seen.insert(seed.text(b"\0\0")));
    }

    #[test]
    fn the_hash_of_a_prefix_comes_from_the_walk() {
        let seed = Seed::new(7);
        let text = b"0123456789abcdef";
        let state = seed.step(seed.start(), u64::from_le_bytes(*b"01234567"));
        assert_eq!(seed.finish(state, last_word(b"89a"), 11), seed.text(&text[..11]));
        assert_eq!(seed.finish(state, 0, 8), seed.text(&text[..8]));
    }
}
