//! From a path to what it names: one router for every scope depth.
//!
//! Names of types and providers ignore letter case. The last provider in a path decides: below any scope there
//! may be a collection of Microsoft.Authorization or of the mail queue.

use crate::management_groups::Management;
use gatepost_names::{ResourceId, Scope, ScopeKind, SubscriptionId};
use gatepost_resources::Collection;
use gatepost_resources::access_answers::{self, Answer};
use gatepost_resources::{activity, mail, management_groups};

/// What a path names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    MetadataEndpoints,
    Tenants,
    Subscriptions,
    Subscription(SubscriptionId),
    Locations(SubscriptionId),
    CheckResourceName,
    Providers(Option<SubscriptionId>),
    Provider(Option<SubscriptionId>, String),
    /// `register` (true) and `unregister`.
    Registration(SubscriptionId, String, bool),
    Operations(String),
    ResourceGroups(SubscriptionId),
    ResourceGroup(Scope),
    /// Resources of all types, in a subscription or a resource group.
    Resources(Scope),
    OperationStatus(SubscriptionId, String, String),
    OperationResult(SubscriptionId, Option<String>, String),
    Resource(ResourceId),
    /// A list of one type; for POST an action of the resource or the subscription that `within` names, whose name
    /// is the last segment.
    Collection(Collection, String),
    RoleDefinitions(Scope),
    RoleDefinition(Scope, String),
    RoleAssignments(Scope),
    RoleAssignment(Scope, String),
    RoleAssignmentValidation(Scope, String),
    DenyAssignments(Scope),
    DenyAssignment(Scope, String),
    ElevateAccess,
    Permissions(Scope),
    ClassicAdministrators(SubscriptionId),
    ProviderOperations,
    ProviderOperation(String),
    Locks(Scope),
    Lock(Scope, String),
    Management(Management),
    /// The activity log of a subscription, or of what is in none.
    Events(Option<SubscriptionId>),
    EventCategories,
    Messages(Scope),
    Message(Scope, String),
    MessageAction(Scope, String, String),
    AccessAnswer(Scope, Answer),
}

/// Why a path names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// `/subscriptions/` is not followed by a GUID.
    MalformedSubscription(String),
    /// No such route at the top level.
    MissingSubscription,
    /// A type that the provider does not have.
    UnknownType { kind: String, namespace: String },
    /// Not a scope: characters or a shape that none has.
    NoScope(String),
}

/// Reads the decoded segments of a path.
///
/// # Errors
/// [`NoTarget`].
pub(crate) fn parse(segments: &[String]) -> Result<Target, NoTarget> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let Some(target) = extension(&segments) {
        return target;
    }
    match segments.as_slice() {
        [a, b] if is(a, "metadata") && is(b, "endpoints") => Ok(Target::MetadataEndpoints),
        [a] if is(a, "tenants") => Ok(Target::Tenants),
        [a] if is(a, "subscriptions") => Ok(Target::Subscriptions),
        [a, id, rest @ ..] if is(a, "subscriptions") => in_subscription(id, rest, &segments),
        [a] if is(a, "providers") => Ok(Target::Providers(None)),
        [a, namespace] if is(a, "providers") => Ok(Target::Provider(None, (*namespace).to_owned())),
        [a, namespace, b] if is(a, "providers") && is(b, "operations") => {
            Ok(Target::Operations((*namespace).to_owned()))
        }
        [a, namespace, b]
            if is(a, "providers") && is(namespace, "Microsoft.Resources") && is(b, "checkResourceName") =>
        {
            Ok(Target::CheckResourceName)
        }
        [a, namespace, rest @ ..] if is(a, "providers") && is(namespace, management_groups::NAMESPACE) => {
            Management::parse(rest).map(Target::Management)
        }
        [a, rest @ ..] if is(a, "providers") && is_events(rest) => Ok(Target::Events(None)),
        [a, namespace, b]
            if is(a, "providers") && is(namespace, activity::NAMESPACE) && is(b, "eventcategories") =>
        {
            Ok(Target::EventCategories)
        }
        [a, namespace, kind, ..] if is(a, "providers") => Err(unknown(kind, namespace)),
        _ => Err(NoTarget::MissingSubscription),
    }
}

fn is(segment: &str, word: &str) -> bool {
    segment.eq_ignore_ascii_case(word)
}

/// `Microsoft.Insights/eventtypes/management/values`, after `providers`.
fn is_events(rest: &[&str]) -> bool {
    match rest {
        [namespace, a, b, c] => {
            is(namespace, activity::NAMESPACE)
                && is(a, "eventtypes")
                && is(b, "management")
                && is(c, "values")
        }
        _ => false,
    }
}

fn unknown(kind: &str, namespace: &str) -> NoTarget {
    NoTarget::UnknownType { kind: kind.to_owned(), namespace: namespace.to_owned() }
}

fn scope(segments: &[&str]) -> Result<Scope, NoTarget> {
    Scope::parse(&format!("/{}", segments.join("/"))).map_err(|error| NoTarget::NoScope(error.to_string()))
}

/// `{any scope}/providers/Microsoft.Authorization/..` and `{any scope}/providers/Gatepost.Mail/..`; `None` where
/// the path has no such part.
fn extension(segments: &[&str]) -> Option<Result<Target, NoTarget>> {
    let at = segments.windows(3).rposition(|window| match window {
        [a, namespace, _] => is(a, "providers") && EXTENSIONS.iter().any(|known| is(namespace, known)),
        _ => false,
    })?;
    let below = scope(segments.get(..at)?).ok()?;
    let namespace = segments.get(at + 1)?;
    let rest = segments.get(at + 2..)?;
    if matches!(rest, [verb] if is(verb, "register") || is(verb, "unregister") || is(verb, "operations")) {
        return None;
    }
    Some(if is(namespace, mail::NAMESPACE) {
        messages(below, rest)
    } else if is(namespace, access_answers::NAMESPACE) {
        access_answer(below, rest)
    } else {
        authorization(below, rest)
    })
}

/// The providers that have something below any scope.
const EXTENSIONS: [&str; 3] = ["Microsoft.Authorization", mail::NAMESPACE, access_answers::NAMESPACE];

fn access_answer(below: Scope, rest: &[&str]) -> Result<Target, NoTarget> {
    let answer = match rest {
        [name] => Answer::parse(name),
        _ => None,
    };
    match answer {
        Some(answer) => Ok(Target::AccessAnswer(below, answer)),
        None => Err(unknown(&rest.join("/"), access_answers::NAMESPACE)),
    }
}

fn authorization(below: Scope, rest: &[&str]) -> Result<Target, NoTarget> {
    let at_root = below.kind() == ScopeKind::TenantRoot;
    match rest {
        [kind] if is(kind, "roleDefinitions") => Ok(Target::RoleDefinitions(below)),
        [kind, id] if is(kind, "roleDefinitions") => Ok(Target::RoleDefinition(below, (*id).to_owned())),
        [kind] if is(kind, "roleAssignments") => Ok(Target::RoleAssignments(below)),
        [kind, name] if is(kind, "roleAssignments") => Ok(Target::RoleAssignment(below, (*name).to_owned())),
        [kind, name, action] if is(kind, "roleAssignments") && is(action, "validate") => {
            Ok(Target::RoleAssignmentValidation(below, (*name).to_owned()))
        }
        [kind] if is(kind, "denyAssignments") => Ok(Target::DenyAssignments(below)),
        [kind, id] if is(kind, "denyAssignments") => Ok(Target::DenyAssignment(below, (*id).to_owned())),
        [kind] if is(kind, "elevateAccess") && at_root => Ok(Target::ElevateAccess),
        [kind] if is(kind, "locks") => Ok(Target::Locks(below)),
        [kind, name] if is(kind, "locks") => Ok(Target::Lock(below, (*name).to_owned())),
        [kind] if is(kind, "permissions") => Ok(Target::Permissions(below)),
        [kind] if is(kind, "providerOperations") && at_root => Ok(Target::ProviderOperations),
        [kind, namespace] if is(kind, "providerOperations") && at_root => {
            Ok(Target::ProviderOperation((*namespace).to_owned()))
        }
        [kind] if is(kind, "classicAdministrators") && below.kind() == ScopeKind::Subscription => {
            match below.subscription_id() {
                Some(id) => Ok(Target::ClassicAdministrators(id)),
                None => Err(unknown(kind, "Microsoft.Authorization")),
            }
        }
        [kind, ..] => Err(unknown(kind, "Microsoft.Authorization")),
        [] => Err(unknown("", "Microsoft.Authorization")),
    }
}

fn messages(below: Scope, rest: &[&str]) -> Result<Target, NoTarget> {
    match rest {
        [kind] if is(kind, "messages") => Ok(Target::Messages(below)),
        [kind, id] if is(kind, "messages") => Ok(Target::Message(below, (*id).to_owned())),
        [kind, id, action] if is(kind, "messages") => {
            Ok(Target::MessageAction(below, (*id).to_owned(), (*action).to_owned()))
        }
        _ => Err(unknown(&rest.join("/"), mail::NAMESPACE)),
    }
}

fn in_subscription(id: &str, rest: &[&str], all: &[&str]) -> Result<Target, NoTarget> {
    let subscription: SubscriptionId = id
        .parse()
        .ok()
        .filter(|_| id.len() == 36)
        .ok_or_else(|| NoTarget::MalformedSubscription(id.to_owned()))?;
    match rest {
        [] => Ok(Target::Subscription(subscription)),
        [a] if is(a, "locations") => Ok(Target::Locations(subscription)),
        [a] if is(a, "resources") => Ok(Target::Resources(Scope::subscription(subscription))),
        [a] if is(a, "resourceGroups") => Ok(Target::ResourceGroups(subscription)),
        [a, _] if is(a, "resourceGroups") => Ok(Target::ResourceGroup(scope(all)?)),
        [a, _, b] if is(a, "resourceGroups") && is(b, "resources") => {
            Ok(Target::Resources(scope(all.get(..4).unwrap_or(all))?))
        }
        [a, operation] if is(a, "operationresults") => {
            Ok(Target::OperationResult(subscription, None, (*operation).to_owned()))
        }
        [a] if is(a, "providers") => Ok(Target::Providers(Some(subscription))),
        [a, namespace] if is(a, "providers") => {
            Ok(Target::Provider(Some(subscription), (*namespace).to_owned()))
        }
        [a, namespace, verb] if is(a, "providers") && (is(verb, "register") || is(verb, "unregister")) => {
            Ok(Target::Registration(subscription, (*namespace).to_owned(), is(verb, "register")))
        }
        [a, namespace, b, _, kind, id] if is(a, "providers") && is(b, "locations") => {
            let (namespace, id) = ((*namespace).to_owned(), (*id).to_owned());
            if is(kind, "operationStatuses") {
                Ok(Target::OperationStatus(subscription, namespace, id))
            } else if is(kind, "operationResults") {
                Ok(Target::OperationResult(subscription, Some(namespace), id))
            } else {
                Err(unknown(&format!("locations/{kind}"), &namespace))
            }
        }
        [a, rest @ ..] if is(a, "providers") && is_events(rest) => Ok(Target::Events(Some(subscription))),
        [a, rest @ ..] if is(a, "providers") => resource_or_list(all, 2, rest),
        [a, _, b, rest @ ..] if is(a, "resourceGroups") && is(b, "providers") => {
            resource_or_list(all, 4, rest)
        }
        [kind, ..] => Err(unknown(&format!("subscriptions/{kind}"), "Microsoft.Resources")),
    }
}

/// What follows `providers`, which is the segment number `at` of `all`: a resource, or a type without a name.
fn resource_or_list(all: &[&str], at: usize, rest: &[&str]) -> Result<Target, NoTarget> {
    let [namespace, pairs @ ..] = rest else { return Err(unknown("", "")) };
    let Some(last) = pairs.last() else { return Err(unknown("", namespace)) };
    if pairs.len() % 2 == 0 {
        let found = scope(all)?.resource();
        return found.map(Target::Resource).ok_or_else(|| unknown(last, namespace));
    }
    let types: Vec<&str> = pairs.iter().step_by(2).copied().collect();
    let parent_end = if pairs.len() == 1 { at } else { all.len() - 1 };
    let within = scope(all.get(..parent_end).unwrap_or_default())?;
    // INVARIANT: a list below a resource is of a type of that resource's own provider.
    let parent = within.resource();
    if parent.as_ref().is_some_and(|parent| !is(parent.namespace(), namespace)) {
        return Err(unknown(last, namespace));
    }
    let collection = Collection { within, namespace: (*namespace).to_owned(), path: types.join("/") };
    Ok(Target::Collection(collection, (*last).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    fn target(path: &str) -> Result<Target, NoTarget> {
        parse(&crate::path::segments(path).unwrap())
    }

    fn at(rest: &str) -> Target {
        target(&format!("{SUB}{rest}")).unwrap()
    }

    fn in_sub(rest: &str) -> Scope {
        Scope::parse(&format!("{SUB}{rest}")).unwrap()
    }

    #[test]
    fn the_top_level_is_told_apart() {
        let id: SubscriptionId = SUB.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(target("//Metadata/endpoints"), Ok(Target::MetadataEndpoints));
        assert_eq!(target("/tenants"), Ok(Target::Tenants));
        assert_eq!(target("/SUBSCRIPTIONS/"), Ok(Target::Subscriptions));
        assert_eq!(at(""), Target::Subscription(id));
        assert_eq!(at("/locations"), Target::Locations(id));
        assert_eq!(at("/resourcegroups"), Target::ResourceGroups(id));
        assert_eq!(at("/resourcegroups/rg"), Target::ResourceGroup(in_sub("/resourceGroups/rg")));
        assert_eq!(at("/resources"), Target::Resources(in_sub("")));
        assert_eq!(at("/resourceGroups/rg/resources"), Target::Resources(in_sub("/resourceGroups/rg")));
        assert_eq!(at("/providers/A.B"), Target::Provider(Some(id), "A.B".into()));
        assert_eq!(at("/providers/A.B/register"), Target::Registration(id, "A.B".into(), true));
        assert_eq!(
            at("/providers/Microsoft.Authorization/unregister"),
            Target::Registration(id, "Microsoft.Authorization".into(), false)
        );
        assert_eq!(
            target("/providers/Microsoft.Authorization/operations"),
            Ok(Target::Operations("Microsoft.Authorization".into()))
        );
        assert_eq!(
            at("/providers/A.B/locations/global/operationStatuses/1"),
            Target::OperationStatus(id, "A.B".into(), "1".into())
        );
        assert_eq!(at("/operationresults/1"), Target::OperationResult(id, None, "1".into()));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        assert_eq!(target("/"), Err(NoTarget::MissingSubscription));
        assert_eq!(target("/x/y"), Err(NoTarget::MissingSubscription));
        assert_eq!(target("/subscriptions/x"), Err(NoTarget::MalformedSubscription("x".into())));
        assert!(matches!(target(&format!("{SUB}/x")), Err(NoTarget::UnknownType { .. })));
        assert!(matches!(target(&format!("{SUB}/resourceGroups/a%2562")), Err(NoTarget::NoScope(_))));
        assert!(matches!(
            target("/providers/Microsoft.Authorization/nothings"),
            Err(NoTarget::UnknownType { .. })
        ));
        assert!(matches!(
            target("/providers/Microsoft.Management/managementGroups/g/nothings"),
            Err(NoTarget::UnknownType { .. })
        ));
        assert!(matches!(
            target("/providers/Microsoft.Insights/eventtypes/management"),
            Err(NoTarget::UnknownType { .. })
        ));
        assert!(matches!(
            target(&format!("{SUB}/resourceGroups/rg/providers")),
            Err(NoTarget::UnknownType { .. })
        ));
    }

    #[test]
    fn resources_and_lists_at_any_depth() {
        let base = "/resourceGroups/rg/providers/Microsoft.Communication";
        let Target::Resource(id) = at(&format!("{base}//emailServices/e/domains/d")) else { panic!() };
        assert_eq!(id.name(), "d");
        let Target::Collection(list, last) = at(&format!("{base}/emailServices/e/domains")) else { panic!() };
        assert_eq!(list.within, in_sub(&format!("{base}/emailServices/e")));
        assert_eq!((list.path.as_str(), last.as_str()), ("emailServices/domains", "domains"));
        let Target::Collection(list, _) = at(&format!("{base}/emailServices")) else { panic!() };
        assert_eq!(list.within, in_sub("/resourceGroups/rg"));
        let Target::Collection(list, _) = at("/providers/Microsoft.Communication/emailServices") else {
            panic!()
        };
        assert_eq!(list.within, in_sub(""));
    }

    #[test]
    fn events_are_of_a_subscription_or_of_none() {
        let id: SubscriptionId = SUB.rsplit('/').next().unwrap().parse().unwrap();
        let values = "/providers/microsoft.insights/eventtypes/management/values";
        assert_eq!(at(values), Target::Events(Some(id)));
        assert_eq!(target(values), Ok(Target::Events(None)));
        assert_eq!(target("/providers/Microsoft.Insights/eventCategories"), Ok(Target::EventCategories));
    }

    #[test]
    fn management_groups_and_what_is_in_them() {
        let groups = "/providers/microsoft.management/managementgroups";
        let below = |rest: &str| match target(&format!("{groups}{rest}")) {
            Ok(Target::Management(management)) => management,
            other => panic!("{rest}: {other:?}"),
        };
        let id: SubscriptionId = SUB.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(below(""), Management::Groups);
        assert_eq!(below("/g"), Management::Group("g".into()));
        assert_eq!(below("/g/descendants"), Management::Descendants("g".into()));
        assert_eq!(below("/g/subscriptions"), Management::Subscriptions("g".into()));
        assert_eq!(below(&format!("/g/subscriptions/{id}")), Management::Subscription("g".into(), id));
        let g = Scope::parse("/providers/Microsoft.Management/managementGroups/g").unwrap();
        let locks = format!("{groups}/g/providers/Microsoft.Authorization/locks");
        assert_eq!(target(&locks), Ok(Target::Locks(g)));
    }

    #[test]
    fn authorization_goes_with_any_scope() {
        let e = "/resourceGroups/rg/providers/Microsoft.Communication/emailServices/e/domains/d";
        let ra = "/providers/microsoft.authorization/roleassignments";
        assert_eq!(target(ra), Ok(Target::RoleAssignments(Scope::root())));
        for below in ["", "/resourceGroups/rg", e] {
            assert_eq!(at(&format!("{below}{ra}")), Target::RoleAssignments(in_sub(below)), "{below}");
            assert_eq!(
                at(&format!("{below}{ra}/n")),
                Target::RoleAssignment(in_sub(below), "n".into()),
                "{below}"
            );
        }
        assert_eq!(
            at(&format!("{e}{ra}/n/Validate")),
            Target::RoleAssignmentValidation(in_sub(e), "n".into())
        );
        let denies = "/providers/Microsoft.Authorization/denyAssignments";
        assert_eq!(target(denies), Ok(Target::DenyAssignments(Scope::root())));
        assert_eq!(at(&format!("{e}{denies}/n")), Target::DenyAssignment(in_sub(e), "n".into()));
        assert_eq!(target("/providers/microsoft.authorization/ELEVATEACCESS"), Ok(Target::ElevateAccess));
        assert!(target(&format!("{SUB}/providers/Microsoft.Authorization/elevateAccess")).is_err());
        assert_eq!(
            target("/providers/Microsoft.Authorization/providerOperations/A.B"),
            Ok(Target::ProviderOperation("A.B".into()))
        );
        assert_eq!(
            target(
                "/providers/Microsoft.Management/managementGroups/g/providers/Microsoft.Authorization/permissions"
            ),
            Ok(Target::Permissions(
                Scope::parse("/providers/Microsoft.Management/managementGroups/g").unwrap()
            ))
        );
        assert!(matches!(
            at(&format!("{e}/providers/Gatepost.Mail/messages/1/retry")),
            Target::MessageAction(..)
        ));
    }
}
