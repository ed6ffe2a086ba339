"""One complete chain, made with stock clients: everything an application needs to send by SMTP, and no more.

Each test builds its own, so that it can take one link out and put it back.
"""

import datetime
import uuid

from azure.mgmt.authorization.models import (
    Permission,
    RoleAssignmentCreateParameters,
    RoleAssignmentProperties,
    RoleDefinition,
    RoleDefinitionProperties,
)

SENDING_ACTIONS = (
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    "Microsoft.Communication/EmailServices/write",
)


def unique(prefix):
    """A name nobody else has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


class Sender:
    """Resource group, e-mail service, domain, communication service, application, role, SMTP username."""

    def __init__(self, azure, *, actions=SENDING_ACTIONS):
        self.azure = azure
        self.group = unique("rg")
        azure.resources.resource_groups.create_or_update(self.group, {"location": "westeurope"})
        self.email_service = unique("email")
        self.domain_id, self.domain = self.make_domain(self.email_service)
        self.address = f"donotreply@{self.domain}"
        self.service = unique("acs")
        self.service_id = self.make_service(self.service, [self.domain_id])
        self.make_application()
        self.role_name = str(uuid.uuid4())
        self.role_title = unique("SMTP sender")
        self.role_id = self.put_role(actions)
        self.assign_role()
        self.username = unique("mailer")
        self.username_resource = unique("user")
        self.put_username()

    # Resources

    def make_domain(self, email_service):
        """An Azure-managed domain in an e-mail service of its own: its id and its name."""
        communication = self.azure.communication
        communication.email_services.begin_create_or_update(
            self.group, email_service, {"location": "global", "properties": {"dataLocation": "Europe"}}
        ).result()
        domain = communication.domains.begin_create_or_update(
            self.group,
            email_service,
            "AzureManagedDomain",
            {"location": "global", "properties": {"domainManagement": "AzureManaged"}},
        ).result()
        return domain.id, domain.from_sender_domain

    def make_service(self, name, linked_domains):
        """A communication service with these domains linked: its id."""
        return self.azure.communication.communication_services.begin_create_or_update(
            self.group,
            name,
            {"location": "global", "properties": {"dataLocation": "Europe", "linkedDomains": linked_domains}},
        ).result().id

    def link_domains(self, domain_ids):
        """Replaces the linked domains."""
        self.azure.communication.communication_services.update(
            self.group, self.service, {"properties": {"linkedDomains": domain_ids}}
        )

    def add_sender_username(self, name):
        """Registers `name@domain` as a MailFrom address."""
        self.azure.communication.sender_usernames.create_or_update(
            self.group, self.email_service, "AzureManagedDomain", name, {"properties": {"username": name}}
        )

    def put_username(self):
        """The SMTP username; a free-form one unless the test changed it."""
        self.azure.communication.smtp_usernames.create_or_update(
            self.group,
            self.service,
            self.username_resource,
            {
                "properties": {
                    "username": self.username,
                    "entraApplicationId": self.app_id,
                    "tenantId": self.azure.tenant,
                }
            },
        )

    def delete_username(self):
        """Takes the SMTP username away."""
        self.azure.communication.smtp_usernames.delete(self.group, self.service, self.username_resource)

    # Identity

    def make_application(self):
        """An application with its service principal and one secret."""
        application = self.azure.graph_call("POST", "/applications", 201, {"displayName": unique("app")})
        self.application_id, self.app_id = application["id"], application["appId"]
        self.make_service_principal()
        self.secret_key_id, self.secret = self.add_secret()

    def make_service_principal(self):
        """The application's identity in the tenant."""
        principal = self.azure.graph_call("POST", "/servicePrincipals", 201, {"appId": self.app_id})
        self.principal_id = principal["id"]

    def delete_service_principal(self):
        """Takes the identity away; the application stays."""
        self.azure.graph_call("DELETE", f"/servicePrincipals/{self.principal_id}", 204)

    def enable(self, enabled):
        """Switches the service principal on or off."""
        self.azure.graph_call(
            "PATCH", f"/servicePrincipals/{self.principal_id}", 204, {"accountEnabled": enabled}
        )

    def add_secret(self, *, start=None, end=None):
        """A new client secret: its key id and its text."""
        credential = {"displayName": "conformance"}
        for name, value in (("startDateTime", start), ("endDateTime", end)):
            if value is not None:
                credential[name] = value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        added = self.azure.graph_call(
            "POST",
            f"/applications/{self.application_id}/addPassword",
            200,
            {"passwordCredential": credential},
        )
        return added["keyId"], added["secretText"]

    def remove_secret(self, key_id):
        """Revokes a client secret."""
        self.azure.graph_call(
            "POST", f"/applications/{self.application_id}/removePassword", 204, {"keyId": key_id}
        )

    # Access

    def put_role(self, actions):
        """Creates or replaces the custom role: its id."""
        return self.azure.authorization.role_definitions.create_or_update(
            self.azure.subscription_scope,
            self.role_name,
            RoleDefinition(
                properties=RoleDefinitionProperties(
                    role_name=self.role_title,
                    description="Made by a conformance test.",
                    role_type="CustomRole",
                    permissions=[Permission(actions=list(actions), not_actions=[])],
                    assignable_scopes=[self.azure.subscription_scope],
                )
            ),
        ).id

    def assign_role(self, scope=None):
        """Assigns the role to the application, at its communication service if nothing else is said."""
        self.assignment_scope = scope or self.service_id
        self.assignment_name = str(uuid.uuid4())
        return self.azure.authorization.role_assignments.create(
            self.assignment_scope,
            self.assignment_name,
            RoleAssignmentCreateParameters(
                properties=RoleAssignmentProperties(
                    role_definition_id=self.role_id,
                    principal_id=self.principal_id,
                    principal_type="ServicePrincipal",
                )
            ),
        )

    def hold_to(self, condition):
        """Puts the latest assignment under a condition, or takes the condition away: the same name once more."""
        return self.azure.authorization.role_assignments.create(
            self.assignment_scope,
            self.assignment_name,
            RoleAssignmentCreateParameters(
                properties=RoleAssignmentProperties(
                    role_definition_id=self.role_id,
                    principal_id=self.principal_id,
                    principal_type="ServicePrincipal",
                    condition=condition,
                    condition_version="2.0" if condition else None,
                )
            ),
        )

    def unassign_role(self):
        """Takes the latest assignment away."""
        self.azure.authorization.role_assignments.delete(self.assignment_scope, self.assignment_name)

    # Sign-in

    def username_forms(self):
        """What a client may sign in with: the SMTP username and both legacy forms."""
        return {
            "smtp-username": self.username,
            "dotted": f"{self.service}.{self.app_id}.{self.azure.tenant}",
            "piped": f"{self.service}|{self.app_id}|{self.azure.tenant}",
        }

    def access_token(self):
        """A token of the application for sending e-mail."""
        reply = self.azure.session.post(
            f"{self.azure.authority}/{self.azure.tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.app_id,
                "client_secret": self.secret,
                "scope": "https://communication.azure.com/.default",
            },
            timeout=30,
        )
        assert reply.status_code == 200, reply.text
        return reply.json()["access_token"]
