"""The activity log with azure-mgmt-monitor."""

import datetime

import pytest
from azure.core.exceptions import HttpResponseError

from gatepost_conformance.azure import Azure
from gatepost_conformance.sender import unique


def span(rest=""):
    """A filter of the last hour."""
    now = datetime.datetime.now(datetime.UTC)
    begin = now - datetime.timedelta(hours=1)
    end = now + datetime.timedelta(hours=1)
    return f"eventTimestamp ge '{begin:%Y-%m-%dT%H:%M:%SZ}' and eventTimestamp le '{end:%Y-%m-%dT%H:%M:%SZ}'{rest}"


def test_what_was_done_and_refused_is_listed(server, azure, sender):
    group = unique("rg")
    azure.resources.resource_groups.create_or_update(group, {"location": "westeurope"})
    application = Azure(server, sender.app_id, sender.secret)
    with pytest.raises(HttpResponseError) as refused:
        application.resources.resource_groups.begin_delete(group)
    correlation = refused.value.response.headers["x-ms-correlation-request-id"]
    azure.resources.resource_groups.begin_delete(group).result()

    events = list(azure.monitor.activity_logs.list(filter=span(f" and resourceGroupName eq '{group}'")))
    ended = [(event.operation_name.value.rsplit("/", 1)[-1], event.status.value, event.sub_status.value) for event in events]
    assert ended == [("delete", "Succeeded", "Accepted"), ("delete", "Failed", "Forbidden"), ("write", "Succeeded", "Created")]
    first = events[-1]
    assert first.caller == azure.object_id and first.tenant_id == azure.tenant
    assert first.subscription_id == azure.subscription and first.resource_group_name == group
    assert first.event_timestamp.tzinfo is not None and first.http_request.method == "PUT"
    assert first.category.value == "Administrative" and first.level == "Informational"

    by_request = list(azure.monitor.activity_logs.list(filter=span(f" and correlationId eq '{correlation}'")))
    assert [event.authorization.action for event in by_request] == [
        "Microsoft.Resources/subscriptions/resourceGroups/delete"
    ]
    assert sender.app_id in by_request[0].properties["reason"]
    with pytest.raises(HttpResponseError) as unread:
        list(application.monitor.activity_logs.list(filter=span()))
    assert unread.value.status_code == 403


def test_pages_and_selected_members(server, azure):
    selected = list(azure.monitor.activity_logs.list(filter=span(), select="eventName,status,eventTimestamp"))
    assert selected and all(event.caller is None and event.status.value for event in selected)
    times = [event.event_timestamp for event in selected]
    assert times == sorted(times, reverse=True)
    names = [category.value for category in azure.monitor.event_categories.list()]
    assert "Administrative" in names


@pytest.mark.parametrize("wrong", ["resourceGroupName eq 'x'", "eventTimestamp ge 'soon'", span(" and level eq 'Error'")])
def test_other_filters_are_refused(server, azure, wrong):
    with pytest.raises(HttpResponseError) as refused:
        list(azure.monitor.activity_logs.list(filter=wrong))
    assert refused.value.status_code == 400
