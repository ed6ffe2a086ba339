"""Applications that sign in without a client secret: azure-identity, MSAL, and whoever tries what is not theirs."""

import time
import uuid

import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    CredentialUnavailableError,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from gatepost_conformance.azure import Azure
from gatepost_conformance.issuer import Issuer, rsa_key
from gatepost_conformance.secretless import add_certificate, environment, flags, make_application, trust
from gatepost_conformance.sender import unique
from gatepost_conformance.server import Server, free_ports, run_command

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory, issuer):
    """A server that may fetch from the issuer, with the managed-identity endpoint on."""
    server = Server(tmp_path_factory.mktemp("trusting") / "data", *flags(issuer))
    server.start()
    yield server
    server.stop_and_check()


@pytest.fixture(scope="module")
def admin(trusting):
    return Azure(trusting)


@pytest.fixture
def application(admin):
    return make_application(admin)


def settings(admin):
    return {
        "authority": admin.authority,
        "disable_instance_discovery": True,
        "connection_verify": admin.ca_file,
    }


def scope(admin):
    return f"{admin.arm}/.default"


def exchange(admin, app_id, assertion, **changes):
    """The plain token request."""
    form = {
        "grant_type": "client_credentials",
        "client_id": app_id,
        "client_assertion": assertion,
        "client_assertion_type": ASSERTION_TYPE,
        "scope": scope(admin),
        **changes,
    }
    url = f"{admin.authority}/{admin.tenant}/oauth2/v2.0/token"
    return requests.post(url, data=form, verify=admin.ca_file, timeout=30)


def refused(reply):
    body = reply.json()
    assert "access_token" not in body, body
    return reply.status_code, body["error_codes"][0]


def test_certificate_credential(admin, application):
    pem = add_certificate(admin, application["id"])
    credential = CertificateCredential(
        admin.tenant, application["app_id"], certificate_data=pem, **settings(admin)
    )
    assert credential.get_token(scope(admin)).token
    shown = admin.graph_call("GET", f"/applications/{application['id']}", 200)["keyCredentials"]
    assert len(shown) == 1
    assert shown[0]["key"] is None and shown[0]["customKeyIdentifier"]
    admin.graph_call("PATCH", f"/applications/{application['id']}", 204, {"keyCredentials": []})
    fresh = CertificateCredential(
        admin.tenant, application["app_id"], certificate_data=pem, **settings(admin)
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        fresh.get_token(scope(admin))


def test_certificate_through_msal_with_sha256(admin, application):
    pem = add_certificate(admin, application["id"]).decode()
    with environment(REQUESTS_CA_BUNDLE=admin.ca_file):
        client = msal.ConfidentialClientApplication(
            application["app_id"],
            authority=f"{admin.authority}/{admin.tenant}",
            client_credential={"private_key": pem, "public_certificate": pem},
            instance_discovery=False,
        )
        reply = client.acquire_token_for_client([scope(admin)])
    assert "access_token" in reply, reply


def test_client_assertion_credential(admin, application, issuer):
    subject = unique("repo:contoso/mailer")
    trust(admin, application["id"], issuer, subject)
    credential = ClientAssertionCredential(
        admin.tenant, application["app_id"], lambda: issuer.token(subject), **settings(admin)
    )
    assert credential.get_token(scope(admin)).token


def test_workload_identity_and_default_credential(admin, application, issuer, tmp_path):
    subject = "system:serviceaccount:shop:" + unique("mailer")
    trust(admin, application["id"], issuer, subject)
    token_file = tmp_path / "token"
    token_file.write_text(issuer.token(subject))
    named = {
        "AZURE_AUTHORITY_HOST": admin.authority,
        "AZURE_TENANT_ID": admin.tenant,
        "AZURE_CLIENT_ID": application["app_id"],
        "AZURE_FEDERATED_TOKEN_FILE": token_file,
    }
    with environment(**named):
        extra = {"disable_instance_discovery": True, "connection_verify": admin.ca_file}
        assert WorkloadIdentityCredential(**extra).get_token(scope(admin)).token
        assert DefaultAzureCredential(**extra).get_token(scope(admin)).token


def test_an_outside_token_may_come_twice_and_the_issuer_is_asked_once(admin, application, issuer):
    subject = unique("s")
    trust(admin, application["id"], issuer, subject)
    token = issuer.token(subject)
    assert exchange(admin, application["app_id"], token).status_code == 200
    before = issuer.requests
    for _ in range(20):
        assert exchange(admin, application["app_id"], token).status_code == 200
    assert issuer.requests == before


def test_federated_credentials_say_what_differs(admin, application, issuer):
    app_id, subject = application["app_id"], unique("repo:contoso/mailer")
    assert refused(exchange(admin, app_id, issuer.token(subject)))[1] in (70021, 700211)
    made = trust(admin, application["id"], issuer, subject)
    for token, code in [
        (issuer.token(subject, iss="https://elsewhere.example"), 700211),
        (issuer.token("repo:evil/mailer"), 700213),
        (issuer.token(subject, aud="https://elsewhere.example"), 700212),
        (issuer.token(subject.upper()), 7002138),
        (issuer.token(subject, exp=int(time.time()) - 3600), 700024),
    ]:
        assert refused(exchange(admin, app_id, token)) == (401, code)
    assert exchange(admin, app_id, issuer.token(subject)).status_code == 200
    path = f"/applications/{application['id']}/federatedIdentityCredentials"
    assert [each["id"] for each in admin.graph_call("GET", path, 200)["value"]] == [made["id"]]
    admin.graph_call("DELETE", f"{path}/{made['name']}", 204)
    assert refused(exchange(admin, app_id, issuer.token(subject))) == (400, 70021)


def test_a_token_that_the_issuer_did_not_sign(admin, application, issuer):
    subject = unique("s")
    trust(admin, application["id"], issuer, subject)
    right, issuer.key = issuer.key, rsa_key()
    try:
        forged = issuer.token(subject)
    finally:
        issuer.key = right
    status, _ = refused(exchange(admin, application["app_id"], forged))
    assert status == 401


def test_an_assertion_is_good_once(admin, application):
    pem = add_certificate(admin, application["id"])
    kept = []

    class Session(requests.Session):
        def post(self, url, **options):
            kept.append((url, options.get("data")))
            return super().post(url, **options)

    session = Session()
    session.trust_env = False
    session.verify = admin.ca_file
    text = pem.decode()
    client = msal.ConfidentialClientApplication(
        application["app_id"],
        authority=f"{admin.authority}/{admin.tenant}",
        client_credential={"private_key": text, "public_certificate": text},
        instance_discovery=False,
        http_client=session,
    )
    assert "access_token" in client.acquire_token_for_client([scope(admin)])
    url, form = kept[-1]
    again = requests.post(url, data=form, verify=admin.ca_file, timeout=30)
    assert refused(again)[0] == 401


def test_managed_identity_and_default_credential(trusting, admin):
    known = trusting.bootstrap["managedIdentity"]
    with environment(AZURE_POD_IDENTITY_AUTHORITY_HOST=known["endpoint"]):
        assert ManagedIdentityCredential().get_token(scope(admin)).token
        assert ManagedIdentityCredential(client_id=known["clientId"]).get_token(scope(admin)).token
        assert DefaultAzureCredential().get_token(scope(admin)).token
        with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
            ManagedIdentityCredential(client_id=str(uuid.uuid4())).get_token(scope(admin))
    shown = admin.graph_call("GET", f"/servicePrincipals/{known['objectId']}", 200)
    assert (shown["servicePrincipalType"], shown["appId"]) == ("ManagedIdentity", known["clientId"])


def test_the_managed_identity_endpoint_is_not_for_others(trusting):
    url = trusting.bootstrap["managedIdentity"]["endpoint"] + "/metadata/identity/oauth2/token"
    query = {"api-version": "2018-02-01", "resource": "https://communication.azure.com"}
    for headers in [
        {},
        {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"},
        {"Metadata": "true", "Host": "rebound.example"},
        {"Metadata": "true", "Origin": "https://evil.example"},
    ]:
        reply = requests.get(url, params=query, headers=headers, timeout=10)
        assert reply.status_code == 400 and "access_token" not in reply.text, headers


def test_the_managed_identity_endpoint_is_off_by_default(server):
    assert "managedIdentity" not in server.bootstrap


def test_credentials_that_end_are_counted(trusting, admin, application):
    def counted():
        text = requests.get(trusting.endpoint("management") + "/metrics", timeout=10).text
        lines = [line for line in text.splitlines() if line.startswith("gatepost_credentials_ending ")]
        return int(lines[0].split()[1])

    before = counted()
    # Good for twenty days, and the warning comes thirty days before.
    add_certificate(admin, application["id"])
    assert counted() == before + 1


def test_a_wrong_certificate_authority_is_said_at_the_start(tmp_path):
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("")
    ran = run_command("up", "--federation-ca", nothing, *free_ports(), data=tmp_path / "data")
    assert ran.returncode == 1
    assert "--federation-ca" in ran.stderr
