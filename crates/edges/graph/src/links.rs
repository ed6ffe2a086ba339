//! App role assignments and delegated permission grants.

use gatepost_directory::{AppRoleSide, GrantsOf, ObjectKey, ObjectKind};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::error::GraphError;
use crate::path::Segment;
use crate::request::{Request, Routed, members, shortened, split_key};

/// Assignments and grants on a page if nothing is said, and at most.
const DEFAULT_TOP: usize = 100;
const MOST_TOP: usize = 999;

/// The options that these collections have.
struct LinkOptions {
    top: usize,
    after: Option<String>,
    filter: Option<gatepost_odata::Filter>,
    kept: Vec<(String, String)>,
}

/// The side of app role assignments that a segment names, where objects of the kind have it.
fn side(kind: ObjectKind, name: &str) -> Option<AppRoleSide> {
    if name.eq_ignore_ascii_case("appRoleAssignments") && kind != ObjectKind::Application {
        Some(AppRoleSide::Principal)
    } else if name.eq_ignore_ascii_case("appRoleAssignedTo") && kind == ObjectKind::ServicePrincipal {
        Some(AppRoleSide::Resource)
    } else {
        None
    }
}

impl Request<'_> {
    /// Answers what follows an object, if it is about app roles or grants.
    pub(crate) fn assignments(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        next: &Segment,
        rest: &[Segment],
    ) -> Option<Routed> {
        if let Some(side) = side(kind, &next.name) {
            return Some(self.app_roles(kind, key, side, next, rest));
        }
        if next.is("oauth2PermissionGrants") && rest.is_empty() && next.key.is_none() {
            let of = match kind {
                ObjectKind::ServicePrincipal => GrantsOf::Client(key.clone()),
                ObjectKind::User => GrantsOf::User(key.clone()),
                ObjectKind::Application | ObjectKind::Group => return None,
            };
            return Some(self.list_grants(&of));
        }
        None
    }

    fn app_roles(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AppRoleSide,
        next: &Segment,
        rest: &[Segment],
    ) -> Routed {
        let context = "appRoleAssignments";
        let (id, rest) = split_key(next, rest)?;
        if let Some(beyond) = rest.first() {
            return Err(GraphError::unknown_segment(&beyond.name));
        }
        let Some(id) = id else {
            return match self.call.method {
                Method::GET => {
                    let options = self.link_options(false)?;
                    let (after, top) = (options.after.as_deref(), options.top);
                    let links =
                        self.directory.app_role_assignments(self.caller, kind, key, side, after, top)?;
                    let next = links.next.map(|next| self.link(&options, &next));
                    Ok(self.page(context, links.values, None, next))
                }
                Method::POST => {
                    let made = self.directory.give_app_role(self.caller, kind, key, side, &self.body()?)?;
                    Ok(self.single_with(StatusCode::CREATED, &format!("{context}/$entity"), members(made)))
                }
                _ => Err(GraphError::method("GET, POST")),
            };
        };
        match self.call.method {
            Method::GET => {
                let found = self.directory.app_role_assignment(self.caller, kind, key, side, &id.value)?;
                Ok(self.single(&format!("{context}/$entity"), members(found)))
            }
            Method::DELETE => {
                self.directory.take_app_role(self.caller, kind, key, side, &id.value)?;
                Ok(self.replies.no_content())
            }
            _ => Err(GraphError::method("GET, DELETE")),
        }
    }

    /// The app role assignments that `$expand` shows.
    pub(crate) fn expanded_assignments(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        name: &str,
        top: usize,
    ) -> Result<Vec<Value>, GraphError> {
        let side = side(kind, name).ok_or_else(|| GraphError::unknown_segment(name))?;
        Ok(self.directory.app_role_assignments(self.caller, kind, key, side, None, top)?.values)
    }

    pub(crate) fn permission_grants(&self, first: &Segment, rest: &[Segment]) -> Routed {
        let context = "oauth2PermissionGrants/$entity";
        let (id, rest) = split_key(first, rest)?;
        if let Some(beyond) = rest.first() {
            return Err(GraphError::unknown_segment(&beyond.name));
        }
        let Some(id) = id else {
            return match self.call.method {
                Method::GET => self.list_grants(&GrantsOf::Tenant),
                Method::POST => {
                    let made = self.directory.create_grant(self.caller, &self.body()?)?;
                    Ok(self.single_with(StatusCode::CREATED, context, members(made)))
                }
                _ => Err(GraphError::method("GET, POST")),
            };
        };
        match self.call.method {
            Method::GET => Ok(self.single(context, members(self.directory.grant(self.caller, &id.value)?))),
            Method::PATCH => {
                self.directory.change_grant(self.caller, &id.value, &self.body()?)?;
                Ok(self.replies.no_content())
            }
            Method::DELETE => {
                self.directory.delete_grant(self.caller, &id.value)?;
                Ok(self.replies.no_content())
            }
            _ => Err(GraphError::method("GET, PATCH, DELETE")),
        }
    }

    fn list_grants(&self, of: &GrantsOf) -> Routed {
        self.only(&Method::GET, "GET")?;
        let options = self.link_options(true)?;
        let filter = options.filter.as_ref();
        let links = self.directory.grants(self.caller, of, filter, options.after.as_deref(), options.top)?;
        let next = links.next.map(|next| self.link(&options, &next));
        Ok(self.page("oauth2PermissionGrants", links.values, None, next))
    }

    fn link(&self, options: &LinkOptions, next: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&options.kept)
            .append_pair("$skiptoken", next)
            .finish();
        format!("{}?{query}", self.own_url())
    }

    fn link_options(&self, filters: bool) -> Result<LinkOptions, GraphError> {
        let mut options = LinkOptions { top: DEFAULT_TOP, after: None, filter: None, kept: Vec::new() };
        for (key, value) in self.call.query_pairs() {
            match key.trim_start_matches('$').to_ascii_lowercase().as_str() {
                "top" => {
                    let top = value.trim().parse().ok().filter(|top| (1..=MOST_TOP).contains(top));
                    options.top = top.ok_or_else(|| {
                        GraphError::unsupported_query(format!(
                            "Invalid page size specified: '{}'. Must be between 1 and {MOST_TOP} inclusive.",
                            shortened(&value)
                        ))
                    })?;
                }
                "skiptoken" => {
                    options.after = Some(value.into_owned());
                    continue;
                }
                "filter" if filters => {
                    let filter = gatepost_odata::parse(&value).map_err(|error| {
                        GraphError::bad_request(format!("Invalid filter clause: {error}"))
                    })?;
                    options.filter = Some(filter);
                }
                "format" | "select" | "count" => {}
                _ if key.starts_with('$') => {
                    let text = format!("The query option '{}' is not supported.", shortened(&key));
                    return Err(GraphError::unsupported_query(text));
                }
                _ => continue,
            }
            options.kept.push((key.into_owned(), value.into_owned()));
        }
        Ok(options)
    }
}
