//! The catalogue of operations, and the providers that have them.
//!
//! It is made of what the resource types say of themselves. Custom roles are checked against it, the list of
//! provider operations and the portal's permission picker show it.

use std::collections::HashSet;

use gatepost_access::Caller;
use gatepost_names::{Scope, SubscriptionId};
use gatepost_rbac::{Plane, builtin};
use serde_json::{Value, json};

use crate::access_answers::{self, Sizes};
use crate::activity::{self, Intended};
use crate::provider::Operation;
use crate::registry::Registry;
use crate::{
    ResourceError, Resources, authorization, communication, locations, mail, management_groups, versions,
};

/// All operations of this server.
pub struct Catalogue {
    /// Namespace and operations, in the order in which providers are listed.
    providers: Vec<(&'static str, &'static str, Vec<Operation>)>,
    control: HashSet<String>,
    data: HashSet<String>,
    pub(crate) sizes: Sizes,
}

impl Catalogue {
    pub(crate) fn of(registry: &Registry) -> Catalogue {
        let mut providers: Vec<(&'static str, &'static str, Vec<Operation>)> = vec![
            ("Microsoft.Authorization", "Microsoft Authorization", authorization::OPERATIONS.to_vec()),
            ("Microsoft.Resources", "Microsoft Resources", RESOURCES.to_vec()),
            (management_groups::NAMESPACE, "Microsoft Management", management_groups::OPERATIONS.to_vec()),
            (activity::NAMESPACE, "Microsoft Insights", activity::OPERATIONS.to_vec()),
            (mail::NAMESPACE, "Gatepost mail queue", mail::OPERATIONS.to_vec()),
            (access_answers::NAMESPACE, "Gatepost access", access_answers::OPERATIONS.to_vec()),
        ];
        for info in registry.infos() {
            match providers.iter_mut().find(|(namespace, ..)| *namespace == info.namespace) {
                Some((.., operations)) => operations.extend(info.operations),
                None => {
                    let mut operations = Vec::new();
                    if info.namespace == communication::NAMESPACE {
                        operations.extend(communication::provider_operations());
                    }
                    operations.extend(info.operations);
                    providers.push((info.namespace, info.namespace, operations));
                }
            }
        }
        let names = |data: bool| {
            let all = providers.iter().flat_map(|(.., operations)| operations);
            all.filter(|o| o.is_data_action == data).map(|o| o.name.to_lowercase()).collect()
        };
        Catalogue { control: names(false), data: names(true), providers, sizes: Sizes::default() }
    }

    /// Whether a custom role may name this action: it is an operation here, or a built-in role names it (so that
    /// every built-in role can be cloned).
    pub fn knows(&self, action: &str, plane: Plane) -> bool {
        let own = match plane {
            Plane::Control => &self.control,
            Plane::Data => &self.data,
        };
        own.contains(&action.to_lowercase()) || builtin::names_action(action, plane)
    }

    /// What people call an action; the action itself where it is no operation here.
    pub(crate) fn display_name<'a>(&'a self, action: &'a str) -> &'a str {
        let mut all = self.providers.iter().flat_map(|(.., operations)| operations);
        all.find(|operation| operation.name.eq_ignore_ascii_case(action))
            .map_or(action, |operation| operation.display_name)
    }

    /// Namespace, display name and operations of each provider.
    pub fn providers(&self) -> impl Iterator<Item = (&'static str, &'static str, &[Operation])> {
        self.providers
            .iter()
            .map(|(namespace, display, operations)| (*namespace, *display, operations.as_slice()))
    }

    fn provider(&self, namespace: &str) -> Option<(&'static str, &'static str, &[Operation])> {
        self.providers().find(|(known, ..)| known.eq_ignore_ascii_case(namespace))
    }
}

macro_rules! resources_operations {
    ($($name:literal, $display:literal;)*) => {
        &[$(Operation {
            name: concat!("Microsoft.Resources/", $name),
            display_name: $display,
            description: concat!($display, "."),
            is_data_action: false,
        }),*]
    };
}

/// Of Microsoft.Resources, those that exist here.
const RESOURCES: &[Operation] = resources_operations! {
    "checkResourceName/action", "Check whether a resource name is allowed";
    "providers/read", "List resource providers";
    "resources/read", "List resources";
    "tenants/read", "List tenants";
    "subscriptions/read", "List subscriptions";
    "subscriptions/locations/read", "List the locations of a subscription";
    "subscriptions/operationresults/read", "Read the result of an operation";
    "subscriptions/providers/read", "List the resource providers of a subscription";
    "subscriptions/resources/read", "List the resources of a subscription";
    "subscriptions/resourceGroups/read", "Read resource groups";
    "subscriptions/resourceGroups/write", "Create resource groups or change them";
    "subscriptions/resourceGroups/delete", "Delete resource groups with all that is in them";
    "subscriptions/resourcegroups/resources/read", "List the resources of a resource group";
};

impl Resources {
    /// The providers of a subscription, or of the tenant.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] without any role in the subscription.
    pub fn providers(
        &self,
        caller: &Caller,
        subscription: Option<SubscriptionId>,
    ) -> Result<Vec<Value>, ResourceError> {
        self.may_see_providers(caller, subscription)?;
        Ok(self.catalogue().providers().map(|(ns, ..)| self.provider_body(subscription, ns)).collect())
    }

    /// One provider.
    ///
    /// # Errors
    /// [`ResourceError::InvalidResourceNamespace`]; as [`Resources::providers`].
    pub fn provider(
        &self,
        caller: &Caller,
        subscription: Option<SubscriptionId>,
        namespace: &str,
    ) -> Result<Value, ResourceError> {
        self.may_see_providers(caller, subscription)?;
        let (known, ..) = self.known_provider(namespace)?;
        Ok(self.provider_body(subscription, known))
    }

    /// Registers or unregisters a provider: all are always registered here.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::InvalidResourceNamespace`].
    pub fn register_provider(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        namespace: &str,
        register: bool,
    ) -> Result<Value, ResourceError> {
        let verb = if register { "register" } else { "unregister" };
        let (action, scope) = (format!("{namespace}/{verb}/action"), Scope::subscription(subscription));
        self.change(caller, Intended::post(&action, &scope), |attempt| {
            attempt.perform(|| {
                let (known, ..) = self.known_provider(namespace)?;
                Ok(self.provider_body(Some(subscription), known))
            })
        })
    }

    /// `providerOperations` of all providers.
    pub fn provider_operations(&self) -> Vec<Value> {
        self.catalogue()
            .providers()
            .map(|(ns, display, ops)| self.operations_body(ns, display, ops))
            .collect()
    }

    /// `providerOperations` of one.
    ///
    /// # Errors
    /// [`ResourceError::InvalidResourceNamespace`].
    pub fn provider_operations_of(&self, namespace: &str) -> Result<Value, ResourceError> {
        let (known, display, operations) = self.known_provider(namespace)?;
        Ok(self.operations_body(known, display, operations))
    }

    /// `/providers/{namespace}/operations`: the flat list.
    ///
    /// # Errors
    /// [`ResourceError::InvalidResourceNamespace`].
    pub fn operations_of(&self, namespace: &str) -> Result<Vec<Value>, ResourceError> {
        let (known, display, operations) = self.known_provider(namespace)?;
        Ok(operations
            .iter()
            .map(|operation| {
                json!({
                    "name": operation.name,
                    "isDataAction": operation.is_data_action,
                    "display": {
                        "provider": display,
                        "resource": type_of_action(operation.name, known),
                        "operation": operation.display_name,
                        "description": operation.description,
                    },
                    "origin": "user,system",
                })
            })
            .collect())
    }

    fn known_provider(
        &self,
        namespace: &str,
    ) -> Result<(&'static str, &'static str, &[Operation]), ResourceError> {
        self.catalogue()
            .provider(namespace)
            .ok_or_else(|| ResourceError::InvalidResourceNamespace(namespace.to_owned()))
    }

    fn may_see_providers(
        &self,
        caller: &Caller,
        subscription: Option<SubscriptionId>,
    ) -> Result<(), ResourceError> {
        match subscription {
            Some(id) => self.sees(caller, "Microsoft.Resources/subscriptions/providers/read", id),
            // What providers there are is no secret of any tenant.
            None => Ok(()),
        }
    }

    fn provider_body(&self, subscription: Option<SubscriptionId>, namespace: &str) -> Value {
        let mut types: Vec<Value> = self
            .registry()
            .types()
            .filter(|kind| kind.info().namespace == namespace)
            .map(|kind| {
                let info = kind.info();
                let name = info.wire_type.split_once('/').map_or(info.path, |(_, path)| path);
                let capabilities = if info.tracked { "SupportsTags, SupportsLocation" } else { "None" };
                let places: Vec<&str> = kind.locations().iter().map(|l| locations::display_name(l)).collect();
                resource_type(name, &places, info.api_versions, capabilities)
            })
            .collect();
        types.extend(
            versions::of_namespace(namespace)
                .iter()
                .map(|(name, versions)| resource_type(name, &[], versions, "None")),
        );
        let base = subscription.map_or(String::new(), |id| format!("/subscriptions/{id}"));
        json!({
            "id": format!("{base}/providers/{namespace}"),
            "namespace": namespace,
            "resourceTypes": types,
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationFree",
        })
    }

    fn operations_body(&self, namespace: &str, display: &str, operations: &[Operation]) -> Value {
        let mut types: Vec<(String, Vec<Value>)> = Vec::new();
        let mut own = Vec::new();
        for operation in operations {
            let body = json!({
                "name": operation.name,
                "displayName": operation.display_name,
                "description": operation.description,
                "origin": "user,system",
                "properties": null,
                "isDataAction": operation.is_data_action,
            });
            let name = type_of_action(operation.name, namespace);
            if name.is_empty() {
                own.push(body);
                continue;
            }
            match types.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                Some((_, list)) => list.push(body),
                None => types.push((name, vec![body])),
            }
        }
        let types: Vec<Value> = types
            .into_iter()
            .map(|(name, operations)| json!({"name": name, "displayName": name, "operations": operations}))
            .collect();
        json!({
            "id": format!("/providers/Microsoft.Authorization/providerOperations/{namespace}"),
            "type": "Microsoft.Authorization/providerOperations",
            "name": namespace,
            "displayName": display,
            "operations": own,
            "resourceTypes": types,
        })
    }
}

fn resource_type(name: &str, locations: &[&str], versions: &[&str], capabilities: &str) -> Value {
    let default = versions.iter().find(|v| !v.contains('-') || !v.ends_with("preview")).or(versions.first());
    json!({
        "resourceType": name,
        "locations": locations,
        "apiVersions": versions,
        "defaultApiVersion": default,
        "capabilities": capabilities,
    })
}

/// The type of an action without its namespace: `EmailServices/Domains` of
/// `Microsoft.Communication/EmailServices/Domains/InitiateVerification/action`.
fn type_of_action(action: &str, namespace: &str) -> String {
    let rest = action.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('/')).unwrap_or(action);
    let mut parts: Vec<&str> = rest.split('/').collect();
    let verb = parts.pop().unwrap_or("");
    if verb.eq_ignore_ascii_case("action") {
        parts.pop();
    }
    parts.join("/")
}
