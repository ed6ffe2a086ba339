//! Resource groups, resources of every type, lists, actions and long-running operations.

use gatepost_names::{ResourceId, Scope, SubscriptionId};
use gatepost_resources::provider::ActionReply;
use gatepost_resources::{Acted, Collection, Deleted, Intent, Shown, Written};
use http::{HeaderName, Method, StatusCode, header};
use uuid::Uuid;

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::target::Target;

/// Seconds until a client looks again at an operation. Not 0, which clients take for "none given".
const RETRY_AFTER: &str = "1";

impl Arm {
    pub(crate) fn on_tree(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        match target {
            Target::ResourceGroups(id) => self.on_groups(request, id),
            Target::ResourceGroup(scope) => self.on_group(request, &scope),
            Target::Resources(scope) => self.on_resources(request, &scope),
            Target::Resource(id) => self.on_resource(request, &id),
            Target::Collection(list, last) if request.is(&Method::POST) => {
                self.on_action(request, &list, &last)
            }
            Target::Collection(list, _) => self.on_collection(request, &list),
            Target::OperationStatus(subscription, _, id) if request.is(&Method::GET) => {
                let status = self.resources.operation_status(request.caller, subscription, &id);
                status.map(Reply::ok).map_err(|error| request.refuse(error))
            }
            Target::OperationResult(subscription, _, id) if request.is(&Method::GET) => {
                let result = self.resources.operation_result(request.caller, subscription, &id);
                result.map(|()| Reply::empty(StatusCode::NO_CONTENT)).map_err(|error| request.refuse(error))
            }
            _ => Err(request.wrong_method()),
        }
    }

    fn on_groups(&self, request: &Request<'_>, id: SubscriptionId) -> Result<Reply, Refusal> {
        if !request.is(&Method::GET) {
            return Err(request.wrong_method());
        }
        let (filter, page) = (request.filter(), request.page()?);
        let listing = self.resources.groups(request.caller, id, filter.as_deref(), &page);
        Ok(self.listing(request, listing.map_err(|error| request.refuse(error))?))
    }

    fn on_group(&self, request: &Request<'_>, scope: &Scope) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match request.call.method {
            Method::GET => resources.group(caller, scope).map(shown).map_err(refuse),
            Method::HEAD => resources.exists(caller, scope).map(Arm::head).map_err(refuse),
            Method::PUT => {
                let body = request.body_for(resources, Intent::WriteGroup(scope))?;
                let done = resources.put_group(caller, scope, &body, &request.conditions());
                done.map(|written| self.written(request, scope, "", written)).map_err(refuse)
            }
            Method::PATCH => {
                let body = request.body_for(resources, Intent::WriteGroup(scope))?;
                let done = resources.patch_group(caller, scope, &body, &request.conditions());
                done.map(|written| self.written(request, scope, "", written)).map_err(refuse)
            }
            Method::DELETE => {
                let done = resources.delete_group(caller, scope, &request.conditions());
                done.map(|operation| self.accepted(request, scope, None, operation)).map_err(refuse)
            }
            _ => Err(request.wrong_method()),
        }
    }

    fn on_resources(&self, request: &Request<'_>, within: &Scope) -> Result<Reply, Refusal> {
        if !request.is(&Method::GET) {
            return Err(request.wrong_method());
        }
        let (filter, expand, page) = (request.filter(), Arm::expand(request)?, request.page()?);
        let listing = self.resources.resources(request.caller, within, filter.as_deref(), expand, &page);
        Ok(self.listing(request, listing.map_err(|error| request.refuse(error))?))
    }

    fn on_resource(&self, request: &Request<'_>, id: &ResourceId) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        let (scope, namespace) = (id.scope(), id.namespace());
        match request.call.method {
            Method::GET => resources.get(caller, id).map(shown).map_err(refuse),
            Method::HEAD => resources.exists(caller, scope).map(Arm::head).map_err(refuse),
            Method::PUT => {
                let body = request.body_for(resources, Intent::WriteResource(id))?;
                let done = resources.put(caller, id, &body, &request.conditions());
                done.map(|written| self.written(request, scope, namespace, written)).map_err(refuse)
            }
            Method::PATCH => {
                let body = request.body_for(resources, Intent::WriteResource(id))?;
                let done = resources.patch(caller, id, &body, &request.conditions());
                done.map(|written| self.written(request, scope, namespace, written)).map_err(refuse)
            }
            Method::DELETE => {
                let done = resources.delete(caller, id, &request.conditions()).map_err(refuse)?;
                Ok(match done {
                    Deleted::Absent => Reply::empty(StatusCode::NO_CONTENT),
                    Deleted::Done => Reply::empty(StatusCode::OK),
                    Deleted::Accepted(operation) => self.accepted(request, scope, Some(namespace), operation),
                })
            }
            _ => Err(request.wrong_method()),
        }
    }

    fn on_collection(&self, request: &Request<'_>, list: &Collection) -> Result<Reply, Refusal> {
        if !request.is(&Method::GET) {
            return Err(request.wrong_method());
        }
        let page = request.page()?;
        let listing = self.resources.list(request.caller, list, &page);
        Ok(self.listing(request, listing.map_err(|error| request.refuse(error))?))
    }

    /// POST to a resource's action, or to an action of a provider on a subscription.
    fn on_action(&self, request: &Request<'_>, list: &Collection, name: &str) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        if let Some(id) = list.within.resource() {
            let body = request.optional_body_for(resources, Intent::Act(&id, name))?;
            let done = resources.act(caller, &id, name, &body).map_err(refuse)?;
            return Ok(match done {
                Acted::Done(body) => Reply::ok(body),
                Acted::Nothing => Reply::empty(StatusCode::NO_CONTENT),
                Acted::Accepted(operation) => {
                    self.accepted(request, id.scope(), Some(id.namespace()), operation)
                }
            });
        }
        let action = resources.subscription_action(&list.namespace, name).map_err(refuse)?;
        let subscription = list.within.subscription_id().filter(|_| list.within.resource_group().is_none());
        let Some(subscription) = subscription else { return Err(request.wrong_method()) };
        let body = request.optional_body_for(resources, Intent::ActOnSubscription(subscription, action))?;
        match resources.act_on_subscription(caller, subscription, action, &body).map_err(refuse)? {
            ActionReply::Done(body) => Ok(Reply::ok(body)),
            ActionReply::Accepted => Ok(Reply::empty(StatusCode::ACCEPTED)),
            ActionReply::Nothing => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        }
    }

    /// 201 or 200 with the resource; where the type answers as a long-running operation, with where to look.
    fn written(&self, request: &Request<'_>, scope: &Scope, namespace: &str, written: Written) -> Reply {
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let reply = Reply::with(status, written.shown.body).etag(&written.shown.etag);
        let Some(operation) = written.operation else { return reply };
        let monitor = self.monitor(request, scope, Some(namespace), "operationStatuses", operation);
        reply
            .header(HeaderName::from_static("azure-asyncoperation"), monitor)
            .header(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// 202 with where the result will be.
    fn accepted(
        &self,
        request: &Request<'_>,
        scope: &Scope,
        namespace: Option<&str>,
        operation: Uuid,
    ) -> Reply {
        Reply::empty(StatusCode::ACCEPTED)
            .header(header::LOCATION, self.monitor(request, scope, namespace, "operationResults", operation))
            .header(header::RETRY_AFTER, RETRY_AFTER)
    }

    fn monitor(
        &self,
        request: &Request<'_>,
        scope: &Scope,
        namespace: Option<&str>,
        kind: &str,
        operation: Uuid,
    ) -> String {
        let origin = &self.origins.resource_manager;
        let version = request.version;
        let subscription = scope.subscription_id().map_or(String::new(), |id| id.to_string());
        let place = match namespace {
            Some(namespace) => format!("providers/{namespace}/locations/global/{kind}"),
            None => "operationresults".to_owned(),
        };
        format!("{origin}/subscriptions/{subscription}/{place}/{operation}?api-version={version}")
    }
}

fn shown(shown: Shown) -> Reply {
    Reply::ok(shown.body).etag(&shown.etag)
}
