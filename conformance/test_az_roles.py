"""`az role` and `az lock` of the unmodified Azure CLI."""

import json

import pytest

from gatepost_conformance.az import Az
from gatepost_conformance.sender import unique

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
SENDING = "Microsoft.Communication/EmailServices/write"


@pytest.fixture(scope="module")
def az(running, tmp_path_factory):
    """The automation principal's command line."""
    return Az(running, tmp_path_factory.mktemp("az"))


@pytest.fixture(scope="module")
def subscription(az):
    """The subscription as a scope."""
    return f"/subscriptions/{az.subscription}"


@pytest.fixture(scope="module")
def group(az):
    """A resource group of this file's own."""
    name = unique("rg")
    az("group", "create", "--name", name, "--location", "westeurope")
    return name


def application(azure, secret=False):
    """An application with its service principal: client id, object id, and a secret if wanted."""
    made = azure.graph_call("POST", "/applications", 201, {"displayName": unique("app")})
    principal = azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    password = None
    if secret:
        path = f"/applications/{made['id']}/addPassword"
        password = azure.graph_call("POST", path, 200, {"passwordCredential": {}})["secretText"]
    return made["appId"], principal["id"], password


def role_file(folder, **members):
    """A role definition as the documents of `az role definition create` write one."""
    path = folder / "role.json"
    path.write_text(json.dumps(members))
    return f"@{path}"


def names(listed, member="name"):
    """One member of each thing in a list."""
    return {one[member] for one in listed}


def test_login_finds_the_subscription(server, az):
    assert [each["id"] for each in az.logged_in] == [az.subscription]
    assert az("account", "show")["environmentName"] == "Gatepost"


def test_role_definitions_are_created_listed_updated_and_deleted(server, az, subscription, tmp_path):
    title = unique("Printer keeper")
    wanted = {
        "Name": title,
        "Description": "Made by az.",
        "Actions": ["Microsoft.Communication/*/read", SENDING],
        "NotActions": [],
        "AssignableScopes": [subscription],
    }
    made = az("role", "definition", "create", "--role-definition", role_file(tmp_path, **wanted))
    assert (made["roleName"], made["roleType"]) == (title, "CustomRole")
    assert made["permissions"][0]["actions"] == wanted["Actions"]
    listed = az("role", "definition", "list", "--name", title)
    assert names(listed) == {made["name"]}
    assert made["name"] in names(az("role", "definition", "list", "--custom-role-only", "true"))
    wanted["Actions"] = ["Microsoft.Communication/*/read"]
    changed = az("role", "definition", "update", "--role-definition", role_file(tmp_path, **wanted))
    assert (changed["name"], changed["permissions"][0]["actions"]) == (made["name"], wanted["Actions"])
    changed["description"] = "Changed as it was shown."
    again = az("role", "definition", "update", "--role-definition", role_file(tmp_path, **changed))
    assert again["description"] == "Changed as it was shown."
    assert az("role", "definition", "show", "--id", made["id"])["roleName"] == title
    wanted["Actions"] = ["No.Such/thing/read", "not an action"]
    wanted["Name"] = unique("Bad")
    told = az.refused("role", "definition", "create", "--role-definition", role_file(tmp_path, **wanted))
    assert "InvalidActionOrNotAction" in told
    assert "No.Such/thing/read" in told and "not an action" in told
    az("role", "definition", "delete", "--name", title)
    assert az("role", "definition", "list", "--name", title) == []


def test_built_in_roles_are_listed(server, az):
    roles = az("role", "definition", "list")
    assert len([role for role in roles if role["roleType"] == "BuiltInRole"]) == 928
    assert az("role", "definition", "list", "--name", "Reader")[0]["name"] == READER


def test_role_assignments_by_app_id(server, az, azure, group, subscription):
    app_id, object_id, _ = application(azure)
    scope = f"{subscription}/resourceGroups/{group}"
    by = ("--assignee", app_id)
    made = az("role", "assignment", "create", "--role", "Reader", "--scope", scope, *by)
    assert (made["principalId"], made["principalType"], made["scope"]) == (object_id, "ServicePrincipal", scope)
    again = az("role", "assignment", "create", "--role", READER, "--scope", scope, *by)
    assert again["name"] == made["name"], "the existing one is answered"
    listed = az("role", "assignment", "list", "--scope", scope, *by)
    assert names(listed) == {made["name"]}
    assert (listed[0]["roleDefinitionName"], listed[0]["principalName"]) == ("Reader", app_id)
    assert names(az("role", "assignment", "list", "--all", *by)) == {made["name"]}
    assert az("role", "assignment", "list", *by) == [], "at the subscription alone"
    az("role", "assignment", "delete", "--role", "Reader", "--scope", scope, *by)
    assert az("role", "assignment", "list", "--all", *by) == []
    assert "No matched assignments" in az.refused("role", "assignment", "delete", "--scope", scope, *by)


def test_role_assignments_by_object_id(server, az, azure, group, subscription):
    _, object_id, _ = application(azure)
    scope = f"{subscription}/resourceGroups/{group}"
    made = az("role", "assignment", "create", "--role", "Reader", "--scope", scope, "--assignee", object_id)
    assert (made["principalId"], made["principalType"]) == (object_id, "ServicePrincipal")
    assert names(az("role", "assignment", "list", "--all", "--assignee", object_id)) == {made["name"]}
    az("role", "assignment", "delete", "--scope", scope, "--assignee", object_id)
    typed = ("--assignee-object-id", object_id, "--assignee-principal-type", "ServicePrincipal")
    made = az("role", "assignment", "create", "--role", "Reader", "--scope", scope, *typed)
    az("role", "assignment", "delete", "--ids", made["id"])
    assert az("role", "assignment", "list", "--all", "--assignee", object_id) == []


def test_role_assignment_lists_with_all_inherited_and_groups(server, az, azure, group, subscription):
    app_id, object_id, _ = application(azure)
    staff = azure.graph_call(
        "POST", "/groups", 201,
        {"displayName": unique("staff"), "mailNickname": unique("staff"), "mailEnabled": False,
         "securityEnabled": True},
    )
    member = {"@odata.id": f"{azure.graph}/v1.0/directoryObjects/{object_id}"}
    azure.graph_call("POST", f"/groups/{staff['id']}/members/$ref", 204, member)
    scope = f"{subscription}/resourceGroups/{group}"
    above = az("role", "assignment", "create", "--role", "Reader", "--scope", subscription,
               "--assignee-object-id", staff["id"], "--assignee-principal-type", "Group")
    here = az("role", "assignment", "create", "--role", "Contributor", "--scope", scope, "--assignee", app_id)
    assert above["principalType"] == "Group"

    def listed(*words):
        return names(az("role", "assignment", "list", *words))

    assert listed("--scope", scope, "--assignee", app_id) == {here["name"]}
    assert listed("--scope", scope, "--assignee", app_id, "--include-inherited") == {here["name"]}
    groups = ("--assignee", app_id, "--include-groups")
    assert listed("--scope", scope, *groups, "--include-inherited") == {here["name"], above["name"]}
    assert listed("--all", *groups) == {here["name"], above["name"]}
    assert listed("--all", "--assignee", app_id) == {here["name"]}
    assert listed("--assignee", staff["id"]) == {above["name"]}
    everything = listed("--all")
    assert {here["name"], above["name"]} <= everything
    assert {here["name"], above["name"]} <= listed("--scope", scope, "--include-inherited")
    az("role", "assignment", "delete", "--ids", here["id"], above["id"])
    assert not {here["name"], above["name"]} & listed("--all")


def test_a_role_assignment_with_a_condition_is_made_and_updated(server, az, azure, group, subscription, tmp_path):
    _, object_id, _ = application(azure)
    scope = f"{subscription}/resourceGroups/{group}"
    condition = "@Environment[UtcNow] DateTimeLessThan '2040-01-01T00:00:00.0Z'"
    made = az("role", "assignment", "create", "--role", "Reader", "--scope", scope, "--assignee-object-id", object_id,
              "--assignee-principal-type", "ServicePrincipal", "--condition", condition, "--description", "for now")
    assert (made["condition"], made["conditionVersion"]) == (condition, "2.0")
    path = tmp_path / "assignment.json"
    # az leaves out what is null, and so what was.
    path.write_text(json.dumps({**made, "description": "for ever", "condition": "", "conditionVersion": ""}))
    changed = az("role", "assignment", "update", "--role-assignment", f"@{path}")
    assert (changed["description"], changed.get("condition")) == ("for ever", None)
    told = az.refused("role", "assignment", "create", "--role", "Contributor", "--scope", scope,
                      "--assignee-object-id", object_id, "--assignee-principal-type", "ServicePrincipal",
                      "--condition", "@Resource[x] NoSuch 'y'")
    assert "The given role assignment condition is invalid." in told
    az("role", "assignment", "delete", "--ids", made["id"])


def test_a_reader_is_told_what_is_missing(server, az, azure, group, subscription, tmp_path_factory):
    app_id, object_id, secret = application(azure, secret=True)
    scope = f"{subscription}/resourceGroups/{group}"
    made = az("role", "assignment", "create", "--role", "Reader", "--scope", scope, "--assignee", app_id)
    reader = Az(server, tmp_path_factory.mktemp("reader"), app_id, secret)
    told = reader.refused("role", "assignment", "create", "--role", "Reader", "--scope", scope,
                          "--assignee-object-id", object_id, "--assignee-principal-type", "ServicePrincipal")
    assert "AuthorizationFailed" in told
    assert f"does not have authorization to perform action '{'Microsoft.Authorization/roleAssignments/write'}'" in told
    az("role", "assignment", "delete", "--ids", made["id"])


def test_deny_assignments(server, az, azure, group, subscription):
    me = server.bootstrap["automation"]["objectId"]
    scope = f"{subscription}/resourceGroups/{group}"
    title = unique("no deletes")
    made = az("role", "deny-assignment", "create", "--scope", scope, "--name", title, "--actions", "*/delete",
              "--exclude-principal-ids", me)
    listed = az("role", "deny-assignment", "list", "--scope", scope)
    assert title in names(listed, "denyAssignmentName")
    shown = az("role", "deny-assignment", "show", "--id", made["id"])
    assert shown["excludePrincipals"][0]["id"] == me
    az("role", "deny-assignment", "delete", "--id", made["id"], "--yes")
    assert title not in names(az("role", "deny-assignment", "list", "--scope", scope), "denyAssignmentName")


@pytest.mark.parametrize("level", ["subscription", "group", "resource"])
def test_locks(server, az, azure, group, subscription, level):
    where, name = [], unique("lock")
    if level != "subscription":
        where = ["--resource-group", group]
    if level == "resource":
        service = unique("email")
        azure.communication.email_services.begin_create_or_update(
            group, service, {"location": "global", "properties": {"dataLocation": "Europe"}}
        ).result()
        where += ["--resource", service, "--resource-type", "Microsoft.Communication/emailServices"]
    made = az("lock", "create", "--name", name, "--lock-type", "CanNotDelete", "--notes", "keep", *where)
    assert (made["name"], made["level"], made["notes"]) == (name, "CanNotDelete", "keep")
    assert name in names(az("lock", "list", *where))
    assert az("lock", "show", "--name", name, *where)["id"] == made["id"]
    changed = az("lock", "update", "--name", name, "--lock-type", "ReadOnly", *where)
    assert changed["level"] == "ReadOnly"
    az("lock", "delete", "--ids", made["id"])
    assert name not in names(az("lock", "list", *where))


def test_a_lock_keeps_a_group_from_being_deleted(server, az, subscription):
    name = unique("locked")
    az("group", "create", "--name", name, "--location", "westeurope")
    az("lock", "create", "--name", "keep", "--lock-type", "CanNotDelete", "--resource-group", name)
    assert "ScopeLocked" in az.refused("group", "delete", "--name", name, "--yes")
    az("lock", "delete", "--name", "keep", "--resource-group", name)
    az("group", "delete", "--name", name, "--yes")


def test_provider_operations(server, az):
    shown = az("provider", "operation", "show", "--namespace", "Microsoft.Authorization")
    actions = {
        operation["name"] for kind in shown["resourceTypes"] for operation in kind["operations"]
    } | {operation["name"] for operation in shown["operations"]}
    assert "Microsoft.Authorization/roleAssignments/write" in actions
    assert "Microsoft.Authorization/elevateAccess/action" in actions
