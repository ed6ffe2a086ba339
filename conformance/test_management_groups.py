"""Management groups with azure-mgmt-managementgroups. The automation principal is a Global Administrator: it may
make groups below the root group, and owns what it makes."""

import pytest
from azure.core.exceptions import HttpResponseError

from gatepost_conformance.sender import unique

PREFIX = "/providers/Microsoft.Management/managementGroups"


def body(name, parent=None):
    """What a group is made from."""
    details = {"parent": {"id": f"{PREFIX}/{parent}"}} if parent else {}
    return {"name": name, "properties": {"displayName": f"The {name}", "details": details}}


@pytest.fixture
def tree(server, azure):
    """A group with one below it; both are gone afterwards."""
    groups, top, below = azure.groups.management_groups, unique("top"), unique("below")
    groups.begin_create_or_update(top, body(top)).result()
    groups.begin_create_or_update(below, body(below, top)).result()
    yield top, below
    azure.groups.management_group_subscriptions.delete(below, azure.subscription)
    for name in (below, top):
        groups.begin_delete(name).result()
    assert top not in [group.name for group in groups.list()]


def test_a_tree_is_shown(server, azure, tree):
    top, below = tree
    groups = azure.groups.management_groups
    names = [group.name for group in groups.list()]
    assert top in names and below in names
    shown = groups.get(top, expand="children", recurse=True)
    assert shown.id == f"{PREFIX}/{top}" and shown.properties.display_name == f"The {top}"
    assert shown.properties.details.parent.name == azure.tenant
    assert [child.name for child in shown.properties.children] == [below]
    path = groups.get(below, expand="path").properties.details.path
    assert [element.name for element in path] == [azure.tenant, top, below]
    ancestors = groups.get(below, expand="ancestors").properties.details.management_group_ancestors
    assert ancestors == [top, azure.tenant]
    assert [found.name for found in groups.get_descendants(top)] == [below]
    renamed = groups.update(below, {"displayName": "Renamed"})
    assert renamed.properties.display_name == "Renamed"


def test_rules_of_the_tree(server, azure, tree):
    top, below = tree
    groups = azure.groups.management_groups
    with pytest.raises(HttpResponseError) as refused:
        groups.begin_delete(top).result()
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadRequest")
    with pytest.raises(HttpResponseError) as refused:
        groups.update(top, {"parentGroupId": f"{PREFIX}/{below}"})
    assert refused.value.status_code == 400
    with pytest.raises(HttpResponseError) as refused:
        groups.begin_delete(azure.tenant).result()
    assert refused.value.status_code in (400, 403)


def test_a_subscription_moves(server, azure, tree):
    _, below = tree
    placements = azure.groups.management_group_subscriptions
    placed = placements.create(below, azure.subscription)
    assert placed.properties.parent.id == f"{PREFIX}/{below}"
    assert [found.name for found in placements.get_subscriptions_under_management_group(below)] == [azure.subscription]
    assert placements.get_subscription(below, azure.subscription).properties.state == "Active"
    entities = {entity.name: entity for entity in azure.groups.entities.list()}
    assert entities[azure.subscription].properties.parent.id == f"{PREFIX}/{below}"
    placements.delete(below, azure.subscription)
    assert list(placements.get_subscriptions_under_management_group(below)) == []
