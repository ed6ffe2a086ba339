//! Answers that hold until the store changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// Entries after which a memory starts afresh: bounds it, whatever is asked.
const MOST: usize = 20_000;

/// Answers by question, all of one version of the store.
pub(crate) struct Kept<K, V>(RwLock<(u64, HashMap<K, Arc<V>>)>);

impl<K: Eq + Hash, V> Kept<K, V> {
    pub(crate) fn new() -> Self {
        Kept(RwLock::new((0, HashMap::new())))
    }

    /// The answer: the kept one, or what `find` answers now. `version` is the store's, read before. That there
    /// is none is not kept: whoever asks for names at random shall not fill the memory.
    pub(crate) fn get<E>(
        &self,
        version: u64,
        key: K,
        find: impl FnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<Arc<V>>, E> {
        {
            let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if kept.0 == version
                && let Some(value) = kept.1.get(&key)
            {
                return Ok(Some(Arc::clone(value)));
            }
        }
        let Some(found) = find()?.map(Arc::new) else { return Ok(None) };
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.0 < version || kept.1.len() >= MOST {
            *kept = (version, HashMap::new());
        }
        // A slower reader must not put an answer of an older version among newer ones.
        if kept.0 == version {
            kept.1.insert(key, Arc::clone(&found));
        }
        Ok(Some(found))
    }
}
