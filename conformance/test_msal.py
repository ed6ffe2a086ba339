"""MSAL for Python, unmodified: every way in, with a browser that is plain HTTP."""

import base64
import json
import threading
from urllib.parse import parse_qsl, urlsplit

import msal
import pytest
import requests

from gatepost_conformance.browser import Browser, Person
from gatepost_conformance.sender import unique

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def claims_of(token):
    """The payload of a JWT, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture(scope="module")
def person(azure):
    return Person(azure)


@pytest.fixture
def browser(azure):
    return Browser(azure.ca_file)


def public_client(azure, tenant=None):
    return msal.PublicClientApplication(
        AZURE_CLI,
        authority=f"{azure.authority}/{tenant or azure.tenant}",
        instance_discovery=False,
        http_client=azure.session,
    )


@pytest.fixture
def web_application(azure):
    """An application that is a server: client id, secret, where its users come back to."""
    uri = "https://shop.example/signed-in"
    made = azure.graph_call(
        "POST", "/applications", 201, {"displayName": unique("web"), "web": {"redirectUris": [uri]}}
    )
    azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    added = azure.graph_call("POST", f"/applications/{made['id']}/addPassword", 200, {"passwordCredential": {}})
    return made["appId"], added["secretText"], uri


def works_at_arm(azure, result):
    assert "access_token" in result, result
    reply = azure.session.get(
        f"{azure.arm}/subscriptions?api-version=2022-12-01",
        headers={"Authorization": f"Bearer {result['access_token']}"},
        timeout=30,
    )
    assert reply.status_code == 200, reply.text
    assert azure.subscription in [known["subscriptionId"] for known in reply.json()["value"]]


@pytest.mark.parametrize("tenant", [None, "organizations"])
def test_device_code(server, azure, person, browser, tenant):
    client = public_client(azure, tenant)
    flow = client.initiate_device_flow(scopes=[f"{azure.arm}//.default"])
    assert flow["user_code"] in flow["message"], flow
    browser.enter_code(flow["verification_uri"], flow["user_code"], person.login, person.password)
    result = client.acquire_token_by_device_flow(flow)
    works_at_arm(azure, result)
    assert result["id_token_claims"]["preferred_username"] == person.login
    account, = client.get_accounts()
    assert account["home_account_id"] == f"{person.object_id}.{azure.tenant}"
    # From the cache, and by its refresh token for another resource.
    silent = client.acquire_token_silent([f"{azure.arm}//.default"], account)
    assert silent["access_token"] == result["access_token"]
    graph = client.acquire_token_silent([f"{azure.graph}/.default"], account)
    reply = azure.session.get(
        f"{azure.graph}/v1.0/me", headers={"Authorization": f"Bearer {graph['access_token']}"}, timeout=30
    )
    assert reply.status_code == 200 and reply.json()["userPrincipalName"] == person.login, reply.text


def test_device_code_that_the_user_refuses(server, azure, person, browser):
    client = public_client(azure)
    flow = client.initiate_device_flow(scopes=[f"{azure.arm}/.default"])
    browser.get(f"{flow['verification_uri']}?user_code={flow['user_code']}")
    browser.sign_in(person.login, person.password)
    browser.submit("cancel")
    result = client.acquire_token_by_device_flow(flow)
    assert result["error"] == "authorization_declined"


def test_the_page_that_posts_the_code(server, azure, person, browser):
    client = public_client(azure, "organizations")
    flow = client.initiate_auth_code_flow(
        [f"{azure.arm}//.default"], redirect_uri="http://localhost:51234", response_mode="form_post"
    )
    browser.get(flow["auth_uri"])
    browser.sign_in(person.login, person.password)
    (action, fields), = browser.forms()
    assert action == "http://localhost:51234"
    assert "/assets/post.js" in browser.page.text
    works_at_arm(azure, client.acquire_token_by_auth_code_flow(flow, fields))


def test_interactive_with_msals_own_listener(server, azure, person, browser, monkeypatch):
    client = public_client(azure, "organizations")

    def sign_in(url):
        browser.get(url)
        browser.sign_in(person.login, person.password)
        # MSAL's listener is plain HTTP on loopback.
        browser.post_answer()

    def open_browser(url, **_):
        threading.Thread(target=sign_in, args=(url,), daemon=True).start()
        return True

    monkeypatch.setattr("msal.oauth2cli.authcode._browse", open_browser)
    result = client.acquire_token_interactive([f"{azure.arm}//.default"], timeout=60)
    works_at_arm(azure, result)


def test_the_code_is_good_once(server, azure, person, browser):
    client = public_client(azure)
    flow = client.initiate_auth_code_flow([f"{azure.arm}/.default"], redirect_uri="http://localhost:8400")
    browser.get(flow["auth_uri"])
    answer = browser.sign_in(person.login, person.password)
    code = query_of(answer.headers["location"])
    first = client.acquire_token_by_auth_code_flow(dict(flow), code)
    assert "access_token" in first, first
    again = public_client(azure).acquire_token_by_auth_code_flow(dict(flow), code)
    assert again["error"] == "invalid_grant" and 54005 in again["error_codes"]
    refused = azure.session.get(
        f"{azure.arm}/subscriptions?api-version=2022-12-01",
        headers={"Authorization": f"Bearer {first['access_token']}"},
        timeout=30,
    )
    assert refused.status_code == 401


def query_of(location):
    return dict(parse_qsl(urlsplit(location).query))


class AtItsPort(requests.adapters.HTTPAdapter):
    """MSAL asks for a user's realm at port 443 of the host, whatever the authority's port: this goes to the right one."""

    def __init__(self, authority):
        super().__init__()
        self.authority = authority

    def send(self, request, **options):
        request.url = self.authority + urlsplit(request.url).path
        return super().send(request, **options)


def test_user_name_and_password(server, azure, person):
    azure.session.mount("https://localhost/common/userrealm/", AtItsPort(azure.authority))
    client = public_client(azure)
    result = client.acquire_token_by_username_password(person.login, person.password, [f"{azure.arm}/.default"])
    works_at_arm(azure, result)
    wrong = public_client(azure).acquire_token_by_username_password(
        person.login, "wrong", [f"{azure.arm}/.default"]
    )
    assert wrong["error"] == "invalid_grant" and 50126 in wrong["error_codes"]


def test_a_server_signs_a_user_in(server, azure, person, browser, web_application):
    app_id, secret, uri = web_application
    client = msal.ConfidentialClientApplication(
        app_id,
        client_credential=secret,
        authority=f"{azure.authority}/{azure.tenant}",
        instance_discovery=False,
        http_client=azure.session,
    )
    flow = client.initiate_auth_code_flow(["User.Read"], redirect_uri=uri)
    browser.get(flow["auth_uri"])
    answer = browser.sign_in(person.login, person.password)
    result = client.acquire_token_by_auth_code_flow(flow, query_of(answer.headers["location"]))
    assert "access_token" in result, result
    assert result["id_token_claims"]["oid"] == person.object_id
    assert claims_of(result["access_token"])["appidacr"] == "1"
    account, = client.get_accounts()
    renewed = client.acquire_token_silent_with_error(["User.Read"], account, force_refresh=True)
    assert renewed["access_token"] != result["access_token"]
    # The client's own token, beside those of its users.
    own = client.acquire_token_for_client([f"{azure.graph}/.default"])
    assert claims_of(own["access_token"])["idtyp"] == "app"
