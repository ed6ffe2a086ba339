//! The scopes at which something is assigned, each kept once.

use std::sync::Arc;

use gatepost_names::{Scope, ScopeKind};

use crate::index::{Home, Mark, NO_SLOT, Seed, Shards, Slab};

/// Scopes in numbered slots, each for as long as it is used. A clone shares all.
#[derive(Clone, Debug)]
pub(crate) struct Scopes {
    seed: Seed,
    slots: Slab<Kept>,
    /// By the hash of the scope's key.
    index: Shards<u64, u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    scope: Arc<Scope>,
    hash: u64,
    /// The next scope of the same hash.
    next: u32,
    uses: u32,
    /// The mark of the subscription in which it lies.
    subscription: Option<Mark>,
}

impl Kept {
    fn home(&self) -> Home {
        self.subscription.map_or_else(|| Home::outside(Mark::of(self.hash)), Home::inside)
    }
}

impl Scopes {
    pub(crate) fn new(seed: Seed) -> Scopes {
        Scopes { seed, slots: Slab::default(), index: Shards::new(seed) }
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Scope> {
        self.slots.get(slot).map(|kept| kept.scope.as_ref())
    }

    /// Whether the scope in a slot lies in a subscription, given the mark of that; sometimes it says yes for
    /// another subscription.
    pub(crate) fn may_lie_in(&self, slot: u32, subscription: Mark) -> bool {
        self.slots.get(slot).is_some_and(|kept| kept.subscription == Some(subscription))
    }

    /// The mark of a subscription, as [`Scopes::may_lie_in`] wants it.
    pub(crate) fn mark_of(&self, scope: &Scope) -> Mark {
        Mark::of(self.seed.text(scope.key().as_bytes()))
    }

    /// Counts one more use of a scope; answers its slot, its mark and its home.
    pub(crate) fn take(&mut self, scope: &Arc<Scope>) -> (u32, Mark, Home) {
        let hash = self.seed.text(scope.key().as_bytes());
        let first = self.index.get(&hash).copied().unwrap_or(NO_SLOT);
        let mut slot = first;
        while let Some(kept) = self.slots.get(slot) {
            if *kept.scope == **scope {
                break;
            }
            slot = kept.next;
        }
        if let Some(kept) = self.slots.get_mut(slot) {
            kept.uses += 1;
            return (slot, Mark::of(hash), kept.home());
        }
        let subscription = match scope.kind() {
            ScopeKind::Subscription => Some(Mark::of(hash)),
            _ => scope.subscription_id().map(|id| self.mark_of(&Scope::subscription(id))),
        };
        let kept = Kept { scope: scope.clone(), hash, next: first, uses: 1, subscription };
        let home = kept.home();
        let slot = self.slots.insert(kept);
        self.index.insert(hash, slot);
        (slot, Mark::of(hash), home)
    }

    /// Counts one use less, and forgets a scope that nobody uses.
    pub(crate) fn release(&mut self, slot: u32) {
        let Some(kept) = self.slots.get_mut(slot) else { return };
        kept.uses -= 1;
        if kept.uses > 0 {
            return;
        }
        let (hash, next) = (kept.hash, kept.next);
        self.slots.remove(slot);
        match self.index.get(&hash).copied() {
            Some(first) if first == slot && next == NO_SLOT => {
                self.index.remove(&hash);
            }
            Some(first) if first == slot => self.index.insert(hash, next),
            Some(first) => self.unlink(first, slot, next),
            None => {}
        }
    }

    /// Takes a slot out of the chain that begins with `first`.
    fn unlink(&mut self, first: u32, slot: u32, next: u32) {
        let mut at = first;
        while let Some(kept) = self.slots.get_mut(at) {
            if kept.next == slot {
                kept.next = next;
                return;
            }
            at = kept.next;
        }
    }
}
