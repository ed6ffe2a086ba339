"""An outside issuer as GitHub or a Kubernetes cluster is one: discovery, key set, and tokens. HTTPS on loopback."""

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time
import uuid

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

AUDIENCE = "api://AzureADTokenExchange"


def rsa_key():
    """A fresh RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate_of(key, name, *, addresses=()):
    """A self-signed certificate, good for some weeks."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=20))
    )
    if addresses:
        names = [x509.DNSName(name), *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def pem_of(key):
    """A private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Issuer:
    """Runs from construction until `stop`."""

    def __init__(self, folder):
        self.requests = 0
        self.kid = uuid.uuid4().hex
        self.key = rsa_key()
        own = rsa_key()
        self.ca_file = folder / "issuer-ca.pem"
        self.ca_file.write_bytes(
            certificate_of(own, "localhost", addresses=["127.0.0.1"]).public_bytes(serialization.Encoding.PEM)
        )
        key_file = folder / "issuer-key.pem"
        key_file.write_bytes(pem_of(own))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key_file)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"https://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                documents = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                    "/keys": {"keys": [issuer.jwk()]},
                }
                document = documents.get(self.path)
                body = json.dumps(document or {}).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def jwk(self):
        """The public key as the key set shows it."""
        shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {**shown, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def token(self, subject, **changes):
        """A token as a job or a pod gets one."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": subject, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600}
        return jwt.encode({**claims, **changes}, self.key, algorithm="RS256", headers={"kid": self.kid})

    def stop(self):
        """Ends the server."""
        self.server.shutdown()
        self.server.server_close()
