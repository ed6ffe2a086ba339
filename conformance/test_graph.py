"""Microsoft Graph over plain HTTPS: what its SDKs do not show."""

import pytest

from gatepost_conformance.azure import Azure
from gatepost_conformance.sender import unique

EVENTUAL = {"ConsistencyLevel": "eventual"}
ROLES = {
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Groups Administrator": "fdd7a751-b60b-444a-984c-02652fe8fa1c",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Application Developer": "cf1c38e5-3621-4004-a7cb-879624dced7c",
}


def new_user():
    """What makes a user."""
    name = unique("u").lower()
    return {
        "displayName": name,
        "accountEnabled": True,
        "mailNickname": name,
        "userPrincipalName": f"{name}@gatepost.localhost",
        "passwordProfile": {"password": "Correct-Horse-Battery-9"},
    }


def new_group(**changes):
    """What makes a group."""
    sent = {"displayName": unique("g"), "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}
    return {**sent, **changes}


def refer(azure, path, thing, expected=204):
    """Adds a reference to an object."""
    body = {"@odata.id": f"{azure.graph}/v1.0/directoryObjects/{thing['id']}"}
    return azure.graph_call("POST", f"{path}/$ref", expected, body)


def ids(listed):
    """The ids of a collection."""
    return {each["id"] for each in listed["value"]}


def test_nested_groups(server, azure):
    outer, inner = (azure.graph_call("POST", "/groups", 201, new_group()) for _ in range(2))
    user = azure.graph_call("POST", "/users", 201, new_user())
    refer(azure, f"/groups/{outer['id']}/members", inner)
    refer(azure, f"/groups/{inner['id']}/members", user)
    assert ids(azure.graph_call("GET", f"/groups/{outer['id']}/members", 200)) == {inner["id"]}
    assert ids(azure.graph_call("GET", f"/groups/{outer['id']}/transitiveMembers", 200)) == {inner["id"], user["id"]}
    path = f"/users/{user['id']}/transitiveMemberOf/microsoft.graph.group"
    assert ids(azure.graph_call("GET", path, 200)) == {inner["id"], outer["id"]}
    error = refer(azure, f"/groups/{inner['id']}/members", outer, 400)["error"]
    assert error["code"] == "Request_BadRequest"
    count = azure.call("GET", f"{azure.graph}/v1.0/groups/{outer['id']}/transitiveMembers/$count", headers=EVENTUAL)
    assert (count.status_code, count.text) == (200, "2")


def test_deleted_items(server, azure):
    user = azure.graph_call("POST", "/users", 201, new_user())
    azure.graph_call("DELETE", f"/users/{user['id']}", 204)
    path = f"/directory/deletedItems/{user['id']}"
    assert azure.graph_call("GET", path, 200)["deletedDateTime"]
    assert azure.graph_call("POST", f"{path}/restore", 200)["id"] == user["id"]
    azure.graph_call("GET", f"/users/{user['userPrincipalName']}", 200)
    azure.graph_call("DELETE", f"/users/{user['id']}", 204)
    azure.graph_call("DELETE", path, 204)
    azure.graph_call("GET", path, 404)


def test_delta(server, azure):
    page = azure.graph_call("GET", "/users/delta?$select=displayName&$deltatoken=latest", 200)
    assert page["value"] == []
    user = azure.graph_call("POST", "/users", 201, new_user())
    page = azure.call("GET", page["@odata.deltaLink"]).json()
    assert {"displayName": user["displayName"], "id": user["id"]} in page["value"]
    azure.graph_call("DELETE", f"/users/{user['id']}", 204)
    page = azure.call("GET", page["@odata.deltaLink"]).json()
    assert {"id": user["id"], "@removed": {"reason": "changed"}} in page["value"]


def test_batch(server, azure):
    requests = [
        {"id": "a", "method": "GET", "url": "/organization"},
        {"id": "b", "method": "GET", "url": "/users/nobody@gatepost.localhost"},
        {"id": "c", "method": "GET", "url": "/organization", "dependsOn": ["b"]},
    ]
    replies = azure.graph_call("POST", "/$batch", 200, {"requests": requests})["responses"]
    assert [(each["id"], each["status"]) for each in replies] == [("a", 200), ("b", 404), ("c", 424)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$count=true", "Request_UnsupportedQuery"),
        ('$search="displayName:x"', "Request_UnsupportedQuery"),
        ("$filter=displayName ne 'x'", "Request_UnsupportedQuery"),
        ("$filter=endsWith(mail,'x')", "Request_UnsupportedQuery"),
        ("$filter=startswith(displayName,'x')&$orderby=displayName", "Request_UnsupportedQuery"),
        ("$filter=contains(displayName,'x')", "Request_UnsupportedQuery"),
        ("$skip=5", "Request_UnsupportedQuery"),
        ("$top=1000", "Request_UnsupportedQuery"),
        ("$filter=nope eq 'x'", "BadRequest"),
        ("$select=nope", "BadRequest"),
        ("$expand=nope", "BadRequest"),
    ],
)
def test_queries_that_are_refused(server, azure, query, code):
    assert azure.graph_call("GET", f"/users?{query}", 400)["error"]["code"] == code


def test_advanced_queries(server, azure):
    user = azure.graph_call("POST", "/users", 201, new_user())
    azure.graph_call("PATCH", f"/users/{user['id']}", 204, {"mail": f"{user['displayName']}@mail.example"})
    for text in (
        f"mail eq '{user['displayName'].upper()}@mail.example'",
        f"endsWith(mail,'{user['displayName']}@mail.example')",
        f"displayName in ('{user['displayName']}','x')",
        f"userPrincipalName eq '{user['userPrincipalName']}' and not(accountEnabled eq false)",
    ):
        reply = azure.graph_call("GET", "/users", 200, params={"$filter": text, "$count": "true"}, headers=EVENTUAL)
        assert (reply["@odata.count"], ids(reply)) == (1, {user["id"]}), text


@pytest.fixture
def holder(server, azure):
    """Makes the clients of a service principal with a directory role."""

    def make(role):
        made = azure.graph_call("POST", "/applications", 201, {"displayName": unique("role")})
        principal = azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
        secret = azure.graph_call("POST", f"/applications/{made['id']}/addPassword", 200, {})["secretText"]
        if role is not None:
            assignment = {"principalId": principal["id"], "roleDefinitionId": ROLES[role], "directoryScopeId": "/"}
            azure.graph_call("POST", "/roleManagement/directory/roleAssignments", 201, assignment)
        return Azure(server, made["appId"], secret)

    return make


@pytest.mark.parametrize(
    ("role", "application", "user", "group", "read"),
    [
        ("Application Administrator", 201, 403, 403, 200),
        ("User Administrator", 403, 201, 201, 200),
        ("Groups Administrator", 403, 403, 201, 200),
        ("Directory Readers", 403, 403, 403, 200),
        ("Application Developer", 201, 403, 403, 200),
        (None, 403, 403, 403, 403),
    ],
)
def test_directory_roles(server, holder, role, application, user, group, read):
    client = holder(role)
    client.graph_call("POST", "/applications", application, {"displayName": unique("x")})
    client.graph_call("POST", "/users", user, new_user())
    client.graph_call("POST", "/groups", group, new_group())
    reply = client.graph_call("GET", "/users", read)
    if read == 403:
        assert reply["error"]["code"] == "Authorization_RequestDenied"


def test_role_assignable_groups(server, azure, holder):
    group = azure.graph_call("POST", "/groups", 201, new_group(isAssignableToRole=True))
    user = azure.graph_call("POST", "/users", 201, new_user())
    client = holder("Groups Administrator")
    refer(client, f"/groups/{group['id']}/members", user, 403)
    refer(azure, f"/groups/{group['id']}/members", user)
    # Whoever belongs to such a group is beyond a User Administrator.
    password = {"passwordProfile": {"password": "Another-Horse-Battery-7"}}
    holder("User Administrator").graph_call("PATCH", f"/users/{user['id']}", 403, password)
    azure.graph_call("PATCH", f"/users/{user['id']}", 204, password)


def test_app_roles_reach_the_token(server, azure, holder):
    api = azure.graph_call("POST", "/applications", 201, {"displayName": unique("api")})
    role = "5f1b6b38-9d7e-4ff9-8cf0-0f3f6f2a3d11"
    change = {
        "identifierUris": [f"api://{api['appId']}"],
        "appRoles": [{"id": role, "value": "Send", "displayName": "Send", "description": "Send", "isEnabled": True,
                      "allowedMemberTypes": ["Application"]}],
    }
    azure.graph_call("PATCH", f"/applications/{api['id']}", 204, change)
    resource = azure.graph_call("POST", "/servicePrincipals", 201, {"appId": api["appId"]})
    own = azure.graph_call("GET", f"/servicePrincipals/{azure.object_id}", 200)
    sent = {"principalId": own["id"], "resourceId": resource["id"], "appRoleId": role}
    path = f"/servicePrincipals/{resource['id']}/appRoleAssignedTo"
    azure.graph_call("POST", path, 201, sent)
    again = azure.graph_call("POST", path, 400, sent)["error"]
    assert again["message"] == "Permission being assigned already exists on the object"
    assert ids(azure.graph_call("GET", f"/servicePrincipals/{own['id']}/appRoleAssignments", 200))
