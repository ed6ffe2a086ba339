//! The actions of this provider on a subscription.

use gatepost_access::Caller;
use gatepost_names::SubscriptionId;
use gatepost_store::{Conn, communication as rows};
use serde_json::{Value, json};

use super::body::Body;
use super::{SINCE_2020, SINCE_2021, communication_services, email_services, name_rules};
use crate::ResourceError;
use crate::provider::{ActionReply, Platform};

/// A POST to `/subscriptions/{id}/providers/Microsoft.Communication/{name}`.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionAction {
    /// The last segment of the path, canonical case.
    pub name: &'static str,
    /// What the caller needs at the subscription.
    pub requires: &'static str,
    /// Newest first.
    pub api_versions: &'static [&'static str],
    /// Does it; the caller was let through before.
    pub act: fn(&SubscriptionRequest<'_>) -> Result<ActionReply, ResourceError>,
}

/// What such an action is given.
pub struct SubscriptionRequest<'a> {
    /// A snapshot to read from.
    pub conn: &'a Conn<'a>,
    /// The services below.
    pub platform: &'a Platform,
    /// Who asks.
    pub caller: &'a Caller,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The body; `null` where there is none.
    pub body: &'a Value,
}

/// The actions of this provider on a subscription.
pub fn subscription_actions() -> &'static [SubscriptionAction] {
    &[
        SubscriptionAction {
            name: "checkNameAvailability",
            requires: "Microsoft.Communication/CheckNameAvailability/action",
            api_versions: SINCE_2020,
            act: check_name_availability,
        },
        SubscriptionAction {
            name: "listVerifiedExchangeOnlineDomains",
            requires: "Microsoft.Communication/EmailServices/verifiedExchangeOnlineDomains/action",
            api_versions: SINCE_2021,
            act: list_verified_exchange_online_domains,
        },
    ]
}

/// The name of a communication service must be free on the whole server; that of an e-mail service in its
/// resource group only, so that here it is always free.
fn check_name_availability(request: &SubscriptionRequest<'_>) -> Result<ActionReply, ResourceError> {
    let parameters = Body::whole(request.body)?;
    let name = parameters.text("name")?;
    let communication = communication_services::INFO.wire_type;
    let kind = parameters.choice("type", &[communication, email_services::INFO.wire_type])?;
    let is_valid = if kind == communication {
        name_rules::is_communication_service(name)
    } else {
        name_rules::is_email_service(name)
    };
    let unavailable =
        |reason: &str, message: String| json!({"nameAvailable": false, "reason": reason, "message": message});
    if !is_valid {
        let message = format!("The name '{name}' is not valid for a resource of type '{kind}'.");
        return Ok(ActionReply::Done(unavailable("Invalid", message)));
    }
    if kind == communication && rows::service_by_name(request.conn, &name.to_lowercase())?.is_some() {
        let message = format!("The name '{name}' is already in use.");
        return Ok(ActionReply::Done(unavailable("AlreadyExists", message)));
    }
    Ok(ActionReply::Done(json!({"nameAvailable": true})))
}

/// There is no Exchange Online here, so no domain is verified in it.
fn list_verified_exchange_online_domains(
    _request: &SubscriptionRequest<'_>,
) -> Result<ActionReply, ResourceError> {
    Ok(ActionReply::Done(json!([])))
}
