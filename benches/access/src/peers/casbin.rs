//! Casbin: a policy for each assignment; groups, scopes and the actions of a role are three role graphs.

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use futures_executor::block_on;

use super::{Engine, action, principal, role, scope};
use crate::model::{Question, World};

const MODEL: &str = "
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
g2 = _, _
g3 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && g2(r.obj, p.obj) && g3(r.act, p.act)
";

pub struct Casbin(Enforcer);

impl Engine for Casbin {
    const NAME: &'static str = "casbin";
    const MOST: usize = 10_000;
    type Asked = (String, String, String);

    fn build(world: &World) -> Casbin {
        let model = block_on(DefaultModel::from_str(MODEL)).expect("a model");
        let mut enforcer = block_on(Enforcer::new(model, MemoryAdapter::default())).expect("an enforcer");
        enforcer.enable_auto_save(false);
        let members = world.groups_of.iter().enumerate();
        let members = members.flat_map(|(member, groups)| {
            groups.iter().map(move |group| vec![principal(member), principal(*group)])
        });
        let scopes = world.scopes.iter().enumerate();
        let scopes = scopes.filter_map(|(number, place)| Some(vec![scope(number), scope(place.parent?)]));
        let actions = (0..world.roles.len()).flat_map(|number| {
            let granted = (0..world.actions.len()).filter(move |action| world.grants(number, *action));
            granted.map(move |granted| vec![action(granted), role(number)])
        });
        let policies = world.assignments.iter().map(|assignment| {
            vec![principal(assignment.principal), scope(assignment.scope), role(assignment.role)]
        });
        block_on(enforcer.add_named_grouping_policies("g", members.collect())).expect("groups");
        block_on(enforcer.add_named_grouping_policies("g2", scopes.collect())).expect("scopes");
        block_on(enforcer.add_named_grouping_policies("g3", actions.collect())).expect("actions");
        block_on(enforcer.add_policies(policies.collect())).expect("policies");
        Casbin(enforcer)
    }

    fn asked(&self, _: &World, question: &Question) -> (String, String, String) {
        (principal(question.principal), scope(question.scope), action(question.action))
    }

    fn allows(&mut self, (who, place, what): &(String, String, String)) -> bool {
        self.0.enforce((who, place, what)).expect("an answer")
    }
}
