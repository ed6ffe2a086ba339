//! Microsoft.Authorization at every scope.

use gatepost_resources::{ApiVersion, Intent, Listing, Page, Query, ResourceError};
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
            (_, Target::RoleDefinitions(_) | Target::RoleDefinition(..))
            | (_, Target::RoleAssignments(_) | Target::RoleAssignment(..))
            | (_, Target::DenyAssignments(_) | Target::DenyAssignment(..))
                if !request.names_own_tenant() =>
            {
                Err(Refusal::other_tenant())
            }
            (_, target @ (Target::RoleDefinitions(_) | Target::RoleDefinition(..))) => {
                self.on_role_definitions(request, target)
            }
            (_, target @ (Target::RoleAssignments(_) | Target::RoleAssignment(..))) => {
                self.on_role_assignments(request, target)
            }
            (_, target @ (Target::DenyAssignments(_) | Target::DenyAssignment(..))) => {
                self.on_deny_assignments(request, target)
            }
            (&Method::POST, Target::RoleAssignmentValidation(scope, name)) => {
                let body = request.body_for(resources, Intent::WriteRoleAssignment(&scope))?;
                let answer =
                    resources.validate_role_assignment(caller, &scope, &name, &body, request.api_version());
                answer.map(Reply::ok).map_err(refuse)
            }
            (&Method::POST, Target::ElevateAccess) => {
                resources.elevate_access(caller).map(|()| Reply::empty(StatusCode::OK)).map_err(refuse)
            }
            (&Method::GET, Target::Permissions(scope)) => {
                resources.permissions(caller, &scope, request.api_version()).map(list).map_err(refuse)
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

    fn on_role_definitions(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        let (resources, caller, version) = (&self.resources, request.caller, request.api_version());
        let refuse = |error| request.refuse(error);
        match (&request.call.method, target) {
            (&Method::GET, Target::RoleDefinitions(scope)) => {
                self.listed(request, |query| resources.role_definitions(caller, &scope, query))
            }
            (&Method::GET, Target::RoleDefinition(scope, id)) => {
                resources.role_definition(caller, &scope, &id, version).map(Reply::ok).map_err(refuse)
            }
            // 201 also for a change: clients accept nothing else.
            (&Method::PUT, Target::RoleDefinition(scope, id)) => {
                let body = request.body_for(resources, Intent::WriteRoleDefinition(&scope))?;
                resources
                    .put_role_definition(caller, &scope, &id, &body, version)
                    .map(|body| Reply::with(StatusCode::CREATED, body))
                    .map_err(refuse)
            }
            (&Method::DELETE, Target::RoleDefinition(scope, id)) => {
                resources.delete_role_definition(caller, &scope, &id, version).map(deleted).map_err(refuse)
            }
            _ => Err(request.wrong_method()),
        }
    }

    fn on_role_assignments(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        let (resources, caller, version) = (&self.resources, request.caller, request.api_version());
        let refuse = |error| request.refuse(error);
        match (&request.call.method, target) {
            (&Method::GET, Target::RoleAssignments(scope)) => {
                self.listed(request, |query| resources.role_assignments(caller, &scope, query))
            }
            (&Method::GET, Target::RoleAssignment(scope, name)) => {
                resources.role_assignment(caller, &scope, &name, version).map(Reply::ok).map_err(refuse)
            }
            (&Method::PUT, Target::RoleAssignment(scope, name)) => {
                let body = request.body_for(resources, Intent::WriteRoleAssignment(&scope))?;
                let made = resources.put_role_assignment(caller, &scope, &name, &body, version);
                made.map(put).map_err(refuse)
            }
            (&Method::DELETE, Target::RoleAssignment(scope, name)) => {
                resources.delete_role_assignment(caller, &scope, &name, version).map(deleted).map_err(refuse)
            }
            _ => Err(request.wrong_method()),
        }
    }

    fn on_deny_assignments(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        let (resources, caller, version) = (&self.resources, request.caller, request.api_version());
        let refuse = |error| request.refuse(error);
        match (&request.call.method, target) {
            (&Method::GET, Target::DenyAssignments(scope)) => {
                self.listed(request, |query| resources.deny_assignments(caller, &scope, query))
            }
            (&Method::GET, Target::DenyAssignment(scope, id)) => {
                resources.deny_assignment(caller, &scope, &id, version).map(Reply::ok).map_err(refuse)
            }
            (&Method::PUT, Target::DenyAssignment(scope, id)) => {
                let body = request.body_for(resources, Intent::WriteDenyAssignment(&scope))?;
                let made = resources.put_deny_assignment(caller, &scope, &id, &body, version);
                made.map(put).map_err(refuse)
            }
            // Without a body, unlike the others.
            (&Method::DELETE, Target::DenyAssignment(scope, id)) => {
                let gone = resources.delete_deny_assignment(caller, &scope, &id, version).map_err(refuse)?;
                Ok(Reply::empty(if gone.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT }))
            }
            _ => Err(request.wrong_method()),
        }
    }

    /// A page of a list that takes `$filter`.
    fn listed(
        &self,
        request: &Request<'_>,
        list: impl FnOnce(Query<'_>) -> Result<Listing, ResourceError>,
    ) -> Result<Reply, Refusal> {
        let (filter, page): (_, Page) = (request.filter(), request.page()?);
        let query = Query { version: request.api_version(), filter: filter.as_deref(), page: &page };
        let listing = list(query).map_err(|error| request.refuse(error))?;
        Ok(self.listing(request, listing))
    }
}

impl Request<'_> {
    fn api_version(&self) -> ApiVersion<'_> {
        ApiVersion::new(self.version)
    }

    /// `tenantId` is for callers from another tenant; whoever gives their own gives nothing new.
    fn names_own_tenant(&self) -> bool {
        let named = self.query("tenantId").filter(|text| !text.is_empty());
        named.is_none_or(|text| text.parse() == Ok(self.caller.tenant))
    }
}

fn list(value: Vec<Value>) -> Reply {
    Reply::ok(json!({"value": value, "nextLink": null}))
}

/// 201 with what was made, 200 with what was changed.
fn put((body, created): (Value, bool)) -> Reply {
    Reply::with(if created { StatusCode::CREATED } else { StatusCode::OK }, body)
}

/// 200 with what was deleted; 204 if there was nothing.
fn deleted(body: Option<Value>) -> Reply {
    body.map_or_else(|| Reply::empty(StatusCode::NO_CONTENT), Reply::ok)
}
