//! Cedar: a template for each role, a linked policy for each assignment; groups, scopes and the actions of a role
//! are entities with parents.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, SlotId, Template,
};

use super::{Engine, action, principal, role, scope};
use crate::model::{Question, World};

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

fn uid(kind: &str, id: String) -> EntityUid {
    let kind: EntityTypeName = kind.parse().expect("a type");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn entity(kind: &str, id: String, parents: impl Iterator<Item = String>) -> Entity {
    let parents: HashSet<EntityUid> = parents.map(|parent| uid(kind, parent)).collect();
    Entity::new_no_attrs(uid(kind, id), parents)
}

impl Engine for Cedar {
    const NAME: &'static str = "cedar";
    const MOST: usize = 100_000;
    type Asked = Request;

    fn build(world: &World) -> Cedar {
        let mut entities = Vec::new();
        for (number, groups) in world.groups_of.iter().enumerate() {
            entities.push(entity("P", principal(number), groups.iter().copied().map(principal)));
        }
        for (number, place) in world.scopes.iter().enumerate() {
            entities.push(entity("S", scope(number), place.parent.into_iter().map(scope)));
        }
        for number in 0..world.actions.len() {
            let roles = (0..world.roles.len()).filter(|role| world.grants(*role, number)).map(role);
            entities.push(entity("Action", action(number), roles));
        }
        for number in 0..world.roles.len() {
            entities.push(entity("Action", role(number), std::iter::empty()));
        }
        let mut policies = PolicySet::new();
        for number in 0..world.roles.len() {
            let text = format!(
                r#"permit(principal in ?principal, action in Action::"{}", resource in ?resource);"#,
                role(number)
            );
            let template = Template::parse(Some(PolicyId::new(role(number))), text).expect("a template");
            policies.add_template(template).expect("a new template");
        }
        for (number, assignment) in world.assignments.iter().enumerate() {
            let slots = HashMap::from([
                (SlotId::principal(), uid("P", principal(assignment.principal))),
                (SlotId::resource(), uid("S", scope(assignment.scope))),
            ]);
            let template = PolicyId::new(role(assignment.role));
            policies.link(template, PolicyId::new(format!("l{number}")), slots).expect("a link");
        }
        let entities = Entities::from_entities(entities, None).expect("no circles");
        Cedar { authorizer: Authorizer::new(), policies, entities }
    }

    fn asked(&self, _: &World, question: &Question) -> Request {
        Request::new(
            uid("P", principal(question.principal)),
            uid("Action", action(question.action)),
            uid("S", scope(question.scope)),
            Context::empty(),
            None,
        )
        .expect("a request")
    }

    fn allows(&mut self, asked: &Request) -> bool {
        self.authorizer.is_authorized(asked, &self.policies, &self.entities).decision() == Decision::Allow
    }
}
