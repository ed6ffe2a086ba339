//! `Microsoft.Management`: management groups.

use gatepost_names::SubscriptionId;
use gatepost_resources::management_groups::{EntityQuery, GroupExpand, NAMESPACE};
use gatepost_resources::{Deleted, Listing};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::target::NoTarget;

/// What a path below `/providers/Microsoft.Management` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Management {
    Groups,
    Group(String),
    Descendants(String),
    Subscriptions(String),
    Subscription(String, SubscriptionId),
    Entities,
    NameCheck,
    /// `startTenantBackfill` and `tenantBackfillStatus`.
    Backfill,
    /// Where a client looks whether a delete is over.
    DeleteResult(String),
}

/// Seconds until a client looks again.
const RETRY_AFTER: &str = "1";

impl Management {
    /// Reads the segments after the namespace.
    ///
    /// # Errors
    /// [`NoTarget`].
    pub(crate) fn parse(rest: &[&str]) -> Result<Management, NoTarget> {
        let is = |segment: &str, word: &str| segment.eq_ignore_ascii_case(word);
        let groups = |segment: &str| is(segment, "managementGroups");
        match rest {
            [a] if groups(a) => Ok(Management::Groups),
            [a] if is(a, "getEntities") => Ok(Management::Entities),
            [a] if is(a, "checkNameAvailability") => Ok(Management::NameCheck),
            [a] if is(a, "startTenantBackfill") || is(a, "tenantBackfillStatus") => Ok(Management::Backfill),
            [a, name] if groups(a) => Ok(Management::Group((*name).to_owned())),
            [a, name, b] if groups(a) && is(b, "descendants") => {
                Ok(Management::Descendants((*name).to_owned()))
            }
            [a, name, b] if groups(a) && is(b, "subscriptions") => {
                Ok(Management::Subscriptions((*name).to_owned()))
            }
            [a, name, b, id] if groups(a) && is(b, "subscriptions") => {
                let parsed = id.parse().ok().filter(|_| id.len() == 36);
                let id = parsed.ok_or_else(|| NoTarget::MalformedSubscription((*id).to_owned()))?;
                Ok(Management::Subscription((*name).to_owned(), id))
            }
            [a, b, c, name] if is(a, "operationResults") && is(b, "delete") && groups(c) => {
                Ok(Management::DeleteResult((*name).to_owned()))
            }
            _ => Err(NoTarget::UnknownType { kind: rest.join("/"), namespace: NAMESPACE.to_owned() }),
        }
    }
}

impl Arm {
    pub(crate) fn on_management(&self, request: &Request<'_>, target: Management) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match (&request.call.method, target) {
            (&Method::GET, Management::Groups) => {
                resources.management_groups(caller).map(whole).map_err(refuse)
            }
            (_, Management::Group(name)) => self.on_management_group(request, &name),
            (&Method::GET, Management::Descendants(name)) => {
                resources.descendants(caller, &name).map(whole).map_err(refuse)
            }
            (&Method::GET, Management::Subscriptions(name)) => {
                resources.subscriptions_of_group(caller, &name).map(whole).map_err(refuse)
            }
            (_, Management::Subscription(name, id)) => self.on_placement(request, &name, id),
            (&Method::POST, Management::Entities) => self.on_entities(request),
            (&Method::POST, Management::NameCheck) => {
                let body = request.body()?;
                resources.check_management_group_name(caller, &body).map(Reply::ok).map_err(refuse)
            }
            (&Method::POST, Management::Backfill) => Ok(Reply::ok(resources.tenant_backfill(caller))),
            (&Method::GET, Management::DeleteResult(name)) => {
                let there = resources.is_management_group(caller.tenant, &name);
                Ok(Reply::empty(if there { StatusCode::OK } else { StatusCode::NO_CONTENT }))
            }
            _ => Err(request.wrong_method()),
        }
    }

    fn on_management_group(&self, request: &Request<'_>, name: &str) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match request.call.method {
            Method::GET => {
                let (expand, recurse) = (request.query("$expand"), request.query("$recurse"));
                let filter = request.filter();
                let expand = GroupExpand::parse(expand.as_deref(), recurse.as_deref(), filter.as_deref());
                let expand = expand.map_err(refuse)?;
                resources.management_group(caller, name, expand).map(Reply::ok).map_err(refuse)
            }
            // 200 with the group, new or not: it is complete, and clients take that for the end of the operation.
            Method::PUT => {
                let body = request.body()?;
                let (body, _) = resources.put_management_group(caller, name, &body).map_err(refuse)?;
                Ok(Reply::ok(body))
            }
            Method::PATCH => {
                let body = request.body()?;
                resources.patch_management_group(caller, name, &body).map(Reply::ok).map_err(refuse)
            }
            Method::DELETE => match resources.delete_management_group(caller, name).map_err(refuse)? {
                Deleted::Absent => Ok(Reply::empty(StatusCode::NO_CONTENT)),
                Deleted::Done | Deleted::Accepted(_) => Ok(self.group_deleted(request, name)),
            },
            _ => Err(request.wrong_method()),
        }
    }

    /// 202, which is what clients of a delete take, with where to look.
    fn group_deleted(&self, request: &Request<'_>, name: &str) -> Reply {
        let place = format!(
            "{}/providers/{NAMESPACE}/operationResults/delete/managementGroups/{name}?api-version={}",
            self.origins.resource_manager, request.version
        );
        Reply::empty(StatusCode::ACCEPTED)
            .header(header::LOCATION, place)
            .header(header::RETRY_AFTER, RETRY_AFTER)
    }

    fn on_placement(&self, request: &Request<'_>, name: &str, id: SubscriptionId) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match request.call.method {
            Method::GET => resources.subscription_of_group(caller, name, id).map(Reply::ok).map_err(refuse),
            Method::PUT => resources.place_subscription(caller, name, id).map(Reply::ok).map_err(refuse),
            Method::DELETE => match resources.remove_subscription(caller, name, id).map_err(refuse)? {
                Deleted::Absent => Ok(Reply::empty(StatusCode::NO_CONTENT)),
                Deleted::Done | Deleted::Accepted(_) => Ok(Reply::empty(StatusCode::OK)),
            },
            _ => Err(request.wrong_method()),
        }
    }

    fn on_entities(&self, request: &Request<'_>) -> Result<Reply, Refusal> {
        let refuse = |error| request.refuse(error);
        let query = |name| request.query(name);
        let (view, filter, search) = (query("$view"), query("$filter"), query("$search"));
        let group = query("groupName");
        let wanted =
            EntityQuery::parse(view.as_deref(), filter.as_deref(), search.as_deref(), group.as_deref());
        let (wanted, page) = (wanted.map_err(refuse)?, request.page()?);
        let listing: Listing = self.resources.entities(request.caller, &wanted, &page).map_err(refuse)?;
        let count = listing.value.len();
        Ok(self.listing(request, listing).member("count", count.into()))
    }
}

/// A list of one page.
fn whole(value: Vec<Value>) -> Reply {
    Reply::ok(json!({"value": value, "nextLink": null}))
}
