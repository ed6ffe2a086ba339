"""Azure's own clients, pointed at the server under test the way its documentation says."""

from functools import cached_property

import requests
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.communication import CommunicationServiceManagementClient
from azure.mgmt.resource import ResourceManagementClient, SubscriptionClient

OWN_API_VERSION = "2026-11-01-gatepost"


class Azure:
    """The clients of one identity. Without an identity: the automation principal of `bootstrap.json`."""

    def __init__(self, server, client_id=None, client_secret=None):
        known = server.bootstrap
        self.ca_file = known["caFile"]
        self.object_id = None if client_id else known["automation"]["objectId"]
        self.tenant = known["tenantId"]
        self.subscription = known["subscriptionId"]
        self.authority = known["endpoints"]["authority"]
        self.arm = known["endpoints"]["resourceManager"]
        self.graph = known["endpoints"]["graph"]
        self.credential = ClientSecretCredential(
            self.tenant,
            client_id or known["automation"]["clientId"],
            client_secret or known["automation"]["clientSecret"],
            authority=self.authority,
            disable_instance_discovery=True,
            connection_verify=self.ca_file,
        )
        settings = self.settings = {
            "base_url": self.arm,
            "credential_scopes": [f"{self.arm}/.default"],
            "connection_verify": self.ca_file,
        }
        self.resources = ResourceManagementClient(self.credential, self.subscription, **settings)
        self.subscriptions = SubscriptionClient(self.credential, **settings)
        self.authorization = AuthorizationManagementClient(self.credential, self.subscription, **settings)
        self.communication = CommunicationServiceManagementClient(self.credential, self.subscription, **settings)
        self.session = requests.Session()
        # The environment may name another CA, or a proxy: neither is for a server on loopback.
        self.session.trust_env = False
        self.session.verify = self.ca_file

    @cached_property
    def locks(self):
        """The client of management locks."""
        from azure.mgmt.resource.locks import ManagementLockClient

        return ManagementLockClient(self.credential, self.subscription, **self.settings)

    @cached_property
    def groups(self):
        """The client of management groups."""
        from azure.mgmt.managementgroups import ManagementGroupsMgmtClient

        return ManagementGroupsMgmtClient(self.credential, **self.settings)

    @cached_property
    def monitor(self):
        """The client of the activity log."""
        from azure.mgmt.monitor import MonitorManagementClient

        return MonitorManagementClient(self.credential, self.subscription, **self.settings)

    @property
    def subscription_scope(self):
        """The subscription as a scope."""
        return f"/subscriptions/{self.subscription}"

    def token(self, scope):
        """An access token as text."""
        return self.credential.get_token(scope).token

    def call(self, method, url, **options):
        """A plain request with the identity's token for the origin that `url` names, or for ARM if it is a path."""
        if url.startswith("/"):
            url = self.arm + url
        origin = self.graph if url.startswith(self.graph) else self.arm
        headers = {"Authorization": f"Bearer {self.token(f'{origin}/.default')}", **options.pop("headers", {})}
        return self.session.request(method, url, headers=headers, timeout=60, **options)

    def graph_call(self, method, path, expected, body=None, **options):
        """A Microsoft Graph request that must answer `expected`; the parsed body."""
        reply = self.call(method, f"{self.graph}/v1.0{path}", json=body, **options)
        assert reply.status_code == expected, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None
