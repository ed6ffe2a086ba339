"""A server that trusts a test's issuer and gives out managed identities, and what signs in to it without a secret."""

import base64
import os
from contextlib import contextmanager

from cryptography.hazmat.primitives import serialization

from gatepost_conformance.issuer import AUDIENCE, certificate_of, pem_of, rsa_key
from gatepost_conformance.sender import unique


def flags(issuer):
    """What `gatepost up` is told for it."""
    return [
        "--federation-host",
        f"localhost:{issuer.port}",
        "--federation-ca",
        str(issuer.ca_file),
        "--managed-identity",
        "localhost:0",
    ]


@contextmanager
def environment(**variables):
    """Variables for as long as a client looks at them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: str(value) for name, value in variables.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def make_application(azure):
    """An application with a service principal and no credential at all."""
    made = azure.graph_call("POST", "/applications", 201, {"displayName": unique("secretless")})
    principal = azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    return {"id": made["id"], "app_id": made["appId"], "principal": principal["id"]}


def add_certificate(azure, application_id):
    """Registers a fresh certificate: the PEM of key and certificate, and the certificate's thumbprint."""
    key = rsa_key()
    certificate = certificate_of(key, "conformance")
    der = certificate.public_bytes(serialization.Encoding.DER)
    entry = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}
    azure.graph_call("PATCH", f"/applications/{application_id}", 204, {"keyCredentials": [entry]})
    return pem_of(key) + certificate.public_bytes(serialization.Encoding.PEM)


def trust(azure, application_id, issuer, subject):
    """Adds a federated credential."""
    body = {"name": unique("fic"), "issuer": issuer.url, "subject": subject, "audiences": [AUDIENCE]}
    path = f"/applications/{application_id}/federatedIdentityCredentials"
    return azure.graph_call("POST", path, 201, body)
