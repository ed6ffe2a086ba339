//! Numbered places.

use std::sync::Arc;

/// Places in a chunk. A change copies one chunk, if somebody else still sees it.
const CHUNK: usize = 64;

/// No slot.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Values in numbered slots. A clone shares all chunks; the numbers of removed values are used again.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    chunks: Arc<Vec<Arc<[Slot<T>]>>>,
    /// The first free slot; each free slot names the next.
    free: u32,
}

#[derive(Clone, Debug)]
enum Slot<T> {
    Taken(T),
    Free(u32),
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { chunks: Arc::default(), free: NO_SLOT }
    }
}

impl<T> Slab<T> {
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        match self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)? {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// All values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).filter_map(|slot| match slot {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        })
    }
}

impl<T: Clone> Slab<T> {
    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        let slot = slot as usize;
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(slot / CHUNK)?;
        Arc::make_mut(chunk).get_mut(slot % CHUNK)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        // Nothing is copied for a slot that holds nothing.
        self.get(slot)?;
        match self.slot_mut(slot)? {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Puts a value into a free slot.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if self.free == NO_SLOT {
            self.grow();
        }
        let slot = self.free;
        if let Some(place) = self.slot_mut(slot)
            && let Slot::Free(next) = std::mem::replace(place, Slot::Taken(value))
        {
            self.free = next;
        }
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        self.get(slot)?;
        let free = self.free;
        match std::mem::replace(self.slot_mut(slot)?, Slot::Free(free)) {
            Slot::Taken(value) => {
                self.free = slot;
                Some(value)
            }
            Slot::Free(_) => None,
        }
    }

    fn grow(&mut self) {
        let first = (self.chunks.len() * CHUNK) as u32;
        let last = first + CHUNK as u32 - 1;
        let next = |slot| if slot == last { NO_SLOT } else { slot + 1 };
        Arc::make_mut(&mut self.chunks).push((first..=last).map(|slot| Slot::Free(next(slot))).collect());
        self.free = first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again_and_clones_stay_as_they_were() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = (0..200).map(|n| slab.insert(n)).collect();
        assert_eq!(slab.iter().count(), 200);
        let before = slab.clone();
        assert_eq!(slab.remove(slots[70]), Some(70));
        assert_eq!(slab.remove(slots[70]), None);
        assert_eq!((slab.get(slots[70]), before.get(slots[70])), (None, Some(&70)));
        assert_eq!(slab.insert(1000), slots[70]);
        *slab.get_mut(slots[3]).unwrap() += 5;
        assert_eq!((slab.get(slots[3]), before.get(slots[3])), (Some(&8), Some(&3)));
        assert_eq!(slab.get(5000), None);
    }
}
