//! `getEntities`: the management groups and subscriptions that the caller sees, in one list, for pickers.

use gatepost_access::{Caller, ManagementGroup};
use gatepost_names::Scope;
use gatepost_odata::{Filter, Literal, Operand, Path};
use serde_json::{Value, json};

use super::bodies::{self, GROUP_TYPE, SUBSCRIPTION_TYPE};
use super::forest::{self, Forest, Inside};
use super::{DELETE, READ, WRITE, refused};
use crate::listing::invalid;
use crate::request::{Listing, Page};
use crate::{ResourceError, Resources};

/// Which of them are wanted: `$view`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Both kinds.
    #[default]
    FullHierarchy,
    /// Management groups.
    GroupsOnly,
    /// Subscriptions.
    SubscriptionsOnly,
    /// Those that the caller has rights at by itself, without the groups on the way to them.
    Audit,
}

/// What a request for entities asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityQuery {
    /// `$view`.
    pub view: View,
    /// The exact name, in lower case.
    name: Option<String>,
    /// A part of the name, and one of the display name, in lower case.
    name_part: Option<String>,
    display_part: Option<String>,
}

impl EntityQuery {
    /// Reads `$view`, `$filter`, `$search` and `groupName`.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for what this server does not answer.
    pub fn parse(
        view: Option<&str>,
        filter: Option<&str>,
        search: Option<&str>,
        group: Option<&str>,
    ) -> Result<EntityQuery, ResourceError> {
        let mut read = EntityQuery { name: group.map(str::to_lowercase), ..EntityQuery::default() };
        read.view = match view.map(str::trim).unwrap_or("").to_ascii_lowercase().as_str() {
            "" | "fullhierarchy" => View::FullHierarchy,
            "groupsonly" => View::GroupsOnly,
            "subscriptionsonly" => View::SubscriptionsOnly,
            "audit" => View::Audit,
            other => return Err(refused(format!("The $view value '{other}' is not supported."))),
        };
        if let Some(search) = search.map(str::trim).filter(|search| !search.is_empty()) {
            return Err(refused(format!("The $search value '{search}' is not supported.")));
        }
        let Some(text) = filter.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(read) };
        let parsed = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
        for part in parsed.conjuncts() {
            read.read(part).ok_or_else(|| invalid(text))?;
        }
        Ok(read)
    }

    fn read(&mut self, part: &Filter) -> Option<()> {
        if let Some((path, name)) = part.text_equality() {
            self.name = Some(name.to_lowercase());
            return path.is(&["name"]).then_some(());
        }
        let Filter::Call(call) = part else { return None };
        let [Operand::Path(path), Operand::Literal(Literal::Text(text))] = call.arguments.as_slice() else {
            return None;
        };
        let place = self.place_of(path)?;
        *place = Some(text.to_lowercase());
        call.is("contains").then_some(())
    }

    fn place_of(&mut self, path: &Path) -> Option<&mut Option<String>> {
        if path.is(&["name"]) {
            Some(&mut self.name_part)
        } else if path.is(&["displayName"]) {
            Some(&mut self.display_part)
        } else {
            None
        }
    }

    fn wants(&self, name: &str, display_name: &str, is_group: bool) -> bool {
        let of_kind = match self.view {
            View::FullHierarchy | View::Audit => true,
            View::GroupsOnly => is_group,
            View::SubscriptionsOnly => !is_group,
        };
        let has = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(part))
        };
        of_kind
            && self.name.as_ref().is_none_or(|wanted| *wanted == name.to_lowercase())
            && has(name, &self.name_part)
            && has(display_name, &self.display_part)
    }
}

/// One that the caller may see.
struct Entity<'f> {
    inside: Inside<'f>,
    parent: Option<&'f ManagementGroup>,
    permissions: &'static str,
}

const NO_ACCESS: &str = "noaccess";

impl Resources {
    /// The management groups and subscriptions that the caller may read, with the groups above them, of which only
    /// the names are told (`permissions` is `noaccess`). Groups come before what is in them.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for a `$skiptoken` of another list.
    pub fn entities(
        &self,
        caller: &Caller,
        query: &EntityQuery,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        let forest = Forest::read(self, caller.tenant)?;
        let entities = self.entities_seen(caller, &forest, query.view);
        let mut listing = Listing::default();
        let (mut last, mut begun) = (String::new(), page.after.is_empty());
        for entity in &entities {
            let (id, name, display_name) = names_of(entity.inside);
            if !begun {
                begun = id == page.after;
                continue;
            }
            if !query.wants(&name, display_name, matches!(entity.inside, Inside::Group(_))) {
                continue;
            }
            if listing.value.len() >= page.size as usize {
                listing.next = Some(Listing::token(&last));
                break;
            }
            listing.value.push(self.entity_shown(caller, &forest, entity));
            last = id;
        }
        if !begun {
            return Err(ResourceError::no_such_token());
        }
        Ok(listing)
    }

    /// Those that the caller sees, parents first.
    fn entities_seen<'f>(&self, caller: &Caller, forest: &'f Forest, view: View) -> Vec<Entity<'f>> {
        let Some(root) = forest.group(&forest.tenant.to_string()) else { return Vec::new() };
        let mut all = vec![Entity { inside: Inside::Group(root), parent: None, permissions: NO_ACCESS }];
        forest.walk(root, &mut |parent, inside| {
            all.push(Entity { inside, parent: Some(parent), permissions: NO_ACCESS });
        });
        for entity in &mut all {
            entity.permissions = self.entity_permissions(caller, entity.inside);
        }
        // From the last to the first: what is in a group comes after it and decides whether its name is told.
        let mut needed: Vec<&str> = Vec::new();
        let mut kept: Vec<Entity<'f>> = Vec::new();
        for entity in all.into_iter().rev() {
            let named = match entity.inside {
                Inside::Group(group) => view != View::Audit && needed.contains(&group.name.as_str()),
                Inside::Subscription(_) => false,
            };
            if entity.permissions != NO_ACCESS || named {
                needed.extend(entity.parent.map(|parent| parent.name.as_str()));
                kept.push(entity);
            }
        }
        kept.reverse();
        kept
    }

    fn entity_permissions(&self, caller: &Caller, inside: Inside<'_>) -> &'static str {
        let may = |action: &str, scope: &Scope| self.may(caller, action, scope);
        match inside {
            Inside::Group(group) => {
                let scope = forest::scope(&group.name);
                if may(DELETE, &scope) {
                    "delete"
                } else if may(WRITE, &scope) {
                    "edit"
                } else if may(READ, &scope) {
                    "view"
                } else {
                    NO_ACCESS
                }
            }
            Inside::Subscription(subscription) => {
                let scope = Scope::subscription(subscription.id);
                if may("Microsoft.Resources/subscriptions/write", &scope) {
                    "edit"
                } else if self.platform().access.sees_subscription(caller, subscription.id) {
                    "view"
                } else {
                    NO_ACCESS
                }
            }
        }
    }

    fn entity_shown(&self, caller: &Caller, forest: &Forest, entity: &Entity<'_>) -> Value {
        let (id, name, display_name) = names_of(entity.inside);
        let mut above: Vec<&ManagementGroup> = entity
            .parent
            .into_iter()
            .flat_map(|parent| std::iter::once(parent).chain(forest.above(parent)))
            .collect();
        above.reverse();
        let inherited =
            entity.parent.map_or(NO_ACCESS, |parent| self.entity_permissions(caller, Inside::Group(parent)));
        let (kind, groups, subscriptions, below) = match entity.inside {
            Inside::Group(group) => {
                let mut below = 0_usize;
                forest.walk(group, &mut |_, _| below += 1);
                (GROUP_TYPE, forest.child_groups(group).count(), forest.subscriptions_in(group).len(), below)
            }
            Inside::Subscription(_) => (SUBSCRIPTION_TYPE, 0, 0, 0),
        };
        json!({
            "id": id,
            "type": kind,
            "name": name,
            "properties": {
                "tenantId": forest.tenant.to_string(),
                "displayName": display_name,
                "parent": entity.parent.map(|parent| json!({"id": bodies::id(parent)})),
                "permissions": entity.permissions,
                "inheritedPermissions": inherited,
                "numberOfDescendants": below,
                "numberOfChildren": groups + subscriptions,
                "numberOfChildGroups": groups,
                "parentDisplayNameChain":
                    above.iter().map(|group| group.display_name.as_str()).collect::<Vec<_>>(),
                "parentNameChain": above.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
            },
        })
    }
}

/// Id, name and display name.
fn names_of(inside: Inside<'_>) -> (String, String, &str) {
    match inside {
        Inside::Group(group) => (bodies::id(group), group.name.clone(), &group.display_name),
        Inside::Subscription(subscription) => (
            format!("/subscriptions/{}", subscription.id),
            subscription.id.to_string(),
            &subscription.display_name,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_the_clients_are_read() {
        let filter = |text| EntityQuery::parse(None, Some(text), None, None);
        assert!(filter("name eq 'Corp'").unwrap().wants("corp", "x", true));
        assert!(!filter("name eq 'Corp'").unwrap().wants("corp2", "x", true));
        assert!(filter("contains(displayName, 'OR')").unwrap().wants("x", "Corp", false));
        assert!(!filter("contains(name, 'or')").unwrap().wants("x", "Corp", false));
        let groups = EntityQuery::parse(Some("GroupsOnly"), None, None, None).unwrap();
        assert!(groups.wants("a", "a", true) && !groups.wants("a", "a", false));
        for wrong in ["x eq 'y'", "startswith(name, 'a')", "name", "contains(name)"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
        assert!(EntityQuery::parse(Some("x"), None, None, None).is_err());
        assert!(EntityQuery::parse(None, None, Some("ParentOnly"), None).is_err());
    }
}
