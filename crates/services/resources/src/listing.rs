//! Lists of resources of all types, and their filters.

use gatepost_access::Caller;
use gatepost_names::{Scope, ScopeKind};
use gatepost_odata::{Budget, Filter, Operand};
use gatepost_store::resources as rows;
use serde_json::Value;

use crate::rendering::Expand;
use crate::request::{Listing, Page};
use crate::service::must_exist;
use crate::{ResourceError, Resources, tree};

impl Resources {
    /// The tracked resources in a subscription or a resource group that the caller may read.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] if the caller may see nothing here.
    pub fn resources(
        &self,
        caller: &Caller,
        within: &Scope,
        filter: Option<&str>,
        expand: Expand,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        let filter = ResourceFilter::parse(filter)?;
        let (action, is_group) = match within.kind() {
            ScopeKind::ResourceGroup => {
                ("Microsoft.Resources/subscriptions/resourcegroups/resources/read", true)
            }
            _ => ("Microsoft.Resources/subscriptions/resources/read", false),
        };
        if is_group {
            self.authorize(caller, action, within)?;
        } else if let Some(subscription) = within.subscription_id() {
            self.sees(caller, action, subscription)?;
        }
        self.platform().store.read(|conn| {
            must_exist(conn, within)?;
            page.collect(
                |after, limit| rows::tracked_below(conn, within.key(), after, limit),
                |row| row.key.clone(),
                |row| {
                    let resource = tree::from_row(row)?;
                    let Some(kind) = self.registry().named(&resource.id.resource_type()) else {
                        return Ok(None);
                    };
                    let read = format!("{}/read", kind.info().action_stem);
                    if !self.may(caller, &read, resource.id.scope()) {
                        return Ok(None);
                    }
                    let body = self.summary(&resource, expand);
                    match body {
                        Some(body) if filter.matches(&body)? => Ok(Some(body)),
                        _ => Ok(None),
                    }
                },
            )
        })
    }
}

/// The members that a filter of resources may name.
const FILTERED: &[&str] = &[
    "resourceType",
    "resourceGroup",
    "name",
    "location",
    "tagName",
    "tagValue",
    "createdTime",
    "changedTime",
];

/// `$filter` of a list of resources or resource groups: `resourceType eq '..'`, `tagName eq '..' and tagValue
/// eq '..'`, `substringof('..', name)` and combinations. One belongs to one request.
#[derive(Debug)]
pub(crate) struct ResourceFilter {
    filter: Option<Filter>,
    /// Whether the answer depends on the tags.
    names_tags: bool,
    /// What all the resources of the request together may cost.
    budget: Budget,
}

impl ResourceFilter {
    /// Reads a filter; an empty one lets everything through.
    pub(crate) fn parse(text: Option<&str>) -> Result<ResourceFilter, ResourceError> {
        let mut read = ResourceFilter { filter: None, names_tags: false, budget: Budget::per_request() };
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(read) };
        let filter = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
        let mut known = true;
        filter.walk(&mut |part| {
            known &= is_known(part);
            read.names_tags |= names_tag(part);
        });
        read.filter = Some(filter);
        if known { Ok(read) } else { Err(invalid(text)) }
    }

    /// Whether a resource, as it is listed, passes.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] once the resources of the request have cost too many steps.
    pub(crate) fn matches(&self, body: &Value) -> Result<bool, ResourceError> {
        let Some(filter) = &self.filter else { return Ok(true) };
        let holds = |document: &Value| {
            filter
                .matches(document, &self.budget)
                .map_err(|error| invalid_because(&filter.to_string(), &error.to_string()))
        };
        let mut document = document(body);
        if holds(&document)? {
            return Ok(true);
        }
        if !self.names_tags {
            return Ok(false);
        }
        // The tags are tried one by one, so that name and value are those of one tag.
        for (name, value) in body.get("tags").and_then(Value::as_object).into_iter().flatten() {
            if let Some(members) = document.as_object_mut() {
                members.insert("tagName".to_owned(), Value::from(name.to_lowercase()));
                members.insert("tagValue".to_owned(), lowercased(value));
            }
            if holds(&document)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a filter looks at, still without a tag.
fn document(body: &Value) -> Value {
    let text = |name: &str| body.get(name).cloned().unwrap_or(Value::Null);
    let group = body.get("id").and_then(Value::as_str).and_then(|id| Scope::parse(id).ok());
    serde_json::json!({
        "resourceType": text("type"),
        "resourceGroup": group.as_ref().and_then(Scope::resource_group),
        "name": text("name"),
        "location": text("location"),
        "createdTime": text("createdTime"),
        "changedTime": text("changedTime"),
        "tagName": null,
        "tagValue": null,
    })
}

fn lowercased(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| Value::from(text.to_lowercase()))
}

/// Whether a part of a filter names a tag.
fn names_tag(part: &Filter) -> bool {
    let tag = |operand: &Operand| match operand {
        Operand::Path(path) => path.is(&["tagName"]) || path.is(&["tagValue"]),
        Operand::Literal(_) | Operand::Call(_) => false,
    };
    match part {
        Filter::Compare { left, right, .. } => tag(left) || tag(right),
        Filter::In { operand, .. } => tag(operand),
        Filter::Call(call) => call.arguments.iter().any(tag),
        _ => false,
    }
}

fn is_known(part: &Filter) -> bool {
    let path = |operand: &Operand| match operand {
        Operand::Path(path) => FILTERED.iter().any(|name| path.is(&[name])),
        Operand::Literal(_) => true,
        Operand::Call(_) => false,
    };
    match part {
        Filter::And(_) | Filter::Or(_) | Filter::Not(_) => true,
        Filter::Compare { left, right, .. } => path(left) && path(right),
        Filter::In { operand, .. } => path(operand),
        Filter::Call(call) => {
            (call.is("substringof") || call.is("startswith"))
                && call.is_standard()
                && call.arguments.iter().all(path)
        }
        Filter::Any { .. } | Filter::All { .. } | Filter::Flag(_) => false,
    }
}

/// The refusal of a filter that cannot be read or names what cannot be filtered by.
pub(crate) fn invalid(text: &str) -> ResourceError {
    ResourceError::BadRequest {
        code: "InvalidFilterInQueryString",
        message: format!("Invalid $filter '{text}' specified in the query string."),
    }
}

fn invalid_because(text: &str, why: &str) -> ResourceError {
    ResourceError::BadRequest {
        code: "InvalidFilterInQueryString",
        message: format!("Invalid $filter '{text}' specified in the query string. {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(filter: &str) -> bool {
        let body = json!({
            "id": "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11/resourceGroups/RG/providers/A.B/c/Mailer",
            "name": "Mailer", "type": "A.B/c", "location": "global", "tags": {"env": "test", "team": "mail"},
        });
        ResourceFilter::parse(Some(filter)).unwrap().matches(&body).unwrap()
    }

    #[test]
    fn filters_of_the_clients_work() {
        for yes in [
            "",
            "resourceType eq 'a.b/C'",
            "resourceGroup eq 'rg'",
            "name eq 'mailer' and location eq 'global'",
            "tagName eq 'env' and tagValue eq 'test'",
            "tagName eq 'team'",
            "substringof('ail', name)",
            "startswith(tagName, 'te')",
            "resourceType ne 'x/y'",
            "name eq 'x' or name eq 'mailer'",
        ] {
            assert!(passes(yes), "{yes}");
        }
        for no in
            ["resourceType eq 'x/y'", "tagName eq 'env' and tagValue eq 'mail'", "substringof('zz', name)"]
        {
            assert!(!passes(no), "{no}");
        }
    }

    #[test]
    fn filters_of_nothing_known_are_refused() {
        for wrong in ["x", "colour eq 'red'", "name eq", "f(name)", "tags/any(t:t eq 'a')"] {
            assert!(ResourceFilter::parse(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_and_a_value_are_those_of_one_tag() {
        assert!(passes("startswith(tagName, 'EN') and tagValue eq 'Test'"));
        assert!(!passes("startswith(tagName, 'en') and tagValue eq 'mail'"));
        assert!(!passes("startswith(tagName, 'x')"));
    }

    #[test]
    fn a_filter_of_tags_that_costs_too_many_steps_is_refused() {
        let tags: serde_json::Map<String, Value> =
            (0..50).map(|number| (format!("{number}{}", "n".repeat(500)), json!("v"))).collect();
        let body = json!({"id": "/", "name": "a", "type": "A.B/c", "tags": tags});
        let text = vec!["startswith(tagName,'x')"; 600].join(" or ");
        let filter = ResourceFilter::parse(Some(&text)).unwrap();
        // All resources of a request spend from one budget.
        let refused = (0..100).find_map(|_| filter.matches(&body).err());
        let Some(ResourceError::BadRequest { code, .. }) = refused else { panic!("not refused") };
        assert_eq!(code, "InvalidFilterInQueryString");
    }
}
