//! Directory roles: `directoryRoles`, `directoryRoleTemplates`, `roleManagement/directory`.

use gatepost_directory::reference_id;
use gatepost_odata::{Budget, Filter};
use http::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::error::GraphError;
use crate::path::{Key, Segment};
use crate::request::{Request, Routed, members, object_id, shortened, split_key};

impl Request<'_> {
    pub(crate) fn directory_roles(&self, first: &Segment, rest: &[Segment]) -> Routed {
        let (key, rest) = split_key(first, rest)?;
        let Some(key) = key else {
            return match self.call.method {
                Method::GET => {
                    let roles = self.filtered(self.directory.directory_roles(self.caller)?)?;
                    Ok(self.page("directoryRoles", roles, None, None))
                }
                Method::POST => self.activate_role(),
                _ => Err(GraphError::method("GET, POST")),
            };
        };
        let template = template(&key)?;
        match rest {
            [] => {
                self.only(&Method::GET, "GET")?;
                let roles = self.directory.directory_roles(self.caller)?;
                self.small_page("directoryRoles", roles, Some(&template.to_string()))
            }
            [next, rest @ ..] if next.is("members") => self.role_members(template, rest),
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    /// Every role is active from the beginning.
    fn activate_role(&self) -> Routed {
        let body = self.body()?;
        let named = body.get("roleTemplateId").and_then(Value::as_str).unwrap_or_default();
        let roles = self.directory.directory_roles(self.caller)?;
        let known = roles.iter().any(|role| role.get("id").and_then(Value::as_str) == Some(named));
        Err(if known {
            GraphError::request_bad_request(
                "A conflicting object with one or more of the specified property values is present in the \
                 directory.",
            )
        } else {
            GraphError::not_found(&shortened(named))
        })
    }

    fn role_members(&self, template: Uuid, rest: &[Segment]) -> Routed {
        match rest {
            [] => {
                self.only(&Method::GET, "GET")?;
                let found = self.directory.directory_role_members(self.caller, template)?;
                let values = found.iter().map(|one| self.typed(one, None)).collect();
                Ok(self.page("directoryObjects", values, None, None))
            }
            [reference] if reference.is("$ref") => {
                self.only(&Method::POST, "POST")?;
                let body = self.body()?;
                let id = body.get("@odata.id").and_then(Value::as_str).and_then(reference_id);
                let id = id.ok_or_else(|| {
                    GraphError::request_bad_request("Invalid URL in the property '@odata.id'.")
                })?;
                self.directory.add_directory_role_member(self.caller, template, id)?;
                Ok(self.replies.no_content())
            }
            [id, reference] if reference.is("$ref") => {
                self.only(&Method::DELETE, "DELETE")?;
                self.directory.remove_directory_role_member(self.caller, template, object_id(&id.name)?)?;
                Ok(self.replies.no_content())
            }
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
        }
    }

    pub(crate) fn role_templates(&self, first: &Segment, rest: &[Segment]) -> Routed {
        self.only(&Method::GET, "GET")?;
        let (key, rest) = split_key(first, rest)?;
        if let Some(next) = rest.first() {
            return Err(GraphError::unknown_segment(&next.name));
        }
        let templates = self.directory.directory_roles(self.caller)?.into_iter().map(|mut role| {
            if let Some(role) = role.as_object_mut() {
                role.shift_remove("roleTemplateId");
            }
            role
        });
        let key = key.map(|key| key.value.to_lowercase());
        self.small_page("directoryRoleTemplates", templates.collect(), key.as_deref())
    }

    /// `roleManagement/directory/…`.
    pub(crate) fn role_management(&self, rest: &[Segment]) -> Routed {
        match rest {
            [directory, next, rest @ ..] if directory.is("directory") && next.is("roleDefinitions") => {
                self.role_definitions(next, rest)
            }
            [directory, next, rest @ ..] if directory.is("directory") && next.is("roleAssignments") => {
                self.role_assignments(next, rest)
            }
            [directory, next, ..] if directory.is("directory") => {
                Err(GraphError::unknown_segment(&next.name))
            }
            [next, ..] => Err(GraphError::unknown_segment(&next.name)),
            [] => Err(GraphError::unknown_segment("roleManagement")),
        }
    }

    fn role_definitions(&self, first: &Segment, rest: &[Segment]) -> Routed {
        self.only(&Method::GET, "GET")?;
        let (key, rest) = split_key(first, rest)?;
        if let Some(next) = rest.first() {
            return Err(GraphError::unknown_segment(&next.name));
        }
        let definitions = self.directory.directory_role_definitions(self.caller)?;
        let key = key.map(|key| key.value.to_lowercase());
        let definitions = if key.is_none() { self.filtered(definitions)? } else { definitions };
        self.small_page("roleManagement/directory/roleDefinitions", definitions, key.as_deref())
    }

    fn role_assignments(&self, first: &Segment, rest: &[Segment]) -> Routed {
        let context = "roleManagement/directory/roleAssignments";
        let (key, rest) = split_key(first, rest)?;
        if let Some(next) = rest.first() {
            return Err(GraphError::unknown_segment(&next.name));
        }
        match (key, self.call.method.clone()) {
            (None, Method::GET) => {
                let assignments = self.filtered(self.directory.directory_role_assignments(self.caller)?)?;
                Ok(self.page(context, assignments, None, None))
            }
            (None, Method::POST) => {
                let made = self.directory.create_directory_role_assignment(self.caller, &self.body()?)?;
                Ok(self.single_with(StatusCode::CREATED, &format!("{context}/$entity"), members(made)))
            }
            (None, _) => Err(GraphError::method("GET, POST")),
            (Some(key), Method::GET) => {
                let found = self.directory.directory_role_assignment(self.caller, &key.value)?;
                Ok(self.single(&format!("{context}/$entity"), members(found)))
            }
            (Some(key), Method::DELETE) => {
                self.directory.delete_directory_role_assignment(self.caller, &key.value)?;
                Ok(self.replies.no_content())
            }
            (Some(_), _) => Err(GraphError::method("GET, DELETE")),
        }
    }

    /// Those of a small collection for which the query's filter holds.
    fn filtered(&self, values: Vec<Value>) -> Result<Vec<Value>, GraphError> {
        let mut filter = None;
        for (key, value) in self.call.query_pairs() {
            match key.trim_start_matches('$').to_ascii_lowercase().as_str() {
                "filter" => filter = Some(value),
                "select" | "top" | "count" | "format" => {}
                _ if key.starts_with('$') => {
                    let text = format!("The query option '{}' is not supported.", shortened(&key));
                    return Err(GraphError::unsupported_query(text));
                }
                _ => {}
            }
        }
        let Some(text) = filter else { return Ok(values) };
        let invalid = |error: &dyn std::fmt::Display| {
            GraphError::bad_request(format!("Invalid filter clause: {error}"))
        };
        let filter: Filter = gatepost_odata::parse(&text).map_err(|error| invalid(&error))?;
        let budget = Budget::per_request();
        let mut found = Vec::new();
        for value in values {
            if filter.matches(&value, &budget).map_err(|error| invalid(&error))? {
                found.push(value);
            }
        }
        Ok(found)
    }
}

/// The template of a role that a path names: by its id, or by `roleTemplateId='…'`, which are the same here.
fn template(key: &Key) -> Result<Uuid, GraphError> {
    match key.property.as_deref() {
        Some(property)
            if !["id", "roleTemplateId"].iter().any(|name| name.eq_ignore_ascii_case(property)) =>
        {
            Err(GraphError::bad_request(format!(
                "The key '{}' is not valid for the type 'microsoft.graph.directoryRole'.",
                shortened(property)
            )))
        }
        _ => Ok(object_id(&key.value)?.0),
    }
}
