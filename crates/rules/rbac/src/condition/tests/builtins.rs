//! The conditions that the built-in roles carry.

use uuid::Uuid;

use super::Request;
use crate::builtin;
use crate::condition::{
    Attribute, Condition, NoAttributes, PRINCIPAL_TYPE, ROLE_DEFINITION_ID, Source, Truth, Value,
};

const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

fn conditions() -> Vec<(&'static str, Condition)> {
    let blocks =
        builtin::roles().iter().flat_map(|role| role.permissions.iter().map(move |b| (&role.name, b)));
    blocks
        .filter_map(|(name, block)| {
            Some((name.as_str(), Condition::parse_builtin(block.condition.as_deref()?)))
        })
        .collect()
}

/// A request to assign a role, or to delete such an assignment.
fn assignment(source: Source, role: Uuid) -> Request<'static> {
    Request(vec![
        (source, ROLE_DEFINITION_ID, Attribute::Known(Value::Guid(role))),
        (source, PRINCIPAL_TYPE, Attribute::Known(Value::Text("ServicePrincipal"))),
    ])
}

/// Every GUID in a text, in either form.
fn guids(text: &str) -> Vec<Uuid> {
    text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-')).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn all_can_be_read() {
    assert_eq!(conditions().len(), 32);
    for (role, condition) in conditions() {
        assert!(!condition.is_never_true(), "{role}: {:?}", Condition::parse(condition.text()));
    }
}

#[test]
fn each_allows_the_roles_that_it_lists_and_no_other() {
    let mut checked = 0;
    for (role, condition) in conditions() {
        let text = condition.text();
        if text.contains("HasObotoken") || !text.contains("RoleDefinitionId") {
            continue;
        }
        let listed = guids(text);
        assert!(!listed.is_empty(), "{role}");
        for (action, source) in [(WRITE, Source::Request), (DELETE, Source::Resource)] {
            if !text.contains(source.as_str()) {
                continue;
            }
            for id in &listed {
                assert_eq!(condition.evaluate(action, &assignment(source, *id)), Truth::True, "{role}: {id}");
            }
            let owner = assignment(source, builtin::OWNER.0);
            assert_eq!(condition.evaluate(action, &owner), Truth::False, "{role}");
            assert_eq!(condition.evaluate(action, &NoAttributes), Truth::False, "{role}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn attributes_that_are_not_supplied_are_never_there() {
    let mut checked = 0;
    for (role, condition) in conditions().iter().filter(|(_, c)| c.text().contains("HasObotoken")) {
        for id in guids(condition.text()).into_iter().chain([Uuid::nil()]) {
            assert_eq!(condition.evaluate(WRITE, &assignment(Source::Request, id)), Truth::False, "{role}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    let logs: Vec<_> =
        conditions().into_iter().filter(|(_, c)| c.text().contains("protectionLevel")).collect();
    assert_eq!(logs.len(), 1);
    let evaluate = |action: &str| logs[0].1.evaluate(action, &NoAttributes);
    assert_eq!(evaluate("Microsoft.Insights/logs/data/read"), Truth::False);
    assert_eq!(evaluate("Microsoft.OperationalInsights/workspaces/tables/data/read"), Truth::False);
    assert_eq!(evaluate("Microsoft.Insights/logs/read"), Truth::True);
}
