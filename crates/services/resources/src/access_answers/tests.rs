//! The questions, as an administrator and as others ask them.

use gatepost_access::Caller;
use gatepost_names::{ObjectId, PrincipalKind, Scope};
use gatepost_rbac::builtin;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Answer;
use crate::ResourceError;
use crate::communication::fixture::{App, Fixture};

const WRITE: &str = "Microsoft.Communication/EmailServices/write";

struct World {
    fixture: Fixture,
    app: App,
    group: Scope,
}

fn world() -> World {
    let fixture = Fixture::new();
    let app = fixture.application("Mailer");
    let group = Scope::parse(&format!("/subscriptions/{}/resourceGroups/rg", fixture.subscription)).unwrap();
    World { fixture, app, group }
}

impl World {
    fn ask(&self, answer: Answer, body: &Value) -> Result<Value, ResourceError> {
        self.fixture.resources.answer_access(&self.fixture.admin, &self.group, answer, body)
    }

    #[track_caller]
    fn answer(&self, answer: Answer, body: &Value) -> Value {
        self.ask(answer, body).unwrap()
    }

    fn explain(&self, action: &str) -> Value {
        self.answer(Answer::Explain, &json!({"principalId": self.app.principal, "action": action}))
    }

    fn assign(&self, role: gatepost_names::RoleDefinitionId) -> gatepost_names::RoleAssignmentName {
        let kind = PrincipalKind::ServicePrincipal;
        self.fixture.assign(self.fixture.tenant, self.app.principal, kind, role, &self.group)
    }

    fn caller(&self, name: &str) -> Caller {
        let id = ObjectId(Uuid::new_v4());
        Caller::new(self.fixture.tenant, id, PrincipalKind::User, name.to_owned(), None)
    }
}

fn texts(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[member].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_refusal_names_the_smallest_roles_and_the_command() {
    let world = world();
    let answer = world.explain(WRITE);
    assert_eq!(answer["decision"], "Denied");
    assert_eq!(answer["principal"]["displayName"], "Mailer");
    assert_eq!(answer["reason"], "It has no role assignment at this scope or above it.");
    let first = &answer["remedies"][0];
    assert_eq!(first["roleName"], "Communication and Email Service Owner");
    assert_eq!(
        first["command"],
        format!(
            "az role assignment create --assignee-object-id {} --assignee-principal-type ServicePrincipal \
             --role 'Communication and Email Service Owner' --scope '{}'",
            world.app.principal, world.group
        )
    );
    let last = answer["remedies"].as_array().unwrap().last().unwrap();
    assert_eq!(last["permissions"][0]["actions"], json!([WRITE]));
    // A custom role with nothing else is smaller than any built-in one.
    world.fixture.role("Just it", &[WRITE]);
    assert_eq!(world.explain(WRITE)["remedies"][0]["roleName"], "Just it");
}

#[test]
fn a_yes_names_what_grants_it() {
    let world = world();
    world.assign(builtin::READER);
    let role = world.fixture.role("Sender", &[WRITE]);
    world.assign(role);
    let answer = world.explain(WRITE);
    assert_eq!(answer["decision"], "Allowed");
    assert_eq!(texts(&answer["assignments"], "verdict"), ["Grants", "NotInRole"]);
    assert_eq!(answer["assignments"][0]["roleName"], "Sender");
    assert_eq!(answer["remedies"], json!([]));
}

#[test]
fn who_may_ask() {
    let world = world();
    let body = json!({"principalId": world.app.principal, "action": WRITE});
    let ask =
        |caller: &Caller| world.fixture.resources.answer_access(caller, &world.group, Answer::Explain, &body);
    let tenant = world.fixture.tenant;
    let user = PrincipalKind::User;
    let stranger = world.caller("stranger");
    assert!(matches!(ask(&stranger), Err(ResourceError::Denied(_))));
    let reader = world.caller("reader");
    world.fixture.assign(tenant, reader.object_id, user, builtin::READER, &world.group);
    let Err(ResourceError::Denied(denied)) = ask(&reader) else { panic!("a reader may not ask") };
    assert_eq!(denied.action, "Gatepost.Access/explain/action");
    let asker = world.fixture.role("Asker", &["Gatepost.Access/*"]);
    world.fixture.assign(tenant, reader.object_id, user, asker, &world.group);
    assert!(ask(&reader).is_ok());
    let assigner = world.caller("assigner");
    world.fixture.assign(tenant, assigner.object_id, user, builtin::USER_ACCESS_ADMINISTRATOR, &world.group);
    assert!(ask(&assigner).is_ok(), "who assigns roles may ask");
    let (_, _, foreign) = world.fixture.tenant("fabrikam.example");
    assert!(matches!(ask(&foreign), Err(ResourceError::SubscriptionNotFound(_))));
}

#[test]
fn what_lies_elsewhere_is_told_to_whom_it_may_be_told() {
    let world = world();
    let other = Scope::parse(&format!("/subscriptions/{}/resourceGroups/other", world.fixture.subscription));
    let other = other.unwrap();
    let kind = PrincipalKind::ServicePrincipal;
    world.fixture.assign(world.fixture.tenant, world.app.principal, kind, builtin::OWNER, &other);
    let answer = world.explain(WRITE);
    assert_eq!(texts(&answer["elsewhere"]["granting"], "scope"), [other.to_string()]);
    assert!(answer["reason"].as_str().unwrap().contains("/other"));

    let narrow = world.caller("narrow");
    let tenant = world.fixture.tenant;
    world.fixture.assign(tenant, narrow.object_id, PrincipalKind::User, builtin::OWNER, &world.group);
    let body = json!({"principalId": world.app.principal, "action": WRITE});
    let resources = &world.fixture.resources;
    let told = resources.answer_access(&narrow, &world.group, Answer::Explain, &body).unwrap();
    assert!(!told.to_string().contains("/other"), "{told}");
}

#[test]
fn conditions_show_what_they_saw() {
    let world = world();
    let now = world.fixture.clock.now();
    let assignment = gatepost_access::RoleAssignment {
        name: gatepost_names::RoleAssignmentName(Uuid::new_v4()),
        tenant: world.fixture.tenant,
        scope: world.group.clone(),
        role: builtin::OWNER,
        principal: world.app.principal,
        principal_kind: PrincipalKind::ServicePrincipal,
        description: None,
        condition: Some(
            "@Request[Microsoft.Communication/EmailServices:SenderAddress] StringEquals 'billing@x.example'"
                .to_owned(),
        ),
        condition_version: Some("2.0".to_owned()),
        starts: None,
        ends: None,
        created_on: now,
        updated_on: now,
        created_by: None,
        updated_by: None,
    };
    let access = &world.fixture.platform.access;
    world.fixture.platform.store.write(|tx| access.put_assignment(tx, &assignment)).unwrap();
    assert_eq!(world.explain(WRITE)["decision"], "Conditional");
    let given = |sender: &str| {
        let name = "@request[microsoft.communication/emailservices:SENDERADDRESS]";
        let body = json!({
            "principalId": world.app.principal, "action": WRITE, "attributes": {name: sender},
        });
        world.answer(Answer::Explain, &body)
    };
    assert_eq!(given("billing@x.example")["decision"], "Allowed");
    let refused = given("root@x.example");
    assert_eq!(refused["decision"], "Denied");
    let condition = &refused["assignments"][0]["conditions"][0];
    assert_eq!(condition["outcome"], "False");
    assert!(condition["comparisons"][0]["saw"].as_str().unwrap().contains("root@x.example"), "{condition}");
    assert_eq!(refused["remedies"][0]["kind"], "condition");
}

#[test]
fn who_can_in_pages() {
    let world = world();
    let role = world.fixture.role("Sender", &[WRITE]);
    world.assign(role);
    let all = world.answer(Answer::WhoCan, &json!({"action": WRITE}));
    assert_eq!(all["candidates"], 2);
    let ids: Vec<String> =
        all["value"].as_array().unwrap().iter().map(|one| one["principal"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 2, "the administrator and the application");
    let first = world.answer(Answer::WhoCan, &json!({"action": WRITE, "top": 1}));
    let rest = world.answer(Answer::WhoCan, &json!({"action": WRITE, "top": 1, "after": first["after"]}));
    assert_eq!(first["value"][0]["principal"]["id"].to_string(), ids[0]);
    assert_eq!(rest["value"][0]["principal"]["id"].to_string(), ids[1]);
    assert_eq!(rest["after"], Value::Null);
}

#[test]
fn least_and_diff() {
    let world = world();
    let found = world.answer(Answer::Least, &json!({"actions": [WRITE]}));
    let smallest = &found["value"][0];
    assert_eq!(smallest["roles"][0]["roleName"], "Communication and Email Service Owner");
    assert_eq!(found["customRole"]["Actions"].as_array().unwrap().len(), 1);
    let unknown = world.answer(Answer::Least, &json!({"actions": ["No.Such/thing/frob/action"]}));
    assert_eq!(unknown["unknown"], json!(["No.Such/thing/frob/action"]));

    let diff = world.answer(Answer::Diff, &json!({"first": "contributor", "second": "Owner"}));
    let only = |action: &str| {
        let all = diff["value"].as_array().unwrap();
        all.iter().find(|one| one["action"] == action).cloned().unwrap_or_default()
    };
    let assign = only("Microsoft.Authorization/roleAssignments/write");
    assert_eq!((&assign["first"], &assign["second"]), (&json!("NotGranted"), &json!("Granted")));
    assert_eq!(world.answer(Answer::Diff, &json!({"first": "Owner", "second": "Owner"}))["same"], true);
}

#[test]
fn what_if_shows_gains_and_losses() {
    let world = world();
    let put = json!({
        "change": "putRoleAssignment", "principalId": world.app.principal, "roleDefinitionId": "Reader",
    });
    let gained = world.answer(Answer::WhatIf, &put);
    let effect = &gained["value"][0];
    assert_eq!(effect["principal"]["displayName"], "Mailer");
    assert!(effect["gainCount"].as_u64().unwrap() > 10 && effect["lossCount"] == 0);
    let name = world.assign(builtin::READER);
    let again = world.answer(Answer::WhatIf, &put);
    assert_eq!(again["value"], json!([]), "it has it already");
    let end = json!({"change": "deleteRoleAssignment", "roleAssignmentId": name});
    let lost = world.answer(Answer::WhatIf, &end);
    assert_eq!(lost["value"][0]["lossCount"], effect["gainCount"]);
    let deny = json!({
        "change": "putDenyAssignment", "permissions": [{"actions": ["*/read"]}],
        "principals": [Uuid::nil()], "excludePrincipals": [world.fixture.admin.object_id],
    });
    let denied = world.answer(Answer::WhatIf, &deny);
    assert_eq!(denied["value"][0]["lossCount"], effect["gainCount"]);
}

#[test]
fn what_cannot_be_asked_is_refused_with_a_reason() {
    let world = world();
    let principal = world.app.principal;
    for (answer, body) in [
        (Answer::Explain, json!([])),
        (Answer::Explain, json!({})),
        (Answer::Explain, json!({"principalId": "x", "action": WRITE})),
        (Answer::Explain, json!({"principalId": principal, "action": "*"})),
        (Answer::Explain, json!({"principalId": principal, "action": "a b/c"})),
        (Answer::Explain, json!({"principalId": principal, "action": "a/".repeat(400)})),
        (Answer::Explain, json!({"principalId": principal, "action": WRITE, "isDataAction": "no"})),
        (Answer::Explain, json!({"principalId": principal, "action": WRITE, "address": "here"})),
        (Answer::Explain, json!({"principalId": principal, "action": WRITE, "at": "soon"})),
        (Answer::Explain, json!({"principalId": principal, "action": WRITE, "attributes": {"x": 1}})),
        (Answer::Explain, json!({"correlationId": "x"})),
        (Answer::Explain, json!({"correlationId": Uuid::new_v4()})),
        (Answer::WhoCan, json!({"action": WRITE, "top": 0})),
        (Answer::WhoCan, json!({"action": WRITE, "after": "x"})),
        (Answer::Least, json!({})),
        (Answer::Least, json!({"actions": vec!["a/b"; 1000]})),
        (Answer::Diff, json!({"first": "Owner", "second": "Nobody's role"})),
        (Answer::WhatIf, json!({"change": "everything"})),
        (Answer::WhatIf, json!({"change": "deleteRoleAssignment", "roleAssignmentId": Uuid::new_v4()})),
        (Answer::WhatIf, json!({"change": "deleteRoleDefinition", "roleDefinitionId": "Owner"})),
        (Answer::WhatIf, json!({"change": "putDenyAssignment", "permissions": "all"})),
        (
            Answer::WhatIf,
            json!({"change": "putDenyAssignment", "permissions": [{"actions": vec!["a/b"; 2001]}]}),
        ),
        (
            Answer::WhatIf,
            json!({"change": "putRoleAssignment", "principalId": principal, "roleDefinitionId": "Reader",
                   "condition": "@Request["}),
        ),
        (Answer::WhatIf, json!({"change": "addGroupMember", "groupId": principal, "memberId": principal})),
    ] {
        let refused = world.ask(answer, &body).unwrap_err();
        assert!(
            matches!(
                refused,
                ResourceError::BadRequest { .. }
                    | ResourceError::InvalidRequestContent(_)
                    | ResourceError::NotFound { .. }
            ),
            "{body}: {refused:?}"
        );
    }
}

#[test]
fn a_refusal_is_called_up_by_its_correlation_id() {
    let world = world();
    let correlation = Uuid::new_v4();
    let address = "192.0.2.7".parse().unwrap();
    let app = Caller::new(
        world.fixture.tenant,
        world.app.principal,
        PrincipalKind::ServicePrincipal,
        world.app.app_id.to_string(),
        Some(world.app.app_id),
    )
    .at(gatepost_access::RequestOrigin::new(correlation, address));
    assert!(world.fixture.resources.group(&app, &world.group).is_err());
    let body = json!({"correlationId": correlation});
    let answer = world.answer(Answer::Explain, &body);
    assert_eq!(answer["decision"], "Denied");
    assert_eq!(answer["action"], "Microsoft.Resources/subscriptions/resourceGroups/read");
    assert_eq!(answer["refusal"]["address"], "192.0.2.7");
    assert!(answer["refusal"]["reason"].as_str().unwrap().contains("no role assignment"), "{answer}");
    world.assign(builtin::READER);
    assert_eq!(world.answer(Answer::Explain, &body)["decision"], "Allowed", "as it would be now");
}

/// An Owner of the group alone, and a custom role and a deny that it may not read: they are in another
/// subscription of the tenant.
fn hidden(world: &World) -> (Caller, gatepost_names::RoleDefinitionId, Scope) {
    let other = gatepost_names::SubscriptionId(Uuid::new_v4());
    let fixture = &world.fixture;
    let subscription = gatepost_store::tenants::Subscription {
        id: other,
        tenant: fixture.tenant,
        display_name: "Other".to_owned(),
    };
    let insert =
        |tx: &gatepost_store::Tx<'_>| gatepost_store::tenants::insert_subscription(tx, &subscription, 0);
    fixture.platform.store.write(insert).unwrap();
    let role = fixture.role("Secret role", &[WRITE]);
    let mut stored = fixture.platform.access.role(fixture.tenant, role).unwrap();
    stored.definition.assignable_scopes = vec![Scope::subscription(other)];
    let access = &fixture.platform.access;
    fixture.platform.store.write(|tx| access.put_role(tx, fixture.tenant, &stored)).unwrap();
    let narrow = world.caller("narrow");
    fixture.assign(fixture.tenant, narrow.object_id, PrincipalKind::User, builtin::OWNER, &world.group);
    (narrow, role, Scope::subscription(other))
}

#[test]
fn a_role_that_may_not_be_read_is_none() {
    let world = world();
    let (narrow, role, _) = hidden(&world);
    let ask = |caller: &Caller, answer: Answer, body: &Value| {
        world.fixture.resources.answer_access(caller, &world.group, answer, body)
    };
    for named in [json!("Secret role"), json!(role)] {
        for (answer, body) in [
            (Answer::Diff, json!({"first": named, "second": "Owner"})),
            (Answer::WhatIf, json!({"change": "deleteRoleDefinition", "roleDefinitionId": named})),
        ] {
            let refused = ask(&narrow, answer, &body);
            let Err(ResourceError::NotFound { code, .. }) = refused else { panic!("{refused:?}") };
            assert_eq!(code, "RoleDefinitionDoesNotExist");
        }
    }
    // One that can be assigned here is seen.
    world.fixture.role("Seen", &[WRITE]);
    assert!(ask(&narrow, Answer::Diff, &json!({"first": "Seen", "second": "Owner"})).is_ok());
}

#[test]
fn what_if_something_unreadable_were_deleted_is_not_told() {
    let world = world();
    let (narrow, _, other) = hidden(&world);
    let tenant = world.fixture.tenant;
    let kind = PrincipalKind::ServicePrincipal;
    let name = world.fixture.assign(tenant, world.app.principal, kind, builtin::OWNER, &other);
    let end = json!({"change": "deleteRoleAssignment", "roleAssignmentId": name});
    let refused = world.fixture.resources.answer_access(&narrow, &world.group, Answer::WhatIf, &end);
    let Err(ResourceError::NotFound { message, .. }) = refused else { panic!("{refused:?}") };
    let end = json!({"change": "deleteRoleAssignment", "roleAssignmentId": Uuid::new_v4()});
    let absent = world.fixture.resources.answer_access(&narrow, &world.group, Answer::WhatIf, &end);
    assert_eq!(absent.unwrap_err().to_string(), message, "as if it were not there");
}

#[test]
fn what_if_takes_what_a_put_takes() {
    let world = world();
    let role = world.fixture.role("Mine", &[WRITE]);
    let condition = "@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00.0Z'";
    let block = json!({"actions": ["*/read"], "condition": condition});
    let put = |count: usize| {
        let blocks = vec![block.clone(); count];
        json!({"change": "putRoleDefinition", "roleDefinitionId": role, "permissions": blocks})
    };
    assert!(world.ask(Answer::WhatIf, &put(20)).is_ok());
    let code = |body: &Value| match world.ask(Answer::WhatIf, body) {
        Err(ResourceError::BadRequest { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(&put(21)), "RoleDefinitionConditionLimitExceeded");
    let deny = json!({
        "change": "putDenyAssignment", "permissions": [block], "principals": [world.app.principal],
    });
    assert_eq!(code(&deny), "InvalidCondition");
}

#[test]
fn a_logged_refusal_does_not_tell_of_scopes_elsewhere() {
    let world = world();
    let (narrow, _, other) = hidden(&world);
    let kind = PrincipalKind::ServicePrincipal;
    world.fixture.assign(world.fixture.tenant, world.app.principal, kind, builtin::OWNER, &other);
    let correlation = Uuid::new_v4();
    let app = Caller::new(
        world.fixture.tenant,
        world.app.principal,
        kind,
        world.app.app_id.to_string(),
        Some(world.app.app_id),
    )
    .at(gatepost_access::RequestOrigin::new(correlation, "192.0.2.7".parse().unwrap()));
    assert!(world.fixture.resources.group(&app, &world.group).is_err());
    let resources = &world.fixture.resources;
    let body = json!({"correlationId": correlation});
    let told = resources.answer_access(&narrow, &world.group, Answer::Explain, &body).unwrap();
    assert_eq!(told["refusal"]["address"], "192.0.2.7");
    assert!(!told.to_string().contains(other.as_str()), "{told}");
}
