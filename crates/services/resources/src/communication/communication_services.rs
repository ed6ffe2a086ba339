//! `communicationServices`: what applications send through. It holds links to verified domains, SMTP
//! usernames, and access keys.

use gatepost_names::ResourceId;
use gatepost_store::communication::{self as rows, CommunicationServiceRow};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    OWN, SINCE_2020, access_keys, body, body::Body, catalogue, linked_domains, name_rules, readiness, stored,
};
use crate::ResourceError;
use crate::provider::{
    ActionInfo, ActionReply, Change, Completion, LinkedAccess, Resource, ResourceType, TypeInfo, View,
};
use crate::tree;

pub(super) struct CommunicationServices;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "communicationServices",
    wire_type: "Microsoft.Communication/CommunicationServices",
    action_stem: "Microsoft.Communication/CommunicationServices",
    api_versions: SINCE_2020,
    tracked: true,
    writes: Completion::LongRunning,
    deletes: Completion::LongRunning,
    patchable: true,
    actions: &[
        ActionInfo {
            name: "listKeys",
            requires: "Microsoft.Communication/CommunicationServices/ListKeys/action",
            long_running: false,
            api_versions: &[],
        },
        ActionInfo {
            name: "regenerateKey",
            requires: "Microsoft.Communication/CommunicationServices/RegenerateKey/action",
            long_running: false,
            api_versions: &[],
        },
        ActionInfo {
            name: "linkNotificationHub",
            requires: "Microsoft.Communication/CommunicationServices/LinkNotificationHub/action",
            long_running: false,
            api_versions: &[],
        },
        ActionInfo {
            name: "explainSmtpUsername",
            requires: "Microsoft.Communication/CommunicationServices/explainSmtpUsername/action",
            long_running: false,
            api_versions: OWN,
        },
    ],
    operations: catalogue::COMMUNICATION_SERVICES,
};

impl ResourceType for CommunicationServices {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        if name_rules::is_communication_service(name) {
            return Ok(());
        }
        Err(name_rules::refuse(INFO.wire_type, name, "1 to 63 letters, digits, '-' and '_'"))
    }

    /// Managed identities do not exist here yet: the only identity that can be set is none.
    fn identity(
        &self,
        _change: &Change<'_>,
        request: &Value,
        existing: Option<&Resource>,
    ) -> Result<Option<Value>, ResourceError> {
        let Some(identity) = request.get("identity").filter(|identity| !identity.is_null()) else {
            return Ok(existing.and_then(|e| e.identity.clone()));
        };
        match identity.get("type").and_then(Value::as_str) {
            Some(kind) if kind.eq_ignore_ascii_case("None") => Ok(Some(json!({"type": "None"}))),
            Some(kind) => Err(ResourceError::BadRequest {
                code: "IdentityTypeNotSupported",
                message: format!("The identity type '{kind}' is not supported by this server; 'None' is."),
            }),
            None => Err(ResourceError::InvalidProperty {
                target: "identity.type".into(),
                message: "The property 'identity.type' is required.".into(),
            }),
        }
    }

    fn linked_access(&self, request: &Value, existing: Option<&Resource>) -> Vec<LinkedAccess> {
        linked_domains::access_needed(request, existing)
    }

    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let wanted = Body::properties(request)?;
        let data_location = body::data_location(&wanted, id, existing.map(|e| &e.properties))?;
        if existing.is_none() && rows::service_by_name(change.tx, &id.name().to_lowercase())?.is_some() {
            return Err(name_rules::refuse_taken(id.name()));
        }
        let kept = |name: &str| existing.and_then(|e| e.properties.get(name)).cloned();
        let mut properties = Map::new();
        properties.insert("dataLocation".into(), data_location.into());
        properties.extend(kept("notificationHubId").map(|hub| ("notificationHubId".to_owned(), hub)));
        let immutable_id = kept("immutableResourceId").unwrap_or_else(|| Uuid::new_v4().to_string().into());
        properties.insert("immutableResourceId".into(), immutable_id);
        properties.insert("linkedDomains".into(), json!([]));
        properties.insert("publicNetworkAccess".into(), "Enabled".into());
        properties.insert("disableLocalAuth".into(), false.into());
        set_changeable(change, &wanted, &mut properties)?;
        Ok(properties)
    }

    fn patch(
        &self,
        change: &Change<'_>,
        existing: &Resource,
        request: &Value,
    ) -> Result<Map<String, Value>, ResourceError> {
        let mut properties = existing.properties.clone();
        set_changeable(change, &Body::properties(request)?, &mut properties)?;
        Ok(properties)
    }

    fn written(&self, change: &Change<'_>, resource: &Resource, created: bool) -> Result<(), ResourceError> {
        let service_key = resource.id.scope().key();
        if created {
            let row = CommunicationServiceRow {
                name_key: resource.id.name().to_lowercase(),
                service_key: service_key.to_owned(),
                service_id: resource.id.as_str().to_owned(),
                tenant: change.caller.tenant,
                access_keys: [access_keys::generate()?, access_keys::generate()?],
            };
            rows::insert_service(change.tx, &row)?;
        }
        let linked: Vec<String> =
            linked_domains::ids(&resource.properties).map(|domain| domain.to_lowercase()).collect();
        Ok(rows::set_links(change.tx, service_key, &linked)?)
    }

    fn deleting(&self, change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        Ok(rows::delete_service(change.tx, resource.id.scope().key())?)
    }

    fn show(&self, view: &View<'_>, resource: &Resource) -> Result<Map<String, Value>, ResourceError> {
        let mut shown = stored::succeeded(&resource.properties);
        let host_name = access_keys::host_name(&view.platform.origins, resource.id.name());
        shown.insert("hostName".into(), host_name.into());
        shown.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        Ok(shown)
    }

    fn act(
        &self,
        change: &Change<'_>,
        name: &str,
        resource: &Resource,
        request: &Value,
    ) -> Result<ActionReply, ResourceError> {
        match name {
            "listKeys" => Ok(ActionReply::Done(show_keys(change, resource, &keys_of(change, resource)?))),
            "regenerateKey" => regenerate_key(change, resource, request),
            "linkNotificationHub" => link_notification_hub(change, resource, request),
            "explainSmtpUsername" => {
                let username = Body::whole(request)?.text("username")?;
                let readiness = readiness::explain(change.platform, change.tx, &resource.id, username)?;
                Ok(ActionReply::Done(readiness.to_json()))
            }
            _ => Err(ResourceError::MethodNotAllowed),
        }
    }
}

/// What both PUT and PATCH may set; what the body leaves out stays as it is in `properties`.
fn set_changeable(
    change: &Change<'_>,
    wanted: &Body<'_>,
    properties: &mut Map<String, Value>,
) -> Result<(), ResourceError> {
    if let Some(list) = wanted.value("linkedDomains") {
        let linked = linked_domains::check(change, stored::text(properties, "dataLocation"), list)?;
        properties.insert("linkedDomains".into(), linked.into());
    }
    let access = &["Enabled", "Disabled", "SecuredByPerimeter"];
    if let Some(access) = wanted.optional_choice("publicNetworkAccess", access)? {
        properties.insert("publicNetworkAccess".into(), access.into());
    }
    if let Some(disabled) = wanted.optional_bool("disableLocalAuth")? {
        properties.insert("disableLocalAuth".into(), disabled.into());
    }
    Ok(())
}

fn keys_of(change: &Change<'_>, resource: &Resource) -> Result<[Vec<u8>; 2], ResourceError> {
    let row = rows::service(change.tx, resource.id.scope().key())?
        .ok_or_else(|| gatepost_store::StoreError::Corrupt(format!("{} has no access keys", resource.id)))?;
    Ok(row.access_keys)
}

fn show_keys(change: &Change<'_>, resource: &Resource, keys: &[Vec<u8>; 2]) -> Value {
    access_keys::show(&change.platform.origins, resource.id.name(), keys)
}

fn regenerate_key(
    change: &Change<'_>,
    resource: &Resource,
    request: &Value,
) -> Result<ActionReply, ResourceError> {
    let kind = Body::whole(request)?.choice("keyType", &["Primary", "Secondary"])?;
    let [mut primary, mut secondary] = keys_of(change, resource)?;
    let fresh = access_keys::generate()?;
    if kind == "Primary" {
        primary = fresh
    } else {
        secondary = fresh
    }
    let keys = [primary, secondary];
    rows::set_access_keys(change.tx, resource.id.scope().key(), &keys)?;
    Ok(ActionReply::Done(show_keys(change, resource, &keys)))
}

/// Remembers which hub is linked. This server sends no push notifications, so the connection string, which is
/// a secret, is checked and dropped. Without a body it answers what is linked.
fn link_notification_hub(
    change: &Change<'_>,
    resource: &Resource,
    request: &Value,
) -> Result<ActionReply, ResourceError> {
    let parameters = Body::whole(request)?;
    let linked = resource.properties.get("notificationHubId");
    if let (true, Some(hub)) = (parameters.is_empty(), linked) {
        return Ok(ActionReply::Done(json!({"resourceId": hub})));
    }
    let hub = parameters.text("resourceId")?;
    parameters.text("connectionString")?;
    let hub = ResourceId::parse(hub)
        .map_err(|_| parameters.invalid("resourceId", "must be the id of a resource"))?;
    let mut changed = resource.clone();
    changed.properties.insert("notificationHubId".into(), hub.as_str().into());
    tree::update(change, &changed)?;
    Ok(ActionReply::Done(json!({"resourceId": hub.as_str()})))
}
