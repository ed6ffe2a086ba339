"""Every operation of azure-mgmt-communication."""

import re
import uuid
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from gatepost_conformance.sender import unique

MANAGED = "AzureManagedDomain"
PLACE = {"location": "global", "properties": {"dataLocation": "Europe"}}


@pytest.fixture
def communication(server, azure):
    return azure.communication


@pytest.fixture
def group(server, azure):
    name = unique("rg")
    azure.resources.resource_groups.create_or_update(name, {"location": "westeurope"})
    return name


@pytest.fixture
def email_service(communication, group):
    name = unique("email")
    communication.email_services.begin_create_or_update(group, name, PLACE).result()
    return name


@pytest.fixture
def domain(communication, group, email_service):
    parameters = {"location": "global", "properties": {"domainManagement": "AzureManaged"}}
    return communication.domains.begin_create_or_update(group, email_service, MANAGED, parameters).result()


@pytest.fixture
def service(communication, group):
    name = unique("acs")
    communication.communication_services.begin_create_or_update(group, name, PLACE).result()
    return name


def assert_gone(read):
    with pytest.raises(ResourceNotFoundError) as gone:
        read()
    assert gone.value.error.code == "ResourceNotFound"


def test_every_operation_of_the_sdk_is_called_here(communication):
    source = Path(__file__).read_text()
    groups = {name: value for name, value in vars(communication).items() if not name.startswith("_")}
    operations = [
        f"{group}.{method}"
        for group, value in groups.items()
        for method in dir(value)
        if not method.startswith("_") and callable(getattr(value, method))
    ]
    assert len(operations) == 41
    missing = [name for name in operations if not re.search(rf"\b{re.escape(name)}\(", source)]
    assert missing == []


def test_operations(server, communication):
    names = {operation.name.lower() for operation in communication.operations.list()}
    assert "microsoft.communication/communicationservices/write" in names
    assert "microsoft.communication/emailservices/write" in names


def test_communication_service_life(communication, group, domain):
    name = unique("acs")
    made = communication.communication_services.begin_create_or_update(
        group, name, {**PLACE, "tags": {"a": "1"}}
    ).result()
    assert made.type.lower() == "microsoft.communication/communicationservices"
    assert made.provisioning_state == "Succeeded"
    assert made.data_location == "Europe" and made.location.lower() == "global"
    assert made.host_name and uuid.UUID(made.immutable_resource_id)
    assert made.system_data.created_by_type == "Application" and made.system_data.created_at

    changed = communication.communication_services.update(
        group, name, {"tags": {"b": "2"}, "properties": {"linkedDomains": [domain.id], "disableLocalAuth": True}}
    )
    assert (changed.tags, changed.linked_domains, changed.disable_local_auth) == ({"b": "2"}, [domain.id], True)
    read = communication.communication_services.get(group, name)
    assert (read.linked_domains, read.immutable_resource_id) == ([domain.id], made.immutable_resource_id)
    assert name in {each.name for each in communication.communication_services.list_by_resource_group(group)}
    assert name in {each.name for each in communication.communication_services.list_by_subscription()}

    with pytest.raises(HttpResponseError) as fixed:
        communication.communication_services.begin_create_or_update(
            group, name, {"location": "global", "properties": {"dataLocation": "United States"}}
        ).result()
    assert 400 <= fixed.value.status_code < 500

    communication.communication_services.begin_delete(group, name).result()
    assert_gone(lambda: communication.communication_services.get(group, name))
    communication.communication_services.begin_delete(group, name).result()


def test_check_name_availability(communication, service):
    wanted = {"type": "Microsoft.Communication/CommunicationServices"}
    free = communication.communication_services.check_name_availability({**wanted, "name": unique("free")})
    assert free.name_available is True
    taken = communication.communication_services.check_name_availability({**wanted, "name": service.upper()})
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")
    invalid = communication.communication_services.check_name_availability({**wanted, "name": "no spaces"})
    assert (invalid.name_available, invalid.reason) == (False, "Invalid")


def test_keys(communication, group, service):
    first = communication.communication_services.list_keys(group, service)
    assert first.primary_key != first.secondary_key
    assert f"accesskey={first.primary_key}" in first.primary_connection_string
    second = communication.communication_services.regenerate_key(group, service, {"keyType": "Primary"})
    assert second.primary_key != first.primary_key and second.secondary_key == first.secondary_key
    third = communication.communication_services.regenerate_key(group, service, {"keyType": "secondary"})
    assert third.primary_key == second.primary_key and third.secondary_key != first.secondary_key
    with pytest.raises(HttpResponseError) as refused:
        communication.communication_services.regenerate_key(group, service, {"keyType": "Tertiary"})
    assert refused.value.status_code == 400


def test_link_notification_hub(azure, communication, group, service):
    namespace = f"{azure.subscription_scope}/resourceGroups/{group}/providers/Microsoft.NotificationHubs/namespaces/n"
    hub = f"{namespace}/notificationHubs/h"
    linked = communication.communication_services.link_notification_hub(
        group, service, {"resourceId": hub, "connectionString": "Endpoint=sb://example/;SharedAccessKey=x"}
    )
    assert linked.resource_id == hub
    assert communication.communication_services.get(group, service).notification_hub_id == hub


def test_email_service_life(communication, group):
    name = unique("email")
    made = communication.email_services.begin_create_or_update(group, name, PLACE).result()
    assert (made.data_location, made.provisioning_state) == ("Europe", "Succeeded")
    assert communication.email_services.begin_update(group, name, {"tags": {"a": "1"}}).result().tags == {"a": "1"}
    assert communication.email_services.get(group, name).tags == {"a": "1"}
    assert name in {each.name for each in communication.email_services.list_by_resource_group(group)}
    assert name in {each.name for each in communication.email_services.list_by_subscription()}
    assert list(communication.email_services.list_verified_exchange_online_domains()) == []
    communication.email_services.begin_delete(group, name).result()
    assert_gone(lambda: communication.email_services.get(group, name))


def test_azure_managed_domain(communication, group, email_service, domain):
    assert domain.domain_management == "AzureManaged"
    assert domain.from_sender_domain == domain.mail_from_sender_domain
    states = communication.domains.get(group, email_service, MANAGED).verification_states
    for record in (states.domain, states.spf, states.dkim, states.dkim2):
        assert record.status == "Verified"
    changed = communication.domains.begin_update(
        group, email_service, MANAGED, {"properties": {"userEngagementTracking": "Enabled"}}
    ).result()
    assert changed.user_engagement_tracking == "Enabled"
    listed = communication.domains.list_by_email_service_resource(group, email_service)
    assert [each.name for each in listed] == [MANAGED]
    usernames = communication.sender_usernames.list_by_domains(group, email_service, MANAGED)
    assert [each.username.lower() for each in usernames] == ["donotreply"]
    communication.domains.begin_delete(group, email_service, MANAGED).result()
    assert_gone(lambda: communication.domains.get(group, email_service, MANAGED))


def test_customer_managed_domain_shows_its_records(communication, group, email_service):
    name = f"{unique('mail')}.example.com"
    made = communication.domains.begin_create_or_update(
        group, email_service, name, {"location": "global", "properties": {"domainManagement": "CustomerManaged"}}
    ).result()
    assert made.from_sender_domain == name
    records = made.verification_records
    assert records.domain.type == "TXT" and records.domain.value.startswith("ms-domain-verification=")
    assert records.spf.type == "TXT" and records.dkim.type == records.dkim2.type == "CNAME"
    assert made.verification_states.domain.status == "NotStarted"
    communication.domains.begin_initiate_verification(
        group, email_service, name, {"verificationType": "Domain"}
    ).result()
    communication.domains.begin_cancel_verification(
        group, email_service, name, {"verificationType": "Domain"}
    ).result()
    assert communication.domains.get(group, email_service, name).verification_states.domain.status != "Verified"


def test_unverified_domain_cannot_be_linked(communication, group, email_service, service):
    made = communication.domains.begin_create_or_update(
        group,
        email_service,
        f"{unique('mail')}.example.com",
        {"location": "global", "properties": {"domainManagement": "CustomerManaged"}},
    ).result()
    with pytest.raises(HttpResponseError) as refused:
        communication.communication_services.update(group, service, {"properties": {"linkedDomains": [made.id]}})
    assert 400 <= refused.value.status_code < 500
    assert communication.communication_services.get(group, service).linked_domains in (None, [])


def test_linked_domain_must_exist(communication, group, service, domain):
    with pytest.raises(HttpResponseError) as refused:
        communication.communication_services.update(
            group, service, {"properties": {"linkedDomains": [domain.id + "x"]}}
        )
    assert 400 <= refused.value.status_code < 500


def test_sender_username_life(communication, group, email_service, domain):
    made = communication.sender_usernames.create_or_update(
        group, email_service, MANAGED, "invoices", {"properties": {"username": "invoices", "displayName": "Invoices"}}
    )
    assert (made.username, made.display_name, made.provisioning_state) == ("invoices", "Invoices", "Succeeded")
    assert communication.sender_usernames.get(group, email_service, MANAGED, "INVOICES").name == "invoices"
    listed = communication.sender_usernames.list_by_domains(group, email_service, MANAGED)
    assert {each.username.lower() for each in listed} == {"donotreply", "invoices"}
    communication.sender_usernames.delete(group, email_service, MANAGED, "invoices")
    assert_gone(lambda: communication.sender_usernames.get(group, email_service, MANAGED, "invoices"))
    communication.sender_usernames.delete(group, email_service, MANAGED, "invoices")


def test_smtp_username_life(azure, communication, group, service):
    name, username = unique("user"), unique("mailer")
    application = azure.graph_call("POST", "/applications", 201, {"displayName": unique("app")})
    properties = {"username": username, "entraApplicationId": application["appId"], "tenantId": azure.tenant}
    made = communication.smtp_usernames.create_or_update(group, service, name, {"properties": properties})
    assert (made.name, made.username, made.entra_application_id) == (name, username, application["appId"])
    assert communication.smtp_usernames.get(group, service, name).tenant_id == azure.tenant
    assert [each.name for each in communication.smtp_usernames.list(group, service)] == [name]
    again = {**properties, "username": unique("other")}
    changed = communication.smtp_usernames.create_or_update(group, service, name, {"properties": again})
    assert changed.username == again["username"]
    communication.smtp_usernames.delete(group, service, name)
    assert_gone(lambda: communication.smtp_usernames.get(group, service, name))
    communication.smtp_usernames.delete(group, service, name)


def test_smtp_username_is_unique_on_the_server(communication, sender):
    properties = {
        "username": sender.username.upper(),
        "entraApplicationId": sender.app_id,
        "tenantId": sender.azure.tenant,
    }
    with pytest.raises(HttpResponseError) as refused:
        communication.smtp_usernames.create_or_update(
            sender.group, sender.service, unique("user"), {"properties": properties}
        )
    assert 400 <= refused.value.status_code < 500


def test_email_form_username_needs_a_linked_domain(communication, sender):
    properties = {
        "username": "printer@example.com",
        "entraApplicationId": sender.app_id,
        "tenantId": sender.azure.tenant,
    }
    with pytest.raises(HttpResponseError) as refused:
        communication.smtp_usernames.create_or_update(
            sender.group, sender.service, unique("user"), {"properties": properties}
        )
    assert 400 <= refused.value.status_code < 500


def test_suppression_lists(communication, group, email_service, domain):
    place = (group, email_service, MANAGED)
    made = communication.suppression_lists.create_or_update(*place, "unwanted", {"properties": {"listName": ""}})
    assert made.name == "unwanted" and made.created_time_stamp
    assert communication.suppression_lists.get(*place, "unwanted").list_name == ""
    assert [each.name for each in communication.suppression_lists.list_by_domain(*place)] == ["unwanted"]

    address = str(uuid.uuid4())
    added = communication.suppression_list_addresses.create_or_update(
        *place, "unwanted", address, {"properties": {"email": "a@example.net", "firstName": "A", "notes": "asked"}}
    )
    assert (added.email, added.first_name, added.notes) == ("a@example.net", "A", "asked")
    assert communication.suppression_list_addresses.get(*place, "unwanted", address).last_modified
    listed = communication.suppression_list_addresses.list(*place, "unwanted")
    assert [each.name for each in listed] == [address]
    communication.suppression_list_addresses.delete(*place, "unwanted", address)
    assert list(communication.suppression_list_addresses.list(*place, "unwanted")) == []
    communication.suppression_list_addresses.delete(*place, "unwanted", address)

    communication.suppression_lists.delete(*place, "unwanted")
    assert_gone(lambda: communication.suppression_lists.get(*place, "unwanted"))
    communication.suppression_lists.delete(*place, "unwanted")


@pytest.mark.parametrize(
    "parameters",
    [
        {"location": "global"},
        {"location": "global", "properties": {}},
        {"location": "global", "properties": {"dataLocation": 7}},
        {"location": "global", "properties": {"dataLocation": "Europe", "linkedDomains": "no list"}},
        {"properties": {"dataLocation": "Europe"}},
    ],
)
def test_wrong_bodies_are_refused_and_write_nothing(azure, group, parameters):
    name = unique("acs")
    path = (
        f"/subscriptions/{azure.subscription}/resourceGroups/{group}/providers/Microsoft.Communication"
        f"/communicationServices/{name}?api-version=2026-03-18"
    )
    reply = azure.call("PUT", path, json=parameters)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["code"] and reply.json()["error"]["message"]
    assert azure.call("GET", path).status_code == 404


def test_lists_page(communication, group, email_service, domain, azure):
    place = (group, email_service, MANAGED)
    communication.suppression_lists.create_or_update(*place, "many", {"properties": {"listName": ""}})
    names = {str(uuid.uuid4()) for _ in range(130)}
    for number, name in enumerate(names):
        communication.suppression_list_addresses.create_or_update(
            *place, "many", name, {"properties": {"email": f"u{number}@example.net"}}
        )
    listed = [each.name for each in communication.suppression_list_addresses.list(*place, "many")]
    assert sorted(listed) == sorted(names)
