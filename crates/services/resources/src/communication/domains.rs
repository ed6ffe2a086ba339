//! `emailServices/domains`: a domain to send from, and how far its verification is.
//!
//! A domain that the server provides (`AzureManaged`) is verified at once. One of the customer's own shows
//! the DNS records to publish; a verification can be asked for, but it stays `NotStarted` because this server
//! does not look at DNS yet. Two e-mail services may hold the same custom domain: until it is verified nobody
//! owns it.

use gatepost_names::{DomainName, ResourceId};
use gatepost_store::communication as rows;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::name_rules::{self, AZURE_MANAGED_DOMAIN, AZURE_MANAGED_PARENT};
use super::{SINCE_2021, body, body::Body, catalogue, sender_usernames, stored, verification};
use crate::ResourceError;
use crate::provider::{ActionInfo, ActionReply, Change, Completion, Resource, ResourceType, TypeInfo, View};
use crate::tree;

pub(super) struct Domains;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "emailServices/domains",
    wire_type: "Microsoft.Communication/EmailServices/Domains",
    action_stem: "Microsoft.Communication/EmailServices/Domains",
    api_versions: SINCE_2021,
    tracked: true,
    writes: Completion::LongRunning,
    deletes: Completion::LongRunning,
    patchable: true,
    actions: &[
        ActionInfo {
            name: "initiateVerification",
            requires: "Microsoft.Communication/EmailServices/Domains/InitiateVerification/action",
            long_running: true,
            api_versions: &[],
        },
        ActionInfo {
            name: "cancelVerification",
            requires: "Microsoft.Communication/EmailServices/Domains/CancelVerification/action",
            long_running: true,
            api_versions: &[],
        },
    ],
    operations: catalogue::DOMAINS,
};

const AZURE_MANAGED: &str = "AzureManaged";
const MANAGEMENT: &[&str] = &[AZURE_MANAGED, "CustomerManaged", "CustomerManagedInExchangeOnline"];
const TRACKING: &[&str] = &["Disabled", "Enabled"];

impl ResourceType for Domains {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        if name_rules::is_domain(name) {
            return Ok(());
        }
        let rule =
            format!("'{AZURE_MANAGED_DOMAIN}', or a domain name of your own such as 'mail.contoso.com'");
        Err(name_rules::refuse(INFO.wire_type, name, &rule))
    }

    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let wanted = Body::properties(request)?;
        let management = wanted.choice("domainManagement", MANAGEMENT)?;
        let tracking = wanted.optional_choice("userEngagementTracking", TRACKING)?.unwrap_or("Disabled");
        let mut properties = match existing {
            None => created(change, id, &wanted, management)?,
            Some(domain) if stored::text(&domain.properties, "domainManagement") == management => {
                domain.properties.clone()
            }
            Some(_) => return Err(body::fixed_at_creation("domainManagement", id)),
        };
        properties.insert("userEngagementTracking".into(), tracking.into());
        Ok(properties)
    }

    fn patch(
        &self,
        _change: &Change<'_>,
        existing: &Resource,
        request: &Value,
    ) -> Result<Map<String, Value>, ResourceError> {
        let mut properties = existing.properties.clone();
        let wanted = Body::properties(request)?;
        if let Some(tracking) = wanted.optional_choice("userEngagementTracking", TRACKING)? {
            properties.insert("userEngagementTracking".into(), tracking.into());
        }
        Ok(properties)
    }

    /// Every domain begins with one sender.
    fn written(&self, change: &Change<'_>, resource: &Resource, created: bool) -> Result<(), ResourceError> {
        if created { sender_usernames::insert_default(change, resource) } else { Ok(()) }
    }

    fn deleting(&self, change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        let services = rows::services_of_domain(change.tx, resource.id.scope().key())?;
        let names: Vec<&str> = services.iter().filter_map(|key| key.rsplit('/').next()).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(ResourceError::Conflict {
            code: "DomainLinked",
            message: format!(
                "The domain '{}' cannot be deleted: it is linked to the communication service '{}'. Remove it from \
                 the service's linkedDomains first.",
                resource.id.name(),
                names.join("', '")
            ),
        })
    }

    fn show(&self, _view: &View<'_>, resource: &Resource) -> Result<Map<String, Value>, ResourceError> {
        Ok(stored::succeeded(&resource.properties))
    }

    fn act(
        &self,
        _change: &Change<'_>,
        name: &str,
        resource: &Resource,
        request: &Value,
    ) -> Result<ActionReply, ResourceError> {
        if !INFO.actions.iter().any(|action| action.name == name) {
            return Err(ResourceError::MethodNotAllowed);
        }
        Body::whole(request)?.choice("verificationType", &verification::TYPES)?;
        if stored::text(&resource.properties, "domainManagement") == AZURE_MANAGED {
            return Err(ResourceError::BadRequest {
                code: "DomainVerificationNotApplicable",
                message: "A domain that Azure manages is verified when it is created.".into(),
            });
        }
        Ok(ActionReply::Accepted)
    }
}

/// The name under which a domain sends.
pub(super) fn sender_domain(properties: &Map<String, Value>) -> Option<DomainName> {
    DomainName::parse(stored::text(properties, "fromSenderDomain")).ok()
}

/// The properties of a new domain.
fn created(
    change: &Change<'_>,
    id: &ResourceId,
    wanted: &Body<'_>,
    management: &'static str,
) -> Result<Map<String, Value>, ResourceError> {
    let is_managed = management == AZURE_MANAGED;
    if is_managed != id.name().eq_ignore_ascii_case(AZURE_MANAGED_DOMAIN) {
        let rule =
            format!("must be '{AZURE_MANAGED}' for the name '{AZURE_MANAGED_DOMAIN}', and only for it");
        return Err(wanted.invalid("domainManagement", &rule));
    }
    let random = Uuid::new_v4();
    let name = if is_managed { format!("{random}.{AZURE_MANAGED_PARENT}") } else { id.name().to_owned() };
    let domain = DomainName::parse(&name)
        .map_err(|error| name_rules::refuse(INFO.wire_type, id.name(), &error.to_string()))?;
    let (states, records) = if is_managed {
        (verification::states("Verified"), json!({}))
    } else {
        (verification::states("NotStarted"), verification::records(&domain, random))
    };
    let mut properties = Map::new();
    properties.insert("dataLocation".into(), parent_data_location(change, id)?.into());
    properties.insert("fromSenderDomain".into(), domain.as_str().into());
    properties.insert("mailFromSenderDomain".into(), domain.as_str().into());
    properties.insert("domainManagement".into(), management.into());
    properties.insert("verificationStates".into(), states);
    properties.insert("verificationRecords".into(), records);
    Ok(properties)
}

/// The data location that a resource inherits from its parent.
pub(super) fn parent_data_location(change: &Change<'_>, id: &ResourceId) -> Result<String, ResourceError> {
    let parent = match id.parent_resource() {
        Some(parent) => tree::find(change.tx, &parent)?,
        None => None,
    };
    let parent = parent.ok_or_else(|| ResourceError::ParentResourceNotFound(id.to_string()))?;
    Ok(stored::text(&parent.properties, "dataLocation").to_owned())
}
