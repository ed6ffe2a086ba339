"""A tenant with one of everything in it, and the names by which another tenant may ask for them.

The names are the smallest parts: what is asked with is composed of them, so that the same question can be asked with
names that nothing has.
"""

import base64
import datetime
import random
import re
import string
import uuid
from types import SimpleNamespace

from gatepost_conformance.azure import OWN_API_VERSION, Azure
from gatepost_conformance.clients import Submission, smtplib_submit
from gatepost_conformance.sender import Sender, unique

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
MANAGEMENT_GROUPS = "/providers/Microsoft.Management/managementGroups"
AUTHORIZATION = "/providers/Microsoft.Authorization"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
VERSIONS = (
    (r"/providers/Gatepost\.", OWN_API_VERSION),
    (r"/locks(/|$)", "2020-05-01"),
    (r"/denyAssignments(/|$)", "2024-07-01-preview"),
    (r"/classicAdministrators", "2015-07-01"),
    (r"/providers/Microsoft\.Authorization/", "2022-04-01"),
    (r"/eventtypes/", "2015-04-01"),
    (r"/providers/Microsoft\.Management/", "2020-10-01"),
    (r"/providers/Microsoft\.Communication/", "2026-03-18"),
    (r"", "2024-07-01"),
)


def version_of(path):
    """The api-version that suits a path of the resource manager."""
    return next(version for pattern, version in VERSIONS if re.search(pattern, path))


class Tenant:
    """One tenant of the server, its administrators, and what it has."""

    def __init__(self, server, known):
        self.server = server
        self.known = {**server.bootstrap, **known}
        self.azure = Azure(SimpleNamespace(bootstrap=self.known))
        self.admin = self.known["admin"]
        self.names = {}
        self._tokens = {}

    # Tokens

    def application_token(self, origin):
        """Of the automation principal, for an origin."""
        return self.azure.token(f"{origin}/.default")

    def user_reply(self, origin):
        """What the administrator gets for the sign-in name and password."""
        reply = self.azure.session.post(
            f"{self.azure.authority}/{self.azure.tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "password",
                "client_id": AZURE_CLI,
                "username": self.admin["userPrincipalName"],
                "password": self.admin["password"],
                "scope": f"{origin}/.default offline_access",
            },
            timeout=30,
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def user_token(self, origin):
        """Of the administrator, for an origin."""
        if origin not in self._tokens:
            self._tokens[origin] = self.user_reply(origin)["access_token"]
        return self._tokens[origin]

    # Calls

    def arm(self, method, path, *expected, body=None, token=None, version=None):
        """A call that must answer one of `expected`: the reply."""
        token = token or self.application_token(self.azure.arm)
        reply = self.azure.session.request(
            method,
            self.azure.arm + path,
            params={"api-version": version or version_of(path)},
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        assert reply.status_code in expected, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply

    def graph(self, method, path, expected, body=None):
        """A call that must answer `expected`: the parsed body."""
        return self.azure.graph_call(method, path, expected, body)

    # What it has

    def rule_everything(self):
        """Owner at `/`: the most that a tenant's administrators can take."""
        self.arm("POST", f"{AUTHORIZATION}/elevateAccess", 200, token=self.user_token(self.azure.arm), version="2016-07-01")
        self.assign("", OWNER, self.azure.object_id, token=self.user_token(self.azure.arm))

    def assign(self, scope, role, principal, kind="ServicePrincipal", *, token=None):
        """A role assignment: its name."""
        name = str(uuid.uuid4())
        body = {
            "properties": {
                "roleDefinitionId": f"{AUTHORIZATION}/roleDefinitions/{role}",
                "principalId": principal,
                "principalType": kind,
            }
        }
        self.arm("PUT", f"{scope}{AUTHORIZATION}/roleAssignments/{name}", 201, body=body, token=token)
        return name

    def fill(self):
        """One of everything."""
        self.sender = sender = Sender(self.azure)
        self.names = {
            "tenant": self.azure.tenant,
            "tenant_domain": self.known["tenantDomain"],
            "subscription": self.azure.subscription,
            "admin_id": self.admin["objectId"],
            "admin_password": self.admin["password"],
            "automation_id": self.known["automation"]["objectId"],
            "automation_client": self.known["automation"]["clientId"],
            "automation_secret": self.known["automation"]["clientSecret"],
            "group": sender.group,
            "email_service": sender.email_service,
            "mail_domain": sender.domain,
            "service": sender.service,
            "username": sender.username,
            "username_resource": sender.username_resource,
            "application_id": sender.application_id,
            "app_id": sender.app_id,
            "principal_id": sender.principal_id,
            "secret": sender.secret,
            "secret_key_id": sender.secret_key_id,
            "role": sender.role_name,
            "role_title": sender.role_title,
            "assignment": sender.assignment_name,
        }
        self._fill_mail()
        self._fill_access()
        self._fill_directory()
        return self

    def _fill_mail(self):
        sender, names = self.sender, self.names
        names["sender_username"] = unique("news")
        sender.add_sender_username(names["sender_username"])
        domain = f"{self.azure.subscription_scope}/resourceGroups/{sender.group}/providers/Microsoft.Communication"
        domain += f"/emailServices/{sender.email_service}/domains"
        names["suppression_list"] = unique("unwanted")
        path = f"{domain}/AzureManagedDomain/suppressionLists/{names['suppression_list']}"
        self.arm("PUT", path, 200, 201, body={"properties": {"listName": names["sender_username"]}})
        names["customer_domain"] = f"{unique('mail')}.example"
        reply = self.arm(
            "PUT",
            f"{domain}/{names['customer_domain']}",
            200,
            201,
            body={"location": "global", "properties": {"domainManagement": "CustomerManaged"}},
        )
        operation = re.search(r"/operationStatuses/([^?/]+)", reply.headers["Azure-AsyncOperation"])
        names["operation"] = operation.group(1)
        letter = Submission(sender.username, sender.secret, sender.address, unique("subject"))
        sent = smtplib_submit(self.server, letter)
        assert sent.ok, sent.reply
        names["message"] = sent.message_id

    def _fill_access(self):
        names, sender = self.names, self.sender
        names["open_group"] = unique("rg")
        path = f"{self.azure.subscription_scope}/resourceGroups/{names['open_group']}"
        self.arm("PUT", path, 201, body={"location": "westeurope"})
        names["lock"] = unique("lock")
        group = f"{self.azure.subscription_scope}/resourceGroups/{sender.group}"
        service = f"{group}/providers/Microsoft.Communication/emailServices/{sender.email_service}"
        path = f"{service}{AUTHORIZATION}/locks/{names['lock']}"
        self.arm("PUT", path, 201, body={"properties": {"level": "CanNotDelete"}})
        names["management_group"] = unique("top")
        path = f"{MANAGEMENT_GROUPS}/{names['management_group']}"
        self.arm("PUT", path, 200, 202, body={"properties": {"displayName": unique("The")}})
        names["deny"] = str(uuid.uuid4())
        self.arm(
            "PUT",
            f"{group}{AUTHORIZATION}/denyAssignments/{names['deny']}",
            200,
            201,
            body={
                "properties": {
                    "denyAssignmentName": unique("deny"),
                    "permissions": [{"actions": ["Microsoft.Communication/*/delete"]}],
                    "principals": [{"id": sender.principal_id, "type": "ServicePrincipal"}],
                    "excludePrincipals": [],
                    "isSystemProtected": False,
                }
            },
        )
        refused = Azure(SimpleNamespace(bootstrap=self.known), sender.app_id, sender.secret).call(
            "DELETE", sender.service_id, params={"api-version": version_of(sender.service_id)}
        )
        assert refused.status_code == 403, refused.text
        names["correlation"] = refused.headers["x-ms-correlation-request-id"]

    def _fill_directory(self):
        names, sender = self.names, self.sender
        domain = self.known["tenantDomain"]

        def user():
            nickname = unique("user")
            made = self.graph("POST", "/users", 201, {
                "accountEnabled": True,
                "displayName": unique("Person"),
                "mailNickname": nickname,
                "userPrincipalName": f"{nickname}@{domain}",
                "passwordProfile": {"password": unique("Correct-Horse"), "forceChangePasswordNextSignIn": False},
            })
            return nickname, made

        names["user_name"], made = user()
        names["user_id"], names["user_title"] = made["id"], made["displayName"]
        names["deleted_name"], gone = user()
        names["deleted_id"] = gone["id"]
        self.graph("DELETE", f"/users/{gone['id']}", 204)
        names["people_title"] = unique("People")
        people = self.graph("POST", "/groups", 201, {
            "displayName": names["people_title"],
            "mailEnabled": False,
            "mailNickname": unique("people"),
            "securityEnabled": True,
            "members@odata.bind": [f"{self.azure.graph}/v1.0/users/{made['id']}"],
        })
        names["people"] = people["id"]
        trusted = self.graph("POST", f"/applications/{sender.application_id}/federatedIdentityCredentials", 201, {
            "name": unique("trust"),
            "issuer": "https://issuer.example",
            "subject": unique("subject"),
            "audiences": ["api://AzureADTokenExchange"],
        })
        names["federated"], names["federated_name"] = trusted["id"], trusted["name"]
        role = str(uuid.uuid4())
        self.graph("PATCH", f"/applications/{sender.application_id}", 204, {
            "identifierUris": [f"api://{sender.app_id}"],
            "appRoles": [{
                "id": role,
                "value": "Read",
                "displayName": "Read",
                "description": "Read",
                "isEnabled": True,
                "allowedMemberTypes": ["Application", "User"],
            }],
        })
        names["app_role"] = role
        given = self.graph("POST", f"/servicePrincipals/{sender.principal_id}/appRoleAssignedTo", 201, {
            "principalId": sender.principal_id, "resourceId": sender.principal_id, "appRoleId": role,
        })
        names["app_role_assignment"] = given["id"]
        granted = self.graph("POST", "/oauth2PermissionGrants", 201, {
            "clientId": sender.principal_id,
            "consentType": "AllPrincipals",
            "resourceId": self.graph("GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')", 200)["id"],
            "scope": "User.Read",
        })
        names["grant"] = granted["id"]
        directory_role = self.graph("POST", "/roleManagement/directory/roleAssignments", 201, {
            "principalId": made["id"],
            "roleDefinitionId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
            "directoryScopeId": "/",
        })
        names["directory_role_assignment"] = directory_role["id"]


def nobodys(names):
    """As many names, of the same shape and length, that nothing has."""
    return {name: _other(value) for name, value in names.items()}


def _other(value):
    if GUID.search(value):
        return GUID.sub(lambda _: str(uuid.uuid4()), value)
    if re.fullmatch(r"[\w-]{22}|[\w-]{43}", value):
        # The directory's links: one or two object ids in base64url, of which the last is to differ.
        first = base64.urlsafe_b64decode(value + "==")[:-16]
        return base64.urlsafe_b64encode(first + uuid.uuid4().bytes).decode().rstrip("=")
    if re.search(r"-[0-9a-f]{12}(\.|$)", value):
        return re.sub(r"-[0-9a-f]{12}", lambda _: f"-{uuid.uuid4().hex[:12]}", value)
    if re.search(r"\.(example|localhost)$", value):
        label, _, rest = value.partition(".")
        return f"{''.join(map(_other_character, label))}.{rest}"
    return "".join(map(_other_character, value))


def _other_character(character):
    for alphabet in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        if character in alphabet:
            return random.choice(alphabet)
    return character


def lately():
    """A filter of the activity log for the last day."""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return f"eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%SZ}'"
