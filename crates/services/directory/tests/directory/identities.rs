//! Identities, credentials, lists, and who may do what.

use std::time::Duration;

use gatepost_access::{Access, GLOBAL_ADMINISTRATOR};
use gatepost_clock::Timestamp;
use gatepost_directory::{
    AZURE_CLI, ClientError, Directory, DirectoryError, ListRequest, MICROSOFT_GRAPH, NewApplication,
    NewPassword, NewUser, ObjectKey, ObjectKind, Order,
};
use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};
use gatepost_store::StoreError;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::house::{House, PASSWORD, caller, days, object};

#[test]
fn a_new_tenant_has_its_domain_its_platform_applications_and_its_administrator() {
    let house = House::new();
    for segment in [house.tenant.to_string().to_uppercase(), "Contoso.Example".to_owned()] {
        let tenant = house.directory.tenant_by_segment(&segment).unwrap().unwrap();
        assert_eq!(tenant.id, house.tenant);
    }
    for segment in ["fabrikam.example", "", "common", &Uuid::new_v4().to_string()] {
        assert_eq!(house.directory.tenant_by_segment(segment).unwrap(), None);
    }
    let graph = house.directory.client(house.tenant, MICROSOFT_GRAPH).unwrap().unwrap();
    assert!(graph.application.is_none() && graph.service_principal.is_some());
    assert_eq!(
        house.names(
            ObjectKind::ServicePrincipal,
            ListRequest { order: Order::Name, ..ListRequest::default() }
        ),
        [
            "Azure Communication Services",
            "Microsoft Azure CLI",
            "Microsoft Azure PowerShell",
            "Microsoft Graph",
            "Windows Azure Service Management API",
        ]
    );
    // Seeding again changes nothing.
    house.store.write(|tx| house.directory.seed_tenant(tx, house.tenant)).unwrap();
    let organization = house.directory.organization(&house.admin).unwrap();
    assert_eq!(organization["verifiedDomains"][0]["name"], "contoso.example");
    assert_eq!(organization["id"], house.tenant.to_string());

    let sign_in =
        |name: &str, password: &str| house.directory.sign_in_password(house.tenant, name, password, None);
    assert_eq!(sign_in("ADMIN@contoso.example", PASSWORD).unwrap().user.id, house.admin.object_id);
    for (name, password) in [("admin@contoso.example", "wrong"), ("nobody@contoso.example", PASSWORD)] {
        assert!(sign_in(name, password).is_err());
    }
    let again =
        NewUser { display_name: "A", user_principal_name: "Admin@Contoso.example", password: PASSWORD };
    let again = house.store.write(|tx| house.directory.create_user(tx, house.tenant, again));
    assert_eq!(
        again.unwrap_err().to_string(),
        "Another object with the same value for property userPrincipalName already exists."
    );
}

#[test]
fn client_secrets_authenticate_while_they_are_good() {
    let house = House::new();
    let (application, app_id, principal) = house.application("robot");
    let (first, text) = house.secret(application, NewPassword::default());
    assert_eq!(text.len(), 40);
    let now = house.clock.now();
    let later = Timestamp::from_second(now.as_second() + 3600).unwrap();
    let (_, early) = house.secret(application, NewPassword { start: Some(later), ..NewPassword::default() });
    let (_, short) = house.secret(principal, NewPassword { end: Some(later), ..NewPassword::default() });

    assert_eq!(house.verify(app_id, &text), Ok(()));
    assert_eq!(house.verify(app_id, &short), Ok(()));
    assert_eq!(house.verify(app_id, &early), Err("NotYetValidSecret".to_owned()));
    for wrong in ["", "x", text.get(1..).unwrap(), &text.to_uppercase(), &"x".repeat(100_000)] {
        assert_eq!(house.verify(app_id, wrong), Err("WrongSecret".to_owned()));
    }
    house.clock.advance(Duration::from_secs(3600));
    assert_eq!(house.verify(app_id, &early), Ok(()));
    assert_eq!(house.verify(app_id, &short), Err("ExpiredSecret".to_owned()));

    // Two years are the default: 730 days from 2026-01-01.
    house.clock.advance(days(729));
    assert_eq!(house.verify(app_id, &text), Ok(()));
    house.clock.advance(days(1));
    assert_eq!(house.verify(app_id, &text), Err("ExpiredSecret".to_owned()));

    house.store.write(|tx| house.directory.remove_password(tx, house.tenant, application, first)).unwrap();
    assert_eq!(house.verify(app_id, &text), Err("WrongSecret".to_owned()));
}

#[test]
fn a_secret_of_one_application_is_nothing_to_another() {
    let house = House::new();
    let (first, ..) = house.application("first");
    let (_, second, _) = house.application("second");
    let (_, text) = house.secret(first, NewPassword::default());
    assert_eq!(house.verify(second, &text), Err("WrongSecret".to_owned()));
    assert_eq!(house.verify(AZURE_CLI, &text), Err("WrongSecret".to_owned()));
}

#[test]
fn each_missing_piece_has_its_own_cause() {
    let house = House::new();
    assert_eq!(house.verify(ApplicationId(Uuid::new_v4()), "x"), Err("NotFound".to_owned()));
    let (application, app_id, principal) = house.application("robot");
    let (_, text) = house.secret(application, NewPassword::default());

    let own = ObjectKey::Id(principal);
    let enable = |on: bool| {
        let change = object(json!({"accountEnabled": on}));
        house.directory.update(&house.admin, ObjectKind::ServicePrincipal, &own, &change).unwrap();
    };
    let live = || house.directory.is_live(principal, house.tenant, Some(app_id)).unwrap();
    assert!(live());
    enable(false);
    assert_eq!(house.verify(app_id, &text), Err("Disabled".to_owned()));
    assert!(!live());
    enable(true);
    assert_eq!(house.verify(app_id, &text), Ok(()));
    assert!(live());

    house.directory.remove(&house.admin, ObjectKind::ServicePrincipal, &own).unwrap();
    assert_eq!(house.verify(app_id, &text), Err("NoServicePrincipal".to_owned()));
    assert!(!live());
    assert!(house.directory.principal(house.tenant, principal).unwrap().is_none());

    // Made again, it is another principal.
    let again = house.store.write(|tx| house.directory.create_service_principal(tx, house.tenant, app_id));
    let again = again.unwrap();
    assert_ne!(again.id, principal);
    assert_eq!(house.verify(app_id, &text), Ok(()));
    assert!(!live());
    assert!(house.directory.is_live(again.id, house.tenant, Some(app_id)).unwrap());
    assert!(!house.directory.is_live(again.id, house.tenant, Some(AZURE_CLI)).unwrap());
    assert!(house.directory.is_live(house.admin.object_id, house.tenant, Some(AZURE_CLI)).unwrap());

    house.directory.remove(&house.admin, ObjectKind::Application, &ObjectKey::Id(application)).unwrap();
    assert_eq!(house.verify(app_id, &text), Err("NotFound".to_owned()));
    assert!(house.directory.principal(house.tenant, again.id).unwrap().is_none());
}

#[test]
fn tenants_are_apart() {
    let house = House::new();
    let (application, app_id, principal) = house.application("robot");
    let (_, text) = house.secret(application, NewPassword::default());
    let other = TenantId(Uuid::new_v4());
    let stranger = house.add_tenant(other, "fabrikam.example");

    assert!(matches!(house.directory.verify_secret(other, app_id, &text), Err(ClientError::NotFound)));
    assert_eq!(house.directory.principal(other, principal).unwrap(), None);
    let made = house.store.write(|tx| house.directory.create_service_principal(tx, other, app_id));
    assert_eq!(
        made.unwrap_err().to_string(),
        format!(
            "The appId '{app_id}' of the service principal does not reference a valid application object."
        )
    );
    for (kind, key) in [
        (ObjectKind::Application, ObjectKey::Id(application)),
        (ObjectKind::Application, ObjectKey::AppId(app_id)),
        (ObjectKind::ServicePrincipal, ObjectKey::Id(principal)),
        (ObjectKind::User, ObjectKey::Id(house.admin.object_id)),
        (ObjectKind::User, ObjectKey::Login("admin@contoso.example".to_owned())),
    ] {
        let got = house.directory.get(&stranger, kind, &key);
        assert!(matches!(got, Err(DirectoryError::NotFound(_))), "{key}");
    }
    let nothing = Map::new();
    let by_id = ObjectKey::Id(application);
    let changed = house.directory.update(&stranger, ObjectKind::Application, &by_id, &nothing);
    assert!(matches!(changed, Err(DirectoryError::NotFound(_))));
    let removed = house.directory.remove(&stranger, ObjectKind::Application, &by_id);
    assert!(matches!(removed, Err(DirectoryError::NotFound(_))));
    let secret = house.directory.request_password(&stranger, ObjectKind::Application, &by_id, &nothing);
    assert!(matches!(secret, Err(DirectoryError::NotFound(_))));
    let kinds = [ObjectKind::Application, ObjectKind::ServicePrincipal, ObjectKind::User];
    assert_eq!(house.directory.get_by_ids(&stranger, &[application, principal], &kinds).unwrap(), []);
    let taken = house.store.write(|tx| {
        let domain = gatepost_directory::VerifiedDomain { name: "CONTOSO.example".into(), is_initial: false };
        house.directory.add_domain(tx, other, &domain)
    });
    assert!(matches!(taken, Err(DirectoryError::ValueInUse(_))));
}

#[test]
fn a_service_principal_without_a_role_sees_itself_only() {
    let house = House::new();
    let (application, app_id, principal) = house.application("robot");
    let (other, _, other_principal) = house.application("other");
    let robot = caller(house.tenant, principal, PrincipalKind::ServicePrincipal, Some(app_id));
    let get = |kind, id| house.directory.get(&robot, kind, &ObjectKey::Id(id));
    assert_eq!(get(ObjectKind::ServicePrincipal, principal).unwrap()["appId"], app_id.to_string());
    assert_eq!(get(ObjectKind::Application, application).unwrap()["id"], application.to_string());
    assert!(matches!(get(ObjectKind::Application, other), Err(DirectoryError::Denied(_))));
    assert!(matches!(get(ObjectKind::ServicePrincipal, other_principal), Err(DirectoryError::Denied(_))));
    // Whether an object exists is no business of a caller that may not read it.
    assert!(matches!(get(ObjectKind::Application, ObjectId(Uuid::new_v4())), Err(DirectoryError::Denied(_))));
    let kinds = [ObjectKind::ServicePrincipal];
    assert_eq!(house.directory.get_by_ids(&robot, &[principal], &kinds).unwrap().len(), 1);
    let both = house.directory.get_by_ids(&robot, &[principal, other_principal], &kinds);
    assert!(matches!(both, Err(DirectoryError::Denied(_))));
    let list = house.directory.list(&robot, ObjectKind::Application, &ListRequest::default());
    assert!(matches!(list, Err(DirectoryError::Denied(_))));

    let nothing = Map::new();
    let own = ObjectKey::Id(application);
    let denied = [
        house.directory.create(&robot, ObjectKind::Application, &nothing).err(),
        house.directory.create(&robot, ObjectKind::ServicePrincipal, &nothing).err(),
        house.directory.update(&robot, ObjectKind::Application, &own, &nothing).err(),
        house.directory.remove(&robot, ObjectKind::Application, &own).err(),
        house.directory.request_password(&robot, ObjectKind::Application, &own, &nothing).err(),
        house.directory.withdraw_password(&robot, ObjectKind::Application, &own, &nothing).err(),
    ];
    assert!(denied.iter().all(|error| matches!(error, Some(DirectoryError::Denied(_)))), "{denied:?}");

    let role = house.store.write(|tx| {
        house.access.put_directory_role(tx, house.tenant, principal, GLOBAL_ADMINISTRATOR)?;
        Ok::<_, StoreError>(())
    });
    role.unwrap();
    assert!(get(ObjectKind::Application, other).is_ok());
}

#[test]
fn a_service_principal_follows_its_application() {
    let house = House::new();
    let (application, app_id, principal) = house.application("robot");
    let change = object(json!({
        "displayName": "Robot 2",
        "identifierUris": ["api://robot"],
        "web": {"redirectUris": ["https://a/b"]},
        "api": {"oauth2PermissionScopes": [{"id": Uuid::nil(), "value": "Send"}]},
        "appRoles": [{"id": Uuid::nil(), "value": "Sender", "allowedMemberTypes": ["Application"]}],
    }));
    let key = ObjectKey::Id(application);
    house.directory.update(&house.admin, ObjectKind::Application, &key, &change).unwrap();
    let key = ObjectKey::Id(principal);
    let shown = house.directory.get(&house.admin, ObjectKind::ServicePrincipal, &key).unwrap();
    assert_eq!(shown["displayName"], "Robot 2");
    assert_eq!(shown["servicePrincipalNames"], json!([app_id, "api://robot"]));
    assert_eq!(shown["replyUrls"], json!(["https://a/b"]));
    assert_eq!(shown["appRoles"][0]["value"], "Sender");
    assert_eq!(shown["oauth2PermissionScopes"][0]["value"], "Send");
    assert_eq!(house.directory.client(house.tenant, app_id).unwrap().unwrap().display_name, "Robot 2");

    let (other, ..) = house.application("other");
    let take = object(json!({"identifierUris": ["API://Robot"]}));
    let taken = house.directory.update(&house.admin, ObjectKind::Application, &ObjectKey::Id(other), &take);
    assert!(matches!(taken, Err(DirectoryError::ValueInUse(property)) if property == "identifierUris"));
}

#[test]
fn a_refused_change_leaves_nothing_behind() {
    let house = House::new();
    let kind = ObjectKind::Application;
    let before = house.names(kind, ListRequest::default()).len();
    for bad in [
        json!({}),
        json!({"displayName": " "}),
        json!({"displayName": "a", "tags": 5}),
        json!({"displayName": "a", "identifierUris": ["no scheme"]}),
        json!({"displayName": "a", "passwordCredentials": [{"displayName": 5}]}),
        json!({"displayName": "a", "passwordCredentials": [{"endDateTime": "2000-01-01T00:00:00Z"}]}),
        json!({"displayName": "a", "nonsense": 5}),
    ] {
        let refused = house.directory.create(&house.admin, kind, &object(bad.clone()));
        assert!(refused.is_err(), "{bad}");
    }
    assert_eq!(house.names(kind, ListRequest::default()).len(), before);
    let (application, ..) = house.application("robot");
    let key = ObjectKey::Id(application);
    let bad = object(json!({"displayName": "changed", "tags": [1]}));
    assert!(house.directory.update(&house.admin, kind, &key, &bad).is_err());
    assert_eq!(house.directory.get(&house.admin, kind, &key).unwrap()["displayName"], "robot");
}

#[test]
fn filters_with_and_without_an_index() {
    let house = House::new();
    for name in ["Alpha", "alpha two", "Beta", "It's"] {
        house.application(name);
    }
    let (gamma, app_id, _) = house.application("gamma");
    let change = object(json!({"identifierUris": ["api://Gamma"], "tags": ["x"]}));
    house.directory.update(&house.admin, ObjectKind::Application, &ObjectKey::Id(gamma), &change).unwrap();
    let application = ObjectKind::Application;
    for (filter, expected) in [
        (format!("appId eq '{app_id}'"), &["gamma"][..]),
        (format!("'{app_id}' eq appId and displayName eq 'beta'"), &[]),
        ("appId eq 'junk'".to_owned(), &[]),
        (format!("id eq '{gamma}'"), &["gamma"]),
        ("displayName eq 'ALPHA'".to_owned(), &["Alpha"]),
        ("displayName eq 'it''s'".to_owned(), &["It's"]),
        ("startswith(displayName,'alpha')".to_owned(), &["Alpha", "alpha two"]),
        ("startswith(displayName,'')".to_owned(), &["Alpha", "alpha two", "Beta", "gamma", "It's"]),
        ("identifierUris/any(s:s eq 'API://gamma')".to_owned(), &["gamma"]),
        ("identifierUris/any(s:s eq 'api://x')".to_owned(), &[]),
        ("tags/any(t:t eq 'x') or displayName eq 'beta'".to_owned(), &["Beta", "gamma"]),
        ("not startswith(displayName,'alpha')".to_owned(), &["Beta", "gamma", "It's"]),
        ("createdDateTime ge 2026-01-01T00:00:00Z and displayName eq 'beta'".to_owned(), &["Beta"]),
    ] {
        assert_eq!(house.filtered(application, &filter), expected, "{filter}");
    }
    let principals = ObjectKind::ServicePrincipal;
    let by_name = format!("servicePrincipalNames/any(c:c eq '{app_id}')");
    assert_eq!(house.filtered(principals, &by_name), ["gamma"]);
    let by_uri = "servicePrincipalNames/any(c:c eq 'https://graph.microsoft.com')";
    assert_eq!(house.filtered(principals, by_uri), ["Microsoft Graph"]);
    assert_eq!(house.filtered(ObjectKind::User, "userPrincipalName eq 'Admin@contoso.example'"), ["Admin"]);

    let unknown = Some(gatepost_odata::parse("frobs/any(f:f eq 'x')").unwrap());
    let request = ListRequest { filter: unknown, top: 1, ..ListRequest::default() };
    let refused = house.directory.list(&house.admin, application, &request).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Invalid filter clause: Could not find a property named 'frobs' on type 'microsoft.graph.application'."
    );
}

#[test]
fn pages_hold_every_object_once() {
    let house = House::new();
    // More than one chunk of the store, and names that are the same.
    house
        .store
        .write(|tx| {
            for number in 0..1200 {
                let display_name = format!("app {:03}", number % 600);
                let new = NewApplication { display_name, ..NewApplication::default() };
                house.directory.create_application(tx, house.tenant, new)?;
            }
            Ok::<_, DirectoryError>(())
        })
        .unwrap();
    let orders = [
        (Order::Any, None, 1200),
        (Order::Created, None, 1200),
        (Order::CreatedDescending, None, 1200),
        (Order::Name, None, 1200),
        (Order::NameDescending, None, 1200),
        (Order::Any, Some("startswith(displayName,'app 1')"), 200),
        (Order::NameDescending, Some("startswith(displayName,'app 1')"), 200),
        (Order::Name, Some("not startswith(displayName,'app 1')"), 1000),
    ];
    for (order, filter, expected) in orders {
        let filter = filter.map(|text| gatepost_odata::parse(text).unwrap());
        let mut after = None;
        let (mut ids, mut names) = (std::collections::HashSet::new(), Vec::new());
        loop {
            let count = after.is_none();
            let request = ListRequest { filter: filter.clone(), order, top: 333, after, count, search: None };
            let listing = house.directory.list(&house.admin, ObjectKind::Application, &request).unwrap();
            assert_eq!(listing.count, count.then_some(expected as u64));
            for object in &listing.objects {
                assert!(ids.insert(object["id"].clone()), "twice");
                names.push(object["displayName"].as_str().unwrap().to_owned());
            }
            after = listing.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids.len(), expected, "{order:?} {filter:?}");
        match order {
            Order::Name => assert!(names.is_sorted()),
            Order::NameDescending => assert!(names.iter().rev().is_sorted()),
            _ => {}
        }
    }
    let exact = ListRequest { top: 1200, ..ListRequest::default() };
    let listing = house.directory.list(&house.admin, ObjectKind::Application, &exact).unwrap();
    assert_eq!(listing.next, None);
    let search = ListRequest {
        top: 9,
        search: Some(gatepost_odata::parse_search("\"displayName:APP 07\"").unwrap()),
        count: true,
        ..ListRequest::default()
    };
    let listing = house.directory.list(&house.admin, ObjectKind::Application, &search).unwrap();
    assert_eq!((listing.objects.len(), listing.count), (9, Some(20)));
    let junk = ListRequest { top: 9, after: Some("junk!".to_owned()), ..ListRequest::default() };
    let refused = house.directory.list(&house.admin, ObjectKind::Application, &junk);
    assert!(matches!(refused, Err(DirectoryError::InvalidPageToken)));
}

#[test]
fn secrets_are_bounded_and_their_dates_make_sense() {
    let house = House::new();
    let (application, ..) = house.application("robot");
    for _ in 0..100 {
        house.secret(application, NewPassword::default());
    }
    let add =
        |object, new| house.store.write(|tx| house.directory.add_password(tx, house.tenant, object, new));
    assert!(matches!(add(application, NewPassword::default()), Err(DirectoryError::TooManyCredentials(100))));
    let (second, ..) = house.application("second");
    let now = house.clock.now();
    let same = NewPassword { start: Some(now), end: Some(now), ..NewPassword::default() };
    assert!(matches!(add(second, same), Err(DirectoryError::CredentialDates)));
    let last = NewPassword { start: Some(Timestamp::MAX), ..NewPassword::default() };
    assert!(matches!(add(second, last), Err(DirectoryError::CredentialDates)));
    let nobody = add(house.admin.object_id, NewPassword::default());
    assert!(matches!(nobody, Err(DirectoryError::NotFound(_))));
}

#[test]
fn secrets_survive_a_restart_and_are_nowhere_in_the_file() {
    let house = House::new();
    let (application, app_id, _) = house.application("robot");
    let (_, text) = house.secret(application, NewPassword::default());
    let again = Directory::open(house.store.clone(), house.clock.clone(), house.access.clone()).unwrap();
    assert!(again.verify_secret(house.tenant, app_id, &text).is_ok());
    for entry in std::fs::read_dir(house._dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found, "the text of a secret is on disk");
    }
}

#[test]
fn a_removed_service_principal_leaves_no_directory_role() {
    let house = House::new();
    for kind in [ObjectKind::ServicePrincipal, ObjectKind::Application] {
        let (application, _, principal) = house.application("robot");
        let given: Result<(), StoreError> = house
            .store
            .write(|tx| house.access.put_directory_role(tx, house.tenant, principal, GLOBAL_ADMINISTRATOR));
        given.unwrap();
        let id = if kind == ObjectKind::Application { application } else { principal };
        house.directory.remove(&house.admin, kind, &ObjectKey::Id(id)).unwrap();
        assert!(house.access.directory_roles(house.tenant, principal).is_empty());
        let reopened = Access::open(house.store.clone(), house.clock.clone()).unwrap();
        assert!(reopened.directory_roles(house.tenant, principal).is_empty(), "{kind:?}");
    }
}

#[test]
fn a_filter_that_costs_too_many_steps_is_refused() {
    let house = House::new();
    let tags: Vec<String> = (0..400).map(|number| format!("tag {number}")).collect();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let (application, ..) = house.application(name);
        let (key, change) = (ObjectKey::Id(application), object(json!({ "tags": tags })));
        house.directory.update(&house.admin, ObjectKind::Application, &key, &change).unwrap();
    }
    let condition = vec!["t eq 'x'"; 500].join(" or ");
    let filter = Some(gatepost_odata::parse(&format!("tags/any(t:{condition})")).unwrap());
    let request = ListRequest { filter, top: 1, ..ListRequest::default() };
    let refused = house.directory.list(&house.admin, ObjectKind::Application, &request);
    assert!(matches!(refused, Err(DirectoryError::UnsupportedQuery(_))), "{refused:?}");
}
