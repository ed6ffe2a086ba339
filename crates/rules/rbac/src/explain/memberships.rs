//! By which groups a principal counts, and how it comes to be in them.

use std::collections::{HashSet, VecDeque};

use gatepost_names::ObjectId;

use crate::Snapshot;

/// The principal itself, or a group that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The principal, or the group.
    pub id: ObjectId,
    /// The groups on the way: that which the principal is directly in first, this one last. Empty for the
    /// principal itself. One of the shortest ways.
    pub path: Vec<ObjectId>,
}

impl Snapshot {
    /// A principal and all groups that it is in, the nearest first.
    pub(crate) fn memberships(&self, principal: ObjectId) -> Vec<Membership> {
        let mut found = vec![Membership { id: principal, path: Vec::new() }];
        let mut met = HashSet::from([principal]);
        let mut open = VecDeque::from([0_usize]);
        while let Some(from) = open.pop_front() {
            let Some((id, path)) = found.get(from).map(|membership| (membership.id, membership.path.clone()))
            else {
                break;
            };
            let mut groups = self.direct_groups_of(id);
            groups.sort_unstable();
            for group in groups {
                if met.insert(group) {
                    let path = path.iter().copied().chain([group]).collect();
                    open.push_back(found.len());
                    found.push(Membership { id: group, path });
                }
            }
        }
        found
    }

    /// How a principal comes to be in a group: the groups on the way, that one last. Empty if it is the group.
    pub(crate) fn path_to(&self, principal: ObjectId, group: ObjectId) -> Vec<ObjectId> {
        let all = self.memberships(principal);
        all.into_iter().find(|membership| membership.id == group).map(|found| found.path).unwrap_or_default()
    }
}
