"""Node's clients, unmodified: msal-node, @azure/identity, and openid-client, which knows nothing of Azure."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gatepost_conformance.browser import Browser, Person
from gatepost_conformance.sender import unique

SCRIPT = Path(__file__).resolve().parent / "node" / "sign_in.mjs"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


@pytest.fixture(scope="module")
def person(azure):
    return Person(azure)


class Node:
    """A run of the script, spoken to line by line."""

    def __init__(self, azure, mode, **settings):
        known = {"authority": azure.authority, "tenant": azure.tenant, **settings}
        self.running = subprocess.Popen(
            ["node", str(SCRIPT), mode, json.dumps(known)],
            env={**os.environ, "NODE_EXTRA_CA_CERTS": azure.ca_file, "NO_PROXY": "localhost"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def said(self):
        """The next line."""
        line = self.running.stdout.readline()
        assert line, self.running.communicate(timeout=60)[1]
        return json.loads(line)

    def tell(self, line):
        """Answers."""
        self.running.stdin.write(f"{line}\n")
        self.running.stdin.flush()


def works_at_arm(azure, token):
    reply = azure.session.get(
        f"{azure.arm}/subscriptions?api-version=2022-12-01", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert reply.status_code == 200, reply.text
    return True


@pytest.mark.parametrize("mode", ["secret", "identity"])
def test_client_secret(server, azure, mode):
    automation = server.bootstrap["automation"]
    node = Node(
        azure,
        mode,
        clientId=automation["clientId"],
        clientSecret=automation["clientSecret"],
        scopes=[f"{azure.arm}/.default"],
    )
    assert works_at_arm(azure, node.said()["accessToken"])


def test_device_code(server, azure, person):
    node = Node(azure, "device", clientId=AZURE_CLI, scopes=[f"{azure.arm}/.default"])
    asked = node.said()
    Browser(azure.ca_file).enter_code(asked["page"], asked["code"], person.login, person.password)
    result = node.said()
    assert works_at_arm(azure, result["accessToken"])
    assert (result["username"], result["renewed"]) == (person.login, True)


def test_authorization_code_with_pkce(server, azure, person):
    redirect = "http://localhost:51999"
    node = Node(azure, "code", clientId=AZURE_CLI, scopes=[f"{azure.arm}/.default"], redirectUri=redirect)
    browser = Browser(azure.ca_file)
    browser.get(node.said()["url"])
    node.tell(browser.sign_in(person.login, person.password).headers["location"])
    result = node.said()
    assert result["username"] == person.login and works_at_arm(azure, result["accessToken"])


def test_an_openid_relying_party(server, azure, person):
    redirect = "https://shop.example/back"
    made = azure.graph_call(
        "POST", "/applications", 201, {"displayName": unique("shop"), "web": {"redirectUris": [redirect]}}
    )
    azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    added = azure.graph_call("POST", f"/applications/{made['id']}/addPassword", 200, {"passwordCredential": {}})
    node = Node(
        azure, "openid", clientId=made["appId"], clientSecret=added["secretText"], redirectUri=redirect
    )
    browser = Browser(azure.ca_file)
    browser.get(node.said()["url"])
    node.tell(browser.sign_in(person.login, person.password).headers["location"])
    result = node.said()
    assert (result["username"], result["renewed"]) == (person.login, True)
