//! Gatepost's own engine.

use std::sync::Arc;

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};
use gatepost_rbac::condition::NoAttributes;
use gatepost_rbac::{Assignment, Decision, PermissionBlock, Plane, Question, RoleDefinition, Snapshot};

use crate::model::{self, World, guid};

pub fn principal(number: usize) -> ObjectId {
    ObjectId(guid(number as u64, 1))
}

pub fn role_id(number: usize) -> RoleDefinitionId {
    RoleDefinitionId(guid(number as u64, 2))
}

/// The rows as a store would give them.
pub struct Rows {
    pub roles: Vec<RoleDefinition>,
    pub assignments: Vec<Assignment>,
    pub members: Vec<(ObjectId, ObjectId)>,
}

impl Rows {
    pub fn of(world: &World) -> Rows {
        let roles = world.roles.iter().enumerate().map(|(number, role)| RoleDefinition {
            id: role_id(number),
            name: format!("role {number}"),
            description: String::new(),
            built_in: false,
            permissions: vec![PermissionBlock {
                actions: role.actions.clone(),
                not_actions: role.not_actions.clone(),
                ..PermissionBlock::default()
            }],
            assignable_scopes: vec![Scope::root()],
        });
        let assignments = world.assignments.iter().enumerate().map(|(number, assignment)| Assignment {
            name: RoleAssignmentName(guid(number as u64, 3)),
            principal: principal(assignment.principal),
            role: role_id(assignment.role),
            // As from a store: each row has a text of its own.
            scope: Arc::new(Scope::parse(&world.scopes[assignment.scope].text).unwrap()),
            condition: None,
            starts: None,
            ends: None,
        });
        let edges = world.groups_of.iter().enumerate();
        let members = edges.flat_map(|(member, groups)| {
            groups.iter().map(move |group| (principal(*group), principal(member)))
        });
        Rows { roles: roles.collect(), assignments: assignments.collect(), members: members.collect() }
    }

    pub fn build(&self, world: &World) -> Snapshot {
        let mut snapshot = Snapshot::new(0x5eed);
        for role in &self.roles {
            snapshot.put_role(role);
        }
        for (number, scope) in world.scopes.iter().enumerate().take(world.management) {
            let name = |number: usize| world.scopes[number].text.rsplit('/').next().unwrap();
            snapshot.put_management_group(name(number), scope.parent.map(name)).unwrap();
        }
        for sub in &world.subscriptions {
            let scope = Scope::parse(&world.scopes[*sub].text).unwrap();
            let group =
                world.scopes[*sub].parent.map(|group| world.scopes[group].text.rsplit('/').next().unwrap());
            snapshot.place_subscription(scope.subscription_id().unwrap(), group);
        }
        for (group, member) in &self.members {
            snapshot.put_member(*group, *member).unwrap();
        }
        snapshot.put_all(self.assignments.iter().cloned());
        snapshot
    }
}

/// A question as an edge has it: a scope that was just read from a request.
pub struct Asked {
    pub principal: ObjectId,
    pub action: String,
    pub scope: Scope,
}

impl Asked {
    pub fn of(world: &World, question: &model::Question) -> Asked {
        Asked {
            principal: principal(question.principal),
            action: world.actions[question.action].clone(),
            scope: Scope::parse(&world.scopes[question.scope].text).unwrap(),
        }
    }

    pub fn put_to(&self, snapshot: &Snapshot) -> bool {
        let question = Question {
            principal: self.principal,
            action: &self.action,
            plane: Plane::Control,
            scope: &self.scope,
            now: 1_700_000_000_000_000,
            attributes: &NoAttributes,
        };
        matches!(snapshot.decide(&question), Decision::Allowed(_))
    }
}
