"""Bad input by HTTP: the documented error, never a 500, never a partial write."""

import http.client
import json
import socket
import ssl
import uuid

import pytest

from gatepost_conformance.sender import unique
from gatepost_conformance.server import host_and_port

COMMUNICATION = "2026-03-18"
GROUPS = "2025-04-01"
ROLES = "2022-04-01"
ORIGINS = ("authority", "resourceManager", "graph")
BIG = 100 * 1024 * 1024
MEMORY_ALLOWED_KIB = 96 * 1024


@pytest.fixture(autouse=True)
def stays_healthy(server, azure):
    """After each test: alive, ready, no memory taken, and ARM still answers."""
    before = server.status("VmHWM")
    yield
    assert server.status("VmHWM") - before < MEMORY_ALLOWED_KIB
    management = server.endpoint("management")
    for path in ("/healthz", "/readyz"):
        assert azure.session.get(management + path, timeout=10).status_code == 200
    assert azure.call("GET", f"/subscriptions?api-version=2022-12-01").status_code == 200


def connection_to(server, origin):
    """A connection that sends whatever it is told."""
    host, port = host_and_port(server.endpoint(origin))
    context = ssl.create_default_context(cafile=server.ca_file)
    return http.client.HTTPSConnection(host, port, timeout=60, context=context)


def token_for(azure, origin):
    scope = azure.graph if origin == "graph" else azure.arm
    return {"Authorization": f"Bearer {azure.token(f'{scope}/.default')}"}


def assert_refused(status, body, allowed=(400, 404)):
    assert status in allowed, (status, body)
    error = json.loads(body)["error"]
    assert error if isinstance(error, str) else error["code"] and error["message"]


MALFORMED_JSON = [
    b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b'{"a":}', b'{"location":"x",}', b"{} {}",
    b"[" * 100_000, b'{"a":' * 50_000, b'{"location":"\\ud800"}', b'{"location":1e999}', b"\0",
]


@pytest.mark.parametrize("body", MALFORMED_JSON, ids=lambda body: repr(body[:12]))
def test_malformed_json(server, azure, body):
    name = unique("rg")
    targets = [
        ("PUT", f"/subscriptions/{azure.subscription}/resourceGroups/{name}?api-version={GROUPS}"),
        ("POST", f"{azure.graph}/v1.0/applications"),
        (
            "PUT",
            f"/subscriptions/{azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
            f"?api-version={ROLES}",
        ),
    ]
    for method, url in targets:
        reply = azure.call(method, url, data=body, headers={"Content-Type": "application/json"})
        assert_refused(reply.status_code, reply.text, (400,))
    path = f"/subscriptions/{azure.subscription}/resourceGroups/{name}?api-version={GROUPS}"
    assert azure.call("GET", path).status_code == 404, "nothing was written"


@pytest.mark.parametrize(
    "body",
    [
        {"location": 7},
        {"location": ["x"]},
        {"location": "westeurope", "tags": []},
        {"location": "westeurope", "tags": {"a": 1}},
        {"location": None},
        {"tags": {}},
    ],
    ids=json.dumps,
)
def test_wrong_types_in_a_resource_group(server, azure, body):
    path = f"/subscriptions/{azure.subscription}/resourceGroups/{unique('rg')}?api-version={GROUPS}"
    reply = azure.call("PUT", path, json=body)
    assert_refused(reply.status_code, reply.text, (400,))
    assert azure.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    "properties",
    [
        None,
        [],
        {"roleName": 7, "permissions": [], "assignableScopes": []},
        {"roleName": "x", "permissions": {}, "assignableScopes": "x"},
        {"roleName": "x", "permissions": [{"actions": "x"}], "assignableScopes": ["/subscriptions/x"]},
        {"roleName": "x", "permissions": [{"actions": ["*"]}], "assignableScopes": ["nonsense"]},
    ],
    ids=json.dumps,
)
def test_wrong_types_in_a_role_definition(server, azure, properties):
    path = (
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
        f"?api-version={ROLES}"
    )
    reply = azure.call("PUT", path, json={"properties": properties})
    assert_refused(reply.status_code, reply.text, (400,))
    assert azure.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    "properties",
    [
        None,
        {},
        {"roleDefinitionId": 7, "principalId": 8},
        {"roleDefinitionId": "nonsense", "principalId": "nonsense"},
        {"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/nonsense", "principalId": "x"},
    ],
    ids=json.dumps,
)
def test_wrong_types_in_a_role_assignment(server, azure, properties):
    path = (
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        f"?api-version={ROLES}"
    )
    reply = azure.call("PUT", path, json={"properties": properties})
    assert_refused(reply.status_code, reply.text, (400,))
    assert azure.call("GET", path).status_code == 404


@pytest.mark.parametrize("version", ["1999-01-01", "x", "", "2026-03-18'--", "%00", "9" * 5000])
def test_unknown_api_version(server, azure, shared_sender, version):
    reply = azure.call("GET", f"{shared_sender.service_id}?api-version={version}")
    assert_refused(reply.status_code, reply.text, (400, 414, 431))


def test_ids_of_other_tenants_and_subscriptions(server, azure, shared_sender):
    other = str(uuid.uuid4())
    strange = shared_sender.service_id.replace(azure.subscription, other)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        reply = azure.call(method, f"{strange}?api-version={COMMUNICATION}", json={"location": "global"})
        assert_refused(reply.status_code, reply.text, (403, 404))
    properties = {"username": unique("mailer"), "entraApplicationId": shared_sender.app_id, "tenantId": other}
    name = unique("user")
    path = f"{shared_sender.service_id}/smtpUsernames/{name}?api-version={COMMUNICATION}"
    reply = azure.call("PUT", path, json={"properties": properties})
    assert reply.status_code < 500
    foreign_domain = shared_sender.domain_id.replace(azure.subscription, other)
    reply = azure.call(
        "PATCH",
        f"{shared_sender.service_id}?api-version={COMMUNICATION}",
        json={"properties": {"linkedDomains": [foreign_domain]}},
    )
    assert_refused(reply.status_code, reply.text, (400, 403, 404))
    assert azure.session.get(f"{azure.authority}/{other}/v2.0/.well-known/openid-configuration").status_code == 400


PATHS = [
    "/subscriptions/%2e%2e/%2e%2e/etc/passwd",
    "/subscriptions/../subscriptions",
    "//subscriptions//",
    "/SUBSCRIPTIONS",
    "/%00",
    "/%ff%fe",
    "/%",
    "/%zz",
    "/subscriptions/{S}/resourceGroups/%2e%2e",
    "/subscriptions/{S}/resourceGroups/a%2Fb",
    "/subscriptions/{S}/resourceGroups/..%2f..%2f",
    "/subscriptions/{S}/resourceGroups/a%5cb",
    "/subscriptions/{S}/providers/Microsoft.Communication/communicationServices/../../x",
    "/subscriptions/{S}/providers/",
    "/subscriptions/{S}/providers/Microsoft.Authorization/roleDefinitions/not-a-guid",
    "/subscriptions/not-a-guid/resourceGroups/x",
    "/" + "a/" * 2000,
    "/" + "a" * 20_000,
    "/v1.0/applications/%2e%2e/users",
    "/v1.0/applications('x",
    "/v1.0/applications(appId='')",
    "/v1.0/applications?$filter=%27",
    "/v1.0/applications?$filter=" + "(" * 3000,
    "/v1.0/applications?$top=-1",
    "/v1.0/applications?$top=99999999999999999999",
    "/v1.0/applications?$skiptoken=zzz",
    "*",
    "http://elsewhere.example/subscriptions",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_path_tricks(server, azure, origin):
    for path in PATHS:
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            connection = connection_to(server, origin)
            target = path.replace("{S}", azure.subscription)
            separator = "&" if "?" in target else "?"
            target = target if path == "*" else f"{target}{separator}api-version={GROUPS}"
            connection.putrequest(method, target, skip_host=False)
            for name, value in token_for(azure, origin).items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", "2")
            connection.endheaders(b"{}")
            try:
                reply = connection.getresponse()
                status, body = reply.status, reply.read()
            except http.client.RemoteDisconnected:
                continue
            finally:
                connection.close()
            assert status < 500 or status in (501, 505), (origin, method, path, status, body)
            assert b"root:" not in body


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_body_of_100_mebibytes(server, azure, origin, chunked):
    path = {
        "authority": f"/{azure.tenant}/oauth2/v2.0/token",
        "resourceManager": f"/subscriptions/{azure.subscription}/resourceGroups/{unique('rg')}?api-version={GROUPS}",
        "graph": "/v1.0/applications",
    }[origin]
    method = "PUT" if origin == "resourceManager" else "POST"
    connection = connection_to(server, origin)
    connection.putrequest(method, path)
    for name, value in token_for(azure, origin).items():
        connection.putheader(name, value)
    connection.putheader("Content-Type", "application/json")
    connection.putheader(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(BIG))))
    connection.endheaders()
    block = b" " * 1024 * 1024
    try:
        for _ in range(BIG // len(block)):
            connection.send(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        if chunked:
            connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        pass  # refused before the end: its reply may be readable still
    try:
        status = connection.getresponse().status
    except (ConnectionError, ssl.SSLError, http.client.HTTPException):
        return
    finally:
        connection.close()
    assert status in (400, 413), status


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"G\0T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 5000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"\x16\x03\x01" * 100,
    ],
    ids=lambda value: repr(value[:20]),
)
def test_malformed_http(server, origin, request_bytes):
    host, port = host_and_port(server.endpoint(origin))
    context = ssl.create_default_context(cafile=server.ca_file)
    with context.wrap_socket(socket.create_connection((host, port), 30), server_hostname=host) as wire:
        try:
            wire.sendall(request_bytes)
            wire.settimeout(1)
            answer = wire.recv(4096)
        except (ConnectionError, ssl.SSLError):
            return
        except TimeoutError:
            return  # it waits for the rest of the request, as it may
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert status < 500 or status in (501, 505), answer


def test_plain_http_on_a_tls_port(server):
    host, port = host_and_port(server.endpoint("resourceManager"))
    with socket.create_connection((host, port), 30) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert b"HTTP/1.1 200" not in wire.recv(4096)
        except ConnectionError:
            pass


@pytest.mark.parametrize(
    "form",
    [b"", b"%", b"grant_type", b"=&=&=", b"grant_type=%ff", b"a=" + b"b" * 200_000, b"\0", b"grant_type=client_credentials" * 3],
    ids=lambda form: repr(form[:16]),
)
def test_malformed_token_request(server, azure, form):
    reply = azure.session.post(
        f"{azure.authority}/{azure.tenant}/oauth2/v2.0/token",
        data=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=30,
    )
    assert reply.status_code in (400, 401, 413), reply.text
    if reply.status_code != 413:
        assert reply.json()["error_description"].startswith("AADSTS")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a.b.c", "Bearer " + "x" * 8000, "Bearer ..", "bearer é"])
def test_malformed_bearer(server, azure, header):
    for url in (f"{azure.arm}/subscriptions?api-version=2022-12-01", f"{azure.graph}/v1.0/applications"):
        reply = azure.session.get(url, headers={"Authorization": header.encode()}, timeout=30)
        assert reply.status_code in (400, 401, 431), reply.text


def test_token_with_alg_none_or_changed_claims(server, azure):
    head, payload, signature = azure.token(f"{azure.arm}/.default").split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for forged in (f"{none}.{payload}.", f"{none}.{payload}.{signature}", f"{head}.{payload[:-4]}AAAA.{signature}"):
        reply = azure.session.get(
            f"{azure.arm}/subscriptions?api-version=2022-12-01",
            headers={"Authorization": f"Bearer {forged}"},
            timeout=30,
        )
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
