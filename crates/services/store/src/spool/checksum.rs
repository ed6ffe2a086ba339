//! XXH64, as its published specification describes it: fast in plain safe code, and strong enough to tell a
//! torn or stale frame from a whole one. It is no protection against an adversary, and need not be.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// A checksum over pieces that come one after the other.
pub(super) struct Checksum {
    seed: u64,
    lanes: [u64; 4],
    pending: [u8; 32],
    pending_length: usize,
    total: u64,
}

impl Checksum {
    pub(super) fn new(seed: u64) -> Checksum {
        Checksum {
            seed,
            lanes: [
                seed.wrapping_add(P1).wrapping_add(P2),
                seed.wrapping_add(P2),
                seed,
                seed.wrapping_sub(P1),
            ],
            pending: [0; 32],
            pending_length: 0,
            total: 0,
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.total = self.total.wrapping_add(bytes.len() as u64);
        if self.pending_length > 0 {
            let (taken, rest) = bytes.split_at(bytes.len().min(32 - self.pending_length));
            let end = self.pending_length + taken.len();
            if let Some(room) = self.pending.get_mut(self.pending_length..end) {
                room.copy_from_slice(taken);
            }
            self.pending_length = end;
            bytes = rest;
            if end < 32 {
                return;
            }
            let stripe = self.pending;
            self.stripe(&stripe);
            self.pending_length = 0;
        }
        let (stripes, rest) = bytes.as_chunks::<32>();
        for stripe in stripes {
            self.stripe(stripe);
        }
        if let Some(room) = self.pending.get_mut(..rest.len()) {
            room.copy_from_slice(rest);
        }
        self.pending_length = rest.len();
    }

    pub(super) fn finish(self) -> u64 {
        let [a, b, c, d] = self.lanes;
        let mut sum = if self.total < 32 {
            self.seed.wrapping_add(P5)
        } else {
            let start = a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18));
            self.lanes
                .iter()
                .fold(start, |sum, lane| (sum ^ round(0, *lane)).wrapping_mul(P1).wrapping_add(P4))
        };
        sum = sum.wrapping_add(self.total);
        let tail = self.pending.get(..self.pending_length).unwrap_or_default();
        let (words, rest) = tail.as_chunks::<8>();
        for word in words {
            sum =
                (sum ^ round(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
        }
        let (halves, rest) = rest.as_chunks::<4>();
        for half in halves {
            sum ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(P1);
            sum = sum.rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        }
        for byte in rest {
            sum = (sum ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
        }
        sum = (sum ^ (sum >> 33)).wrapping_mul(P2);
        sum = (sum ^ (sum >> 29)).wrapping_mul(P3);
        sum ^ (sum >> 32)
    }

    fn stripe(&mut self, stripe: &[u8; 32]) {
        let (words, _) = stripe.as_chunks::<8>();
        for (lane, word) in self.lanes.iter_mut().zip(words) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(seed: u64, bytes: &[u8]) -> u64 {
        let mut sum = Checksum::new(seed);
        sum.update(bytes);
        sum.finish()
    }

    #[test]
    fn published_values() {
        assert_eq!(whole(0, b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(whole(0, b"a"), 0xD24E_C4F1_A98C_6E5B);
        assert_eq!(whole(0, b"abc"), 0x44BC_2CF5_AD77_0999);
        let text = b"Nobody inspects the spammish repetition";
        assert_eq!(whole(0, text), 0xFBCE_A83C_8A37_8BF1);
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let bytes: Vec<u8> = (0..200_u8).collect();
        for cut in 0..bytes.len() {
            let mut sum = Checksum::new(7);
            sum.update(&bytes[..cut]);
            sum.update(&bytes[cut..]);
            assert_eq!(sum.finish(), whole(7, &bytes), "{cut}");
        }
        assert_ne!(whole(7, &bytes), whole(8, &bytes));
    }
}
