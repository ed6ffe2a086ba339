//! Regorus, an interpreter of Rego: the world as data that is indexed as a decision wants it, with the groups of
//! each principal and the scopes above each scope worked out beforehand.

use regorus::{Engine as Interpreter, Value};
use serde_json::{Map, json};

use super::{Engine, action, principal, role, scope};
use crate::model::{Question, World};

const POLICY: &str = "
package access
import rego.v1
default allow := false
allow if {
    some who in data.groups[input.principal]
    some place in data.above[input.scope]
    some role in data.held[who][place]
    data.roles[role][input.action]
}
";

pub struct Rego(Interpreter);

impl Engine for Rego {
    const NAME: &'static str = "regorus";
    const MOST: usize = 100_000;
    type Asked = Value;

    fn build(world: &World) -> Rego {
        let list = |numbers: Vec<usize>, name: fn(usize) -> String| -> Vec<String> {
            numbers.into_iter().map(name).collect()
        };
        let groups: Map<_, _> = (0..world.groups_of.len())
            .map(|number| (principal(number), json!(list(world.with_groups(number), principal))))
            .collect();
        let above: Map<_, _> = (0..world.scopes.len())
            .map(|number| (scope(number), json!(list(world.at_and_above(number), scope))))
            .collect();
        let roles: Map<_, _> = (0..world.roles.len())
            .map(|number| {
                let granted = (0..world.actions.len()).filter(|action| world.grants(number, *action));
                let granted: Map<_, _> = granted.map(|granted| (action(granted), json!(true))).collect();
                (role(number), json!(granted))
            })
            .collect();
        let mut held = Map::new();
        for assignment in &world.assignments {
            let own = held.entry(principal(assignment.principal)).or_insert_with(|| json!({}));
            let own = own.as_object_mut().expect("an object");
            let there = own.entry(scope(assignment.scope)).or_insert_with(|| json!([]));
            there.as_array_mut().expect("an array").push(json!(role(assignment.role)));
        }
        let data = json!({ "groups": groups, "above": above, "roles": roles, "held": held });
        let mut interpreter = Interpreter::new();
        interpreter.add_policy("access.rego".to_owned(), POLICY.to_owned()).expect("a policy");
        interpreter.add_data(Value::from_json_str(&data.to_string()).expect("data")).expect("data");
        Rego(interpreter)
    }

    fn asked(&self, _: &World, question: &Question) -> Value {
        let (who, place, what) =
            (principal(question.principal), scope(question.scope), action(question.action));
        let input = json!({ "principal": who, "scope": place, "action": what });
        Value::from_json_str(&input.to_string()).expect("an input")
    }

    fn allows(&mut self, asked: &Value) -> bool {
        self.0.set_input(asked.clone());
        self.0.eval_rule("data.access.allow".to_owned()).expect("an answer") == Value::Bool(true)
    }
}
