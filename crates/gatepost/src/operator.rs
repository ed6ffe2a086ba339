//! Operator commands: each is a call of the running server's own HTTPS interfaces, as a signed-in principal.

use std::path::Path;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, Client, ClientError};
use crate::output::{self, Output};

/// The api-version of what Gatepost has and Azure has not.
pub(crate) const OWN_VERSION: &str = "2026-11-01-gatepost";
/// The api-version of Microsoft.Communication that the commands use.
pub(crate) const COMMUNICATION_VERSION: &str = "2026-03-18";

/// Runs a command against the server of `folder`.
pub(crate) fn with_client<T, F>(folder: &Path, work: impl FnOnce(Client) -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("the runtime cannot start: {e}"))?;
    runtime.block_on(async { work(Client::sign_in(folder).await?).await }).map_err(|error| error.to_string())
}

/// Follows `nextLink` through all pages of a list.
async fn list_all(client: &Client, first: String) -> Result<Vec<Value>, ClientError> {
    let mut items = Vec::new();
    let mut path = Some(first);
    while let Some(at) = path {
        let (_, mut page) = client.call(Api::ResourceManager, Method::GET, &at, None).await?;
        if let Some(Value::Array(value)) = page.get_mut("value").map(Value::take) {
            items.extend(value);
        }
        let origin = &client.bootstrap.endpoints.resource_manager;
        path = page
            .get("nextLink")
            .and_then(Value::as_str)
            .and_then(|link| link.strip_prefix(origin.as_str()))
            .map(str::to_owned);
    }
    Ok(items)
}

/// `gatepost smtp explain`: asks the communication service that the username belongs to.
pub(crate) fn explain_smtp(folder: &Path, username: &str, output: Output) -> Result<(), String> {
    let readiness = with_client(folder, async |client| explain(&client, username).await)?;
    print!("{}", if output == Output::Json { output::json(&readiness) } else { readiness_text(&readiness) });
    if readiness.get("ready") == Some(&Value::Bool(true)) {
        Ok(())
    } else {
        Err(format!("{username} is not ready to use"))
    }
}

async fn explain(client: &Client, username: &str) -> Result<Value, ClientError> {
    let subscription = client.bootstrap.subscription_id;
    let services = list_all(
        client,
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Communication/communicationServices\
             ?api-version={COMMUNICATION_VERSION}"
        ),
    )
    .await?;
    let body = json!({ "username": username });
    for service in services.iter().filter_map(|service| service["id"].as_str()) {
        let path = format!("{service}/explainSmtpUsername?api-version={OWN_VERSION}");
        match client.call(Api::ResourceManager, Method::POST, &path, Some(&body)).await {
            Ok((_, readiness)) => return Ok(readiness),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ClientError::Setup(format!(
        "no communication service that you may read has the SMTP username `{username}`"
    )))
}

fn readiness_text(readiness: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut shown = format!("{}: {}\n\n", text(&readiness["username"]), text(&readiness["status"]));
    let empty = Vec::new();
    let checks = readiness["checks"].as_array().unwrap_or(&empty);
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| {
            let passed = if check["passed"] == true { "yes" } else { "NO" };
            vec![passed.to_owned(), text(&check["name"]), text(&check["detail"])]
        })
        .collect();
    shown.push_str(&output::table(&["OK", "REQUIREMENT", "DETAIL"], &rows));
    let refusals = readiness["recentRefusals"].as_array().unwrap_or(&empty);
    if !refusals.is_empty() {
        let rows: Vec<Vec<String>> =
            refusals.iter().map(|refusal| vec![text(&refusal["at"]), text(&refusal["reason"])]).collect();
        shown.push_str("\nRefused lately:\n");
        shown.push_str(&output::table(&["WHEN", "WHY"], &rows));
    }
    shown
}

fn messages_path(client: &Client, rest: &str) -> String {
    let subscription = client.bootstrap.subscription_id;
    format!("/subscriptions/{subscription}/providers/Gatepost.Mail/messages{rest}")
}

/// `gatepost queue list`.
pub(crate) fn list_queue(folder: &Path, state: Option<&str>, output: Output) -> Result<(), String> {
    let messages = with_client(folder, async |client| {
        let filter = match state {
            Some(state) => format!("&$filter=state%20eq%20'{}'", state.replace('\'', "''")),
            None => String::new(),
        };
        let path = messages_path(&client, &format!("?api-version={OWN_VERSION}{filter}"));
        list_all(&client, path).await
    })?;
    if output == Output::Json {
        print!("{}", output::json(&Value::Array(messages)));
        return Ok(());
    }
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let rows: Vec<Vec<String>> = messages
        .iter()
        .map(|message| {
            let properties = &message["properties"];
            let columns = ["acceptedAt", "state", "reversePath", "recipientCount", "size"];
            let mut row = vec![cell(&message["name"])];
            row.extend(columns.iter().map(|column| cell(&properties[column])));
            row
        })
        .collect();
    print!("{}", output::table(&["MESSAGE", "ACCEPTED", "STATE", "FROM", "RECIPIENTS", "SIZE"], &rows));
    Ok(())
}

/// `gatepost queue show`.
pub(crate) fn show_message(folder: &Path, id: &str, output: Output) -> Result<(), String> {
    let message = with_client(folder, async |client| {
        let path = messages_path(&client, &format!("/{}?api-version={OWN_VERSION}", segment(id)));
        Ok(client.call(Api::ResourceManager, Method::GET, &path, None).await?.1)
    })?;
    print!("{}", if output == Output::Json { output::json(&message) } else { message_text(&message) });
    Ok(())
}

fn message_text(message: &Value) -> String {
    let empty = Vec::new();
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let properties = &message["properties"];
    let mut shown = String::new();
    if let Some(members) = properties.as_object() {
        for (name, value) in members.iter().filter(|(_, value)| !value.is_array()) {
            shown.push_str(&format!("{name:20}  {}\n", cell(value)));
        }
    }
    for (title, list, columns) in [
        ("Recipients", "recipients", ["address", "state", "attempts", "lastReply"]),
        ("Trace", "trace", ["at", "event", "recipient", "detail"]),
    ] {
        let rows: Vec<Vec<String>> = properties[list]
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .map(|item| columns.iter().map(|column| cell(&item[column])).collect())
            .collect();
        let heading = columns.map(str::to_uppercase);
        let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
        shown.push_str(&format!("\n{title}:\n{}", output::table(&heading, &rows)));
    }
    shown
}

/// `gatepost queue retry|hold|release|drop`.
pub(crate) fn act_on_message(folder: &Path, id: &str, action: &str, output: Output) -> Result<(), String> {
    let reply = with_client(folder, async |client| {
        let path = messages_path(&client, &format!("/{}/{action}?api-version={OWN_VERSION}", segment(id)));
        Ok(client.call(Api::ResourceManager, Method::POST, &path, None).await?.1)
    })?;
    if output == Output::Json {
        print!("{}", output::json(&reply));
    } else {
        println!("{action}: {id}");
    }
    Ok(())
}

/// A message id goes into the path as it is; anything else could not be one.
fn segment(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}
