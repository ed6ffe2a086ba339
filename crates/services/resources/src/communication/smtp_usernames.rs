//! `communicationServices/smtpUsernames`: a name to sign in to SMTP with, and the application that it stands
//! for (reference acs-email.md section 3).
//!
//! The username alone selects the service, so it is unique on the whole server, ignoring letter case. It may
//! equal the resource's name. The application need not exist yet: readiness tells.

use gatepost_names::{ApplicationId, EmailAddress, ResourceId, TenantId};
use gatepost_store::communication::{self as rows, SmtpUsernameRow};
use serde_json::{Map, Value};

use super::{OWN, SINCE_2024, body::Body, catalogue, name_rules, readiness, sending, stored, username};
use crate::ResourceError;
use crate::provider::{ActionInfo, ActionReply, Change, Completion, Resource, ResourceType, TypeInfo};

pub(super) struct SmtpUsernames;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "communicationServices/smtpUsernames",
    wire_type: "Microsoft.Communication/CommunicationServices/SmtpUsernames",
    action_stem: "Microsoft.Communication/CommunicationServices/SmtpUsernames",
    api_versions: SINCE_2024,
    tracked: false,
    writes: Completion::Synchronous,
    deletes: Completion::Synchronous,
    patchable: false,
    actions: &[ActionInfo {
        name: "checkReadiness",
        requires: "Microsoft.Communication/CommunicationServices/SmtpUsernames/checkReadiness/action",
        long_running: false,
        api_versions: OWN,
    }],
    operations: catalogue::SMTP_USERNAMES,
};

impl ResourceType for SmtpUsernames {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        if name_rules::is_plain(name, 253) {
            return Ok(());
        }
        Err(name_rules::refuse(INFO.wire_type, name, "1 to 253 letters, digits and '-'"))
    }

    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        _existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let wanted = Body::properties(request)?;
        let username = wanted.text("username")?;
        check_form(&wanted, username)?;
        let app_id: ApplicationId = username::guid(wanted.text("entraApplicationId")?)
            .ok_or_else(|| wanted.invalid("entraApplicationId", "must be a GUID"))?;
        let tenant: TenantId = username::guid(wanted.text("tenantId")?)
            .ok_or_else(|| wanted.invalid("tenantId", "must be a GUID"))?;
        if tenant != change.caller.tenant {
            return Err(wanted.invalid("tenantId", "must be the tenant of the subscription"));
        }
        if username.contains('@') {
            check_domain(change, id, &wanted, username)?;
        }
        check_unique(change, id, username)?;
        let mut properties = Map::new();
        properties.insert("username".into(), username.into());
        properties.insert("entraApplicationId".into(), app_id.to_string().into());
        properties.insert("tenantId".into(), tenant.to_string().into());
        Ok(properties)
    }

    fn written(&self, change: &Change<'_>, resource: &Resource, _created: bool) -> Result<(), ResourceError> {
        let username = stored::text(&resource.properties, "username").to_owned();
        let app_id = username::guid(stored::text(&resource.properties, "entraApplicationId"));
        let service = resource.id.parent_resource();
        let (Some(application), Some(service)) = (app_id, service) else {
            return Err(ResourceError::ParentResourceNotFound(resource.id.to_string()));
        };
        let row = SmtpUsernameRow {
            username_key: username.to_lowercase(),
            username,
            resource_key: resource.id.scope().key().to_owned(),
            service_id: service.as_str().to_owned(),
            tenant: change.caller.tenant,
            application,
        };
        Ok(rows::put_username(change.tx, &row)?)
    }

    fn deleting(&self, change: &Change<'_>, resource: &Resource) -> Result<(), ResourceError> {
        Ok(rows::delete_username(change.tx, resource.id.scope().key())?)
    }

    fn act(
        &self,
        change: &Change<'_>,
        name: &str,
        resource: &Resource,
        _request: &Value,
    ) -> Result<ActionReply, ResourceError> {
        let (Some(service), "checkReadiness") = (resource.id.parent_resource(), name) else {
            return Err(ResourceError::MethodNotAllowed);
        };
        let username = stored::text(&resource.properties, "username");
        let readiness = readiness::explain(change.platform, change.tx, &service, username)?;
        Ok(ActionReply::Done(readiness.to_json()))
    }
}

/// What a username may look like: free text on one line, or an e-mail address; not the legacy form, which
/// stands for something else.
fn check_form(wanted: &Body<'_>, username: &str) -> Result<(), ResourceError> {
    if username.len() > username::MOST_OCTETS {
        let rule = format!("must have at most {} octets in UTF-8", username::MOST_OCTETS);
        return Err(wanted.invalid("username", &rule));
    }
    if username.chars().any(char::is_control) || username.trim() != username {
        return Err(
            wanted.invalid("username", "must have no control characters, nor begin or end with a space")
        );
    }
    if username::parse_legacy(username).is_some() {
        return Err(wanted.invalid(
            "username",
            "must not end with an application id and a tenant id: such a username needs no resource, it names \
             the communication service itself",
        ));
    }
    if username.contains('@') {
        EmailAddress::parse(username).map_err(|error| {
            wanted.invalid("username", &format!("contains '@' but is not an e-mail address: {error}"))
        })?;
    }
    Ok(())
}

/// In the form of an e-mail address, the domain must be linked to the service.
fn check_domain(
    change: &Change<'_>,
    id: &ResourceId,
    wanted: &Body<'_>,
    username: &str,
) -> Result<(), ResourceError> {
    let service = id.parent_resource().ok_or(ResourceError::MethodNotAllowed)?;
    let facts = sending::ServiceFacts::load(change.tx, &service)?;
    let domain = EmailAddress::parse(username).ok().map(|address| address.domain().clone());
    if domain.as_ref().is_some_and(|domain| facts.is_linked(domain)) {
        return Ok(());
    }
    let domain = domain.map(|domain| domain.to_string()).unwrap_or_default();
    let rule = format!(
        "has the form of an e-mail address, but its domain '{domain}' is not linked to the communication service \
         '{}'",
        service.name()
    );
    Err(wanted.invalid("username", &rule))
}

fn check_unique(change: &Change<'_>, id: &ResourceId, username: &str) -> Result<(), ResourceError> {
    let holder = rows::username(change.tx, &username.to_lowercase())?;
    if holder.is_none_or(|row| row.resource_key == id.scope().key()) {
        return Ok(());
    }
    // SECURITY: the holder may be another tenant's; the refusal says nothing about it.
    Err(ResourceError::Conflict {
        code: "SmtpUsernameInUse",
        message: format!(
            "The SMTP username '{username}' is already in use. SMTP usernames are unique on this server, ignoring \
             letter case."
        ),
    })
}
