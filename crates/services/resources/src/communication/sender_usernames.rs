//! `emailServices/domains/senderUsernames`: the addresses that a domain sends from ("MailFrom addresses").
//!
//! Unlike Azure with its default limits, senders can be added to every domain, one that the server provides
//! included: the limit has no purpose on a server of one's own.

use gatepost_names::{DomainName, EmailAddress, ResourceId};
use serde_json::{Map, Value};

use super::{SINCE_2021, body::Body, catalogue, domains, name_rules, stored};
use crate::ResourceError;
use crate::provider::{Change, Completion, Resource, ResourceType, TypeInfo, View};
use crate::tree;

pub(super) struct SenderUsernames;

pub(super) static INFO: TypeInfo = TypeInfo {
    namespace: super::NAMESPACE,
    path: "emailServices/domains/senderUsernames",
    wire_type: "Microsoft.Communication/EmailServices/Domains/SenderUsernames",
    action_stem: "Microsoft.Communication/EmailServices/Domains/SenderUsernames",
    api_versions: SINCE_2021,
    tracked: false,
    writes: Completion::Synchronous,
    deletes: Completion::Synchronous,
    patchable: false,
    actions: &[],
    operations: catalogue::SENDER_USERNAMES,
};

/// Senders that one domain may have (reference acs-email.md section 7).
const MOST: usize = 100;
/// Characters of a display name.
const MOST_DISPLAY_NAME: usize = 256;

impl ResourceType for SenderUsernames {
    fn info(&self) -> &'static TypeInfo {
        &INFO
    }

    fn check_name(&self, name: &str) -> Result<(), ResourceError> {
        let sample = DomainName::parse("example.com").ok().and_then(|domain| address(name, &domain));
        if sample.is_some() {
            return Ok(());
        }
        Err(name_rules::refuse(INFO.wire_type, name, "the part of an e-mail address before its '@'"))
    }

    fn put(
        &self,
        change: &Change<'_>,
        id: &ResourceId,
        request: &Value,
        existing: Option<&Resource>,
    ) -> Result<Map<String, Value>, ResourceError> {
        let wanted = Body::properties(request)?;
        let username = wanted.text("username")?;
        if username.to_lowercase() != id.name().to_lowercase() {
            let rule = format!("must be the name of the resource, '{}'", id.name());
            return Err(wanted.invalid("username", &rule));
        }
        let display_name = wanted.optional_line("displayName", MOST_DISPLAY_NAME)?;
        let location = domains::parent_data_location(change, id)?;
        if existing.is_none() {
            check_room(change, id)?;
        }
        let mut properties = Map::new();
        properties.insert("dataLocation".into(), location.into());
        properties.insert("username".into(), username.into());
        properties.extend(display_name.map(|name| ("displayName".to_owned(), name.into())));
        Ok(properties)
    }

    fn show(&self, _view: &View<'_>, resource: &Resource) -> Result<Map<String, Value>, ResourceError> {
        Ok(stored::succeeded(&resource.properties))
    }
}

/// The address that a sender username stands for; `None` unless it is a local part.
pub(super) fn address(username: &str, domain: &DomainName) -> Option<EmailAddress> {
    let address = EmailAddress::parse(&format!("{username}@{domain}")).ok()?;
    (!username.contains(['@', '"'])).then_some(address)
}

/// Adds the sender that every domain begins with.
pub(super) fn insert_default(change: &Change<'_>, domain: &Resource) -> Result<(), ResourceError> {
    let id = domain.id.scope().join("senderUsernames/donotreply").ok().and_then(ResourceId::from_scope);
    let id = id.ok_or_else(|| ResourceError::InvalidName("The id would be too long.".into()))?;
    let mut properties = Map::new();
    properties.insert("dataLocation".into(), stored::text(&domain.properties, "dataLocation").into());
    properties.insert("username".into(), "donotreply".into());
    properties.insert("displayName".into(), "DoNotReply".into());
    Ok(tree::insert_child(change, tree::new_resource(change, id, None, properties))?)
}

fn check_room(change: &Change<'_>, id: &ResourceId) -> Result<(), ResourceError> {
    let Some(domain) = id.parent_resource() else { return Ok(()) };
    if tree::children(change.tx, &domain, INFO.path)?.len() < MOST {
        return Ok(());
    }
    Err(ResourceError::BadRequest {
        code: "QuotaExceeded",
        message: format!("A domain can have at most {MOST} sender usernames."),
    })
}
