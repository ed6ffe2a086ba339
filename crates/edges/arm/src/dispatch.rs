//! From a call to a use case: the order of the checks, and what belongs to the platform itself.

use gatepost_access::Caller;
use gatepost_https::Call;
use gatepost_resources::{Conditions, Expand, Intent, Listing, Page, ResourceError, Resources};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::Arm;
use crate::api_version;
use crate::metadata;
use crate::path;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::target::{self, Target};

/// A call whose caller and target are known.
pub(crate) struct Request<'a> {
    pub(crate) call: &'a Call,
    pub(crate) caller: &'a Caller,
    pub(crate) version: &'a str,
}

impl Request<'_> {
    pub(crate) fn is(&self, method: &Method) -> bool {
        self.call.method == *method
    }

    pub(crate) fn refuse(&self, error: ResourceError) -> Refusal {
        Refusal::of_resource(error, self.caller.request.correlation)
    }

    pub(crate) fn wrong_method(&self) -> Refusal {
        Refusal::method_not_allowed(&self.call.method)
    }

    /// The JSON body of a PUT or PATCH, of a caller who may do it: others are refused before it is looked at.
    pub(crate) fn body_for(&self, resources: &Resources, intent: Intent<'_>) -> Result<Value, Refusal> {
        resources.authorize_intent(self.caller, intent).map_err(|error| self.refuse(error))?;
        self.body().inspect_err(|refusal| {
            let method = self.call.method.as_str();
            resources.record_unreadable(self.caller, intent, method, refusal.message());
        })
    }

    /// As [`Request::body_for`], for a POST: `null` where there is no body.
    pub(crate) fn optional_body_for(
        &self,
        resources: &Resources,
        intent: Intent<'_>,
    ) -> Result<Value, Refusal> {
        if self.call.body.is_empty() {
            resources.authorize_intent(self.caller, intent).map_err(|error| self.refuse(error))?;
            return Ok(Value::Null);
        }
        self.body_for(resources, intent)
    }

    /// The JSON body of a request that needs no right.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        if self.call.body.is_empty() {
            return Err(Refusal::malformed_body("the request has no content"));
        }
        serde_json::from_slice(&self.call.body).map_err(|error| Refusal::malformed_body(&error.to_string()))
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.call.query_value(name).map(|value| value.into_owned())
    }

    pub(crate) fn filter(&self) -> Option<String> {
        self.query("$filter")
    }

    pub(crate) fn page(&self) -> Result<Page, Refusal> {
        let (token, top) = (self.query("$skiptoken"), self.query("$top"));
        Page::parse(token.as_deref(), top.as_deref()).map_err(|error| self.refuse(error))
    }

    pub(crate) fn conditions(&self) -> Conditions {
        let field = |name: &str| self.call.header(name).map(str::to_owned);
        Conditions { if_match: field("if-match"), if_none_match: field("if-none-match") }
    }
}

impl Arm {
    pub(crate) fn dispatch(&self, call: &Call) -> Result<Reply, Refusal> {
        let target = path::segments(&call.path)
            .map_err(Refusal::of_path)
            .and_then(|segments| target::parse(&segments).map_err(Refusal::of_target));
        let version = call.query_value("api-version").map(|version| version.trim().to_owned());
        if let Ok(Target::MetadataEndpoints) = &target {
            return self.metadata(call, version.as_deref());
        }
        let caller = self.caller(call)?;
        let target = target?;
        api_version::check(&self.resources, &call.method, &target, version.as_deref())?;
        let request = Request { call, caller: &caller, version: version.as_deref().unwrap_or("") };
        match target {
            Target::ResourceGroups(_)
            | Target::ResourceGroup(_)
            | Target::Resources(_)
            | Target::Resource(_)
            | Target::Collection(..)
            | Target::OperationStatus(..)
            | Target::OperationResult(..) => self.on_tree(&request, target),
            Target::RoleDefinitions(_)
            | Target::RoleDefinition(..)
            | Target::RoleAssignments(_)
            | Target::RoleAssignment(..)
            | Target::RoleAssignmentValidation(..)
            | Target::DenyAssignments(_)
            | Target::DenyAssignment(..)
            | Target::ElevateAccess
            | Target::Permissions(_)
            | Target::ClassicAdministrators(_)
            | Target::ProviderOperations
            | Target::ProviderOperation(_) => self.on_authorization(&request, target),
            Target::Locks(scope) => self.on_locks(&request, &scope),
            Target::Lock(scope, name) => self.on_lock(&request, &scope, &name),
            Target::Management(target) => self.on_management(&request, target),
            Target::Events(subscription) => self.on_events(&request, subscription),
            Target::EventCategories => self.on_event_categories(&request),
            Target::AccessAnswer(scope, answer) => self.on_access_answer(&request, &scope, answer),
            Target::Messages(_) | Target::Message(..) | Target::MessageAction(..) => {
                self.on_messages(&request, target)
            }
            _ => self.on_platform(&request, target),
        }
    }

    fn metadata(&self, call: &Call, version: Option<&str>) -> Result<Reply, Refusal> {
        if call.method != Method::GET {
            return Err(Refusal::method_not_allowed(&call.method));
        }
        api_version::check(&self.resources, &call.method, &Target::MetadataEndpoints, version)?;
        Ok(Reply::ok(metadata::endpoints(&self.origins, version.unwrap_or(""))))
    }

    fn on_platform(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match (&request.call.method, target) {
            (&Method::GET, Target::Tenants) => resources.tenants(caller).map(Reply::list).map_err(refuse),
            (&Method::GET, Target::Subscriptions) => {
                let value = resources.subscriptions(caller).map_err(refuse)?;
                let count = json!({"type": "Total", "value": value.len()});
                Ok(Reply::ok(json!({"value": value, "count": count})))
            }
            (&Method::GET, Target::Subscription(id)) => {
                resources.subscription(caller, id).map(Reply::ok).map_err(refuse)
            }
            (&Method::GET, Target::Locations(id)) => {
                resources.locations(caller, id).map(Reply::list).map_err(refuse)
            }
            (&Method::GET, Target::Providers(within)) => {
                resources.providers(caller, within).map(Reply::list).map_err(refuse)
            }
            (&Method::GET, Target::Provider(within, namespace)) => {
                resources.provider(caller, within, &namespace).map(Reply::ok).map_err(refuse)
            }
            (&Method::POST, Target::Registration(id, namespace, register)) => {
                resources.register_provider(caller, id, &namespace, register).map(Reply::ok).map_err(refuse)
            }
            (&Method::GET, Target::Operations(namespace)) => {
                resources.operations_of(&namespace).map(Reply::list).map_err(refuse)
            }
            (&Method::POST, Target::CheckResourceName) => {
                resources.check_resource_name(&request.body()?).map(Reply::ok).map_err(refuse)
            }
            _ => Err(request.wrong_method()),
        }
    }

    /// A page of a list with the absolute address of the next one.
    pub(crate) fn listing(&self, request: &Request<'_>, listing: Listing) -> Reply {
        // Moved, not copied as `json!` does: a page may be long.
        let mut body = Map::from_iter([("value".to_owned(), Value::Array(listing.value))]);
        if let Some(token) = listing.next {
            body.insert("nextLink".into(), self.next_link(request.call, &token).into());
        }
        Reply::ok(Value::Object(body))
    }

    fn next_link(&self, call: &Call, token: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in call.query_pairs() {
            if !name.eq_ignore_ascii_case("$skiptoken") {
                query.append_pair(&name, &value);
            }
        }
        query.append_pair("$skiptoken", token);
        format!("{}{}?{}", self.origins.resource_manager, call.path, query.finish())
    }

    pub(crate) fn expand(request: &Request<'_>) -> Result<Expand, Refusal> {
        Expand::parse(request.query("$expand").as_deref()).map_err(|error| request.refuse(error))
    }

    /// HEAD: 204 if it is there, 404 if not, both without a body.
    pub(crate) fn head(exists: bool) -> Reply {
        Reply::empty(if exists { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
    }
}
