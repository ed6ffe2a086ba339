//! Delegates: who may assign some roles, to some principals, of some types (reference rbac.md section 9).

use gatepost_directory::ObjectKind;
use gatepost_names::ObjectId;
use gatepost_rbac::builtin;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Got, ROLES, Server, object};

const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

/// What the portal's templates write: the same constraint for what is made and for what is deleted.
fn constrained(attribute: &str, comparison: &str) -> String {
    format!(
        "((!(ActionMatches{{'{WRITE}'}})) OR (@Request[Microsoft.Authorization/roleAssignments:{attribute}] \
         {comparison})) AND ((!(ActionMatches{{'{DELETE}'}})) OR \
         (@Resource[Microsoft.Authorization/roleAssignments:{attribute}] {comparison}))"
    )
}

fn at(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version={ROLES}")
}

/// A server on which `delegate` may assign roles in the subscription under a condition.
fn with_delegate(condition: &str) -> Server {
    let server = Server::with_group();
    let delegate = server.put_principal("delegate", ObjectKind::User);
    let body = json!({"properties": {
        "roleDefinitionId": builtin::USER_ACCESS_ADMINISTRATOR.to_string(),
        "principalId": delegate.to_string(), "principalType": "User",
        "condition": condition, "conditionVersion": "2.0",
    }});
    server.ask("owner", Method::PUT, &at(&server.sub, &Uuid::new_v4().to_string()), &body).ok(201);
    server
}

fn put(server: &Server, who: &str, role: impl ToString, principal: ObjectId) -> Got {
    let body = json!({"properties": {
        "roleDefinitionId": role.to_string(), "principalId": principal.to_string(),
    }});
    server.ask(who, Method::PUT, &at(&server.sub, &Uuid::new_v4().to_string()), &body)
}

fn refused_by_condition(got: &Got, action: &str) {
    assert_eq!(got.error(), (403, "AuthorizationFailed"));
    let text = "does not have authorization or an ABAC condition not fulfilled to perform action";
    assert!(got.message().contains(&format!("{text} '{action}'")), "{}", got.message());
}

#[test]
fn a_delegate_of_roles_writes_and_deletes_those_alone() {
    let server = with_delegate(&constrained(
        "RoleDefinitionId",
        &format!("ForAnyOfAnyValues:GuidEquals {{{}}}", builtin::READER),
    ));
    let principal = server.service_principal();
    let made = put(&server, "delegate", builtin::READER, principal).ok(201);
    refused_by_condition(&put(&server, "delegate", builtin::OWNER, object("delegate")), WRITE);
    refused_by_condition(&put(&server, "delegate", builtin::OWNER, principal), WRITE);
    let owned = put(&server, "owner", builtin::CONTRIBUTOR, principal).ok(201);
    let path = |body: &Value| at(&server.sub, body["name"].as_str().unwrap());
    refused_by_condition(&server.delete("delegate", &path(&owned)), DELETE);
    server.delete("delegate", &path(&made)).ok(200);
    // Of what is not there nothing is told but that.
    assert_eq!(server.delete("delegate", &path(&made)).status, 204);
}

#[test]
fn a_delegate_of_principals_and_types_is_held_to_them() {
    let server = Server::with_group();
    let (one, other) = (server.service_principal(), server.service_principal());
    drop(server);
    let server = with_delegate(&constrained(
        "PrincipalType",
        "ForAnyOfAnyValues:StringEqualsIgnoreCase {'User', 'Group'}",
    ));
    let ada = server.put_principal("ada", ObjectKind::User);
    let application = server.service_principal();
    put(&server, "delegate", builtin::READER, ada).ok(201);
    refused_by_condition(&put(&server, "delegate", builtin::READER, application), WRITE);
    // What the body says about the type counts for nothing: the directory knows it.
    let lie = json!({"properties": {
        "roleDefinitionId": builtin::READER.to_string(), "principalId": application.to_string(),
        "principalType": "User",
    }});
    let path = at(&server.sub, &Uuid::new_v4().to_string());
    refused_by_condition(&server.ask("delegate", Method::PUT, &path, &lie), WRITE);
    // A principal that is not there has no type.
    refused_by_condition(&put(&server, "delegate", builtin::READER, ObjectId(Uuid::from_u128(5))), WRITE);
    let server =
        with_delegate(&constrained("PrincipalId", &format!("ForAnyOfAnyValues:GuidEquals {{{ada}}}")));
    let ada = server.put_principal("ada", ObjectKind::User);
    put(&server, "delegate", builtin::READER, ada).ok(201);
    refused_by_condition(&put(&server, "delegate", builtin::READER, server.service_principal()), WRITE);
    let _ = (one, other);
}

#[test]
fn an_exclusion_keeps_privileged_roles_from_a_delegate() {
    let excluded = format!(
        "ForAnyOfAllValues:GuidNotEquals {{{}, {}}}",
        builtin::OWNER,
        builtin::USER_ACCESS_ADMINISTRATOR
    );
    let server = with_delegate(&constrained("RoleDefinitionId", &excluded));
    let principal = server.service_principal();
    put(&server, "delegate", builtin::READER, principal).ok(201);
    refused_by_condition(&put(&server, "delegate", builtin::OWNER, principal), WRITE);
    refused_by_condition(&put(&server, "delegate", builtin::USER_ACCESS_ADMINISTRATOR, principal), WRITE);
}

#[test]
fn a_delegate_cannot_loosen_its_own_condition() {
    let server = with_delegate(&constrained(
        "RoleDefinitionId",
        &format!("ForAnyOfAnyValues:GuidEquals {{{}}}", builtin::READER),
    ));
    let list = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}&$filter=principalId eq '{}'",
        server.sub,
        object("delegate")
    );
    let mut own = server.get("delegate", &list).ok(200)["value"][0].clone();
    let path = at(&server.sub, own["name"].as_str().unwrap());
    own["properties"]["condition"] = Value::Null;
    own["properties"]["conditionVersion"] = Value::Null;
    refused_by_condition(&server.ask("delegate", Method::PUT, &path, &own), WRITE);
    refused_by_condition(&server.delete("delegate", &path), DELETE);
}

#[test]
fn a_body_is_read_only_for_whom_some_assignment_is_possible() {
    let server = with_delegate(&constrained(
        "RoleDefinitionId",
        &format!("ForAnyOfAnyValues:GuidEquals {{{}}}", builtin::READER),
    ));
    let path = at(&server.sub, &Uuid::new_v4().to_string());
    let send =
        |who: &str| server.send(who, Method::PUT, &path, bytes::Bytes::from_static(b"{"), &[]).error().0;
    assert_eq!(send("delegate"), 400);
    assert_eq!(send("nobody"), 403);
    let validate = path.replace("?", "/validate?");
    let body = json!({"properties": {
        "roleDefinitionId": builtin::OWNER.to_string(), "principalId": server.service_principal().to_string(),
    }});
    let answer = server.ask("delegate", Method::POST, &validate, &body).ok(200);
    assert_eq!(answer["isValid"], false);
    assert_eq!(answer["errorInfo"]["code"], "AuthorizationFailed");
}
