//! Marks: fingerprints of scopes, and how a mark is found among those of a principal's assignments.
//!
//! A mark says where to look, never what is there: whoever finds one compares the scope's text.

use std::ops::ControlFlow;

/// The fingerprint of a scope: the upper half of its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(pub(crate) u32);

impl Mark {
    pub(crate) fn of(hash: u64) -> Mark {
        Mark((hash >> 32) as u32)
    }

    /// Sixteen bits of it, never zero: zero is an empty place.
    fn tag(self) -> u16 {
        (self.0 as u16).max(1)
    }

    /// Which of `count` buckets. It grows with the mark, so a list sorted by marks is sorted by buckets.
    fn bucket(self, count: usize) -> usize {
        (u64::from(self.0).wrapping_mul(count as u64) >> 32) as usize
    }
}

/// In which subscription a scope lies, or that it lies outside of any, in few bits: different ones may be equal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home(u16);

impl Home {
    /// Of all that lies in the subscription of this mark.
    pub(crate) fn inside(subscription: Mark) -> Home {
        Home((subscription.0 >> 8) as u16 % 256)
    }

    /// Of the scope of this mark, which lies in no subscription.
    pub(crate) fn outside(scope: Mark) -> Home {
        Home(256 + (scope.0 >> 8) as u16 % 64)
    }
}

/// A set of homes. Most principals have nothing in the subscription that a question is about; this tells them at
/// a glance.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Homes {
    inside: [u64; 4],
    outside: u64,
}

impl Homes {
    pub(crate) fn add(&mut self, Home(number): Home) {
        let word = self.inside.get_mut(usize::from(number / 64)).unwrap_or(&mut self.outside);
        *word |= 1 << (number % 64);
    }

    /// Whether some of these may be among those: in a subscription, and outside of any.
    #[inline]
    pub(crate) fn meet(&self, those: &Homes) -> (bool, bool) {
        let common = self.inside.iter().zip(&those.inside).fold(0, |all, (these, those)| all | these & those);
        (common != 0, self.outside & those.outside != 0)
    }
}

impl FromIterator<Home> for Homes {
    fn from_iter<I: IntoIterator<Item = Home>>(list: I) -> Homes {
        let mut homes = Homes::default();
        list.into_iter().for_each(|home| homes.add(home));
        homes
    }
}

/// Which marks may be in a list: a bit for each, of 512. Different marks may have the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter([u64; 8]);

impl Filter {
    pub(crate) fn add(&mut self, mark: Mark) {
        if let Some(word) = self.0.get_mut(Filter::word_of(mark)) {
            *word |= 1 << (mark.0 >> 16 & 63);
        }
    }

    /// Whether a mark may be in the list.
    #[inline]
    pub(crate) fn may_hold(&self, mark: Mark) -> bool {
        self.0.get(Filter::word_of(mark)).is_some_and(|word| word >> (mark.0 >> 16 & 63) & 1 != 0)
    }

    /// Other bits than those of the tag and of the home.
    fn word_of(mark: Mark) -> usize {
        (mark.0 >> 22 & 7) as usize
    }
}

impl FromIterator<Mark> for Filter {
    fn from_iter<I: IntoIterator<Item = Mark>>(list: I) -> Filter {
        let mut filter = Filter::default();
        list.into_iter().for_each(|mark| filter.add(mark));
        filter
    }
}

/// A thing that is found by a mark.
pub(crate) trait Marked {
    fn mark(&self) -> Mark;
}

/// Where the marks of a sorted list are. What it holds is small enough to be asked in passing.
#[derive(Clone, Debug)]
pub(crate) enum Tags {
    /// The tags of a list of at most [`FEW`] in its order, then zeros; four to a word, the first one lowest.
    Few([u64; FEW / 4]),
    /// Buckets of tags.
    Many(Box<[Bucket]>),
}

/// Most entries of which the tags stand in place.
const FEW: usize = 16;
/// Tags in a bucket.
const IN_BUCKET: usize = 6;
/// In [`Bucket`]: more entries than it has room for.
const OVERFLOW: u32 = 1 << 31;

/// Four tags in the first word and two in the lower half of the second; in its upper half the place of the
/// bucket's first entry in the list, with [`OVERFLOW`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket([u64; 2]);

/// Places in a list where a mark may be, counted from `start`. The bits are those that [`equal_lanes`] gives for
/// each word, in turn one bit further up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    bits: u64,
    start: u32,
}

impl Places {
    /// In `bits`: the bucket holds more than its tags tell.
    const OVERFLOW: u64 = 1 << 15;

    /// Whether the mark is nowhere.
    pub(crate) fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Goes through the entries of the mark in the list, until `look` breaks off.
    #[inline]
    pub(crate) fn each_in<'a, T: Marked, B>(
        self,
        list: &'a [T],
        mark: Mark,
        mut look: impl FnMut(&'a T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let start = self.start as usize;
        let mut bits = self.bits & !Places::OVERFLOW;
        while bits != 0 {
            let bit = bits.trailing_zeros() as usize;
            if let Some(entry) = list.get(start + bit / 16 + bit % 16 * 4)
                && entry.mark() == mark
            {
                look(entry)?;
            }
            bits &= bits - 1;
        }
        if self.bits & Places::OVERFLOW != 0 {
            let untold = list.get(start + IN_BUCKET..).unwrap_or(&[]).iter();
            for entry in untold.take_while(|entry| entry.mark() <= mark) {
                if entry.mark() == mark {
                    look(entry)?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

impl Default for Tags {
    fn default() -> Tags {
        Tags::Few([0; FEW / 4])
    }
}

impl Tags {
    /// The tags of a list that is sorted by marks.
    pub(crate) fn of<T: Marked>(list: &[T]) -> Tags {
        if list.len() <= FEW {
            let mut words = [0; FEW / 4];
            for (word, four) in words.iter_mut().zip(list.chunks(4)) {
                *word = word_of(four);
            }
            return Tags::Few(words);
        }
        let mut buckets = vec![Bucket::default(); list.len() / 2].into_boxed_slice();
        let (mut rest, mut start) = (list, 0_u32);
        let count = buckets.len();
        for (number, Bucket(words)) in buckets.iter_mut().enumerate() {
            let length = rest.iter().take_while(|entry| entry.mark().bucket(count) == number).count();
            let (own, others) = rest.split_at(length);
            let (first, second) = own.split_at(length.min(4));
            let overflow = if length > IN_BUCKET { OVERFLOW } else { 0 };
            let second = word_of(second.get(..2).unwrap_or(second));
            *words = [word_of(first), second | u64::from(start | overflow) << 32];
            start += length as u32;
            rest = others;
        }
        Tags::Many(buckets)
    }

    /// Where in the list a mark may be.
    #[inline]
    pub(crate) fn places(&self, mark: Mark) -> Places {
        let wanted = u64::from(mark.tag()).wrapping_mul(EACH_LANE);
        match self {
            Tags::Few([a, b, c, d]) => {
                let bits = equal_lanes(a ^ wanted)
                    | equal_lanes(b ^ wanted) << 1
                    | equal_lanes(c ^ wanted) << 2
                    | equal_lanes(d ^ wanted) << 3;
                Places { bits, start: 0 }
            }
            Tags::Many(buckets) => {
                let bucket = buckets.get(mark.bucket(buckets.len()));
                let Some(Bucket([first, second])) = bucket else { return Places { bits: 0, start: 0 } };
                let start = (second >> 32) as u32;
                let in_second = equal_lanes(second ^ wanted) & (EACH_LANE & u64::from(u32::MAX));
                let overflow = u64::from(start & OVERFLOW) >> 16;
                let bits = equal_lanes(first ^ wanted) | in_second << 1 | overflow;
                Places { bits, start: start & !OVERFLOW }
            }
        }
    }

    /// Whether one of `marks` may be in the list.
    pub(crate) fn may_hold(&self, marks: &[Mark]) -> bool {
        marks.iter().any(|mark| !self.places(*mark).is_empty())
    }

    /// The entries of a mark in the list that these are the tags of.
    pub(crate) fn find<'a, T: Marked>(&self, list: &'a [T], mark: Mark) -> Vec<&'a T> {
        let mut found = Vec::new();
        let _all: ControlFlow<()> = self.places(mark).each_in(list, mark, |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        });
        found
    }
}

/// The lowest bit of each lane of sixteen.
const EACH_LANE: u64 = 0x0001_0001_0001_0001;

/// Up to four tags in a word.
fn word_of<T: Marked>(four: &[T]) -> u64 {
    four.iter().rev().fold(0, |word, entry| word << 16 | u64::from(entry.mark().tag()))
}

/// The lowest bit of each lane that is zero.
#[inline]
fn equal_lanes(difference: u64) -> u64 {
    const LOW: u64 = EACH_LANE * 0x7fff;
    // No lane carries into the next.
    !(((difference & LOW) + LOW) | difference | LOW) >> 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Marked for Mark {
        fn mark(&self) -> Mark {
            *self
        }
    }

    fn checks(mut marks: Vec<u32>, asked: &[u32]) {
        marks.sort_unstable();
        let list: Vec<Mark> = marks.iter().copied().map(Mark).collect();
        let tags = Tags::of(&list);
        let filter: Filter = list.iter().copied().collect();
        assert!(list.iter().all(|mark| filter.may_hold(*mark)), "{marks:?}");
        for mark in asked.iter().chain(&marks).copied() {
            let expected = marks.iter().filter(|known| **known == mark).count();
            assert_eq!(tags.find(&list, Mark(mark)).len(), expected, "{mark} in {marks:?}");
            assert!(expected == 0 || tags.may_hold(&[Mark(0), Mark(mark)]), "{mark} in {marks:?}");
        }
    }

    #[test]
    fn lists_of_one_scope_and_lists_that_are_close_together() {
        checks(vec![7; 40], &[6, 8]);
        checks((0..5000).collect(), &[5000, u32::MAX]);
        checks((0..5000).map(|n| n << 16).collect(), &[5000, u32::MAX]);
        checks(vec![u32::MAX; 17], &[0]);
        checks(vec![], &[0]);
    }

    proptest! {
        #[test]
        fn what_is_in_the_list_is_found(
            few in prop::collection::vec(0..40_u32, 0..20), many in prop::collection::vec(any::<u32>(), 0..200),
            asked in prop::collection::vec(any::<u32>(), 0..20)
        ) {
            checks(few, &asked);
            checks(many, &asked);
        }
    }
}
