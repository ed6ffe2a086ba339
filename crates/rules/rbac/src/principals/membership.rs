//! Who is in which group.

use std::ops::ControlFlow;
use std::sync::Arc;

use gatepost_names::ObjectId;

use super::{Entry, Group, Principal, Principals};
use crate::index::NO_SLOT;

/// A group would be in itself, perhaps by way of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a group cannot be a member of itself, directly or through other groups")]
pub struct Cycle;

impl Principals {
    /// Makes a principal a member of a group.
    pub(crate) fn put_member(&mut self, group: ObjectId, member: ObjectId) -> Result<(), Cycle> {
        if group == member || self.is_in(group, member) {
            return Err(Cycle);
        }
        let Some(slot) = self.make_group(group) else { return Ok(()) };
        self.make_known(member);
        if !self.get_mut(member).is_some_and(|principal| principal.groups.insert(slot)) {
            return Ok(());
        }
        let child = self.slot_of(member);
        if let Some(group) = self.groups.get_mut(slot) {
            Arc::make_mut(&mut group.members).push(member);
            group.children.extend(child);
        }
        if let Some(child) = child {
            self.close(child);
        }
        Ok(())
    }

    /// Ends a membership.
    pub(crate) fn remove_member(&mut self, group: ObjectId, member: ObjectId) {
        let Some(slot) = self.slot_of(group) else { return };
        if !self.get_mut(member).is_some_and(|principal| principal.groups.remove(slot)) {
            return;
        }
        let child = self.slot_of(member);
        if let Some(group) = self.groups.get_mut(slot) {
            let members = Arc::make_mut(&mut group.members);
            // From the end, where those are that `remove_principal` takes.
            if let Some(at) = members.iter().rposition(|other| *other == member) {
                members.swap_remove(at);
            }
            group.children.retain(|other| Some(*other) != child);
        }
        match child {
            Some(child) => self.close(child),
            None => self.forget_nobody(member),
        }
        self.dissolve_if_empty(slot);
    }

    /// Ends all memberships of a principal and in it. What it was assigned stays.
    pub(crate) fn remove_principal(&mut self, id: ObjectId) {
        let Some(principal) = self.get(id) else { return };
        let group_id = |slot: &u32| self.groups.get(*slot).map(|group| group.id);
        let groups: Vec<ObjectId> = principal.groups.as_slice().iter().filter_map(group_id).collect();
        for group in groups {
            self.remove_member(group, id);
        }
        let members = self.slot_of(id).and_then(|slot| self.groups.get(slot)).map(|g| g.members.clone());
        for member in members.iter().flat_map(|members| members.iter()).rev() {
            self.remove_member(id, *member);
        }
    }

    /// The groups that a principal is in, at any depth.
    pub(crate) fn groups_of(&self, id: ObjectId) -> Vec<ObjectId> {
        let mut groups = Vec::new();
        let _ended: ControlFlow<()> = self.each(id, |other, _| {
            if other != id {
                groups.push(other);
            }
            ControlFlow::Continue(())
        });
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// The groups that a principal is in directly.
    pub(crate) fn direct_groups_of(&self, id: ObjectId) -> Vec<ObjectId> {
        let groups = self.get(id).map_or(&[] as &[u32], |principal| principal.groups.as_slice());
        groups.iter().filter_map(|slot| self.groups.get(*slot)).map(|group| group.id).collect()
    }

    /// The members of a group, at any depth, groups too.
    pub(crate) fn members_of(&self, group: ObjectId) -> Vec<ObjectId> {
        let mut members = self.members_of_all(&[group]);
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The members of all these, at any depth; in no order, and those who are in several groups several times.
    /// Each group is walked once.
    pub(crate) fn members_of_all(&self, principals: &[ObjectId]) -> Vec<ObjectId> {
        let mut slots: Vec<u32> = principals.iter().filter_map(|id| self.slot_of(*id)).collect();
        slots.sort_unstable();
        slots.dedup();
        self.follow(&mut slots, |group| &group.children);
        let groups = || slots.iter().filter_map(|slot| self.groups.get(*slot));
        let mut members = Vec::with_capacity(groups().map(|group| group.members.len()).sum());
        groups().for_each(|group| members.extend_from_slice(&group.members));
        members
    }

    fn slot_of(&self, id: ObjectId) -> Option<u32> {
        match self.index.get(&id)? {
            Entry::Group(slot) => Some(*slot),
            Entry::Alone(_) => None,
        }
    }

    /// Whether `inner` is in `outer`, at any depth.
    fn is_in(&self, inner: ObjectId, outer: ObjectId) -> bool {
        // A principal without members holds nobody.
        if self.slot_of(outer).is_none() {
            return false;
        }
        let found = self.each(inner, |id, _| match id == outer {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        found.is_break()
    }

    /// The slot of a group; a principal that was none becomes one.
    fn make_group(&mut self, id: ObjectId) -> Option<u32> {
        self.make_known(id);
        let principal = match self.index.get_mut(&id)? {
            Entry::Group(slot) => return Some(*slot),
            Entry::Alone(principal) => std::mem::take(principal),
        };
        let parents = principal.groups.as_slice().to_vec();
        let group = Group { principal, above: [].into(), id, children: Vec::new(), members: Arc::default() };
        let slot = self.groups.insert(group);
        self.index.insert(id, Entry::Group(slot));
        for parent in parents {
            if let Some(parent) = self.groups.get_mut(parent) {
                parent.children.push(slot);
            }
        }
        self.close(slot);
        Some(slot)
    }

    /// A group without members is a principal like others.
    fn dissolve_if_empty(&mut self, slot: u32) {
        if !self.groups.get(slot).is_some_and(|group| group.members.is_empty()) {
            return;
        }
        let Some(Group { id, principal, .. }) = self.groups.remove(slot) else { return };
        for parent in principal.groups.as_slice() {
            if let Some(parent) = self.groups.get_mut(*parent) {
                parent.children.retain(|child| *child != slot);
            }
        }
        self.index.insert(id, Entry::Alone(principal));
        self.forget_nobody(id);
    }

    /// Writes down anew which groups a group and those below it are in.
    fn close(&mut self, slot: u32) {
        for slot in self.at_and_below(slot) {
            let above = self.groups.get(slot).map(|group| self.above(&group.principal)).unwrap_or_default();
            // Nothing is copied for a group of which nothing changes.
            if self.groups.get(slot).is_some_and(|group| *group.above != *above)
                && let Some(group) = self.groups.get_mut(slot)
            {
                group.above = above.into();
            }
        }
    }

    /// All groups that a principal is in by the direct memberships alone, the nearest first.
    fn above(&self, principal: &Principal) -> Vec<u32> {
        let mut above = principal.groups.as_slice().to_vec();
        self.follow(&mut above, |group| group.principal.groups.as_slice());
        above
    }

    /// A group and all groups below it.
    fn at_and_below(&self, slot: u32) -> Vec<u32> {
        let mut below = vec![slot];
        self.follow(&mut below, |group| &group.children);
        below
    }

    /// Adds to a list of groups what `next` gives for each of them, each once.
    fn follow(&self, list: &mut Vec<u32>, next: impl Fn(&Group) -> &[u32]) {
        let mut met: std::collections::HashSet<u32> = list.iter().copied().collect();
        let mut at = 0;
        while let Some(slot) = list.get(at).copied() {
            at += 1;
            let more = self.groups.get(slot).map_or(&[] as &[u32], &next);
            list.extend(more.iter().copied().filter(|slot| *slot != NO_SLOT && met.insert(*slot)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Seed;
    use uuid::Uuid;

    fn id(n: u128) -> ObjectId {
        ObjectId(Uuid::from_u128(n))
    }

    fn ids(list: &[u128]) -> Vec<ObjectId> {
        list.iter().copied().map(id).collect()
    }

    fn new() -> Principals {
        Principals::new(Seed::new(5))
    }

    #[test]
    fn nested_groups_count_fully_and_follow_each_change() {
        let mut all = new();
        // 1 in 10 in 20 in 30, and 1 in 11 in 30.
        for (group, member) in [(20, 10), (10, 1), (30, 20), (30, 11), (11, 1)] {
            all.put_member(id(group), id(member)).unwrap();
        }
        assert_eq!(all.groups_of(id(1)), ids(&[10, 11, 20, 30]));
        assert_eq!(all.groups_of(id(10)), ids(&[20, 30]));
        assert_eq!(all.members_of(id(30)), ids(&[1, 10, 11, 20]));
        assert_eq!(all.members_of(id(1)), []);
        let before = all.clone();
        all.remove_member(id(20), id(10));
        assert_eq!(all.groups_of(id(1)), ids(&[10, 11, 30]));
        assert_eq!(before.groups_of(id(1)), ids(&[10, 11, 20, 30]), "the clone is what it was");
        all.remove_principal(id(11));
        assert_eq!(all.groups_of(id(1)), ids(&[10]));
        all.remove_principal(id(1));
        all.remove_principal(id(30));
        assert_eq!(all.iter().count(), 0, "nothing is left behind");
        assert_eq!(all.groups.iter().count(), 0);
    }

    #[test]
    fn circles_are_refused_and_change_nothing() {
        let mut all = new();
        assert_eq!(all.put_member(id(1), id(1)), Err(Cycle));
        for (group, member) in [(2, 1), (3, 2), (4, 3)] {
            all.put_member(id(group), id(member)).unwrap();
        }
        for member in [2, 3, 4] {
            assert_eq!(all.put_member(id(1), id(member)), Err(Cycle), "{member} in 1");
        }
        assert_eq!(all.put_member(id(2), id(4)), Err(Cycle));
        assert_eq!(all.groups_of(id(4)), []);
        assert!(all.slot_of(id(1)).is_none());
        all.remove_member(id(3), id(2));
        all.put_member(id(1), id(4)).unwrap();
        assert_eq!(all.groups_of(id(3)), ids(&[1, 2, 4]));
    }

    #[test]
    fn a_membership_is_put_once_and_removed_once() {
        let mut all = new();
        all.put_member(id(2), id(1)).unwrap();
        all.put_member(id(2), id(1)).unwrap();
        assert_eq!(all.members_of(id(2)), ids(&[1]));
        all.remove_member(id(2), id(7));
        all.remove_member(id(7), id(1));
        all.remove_member(id(2), id(1));
        all.remove_member(id(2), id(1));
        assert_eq!(all.members_of(id(2)), []);
        assert_eq!(all.iter().count(), 0);
    }
}
