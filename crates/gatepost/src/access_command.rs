//! `gatepost access`: why somebody may or may not do a thing, who can, by which role, and what a change would
//! change. Each is a question to the server's own resource manager.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use crate::access_text;
use crate::client::{Api, Client, ClientError};
use crate::operator::{OWN_VERSION, with_client};
use crate::output::{self, Output};
use crate::principals;

/// Most pages of a list that are followed.
const MOST_PAGES: usize = 10_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Show why somebody may or may not do something: every assignment, condition, deny assignment and lock that
    /// counts, and, where it is refused, the smallest roles that would allow it.
    Explain(Explain),
    /// List everybody who can do something, and through which assignment and group.
    WhoCan(About),
    /// Show the smallest roles that allow some actions, and the custom role that allows just them.
    Least(Least),
    /// Show what one role grants and another does not.
    Diff(Diff),
    /// Show who would gain and who would lose what if a change were made. Nothing is changed.
    WhatIf {
        #[command(subcommand)]
        change: Change,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// The data folder.
    #[arg(long = "data", value_name = "DIR", default_value = "./gatepost-data")]
    folder: PathBuf,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct About {
    /// The action, for instance Microsoft.Communication/EmailServices/write.
    #[arg(long)]
    action: String,
    /// Where: the id of a resource, resource group, subscription or management group, or /.
    #[arg(long)]
    scope: String,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Who: an object id, a user principal name, an application (client) id, or a display name if only one has it.
    #[arg(long, required_unless_present = "correlation_id")]
    principal: Option<String>,
    /// The action, for instance Microsoft.Communication/EmailServices/write.
    #[arg(long, required_unless_present = "correlation_id")]
    action: Option<String>,
    /// Where: the id of a resource, resource group, subscription or management group, or /.
    #[arg(long, required_unless_present = "correlation_id")]
    scope: Option<String>,
    /// Instead: the refusal that has this correlation id; the client got it with its 403.
    #[arg(long, conflicts_with_all = ["principal", "action", "scope"])]
    correlation_id: Option<String>,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    asking: Asking,
}

/// What conditions are told.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The action is one of the data plane.
    #[arg(long)]
    data_action: bool,
    /// The client's address, for conditions that ask for it.
    #[arg(long, value_name = "IP")]
    address: Option<String>,
    /// At this time rather than now: 2030-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The value of an attribute: "@Request[Microsoft.Communication/EmailServices:SenderAddress]=a@example.com".
    /// May be given several times; attributes that are not given stay open.
    #[arg(long = "attribute", value_name = "@SOURCE[NAME]=VALUE")]
    attributes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Least {
    /// The actions; each may have a `*`.
    #[arg(long = "action", num_args = 1.., required_unless_present = "data_actions")]
    actions: Vec<String>,
    /// Actions of the data plane.
    #[arg(long = "data-action", num_args = 1..)]
    data_actions: Vec<String>,
    /// Where the role is to be assigned.
    #[arg(long)]
    scope: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The one role: its name or its id.
    first: String,
    /// The other.
    second: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// A role is assigned.
    Assign {
        /// To whom.
        #[arg(long)]
        principal: String,
        /// Which role: its name or its id.
        #[arg(long)]
        role: String,
        /// Where.
        #[arg(long)]
        scope: String,
        /// Under this condition.
        #[arg(long)]
        condition: Option<String>,
        #[command(flatten)]
        asking: Asking,
    },
    /// A role assignment is deleted.
    Unassign {
        /// Its id.
        #[arg(long)]
        assignment: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// The permissions of a custom role become those of a file: the JSON that `az role definition` takes.
    Role {
        /// The role: its name or its id.
        #[arg(long)]
        role: String,
        /// The file.
        #[arg(long, value_name = "FILE")]
        definition: PathBuf,
        #[command(flatten)]
        asking: Asking,
    },
    /// Somebody becomes a member of a group.
    AddMember {
        /// The group.
        #[arg(long)]
        group: String,
        /// Who.
        #[arg(long)]
        member: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Somebody stops being a member of a group.
    RemoveMember {
        /// The group.
        #[arg(long)]
        group: String,
        /// Who.
        #[arg(long)]
        member: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Actions are denied to all but some.
    Deny {
        /// The actions; each may have a `*`.
        #[arg(long = "action", num_args = 1.., required = true)]
        actions: Vec<String>,
        /// Where.
        #[arg(long)]
        scope: String,
        /// Who is excluded.
        #[arg(long = "exclude", num_args = 1..)]
        excluded: Vec<String>,
        #[command(flatten)]
        asking: Asking,
    },
}

/// Runs a command.
pub(crate) fn run(command: Access) -> Result<(), String> {
    match command {
        Access::Explain(explain) => explain_access(explain),
        Access::WhoCan(about) => who_can(about),
        Access::Least(least) => {
            let body = json!({ "actions": least.actions, "dataActions": least.data_actions });
            ask(&least.asking, access_text::least, async |client| {
                post(client, &least.scope, "least", &body).await
            })
        }
        Access::Diff(diff) => {
            let body = json!({ "first": diff.first, "second": diff.second });
            ask(&diff.asking, access_text::diff, async |client| {
                post(client, &subscription(client), "diff", &body).await
            })
        }
        Access::WhatIf { change } => what_if(change),
    }
}

fn explain_access(explain: Explain) -> Result<(), String> {
    let Explain { principal, action, scope, correlation_id, request, asking } = explain;
    let mut body = request.body(action.as_deref())?;
    if let Some(id) = correlation_id {
        body.insert("correlationId".to_owned(), id.into());
    }
    ask(&asking, access_text::explained, async |client| {
        if let Some(principal) = &principal {
            body.insert("principalId".to_owned(), principals::resolve(client, principal).await?.into());
        }
        let scope = scope.clone().unwrap_or_else(|| subscription(client));
        post(client, &scope, "explain", &Value::Object(std::mem::take(&mut body))).await
    })
}

fn who_can(about: About) -> Result<(), String> {
    let mut body = about.request.body(Some(&about.action))?;
    ask(&about.asking, access_text::who_can, async |client| {
        body.insert("top".to_owned(), 1000.into());
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page = post(client, &about.scope, "whoCan", &Value::Object(body.clone())).await?;
            if let Some(Value::Array(value)) = page.get_mut("value").map(Value::take) {
                all.extend(value);
            }
            match page.get("after") {
                Some(Value::String(after)) => body.insert("after".to_owned(), after.as_str().into()),
                _ => break,
            };
        }
        Ok(Value::Array(all))
    })
}

fn what_if(change: Change) -> Result<(), String> {
    match change {
        Change::Assign { principal, role, scope, condition, asking } => {
            ask(&asking, access_text::what_if, async |client| {
                let body = json!({
                    "change": "putRoleAssignment",
                    "principalId": principals::resolve(client, &principal).await?,
                    "roleDefinitionId": role,
                    "condition": condition,
                });
                post(client, &scope, "whatIf", &body).await
            })
        }
        Change::Unassign { assignment, asking } => {
            let body = json!({ "change": "deleteRoleAssignment", "roleAssignmentId": assignment });
            let lower = assignment.to_lowercase();
            let at = lower.rfind("/providers/microsoft.authorization/").unwrap_or_default();
            let scope = assignment.get(..at).unwrap_or_default().to_owned();
            ask(&asking, access_text::what_if, async |client| post(client, &scope, "whatIf", &body).await)
        }
        Change::Role { role, definition, asking } => {
            let permissions = permissions_of(&definition)?;
            ask(&asking, access_text::what_if, async |client| {
                let body = json!({
                    "change": "putRoleDefinition", "roleDefinitionId": role, "permissions": permissions,
                });
                post(client, &subscription(client), "whatIf", &body).await
            })
        }
        Change::AddMember { group, member, asking } => membership("addGroupMember", &group, &member, &asking),
        Change::RemoveMember { group, member, asking } => {
            membership("removeGroupMember", &group, &member, &asking)
        }
        Change::Deny { actions, scope, excluded, asking } => {
            ask(&asking, access_text::what_if, async |client| {
                let mut ids = Vec::new();
                for one in &excluded {
                    ids.push(principals::resolve(client, one).await?);
                }
                let body = json!({
                    "change": "putDenyAssignment",
                    "permissions": [{ "actions": actions }],
                    "principals": [uuid::Uuid::nil()],
                    "excludePrincipals": ids,
                });
                post(client, &scope, "whatIf", &body).await
            })
        }
    }
}

fn membership(change: &str, group: &str, member: &str, asking: &Asking) -> Result<(), String> {
    ask(asking, access_text::what_if, async |client| {
        let body = json!({
            "change": change,
            "groupId": principals::resolve(client, group).await?,
            "memberId": principals::resolve(client, member).await?,
        });
        post(client, &subscription(client), "whatIf", &body).await
    })
}

/// Asks, and prints the answer.
fn ask(
    asking: &Asking,
    text: fn(&Value) -> String,
    question: impl AsyncFnOnce(&Client) -> Result<Value, ClientError>,
) -> Result<(), String> {
    let answer = with_client(&asking.folder, async |client| question(&client).await)?;
    print!("{}", if asking.output == Output::Json { output::json(&answer) } else { text(&answer) });
    Ok(())
}

async fn post(client: &Client, scope: &str, question: &str, body: &Value) -> Result<Value, ClientError> {
    let scope = principals::path(scope.trim_end_matches('/'));
    let path = format!("{scope}/providers/Gatepost.Access/{question}?api-version={OWN_VERSION}");
    Ok(client.call(Api::ResourceManager, Method::POST, &path, Some(body)).await?.1)
}

fn subscription(client: &Client) -> String {
    format!("/subscriptions/{}", client.bootstrap.subscription_id)
}

impl Request {
    fn body(&self, action: Option<&str>) -> Result<Map<String, Value>, String> {
        let mut attributes = Map::new();
        for given in &self.attributes {
            let (name, value) = given
                .split_once("]=")
                .ok_or_else(|| format!("'{given}' does not read @Source[Name]=value"))?;
            attributes.insert(format!("{name}]"), value.into());
        }
        let body = json!({
            "action": action,
            "isDataAction": self.data_action,
            "address": self.address,
            "at": self.at,
            "attributes": attributes,
        });
        match body {
            Value::Object(body) => Ok(body),
            _ => Ok(Map::new()),
        }
    }
}

/// The permissions in a file: a role as `az role definition` writes it, or as the resource manager does.
fn permissions_of(file: &Path) -> Result<Value, String> {
    let failed = |reason: String| format!("{}: {reason}", file.display());
    let text = std::fs::read(file).map_err(|e| failed(e.to_string()))?;
    let role: Value = serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))?;
    let role = role.get("properties").unwrap_or(&role);
    if let Some(permissions) = role.get("permissions").or_else(|| role.get("Permissions")) {
        return Ok(permissions.clone());
    }
    let list = |one: &str, other: &str| role.get(one).or_else(|| role.get(other)).cloned();
    let permissions = json!([{
        "actions": list("Actions", "actions"),
        "notActions": list("NotActions", "notActions"),
        "dataActions": list("DataActions", "dataActions"),
        "notDataActions": list("NotDataActions", "notDataActions"),
    }]);
    Ok(permissions)
}
