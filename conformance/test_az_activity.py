"""`az monitor activity-log` and `az account management-group`, unmodified."""

import pytest

from gatepost_conformance.az import Az
from gatepost_conformance.sender import unique


@pytest.fixture(scope="module")
def az(running, tmp_path_factory):
    """The automation principal's command line."""
    return Az(running, tmp_path_factory.mktemp("az"))


def test_az_lists_the_activity_log(server, az):
    group = unique("rg")
    az("group", "create", "--name", group, "--location", "westeurope")
    az("lock", "create", "--name", "keep", "--lock-type", "CanNotDelete", "--resource-group", group)
    refused = az.refused("group", "delete", "--name", group, "--yes")
    assert "ScopeLocked" in refused
    az("lock", "delete", "--name", "keep", "--resource-group", group)
    az("group", "delete", "--name", group, "--yes")
    events = az("monitor", "activity-log", "list", "--resource-group", group, "--offset", "1h")
    ended = [(event["operationName"]["value"].split("/", 1)[1], event["subStatus"]["value"]) for event in events]
    assert ended == [
        ("subscriptions/resourceGroups/delete", "Accepted"),
        ("locks/delete", "OK"),
        ("subscriptions/resourceGroups/delete", "Conflict"),
        ("locks/write", "Created"),
        ("subscriptions/resourceGroups/write", "Created"),
    ]
    failed = az(
        "monitor", "activity-log", "list", "--resource-group", group, "--status", "Failed", "--select", "status"
    )
    assert [event["status"]["value"] for event in failed] == ["Failed"]


def test_az_makes_and_deletes_a_management_group(server, az):
    name = unique("group")
    made = az("account", "management-group", "create", "--name", name, "--display-name", "A group")
    assert made["id"] == f"/providers/Microsoft.Management/managementGroups/{name}"
    assert made["displayName"] == "A group"
    az("account", "management-group", "delete", "--name", name)
