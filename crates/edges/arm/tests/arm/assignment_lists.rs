//! Lists of role assignments: filters, groups, management groups, pages.

use gatepost_access::RoleAssignment;
use gatepost_directory::ObjectKind;
use gatepost_names::{ObjectId, PrincipalKind, RoleAssignmentName, RoleDefinitionId, Scope};
use gatepost_rbac::builtin;
use gatepost_store::StoreError;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Got, ROLES, Server, object};

fn list(server: &Server, who: &str, scope: &str, filter: &str) -> Got {
    let query = format!("api-version={ROLES}&$filter={filter}");
    server.get(who, &format!("{scope}/providers/Microsoft.Authorization/roleAssignments?{query}"))
}

/// The scopes of these principals' assignments in a list, sorted.
fn scopes(got: Got, principals: &[ObjectId]) -> Vec<String> {
    let body = got.ok(200);
    let mut scopes: Vec<String> = body["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| {
            let id = one["properties"]["principalId"].as_str().unwrap();
            principals.iter().any(|principal| principal.to_string() == id)
        })
        .map(|one| one["properties"]["scope"].as_str().unwrap().to_owned())
        .collect();
    scopes.sort();
    scopes
}

#[test]
fn assigned_to_follows_groups_and_principal_id_does_not() {
    let server = Server::with_group();
    let user = server.put_principal("ada", ObjectKind::User);
    let (inner, outer) =
        (server.put_principal("inner", ObjectKind::Group), server.put_principal("outer", ObjectKind::Group));
    server.put_member(inner, user);
    server.put_member(outer, inner);
    let group = server.at("/resourceGroups/rg");
    server.assign(server.tenant, user, builtin::READER, &server.sub);
    server.assign(server.tenant, inner, builtin::READER, &group);
    server.assign(server.tenant, outer, builtin::CONTRIBUTOR, &group);
    let all = [user, inner, outer];
    let of = |filter: String| scopes(list(&server, "owner", &server.sub, &filter), &all);
    assert_eq!(of(format!("principalId eq '{user}'")), std::slice::from_ref(&server.sub));
    assert_eq!(of(format!("principalId eq '{outer}'")), std::slice::from_ref(&group));
    assert_eq!(of(format!("assignedTo('{user}')")), [server.sub.clone(), group.clone(), group.clone()]);
    assert_eq!(of(format!("atScope() and assignedTo('{user}')")), std::slice::from_ref(&server.sub));
    assert_eq!(of(format!("atScope() and principalId eq '{inner}'")), Vec::<String>::new());
    let role = format!("{}/providers/Microsoft.Authorization/roleDefinitions", server.sub);
    assert_eq!(
        of(format!("roleDefinitionId eq '{role}/{}'", builtin::CONTRIBUTOR)),
        std::slice::from_ref(&group)
    );
    assert_eq!(
        of(format!("assignedTo('{user}') and roleDefinitionId eq '{role}/{}'", builtin::READER)),
        [server.sub.clone(), group.clone()]
    );
    let refused = list(&server, "owner", &server.sub, &format!("assignedTo('{outer}')"));
    assert_eq!(refused.error(), (400, "InvalidFilterInQueryString"), "a group's id is for principalId eq");
    let stranger = Uuid::from_u128(9);
    assert_eq!(of(format!("assignedTo('{stranger}')")), Vec::<String>::new());
}

#[test]
fn a_management_group_shows_what_is_above_at_and_below_it() {
    let server = Server::with_group();
    let mg = server.put_management_group();
    let root = format!("/providers/Microsoft.Management/managementGroups/{}", server.tenant);
    let group = server.at("/resourceGroups/rg");
    let user = server.put_principal("ada", ObjectKind::User);
    let everywhere = ["/".to_owned(), root.clone(), mg.clone(), server.sub.clone(), group.clone()];
    for scope in &everywhere {
        server.assign(server.tenant, user, builtin::READER, scope);
    }
    let mut sorted = everywhere.to_vec();
    sorted.sort();
    for (scope, filter, expected) in [
        (&mg, "", sorted.clone()),
        (&root, "", sorted.clone()),
        (&server.sub, "", sorted.clone()),
        (&mg, "atScope()", {
            let mut above = everywhere[..3].to_vec();
            above.sort();
            above
        }),
        (&server.sub, "atScope()", {
            let mut above = everywhere[..4].to_vec();
            above.sort();
            above
        }),
        (&root, "atScope()", {
            let mut above = everywhere[..2].to_vec();
            above.sort();
            above
        }),
    ] {
        assert_eq!(scopes(list(&server, "ada", scope, filter), &[user]), expected, "{scope} {filter}");
    }
    assert_eq!(scopes(list(&server, "ada", "", ""), &[user]), sorted, "the whole tenant");
    assert_eq!(scopes(list(&server, "ada", "", "atScope()"), &[user]), ["/"]);
    assert_eq!(list(&server, "reader", &mg, "").error(), (403, "AuthorizationFailed"));
    let absent = list(&server, "ada", "/providers/Microsoft.Management/managementGroups/no", "");
    assert_eq!(absent.error(), (404, "NotFound"));
}

#[test]
fn what_a_deny_assignment_hides_is_left_out_below() {
    let server = Server::with_group();
    let group = server.at("/resourceGroups/rg");
    let user = server.put_principal("ada", ObjectKind::User);
    server.assign(server.tenant, user, builtin::READER, &server.sub);
    server.assign(server.tenant, object("x"), builtin::READER, &group);
    assert_eq!(scopes(list(&server, "ada", &server.sub, ""), &[object("x")]), std::slice::from_ref(&group));
    let deny = json!({"properties": {
        "denyAssignmentName": "hidden",
        "permissions": [{"actions": ["Microsoft.Authorization/roleAssignments/read"]}],
        "principals": [{"id": user.to_string(), "type": "User"}],
    }});
    let path = format!(
        "{group}/providers/Microsoft.Authorization/denyAssignments/{}?api-version=2026-09-01",
        Uuid::new_v4()
    );
    server.ask("owner", Method::PUT, &path, &deny).ok(201);
    assert_eq!(scopes(list(&server, "ada", &server.sub, ""), &[object("x")]), Vec::<String>::new());
    let refused = list(&server, "ada", &group, "");
    assert_eq!(refused.error(), (403, "DenyAssignmentAuthorizationFailed"));
}

/// Assignments of many principals at the subscription and its group.
fn fill(server: &Server, count: u128) {
    let now = server.clock.now();
    let scopes =
        [server.sub.clone(), server.at("/resourceGroups/rg")].map(|text| Scope::parse(&text).unwrap());
    server
        .platform
        .store
        .write::<_, StoreError>(|tx| {
            for number in 0..count {
                let scope = &scopes[usize::from(number % 3 == 0)];
                server.platform.access.put_assignment(
                    tx,
                    &RoleAssignment {
                        name: RoleAssignmentName(Uuid::from_u128(1_000_000 + number)),
                        tenant: server.tenant,
                        scope: scope.clone(),
                        role: if number % 2 == 0 { builtin::READER } else { builtin::CONTRIBUTOR },
                        principal: ObjectId(Uuid::from_u128(2_000_000 + number)),
                        principal_kind: PrincipalKind::User,
                        description: None,
                        condition: None,
                        condition_version: None,
                        starts: None,
                        ends: None,
                        created_on: now,
                        updated_on: now,
                        created_by: None,
                        updated_by: None,
                    },
                )?;
            }
            Ok(())
        })
        .unwrap();
}

/// Every page of a list: its names, and how many pages there were.
fn walk(server: &Server, first: Got) -> (Vec<String>, usize) {
    let (mut names, mut pages) = (Vec::new(), 1);
    let mut body: Value = first.ok(200);
    loop {
        let value = body["value"].as_array().unwrap();
        names.extend(value.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        let Some(next) = body["nextLink"].as_str() else { return (names, pages) };
        body = server.follow("owner", next).ok(200);
        pages += 1;
    }
}

#[test]
fn pages_are_followed_by_next_link_without_gap_or_overlap() {
    let server = Server::with_group();
    fill(&server, 2500);
    for (filter, expected, least) in [
        ("", 2502, 3),
        ("atScope()", 1667, 2),
        (&format!("roleDefinitionId eq '{}'", builtin::CONTRIBUTOR), 1250, 2),
    ] {
        let (mut names, pages) = walk(&server, list(&server, "owner", &server.sub, filter));
        assert_eq!(names.len(), expected, "{filter}");
        assert!(pages >= least, "{filter}: {pages}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), expected, "{filter}: each once");
    }
    let small = format!("{}/providers/Microsoft.Authorization/roleAssignments", server.sub);
    let first = server.get("owner", &format!("{small}?api-version={ROLES}&$top=400")).ok(200);
    assert_eq!(first["value"].as_array().unwrap().len(), 400);
    let (names, pages) = walk(&server, server.get("owner", &format!("{small}?api-version={ROLES}&$top=400")));
    assert_eq!((names.len(), pages), (2502, 7));
    let junk = server.get("owner", &format!("{small}?api-version={ROLES}&$skiptoken=anVuaw"));
    assert_eq!(junk.error(), (400, "InvalidSkipToken"));
    let _: RoleDefinitionId = builtin::READER;
}

#[test]
fn an_assignment_made_between_two_pages_shifts_nothing() {
    let server = Server::with_group();
    fill(&server, 20);
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES}&$top=10",
        server.sub
    );
    let first = server.get("owner", &path).ok(200);
    let seen: Vec<String> = first["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    // One before the place where the next page begins, and one of those seen goes.
    server.assign(server.tenant, ObjectId(Uuid::from_u128(1)), builtin::READER, &server.sub);
    let gone = &seen[3];
    let id = first["value"][3]["id"].as_str().unwrap();
    server.delete("owner", &format!("{id}?api-version={ROLES}")).ok(200);
    let (rest, _) = walk(&server, server.follow("owner", first["nextLink"].as_str().unwrap()));
    assert!(!rest.contains(gone));
    assert!(rest.iter().all(|name| !seen.contains(name)));
    assert!(rest.len() + seen.len() >= 22);
}

#[test]
fn a_token_of_a_place_that_the_list_does_not_have_is_refused() {
    let server = Server::with_group();
    // It begins after an assignment in the subscription 6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11.
    let token = "L3N1YnNjcmlwdGlvbnMvNmIwZDJhMWUtNGYxYy00YjBhLTlhNTMtMGM3ZThhNGYyZDExCjAwMDAwMDAwLTAwMDAtMDAwMC0\
                 wMDAwLTAwMDAwMDAwMDAwMQowMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDEKMDAwMDAwMDAtMDAwMC0wMDA\
                 wLTAwMDAtMDAwMDAwMDAwMDAx";
    let list = server.at("/providers/Microsoft.Authorization/roleAssignments");
    let refused = server.get("owner", &format!("{list}?api-version={ROLES}&$skiptoken={token}"));
    assert_eq!(refused.error(), (400, "InvalidSkipToken"));
}
