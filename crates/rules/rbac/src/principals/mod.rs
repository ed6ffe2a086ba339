//! Who has what: each principal with its assignments and the groups that it is in.
//!
//! A user names the groups that it is in directly; a group names all groups above it, closed on write. So a
//! change to a group touches the groups below it and none of their users.

mod membership;
mod row;
mod slots;

use std::ops::ControlFlow;
use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName};

use crate::index::{Filter, Homes, Seed, Shards, Slab, Tags};

pub use membership::Cycle;
pub(crate) use row::Row;
use slots::Slots;

/// All principals that have an assignment or are in a group, or are one. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Principals {
    index: Shards<ObjectId, Entry>,
    groups: Slab<Group>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// It has no members.
    Alone(Principal),
    /// It has members; its slot.
    Group(u32),
}

/// What a principal has itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Principal {
    /// Those of `rows`.
    homes: Homes,
    /// That of `rows`.
    filter: Filter,
    /// Those of `rows`.
    tags: Tags,
    /// The groups that it is in directly.
    groups: Slots,
    /// Its assignments. INVARIANT: in the order of [`Row::order`].
    rows: Vec<Row>,
}

/// A principal that has members.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    principal: Principal,
    /// The groups that it is in, at any depth, the nearest first.
    above: Box<[u32]>,
    id: ObjectId,
    /// The groups among its members.
    children: Vec<u32>,
    members: Arc<Vec<ObjectId>>,
}

/// Groups that were met on the way, so that hardly any is looked at twice. Should it be too small, some are;
/// that changes nothing but the time.
#[derive(Default)]
struct Met {
    bits: u64,
    groups: [u32; 32],
    count: usize,
}

impl Met {
    /// Whether a group is met for the first time.
    fn is_new(&mut self, group: u32) -> bool {
        let bit = 1 << (group % 64);
        if self.bits & bit != 0 && self.groups.get(..self.count).unwrap_or(&[]).contains(&group) {
            return false;
        }
        self.bits |= bit;
        if let Some(place) = self.groups.get_mut(self.count) {
            *place = group;
            self.count += 1;
        }
        true
    }
}

impl Principal {
    /// Where its assignments are at all; nothing is at other places.
    pub(crate) fn homes(&self) -> &Homes {
        &self.homes
    }

    /// Which marks its assignments may have.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn is_nobody(&self) -> bool {
        self.rows.is_empty() && self.groups.as_slice().is_empty()
    }

    /// Writes down where the rows are, after they were changed.
    fn settle(&mut self) {
        self.homes = self.rows.iter().map(|row| row.home).collect();
        self.filter = self.rows.iter().map(|row| row.mark).collect();
        self.tags = Tags::of(&self.rows);
    }
}

impl Principals {
    pub(crate) fn new(seed: Seed) -> Principals {
        Principals { index: Shards::new(seed), groups: Slab::default() }
    }

    /// What a principal has itself.
    pub(crate) fn get(&self, id: ObjectId) -> Option<&Principal> {
        match self.index.get(&id)? {
            Entry::Alone(principal) => Some(principal),
            Entry::Group(slot) => self.groups.get(*slot).map(|group| &group.principal),
        }
    }

    /// Goes through a principal and all groups that it is in, itself first, until `look` breaks off.
    pub(crate) fn each<'a, B>(
        &'a self,
        id: ObjectId,
        mut look: impl FnMut(ObjectId, &'a Principal) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut look_at = |slot: u32| match self.groups.get(slot) {
            Some(group) => look(group.id, &group.principal),
            None => ControlFlow::Continue(()),
        };
        match self.index.get(&id) {
            None => ControlFlow::Continue(()),
            Some(Entry::Group(slot)) => {
                look_at(*slot)?;
                let above = self.groups.get(*slot).map_or(&[] as &[u32], |group| &group.above);
                above.iter().try_for_each(|slot| look_at(*slot))
            }
            Some(Entry::Alone(principal)) => {
                look(id, principal)?;
                self.each_group_of(principal, |group| look(group.id, &group.principal))
            }
        }
    }

    fn each_group_of<'a, B>(
        &'a self,
        principal: &Principal,
        mut look: impl FnMut(&'a Group) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut met = Met::default();
        for direct in principal.groups.as_slice() {
            let Some(group) = self.groups.get(*direct) else { continue };
            if met.is_new(*direct) {
                look(group)?;
            }
            for slot in &group.above {
                if met.is_new(*slot)
                    && let Some(above) = self.groups.get(*slot)
                {
                    look(above)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Everybody, with what each has itself.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ObjectId, &Principal)> {
        let alone = self.index.iter().filter_map(|(id, entry)| match entry {
            Entry::Alone(principal) => Some((*id, principal)),
            Entry::Group(_) => None,
        });
        alone.chain(self.groups.iter().map(|group| (group.id, &group.principal)))
    }

    /// Adds an assignment to those of a principal.
    pub(crate) fn put_row(&mut self, id: ObjectId, row: Row) {
        self.make_known(id);
        if let Some(principal) = self.get_mut(id) {
            let at = principal.rows.partition_point(|other| other.order() < row.order());
            principal.rows.insert(at, row);
            principal.settle();
        }
    }

    /// Takes the assignment of this name away from a principal.
    pub(crate) fn remove_row(&mut self, id: ObjectId, name: RoleAssignmentName) -> Option<Row> {
        let at = self.get(id)?.rows.iter().position(|row| row.name == name)?;
        let principal = self.get_mut(id)?;
        let row = principal.rows.remove(at);
        principal.settle();
        self.forget_nobody(id);
        Some(row)
    }

    /// Adds an assignment without putting it in its place; [`Principals::settle`] must follow before anything
    /// is asked.
    pub(crate) fn push_row(&mut self, id: ObjectId, row: Row) {
        self.make_known(id);
        if let Some(principal) = self.get_mut(id) {
            principal.rows.push(row);
        }
    }

    /// Puts the assignments of a principal in order, after [`Principals::push_row`]. Of those of one name the
    /// last stays; the others are given to `gone`.
    pub(crate) fn settle(&mut self, id: ObjectId, mut gone: impl FnMut(Row)) {
        let Some(principal) = self.get_mut(id) else { return };
        // Stable, so that the last of each name is the last that came.
        principal.rows.sort_by_key(|row| row.name);
        let mut kept: Vec<Row> = Vec::with_capacity(principal.rows.len());
        for row in principal.rows.drain(..) {
            match kept.last_mut() {
                Some(last) if last.name == row.name => gone(std::mem::replace(last, row)),
                _ => kept.push(row),
            }
        }
        kept.sort_unstable_by_key(Row::order);
        kept.shrink_to_fit();
        principal.rows = kept;
        principal.settle();
    }

    fn get_mut(&mut self, id: ObjectId) -> Option<&mut Principal> {
        match self.index.get(&id)? {
            Entry::Group(slot) => {
                let slot = *slot;
                self.groups.get_mut(slot).map(|group| &mut group.principal)
            }
            Entry::Alone(_) => match self.index.get_mut(&id)? {
                Entry::Alone(principal) => Some(principal),
                Entry::Group(_) => None,
            },
        }
    }

    fn make_known(&mut self, id: ObjectId) {
        if self.index.get(&id).is_none() {
            self.index.insert(id, Entry::Alone(Principal::default()));
        }
    }

    fn forget_nobody(&mut self, id: ObjectId) {
        if let Some(Entry::Alone(principal)) = self.index.get(&id)
            && principal.is_nobody()
        {
            self.index.remove(&id);
        }
    }
}
