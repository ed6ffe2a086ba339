//! Management groups: which of them holds a subscription is not in the text of a scope (reference rbac.md
//! section 1).

use std::collections::HashMap;
use std::sync::Arc;

use gatepost_names::{Scope, ScopeKind, SubscriptionId};

use crate::index::{Mark, Seed};

/// Most management groups above one another: the tenant's root group and six below it, and one to spare.
pub const MAX_DEPTH: usize = 8;

/// Why management groups cannot be nested so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hierarchy {
    /// A management group would lie below itself.
    #[error("a management group cannot lie below itself")]
    Cycle,
    /// Too many above one another.
    #[error("management groups are nested at most {MAX_DEPTH} deep")]
    TooDeep,
    /// The name cannot stand in a scope.
    #[error("the name of a management group is one segment of a scope")]
    BadName,
}

/// The management groups of a tenant, with the subscriptions that are placed in them. A clone shares
/// everything. Groups are few; a change copies them all.
#[derive(Clone, Debug)]
pub(crate) struct Hierarchies {
    seed: Seed,
    root: Mark,
    tables: Arc<Tables>,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    /// By the hash of the group's scope.
    groups: HashMap<u64, Group, ByHash>,
    /// By the hash of the subscription's scope.
    subscriptions: HashMap<u64, Placement, ByHash>,
}

type ByHash = std::hash::BuildHasherDefault<Identity>;

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Identity(u64);

impl std::hash::Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A management group.
#[derive(Clone, Debug)]
struct Group {
    level: Level,
    /// Whether it was made, rather than named as somebody's parent only.
    made: bool,
    parent: Option<u64>,
    /// The groups above it, nearest first. Closed on write.
    above: Arc<[Level]>,
    /// Itself and the groups above it: what lies above a subscription in it.
    with_self: Arc<[Level]>,
}

/// A management group as a decision needs it.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) mark: Mark,
    pub(crate) scope: Arc<Scope>,
}

#[derive(Clone, Debug)]
struct Placement {
    key: Arc<str>,
    group: u64,
    levels: Arc<[Level]>,
}

/// The scope of a management group, if the name may stand in one.
pub(crate) fn scope_of(name: &str) -> Option<Scope> {
    let text = format!("/providers/Microsoft.Management/managementGroups/{name}");
    Scope::parse(&text).ok().filter(|scope| scope.kind() == ScopeKind::ManagementGroup)
}

impl Hierarchies {
    pub(crate) fn new(seed: Seed) -> Hierarchies {
        Hierarchies { seed, root: Mark::of(seed.text(b"/")), tables: Arc::default() }
    }

    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// The mark of `/`.
    pub(crate) fn root(&self) -> Mark {
        self.root
    }

    /// The groups above a subscription, given the hash and the text of its scope.
    pub(crate) fn above_subscription(&self, hash: u64, key: &str) -> Option<&[Level]> {
        let placement = self.tables.subscriptions.get(&hash)?;
        (*placement.key == *key).then_some(&placement.levels)
    }

    /// The groups above a management group.
    pub(crate) fn above_group(&self, hash: u64, key: &str) -> Option<&[Level]> {
        let group = self.tables.groups.get(&hash)?;
        (group.level.scope.key() == key).then_some(&group.above)
    }

    pub(crate) fn put(&mut self, name: &str, parent: Option<&str>) -> Result<(), Hierarchy> {
        let scope = scope_of(name).ok_or(Hierarchy::BadName)?;
        let parent = match parent {
            Some(parent) => Some(scope_of(parent).ok_or(Hierarchy::BadName)?),
            None => None,
        };
        let mut changed = self.clone();
        let hash = changed.named(scope)?;
        let above = match parent {
            Some(parent) => Some(changed.named(parent)?),
            None => None,
        };
        let tables = Arc::make_mut(&mut changed.tables);
        let mut old = None;
        if let Some(group) = tables.groups.get_mut(&hash) {
            old = std::mem::replace(&mut group.parent, above);
            group.made = true;
        }
        tables.close()?;
        if let Some(old) = old {
            tables.forget_unused(old);
        }
        *self = changed;
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let Some(scope) = scope_of(name) else { return };
        let hash = self.hash(&scope);
        if self.tables.groups.get(&hash).is_none_or(|group| *group.level.scope != scope) {
            return;
        }
        let tables = Arc::make_mut(&mut self.tables);
        if let Some(group) = tables.groups.get_mut(&hash) {
            group.made = false;
            let parent = group.parent.take();
            tables.forget_unused(hash);
            if let Some(parent) = parent {
                tables.forget_unused(parent);
            }
        }
        // A group fewer closes no circle and adds no depth.
        let _closed = tables.close();
    }

    pub(crate) fn place(&mut self, id: SubscriptionId, group: Option<&str>) {
        let scope = Scope::subscription(id);
        let hash = self.hash(&scope);
        let old = self.tables.subscriptions.get(&hash).map(|placement| placement.group);
        let placed = group.and_then(scope_of).and_then(|group| self.named(group).ok());
        let tables = Arc::make_mut(&mut self.tables);
        match placed {
            Some(group) => {
                let levels = tables.groups.get(&group).map_or_else(|| [].into(), |g| g.with_self.clone());
                let placement = Placement { key: scope.key().into(), group, levels };
                tables.subscriptions.insert(hash, placement);
            }
            None => {
                tables.subscriptions.remove(&hash);
            }
        }
        if let Some(old) = old {
            tables.forget_unused(old);
        }
    }

    fn hash(&self, scope: &Scope) -> u64 {
        self.seed.text(scope.key().as_bytes())
    }

    /// The group of a scope; made known if it is not.
    fn named(&mut self, scope: Scope) -> Result<u64, Hierarchy> {
        let hash = self.hash(&scope);
        if let Some(known) = self.tables.groups.get(&hash) {
            // Two names of one hash: not in the life of a universe, and never the wrong group.
            return if *known.level.scope == scope { Ok(hash) } else { Err(Hierarchy::BadName) };
        }
        let level = Level { mark: Mark::of(hash), scope: Arc::new(scope) };
        let with_self: Arc<[Level]> = [level.clone()].into();
        let group = Group { level, made: false, parent: None, above: [].into(), with_self };
        Arc::make_mut(&mut self.tables).groups.insert(hash, group);
        Ok(hash)
    }
}

impl Tables {
    /// Forgets a group that was not made and is nobody's parent.
    fn forget_unused(&mut self, hash: u64) {
        let used = self.groups.get(&hash).is_none_or(|group| group.made)
            || self.groups.values().any(|group| group.parent == Some(hash))
            || self.subscriptions.values().any(|placement| placement.group == hash);
        if !used {
            self.groups.remove(&hash);
        }
    }

    /// Writes down what lies above each group and each subscription.
    fn close(&mut self) -> Result<(), Hierarchy> {
        let mut closed = Vec::with_capacity(self.groups.len());
        for (hash, group) in &self.groups {
            let mut levels = vec![group.level.clone()];
            let mut next = group.parent;
            while let Some(above) = next.and_then(|parent| self.groups.get(&parent)) {
                if above.level.scope == group.level.scope {
                    return Err(Hierarchy::Cycle);
                }
                if levels.len() == MAX_DEPTH {
                    return Err(if self.is_circle(group) { Hierarchy::Cycle } else { Hierarchy::TooDeep });
                }
                levels.push(above.level.clone());
                next = above.parent;
            }
            closed.push((*hash, levels));
        }
        for (hash, levels) in closed {
            if let Some(group) = self.groups.get_mut(&hash) {
                group.above = levels.get(1..).unwrap_or(&[]).into();
                group.with_self = levels.into();
            }
        }
        for placement in self.subscriptions.values_mut() {
            if let Some(group) = self.groups.get(&placement.group) {
                placement.levels = group.with_self.clone();
            }
        }
        Ok(())
    }

    /// Whether the way up from a group never ends.
    fn is_circle(&self, group: &Group) -> bool {
        let mut steps = 0;
        let mut next = group.parent;
        while let Some(above) = next.and_then(|parent| self.groups.get(&parent)) {
            steps += 1;
            if steps > self.groups.len() {
                return true;
            }
            next = above.parent;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(7));

    fn above(hierarchies: &Hierarchies) -> Vec<String> {
        let scope = Scope::subscription(SUB);
        let levels = hierarchies.above_subscription(hierarchies.hash(&scope), scope.key()).unwrap_or(&[]);
        levels.iter().map(|level| level.scope.as_str().rsplit('/').next().unwrap().to_owned()).collect()
    }

    fn new() -> Hierarchies {
        Hierarchies::new(Seed::new(3))
    }

    #[test]
    fn rows_come_in_any_order_and_groups_move() {
        let mut tree = new();
        tree.place(SUB, Some("Leaf"));
        tree.put("LEAF", Some("mid")).unwrap();
        assert_eq!(above(&tree), ["Leaf", "mid"]);
        tree.put("mid", Some("root")).unwrap();
        tree.put("root", None).unwrap();
        assert_eq!(above(&tree), ["Leaf", "mid", "root"]);
        tree.put("leaf", Some("root")).unwrap();
        assert_eq!(above(&tree), ["Leaf", "root"]);
        tree.remove("root");
        assert_eq!(above(&tree), ["Leaf", "root"], "it is still the leaf's parent");
        tree.remove("leaf");
        assert_eq!(above(&tree), ["Leaf"], "the subscription is still placed in it");
        tree.place(SUB, None);
        tree.remove("mid");
        assert!(above(&tree).is_empty());
        assert!(tree.tables.groups.is_empty(), "{:?}", tree.tables.groups);
    }

    #[test]
    fn circles_and_depth_are_refused_and_change_nothing() {
        let mut tree = new();
        for n in 1..MAX_DEPTH {
            tree.put(&format!("g{n}"), Some(&format!("g{}", n - 1))).unwrap();
        }
        tree.place(SUB, Some("g7"));
        let before = above(&tree);
        assert_eq!(before.len(), MAX_DEPTH);
        assert_eq!(tree.put("g8", Some("g7")), Err(Hierarchy::TooDeep));
        assert_eq!(tree.put("g0", Some("over")), Err(Hierarchy::TooDeep));
        assert_eq!(tree.put("g1", Some("g1")), Err(Hierarchy::Cycle));
        assert_eq!(tree.put("g0", Some("g5")), Err(Hierarchy::Cycle));
        assert_eq!(tree.put("a/b", None), Err(Hierarchy::BadName));
        assert_eq!(above(&tree), before);
    }
}
