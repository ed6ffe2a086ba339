//! `gatepost up --demo`: the quickstart, done through the public HTTPS and SMTP interfaces as any client would,
//! and then the commands with which a person sends the next message.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bootstrap::Bootstrap;
use crate::client::{Api, Client, ClientError, trusting};
use crate::data_folder::write_private;
use crate::operator::{COMMUNICATION_VERSION, OWN_VERSION};
use crate::{demo_message, demo_snippets};

const GROUPS_VERSION: &str = "2025-04-01";
const ROLES_VERSION: &str = "2022-04-01";
/// The actions that sending by SMTP needs, and no others.
const SENDING_ACTIONS: [&str; 3] = [
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    "Microsoft.Communication/EmailServices/write",
];
/// The built-in role that the demo's custom role is cloned from.
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
/// What the SMTP client signs in with.
const USERNAME: &str = "demo-mailer";
/// How long the message may take to the mailbox.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the demo made, kept so that another start only prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Made {
    pub(crate) username: String,
    pub(crate) secret: String,
    pub(crate) sender: String,
    pub(crate) client_id: String,
}

/// Runs the demo against the server that has just become ready. Boxed, so that `up` can hold it.
pub(crate) fn run(folder: PathBuf) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
    Box::pin(async move { demo(&folder).await.map_err(|e| format!("the demo stopped: {e}")) })
}

async fn demo(folder: &Path) -> Result<(), ClientError> {
    let file = folder.join("demo.json");
    let client = Client::sign_in(folder).await?;
    let made = match std::fs::read(&file) {
        Ok(text) => {
            println!("This data folder has the demo already ({}).", file.display());
            serde_json::from_slice(&text)
                .map_err(|e| ClientError::Setup(format!("{}: {e}", file.display())))?
        }
        Err(_) => {
            let made = make(&client).await?;
            send_and_wait(&client, folder, &made).await?;
            let text = serde_json::to_vec_pretty(&made).map_err(|e| ClientError::Setup(e.to_string()))?;
            write_private(&file, &text)
                .map_err(|e| ClientError::Setup(format!("{}: {e}", file.display())))?;
            made
        }
    };
    print!("{}", demo_snippets::all(&client.bootstrap, &made));
    Ok(())
}

/// Each step says what it does before it does it.
fn step(what: &str) {
    println!("  - {what}");
}

async fn arm(client: &Client, method: Method, path: &str, body: Value) -> Result<Value, ClientError> {
    Ok(client.call(Api::ResourceManager, method, path, Some(&body)).await?.1)
}

async fn graph(client: &Client, path: &str, body: Value) -> Result<Value, ClientError> {
    Ok(client.call(Api::Graph, Method::POST, path, Some(&body)).await?.1)
}

fn member(value: &Value, path: &[&str]) -> Result<String, ClientError> {
    path.iter()
        .try_fold(value, |at, name| at.get(name))
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| ClientError::Unexpected(path.join(".")))
}

async fn make(client: &Client) -> Result<Made, ClientError> {
    println!("Setting up the demo:");
    let subscription = format!("/subscriptions/{}", client.bootstrap.subscription_id);
    let group = format!("{subscription}/resourceGroups/gatepost-demo");
    step("resource group gatepost-demo");
    arm(
        client,
        Method::PUT,
        &format!("{group}?api-version={GROUPS_VERSION}"),
        json!({ "location": "westeurope" }),
    )
    .await?;
    let (service, sender_domain) = make_mail_resources(client, &group).await?;
    let (client_id, principal, secret) = make_application(client).await?;
    assign_custom_role(client, &subscription, &service, &principal).await?;
    step(&format!("SMTP username {USERNAME} for the application"));
    let username = json!({ "properties": {
        "username": USERNAME,
        "entraApplicationId": client_id,
        "tenantId": client.bootstrap.tenant_id.to_string(),
    } });
    let path = format!("{service}/smtpUsernames/{USERNAME}?api-version={COMMUNICATION_VERSION}");
    arm(client, Method::PUT, &path, username).await?;
    let path = format!("{service}/explainSmtpUsername?api-version={OWN_VERSION}");
    let readiness = arm(client, Method::POST, &path, json!({ "username": USERNAME })).await?;
    step(&format!("{USERNAME}: {}", member(&readiness, &["status"])?));
    if readiness.get("ready") != Some(&Value::Bool(true)) {
        return Err(ClientError::Setup(format!("the SMTP username is not ready: {readiness:#}")));
    }
    Ok(Made {
        username: USERNAME.to_owned(),
        secret,
        sender: format!("donotreply@{sender_domain}"),
        client_id,
    })
}

/// The e-mail service with its domain, and the communication service with the domain linked. Answers the
/// communication service's id and the domain's name.
async fn make_mail_resources(client: &Client, group: &str) -> Result<(String, String), ClientError> {
    let provider = format!("{group}/providers/Microsoft.Communication");
    let version = format!("api-version={COMMUNICATION_VERSION}");
    let place = json!({ "location": "global", "properties": { "dataLocation": "Europe" } });
    step("e-mail service demo-email with an Azure-managed domain");
    let email = format!("{provider}/emailServices/demo-email");
    arm(client, Method::PUT, &format!("{email}?{version}"), place.clone()).await?;
    let domain = format!("{email}/domains/AzureManagedDomain");
    let managed = json!({ "location": "global", "properties": { "domainManagement": "AzureManaged" } });
    arm(client, Method::PUT, &format!("{domain}?{version}"), managed).await?;
    let shown = client.call(Api::ResourceManager, Method::GET, &format!("{domain}?{version}"), None).await?.1;
    let name = member(&shown, &["properties", "fromSenderDomain"])?;
    step(&format!("communication service demo-communication, linked to {name}"));
    let service = format!("{provider}/communicationServices/demo-communication");
    arm(client, Method::PUT, &format!("{service}?{version}"), place).await?;
    let linked = json!({ "properties": { "linkedDomains": [domain] } });
    arm(client, Method::PATCH, &format!("{service}?{version}"), linked).await?;
    Ok((service, name))
}

/// The application, its service principal and a secret: client id, the principal's object id, the secret.
async fn make_application(client: &Client) -> Result<(String, String, String), ClientError> {
    step("application gatepost-demo with a service principal and a client secret");
    let application = graph(client, "/v1.0/applications", json!({ "displayName": "gatepost-demo" })).await?;
    let client_id = member(&application, &["appId"])?;
    let principal = graph(client, "/v1.0/servicePrincipals", json!({ "appId": client_id })).await?;
    let path = format!("/v1.0/applications/{}/addPassword", member(&application, &["id"])?);
    let password = json!({ "passwordCredential": { "displayName": "demo" } });
    let secret = member(&graph(client, &path, password).await?, &["secretText"])?;
    Ok((client_id, member(&principal, &["id"])?, secret))
}

async fn assign_custom_role(
    client: &Client,
    subscription: &str,
    service: &str,
    principal: &str,
) -> Result<(), ClientError> {
    step("custom role: a clone of Reader, plus the three actions that sending needs");
    let roles = format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions");
    let reader = client
        .call(
            Api::ResourceManager,
            Method::GET,
            &format!("{roles}/{READER}?api-version={ROLES_VERSION}"),
            None,
        )
        .await?
        .1;
    let mut permissions = reader
        .pointer("/properties/permissions/0")
        .cloned()
        .ok_or_else(|| ClientError::Unexpected("the role Reader".to_owned()))?;
    if let Some(Value::Array(actions)) = permissions.get_mut("actions") {
        actions.extend(SENDING_ACTIONS.map(Value::from));
    }
    let role = json!({ "properties": {
        "roleName": "Gatepost demo: SMTP sender",
        "description": "Read, and send e-mail by SMTP.",
        "type": "CustomRole",
        "permissions": [permissions],
        "assignableScopes": [subscription],
    } });
    let path = format!("{roles}/{}?api-version={ROLES_VERSION}", Uuid::new_v4());
    let role = member(&arm(client, Method::PUT, &path, role).await?, &["id"])?;
    step("role assignment: the application, at the communication service alone");
    let assignment = json!({ "properties": {
        "roleDefinitionId": role,
        "principalId": principal,
        "principalType": "ServicePrincipal",
    } });
    let path = format!(
        "{service}/providers/Microsoft.Authorization/roleAssignments/{}?api-version={ROLES_VERSION}",
        Uuid::new_v4()
    );
    arm(client, Method::PUT, &path, assignment).await.map(|_| ())
}

/// Sends a message by SMTP as the application and waits until it has been delivered.
async fn send_and_wait(client: &Client, folder: &Path, made: &Made) -> Result<(), ClientError> {
    step(&format!("a message by SMTP from {}", made.sender));
    let id = send(&client.bootstrap, made).await?;
    step(&format!("accepted as {id}"));
    let subscription = client.bootstrap.subscription_id;
    let path = format!(
        "/subscriptions/{subscription}/providers/Gatepost.Mail/messages/{id}?api-version={OWN_VERSION}"
    );
    let began = tokio::time::Instant::now();
    loop {
        let state = match client.call(Api::ResourceManager, Method::GET, &path, None).await {
            Ok((_, message)) => member(&message, &["properties", "state"])?,
            // Accepted messages show up in the queue a moment after they are durable.
            Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => "accepted".to_owned(),
            Err(error) => return Err(error),
        };
        if state == "delivered" {
            println!("The message is in {}.", folder.join("mailbox/new").display());
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(ClientError::Setup(format!(
                "message {id} is still {state}; see `gatepost queue show`"
            )));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn send(bootstrap: &Bootstrap, made: &Made) -> Result<String, ClientError> {
    let tls = trusting(Path::new(&bootstrap.ca_file))?;
    demo_message::send(&bootstrap.endpoints.smtp, tls, made).await.map_err(ClientError::Setup)
}
