//! Management groups on the wire: what a body asks for, what a reader sees.

use gatepost_access::ManagementGroup;
use gatepost_clock::arm_format;
use serde_json::{Value, json};

use super::forest::{Forest, Inside, scope};
use super::{GroupExpand, refused};
use crate::ResourceError;
use crate::tags::{malformed, must_be_object};

/// The type of groups, as Azure writes it.
pub(super) const GROUP_TYPE: &str = "Microsoft.Management/managementGroups";
/// The type of subscriptions among the children of a group.
pub(super) const SUBSCRIPTION_TYPE: &str = "/subscriptions";

/// Most characters of a name, and of a display name.
const LONGEST: usize = 90;

/// The rule on names: 1 to 90 letters, digits, `-`, `_`, `.`, `(`, `)`, no period at the end.
pub(super) fn check_name(name: &str) -> Result<(), ResourceError> {
    let right = !name.is_empty()
        && name.len() <= LONGEST
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.()".contains(c))
        && !name.ends_with('.');
    if right {
        return Ok(());
    }
    let shown: String = name.chars().take(LONGEST).collect();
    Err(refused(format!(
        "The name '{shown}' of a management group is not valid: it has 1 to {LONGEST} of the letters a to z, digits, \
         '-', '_', '.', '(' and ')', and no period at its end."
    )))
}

/// What a PUT or PATCH asks for; what is absent stays.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) display_name: Option<String>,
    /// The parent's name.
    pub(super) parent: Option<String>,
}

impl Wanted {
    /// Reads the body of a PUT of the group `name`.
    pub(super) fn of_put(name: &str, body: &Value) -> Result<Wanted, ResourceError> {
        must_be_object(body)?;
        if let Some(other) = text(body, "name")?.filter(|other| !other.eq_ignore_ascii_case(name)) {
            return Err(refused(format!(
                "The name '{other}' in the body is not the name '{name}' in the path."
            )));
        }
        let properties = object(body, "properties")?;
        let details = object(properties, "details")?;
        let parent = text(object(details, "parent")?, "id")?;
        Wanted::read(text(properties, "displayName")?, parent)
    }

    /// Reads the body of a PATCH.
    pub(super) fn of_patch(body: &Value) -> Result<Wanted, ResourceError> {
        must_be_object(body)?;
        let parent =
            text(body, "parentGroupId")?.map_or_else(|| text(body, "parentId"), |id| Ok(Some(id)))?;
        Wanted::read(text(body, "displayName")?, parent)
    }

    fn read(display_name: Option<&str>, parent: Option<&str>) -> Result<Wanted, ResourceError> {
        let display_name = display_name.map(str::trim).filter(|name| !name.is_empty());
        if display_name.is_some_and(|name| name.chars().count() > LONGEST) {
            return Err(refused(format!("A display name has at most {LONGEST} characters.")));
        }
        let parent = parent.map(str::trim).filter(|id| !id.is_empty()).map(parent_name).transpose()?;
        Ok(Wanted { display_name: display_name.map(str::to_owned), parent })
    }
}

/// The name in the id of a parent; the name alone is taken too.
fn parent_name(id: &str) -> Result<String, ResourceError> {
    let name = match id.trim_end_matches('/').rsplit_once('/') {
        None => id,
        Some((before, name))
            if before.eq_ignore_ascii_case("/providers/Microsoft.Management/managementGroups") =>
        {
            name
        }
        Some(_) => return Err(refused(format!("The parent '{id}' is not the id of a management group."))),
    };
    check_name(name)?;
    Ok(name.to_owned())
}

fn text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, ResourceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(&format!("'{name}' must be a string."))),
    }
}

/// The object of a name; an empty one where there is none.
fn object<'a>(body: &'a Value, name: &str) -> Result<&'a Value, ResourceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(&Value::Null),
        Some(object) if object.is_object() => Ok(object),
        Some(_) => Err(malformed(&format!("'{name}' must be an object."))),
    }
}

/// The id of a group.
pub(super) fn id(group: &ManagementGroup) -> String {
    scope(&group.name).to_string()
}

/// A group as it is listed.
pub(super) fn outline(group: &ManagementGroup) -> Value {
    json!({
        "id": id(group),
        "type": GROUP_TYPE,
        "name": group.name,
        "properties": {
            "tenantId": group.tenant.to_string(),
            "displayName": group.display_name,
        },
    })
}

/// A group as one that is asked for it.
pub(super) fn shown(forest: &Forest, group: &ManagementGroup, expand: GroupExpand) -> Value {
    let mut details = json!({
        "version": 1,
        "updatedTime": arm_format(group.updated_on),
        "updatedBy": group.updated_by.or(group.created_by).map(|id| id.to_string()),
        "parent": forest.parent_of(group).map(|parent| json!({
            "id": id(parent),
            "name": parent.name,
            "displayName": parent.display_name,
        })),
    });
    let mut add = |name: &str, value: Value| {
        if let Some(members) = details.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    let element = |group: &ManagementGroup| json!({"name": group.name, "displayName": group.display_name});
    if expand.path {
        let mut path: Vec<Value> = std::iter::once(group).chain(forest.above(group)).map(element).collect();
        path.reverse();
        add("path", path.into());
    }
    if expand.ancestors {
        let names: Vec<Value> = forest.above(group).map(|group| group.name.as_str().into()).collect();
        add("managementGroupAncestors", names.into());
        add("managementGroupAncestorsChain", forest.above(group).map(element).collect());
    }
    let mut body = outline(group);
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("details".to_owned(), details);
        if expand.children {
            properties.insert("children".to_owned(), children(forest, group, expand, 0));
        }
    }
    body
}

fn children(forest: &Forest, group: &ManagementGroup, expand: GroupExpand, level: usize) -> Value {
    let groups = forest.child_groups(group).map(|child| {
        let mut body = json!({
            "id": id(child),
            "type": GROUP_TYPE,
            "name": child.name,
            "displayName": child.display_name,
        });
        if let (true, Some(members)) = (expand.recurse && level < super::DEEPEST, body.as_object_mut()) {
            members.insert("children".to_owned(), children(forest, child, expand, level + 1));
        }
        body
    });
    let subscriptions = forest.subscriptions_in(group).iter().filter(|_| !expand.groups_only).map(|child| {
        json!({
            "id": format!("/subscriptions/{}", child.id),
            "type": SUBSCRIPTION_TYPE,
            "name": child.id.to_string(),
            "displayName": child.display_name,
        })
    });
    let all: Vec<Value> = groups.chain(subscriptions).collect();
    if all.is_empty() { Value::Null } else { all.into() }
}

/// All that is below a group.
pub(super) fn descendants(forest: &Forest, group: &ManagementGroup) -> Vec<Value> {
    let mut found = Vec::new();
    forest.walk(group, &mut |parent, inside| {
        let (id, kind, name, display_name) = match inside {
            Inside::Group(group) => (id(group), GROUP_TYPE, group.name.clone(), &group.display_name),
            Inside::Subscription(subscription) => (
                format!("/subscriptions/{}", subscription.id),
                SUBSCRIPTION_TYPE,
                subscription.id.to_string(),
                &subscription.display_name,
            ),
        };
        found.push(json!({
            "id": id,
            "type": kind,
            "name": name,
            "properties": {"displayName": display_name, "parent": {"id": self::id(parent)}},
        }));
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["a", "Corp-1_(x).y", &"x".repeat(90)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for wrong in ["", "a b", "a/b", "a.", "ä", "a*", &"x".repeat(91)] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bodies_of_the_clients_are_read() {
        let root = "/providers/Microsoft.Management/managementGroups/root";
        let wanted = Wanted::of_put(
            "corp",
            &json!({"name": "Corp", "properties": {"displayName": " Corp. ", "details": {"parent": {"id": root}}}}),
        );
        let expected = Wanted { display_name: Some("Corp.".into()), parent: Some("root".into()) };
        assert_eq!(wanted.unwrap(), expected);
        for empty in [
            json!({}),
            json!({"properties": null}),
            json!({"name": "corp", "properties": {"displayName": null, "details": {"parent": {"id": null}}}}),
        ] {
            assert_eq!(Wanted::of_put("corp", &empty).unwrap(), Wanted::default(), "{empty}");
        }
        let patch = Wanted::of_patch(&json!({"displayName": "x", "parentGroupId": "root"})).unwrap();
        assert_eq!(patch, Wanted { display_name: Some("x".into()), parent: Some("root".into()) });
    }

    #[test]
    fn other_bodies_are_refused() {
        for wrong in [
            json!("x"),
            json!({"name": "other"}),
            json!({"name": 1}),
            json!({"properties": []}),
            json!({"properties": {"displayName": "x".repeat(91)}}),
            json!({"properties": {"details": {"parent": "root"}}}),
            json!({"properties": {"details": {"parent": {"id": "/subscriptions/x"}}}}),
            json!({"properties": {"details": {"parent": {"id": "a b"}}}}),
        ] {
            assert!(Wanted::of_put("corp", &wrong).is_err(), "{wrong}");
        }
    }
}
