//! Lists of resources of all types, and their filters.

use gatepost_access::Caller;
use gatepost_names::{Scope, ScopeKind};
use gatepost_odata::{Call, Filter, Operand, Path};
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
/// eq '..'`, `substringof('..', name)` and combinations.
#[derive(Debug)]
pub(crate) struct ResourceFilter(Option<Filter>);

impl ResourceFilter {
    /// Reads a filter; an empty one lets everything through.
    pub(crate) fn parse(text: Option<&str>) -> Result<ResourceFilter, ResourceError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(ResourceFilter(None)) };
        let filter = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
        let mut known = true;
        filter.walk(&mut |part| known &= is_known(part));
        if known { Ok(ResourceFilter(Some(filter))) } else { Err(invalid(text)) }
    }

    /// Whether a resource, as it is listed, passes.
    pub(crate) fn matches(&self, body: &Value) -> Result<bool, ResourceError> {
        let Some(filter) = &self.0 else { return Ok(true) };
        let own = |call: &Call| Some(own_function(call, body));
        // The tags are tried one by one, so that name and value are those of one tag.
        let tags: Vec<(&str, &Value)> = body
            .get("tags")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.as_str(), v))
            .collect();
        let holds = |tag: Option<(&str, &Value)>| {
            filter
                .matches_with(&document(body, tag), &own)
                .map_err(|error| invalid_because(&filter.to_string(), &error.to_string()))
        };
        if holds(None)? {
            return Ok(true);
        }
        for tag in tags {
            if holds(Some(tag))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn document(body: &Value, tag: Option<(&str, &Value)>) -> Value {
    let text = |name: &str| body.get(name).cloned().unwrap_or(Value::Null);
    let group = body.get("id").and_then(Value::as_str).and_then(|id| Scope::parse(id).ok());
    serde_json::json!({
        "resourceType": text("type"),
        "resourceGroup": group.as_ref().and_then(Scope::resource_group),
        "name": text("name"),
        "location": text("location"),
        "createdTime": text("createdTime"),
        "changedTime": text("changedTime"),
        "tagName": tag.map(|(name, _)| name),
        "tagValue": tag.map(|(_, value)| value.clone()),
    })
}

/// `substringof('part', member)` and `startswith(tagName, 'part')`.
fn own_function(call: &Call, body: &Value) -> bool {
    let member = |path: &Path| {
        let name = path.0.first().map_or("", String::as_str);
        let from = if name.eq_ignore_ascii_case("resourceType") { "type" } else { name };
        body.get(from.to_ascii_lowercase()).or_else(|| body.get(from)).and_then(Value::as_str).unwrap_or("")
    };
    match call.arguments.as_slice() {
        [Operand::Literal(gatepost_odata::Literal::Text(part)), Operand::Path(path)]
            if call.is("substringof") =>
        {
            member(path).to_lowercase().contains(&part.to_lowercase())
        }
        [Operand::Path(path), Operand::Literal(gatepost_odata::Literal::Text(part))]
            if call.is("startswith") =>
        {
            if path.is(&["tagName"]) {
                let tags = body.get("tags").and_then(Value::as_object);
                tags.is_some_and(|tags| {
                    tags.keys().any(|name| name.to_lowercase().starts_with(&part.to_lowercase()))
                })
            } else {
                member(path).to_lowercase().starts_with(&part.to_lowercase())
            }
        }
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
            (call.is("substringof") || call.is("startswith")) && call.arguments.iter().all(path)
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
}
