//! Locks as use cases meet them.

use gatepost_access::Caller;
use gatepost_names::{ObjectId, PrincipalKind, Scope};
use gatepost_rbac::builtin;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::communication::fixture::Fixture;
use crate::request::{Conditions, Deleted, Page};
use crate::versions::ApiVersion;
use crate::{Acted, ResourceError};

impl Fixture {
    fn scope_of(&self, rest: &str) -> Scope {
        Scope::parse(&format!("/subscriptions/{}{rest}", self.subscription)).unwrap()
    }

    fn lock(&self, rest: &str, name: &str, level: &str) -> bool {
        let body = json!({"properties": {"level": level}});
        self.resources.put_lock(&self.admin, &self.scope_of(rest), name, &body).unwrap().1
    }

    fn unlock(&self, rest: &str, name: &str) {
        let deleted = self.resources.delete_lock(&self.admin, &self.scope_of(rest), name).unwrap();
        assert_eq!(deleted, Deleted::Done);
    }

    fn listed(&self, rest: &str, filter: Option<&str>, page: &Page) -> Vec<String> {
        let listing = self.resources.locks(&self.admin, &self.scope_of(rest), filter, page).unwrap();
        listing.value.iter().map(|lock| lock["name"].as_str().unwrap().to_owned()).collect()
    }

    fn delete_rg(&self) -> Result<(), ResourceError> {
        let scope = self.scope_of("/resourceGroups/rg");
        self.resources.delete_group(&self.admin, &scope, &Conditions::default()).map(|_| ())
    }
}

fn version() -> ApiVersion<'static> {
    ApiVersion::new("2022-04-01")
}

#[track_caller]
fn locked<T: std::fmt::Debug>(outcome: Result<T, ResourceError>) -> String {
    match outcome {
        Err(ResourceError::Conflict { code: "ScopeLocked", message }) => message,
        other => panic!("not locked: {other:?}"),
    }
}

#[test]
fn a_lock_lives_and_dies() {
    let fixture = Fixture::new();
    let group = "/resourceGroups/rg";
    assert!(fixture.lock(group, "Keep", "CanNotDelete"));
    assert!(!fixture.lock(group, "keep", "ReadOnly"), "names ignore letter case");
    let scope = fixture.scope_of("/resourcegroups/RG");
    let shown = fixture.resources.lock(&fixture.admin, &scope, "KEEP").unwrap();
    assert_eq!(shown["name"], "Keep");
    assert_eq!(shown["properties"], json!({"level": "ReadOnly"}));
    assert_eq!(shown["type"], "Microsoft.Authorization/locks");
    let id = format!("{}/providers/Microsoft.Authorization/locks/Keep", fixture.scope_of(group));
    assert_eq!(shown["id"], json!(id));
    fixture.unlock(group, "keep");
    assert_eq!(fixture.resources.delete_lock(&fixture.admin, &scope, "keep").unwrap(), Deleted::Absent);
    let missing = fixture.resources.lock(&fixture.admin, &scope, "keep");
    assert!(matches!(missing, Err(ResourceError::NotFound { code: "LockNotFound", .. })));
}

#[test]
fn can_not_delete_stops_deletes_and_nothing_else() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let at = format!("/resourceGroups/rg/providers/Microsoft.Communication/{service}");
    fixture.lock(&at, "keep", "CanNotDelete");
    let message = locked(fixture.delete(&service));
    let id = fixture.scope_of(&at);
    assert_eq!(
        message,
        format!(
            "The scope '{id}' cannot perform delete operation because following scope(s) are locked: '{id}'. \
             Please remove the lock and try again."
        )
    );
    // The group would take it along.
    assert!(locked(fixture.delete_rg()).contains(&format!("are locked: '{id}'")));
    fixture.patch(&service, json!({}));
    assert!(matches!(fixture.act(&service, "listKeys", json!(null)).unwrap(), Acted::Done(_)));
    fixture.communication_service("other-one");
    fixture.delete("communicationServices/other-one").unwrap();
    fixture.unlock(&at, "keep");
    fixture.delete_rg().unwrap();
}

#[test]
fn read_only_stops_writes_and_actions_too_at_any_depth() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    fixture.lock("", "freeze", "ReadOnly");
    let sub = fixture.scope_of("");
    let new = fixture.try_put("communicationServices/new", json!({"location": "global"}));
    let message = locked(new);
    assert!(
        message.contains("cannot perform write operation") && message.contains(&format!("'{sub}'")),
        "{message}"
    );
    locked(fixture.try_patch(&service, json!({})));
    locked(fixture.act(&service, "listKeys", json!(null)));
    locked(fixture.delete(&service));
    locked(fixture.delete_rg());
    let group = fixture.scope_of("/resourceGroups/rg");
    let body = json!({"location": "global"});
    locked(fixture.resources.put_group(&fixture.admin, &group, &body, &Conditions::default()));
    locked(fixture.resources.patch_group(&fixture.admin, &group, &json!({}), &Conditions::default()));
    locked(fixture.resources.register_provider(
        &fixture.admin,
        fixture.subscription,
        "Microsoft.Communication",
        true,
    ));
    // Reading goes on, and locks can be managed under a lock.
    fixture.get(&service);
    assert!(fixture.lock("/resourceGroups/rg", "more", "CanNotDelete"));
    fixture.unlock("/resourceGroups/rg", "more");
    fixture.unlock("", "freeze");
    fixture.delete(&service).unwrap();
}

#[test]
fn role_assignments_are_locked_with_their_scope_and_not_by_what_is_below() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let at = format!("/resourceGroups/rg/providers/Microsoft.Communication/{service}");
    let (group, sub) = (fixture.scope_of("/resourceGroups/rg"), fixture.scope_of(""));
    let principal = fixture.application("Mailer").principal;
    let kind = PrincipalKind::ServicePrincipal;
    let here = fixture.assign(fixture.tenant, principal, kind, builtin::READER, &group);
    let above = fixture.assign(fixture.tenant, principal, kind, builtin::READER, &sub);
    let delete = |scope: &Scope, name: Uuid| {
        fixture.resources.delete_role_assignment(&fixture.admin, scope, &name.to_string(), version())
    };
    fixture.lock(&at, "deep", "CanNotDelete");
    fixture.lock("/resourceGroups/rg", "keep", "CanNotDelete");
    assert!(locked(delete(&group, here.0)).contains("/providers/Microsoft.Authorization/roleAssignments/"));
    assert!(delete(&sub, above.0).unwrap().is_some(), "a lock further down has no say in it");
    fixture.unlock("/resourceGroups/rg", "keep");
    fixture.lock("/resourceGroups/rg", "freeze", "ReadOnly");
    let body = json!({"properties": {
        "roleDefinitionId": builtin::CONTRIBUTOR.to_string(), "principalId": principal.to_string(),
    }});
    let name = Uuid::new_v4().to_string();
    locked(fixture.resources.put_role_assignment(&fixture.admin, &group, &name, &body, version()));
    fixture.unlock("/resourceGroups/rg", "freeze");
    assert!(delete(&group, here.0).unwrap().is_some());
}

#[test]
fn a_refusal_comes_before_a_lock() {
    let fixture = Fixture::new();
    fixture.lock("", "freeze", "ReadOnly");
    let id = ObjectId(Uuid::new_v4());
    let nobody = Caller::new(fixture.tenant, id, PrincipalKind::User, "nobody@contoso.example".into(), None);
    let scope = fixture.scope_of("/resourceGroups/rg");
    let refused = fixture.resources.delete_group(&nobody, &scope, &Conditions::default());
    assert!(matches!(refused, Err(ResourceError::Denied(_))));
    // Contributor may do everything but this.
    fixture.assign(fixture.tenant, id, PrincipalKind::User, builtin::CONTRIBUTOR, &fixture.scope_of(""));
    let unlock = fixture.resources.delete_lock(&nobody, &fixture.scope_of(""), "freeze");
    assert!(matches!(unlock, Err(ResourceError::Denied(_))));
    let body = json!({"properties": {"level": "ReadOnly"}});
    let lock = fixture.resources.put_lock(&nobody, &scope, "mine", &body);
    assert!(matches!(lock, Err(ResourceError::Denied(_))));
    locked(fixture.resources.delete_group(&nobody, &scope, &Conditions::default()));
}

#[test]
fn lists_show_what_is_at_above_and_below() {
    let fixture = Fixture::new();
    let service = fixture.communication_service("contoso");
    let at = format!("/resourceGroups/rg/providers/Microsoft.Communication/{service}");
    for (rest, name) in [
        ("", "sub"),
        ("/resourceGroups/rg", "group"),
        (at.as_str(), "service"),
        ("/resourceGroups/other", "other"),
    ] {
        fixture.lock(rest, name, "CanNotDelete");
    }
    let all = Page::default();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(fixture.listed("", None, &all)), ["group", "other", "service", "sub"]);
    assert_eq!(sorted(fixture.listed("/resourceGroups/rg", None, &all)), ["group", "service", "sub"]);
    assert_eq!(sorted(fixture.listed("/resourceGroups/rg", Some("atScope()"), &all)), ["group", "sub"]);
    let (mut token, mut seen) = (None, Vec::new());
    loop {
        let page = Page::parse(token.as_deref(), Some("1")).unwrap();
        let listing = fixture.resources.locks(&fixture.admin, &fixture.scope_of(""), None, &page).unwrap();
        seen.extend(listing.value.iter().map(|lock| lock["name"].as_str().unwrap().to_owned()));
        match listing.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    assert_eq!(sorted(seen), ["group", "other", "service", "sub"]);
    let scope = fixture.scope_of("");
    for wrong in ["atScope", "name eq 'x'", "x"] {
        assert!(fixture.resources.locks(&fixture.admin, &scope, Some(wrong), &all).is_err(), "{wrong}");
    }
}

#[test]
fn what_cannot_be_locked_is_refused() {
    let fixture = Fixture::new();
    let body = json!({"properties": {"level": "ReadOnly"}});
    fixture.assign(
        fixture.tenant,
        fixture.admin.object_id,
        PrincipalKind::User,
        builtin::OWNER,
        &Scope::root(),
    );
    let put = |scope: &str, name: &str, body: &Value| {
        fixture.resources.put_lock(&fixture.admin, &Scope::parse(scope).unwrap(), name, body)
    };
    let sub = fixture.scope_of("").to_string();
    for (scope, name) in [
        ("/", "x"),
        ("/providers/Microsoft.Management/managementGroups/g", "x"),
        (&format!("{sub}/resourceGroups/none"), "x"),
        (
            &format!("{sub}/resourceGroups/rg/providers/Microsoft.Communication/communicationServices/none"),
            "x",
        ),
        (&sub, "a:b"),
    ] {
        assert!(put(scope, name, &body).is_err(), "{scope} {name}");
    }
    for n in 0..20 {
        put(&sub, &format!("l{n}"), &body).unwrap();
    }
    assert!(matches!(
        put(&sub, "l20", &body),
        Err(ResourceError::BadRequest { code: "LockLimitExceeded", .. })
    ));
    put(&sub, "l19", &body).unwrap();
}
