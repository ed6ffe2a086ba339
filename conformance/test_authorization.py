"""Role definitions, assignments and permissions with azure-mgmt-authorization."""

import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization.models import (
    Permission,
    RoleAssignmentCreateParameters,
    RoleAssignmentProperties,
    RoleDefinition,
    RoleDefinitionProperties,
)

from gatepost_conformance.azure import Azure
from gatepost_conformance.sender import SENDING_ACTIONS, unique

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
RESERVATIONS = "a8889054-8d42-49c9-bc1c-52486c10e7cd"
ROLES = "Microsoft.Authorization/roleDefinitions"
EMAIL_OWNER = "09976791-48a7-449e-bb21-39d1a415f350"


def custom_role(azure, title, actions=("Microsoft.Resources/subscriptions/resourceGroups/read",)):
    """A custom role over the subscription."""
    return RoleDefinition(
        properties=RoleDefinitionProperties(
            role_name=title,
            description="",
            role_type="CustomRole",
            permissions=[Permission(actions=list(actions))],
            assignable_scopes=[azure.subscription_scope],
        )
    )


def assignment(role_id, principal_id, kind="ServicePrincipal"):
    """What a role assignment is made from."""
    return RoleAssignmentCreateParameters(
        properties=RoleAssignmentProperties(
            role_definition_id=role_id, principal_id=principal_id, principal_type=kind
        )
    )


def role_id(azure, name):
    """A role's id as the subscription shows it."""
    return f"{azure.subscription_scope}/providers/{ROLES}/{name}"


def test_built_in_roles(server, azure):
    roles = {role.name: role for role in azure.authorization.role_definitions.list(azure.subscription_scope)}
    built_in = [role for role in roles.values() if role.role_type == "BuiltInRole"]
    # Of the 932, four are assignable elsewhere only, and a subscription's list omits them.
    assert len(built_in) == 928
    assert RESERVATIONS not in roles
    elsewhere = azure.authorization.role_definitions.get_by_id(f"/providers/{ROLES}/{RESERVATIONS}")
    assert elsewhere.role_name == "Reservations Administrator"
    assert roles[OWNER].role_name == "Owner" and roles[OWNER].permissions[0].actions == ["*"]
    assert roles[READER].permissions[0].actions == ["*/read"]
    assert roles[EMAIL_OWNER].role_name == "Communication and Email Service Owner"
    assert roles[OWNER].id == role_id(azure, OWNER)
    found = list(azure.authorization.role_definitions.list(azure.subscription_scope, filter="roleName eq 'owner'"))
    assert [role.name for role in found] == [OWNER]


def test_custom_role_life(server, azure):
    roles, name, title = azure.authorization.role_definitions, str(uuid.uuid4()), unique("role")
    made = roles.create_or_update(azure.subscription_scope, name, custom_role(azure, title))
    assert (made.name, made.role_name, made.role_type) == (name, title, "CustomRole")
    assert made.created_on and made.assignable_scopes == [azure.subscription_scope]
    changed = roles.create_or_update(
        azure.subscription_scope, name, custom_role(azure, title, ["Microsoft.Communication/*/read"])
    )
    assert changed.permissions[0].actions == ["Microsoft.Communication/*/read"]
    assert roles.get(azure.subscription_scope, name).updated_on >= made.created_on
    assert roles.get_by_id(made.id).role_name == title
    with pytest.raises(HttpResponseError) as twice:
        roles.create_or_update(azure.subscription_scope, str(uuid.uuid4()), custom_role(azure, title))
    assert (twice.value.status_code, twice.value.error.code) == (409, "RoleDefinitionWithSameNameExists")
    roles.delete(azure.subscription_scope, name)
    assert title not in {role.role_name for role in roles.list(azure.subscription_scope)}


def test_role_in_use_cannot_be_deleted(server, azure, sender):
    with pytest.raises(HttpResponseError) as refused:
        azure.authorization.role_definitions.delete(azure.subscription_scope, sender.role_name)
    assert refused.value.status_code == 400


@pytest.mark.parametrize("depth", ["subscription", "group", "service", "child"])
def test_assignment_at_each_depth(server, azure, sender, depth):
    scope = {
        "subscription": azure.subscription_scope,
        "group": f"{azure.subscription_scope}/resourceGroups/{sender.group}",
        "service": sender.service_id,
        "child": sender.domain_id,
    }[depth]
    assignments, name = azure.authorization.role_assignments, str(uuid.uuid4())
    made = assignments.create(scope, name, assignment(role_id(azure, READER), sender.principal_id))
    assert (made.name, made.scope, made.principal_id) == (name, scope, sender.principal_id)
    assert made.role_definition_id == role_id(azure, READER)
    assert assignments.get(scope, name).id == made.id
    assert assignments.get_by_id(made.id).name == name
    listed = {each.name for each in assignments.list_for_scope(scope, filter="atScope()")}
    assert name in listed
    with pytest.raises(HttpResponseError) as twice:
        assignments.create(scope, str(uuid.uuid4()), assignment(role_id(azure, READER), sender.principal_id))
    assert (twice.value.status_code, twice.value.error.code) == (409, "RoleAssignmentExists")
    assert assignments.delete(scope, name).name == name
    assert assignments.delete(scope, name) is None, "204 for what is gone"


def test_assignment_lists_and_filters(server, azure, sender):
    assignments = azure.authorization.role_assignments
    by_principal = assignments.list_for_subscription(filter=f"principalId eq '{sender.principal_id}'")
    assert [each.name for each in by_principal] == [sender.assignment_name]
    assigned_to = assignments.list_for_subscription(filter=f"assignedTo('{sender.principal_id}')")
    assert [each.name for each in assigned_to] == [sender.assignment_name]
    inherited = assignments.list_for_resource(
        sender.group, "Microsoft.Communication", "communicationServices", sender.service, filter="atScope()"
    )
    principals = {each.principal_id for each in inherited}
    assert {sender.principal_id, server.bootstrap["automation"]["objectId"]} <= principals
    at_group = assignments.list_for_resource_group(sender.group, filter="atScope()")
    assert sender.principal_id not in {each.principal_id for each in at_group}


def test_assignment_to_nobody(server, azure, sender):
    with pytest.raises(HttpResponseError) as refused:
        azure.authorization.role_assignments.create(
            sender.service_id, str(uuid.uuid4()), assignment(role_id(azure, READER), str(uuid.uuid4()))
        )
    assert (refused.value.status_code, refused.value.error.code) == (400, "PrincipalNotFound")


def test_permissions_of_the_caller(server, azure, sender):
    permissions = azure.authorization.permissions
    assert ["*"] in [each.actions for each in permissions.list_for_resource_group(sender.group)]
    application = Azure(server, sender.app_id, sender.secret)
    # Reading one's permissions is an action like any other.
    azure.authorization.role_assignments.create(
        sender.service_id, str(uuid.uuid4()), assignment(role_id(azure, READER), sender.principal_id)
    )
    granted = application.authorization.permissions.list_for_resource(
        sender.group, "Microsoft.Communication", "", "communicationServices", sender.service
    )
    assert list(SENDING_ACTIONS) in [each.actions for each in granted]


def test_provider_operations(server, azure):
    known = azure.authorization.provider_operations_metadata.get("Microsoft.Communication")
    names = {
        operation.name.lower() for each in known.resource_types or [] for operation in each.operations or []
    } | {operation.name.lower() for operation in known.operations or []}
    for action in SENDING_ACTIONS:
        assert action.lower() in names, action
    assert "microsoft.communication/communicationservices/smtpusernames/write" in names
    listed = {each.name.lower() for each in azure.authorization.provider_operations_metadata.list()}
    assert {"microsoft.communication", "microsoft.authorization"} <= listed


def test_access_follows_the_assignment_at_once(server, azure, sender):
    application = Azure(server, sender.app_id, sender.secret)
    services = application.communication.communication_services
    assert services.get(sender.group, sender.service)
    sender.unassign_role()
    with pytest.raises(HttpResponseError) as refused:
        services.get(sender.group, sender.service)
    assert (refused.value.status_code, refused.value.error.code) == (403, "AuthorizationFailed")
    sender.assign_role()
    assert services.get(sender.group, sender.service)
