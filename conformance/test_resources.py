"""Subscriptions, providers and resource groups with azure-mgmt-resource."""

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from gatepost_conformance.azure import Azure
from gatepost_conformance.sender import unique

GROUPS = "2025-04-01"


def test_metadata_endpoints_describe_the_cloud(server, azure):
    newest = requests.get(
        f"{azure.arm}/metadata/endpoints?api-version=2022-09-01", verify=azure.ca_file, timeout=30
    ).json()
    assert newest["authentication"]["loginEndpoint"].rstrip("/") == azure.authority
    assert newest["resourceManager"].rstrip("/") == azure.arm
    assert newest["microsoftGraphResourceId"].rstrip("/") == azure.graph
    oldest = requests.get(
        f"{azure.arm}//metadata/endpoints?api-version=2019-05-01", verify=azure.ca_file, timeout=30
    ).json()
    assert isinstance(oldest, list)


def test_subscriptions_tenants_and_locations(server, azure):
    listed = {each.subscription_id: each for each in azure.subscriptions.subscriptions.list()}
    assert listed[azure.subscription].state == "Enabled"
    assert listed[azure.subscription].display_name
    assert azure.subscriptions.subscriptions.get(azure.subscription).tenant_id == azure.tenant
    assert [each.name for each in azure.subscriptions.subscriptions.list_locations(azure.subscription)]
    assert azure.tenant in {each.tenant_id for each in azure.subscriptions.tenants.list()}


def test_providers(server, azure):
    provider = azure.resources.providers.get("Microsoft.Communication")
    assert provider.registration_state == "Registered"
    types = {each.resource_type.lower(): each for each in provider.resource_types}
    assert "2026-03-18" in types["communicationservices"].api_versions
    assert "microsoft.communication" in {each.namespace.lower() for each in azure.resources.providers.list()}
    assert azure.resources.providers.register("Microsoft.Communication").registration_state == "Registered"


def test_resource_group_life(server, azure):
    groups, name = azure.resources.resource_groups, unique("rg")
    made = groups.create_or_update(name, {"location": "westeurope", "tags": {"a": "1"}})
    assert made.id == f"/subscriptions/{azure.subscription}/resourceGroups/{name}"
    assert (made.location, made.tags, made.properties.provisioning_state) == ("westeurope", {"a": "1"}, "Succeeded")
    assert groups.check_existence(name) is True
    assert groups.get(name.upper()).name == name, "names ignore letter case and come back as made"
    assert groups.update(name, {"tags": {"b": "2"}}).tags == {"b": "2"}
    assert name in {group.name for group in groups.list()}
    with pytest.raises(HttpResponseError) as refused:
        groups.create_or_update(name, {"location": "northeurope"})
    assert (refused.value.status_code, refused.value.error.code) == (409, "InvalidResourceGroupLocation")
    groups.begin_delete(name).result()
    assert groups.check_existence(name) is False
    with pytest.raises(ResourceNotFoundError) as gone:
        groups.get(name)
    assert gone.value.error.code == "ResourceGroupNotFound"
    assert gone.value.error.message == f"Resource group '{name}' could not be found."


@pytest.mark.parametrize("name", ["a b", "dot.", "a$b", "x" * 91])
def test_invalid_resource_group_name(server, azure, name):
    reply = azure.call(
        "PUT",
        f"/subscriptions/{azure.subscription}/resourceGroups/{requests.utils.quote(name)}?api-version={GROUPS}",
        json={"location": "westeurope"},
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "InvalidResourceGroup")


def test_deleting_a_group_deletes_what_is_in_it(server, azure, sender):
    assert {each.name for each in azure.resources.resources.list_by_resource_group(sender.group)} >= {
        sender.service,
        sender.email_service,
    }
    azure.resources.resource_groups.begin_delete(sender.group).result()
    with pytest.raises(ResourceNotFoundError):
        azure.communication.communication_services.get(sender.group, sender.service)
    assert sender.service not in {each.name for each in azure.resources.resources.list()}


def test_lists_hold_only_what_the_caller_may_read(server, azure, sender):
    """The sending role reads its communication service; resource groups it may not list."""
    stranger = Azure(server, sender.app_id, sender.secret)
    assert stranger.communication.communication_services.get(sender.group, sender.service).name == sender.service
    assert sender.group not in {group.name for group in list_or_refused(stranger)}


def list_or_refused(azure):
    """The resource groups that the identity sees; none where the list itself is refused."""
    try:
        return list(azure.resources.resource_groups.list())
    except HttpResponseError as refused:
        assert refused.status_code == 403
        return []


def test_unauthenticated_and_unauthorized(server, azure, sender):
    url = f"{azure.arm}/subscriptions/{azure.subscription}/resourceGroups/{sender.group}?api-version={GROUPS}"
    reply = requests.get(url, verify=azure.ca_file, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert reply.headers["WWW-Authenticate"].startswith(f'Bearer authorization_uri="{azure.authority}/')
    reply = requests.get(url, headers={"Authorization": "Bearer x.y.z"}, verify=azure.ca_file, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")

    stranger = Azure(server, sender.app_id, sender.secret)
    reply = stranger.call("DELETE", url)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert reply.json()["error"]["message"] == (
        f"The client '{sender.app_id}' with object id '{sender.principal_id}' does not have authorization to perform "
        "action 'Microsoft.Resources/subscriptions/resourceGroups/delete' over scope "
        f"'/subscriptions/{azure.subscription}/resourceGroups/{sender.group}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials."
    )


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_api_version_is_required_and_known(server, azure, sender, method):
    path = sender.service_id
    missing = azure.call(method, path, json={})
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "MissingApiVersionParameter")
    unknown = azure.call(method, f"{path}?api-version=1999-01-01", json={})
    assert unknown.status_code == 400
    assert unknown.json()["error"]["code"] in ("NoRegisteredProviderFound", "InvalidApiVersionParameter")
    assert "2026-03-18" in unknown.json()["error"]["message"], "the message lists what is supported"


def test_paths_ignore_case_and_double_slashes(server, azure, sender):
    path = sender.service_id.replace("/resourceGroups/", "//RESOURCEGROUPS/").replace("Microsoft.", "microsoft.")
    reply = azure.call("GET", f"{path}?api-version=2026-03-18")
    assert reply.status_code == 200
    assert reply.json()["id"] == sender.service_id
