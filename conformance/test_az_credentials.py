"""The Azure CLI, unmodified, with certificates, outside tokens and managed identities in place of secrets."""

import json

import pytest

from gatepost_conformance.az import Az
from gatepost_conformance.azure import Azure
from gatepost_conformance.issuer import AUDIENCE, Issuer
from gatepost_conformance.secretless import add_certificate, flags, make_application
from gatepost_conformance.sender import unique
from gatepost_conformance.server import Server


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory, issuer):
    server = Server(tmp_path_factory.mktemp("trusting") / "data", *flags(issuer))
    server.start()
    yield server
    server.stop_and_check()


@pytest.fixture(scope="module")
def admin(trusting):
    return Azure(trusting)


@pytest.fixture(scope="module")
def az(trusting, tmp_path_factory):
    """The command line of the administrator."""
    return Az(trusting, tmp_path_factory.mktemp("az"))


@pytest.fixture
def other(trusting, tmp_path):
    """Another command line, to sign in with something else."""
    return Az(trusting, tmp_path / "other")


def login(az, admin, app_id, *words):
    return az(
        "login", "--service-principal", "--tenant", admin.tenant, "--username", app_id,
        "--allow-no-subscriptions", *words,
    )


def test_login_with_a_certificate(admin, other, tmp_path):
    application = make_application(admin)
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(add_certificate(admin, application["id"]))
    known = login(other, admin, application["app_id"], "--certificate", pem)
    assert known[0]["user"]["name"] == application["app_id"]


def test_login_with_a_federated_token(admin, az, other, issuer):
    application = make_application(admin)
    subject = unique("repo:contoso/mailer")
    parameters = {"name": unique("ci"), "issuer": issuer.url, "subject": subject, "audiences": [AUDIENCE]}
    made = az(
        "ad", "app", "federated-credential", "create", "--id", application["app_id"],
        "--parameters", json.dumps(parameters),
    )
    assert (made["issuer"], made["subject"], made["audiences"]) == (issuer.url, subject, [AUDIENCE])
    listed = az("ad", "app", "federated-credential", "list", "--id", application["app_id"])
    assert [each["id"] for each in listed] == [made["id"]]
    known = login(other, admin, application["app_id"], "--federated-token", issuer.token(subject))
    assert known[0]["user"]["name"] == application["app_id"]

    changed = {**parameters, "subject": unique("repo:contoso/other")}
    az(
        "ad", "app", "federated-credential", "update", "--id", application["app_id"],
        "--federated-credential-id", made["id"], "--parameters", json.dumps(changed),
    )
    shown = az(
        "ad", "app", "federated-credential", "show", "--id", application["app_id"],
        "--federated-credential-id", made["name"],
    )
    assert shown["subject"] == changed["subject"]
    # az would go on with the token that it has.
    other("account", "clear")
    refused = other.refused(
        "login", "--service-principal", "--tenant", admin.tenant, "--username", application["app_id"],
        "--allow-no-subscriptions", "--federated-token", issuer.token(subject),
    )
    assert "AADSTS700213" in refused
    az(
        "ad", "app", "federated-credential", "delete", "--id", application["app_id"],
        "--federated-credential-id", made["id"],
    )
    assert az("ad", "app", "federated-credential", "list", "--id", application["app_id"]) == []


def test_create_for_rbac_with_a_certificate(admin, az, other):
    made = az(
        "ad", "sp", "create-for-rbac", "--name", unique("rbac"), "--create-cert",
        "--role", "Reader", "--scopes", admin.subscription_scope,
    )
    known = login(other, admin, made["appId"], "--certificate", made["fileWithCertAndPrivateKey"])
    assert admin.subscription in [each["id"] for each in known]
    credentials = az("ad", "app", "credential", "list", "--id", made["appId"], "--cert")
    assert len(credentials) == 1
    az("ad", "app", "credential", "delete", "--id", made["appId"], "--cert", "--key-id", credentials[0]["keyId"])
    assert az("ad", "app", "credential", "list", "--id", made["appId"], "--cert") == []
