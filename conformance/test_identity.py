"""Tokens with azure-identity, the errors of the client-credentials grant, and applications by Microsoft Graph."""

import base64
import datetime
import json

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from gatepost_conformance.azure import Azure
from gatepost_conformance.sender import unique

NOBODY = "11111111-2222-3333-4444-555555555555"


def claims_of(token):
    """The payload of a JWT, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def token_reply(azure, **fields):
    """The token endpoint's reply to the automation principal's request with these fields changed."""
    form = {
        "grant_type": "client_credentials",
        "scope": f"{azure.arm}/.default",
        **fields,
    }
    tenant = form.pop("tenant", azure.tenant)
    return azure.session.post(f"{azure.authority}/{tenant}/oauth2/v2.0/token", data=form, timeout=30)


@pytest.fixture
def application(azure):
    """An application with its service principal and a secret: ids and secret."""
    made = azure.graph_call("POST", "/applications", 201, {"displayName": unique("app")})
    principal = azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    added = azure.graph_call(
        "POST", f"/applications/{made['id']}/addPassword", 200, {"passwordCredential": {"displayName": "one"}}
    )
    return {"id": made["id"], "appId": made["appId"], "principal": principal["id"], "secret": added["secretText"]}


@pytest.mark.parametrize("path", ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"])
def test_discovery_names_keys_that_sign_the_tokens(server, azure, path):
    document = azure.session.get(f"{azure.authority}/{azure.tenant}/{path}", timeout=30).json()
    for member in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert document[member].startswith(azure.authority), member
    keys = azure.session.get(document["jwks_uri"], timeout=30).json()["keys"]
    header = json.loads(base64.urlsafe_b64decode(azure.token(f"{azure.arm}/.default").split(".")[0] + "=="))
    assert header["kid"] in {key["kid"] for key in keys}


def test_unknown_tenant_has_no_discovery_document(server, azure):
    reply = azure.session.get(f"{azure.authority}/{NOBODY}/v2.0/.well-known/openid-configuration", timeout=30)
    assert reply.status_code == 400
    assert reply.json()["error"] == "invalid_tenant"
    assert 90002 in reply.json()["error_codes"]


@pytest.mark.parametrize(
    "scope",
    [
        "{arm}/.default",
        "{arm}//.default",
        "https://management.azure.com/.default",
        "https://management.core.windows.net//.default",
        "{graph}/.default",
        "https://communication.azure.com/.default",
        "https://communication.azure.com//.default",
    ],
)
def test_each_spelling_of_an_audience_gets_a_token(server, azure, scope):
    wanted = scope.format(arm=azure.arm, graph=azure.graph)
    claims = claims_of(azure.token(wanted))
    assert claims["aud"].rstrip("/") == wanted.removesuffix("/.default").rstrip("/")
    assert claims["tid"] == azure.tenant
    assert claims["oid"] == claims["sub"] == azure_principal(server)
    assert claims["exp"] > claims["iat"]


def azure_principal(server):
    """The automation principal's object id."""
    return server.bootstrap["automation"]["objectId"]


def test_keys_and_tokens_survive_a_restart(own_server):
    own_server.start()
    before = Azure(own_server)
    token = before.token("https://management.azure.com/.default")
    assert own_server.stop() == 0
    own_server.start()
    after = Azure(own_server)
    reply = after.session.get(
        f"{after.arm}/subscriptions?api-version=2022-12-01",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    keys = after.session.get(f"{after.authority}/{after.tenant}/discovery/v2.0/keys", timeout=30).json()["keys"]
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["kid"] in {key["kid"] for key in keys}
    # Ports are new here, and the issuer names one: a server with fixed ports answers 200.
    assert reply.status_code in (200, 401)
    own_server.stop_and_check()


@pytest.mark.parametrize(
    ("fields", "status", "error", "code"),
    [
        ({"client_id": NOBODY, "client_secret": "x"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"tenant": NOBODY}, 400, "invalid_request", 90002),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "no_such_grant"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://nowhere.example/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "https://management.azure.com/user_impersonation"}, 400, "invalid_scope", 1002012),
    ],
)
def test_token_errors(server, azure, fields, status, error, code):
    known = server.bootstrap["automation"]
    form = {"client_id": known["clientId"], "client_secret": known["clientSecret"], **fields}
    reply = token_reply(azure, **form)
    body = reply.json()
    assert (reply.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= body.keys()


def test_expired_secret_and_disabled_principal(server, azure, application):
    now = datetime.datetime.now(datetime.UTC)
    expired = azure.graph_call(
        "POST",
        f"/applications/{application['id']}/addPassword",
        200,
        {
            "passwordCredential": {
                "startDateTime": (now - datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "endDateTime": (now - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        },
    )["secretText"]
    reply = token_reply(azure, client_id=application["appId"], client_secret=expired)
    assert (reply.status_code, reply.json()["error_codes"]) == (401, [7000222])

    form = {"client_id": application["appId"], "client_secret": application["secret"]}
    assert token_reply(azure, **form).status_code == 200
    path = f"/servicePrincipals/{application['principal']}"
    azure.graph_call("PATCH", path, 204, {"accountEnabled": False})
    reply = token_reply(azure, **form)
    assert (reply.status_code, reply.json()["error_codes"]) == (400, [7000112])
    azure.graph_call("PATCH", path, 204, {"accountEnabled": True})
    assert token_reply(azure, **form).status_code == 200


def test_wrong_secret_through_azure_identity(server, azure):
    credential = ClientSecretCredential(
        azure.tenant,
        server.bootstrap["automation"]["clientId"],
        "not the secret",
        authority=azure.authority,
        disable_instance_discovery=True,
        connection_verify=azure.ca_file,
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(f"{azure.arm}/.default")


def test_secret_of_the_service_principal_signs_in_too(server, azure, application):
    path = f"/servicePrincipals/{application['principal']}"
    added = azure.graph_call("POST", f"{path}/addPassword", 200, {"passwordCredential": {}})
    form = {"client_id": application["appId"], "client_secret": added["secretText"]}
    assert token_reply(azure, **form).status_code == 200
    azure.graph_call("POST", f"{path}/removePassword", 204, {"keyId": added["keyId"]})
    assert token_reply(azure, **form).json()["error_codes"] == [7000215]


def test_application_life(server, azure):
    name = unique("o'hara")
    made = azure.graph_call("POST", "/applications", 201, {"displayName": name})
    for member in ("identifierUris", "passwordCredentials", "keyCredentials", "requiredResourceAccess"):
        assert made[member] == [], member
    assert made["@odata.context"] == f"{azure.graph}/v1.0/$metadata#applications/$entity"
    by_id = azure.graph_call("GET", f"/applications/{made['id']}", 200)
    by_app_id = azure.graph_call("GET", f"/applications(appId='{made['appId']}')", 200)
    assert by_id["id"] == by_app_id["id"] == made["id"]
    quoted = name.replace("'", "''")
    for text in (f"appId eq '{made['appId']}'", f"displayName eq '{quoted}'", f"startswith(displayName,'{quoted}')"):
        found = azure.graph_call("GET", "/applications", 200, params={"$filter": text})["value"]
        assert [each["id"] for each in found] == [made["id"]], text
    azure.graph_call("PATCH", f"/applications/{made['id']}", 204, {"displayName": "renamed"})
    assert azure.graph_call("GET", f"/applications/{made['id']}", 200)["displayName"] == "renamed"

    principal = azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    again = azure.call("POST", f"{azure.graph}/v1.0/servicePrincipals", json={"appId": made["appId"]})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "Request_MultipleObjectsWithSameKeyValue")
    text = f"servicePrincipalNames/any(c:c eq '{made['appId']}')"
    found = azure.graph_call("GET", "/servicePrincipals", 200, params={"$filter": text})["value"]
    assert [each["id"] for each in found] == [principal["id"]]

    azure.graph_call("DELETE", f"/applications/{made['id']}", 204)
    for path in (f"/applications/{made['id']}", f"/servicePrincipals/{principal['id']}"):
        error = azure.graph_call("GET", path, 404)["error"]
        assert error["code"] == "Request_ResourceNotFound"


def test_secret_text_is_shown_once(server, azure, application):
    shown = azure.graph_call("GET", f"/applications/{application['id']}", 200)["passwordCredentials"]
    assert [credential.get("secretText") for credential in shown] == [None]
    assert shown[0]["hint"] == application["secret"][:3]
    assert len(application["secret"]) == 40


def test_graph_lists_page_with_absolute_links(server, azure):
    made = {azure.graph_call("POST", "/applications", 201, {"displayName": unique("page")})["id"] for _ in range(5)}
    url, seen = f"{azure.graph}/v1.0/applications?$top=2", set()
    while url:
        page = azure.call("GET", url).json()
        assert len(page["value"]) <= 2
        seen |= {each["id"] for each in page["value"]}
        url = page.get("@odata.nextLink")
    assert made <= seen


def test_graph_refuses_strangers(server, azure, application):
    assert requests.get(f"{azure.graph}/v1.0/applications", verify=azure.ca_file, timeout=30).status_code == 401
    wrong_audience = azure.session.get(
        f"{azure.graph}/v1.0/applications",
        headers={"Authorization": f"Bearer {azure.token(f'{azure.arm}/.default')}"},
        timeout=30,
    )
    assert wrong_audience.status_code == 401
    assert wrong_audience.json()["error"]["code"] == "InvalidAuthenticationToken"
    stranger = Azure(server, application["appId"], application["secret"])
    error = stranger.graph_call("POST", "/applications", 403, {"displayName": "x"})["error"]
    assert error["code"] == "Authorization_RequestDenied"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/applications/" + NOBODY, None, 404, "Request_ResourceNotFound"),
        ("GET", "/noSuchSegment", None, 400, "BadRequest"),
        ("GET", "/applications?$filter=displayName zz 'x'", None, 400, None),
        ("POST", "/servicePrincipals", {"appId": NOBODY}, 400, "Request_BadRequest"),
        ("POST", "/applications", {}, 400, "Request_BadRequest"),
    ],
)
def test_graph_errors(server, azure, method, path, body, status, code):
    error = azure.graph_call(method, path, status, body)["error"]
    assert error["message"]
    assert {"date", "request-id", "client-request-id"} <= error["innerError"].keys()
    if code is not None:
        assert error["code"] == code


def test_a_body_of_ten_megabytes_is_refused_and_others_are_served(server, azure):
    url = f"{azure.authority}/{azure.tenant}/oauth2/v2.0/token"
    reply = azure.session.post(url, data={"grant_type": "client_credentials", "scope": "x" * 10_000_000}, timeout=60)
    assert reply.status_code == 413
    assert reply.json()["error"] == "invalid_request"
    page = f"{azure.authority}/{azure.tenant}/oauth2/v2.0/authorize"
    assert azure.session.post(page, data={"step": "x" * 10_000_000}, timeout=60).status_code == 413
    assert token_reply(azure, client_id=NOBODY, client_secret="x").status_code == 400
