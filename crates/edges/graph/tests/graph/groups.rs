//! Groups, users, memberships and owners, as clients send and get them.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{G, House, Reply};

impl House {
    /// Makes a group over the edge; its id.
    pub(crate) fn group(&self, name: &str) -> String {
        let sent =
            json!({"displayName": name, "mailEnabled": false, "mailNickname": "g", "securityEnabled": true});
        let made = self.post("/v1.0/groups", &sent);
        assert_eq!(made.status, 201, "{}", made.body);
        made.text("id")
    }

    /// Makes a user over the edge; its id.
    pub(crate) fn member(&self, name: &str) -> String {
        let sent = json!({"displayName": name, "accountEnabled": true, "mailNickname": name,
            "userPrincipalName": format!("{name}@contoso.example"),
            "passwordProfile": {"password": "a password of many words", "forceChangePasswordNextSignIn": false}});
        let made = self.post("/v1.0/users", &sent);
        assert_eq!(made.status, 201, "{}", made.body);
        made.text("id")
    }

    pub(crate) fn refer(&self, target: &str, id: &str) -> Reply {
        self.post(target, &json!({"@odata.id": format!("{G}/v1.0/directoryObjects/{id}")}))
    }
}

#[test]
fn a_group_as_graph_shows_it() {
    let house = House::new();
    let made = house.post(
        "/v1.0/groups",
        &json!({"displayName": "Senders", "mailEnabled": false, "mailNickname": "senders",
            "securityEnabled": true, "description": "d"}),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.text("id");
    assert_eq!(made.header("location"), format!("{G}/v1.0/groups/{id}"));
    let golden = json!({
        "@odata.context": "https://localhost:8446/v1.0/$metadata#groups/$entity",
        "id": id,
        "deletedDateTime": null,
        "classification": null,
        "createdDateTime": "2026-01-01T00:00:00Z",
        "creationOptions": [],
        "description": "d",
        "displayName": "Senders",
        "expirationDateTime": null,
        "groupTypes": [],
        "isAssignableToRole": null,
        "mail": null,
        "mailEnabled": false,
        "mailNickname": "senders",
        "membershipRule": null,
        "membershipRuleProcessingState": null,
        "onPremisesDomainName": null,
        "onPremisesLastSyncDateTime": null,
        "onPremisesNetBiosName": null,
        "onPremisesSamAccountName": null,
        "onPremisesSecurityIdentifier": null,
        "onPremisesSyncEnabled": null,
        "preferredDataLocation": null,
        "preferredLanguage": null,
        "proxyAddresses": [],
        "renewedDateTime": "2026-01-01T00:00:00Z",
        "resourceBehaviorOptions": [],
        "resourceProvisioningOptions": [],
        "securityEnabled": true,
        "securityIdentifier": made.text("securityIdentifier"),
        "theme": null,
        "uniqueName": null,
        "visibility": null,
        "onPremisesProvisioningErrors": [],
        "serviceProvisioningErrors": [],
    });
    assert_eq!(made.body.to_string(), golden.to_string());
    assert_eq!(house.get(&format!("/v1.0/groups/{id}")).body, golden);
    let az = "/v1.0/groups?$filter=displayName eq 'senders' and mailNickname eq 'SENDERS'";
    assert_eq!(house.get(az).names(), ["Senders"]);
    assert_eq!(house.patch(&format!("/v1.0/groups/{id}"), &json!({"displayName": "S"})).status, 204);
    assert_eq!(house.get("/v1.0/groups?$filter=startswith(displayName,'s')").names(), ["S"]);
    assert_eq!(house.delete(&format!("/v1.0/groups/{id}")).status, 204);
    assert_eq!(house.get(&format!("/v1.0/groups/{id}")).status, 404);
    // By a unique name.
    let unique = json!({"displayName": "U", "mailEnabled": false, "mailNickname": "u", "securityEnabled": true,
        "uniqueName": "only-one"});
    assert_eq!(house.post("/v1.0/groups", &unique).status, 201);
    assert_eq!(house.get("/v1.0/groups(uniqueName='Only-One')").text("displayName"), "U");
    house.post("/v1.0/groups", &unique).refuses(
        400,
        "Request_BadRequest",
        "Another object with the same value for property uniqueName already exists.",
    );
}

#[test]
fn members_and_owners_by_reference() {
    let house = House::new();
    let (group, inner, user) = (house.group("g"), house.group("inner"), house.member("ada"));
    let members = format!("/v1.0/groups/{group}/members");
    let add = |id: &str| house.refer(&format!("{members}/$ref"), id);
    for id in [&user, &inner] {
        let added = add(id);
        assert_eq!((added.status, &added.body), (204, &Value::Null));
    }
    add(&user).refuses(
        400,
        "Request_BadRequest",
        "One or more added object references already exist for the following modified properties: 'members'.",
    );
    let nobody = Uuid::new_v4().to_string();
    add(&nobody).refuses(
        404,
        "Request_ResourceNotFound",
        &format!(
            "Resource '{nobody}' does not exist or one of its queried reference-property objects are not present."
        ),
    );
    house.refer(&format!("/v1.0/groups/{inner}/members/$ref"), &group).refuses(
        400,
        "Request_BadRequest",
        "The member cannot be added: the group would become a member of itself.",
    );
    let listed = house.get(&members);
    assert_eq!(listed.body["@odata.context"], format!("{G}/v1.0/$metadata#directoryObjects"));
    let mut kinds: Vec<_> = listed.body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["@odata.type"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["#microsoft.graph.group", "#microsoft.graph.user"]);
    let users = house.get(&format!("{members}/microsoft.graph.user?$select=id,displayName"));
    assert_eq!(users.body["value"], json!([{"id": user, "displayName": "ada"}]));
    assert_eq!(users.body["@odata.context"], format!("{G}/v1.0/$metadata#users(id,displayName)"));
    assert_eq!(house.advanced(&format!("{members}/$count")).body, json!(2));
    house.get(&format!("{members}/$count")).refuses(
        400,
        "Request_UnsupportedQuery",
        "$count is supported only with the request header 'ConsistencyLevel: eventual'.",
    );
    let page = house.get(&format!("{members}?$top=1"));
    assert_eq!(page.body["value"].as_array().unwrap().len(), 1);
    let next = page.text("@odata.nextLink");
    let next = next.strip_prefix(G).unwrap();
    assert_eq!(house.get(next).body["value"].as_array().unwrap().len(), 1);
    let references = house.get(&format!("{members}/$ref")).body;
    assert!(references["value"][0]["@odata.id"].as_str().unwrap().contains("/directoryObjects/"));
    assert_eq!(house.get("/v1.0/users/ada@contoso.example/memberOf").names(), ["g"]);
    let ids =
        house.post(&format!("/v1.0/users/{user}/getMemberGroups"), &json!({"securityEnabledOnly": false}));
    assert_eq!(ids.body["@odata.context"], format!("{G}/v1.0/$metadata#Collection(Edm.String)"));
    assert_eq!(ids.body["value"], json!([group]));
    let check = format!("/v1.0/directoryObjects/{user}/checkMemberGroups");
    assert_eq!(house.post(&check, &json!({"groupIds": [group, inner]})).body["value"], json!([group]));
    let expanded =
        house.get(&format!("/v1.0/groups/{group}?$select=id&$expand=members($select=displayName)"));
    assert_eq!(expanded.body["members"].as_array().unwrap().len(), 2);

    let remove = format!("{members}/{user}/$ref");
    assert_eq!(house.delete(&remove).status, 204);
    assert_eq!(house.delete(&remove).status, 404);
    let owners = format!("/v1.0/groups/{group}/owners");
    assert_eq!(house.refer(&format!("{owners}/$ref"), &user).status, 204);
    assert_eq!(house.get(&owners).names(), ["ada"]);
    assert_eq!(house.get(&format!("/v1.0/users/{user}/ownedObjects")).names(), ["g"]);
    house.delete(&format!("{owners}/{user}/$ref")).refuses(
        400,
        "Request_BadRequest",
        "The group must have at least one owner, hence this owner cannot be removed.",
    );
    let refused = house.call(&Method::PUT, &members, "", &[]);
    assert_eq!((refused.status, refused.header("allow")), (405, "GET"));
    assert_eq!(house.post(&format!("{members}/$ref"), &json!({"@odata.id": "junk"})).status, 400);
    assert_eq!(house.refer(&format!("/v1.0/users/{user}/memberOf/$ref"), &group).status, 400);
}

#[test]
fn users_are_made_changed_and_deleted() {
    let house = House::new();
    let id = house.member("bob");
    let shown =
        house.get("/v1.0/users/bob@contoso.example?$select=accountEnabled,userType,passwordProfile,mail");
    assert_eq!(
        (&shown.body["accountEnabled"], &shown.body["userType"], &shown.body["passwordProfile"]),
        (&json!(true), &json!("Member"), &Value::Null)
    );
    let change = json!({"mail": "bob@mail.example", "jobTitle": "Sender", "accountEnabled": false});
    assert_eq!(house.patch(&format!("/v1.0/users/{id}"), &change).status, 204);
    assert_eq!(house.get("/v1.0/users?$filter=mail eq 'BOB@mail.example'").names(), ["bob"]);
    assert_eq!(
        house.advanced("/v1.0/users?$filter=endsWith(mail,'mail.example')&$count=true").names(),
        ["bob"]
    );
    house.get("/v1.0/users?$filter=endsWith(mail,'x')").refuses(
        400,
        "Request_UnsupportedQuery",
        "Operator in the filter is supported only with $count=true and the request header \
         'ConsistencyLevel: eventual'.",
    );
    for refused in ["contains(displayName,'b')", "endsWith(displayName,'b')", "tolower(displayName) eq 'b'"] {
        let refused = house.advanced(&format!("/v1.0/users?$filter={refused}&$count=true"));
        assert_eq!(refused.body["error"]["code"], "Request_UnsupportedQuery");
    }
    let ordered = house.get("/v1.0/users?$orderby=userPrincipalName desc&$select=displayName");
    assert_eq!(ordered.names(), ["bob", "Ada Admin"]);
    let search =
        house.advanced("/v1.0/users?$search=\"displayName:bo\" OR \"displayName:adm\"&$orderby=displayName");
    assert_eq!(search.names(), ["Ada Admin", "bob"]);
    let weak = json!({"passwordProfile": {"password": "short"}});
    let weak = house.patch(&format!("/v1.0/users/{id}"), &weak);
    assert_eq!((weak.status, &weak.body["error"]["code"]), (400, &json!("Request_BadRequest")));
    house
        .post(
            "/v1.0/users",
            &json!({"displayName": "b", "accountEnabled": true, "mailNickname": "b",
                "userPrincipalName": "BOB@contoso.example", "passwordProfile": {"password": "a password of many words"}}),
        )
        .refuses(
            400,
            "Request_BadRequest",
            "Another object with the same value for property userPrincipalName already exists.",
        );

    assert_eq!(house.delete("/v1.0/users/bob@contoso.example").status, 204);
    assert_eq!(house.get(&format!("/v1.0/users/{id}")).status, 404);
    let deleted = house.get("/v1.0/directory/deletedItems/microsoft.graph.user");
    assert_eq!(
        (deleted.names(), &deleted.body["value"][0]["deletedDateTime"]),
        (vec!["bob"], &json!("2026-01-01T00:00:00Z"))
    );
    let item = format!("/v1.0/directory/deletedItems/{id}");
    assert_eq!(house.get(&item).body["@odata.type"], "#microsoft.graph.user");
    assert_eq!(house.post(&format!("{item}/restore"), &json!({})).body["id"], id.as_str());
    assert_eq!(house.get("/v1.0/users/bob@contoso.example").status, 200);
    assert_eq!(house.delete(&format!("/v1.0/directoryObjects/{id}")).status, 204);
    assert_eq!(house.delete(&item).status, 204);
    assert_eq!(house.get(&item).status, 404);
}
