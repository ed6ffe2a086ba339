"""Microsoft Graph through msgraph-sdk: applications, service principals, users, groups, paging, filters."""

import asyncio

import pytest
from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.groups.item.members.members_request_builder import MembersRequestBuilder
from msgraph.generated.models.app_role import AppRole
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.group import Group
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.models.user import User
from msgraph.generated.users.item.get_member_groups.get_member_groups_post_request_body import (
    GetMemberGroupsPostRequestBody,
)
from msgraph.generated.applications.item.add_password.add_password_post_request_body import AddPasswordPostRequestBody
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from uuid import uuid4

from gatepost_conformance.sender import unique

# The SDK warns about its own generated code.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:msgraph")


@pytest.fixture
def graph(server, azure, monkeypatch):
    """Runs a coroutine function with a client of the SDK."""
    # httpx takes the certificate authority from here.
    monkeypatch.setenv("SSL_CERT_FILE", azure.ca_file)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")

    def run(work):
        async def whole():
            known = server.bootstrap
            credential = ClientSecretCredential(
                known["tenantId"],
                known["automation"]["clientId"],
                known["automation"]["clientSecret"],
                authority=azure.authority,
                disable_instance_discovery=True,
                connection_verify=azure.ca_file,
            )
            async with credential:
                client = GraphServiceClient(credential, scopes=[f"{azure.graph}/.default"])
                client.request_adapter.base_url = f"{azure.graph}/v1.0"
                return await work(client)

        return asyncio.run(whole())

    return run


def query(builder, **parameters):
    """A request configuration with query parameters."""
    kind = getattr(builder, f"{builder.__name__}GetQueryParameters")
    return RequestConfiguration(query_parameters=kind(**parameters))


def new_user(name):
    """What makes a user."""
    return User(
        account_enabled=True,
        display_name=name,
        mail_nickname=name,
        user_principal_name=f"{name}@gatepost.localhost",
        password_profile=PasswordProfile(password=f"{uuid4()} Aa", force_change_password_next_sign_in=False),
    )


def test_applications_and_service_principals(graph):
    async def work(client):
        name = unique("sdk")
        made = await client.applications.post(Application(display_name=name))
        role = uuid4()
        await client.applications.by_application_id(made.id).patch(
            Application(
                app_roles=[
                    AppRole(id=role, value="Send", display_name="Send", description="Send", is_enabled=True,
                            allowed_member_types=["Application"])
                ]
            )
        )
        secret = await client.applications.by_application_id(made.id).add_password.post(
            AddPasswordPostRequestBody(password_credential=PasswordCredential(display_name="one"))
        )
        assert len(secret.secret_text) == 40
        principal = await client.service_principals.post(ServicePrincipal(app_id=made.app_id))
        assert [role.value for role in principal.app_roles] == ["Send"]
        found = await client.service_principals_with_app_id(made.app_id).get()
        assert found.id == principal.id
        listed = await client.applications.get(
            query(ApplicationsRequestBuilder, filter=f"startswith(displayName,'{name}')", select=["id", "appId"])
        )
        assert [each.app_id for each in listed.value] == [made.app_id]
        assignment = await client.service_principals.by_service_principal_id(principal.id).app_role_assigned_to.post(
            AppRoleAssignment(principal_id=principal.id, resource_id=principal.id, app_role_id=role)
        )
        assert assignment.principal_type == "ServicePrincipal"
        await client.applications.by_application_id(made.id).delete()
        with pytest.raises(APIError) as gone:
            await client.applications.by_application_id(made.id).get()
        assert gone.value.response_status_code == 404
        await client.directory.deleted_items.by_directory_object_id(made.id).restore.post()
        assert (await client.applications_with_app_id(made.app_id).get()).display_name == name

    graph(work)


def test_users_and_groups(graph):
    async def work(client):
        name = unique("u").lower()
        user = await client.users.post(new_user(name))
        group = await client.groups.post(
            Group(display_name=unique("g"), mail_enabled=False, mail_nickname="g", security_enabled=True)
        )
        members = client.groups.by_group_id(group.id).members
        await members.ref.post(ReferenceCreate(odata_id=f"https://graph/v1.0/directoryObjects/{user.id}"))
        listed = await members.get(query(MembersRequestBuilder, select=["id", "displayName"]))
        assert [(type(each).__name__, each.display_name) for each in listed.value] == [("User", name)]
        ids = await client.users.by_user_id(user.id).get_member_groups.post(
            GetMemberGroupsPostRequestBody(security_enabled_only=True)
        )
        assert ids.value == [group.id]
        await members.by_directory_object_id(user.id).ref.delete()
        assert (await members.get()).value == []
        await client.users.by_user_id(f"{name}@gatepost.localhost").patch(User(job_title="Sender"))
        assert (await client.users.by_user_id(user.id).get()).job_title == "Sender"
        await client.users.by_user_id(user.id).delete()
        await client.groups.by_group_id(group.id).delete()

    graph(work)


def test_paging_counting_and_searching(graph):
    async def work(client):
        prefix = unique("page").lower().replace("-", "")
        for number in range(5):
            await client.users.post(new_user(f"{prefix}{number}"))
        request = query(
            UsersRequestBuilder, filter=f"startswith(displayName,'{prefix}')", top=2, count=True,
            orderby=["displayName desc"],
        )
        request.headers.add("ConsistencyLevel", "eventual")
        page = await client.users.get(request)
        assert page.odata_count == 5
        names = [each.display_name for each in page.value]
        while page.odata_next_link:
            page = await client.users.with_url(page.odata_next_link).get(request)
            names += [each.display_name for each in page.value]
        assert names == [f"{prefix}{number}" for number in (4, 3, 2, 1, 0)]
        search = query(UsersRequestBuilder, search=f'"displayName:{prefix}"', count=True)
        search.headers.add("ConsistencyLevel", "eventual")
        assert (await client.users.get(search)).odata_count == 5
        with pytest.raises(APIError) as refused:
            await client.users.get(query(UsersRequestBuilder, filter="contains(displayName,'x')"))
        assert refused.value.response_status_code == 400
        assert refused.value.error.code == "Request_UnsupportedQuery"

    graph(work)
