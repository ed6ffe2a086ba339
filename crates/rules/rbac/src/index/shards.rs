//! A map in shards, so that a change copies little.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::Seed;

/// Shards of a map: at a hundred thousand entries each holds a hundred.
const SHARDS: usize = 1024;

/// A key that tells the half of its hash that picks the shard.
pub(crate) trait SplitHash: Eq + Hash {
    fn split(&self, seed: Seed) -> u64;
}

impl SplitHash for gatepost_names::ObjectId {
    fn split(&self, seed: Seed) -> u64 {
        seed.id(self.0)
    }
}

impl SplitHash for u64 {
    fn split(&self, _: Seed) -> u64 {
        *self
    }
}

/// A hash map. A clone shares all shards; a change copies one, if somebody else still sees it.
#[derive(Clone, Debug)]
pub(crate) struct Shards<K, V> {
    seed: Seed,
    shards: Arc<Vec<Arc<HashMap<K, V, Seed>>>>,
}

impl<K: SplitHash + Clone, V: Clone> Shards<K, V> {
    pub(crate) fn new(seed: Seed) -> Shards<K, V> {
        // All of them are the same empty map at first.
        let empty = Arc::new(HashMap::with_hasher(seed));
        Shards { seed, shards: Arc::new(vec![empty; SHARDS]) }
    }

    pub(crate) fn get<Q: SplitHash>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shards.get(self.shard_of(key))?.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        // Nothing is copied for a key that is not there.
        self.get(key)?;
        self.shard_mut(key)?.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if let Some(shard) = self.shard_mut(&key) {
            shard.insert(key, value);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.get(key)?;
        self.shard_mut(key)?.remove(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    fn shard_mut(&mut self, key: &K) -> Option<&mut HashMap<K, V, Seed>> {
        let at = self.shard_of(key);
        Arc::make_mut(&mut self.shards).get_mut(at).map(Arc::make_mut)
    }

    fn shard_of<Q: SplitHash>(&self, key: &Q) -> usize {
        // The bits in the middle: the map itself uses both ends.
        (key.split(self.seed) >> 32) as usize % SHARDS
    }
}
