//! Microsoft.Authorization at every scope.

use gatepost_resources::Intent;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::target::Target;

impl Arm {
    pub(crate) fn on_authorization(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match (&request.call.method, target) {
            (&Method::GET, Target::RoleDefinitions(scope)) => {
                let filter = request.filter();
                resources.role_definitions(caller, &scope, filter.as_deref()).map(list).map_err(refuse)
            }
            (&Method::GET, Target::RoleDefinition(scope, id)) => {
                resources.role_definition(caller, &scope, &id).map(Reply::ok).map_err(refuse)
            }
            // 201 also for a change: clients accept nothing else.
            (&Method::PUT, Target::RoleDefinition(scope, id)) => {
                let body = request.body_for(resources, Intent::WriteRoleDefinition(&scope))?;
                resources
                    .put_role_definition(caller, &scope, &id, &body)
                    .map(|body| Reply::with(StatusCode::CREATED, body))
                    .map_err(refuse)
            }
            (&Method::DELETE, Target::RoleDefinition(scope, id)) => {
                resources.delete_role_definition(caller, &scope, &id).map(deleted).map_err(refuse)
            }
            (&Method::GET, Target::RoleAssignments(scope)) => {
                let filter = request.filter();
                resources.role_assignments(caller, &scope, filter.as_deref()).map(list).map_err(refuse)
            }
            (&Method::GET, Target::RoleAssignment(scope, name)) => {
                resources.role_assignment(caller, &scope, &name).map(Reply::ok).map_err(refuse)
            }
            (&Method::PUT, Target::RoleAssignment(scope, name)) => {
                let body = request.body_for(resources, Intent::WriteRoleAssignment(&scope))?;
                let (body, created) =
                    resources.put_role_assignment(caller, &scope, &name, &body).map_err(refuse)?;
                Ok(Reply::with(if created { StatusCode::CREATED } else { StatusCode::OK }, body))
            }
            (&Method::DELETE, Target::RoleAssignment(scope, name)) => {
                resources.delete_role_assignment(caller, &scope, &name).map(deleted).map_err(refuse)
            }
            (&Method::GET, Target::Permissions(scope)) => {
                resources.permissions(caller, &scope).map(list).map_err(refuse)
            }
            (&Method::GET, Target::ClassicAdministrators(id)) => {
                resources.classic_administrators(caller, id).map(list).map_err(refuse)
            }
            (&Method::GET, Target::ProviderOperations) => Ok(Reply::list(resources.provider_operations())),
            (&Method::GET, Target::ProviderOperation(namespace)) => {
                resources.provider_operations_of(&namespace).map(Reply::ok).map_err(refuse)
            }
            _ => Err(request.wrong_method()),
        }
    }
}

fn list(value: Vec<Value>) -> Reply {
    Reply::ok(json!({"value": value, "nextLink": null}))
}

/// 200 with what was deleted; 204 if there was nothing.
fn deleted(body: Option<Value>) -> Reply {
    body.map_or_else(|| Reply::empty(StatusCode::NO_CONTENT), Reply::ok)
}
