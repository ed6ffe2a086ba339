//! The tenant itself: organization, domains, policies.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::error::GraphError;
use crate::path::Segment;
use crate::request::{Request, Routed, members, split_key};

impl Request<'_> {
    /// A collection that fits on one page, filtered here.
    pub(crate) fn small_page(&self, context: &str, values: Vec<Value>, key: Option<&str>) -> Routed {
        match key {
            None => Ok(self.page(context, values, None, None)),
            Some(id) => {
                let one =
                    values.into_iter().find(|value| value.get("id").and_then(Value::as_str) == Some(id));
                let one = one.ok_or_else(|| GraphError::not_found(id))?;
                Ok(self.single(&format!("{context}/$entity"), members(one)))
            }
        }
    }

    pub(crate) fn organization(&self, first: &Segment, rest: &[Segment]) -> Routed {
        self.only(&Method::GET, "GET")?;
        let organization = self.directory.organization(self.caller)?;
        let (key, rest) = split_key(first, rest)?;
        match (key, rest) {
            (None, _) => Ok(self.replies.json(
                StatusCode::OK,
                &json!({
                    "@odata.context": self.replies.context(self.version, "organization"),
                    "value": [organization],
                }),
            )),
            (Some(key), []) => {
                if key.value.parse().ok() != Some(self.caller.tenant) {
                    return Err(GraphError::not_found(&key.value));
                }
                Ok(self.single("organization/$entity", members(organization)))
            }
            (Some(_), [next, ..]) => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    pub(crate) fn domains(&self, first: &Segment, rest: &[Segment]) -> Routed {
        self.only(&Method::GET, "GET")?;
        let domains = self.directory.shown_domains(self.caller)?;
        let (key, rest) = split_key(first, rest)?;
        match rest {
            [] => self.small_page("domains", domains, key.map(|key| key.value.to_lowercase()).as_deref()),
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    pub(crate) fn policies(&self, rest: &[Segment]) -> Routed {
        match rest {
            [policy] if policy.is("authorizationPolicy") => match self.call.method {
                Method::GET => {
                    let policy = self.directory.authorization_policy(self.caller)?;
                    let context = "policies/authorizationPolicy/$entity";
                    Ok(self.single(context, members(policy)))
                }
                Method::PATCH => {
                    self.directory.change_authorization_policy(self.caller, &self.body()?)?;
                    Ok(self.replies.no_content())
                }
                _ => Err(GraphError::method("GET, PATCH")),
            },
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
            [] => Err(GraphError::unknown_segment("policies")),
        }
    }
}
