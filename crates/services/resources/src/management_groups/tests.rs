//! Management groups as use cases meet them.

use gatepost_access::{Caller, GLOBAL_ADMINISTRATOR, ManagementGroup};
use gatepost_names::{ObjectId, PrincipalKind, Scope, SubscriptionId};
use gatepost_rbac::builtin;
use gatepost_store::tenants;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{EntityQuery, GroupExpand};
use crate::ResourceError;
use crate::communication::fixture::Fixture;
use crate::request::{Deleted, Page};

impl Fixture {
    /// The tenant's root group with its subscription in it, and the administrator as its Owner.
    fn with_root() -> Fixture {
        let fixture = Fixture::new();
        let access = &fixture.platform.access;
        fixture
            .platform
            .store
            .write::<_, gatepost_access::ManagementGroupError>(|tx| {
                let root = ManagementGroup::root(fixture.tenant, fixture.clock.now());
                access.put_management_group(tx, &root)?;
                access.place_subscription(tx, fixture.tenant, fixture.subscription, Some(&root.name))?;
                Ok(())
            })
            .unwrap();
        let root = fixture.group_scope_of(&fixture.root());
        fixture.assign(fixture.tenant, fixture.admin.object_id, PrincipalKind::User, builtin::OWNER, &root);
        fixture
    }

    fn root(&self) -> String {
        self.tenant.to_string()
    }

    fn group_scope_of(&self, name: &str) -> Scope {
        Scope::parse(&format!("/providers/Microsoft.Management/managementGroups/{name}")).unwrap()
    }

    fn try_group(&self, caller: &Caller, name: &str, parent: &str) -> Result<(Value, bool), ResourceError> {
        let parent = format!("/providers/Microsoft.Management/managementGroups/{parent}");
        let body = json!({"properties": {"displayName": name, "details": {"parent": {"id": parent}}}});
        self.resources.put_management_group(caller, name, &body)
    }

    fn group(&self, name: &str, parent: &str) {
        assert!(self.try_group(&self.admin, name, parent).unwrap().1, "{name} is new");
    }

    fn shown(&self, name: &str) -> Value {
        self.resources.management_group(&self.admin, name, GroupExpand::default()).unwrap()
    }

    fn user(&self, name: &str) -> Caller {
        let id = ObjectId(Uuid::new_v4());
        Caller::new(self.tenant, id, PrincipalKind::User, format!("{name}@contoso.example"), None)
    }

    fn second_subscription(&self) -> SubscriptionId {
        let id = SubscriptionId(Uuid::new_v4());
        let access = &self.platform.access;
        self.platform
            .store
            .write::<_, gatepost_store::StoreError>(|tx| {
                let subscription =
                    tenants::Subscription { id, tenant: self.tenant, display_name: "second".into() };
                tenants::insert_subscription(tx, &subscription, 0)?;
                access.place_subscription(tx, self.tenant, id, Some(&self.root()))
            })
            .unwrap();
        id
    }
}

fn is_bad_request<T>(outcome: &Result<T, ResourceError>) -> bool {
    matches!(outcome, Err(ResourceError::BadRequest { code: "BadRequest", .. }))
}

#[test]
fn a_group_lives_and_dies() {
    let fixture = Fixture::with_root();
    let (made, created) =
        fixture.resources.put_management_group(&fixture.admin, "Corp", &json!({"name": "Corp"})).unwrap();
    assert!(created);
    assert_eq!(made["id"], "/providers/Microsoft.Management/managementGroups/Corp");
    assert_eq!(made["properties"]["displayName"], "Corp");
    assert_eq!(made["properties"]["details"]["parent"]["name"], fixture.root());
    let (changed, created) = fixture
        .resources
        .put_management_group(&fixture.admin, "corp", &json!({"properties": {"displayName": "Corporation"}}))
        .unwrap();
    assert!(!created);
    assert_eq!(
        (&changed["name"], &changed["properties"]["displayName"]),
        (&json!("Corp"), &json!("Corporation"))
    );
    let patched =
        fixture.resources.patch_management_group(&fixture.admin, "CORP", &json!({"displayName": "C"}));
    assert_eq!(patched.unwrap()["properties"]["displayName"], "C");
    let all = fixture.resources.management_groups(&fixture.admin).unwrap();
    assert_eq!(all.len(), 2);
    let delete = |name: &str| fixture.resources.delete_management_group(&fixture.admin, name);
    assert_eq!(delete("corp").unwrap(), Deleted::Done);
    assert_eq!(delete("corp").unwrap(), Deleted::Absent);
    let gone = fixture.resources.management_group(&fixture.admin, "corp", GroupExpand::default());
    assert!(matches!(gone, Err(ResourceError::NotFound { code: "NotFound", .. })));
}

#[test]
fn the_root_group_stays_and_stays_where_it_is() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    assert!(is_bad_request(&fixture.resources.delete_management_group(&fixture.admin, &fixture.root())));
    assert!(is_bad_request(&fixture.try_group(&fixture.admin, &fixture.root(), "a")));
    let renamed = json!({"displayName": "Everything"});
    fixture.resources.patch_management_group(&fixture.admin, &fixture.root(), &renamed).unwrap();
    assert_eq!(fixture.shown(&fixture.root())["properties"]["displayName"], "Everything");
}

#[test]
fn a_group_that_is_not_empty_is_not_deleted() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    fixture.group("b", "a");
    let delete = |name: &str| fixture.resources.delete_management_group(&fixture.admin, name);
    assert!(is_bad_request(&delete("a")));
    fixture.resources.place_subscription(&fixture.admin, "b", fixture.subscription).unwrap();
    assert!(is_bad_request(&delete("b")));
    fixture.resources.remove_subscription(&fixture.admin, "b", fixture.subscription).unwrap();
    delete("b").unwrap();
    delete("a").unwrap();
}

#[test]
fn there_are_six_levels_and_no_circles() {
    let fixture = Fixture::with_root();
    let mut parent = fixture.root();
    for n in 1..=6 {
        let name = format!("l{n}");
        fixture.group(&name, &parent);
        parent = name;
    }
    assert!(is_bad_request(&fixture.try_group(&fixture.admin, "l7", "l6")));
    assert!(is_bad_request(&fixture.try_group(&fixture.admin, "l1", "l3")), "into itself");
    assert!(is_bad_request(&fixture.try_group(&fixture.admin, "l1", "l1")));
    fixture.group("top", &fixture.root());
    assert!(is_bad_request(&fixture.try_group(&fixture.admin, "l1", "top")), "what is below moves along");
    fixture.try_group(&fixture.admin, "l2", "top").unwrap();
    assert_eq!(fixture.shown("l2")["properties"]["details"]["parent"]["name"], "top");
    let lost = fixture.try_group(&fixture.admin, "x", "none");
    assert!(matches!(lost, Err(ResourceError::NotFound { .. })), "{lost:?}");
}

#[test]
fn rights_come_down_and_move_with_what_is_moved() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    let anna = fixture.user("anna");
    let scope = fixture.group_scope_of("a");
    fixture.assign(fixture.tenant, anna.object_id, PrincipalKind::User, builtin::READER, &scope);
    let sees = || fixture.resources.groups(&anna, fixture.subscription, None, &Page::default()).is_ok();
    assert!(!sees());
    fixture.resources.place_subscription(&fixture.admin, "a", fixture.subscription).unwrap();
    assert!(sees());
    fixture.resources.remove_subscription(&fixture.admin, "a", fixture.subscription).unwrap();
    assert!(!sees());
}

#[test]
fn a_move_needs_rights_at_the_subject_and_both_parents() {
    let fixture = Fixture::with_root();
    for name in ["a", "b"] {
        fixture.group(name, &fixture.root());
    }
    fixture.resources.place_subscription(&fixture.admin, "a", fixture.subscription).unwrap();
    let anna = fixture.user("anna");
    let give = |role, scope: &Scope| {
        fixture.assign(fixture.tenant, anna.object_id, PrincipalKind::User, role, scope)
    };
    let moves = || fixture.resources.place_subscription(&anna, "b", fixture.subscription).map(|_| ());
    assert!(matches!(moves(), Err(ResourceError::Denied(_))));
    give(builtin::OWNER, &fixture.group_scope_of("b"));
    assert!(matches!(moves(), Err(ResourceError::LinkedDenied { .. })), "not at the subscription");
    give(builtin::OWNER, &Scope::subscription(fixture.subscription));
    assert!(matches!(moves(), Err(ResourceError::LinkedDenied { .. })), "not at the group that it leaves");
    let at_old = give(builtin::CONTRIBUTOR, &fixture.group_scope_of("a"));
    moves().unwrap();
    // A group, too.
    let moves = || fixture.try_group(&anna, "a", "b").map(|_| ());
    assert!(matches!(moves(), Err(ResourceError::LinkedDenied { .. })), "Contributor assigns no roles");
    fixture.unassign(at_old);
    assert!(matches!(moves(), Err(ResourceError::Denied(_))));
    give(builtin::OWNER, &fixture.group_scope_of("a"));
    moves().unwrap();
    assert_eq!(fixture.shown("a")["properties"]["details"]["parent"]["name"], "b");
}

#[test]
fn out_of_the_root_group_and_back_needs_no_right_there() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    let anna = fixture.user("anna");
    for scope in [fixture.group_scope_of("a"), Scope::subscription(fixture.subscription)] {
        fixture.assign(fixture.tenant, anna.object_id, PrincipalKind::User, builtin::OWNER, &scope);
    }
    fixture.resources.place_subscription(&anna, "a", fixture.subscription).unwrap();
    let again = fixture.resources.place_subscription(&anna, "a", fixture.subscription).unwrap();
    assert_eq!(again["properties"]["parent"]["id"], "/providers/Microsoft.Management/managementGroups/a");
    assert_eq!(
        fixture.resources.remove_subscription(&anna, "a", fixture.subscription).unwrap(),
        Deleted::Done
    );
    assert_eq!(
        fixture.resources.remove_subscription(&anna, "a", fixture.subscription).unwrap(),
        Deleted::Absent
    );
    fixture.resources.place_subscription(&anna, "a", fixture.subscription).unwrap();
    fixture.resources.place_subscription(&anna, &fixture.root(), fixture.subscription).unwrap();
    // But a stranger to the subscription moves nothing.
    let bert = fixture.user("bert");
    let stranger = fixture.resources.place_subscription(&bert, &fixture.root(), fixture.subscription);
    assert!(matches!(stranger, Err(ResourceError::Denied(_))));
}

#[test]
fn a_global_administrator_begins_the_hierarchy_and_owns_what_it_made() {
    let fixture = Fixture::with_root();
    let anna = fixture.user("anna");
    assert!(matches!(fixture.try_group(&anna, "mine", &fixture.root()), Err(ResourceError::Denied(_))));
    let access = &fixture.platform.access;
    let give = |tx: &gatepost_store::Tx<'_>| {
        access.put_directory_role(tx, fixture.tenant, anna.object_id, GLOBAL_ADMINISTRATOR)
    };
    fixture.platform.store.write(give).unwrap();
    assert!(fixture.try_group(&anna, "mine", &fixture.root()).unwrap().1);
    assert!(fixture.try_group(&anna, "below", "mine").unwrap().1);
    // Nowhere else is the directory role worth anything.
    fixture.group("theirs", &fixture.root());
    assert!(matches!(fixture.try_group(&anna, "x", "theirs"), Err(ResourceError::Denied(_))));
    assert!(matches!(fixture.try_group(&anna, "theirs", &fixture.root()), Err(ResourceError::Denied(_))));
    let delete = fixture.resources.delete_management_group(&anna, "theirs");
    assert!(matches!(delete, Err(ResourceError::Denied(_))));
}

#[test]
fn children_paths_ancestors_and_descendants() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    fixture.group("b", "a");
    let second = fixture.second_subscription();
    fixture.resources.place_subscription(&fixture.admin, "b", second).unwrap();
    let show = |name: &str, expand: &str, recurse: Option<&str>, filter: Option<&str>| {
        let expand = GroupExpand::parse(Some(expand), recurse, filter).unwrap();
        fixture.resources.management_group(&fixture.admin, name, expand).unwrap()["properties"].clone()
    };
    let flat = show(&fixture.root(), "children", None, None);
    assert_eq!(flat["children"].as_array().unwrap().len(), 2, "{flat:#}");
    assert!(flat["children"][0].get("children").is_none());
    let deep = show(&fixture.root(), "children", Some("true"), None);
    let subscription = &deep["children"][0]["children"][0]["children"][0];
    assert_eq!(
        (&subscription["type"], &subscription["displayName"]),
        (&json!("/subscriptions"), &json!("second"))
    );
    let groups = show(&fixture.root(), "children", Some("true"), Some("children.childType ne Subscription"));
    assert_eq!(groups["children"].as_array().unwrap().len(), 1);
    let details = show("b", "path,ancestors", None, None)["details"].clone();
    assert_eq!(details["managementGroupAncestors"], json!(["a", fixture.root()]));
    assert_eq!(details["path"][0]["name"], fixture.root());
    assert_eq!(details["path"][2]["name"], "b");
    let below = fixture.resources.descendants(&fixture.admin, &fixture.root()).unwrap();
    assert_eq!(below.len(), 4, "{below:#?}");
    let inside = fixture.resources.subscriptions_of_group(&fixture.admin, "b").unwrap();
    assert_eq!(inside[0]["name"], second.to_string());
    let elsewhere = fixture.resources.subscription_of_group(&fixture.admin, "a", second);
    assert!(matches!(elsewhere, Err(ResourceError::NotFound { .. })));
    for (expand, recurse, filter) in [
        ("x", None, None),
        ("", Some("true"), None),
        ("children", Some("x"), None),
        ("children", None, Some("x eq 1")),
    ] {
        assert!(GroupExpand::parse(Some(expand), recurse, filter).is_err());
    }
}

#[test]
fn entities_are_what_the_caller_sees_and_the_way_there() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    fixture.group("b", "a");
    fixture.group("hidden", &fixture.root());
    fixture.resources.place_subscription(&fixture.admin, "b", fixture.subscription).unwrap();
    let anna = fixture.user("anna");
    let scope = Scope::parse(&format!("/subscriptions/{}/resourceGroups/rg", fixture.subscription)).unwrap();
    fixture.assign(fixture.tenant, anna.object_id, PrincipalKind::User, builtin::READER, &scope);
    let entities = |caller: &Caller, view: Option<&str>| {
        let query = EntityQuery::parse(view, None, None, None).unwrap();
        let listing = fixture.resources.entities(caller, &query, &Page::default()).unwrap();
        let of = |entity: &Value, name: &str| entity["properties"][name].as_str().unwrap_or("").to_owned();
        let shown = listing.value.iter().map(|e| (of(e, "displayName"), of(e, "permissions")));
        shown.collect::<Vec<_>>()
    };
    let text = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(
        entities(&anna, None),
        text(&[("Tenant Root Group", "noaccess"), ("a", "noaccess"), ("b", "noaccess"), ("s", "view")])
    );
    assert_eq!(entities(&anna, Some("Audit")), text(&[("s", "view")]));
    assert!(entities(&fixture.user("nobody"), None).is_empty());
    let all = entities(&fixture.admin, Some("GroupsOnly"));
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|(_, permissions)| permissions == "delete"));
    let one = Page::parse(None, Some("1")).unwrap();
    let query = EntityQuery::default();
    let (mut page, mut seen) = (one, 0);
    loop {
        let listing = fixture.resources.entities(&fixture.admin, &query, &page).unwrap();
        seen += listing.value.len();
        match listing.next {
            Some(next) => page = Page::parse(Some(&next), Some("1")).unwrap(),
            None => break,
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn another_tenant_has_its_own_groups() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    let (_, theirs, stranger) = fixture.tenant("other.example");
    fixture.assign(stranger.tenant, stranger.object_id, PrincipalKind::User, builtin::OWNER, &Scope::root());
    assert!(fixture.resources.management_groups(&stranger).unwrap().is_empty());
    let read = fixture.resources.management_group(&stranger, "a", GroupExpand::default());
    assert!(matches!(read, Err(ResourceError::NotFound { .. })));
    let foreign = fixture.resources.place_subscription(&fixture.admin, "a", theirs);
    assert!(matches!(foreign, Err(ResourceError::SubscriptionNotFound(_))), "{foreign:?}");
}

#[test]
fn names_are_checked() {
    let fixture = Fixture::with_root();
    let check = |name: &str| {
        fixture.resources.check_management_group_name(&fixture.admin, &json!({"name": name})).unwrap()
    };
    assert_eq!(check("free")["nameAvailable"], true);
    assert_eq!(check("a b")["reason"], "Invalid");
    assert_eq!(check(&fixture.root())["reason"], "AlreadyExists");
    assert!(is_bad_request(&fixture.try_group(&fixture.admin, "a b", &fixture.root())));
}

#[test]
fn the_access_at_a_deleted_group_is_gone_with_it() {
    let fixture = Fixture::with_root();
    fixture.group("a", &fixture.root());
    let anna = fixture.user("anna");
    let scope = fixture.group_scope_of("a");
    fixture.assign(fixture.tenant, anna.object_id, PrincipalKind::User, builtin::OWNER, &scope);
    fixture.resources.delete_management_group(&fixture.admin, "a").unwrap();
    fixture.group("a", &fixture.root());
    assert!(fixture.resources.management_group(&anna, "a", GroupExpand::default()).is_err());
}
