//! An event as it is stored and shown: `EventData` of Microsoft.Insights, with what clients of Azure expect in it.

use gatepost_access::{Caller, Denied};
use gatepost_clock::{Timestamp, arm_format};
use gatepost_names::{PrincipalKind, Scope};
use gatepost_store::activity::{EventRow, RefusedAction};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::outcome::status_name;

/// Most characters of a text that a client or an error brought.
const LONGEST_TEXT: usize = 2048;
/// .NET counts time in steps of 100 ns from the year 1: this is 1970.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;

/// What happened.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) caller: &'a Caller,
    pub(super) at: Timestamp,
    /// The action that was asked for.
    pub(super) action: &'a str,
    /// What people call the action.
    pub(super) action_name: &'a str,
    /// GET, PUT, … where the edge did not tell.
    pub(super) method: &'a str,
    /// Where: tells the subscription and the resource group.
    pub(super) scope: &'a Scope,
    /// The id of what it is about.
    pub(super) id: &'a str,
    /// The role that allowed it.
    pub(super) role: Option<&'a str>,
    /// Where this server answers, for a request whose address the edge did not tell.
    pub(super) origin: &'a str,
    pub(super) end: End<'a>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End<'a> {
    /// With this status.
    Succeeded(u16),
    /// With this status, error code and text.
    Failed {
        status: u16,
        code: &'a str,
        message: String,
        /// What an administrator is told and the client is not.
        reason: Option<String>,
        /// Who was refused what, where it was access that failed.
        refused: Option<&'a Denied>,
    },
}

impl Event<'_> {
    /// The row of this event. `changed`: whether it is about something that was written.
    pub(super) fn row(&self, changed: bool) -> EventRow {
        let refused = match &self.end {
            End::Failed { refused: Some(denied), .. } => Some(RefusedAction {
                object_id: denied.object_id,
                client: denied.client.clone(),
                action: denied.action.clone(),
                scope: denied.scope.to_string(),
            }),
            _ => None,
        };
        EventRow {
            tenant: self.caller.tenant,
            subscription: self.scope.subscription_id(),
            at: self.at.as_microsecond(),
            correlation: self.caller.request.correlation,
            caller_key: self.caller_name().to_lowercase(),
            operation_key: self.action.to_lowercase(),
            provider_key: self.provider().to_lowercase(),
            group_key: self.scope.resource_group().unwrap_or("").to_lowercase(),
            resource_key: self.id.to_lowercase(),
            succeeded: matches!(self.end, End::Succeeded(_)),
            bounded: !changed,
            refused,
            doc: self.shown().to_string(),
        }
    }

    /// What tells this event from others, beside caller, action and id: how it ended.
    pub(super) fn ending(&self) -> (u16, &str) {
        match &self.end {
            End::Succeeded(status) => (*status, ""),
            End::Failed { status, code, .. } => (*status, code),
        }
    }

    /// A user by the principal name, an application by its object id, as Azure's log does.
    fn caller_name(&self) -> String {
        match self.caller.kind {
            PrincipalKind::ServicePrincipal => self.caller.object_id.to_string(),
            PrincipalKind::User | PrincipalKind::Group => self.caller.client.clone(),
        }
    }

    fn provider(&self) -> &str {
        self.action.split('/').next().unwrap_or("")
    }

    /// The type in an action: what stands before the verb.
    fn resource_type(&self) -> &str {
        let Some((stem, verb)) = self.action.rsplit_once('/') else { return self.action };
        if !verb.eq_ignore_ascii_case("action") {
            return stem;
        }
        stem.rsplit_once('/').map_or(stem, |(kind, _)| kind)
    }

    fn shown(&self) -> Value {
        let id = Uuid::new_v4();
        let at = arm_format(self.at);
        let ticks = self.at.as_microsecond().saturating_mul(10).saturating_add(TICKS_AT_EPOCH);
        let correlation = self.caller.request.correlation.to_string();
        let succeeded = matches!(self.end, End::Succeeded(_));
        let (status, _) = self.ending();
        let description = match &self.end {
            End::Succeeded(_) => "",
            End::Failed { message, .. } => short(message),
        };
        json!({
            "authorization": {
                "action": self.action,
                "role": self.role,
                "scope": self.id,
            },
            "caller": self.caller_name(),
            "category": same("Administrative"),
            "channels": "Operation",
            "claims": self.claims(),
            "correlationId": correlation,
            "description": description,
            "eventDataId": id.to_string(),
            "eventName": {"value": "EndRequest", "localizedValue": "End request"},
            "eventTimestamp": at,
            "httpRequest": self.http_request(),
            "id": format!("{}/events/{id}/ticks/{ticks}", self.id.trim_end_matches('/')),
            "level": if succeeded { "Informational" } else { "Error" },
            "operationId": correlation,
            "operationName": {"value": self.action, "localizedValue": self.action_name},
            "properties": self.properties(),
            "resourceGroupName": self.scope.resource_group().unwrap_or(""),
            "resourceId": self.id,
            "resourceProviderName": same(self.provider()),
            "resourceType": same(self.resource_type()),
            "status": same(if succeeded { "Succeeded" } else { "Failed" }),
            "subStatus": {
                "value": status_name(status),
                "localizedValue": format!("{} (HTTP Status Code: {status})", status_name(status)),
            },
            "submissionTimestamp": at,
            "subscriptionId": self.scope.subscription_id().map_or(String::new(), |id| id.to_string()),
            "tenantId": self.caller.tenant.to_string(),
        })
    }

    /// The claims by which Azure's log tells who it was; never the token itself.
    fn claims(&self) -> Value {
        const SCHEMAS: &str = "http://schemas.microsoft.com/identity/claims";
        const XMLSOAP: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
        let caller = self.caller;
        let mut claims = Map::new();
        let mut claim = |name: String, value: String| claims.insert(name, Value::String(value));
        claim(format!("{SCHEMAS}/objectidentifier"), caller.object_id.to_string());
        claim(format!("{SCHEMAS}/tenantid"), caller.tenant.to_string());
        if let Some(app) = caller.app_id {
            claim("appid".to_owned(), app.to_string());
        }
        if caller.kind == PrincipalKind::User {
            claim(format!("{XMLSOAP}/upn"), caller.client.clone());
            claim(format!("{XMLSOAP}/name"), caller.client.clone());
        }
        if let Some(address) = caller.request.address {
            claim("ipaddr".to_owned(), address.to_string());
        }
        Value::Object(claims)
    }

    fn http_request(&self) -> Value {
        let line = self.caller.line.as_deref();
        let fallback = || self.caller.request.correlation.to_string();
        let client_request = line.and_then(|line| line.client_request_id.clone()).unwrap_or_else(fallback);
        json!({
            "clientRequestId": short(&client_request),
            "clientIpAddress": self.caller.request.address.map_or(String::new(), |address| address.to_string()),
            "method": line.map_or(self.method, |line| line.method.as_str()),
            "uri": line.map_or_else(|| format!("{}{}", self.origin, self.id), |line| short(&line.uri).to_owned()),
        })
    }

    /// Texts only: clients read this as a map of strings.
    fn properties(&self) -> Value {
        let (status, code) = self.ending();
        let mut properties = json!({
            "entity": self.id,
            "eventCategory": "Administrative",
            "hierarchy": "",
            "message": self.action,
            "statusCode": status_name(status),
        });
        let mut add = |name: &str, text: String| {
            if let Some(members) = properties.as_object_mut() {
                members.insert(name.to_owned(), Value::String(text));
            }
        };
        if let End::Failed { message, reason, .. } = &self.end {
            let error = json!({"error": {"code": code, "message": short(message)}});
            add("statusMessage", error.to_string());
            if let Some(reason) = reason {
                add("reason", short(reason).to_owned());
            }
        }
        if let Some(app) = self.caller.app_id {
            add("applicationId", app.to_string());
        }
        properties
    }
}

/// A localizable string whose text is its value.
fn same(text: &str) -> Value {
    json!({"value": text, "localizedValue": text})
}

/// The beginning of a text, whole characters.
fn short(text: &str) -> &str {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}
