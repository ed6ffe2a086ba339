"""Answers about access: as actions of the resource manager, and by `gatepost access`."""

import json
import os
import re
import subprocess
import uuid

import pytest

from gatepost_conformance.azure import OWN_API_VERSION, Azure
from gatepost_conformance.sender import SENDING_ACTIONS, unique
from gatepost_conformance.server import BINARY, REPOSITORY, run_command

WRITE = "Microsoft.Communication/EmailServices/write"
DELETE = "Microsoft.Communication/EmailServices/delete"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def ask(azure, scope, question, body):
    """The reply to a question."""
    path = f"{scope}/providers/Gatepost.Access/{question}"
    return azure.call("POST", path, params={"api-version": OWN_API_VERSION}, json=body)


def answer(azure, scope, question, body):
    """The answer to a question that is answered."""
    reply = ask(azure, scope, question, body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def access(server, *words, status=0):
    """What `gatepost access` prints."""
    ran = run_command("access", *words, data=server.data)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return ran.stdout if status == 0 else ran.stderr


def test_explain_a_yes_and_a_no(server, azure, sender):
    asked = {"principalId": sender.principal_id, "action": WRITE}
    yes = answer(azure, sender.service_id, "explain", asked)
    assert yes["decision"] == "Allowed"
    assert [one["verdict"] for one in yes["assignments"]] == ["Grants"]
    assert yes["assignments"][0]["roleName"] == sender.role_title
    no = answer(azure, sender.service_id, "explain", {**asked, "action": DELETE})
    assert no["decision"] == "Denied"
    assert [one["verdict"] for one in no["assignments"]] == ["NotInRole"]
    roles = [one for one in no["remedies"] if one["kind"] == "roleAssignment"]
    assert roles[0]["roleName"] == "Communication and Email Service Owner"
    assert roles[0]["command"].startswith(f"az role assignment create --assignee-object-id {sender.principal_id} ")


def test_who_may_ask(server, azure, sender):
    app = Azure(server, sender.app_id, sender.secret)
    reply = ask(app, sender.service_id, "explain", {"principalId": sender.principal_id, "action": WRITE})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "AuthorizationFailed")
    reply = azure.call(
        "POST", f"{sender.service_id}/providers/Gatepost.Access/explain", params={"api-version": "2022-04-01"}, json={}
    )
    assert reply.status_code == 400


def test_a_refusal_is_explained_by_its_correlation_id(server, azure, sender):
    app = Azure(server, sender.app_id, sender.secret)
    reply = app.call("DELETE", sender.service_id, params={"api-version": "2026-03-18"})
    assert reply.status_code == 403
    correlation = reply.headers["x-ms-correlation-request-id"]
    found = answer(azure, azure.subscription_scope, "explain", {"correlationId": correlation})
    assert found["decision"] == "Denied"
    assert found["action"].lower() == "microsoft.communication/communicationservices/delete"
    assert found["principal"]["id"] == sender.principal_id
    assert found["refusal"]["correlationId"] == correlation
    shown = access(server, "explain", "--correlation-id", correlation)
    assert "Refused at " in shown and "az role assignment create" in shown


def test_who_can(server, azure, sender):
    page = answer(azure, sender.service_id, "whoCan", {"action": WRITE})
    found = {one["principal"]["id"]: one for one in page["value"]}
    assert found[sender.principal_id]["through"][0]["roleName"] == sender.role_title
    assert azure.object_id in found
    shown = access(server, "who-can", "--action", WRITE, "--scope", sender.service_id)
    assert sender.role_title in shown and shown.startswith("PRINCIPAL")


def test_groups_are_named(server, azure, sender):
    group = azure.graph_call(
        "POST",
        "/groups",
        201,
        {"displayName": unique("group"), "mailEnabled": False, "mailNickname": unique("g"), "securityEnabled": True},
    )
    reference = {"@odata.id": f"{azure.graph}/v1.0/directoryObjects/{sender.principal_id}"}
    what_if = access(
        server,
        "what-if",
        "add-member",
        "--group",
        group["id"],
        "--member",
        sender.app_id,
    )
    assert what_if == "Nobody would gain or lose anything.\n"
    scope = f"{azure.subscription_scope}/resourceGroups/{sender.group}"
    made = azure.call(
        "PUT",
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
        params={"api-version": "2022-04-01"},
        json={
            "properties": {
                "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{READER}",
                "principalId": group["id"],
                "principalType": "Group",
            }
        },
    )
    assert made.status_code == 201, made.text
    what_if = json.loads(
        access(
            server,
            *("what-if", "add-member", "--group", group["displayName"], "--member", sender.app_id),
            *("--output", "json"),
        )
    )
    assert [effect["principal"]["id"] for effect in what_if["value"]] == [sender.principal_id]
    assert what_if["value"][0]["lossCount"] == 0 < what_if["value"][0]["gainCount"]
    azure.graph_call("POST", f"/groups/{group['id']}/members/$ref", 204, reference)
    read = "Microsoft.Resources/subscriptions/resourceGroups/read"
    yes = answer(azure, scope, "explain", {"principalId": sender.principal_id, "action": read})
    assert yes["decision"] == "Allowed"
    assert [one["id"] for one in yes["principals"][1]["through"]] == [group["id"]]
    shown = access(server, "explain", "--principal", sender.app_id, "--action", read, "--scope", scope)
    assert group["displayName"] in shown


def test_least_and_diff(server, azure, sender):
    found = json.loads(
        access(server, "least", "--action", *SENDING_ACTIONS, "--scope", sender.service_id, "--output", "json")
    )
    names = [one["roles"][0]["roleName"] for one in found["value"]]
    assert sender.role_title in names and "Communication and Email Service Owner" in names
    assert names.index(sender.role_title) < names.index("Communication and Email Service Owner")
    assert len(found["customRole"]["Actions"]) == 3
    shown = access(server, "diff", "Contributor", "Owner")
    assert "Microsoft.Authorization/roleAssignments/write" in shown
    assert access(server, "diff", "Reader", READER) == "'Reader' and 'Reader' grant the same.\n"


def test_what_if_an_assignment_ended(server, azure, sender):
    made = azure.authorization.role_assignments.list_for_scope(
        sender.service_id, filter=f"principalId eq '{sender.principal_id}'"
    )
    [assignment] = list(made)
    shown = access(server, "what-if", "unassign", "--assignment", assignment.id)
    assert "loses" in shown and WRITE.lower() in shown.lower()
    assert answer(azure, sender.service_id, "explain", {"principalId": sender.principal_id, "action": WRITE})[
        "decision"
    ] == "Allowed", "nothing was changed"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["explain", "--action", WRITE, "--scope", "/"], 2, "--principal"),
        (["explain", "--principal", "nobody called so", "--action", WRITE, "--scope", "/"], 1, "there is no user"),
        (["who-can", "--action", WRITE, "--scope", "/"], 1, "AuthorizationFailed"),
        (["who-can", "--action", "not an action", "--scope", "SUBSCRIPTION"], 1, "not an action"),
        (["who-can", "--action", WRITE, "--scope", "SUBSCRIPTION/re sources"], 1, "gatepost: "),
        (["diff", "Owner", "No such role"], 1, "No such role"),
        (["least", "--scope", "/"], 2, "--action"),
    ],
)
def test_mistakes_are_named(server, azure, words, status, said):
    words = [word.replace("SUBSCRIPTION", azure.subscription_scope) for word in words]
    assert said in access(server, *words, status=status)


def test_the_page_on_access_control_runs(server):
    page = (REPOSITORY / "docs" / "access.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    script = "set -euo pipefail\n" + "\n".join(blocks)
    environment = {**os.environ, "DATA": str(server.data), "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for expected in ("DENIED", "ALLOWED", "az role assignment create", "Nobody would gain"):
        assert expected in ran.stdout, ran.stdout + ran.stderr
