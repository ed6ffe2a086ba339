//! What an SMTP username still needs to send: one computation for everybody who asks (the two ARM actions,
//! `gatepost smtp explain`, the portal). When every check passes it is "Ready to use".
//!
//! It asks the same questions as [`super::Sending`], of the same services, but all of them instead of
//! stopping at the first that fails. Who asks has been let through before; what it says is meant for an
//! operator.

use gatepost_clock::{Timestamp, arm_format};
use gatepost_directory::Client;
use gatepost_names::ResourceId;
use gatepost_store::{Conn, StoreError};
use serde::Serialize;
use serde_json::Value;

use super::sending::ServiceFacts;
use super::username::{self, Link, UsernameForm};
use super::{ACTIONS_TO_SEND, Refusal};
use crate::ResourceError;
use crate::provider::Platform;

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What is checked: a fixed word, or the action that must be allowed.
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// A sentence: what holds it up, or what holds.
    pub detail: String,
}

/// Everything about whether a username can send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// The username.
    pub username: String,
    /// How it is written.
    pub form: UsernameForm,
    /// The id of the communication service.
    pub service: String,
    /// The application that it stands for.
    pub entra_application_id: String,
    /// The application's tenant.
    pub tenant_id: String,
    /// Each requirement.
    pub checks: Vec<Check>,
    /// Whether all of them hold.
    pub ready: bool,
    /// `Ready to use` or `Not ready`.
    pub status: &'static str,
    /// The last refusals of this username, newest first.
    pub recent_refusals: Vec<Refusal>,
}

impl Readiness {
    /// As an API answers it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Computes it for a username of this service, in any of its forms.
///
/// # Errors
/// [`ResourceError::NotFound`] when the username stands for nothing at this service: what it may stand for
/// elsewhere is not this caller's to know. [`ResourceError::Store`].
pub(super) fn explain(
    platform: &Platform,
    conn: &Conn<'_>,
    service: &ResourceId,
    username: &str,
) -> Result<Readiness, ResourceError> {
    let resolved = username::resolve(conn, username)?.ok();
    let link = resolved.filter(|link| link.service == *service).ok_or_else(|| ResourceError::NotFound {
        code: "SmtpUsernameNotFound",
        message: format!("The communication service '{}' has no SMTP username '{username}'.", service.name()),
    })?;
    let checks = checks(platform, conn, &link)?;
    let ready = checks.iter().all(|check| check.passed);
    Ok(Readiness {
        recent_refusals: platform.refusals.recent(&link.key),
        username: link.username,
        form: link.form,
        service: link.service.to_string(),
        entra_application_id: link.app_id.to_string(),
        tenant_id: link.tenant.to_string(),
        checks,
        ready,
        status: if ready { "Ready to use" } else { "Not ready" },
    })
}

fn checks(platform: &Platform, conn: &Conn<'_>, link: &Link) -> Result<Vec<Check>, StoreError> {
    let client = platform.directory.client(link.tenant, link.app_id)?;
    let client = client.as_deref();
    let facts = ServiceFacts::load(conn, &link.service)?;
    let mut checks = vec![
        application_exists(link, client),
        application_enabled(client),
        service_principal_exists(client),
        live_credential(client, platform.clock.now()),
    ];
    for action in ACTIONS_TO_SEND {
        checks.push(action_allowed(platform, conn, link, client, action)?);
    }
    checks.push(verified_domain_linked(link, &facts));
    checks.extend(link.domain.is_some().then(|| username_domain_linked(link, &facts)));
    Ok(checks)
}

fn check(name: &str, outcome: Result<String, String>) -> Check {
    let passed = outcome.is_ok();
    let detail = outcome.unwrap_or_else(|missing| missing);
    Check { name: name.to_owned(), passed, detail }
}

/// What to say where a check needs an earlier one to pass.
const NO_APPLICATION: &str = "There is no such application.";

fn application_exists(link: &Link, client: Option<&Client>) -> Check {
    let outcome = match client {
        Some(client) => Ok(format!("The application is '{}'.", client.display_name)),
        None => Err(format!(
            "Tenant {} has no application with the client id {}. Register it, or change the SMTP username's \
             entraApplicationId.",
            link.tenant, link.app_id
        )),
    };
    check("applicationExists", outcome)
}

fn application_enabled(client: Option<&Client>) -> Check {
    let outcome = match client {
        Some(client) if client.enabled => Ok("It is enabled.".to_owned()),
        Some(_) => Err("It is disabled. Set accountEnabled of its service principal to true.".to_owned()),
        None => Err(NO_APPLICATION.to_owned()),
    };
    check("applicationEnabled", outcome)
}

fn service_principal_exists(client: Option<&Client>) -> Check {
    let outcome = match client.map(|client| client.service_principal) {
        Some(Some(object_id)) => Ok(format!("Its service principal has the object id {object_id}.")),
        Some(None) => {
            Err("It has no service principal in this tenant. Create one for its client id.".to_owned())
        }
        None => Err(NO_APPLICATION.to_owned()),
    };
    check("servicePrincipalExists", outcome)
}

fn live_credential(client: Option<&Client>, now: Timestamp) -> Check {
    check(
        "liveCredential",
        client.map_or_else(|| Err(NO_APPLICATION.to_owned()), |client| credential(client, now)),
    )
}

fn credential(client: &Client, now: Timestamp) -> Result<String, String> {
    let live: Vec<_> = client.secrets.iter().filter(|secret| secret.is_live(now)).collect();
    let last = live.iter().map(|secret| secret.end).max();
    if let (Some(next), Some(last)) = (live.iter().map(|secret| secret.end).min(), last) {
        let next = arm_format(next);
        return Ok(match live.len() {
            1 => format!("One client secret is valid; it ends at {next}."),
            n => format!(
                "{n} client secrets are valid; the next ends at {next}, the last at {}.",
                arm_format(last)
            ),
        });
    }
    if let Some(start) = client.secrets.iter().filter(|s| now < s.start).map(|s| s.start).min() {
        return Err(format!("No client secret is valid yet; the first will be at {}.", arm_format(start)));
    }
    Err(match client.secrets.iter().map(|secret| secret.end).max() {
        Some(end) => {
            format!("Every client secret has expired, the last at {}. Add a new one.", arm_format(end))
        }
        None => "It has no client secret. Add one.".to_owned(),
    })
}

fn action_allowed(
    platform: &Platform,
    conn: &Conn<'_>,
    link: &Link,
    client: Option<&Client>,
    action: &str,
) -> Result<Check, StoreError> {
    let Some(object_id) = client.and_then(|client| client.service_principal) else {
        let missing = "There is no service principal that a role could be assigned to.";
        return Ok(check(action, Err(missing.to_owned())));
    };
    let scope = link.service.scope();
    let outcome = match platform.access.decide_for(link.tenant, object_id, action, scope) {
        Ok(granted) => {
            let (role, at) = (&granted.role_name, &granted.assignment_scope);
            Ok(if granted.conditional {
                let assignment = platform.access.assignment_in(conn, link.tenant, granted.assignment)?;
                let condition = assignment.and_then(|assignment| assignment.condition);
                let condition =
                    condition.map_or_else(|| "that of the role itself".to_owned(), |text| shortened(&text));
                format!(
                    "The role '{role}', assigned at '{at}', allows it under a condition: whether it allows a \
                     message depends on its sender and recipients, or on where the client connects from. The \
                     condition: {condition}."
                )
            } else {
                format!("The role '{role}' allows it, assigned at '{at}'.")
            })
        }
        Err(denied) => Err(format!(
            "{denied}. Assign a role with this action to the service principal {object_id} at '{scope}' or above: \
             'Communication and Email Service Owner', or a custom role with just the three actions."
        )),
    };
    Ok(check(action, outcome))
}

/// A condition as far as it fits in a sentence.
fn shortened(condition: &str) -> String {
    const MOST: usize = 500;
    let line = condition.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST).and_then(|(at, _)| line.get(..at)) {
        Some(start) => format!("{start}..."),
        None => line,
    }
}

fn verified_domain_linked(link: &Link, facts: &ServiceFacts) -> Check {
    let verified: Vec<String> = facts.verified_domains().into_iter().map(ToString::to_string).collect();
    let outcome = if verified.is_empty() {
        Err(format!(
            "No verified domain is linked to '{}'. Add one to the service's linkedDomains.",
            link.service.name()
        ))
    } else {
        Ok(format!("Linked and verified: {}.", verified.join(", ")))
    };
    check("verifiedDomainLinked", outcome)
}

fn username_domain_linked(link: &Link, facts: &ServiceFacts) -> Check {
    let outcome = match &link.domain {
        Some(domain) if !facts.is_linked(domain) => Err(format!(
            "The username has the form of an e-mail address, but its domain '{domain}' is not linked to '{}'.",
            link.service.name()
        )),
        Some(domain) => Ok(format!("Its domain '{domain}' is linked.")),
        None => Ok("The username is not an e-mail address.".to_owned()),
    };
    check("usernameDomainLinked", outcome)
}
