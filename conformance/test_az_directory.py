"""`az ad` of the unmodified Azure CLI: applications, service principals, users, groups."""

import json

import pytest

from gatepost_conformance.az import Az
from gatepost_conformance.sender import unique

PASSWORD = "Correct-Horse-Battery-9"


@pytest.fixture(scope="module")
def az(running, tmp_path_factory):
    """The automation principal's command line."""
    return Az(running, tmp_path_factory.mktemp("az"))


def user(az, name=None):
    """A user of the test's own."""
    name = (name or unique("u")).lower()
    return az("ad", "user", "create", "--display-name", name, "--password", PASSWORD,
              "--user-principal-name", f"{name}@gatepost.localhost")


def names(listed):
    """The display names of a list."""
    return [each["displayName"] for each in listed]


def test_applications(server, az):
    name = unique("app")
    made = az("ad", "app", "create", "--display-name", name)
    app_id = made["appId"]
    assert az("ad", "app", "show", "--id", app_id)["id"] == made["id"]
    assert names(az("ad", "app", "list", "--display-name", name)) == [name]
    # Made again, it is the same one.
    assert az("ad", "app", "create", "--display-name", name)["appId"] == app_id
    uri = f"api://{app_id}"
    az("ad", "app", "update", "--id", app_id, "--identifier-uris", uri)
    assert az("ad", "app", "show", "--id", uri)["identifierUris"] == [uri]
    secret = az("ad", "app", "credential", "reset", "--id", app_id)
    assert len(secret["password"]) == 40
    second = az("ad", "app", "credential", "reset", "--id", app_id, "--append", "--display-name", "two")
    kept = az("ad", "app", "credential", "list", "--id", app_id)
    assert len(kept) == 2 and second["appId"] == app_id
    az("ad", "app", "credential", "delete", "--id", app_id, "--key-id", kept[0]["keyId"])
    assert len(az("ad", "app", "credential", "list", "--id", app_id)) == 1
    az("ad", "app", "delete", "--id", app_id)
    assert az("ad", "app", "list", "--display-name", name) == []
    assert "does not exist" in az.refused("ad", "app", "show", "--id", app_id, status=3)


def test_owners_of_applications(server, az):
    app_id = az("ad", "app", "create", "--display-name", unique("app"))["appId"]
    owner = user(az)
    az("ad", "app", "owner", "add", "--id", app_id, "--owner-object-id", owner["id"])
    assert names(az("ad", "app", "owner", "list", "--id", app_id)) == [owner["displayName"]]
    az("ad", "app", "owner", "remove", "--id", app_id, "--owner-object-id", owner["id"])
    assert az("ad", "app", "owner", "list", "--id", app_id) == []


def test_federated_credentials(server, az, tmp_path):
    app_id = az("ad", "app", "create", "--display-name", unique("app"))["appId"]
    sent = {
        "name": "github",
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": "repo:contoso/mail:ref:refs/heads/main",
        "audiences": ["api://AzureADTokenExchange"],
    }
    path = tmp_path / "credential.json"
    path.write_text(json.dumps(sent))
    command = ("ad", "app", "federated-credential")
    az(*command, "create", "--id", app_id, "--parameters", f"@{path}")
    assert [each["subject"] for each in az(*command, "list", "--id", app_id)] == [sent["subject"]]
    path.write_text(json.dumps({**sent, "description": "changed"}))
    az(*command, "update", "--id", app_id, "--federated-credential-id", "github", "--parameters", f"@{path}")
    shown = az(*command, "show", "--id", app_id, "--federated-credential-id", "github")
    assert shown["description"] == "changed"
    az(*command, "delete", "--id", app_id, "--federated-credential-id", "github")
    assert az(*command, "list", "--id", app_id) == []


def test_permissions(server, az):
    client = az("ad", "app", "create", "--display-name", unique("client"))["appId"]
    az("ad", "sp", "create", "--id", client)
    graph = "00000003-0000-0000-c000-000000000000"
    read = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
    az("ad", "app", "permission", "add", "--id", client, "--api", graph, "--api-permissions", f"{read}=Scope")
    assert [each["resourceAppId"] for each in az("ad", "app", "permission", "list", "--id", client)] == [graph]
    granted = az("ad", "app", "permission", "grant", "--id", client, "--api", graph, "--scope", "User.Read")
    assert granted["scope"] == "User.Read"
    listed = az("ad", "app", "permission", "list-grants", "--id", client)
    assert [each["scope"] for each in listed] == ["User.Read"]
    az("ad", "app", "permission", "grant", "--id", client, "--api", graph, "--scope", "User.Read openid")
    az("ad", "app", "permission", "delete", "--id", client, "--api", graph)
    assert az("ad", "app", "permission", "list", "--id", client) == []


def test_service_principals(server, az):
    name = unique("sp")
    app_id = az("ad", "app", "create", "--display-name", name)["appId"]
    made = az("ad", "sp", "create", "--id", app_id)
    assert az("ad", "sp", "show", "--id", app_id)["id"] == made["id"]
    assert names(az("ad", "sp", "list", "--display-name", name)) == [name]
    az("ad", "sp", "update", "--id", app_id, "--set", "notes=changed")
    assert az("ad", "sp", "show", "--id", made["id"])["notes"] == "changed"
    secret = az("ad", "sp", "credential", "reset", "--id", app_id)
    assert len(secret["password"]) == 40
    assert len(az("ad", "sp", "credential", "list", "--id", app_id)) == 1
    assert az("ad", "sp", "owner", "list", "--id", app_id) == []
    az("ad", "sp", "delete", "--id", app_id)
    assert az("ad", "sp", "list", "--display-name", name) == []


def test_create_for_rbac(server, az, tmp_path):
    name = unique("rbac")
    made = az("ad", "sp", "create-for-rbac", "--name", name, "--role", "Reader",
              "--scopes", f"/subscriptions/{az.subscription}")
    assert made["displayName"] == name
    own = Az(server, tmp_path / "own", made["appId"], made["password"])
    assert [each["id"] for each in own.logged_in] == [az.subscription]
    assert "Insufficient privileges" in own.refused("ad", "app", "list")


def test_create_for_rbac_with_a_certificate(server, az):
    made = az("ad", "sp", "create-for-rbac", "--name", unique("cert"), "--create-cert")
    shown = az("ad", "app", "show", "--id", made["appId"])
    assert [key["type"] for key in shown["keyCredentials"]] == ["AsymmetricX509Cert"]


def test_users(server, az):
    made = user(az)
    login = made["userPrincipalName"]
    assert az("ad", "user", "show", "--id", login)["id"] == made["id"]
    assert names(az("ad", "user", "list", "--upn", login)) == [made["displayName"]]
    az("ad", "user", "update", "--id", login, "--display-name", "Renamed", "--account-enabled", "false")
    assert az("ad", "user", "show", "--id", made["id"])["displayName"] == "Renamed"
    weak = az.refused("ad", "user", "create", "--display-name", "x", "--password", "x",
                      "--user-principal-name", f"{unique('x')}@gatepost.localhost")
    assert "password" in weak.lower()
    az("ad", "user", "delete", "--id", login)
    assert az("ad", "user", "list", "--upn", login) == []


def test_groups(server, az):
    name = unique("g")
    group = az("ad", "group", "create", "--display-name", name, "--mail-nickname", "g")
    member = user(az)
    az("ad", "group", "member", "add", "--group", name, "--member-id", member["id"])
    again = az.refused("ad", "group", "member", "add", "--group", name, "--member-id", member["id"])
    assert "already exist" in again
    assert az("ad", "group", "member", "check", "--group", name, "--member-id", member["id"]) == {"value": True}
    assert names(az("ad", "group", "member", "list", "--group", name)) == [member["displayName"]]
    groups = az("ad", "group", "get-member-groups", "--group", name)
    assert groups == []
    assert names(az("ad", "user", "get-member-groups", "--id", member["id"])) == [name]
    az("ad", "group", "owner", "add", "--group", name, "--owner-object-id", member["id"])
    assert names(az("ad", "group", "owner", "list", "--group", name)) == [member["displayName"]]
    az("ad", "group", "member", "remove", "--group", name, "--member-id", member["id"])
    assert az("ad", "group", "member", "check", "--group", name, "--member-id", member["id"]) == {"value": False}
    assert names(az("ad", "group", "list", "--display-name", name)) == [name]
    az("ad", "group", "delete", "--group", group["id"])
    assert az("ad", "group", "list", "--display-name", name) == []
