//! A short list of slots.

/// Most slots that stand in place.
const IN_PLACE: usize = 5;

/// A list of slots without repetitions. A few stand in place, so that reading them follows no pointer.
#[derive(Clone, Debug)]
pub(crate) enum Slots {
    Few { count: u8, slots: [u32; IN_PLACE] },
    Many(Box<[u32]>),
}

impl Default for Slots {
    fn default() -> Slots {
        Slots::Few { count: 0, slots: [0; IN_PLACE] }
    }
}

impl Slots {
    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            Slots::Few { count, slots } => slots.get(..usize::from(*count)).unwrap_or(slots),
            Slots::Many(slots) => slots,
        }
    }

    /// Adds a slot; answers whether it was not there.
    pub(crate) fn insert(&mut self, slot: u32) -> bool {
        if self.as_slice().contains(&slot) {
            return false;
        }
        let more = self.as_slice().iter().copied().chain([slot]).collect();
        *self = Slots::of(more);
        true
    }

    /// Takes a slot out; answers whether it was there.
    pub(crate) fn remove(&mut self, slot: u32) -> bool {
        let less: Vec<u32> = self.as_slice().iter().copied().filter(|other| *other != slot).collect();
        let was_there = less.len() < self.as_slice().len();
        if was_there {
            *self = Slots::of(less);
        }
        was_there
    }

    fn of(list: Vec<u32>) -> Slots {
        let mut slots = [0; IN_PLACE];
        match slots.get_mut(..list.len()) {
            Some(places) => {
                places.copy_from_slice(&list);
                Slots::Few { count: list.len() as u8, slots }
            }
            None => Slots::Many(list.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_few_to_many_and_back() {
        let mut slots = Slots::default();
        for slot in 0..20 {
            assert!(slots.insert(slot));
            assert!(!slots.insert(slot));
            assert_eq!(slots.as_slice(), (0..=slot).collect::<Vec<_>>());
        }
        for slot in 0..20 {
            assert!(slots.remove(slot));
            assert!(!slots.remove(slot));
        }
        assert!(matches!(slots, Slots::Few { count: 0, .. }));
        assert_eq!(size_of::<Slots>(), 24);
    }
}
