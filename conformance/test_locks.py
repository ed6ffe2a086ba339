"""Management locks with azure-mgmt-resource."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from gatepost_conformance.azure import Azure
from gatepost_conformance.sender import unique


def lock(level, notes=None):
    """What a lock is made from."""
    return {"level": level, "notes": notes}


@pytest.fixture
def group(server, azure):
    """A resource group of the test's own, unlocked and gone afterwards."""
    name = unique("rg")
    azure.resources.resource_groups.create_or_update(name, {"location": "westeurope"})
    yield name
    for found in azure.locks.management_locks.list_at_resource_group_level(name):
        if f"/resourceGroups/{name}/" in found.id:
            azure.locks.management_locks.delete_by_scope(found.id.split("/providers/Microsoft.Authorization/")[0], found.name)
    azure.resources.resource_groups.begin_delete(name).result()


def test_a_lock_lives_at_each_level(server, azure, group):
    locks, name = azure.locks.management_locks, unique("lock")
    made = locks.create_or_update_at_resource_group_level(group, name, lock("CanNotDelete", "keep it"))
    assert (made.name, made.level, made.notes) == (name, "CanNotDelete", "keep it")
    assert made.id.endswith(f"/resourceGroups/{group}/providers/Microsoft.Authorization/locks/{name}")
    changed = locks.create_or_update_at_resource_group_level(group, name, lock("ReadOnly"))
    assert (changed.level, changed.notes) == ("ReadOnly", None)
    assert locks.get_at_resource_group_level(group, name).level == "ReadOnly"
    assert name in [found.name for found in locks.list_at_resource_group_level(group)]
    assert name in [found.name for found in locks.list_at_subscription_level()]
    scope = f"{azure.subscription_scope}/resourceGroups/{group}"
    assert locks.get_by_scope(scope, name).id == made.id
    assert name in [found.name for found in locks.list_by_scope(scope, filter="atScope()")]
    locks.delete_by_scope(scope, name)
    locks.delete_at_resource_group_level(group, name)  # nothing is there: 204
    with pytest.raises(ResourceNotFoundError):
        locks.get_at_resource_group_level(group, name)
    # At the subscription, only what stops nobody else's test.
    with pytest.raises(HttpResponseError) as wrong:
        locks.create_or_update_at_subscription_level(unique("lock"), lock("NotSpecified"))
    assert wrong.value.status_code == 400


def test_a_locked_resource_is_neither_deleted_nor_is_its_group(server, azure, group):
    locks, name, service = azure.locks.management_locks, unique("lock"), unique("mail")
    azure.communication.email_services.begin_create_or_update(
        group, service, {"location": "global", "properties": {"dataLocation": "Europe"}}
    ).result()
    where = (group, "Microsoft.Communication", "", "emailServices", service)
    locks.create_or_update_at_resource_level(*where, name, lock("CanNotDelete"))
    assert [found.name for found in locks.list_at_resource_level(*where)] == [name]
    for refused in (
        lambda: azure.communication.email_services.begin_delete(group, service).result(),
        lambda: azure.resources.resource_groups.begin_delete(group).result(),
    ):
        with pytest.raises(HttpResponseError) as locked:
            refused()
        assert (locked.value.status_code, locked.value.error.code) == (409, "ScopeLocked")
        assert "cannot perform delete operation because following scope(s) are locked" in locked.value.message
    # A write goes on under this level, and stops under the other.
    azure.communication.email_services.begin_update(group, service, {"tags": {"a": "b"}}).result()
    locks.create_or_update_at_resource_level(*where, name, lock("ReadOnly"))
    with pytest.raises(HttpResponseError) as locked:
        azure.communication.email_services.begin_update(group, service, {"tags": {"a": "c"}}).result()
    assert locked.value.error.code == "ScopeLocked"
    locks.delete_at_resource_level(*where, name)
    azure.communication.email_services.begin_delete(group, service).result()


def test_contributor_may_not_touch_locks(server, azure, group, sender):
    application = Azure(server, sender.app_id, sender.secret)
    with pytest.raises(HttpResponseError) as refused:
        application.locks.management_locks.create_or_update_at_resource_group_level(
            group, unique("lock"), lock("ReadOnly")
        )
    assert (refused.value.status_code, refused.value.error.code) == (403, "AuthorizationFailed")
