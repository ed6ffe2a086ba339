"""Mail from applications that store no secret: the token comes of a certificate, an outside token, or nothing."""

import pytest
from azure.identity import CertificateCredential, ClientAssertionCredential, ManagedIdentityCredential

from gatepost_conformance.azure import Azure
from gatepost_conformance.clients import Submission, smtplib_submit
from gatepost_conformance.issuer import Issuer
from gatepost_conformance.mailbox import Mailbox
from gatepost_conformance.secretless import add_certificate, environment, flags, trust
from gatepost_conformance.sender import Sender, unique
from gatepost_conformance.server import Server

AUDIENCE = "https://communication.azure.com/.default"
REFUSED = "535 "


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


@pytest.fixture
def sender(admin):
    """A complete chain whose application has no client secret."""
    sender = Sender(admin)
    sender.remove_secret(sender.secret_key_id)
    return sender


def settings(admin):
    return {
        "authority": admin.authority,
        "disable_instance_discovery": True,
        "connection_verify": admin.ca_file,
    }


def send(trusting, sender, credential, mechanism):
    """Submits one message with a token of the credential."""
    message = Submission(
        username=sender.username,
        password="",
        sender=sender.address,
        subject=unique("secretless"),
        token=credential.get_token(AUDIENCE).token,
    )
    return message, smtplib_submit(trusting, message, mechanism)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_certificate(trusting, admin, sender, mechanism):
    pem = add_certificate(admin, sender.application_id)
    credential = CertificateCredential(admin.tenant, sender.app_id, certificate_data=pem, **settings(admin))
    message, outcome = send(trusting, sender, credential, mechanism)
    assert outcome.ok, outcome.reply
    Mailbox(trusting.mailbox).wait_for(message.subject)


@pytest.mark.parametrize(
    ("mechanism", "subject"),
    [
        ("XOAUTH2", "repo:contoso/mailer:ref:refs/heads/main"),
        ("OAUTHBEARER", "system:serviceaccount:shop:mailer"),
    ],
    ids=["github", "kubernetes"],
)
def test_federated_credential(trusting, admin, sender, issuer, mechanism, subject):
    trust(admin, sender.application_id, issuer, subject)
    credential = ClientAssertionCredential(
        admin.tenant, sender.app_id, lambda: issuer.token(subject), **settings(admin)
    )
    message, outcome = send(trusting, sender, credential, mechanism)
    assert outcome.ok, outcome.reply
    Mailbox(trusting.mailbox).wait_for(message.subject)


def test_managed_identity(trusting, sender):
    known = trusting.bootstrap["managedIdentity"]
    sender.app_id, sender.principal_id = known["clientId"], known["objectId"]
    sender.username, sender.username_resource = unique("machine"), unique("user")
    sender.put_username()
    with environment(AZURE_POD_IDENTITY_AUTHORITY_HOST=known["endpoint"]):
        credential = ManagedIdentityCredential()
        message, outcome = send(trusting, sender, credential, "XOAUTH2")
        assert not outcome.ok and outcome.reply.startswith(REFUSED), "no role was assigned to it"
        sender.assign_role()
        message, outcome = send(trusting, sender, credential, "XOAUTH2")
    assert outcome.ok, outcome.reply
    Mailbox(trusting.mailbox).wait_for(message.subject)


def test_a_removed_credential_stops_its_tokens(trusting, admin, sender, issuer):
    subject = unique("repo:contoso/mailer")
    made = trust(admin, sender.application_id, issuer, subject)
    credential = ClientAssertionCredential(
        admin.tenant, sender.app_id, lambda: issuer.token(subject), **settings(admin)
    )
    _, outcome = send(trusting, sender, credential, "XOAUTH2")
    assert outcome.ok, outcome.reply
    path = f"/applications/{sender.application_id}/federatedIdentityCredentials/{made['id']}"
    admin.graph_call("DELETE", path, 204)
    # The token is cached by the client and has most of an hour left.
    _, outcome = send(trusting, sender, credential, "XOAUTH2")
    assert not outcome.ok and outcome.reply.startswith(REFUSED), outcome.reply
