//! Worlds and questions by chance, small enough that they often meet.

use gatepost_rbac::{PermissionBlock, Plane};
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{Asked, Deny, FROM_A, Row, SUBSCRIPTIONS, Sender, World};

/// Any of them may come to be a group.
const PRINCIPALS: std::ops::Range<u128> = 1..6;
const MANAGEMENT: &[&str] = &["m1", "M2", "m3", "m4"];

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(texts).prop_map(str::to_owned)
}

pub(crate) fn pattern() -> impl Strategy<Value = String> {
    one_of(&[
        "*",
        "*",
        "*/read",
        "A.B/*",
        "a.b/*",
        "a.b/c/*",
        "A.B/c/read",
        "A.B/c/write",
        "A.B/c/d/read",
        "A.B/c/wr*",
        "*/D/read",
    ])
}

pub(crate) fn action() -> impl Strategy<Value = String> {
    one_of(&["A.B/c/read", "a.b/C/write", "A.B/c/d/read", "A.B/c/d/delete", "A.C/c/read", "A.B/cc/write"])
}

pub(crate) fn scope() -> impl Strategy<Value = String> {
    let below = one_of(&[
        "",
        "",
        "/resourceGroups/rg1",
        "/resourceGroups/rg1",
        "/resourcegroups/RG1",
        "/resourceGroups/rg10",
        "/resourceGroups/rg1/providers/A.B/c/x",
        "/resourceGroups/rg1/providers/A.B/c/x/d/y",
        "/resourceGroups/rg1/providers/A.B/c/x/d/y/providers/G.H/i/j",
        "/resourceGroups/rg1/providers/A.B/c/x2",
        "/resourceGroups/rg10/providers/a.b/C/X",
        "/providers/A.B/c/x",
    ]);
    let [first, second] = SUBSCRIPTIONS;
    let anywhere =
        (select(vec![first, first, first, second]), below).prop_map(|(sub, below)| format!("{sub}{below}"));
    let group = select(MANAGEMENT)
        .prop_map(|name| format!("/providers/Microsoft.Management/managementGroups/{name}"));
    let elsewhere = one_of(&["/", "/providers/Microsoft.Capacity", "/providers/Microsoft.Capacity/a/b"]);
    prop_oneof![12 => anywhere, 3 => group, 1 => elsewhere]
}

pub(crate) fn block() -> impl Strategy<Value = PermissionBlock> {
    let some = |most| prop::collection::vec(pattern(), 0..most);
    let condition = prop::option::weighted(0.2, Just(FROM_A.to_owned()));
    (
        prop::collection::vec(pattern(), 1..4),
        some(2),
        prop::collection::vec(pattern(), 1..4),
        some(2),
        condition,
    )
        .prop_map(|(actions, not_actions, data_actions, not_data_actions, condition)| PermissionBlock {
            actions,
            not_actions,
            data_actions,
            not_data_actions,
            condition,
            condition_version: None,
        })
}

fn moment() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.1, 0..4_i64)
}

/// Role 4 exists in no world.
pub(crate) fn row() -> impl Strategy<Value = Row> {
    let terms = (prop::bool::weighted(0.3), moment(), moment());
    (1..40_u128, PRINCIPALS, 1..5_u128, scope(), terms).prop_map(
        |(name, principal, role, scope, (conditioned, starts, ends))| Row {
            name,
            principal,
            role,
            scope,
            conditioned,
            starts,
            ends,
        },
    )
}

pub(crate) fn deny() -> impl Strategy<Value = Deny> {
    let some = |most| prop::collection::vec(PRINCIPALS, 0..most);
    let flags = (prop::bool::weighted(0.3), prop::bool::weighted(0.8), prop::bool::weighted(0.2));
    let blocks = prop::collection::vec(block(), 1..3);
    (1..6_u128, scope(), blocks, some(3), some(3), flags).prop_map(
        |(id, scope, blocks, principals, excluded, (not_for_children, enforced, conditioned))| Deny {
            id,
            scope,
            blocks,
            principals,
            excluded,
            not_for_children,
            enforced,
            conditioned,
        },
    )
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let sender = select(vec![Sender::A, Sender::B, Sender::Unknown, Sender::Absent]);
    let plane = select(vec![Plane::Control, Plane::Data]);
    (PRINCIPALS, action(), plane, scope(), 0..4_i64, sender).prop_map(
        |(principal, action, plane, scope, now, sender)| Asked {
            principal,
            action,
            plane,
            scope,
            now,
            sender,
        },
    )
}

/// One change of a world.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    PutRole(u128, Vec<PermissionBlock>),
    RemoveRole(u128),
    Put(Row),
    /// The name and the principal of an assignment that is there.
    Remove(prop::sample::Index),
    PutMember(u128, u128),
    RemoveMember(prop::sample::Index),
    RemovePrincipal(u128),
    PutManagementGroup(String, Option<String>),
    RemoveManagementGroup(String),
    Place(usize, Option<String>),
    PutDeny(Deny),
    RemoveDeny(u128),
    PutLock(String, String, bool),
    RemoveLock(prop::sample::Index),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let role = (1..4_u128, prop::collection::vec(block(), 1..3));
    let group = || one_of(MANAGEMENT);
    let parent = prop::option::weighted(0.8, group());
    prop_oneof![
        3 => role.prop_map(|(id, blocks)| Change::PutRole(id, blocks)),
        1 => (1..4_u128).prop_map(Change::RemoveRole),
        20 => row().prop_map(Change::Put),
        2 => any::<prop::sample::Index>().prop_map(Change::Remove),
        8 => (PRINCIPALS, PRINCIPALS).prop_map(|(group, member)| Change::PutMember(group, member)),
        2 => any::<prop::sample::Index>().prop_map(Change::RemoveMember),
        1 => PRINCIPALS.prop_map(Change::RemovePrincipal),
        3 => (group(), parent).prop_map(|(name, parent)| Change::PutManagementGroup(name, parent)),
        1 => group().prop_map(Change::RemoveManagementGroup),
        3 => (0..2_usize, prop::option::weighted(0.8, group())).prop_map(|(sub, group)| Change::Place(sub, group)),
        3 => deny().prop_map(Change::PutDeny),
        1 => (1..6_u128).prop_map(Change::RemoveDeny),
        2 => (scope(), one_of(&["a", "B"]), any::<bool>()).prop_map(|(at, name, level)| Change::PutLock(at, name, level)),
        1 => any::<prop::sample::Index>().prop_map(Change::RemoveLock),
    ]
}

impl Change {
    /// Makes the change in the lists of a world, as somebody would who keeps them by hand.
    pub(crate) fn make(&self, world: &mut World) {
        match self.clone() {
            Change::PutRole(id, blocks) => {
                world.roles.retain(|(other, _)| *other != id);
                world.roles.push((id, blocks));
            }
            Change::RemoveRole(id) => world.roles.retain(|(other, _)| *other != id),
            Change::Put(row) => {
                world.rows.retain(|other| (other.name, other.principal) != (row.name, row.principal));
                world.rows.push(row);
            }
            Change::Remove(index) => remove(&mut world.rows, &index),
            Change::PutMember(group, member) => {
                let is_circle = world.with_groups(group).contains(&member);
                if !is_circle && !world.members.contains(&(group, member)) {
                    world.members.push((group, member));
                }
            }
            Change::RemoveMember(index) => remove(&mut world.members, &index),
            Change::RemovePrincipal(id) => world.members.retain(|(g, m)| *g != id && *m != id),
            Change::PutManagementGroup(name, parent) => {
                if !parent.as_deref().is_some_and(|parent| world.is_below(&name, parent)) {
                    world.management.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
                    world.management.push((name, parent));
                }
            }
            Change::RemoveManagementGroup(name) => {
                world.management.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            }
            Change::Place(sub, group) => {
                world.placements.retain(|(other, _)| *other != sub);
                world.placements.extend(group.map(|group| (sub, group)));
            }
            Change::PutDeny(deny) => {
                world.denies.retain(|other| other.id != deny.id);
                world.denies.push(deny);
            }
            Change::RemoveDeny(id) => world.denies.retain(|other| other.id != id),
            Change::PutLock(at, name, level) => {
                let same = |(other, named, _): &(String, String, bool)| {
                    other.eq_ignore_ascii_case(&at) && named.eq_ignore_ascii_case(&name)
                };
                world.locks.retain(|lock| !same(lock));
                world.locks.push((at, name, level));
            }
            Change::RemoveLock(index) => remove(&mut world.locks, &index),
        }
    }
}

fn remove<T>(list: &mut Vec<T>, index: &prop::sample::Index) {
    if !list.is_empty() {
        list.remove(index.index(list.len()));
    }
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    // Three roles, then whatever may happen.
    let blocks = || prop::collection::vec(block(), 1..3);
    let roles =
        (blocks(), blocks(), blocks()).prop_map(|(one, two, three)| vec![(1, one), (2, two), (3, three)]);
    (roles, prop::collection::vec(change(), 20..90)).prop_map(|(roles, changes)| {
        let mut world = World { roles, ..World::default() };
        for change in changes {
            change.make(&mut world);
        }
        world
    })
}
