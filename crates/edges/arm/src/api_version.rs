//! Whether what a path names exists in the api-version that the client asks for.

use gatepost_resources::{ResourceError, Resources, versions};
use http::Method;

use crate::metadata;
use crate::refusal::Refusal;
use crate::target::Target;

/// The versions of a target, and how a refusal names it.
struct Known {
    versions: &'static [&'static str],
    /// The type, for those of a provider; `None` for the resource manager's own.
    kind: Option<String>,
}

/// Checks the `api-version` of a request.
///
/// # Errors
/// 400 without one or for an unknown one; 404 for a type that this server does not have.
pub(crate) fn check(
    resources: &Resources,
    method: &Method,
    target: &Target,
    version: Option<&str>,
) -> Result<(), Refusal> {
    let Some(version) = version.map(str::trim).filter(|version| !version.is_empty()) else {
        return Err(Refusal::missing_api_version());
    };
    let known = known(resources, method, target).map_err(|e| Refusal::of_resource(e, uuid::Uuid::nil()))?;
    // An operation is looked at in the api-version in which it began: that may be our own.
    let operation = matches!(target, Target::OperationStatus(..) | Target::OperationResult(..));
    let own: &[&str] = if operation { versions::OWN } else { &[] };
    if known.versions.iter().chain(own).any(|v| v.eq_ignore_ascii_case(version)) {
        return Ok(());
    }
    let shown: String = version.chars().take(64).collect();
    Err(match known.kind {
        Some(kind) => Refusal::no_registered_provider(&shown, &kind, known.versions, "global"),
        None => Refusal::invalid_api_version(&shown, known.versions),
    })
}

fn known(resources: &Resources, method: &Method, target: &Target) -> Result<Known, ResourceError> {
    let own = |versions| Known { versions, kind: None };
    let of = |versions, kind: &str| Known { versions, kind: Some(kind.to_owned()) };
    let registry = resources.registry();
    Ok(match target {
        Target::MetadataEndpoints => own(metadata::VERSIONS),
        Target::Tenants
        | Target::Subscriptions
        | Target::Subscription(_)
        | Target::Locations(_)
        | Target::CheckResourceName
        | Target::Providers(_)
        | Target::Provider(..)
        | Target::Registration(..)
        | Target::ResourceGroups(_)
        | Target::ResourceGroup(_)
        | Target::Resources(_)
        | Target::OperationResult(_, None, _) => own(versions::RESOURCES),
        Target::Operations(namespace) => of(operations(resources, namespace), "operations"),
        Target::OperationStatus(_, namespace, _) => {
            of(operations(resources, namespace), "locations/operationStatuses")
        }
        Target::OperationResult(_, Some(namespace), _) => {
            of(operations(resources, namespace), "locations/operationResults")
        }
        Target::Resource(id) => {
            let info = registry.of(id)?.info();
            of(info.api_versions, info.path)
        }
        Target::Collection(list, last) if *method == Method::POST => match list.within.resource() {
            Some(id) => {
                let action = resources.action(&id, last)?;
                let info = registry.of(&id)?.info();
                let versions =
                    if action.api_versions.is_empty() { info.api_versions } else { action.api_versions };
                of(versions, info.path)
            }
            None => {
                let action = resources.subscription_action(&list.namespace, last)?;
                of(action.api_versions, action.name)
            }
        },
        Target::Collection(list, _) => {
            let info = registry.find(&list.namespace, &list.path)?.info();
            of(info.api_versions, info.path)
        }
        Target::RoleDefinitions(_) | Target::RoleDefinition(..) => {
            of(versions::ROLE_DEFINITIONS, "roleDefinitions")
        }
        Target::RoleAssignments(_) | Target::RoleAssignment(..) | Target::RoleAssignmentValidation(..) => {
            of(versions::ROLE_ASSIGNMENTS, "roleAssignments")
        }
        Target::DenyAssignments(_) | Target::DenyAssignment(..) => {
            of(versions::DENY_ASSIGNMENTS, "denyAssignments")
        }
        Target::ElevateAccess => of(versions::ELEVATE_ACCESS, "elevateAccess"),
        Target::Locks(_) | Target::Lock(..) => of(versions::LOCKS, "locks"),
        Target::Management(_) => of(versions::MANAGEMENT_GROUPS, "managementGroups"),
        Target::Events(_) | Target::EventCategories => of(versions::ACTIVITY_LOG, "eventtypes"),
        Target::Permissions(_) => of(versions::PERMISSIONS, "permissions"),
        Target::ClassicAdministrators(_) => of(versions::CLASSIC_ADMINISTRATORS, "classicAdministrators"),
        Target::ProviderOperations | Target::ProviderOperation(_) => {
            of(versions::PROVIDER_OPERATIONS, "providerOperations")
        }
        Target::Messages(_) | Target::Message(..) | Target::MessageAction(..) => {
            of(versions::OWN, "messages")
        }
        Target::AccessAnswer(..) => of(versions::OWN, "explain"),
    })
}

/// The versions of a provider's own operations: those of its first type, which has existed for longest.
fn operations(resources: &Resources, namespace: &str) -> &'static [&'static str] {
    let longest = resources
        .registry()
        .infos()
        .filter(|info| info.namespace.eq_ignore_ascii_case(namespace))
        .map(|info| info.api_versions)
        .max_by_key(|versions| versions.len());
    longest.unwrap_or(versions::RESOURCES)
}
