//! The rules of reference rbac.md sections 1 to 3 and 10, as plainly as they can be put: strings, lists, and
//! nothing remembered. What the snapshot says must be what this says.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId};
use gatepost_rbac::condition::{Attribute, Attributes, Condition, Source, Value};
use gatepost_rbac::{
    Assignment, Decision, Denial, DeniedPrincipals, DenyAssignment, DenyEffect, Lock, LockLevel,
    LockedOperation, PermissionBlock, Plane, Question, RoleDefinition, Snapshot,
};
use uuid::Uuid;

/// The subscriptions, by number.
pub(crate) const SUBSCRIPTIONS: [&str; 2] = [
    "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11",
    "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d12",
];
/// A condition whose truth a [`Sender`] tells.
pub(crate) const FROM_A: &str =
    "(@Request[Microsoft.Communication/EmailServices:SenderDomain] StringEquals 'a.example')";

/// The request's attributes, as far as [`FROM_A`] goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sender {
    A,
    B,
    Unknown,
    Absent,
}

impl Attributes for Sender {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        assert_eq!(source, Source::Request);
        assert!(name.eq_ignore_ascii_case("Microsoft.Communication/EmailServices:SenderDomain"));
        match self {
            Sender::A => Attribute::Known(Value::Text("a.example")),
            Sender::B => Attribute::Known(Value::Text("b.example")),
            Sender::Unknown => Attribute::Unknown,
            Sender::Absent => Attribute::Absent,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: u128,
    pub(crate) principal: u128,
    pub(crate) role: u128,
    pub(crate) scope: String,
    pub(crate) conditioned: bool,
    pub(crate) starts: Option<i64>,
    pub(crate) ends: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Deny {
    pub(crate) id: u128,
    pub(crate) scope: String,
    pub(crate) blocks: Vec<PermissionBlock>,
    /// Nobody named: everyone.
    pub(crate) principals: Vec<u128>,
    pub(crate) excluded: Vec<u128>,
    pub(crate) not_for_children: bool,
    pub(crate) enforced: bool,
    pub(crate) conditioned: bool,
}

/// Everything in one tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) roles: Vec<(u128, Vec<PermissionBlock>)>,
    pub(crate) rows: Vec<Row>,
    /// Group, member.
    pub(crate) members: Vec<(u128, u128)>,
    /// Management group, parent.
    pub(crate) management: Vec<(String, Option<String>)>,
    /// Subscription's number, management group.
    pub(crate) placements: Vec<(usize, String)>,
    pub(crate) denies: Vec<Deny>,
    /// Scope, name, read-only.
    pub(crate) locks: Vec<(String, String, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) principal: u128,
    pub(crate) action: String,
    pub(crate) plane: Plane,
    pub(crate) scope: String,
    pub(crate) now: i64,
    pub(crate) sender: Sender,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    NotGranted,
    Condition,
    Denied,
    Possible,
    Allowed,
}

/// False, perhaps, true: "and" is the lesser, "or" the greater.
type Truth = u8;
const NO: Truth = 0;
const PERHAPS: Truth = 1;
const YES: Truth = 2;

impl World {
    pub(crate) fn decide(&self, asked: &Asked) -> Answer {
        let who = self.with_groups(asked.principal);
        let granting = self.rows.iter().filter(|row| {
            who.contains(&row.principal)
                && self.reaches(&row.scope, &asked.scope)
                && row.starts.is_none_or(|starts| starts <= asked.now)
                && row.ends.is_none_or(|ends| asked.now < ends)
        });
        let truths: Vec<Truth> = granting
            .filter_map(|row| {
                let (_, blocks) = self.roles.iter().find(|(id, _)| *id == row.role)?;
                Some(covered(blocks, asked)?.min(holds(row.conditioned, asked.sender)))
            })
            .collect();
        let denied = self.denies.iter().map(|deny| self.denies(deny, &who, asked)).max().unwrap_or(NO);
        match (truths.into_iter().max(), denied) {
            (None, _) => Answer::NotGranted,
            (Some(NO), _) => Answer::Condition,
            (_, YES) => Answer::Denied,
            (Some(YES), NO) => Answer::Allowed,
            _ => Answer::Possible,
        }
    }

    fn denies(&self, deny: &Deny, who: &BTreeSet<u128>, asked: &Asked) -> Truth {
        let any = |list: &[u128]| list.iter().any(|id| who.contains(id));
        let meant = deny.principals.is_empty() || any(&deny.principals);
        let here = match deny.not_for_children {
            true => segments(&deny.scope) == segments(&asked.scope),
            false => self.reaches(&deny.scope, &asked.scope),
        };
        if !deny.enforced || !meant || any(&deny.excluded) || !here {
            return NO;
        }
        covered(&deny.blocks, asked).unwrap_or(NO).min(holds(deny.conditioned, asked.sender))
    }

    /// A principal and all groups that it is in.
    pub(crate) fn with_groups(&self, principal: u128) -> BTreeSet<u128> {
        let mut all = BTreeSet::from([principal]);
        loop {
            let more = self.members.iter().filter(|(_, member)| all.contains(member));
            let more: Vec<u128> = more.map(|(group, _)| *group).collect();
            let before = all.len();
            all.extend(more);
            if all.len() == before {
                return all;
            }
        }
    }

    /// Whether what is at `above` applies at `below`.
    fn reaches(&self, above: &str, below: &str) -> bool {
        let places = self.places(&segments(below));
        places.iter().any(|place| place.starts_with(&segments(above)))
    }

    /// A scope and the management groups above it.
    fn places(&self, below: &[String]) -> Vec<Vec<String>> {
        let mut places = vec![below.to_vec()];
        let placed =
            self.placements.iter().find(|(sub, _)| below.starts_with(&segments(SUBSCRIPTIONS[*sub])));
        let own = below.strip_prefix(&segments(GROUPS)[..]).and_then(|rest| rest.first());
        let mut next = match own {
            Some(name) => self.parent_of(name),
            None => placed.map(|(_, group)| group.clone()),
        };
        while let Some(group) = next {
            places.push(segments(&format!("{GROUPS}/{group}")));
            next = self.parent_of(&group);
        }
        places
    }

    fn parent_of(&self, group: &str) -> Option<String> {
        let found = self.management.iter().find(|(name, _)| name.eq_ignore_ascii_case(group));
        found.and_then(|(_, parent)| parent.clone())
    }

    /// Whether a management group of this name and parent would lie below itself.
    pub(crate) fn is_below(&self, name: &str, parent: &str) -> bool {
        let mut next = Some(parent.to_owned());
        while let Some(group) = next {
            if group.eq_ignore_ascii_case(name) {
                return true;
            }
            next = self.parent_of(&group);
        }
        false
    }

    pub(crate) fn locked(&self, scope: &str, operation: LockedOperation) -> BTreeSet<String> {
        let locks = self.locks.iter().filter(|(at, _, read_only)| {
            let stops = *read_only || operation == LockedOperation::Delete;
            let below = operation == LockedOperation::Delete && segments(at).starts_with(&segments(scope));
            stops && (below || self.reaches(at, scope))
        });
        locks.map(|(at, name, _)| format!("{at} {name}").to_lowercase()).collect()
    }
}

const GROUPS: &str = "/providers/Microsoft.Management/managementGroups";

/// What the blocks that cover the action come to; nothing if none does.
fn covered(blocks: &[PermissionBlock], asked: &Asked) -> Option<Truth> {
    let matching = blocks.iter().filter(|block| {
        let (granted, excluded) = block.on(asked.plane);
        granted.iter().any(|pattern| matches(pattern, &asked.action))
            && !excluded.iter().any(|pattern| matches(pattern, &asked.action))
    });
    matching.map(|block| holds(block.condition.is_some(), asked.sender)).max()
}

fn holds(conditioned: bool, sender: Sender) -> Truth {
    match sender {
        _ if !conditioned => YES,
        Sender::A => YES,
        Sender::Unknown => PERHAPS,
        Sender::B | Sender::Absent => NO,
    }
}

fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    match pattern.split_once('*') {
        None => pattern == action,
        Some((head, tail)) => {
            action.len() >= head.len() + tail.len() && action.starts_with(head) && action.ends_with(tail)
        }
    }
}

fn segments(scope: &str) -> Vec<String> {
    scope.to_lowercase().split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

// From here on: the same world as a snapshot.

pub(crate) fn id(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn subscription(number: usize) -> SubscriptionId {
    scope(SUBSCRIPTIONS[number]).subscription_id().unwrap()
}

fn from_a(conditioned: bool) -> Option<Arc<Condition>> {
    conditioned.then(|| Arc::new(Condition::parse(FROM_A).unwrap()))
}

pub(crate) fn role(id: u128, permissions: &[PermissionBlock]) -> RoleDefinition {
    RoleDefinition {
        id: RoleDefinitionId(Uuid::from_u128(id)),
        name: format!("role {id}"),
        description: String::new(),
        built_in: false,
        permissions: permissions.to_vec(),
        assignable_scopes: vec![Scope::root()],
    }
}

impl Row {
    pub(crate) fn assignment(&self) -> Assignment {
        Assignment {
            name: RoleAssignmentName(Uuid::from_u128(self.name)),
            principal: id(self.principal),
            role: RoleDefinitionId(Uuid::from_u128(self.role)),
            scope: Arc::new(scope(&self.scope)),
            condition: from_a(self.conditioned),
            starts: self.starts,
            ends: self.ends,
        }
    }
}

impl Deny {
    pub(crate) fn assignment(&self) -> DenyAssignment {
        let ids = |list: &[u128]| list.iter().copied().map(id).collect::<Vec<_>>();
        let everyone = self.principals.is_empty();
        let these = DeniedPrincipals::These(ids(&self.principals));
        DenyAssignment {
            id: Uuid::from_u128(self.id),
            name: format!("deny {}", self.id),
            scope: Arc::new(scope(&self.scope)),
            permissions: self.blocks.clone(),
            principals: if everyone { DeniedPrincipals::Everyone } else { these },
            excluded: ids(&self.excluded),
            not_for_children: self.not_for_children,
            effect: if self.enforced { DenyEffect::Enforced } else { DenyEffect::Audit },
            condition: from_a(self.conditioned),
        }
    }
}

pub(crate) fn lock((at, name, read_only): &(String, String, bool)) -> Lock {
    let level = if *read_only { LockLevel::ReadOnly } else { LockLevel::CanNotDelete };
    Lock { scope: Arc::new(scope(at)), name: name.clone(), level }
}

impl World {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(42);
        for (id, permissions) in &self.roles {
            snapshot.put_role(&role(*id, permissions));
        }
        snapshot.put_all(self.rows.iter().map(Row::assignment));
        for (group, member) in &self.members {
            snapshot.put_member(id(*group), id(*member)).unwrap();
        }
        for (name, parent) in &self.management {
            snapshot.put_management_group(name, parent.as_deref()).unwrap();
        }
        for (sub, group) in &self.placements {
            snapshot.place_subscription(subscription(*sub), Some(group));
        }
        for deny in &self.denies {
            snapshot.put_deny(&deny.assignment());
        }
        for each in &self.locks {
            snapshot.put_lock(&lock(each));
        }
        snapshot
    }
}

pub(crate) fn decide(snapshot: &Snapshot, asked: &Asked) -> Answer {
    let scope = scope(&asked.scope);
    let question = Question {
        principal: id(asked.principal),
        action: &asked.action,
        plane: asked.plane,
        scope: &scope,
        now: asked.now,
        attributes: &asked.sender,
    };
    match snapshot.decide(&question) {
        Decision::Allowed(grant) => {
            let reaches = snapshot.ancestors_of(&scope).contains(grant.scope);
            assert!(reaches, "{} does not reach {scope}", grant.scope);
            Answer::Allowed
        }
        Decision::Possible(_) => Answer::Possible,
        Decision::Denied(Denial::NotGranted) => Answer::NotGranted,
        Decision::Denied(Denial::Condition) => Answer::Condition,
        Decision::Denied(Denial::Deny { .. }) => Answer::Denied,
        Decision::Denied(Denial::Undecided) => panic!("undecided: {asked:?}"),
    }
}

pub(crate) fn locked(snapshot: &Snapshot, at: &str, operation: LockedOperation) -> BTreeSet<String> {
    let found = snapshot.locks_against(&scope(at), operation);
    found.iter().map(|lock| format!("{} {}", lock.scope, lock.name).to_lowercase()).collect()
}
