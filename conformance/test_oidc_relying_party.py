"""An OpenID Connect relying party that knows nothing of Azure: Authlib. It trusts the discovery document alone."""

import pytest
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

from gatepost_conformance.browser import Browser, Person
from gatepost_conformance.sender import unique

CALLBACK = "https://wiki.example/callback"


@pytest.fixture(scope="module")
def person(azure):
    return Person(azure, role=None)


@pytest.fixture(scope="module")
def discovered(azure):
    url = f"{azure.authority}/{azure.tenant}/v2.0/.well-known/openid-configuration"
    return azure.session.get(url, timeout=30).json()


@pytest.fixture(scope="module")
def registered(azure):
    """Client id and secret of an application at the directory."""
    made = azure.graph_call(
        "POST",
        "/applications",
        201,
        {
            "displayName": unique("wiki"),
            "web": {"redirectUris": [CALLBACK], "implicitGrantSettings": {"enableIdTokenIssuance": True}},
        },
    )
    azure.graph_call("POST", "/servicePrincipals", 201, {"appId": made["appId"]})
    added = azure.graph_call("POST", f"/applications/{made['id']}/addPassword", 200, {"passwordCredential": {}})
    return made["appId"], added["secretText"]


@pytest.fixture
def relying_party(azure, registered):
    """The client at the relying party."""

    def make(**settings):
        client = OAuth2Session(
            *registered, redirect_uri=CALLBACK, scope="openid profile email offline_access", **settings
        )
        client.verify = azure.ca_file
        client.trust_env = False
        return client

    return make


def signed_in(azure, discovered, client, person, **extra):
    """The tokens, and the ID token's claims as Authlib verified them."""
    nonce, verifier = generate_token(), generate_token(48)
    url, state = client.create_authorization_url(
        discovered["authorization_endpoint"], nonce=nonce, code_verifier=verifier, **extra
    )
    browser = Browser(azure.ca_file)
    browser.get(url)
    answer = browser.sign_in(person.login, person.password)
    tokens = client.fetch_token(
        discovered["token_endpoint"],
        authorization_response=answer.headers["location"],
        state=state,
        code_verifier=verifier,
    )
    keys = JsonWebKey.import_key_set(azure.session.get(discovered["jwks_uri"], timeout=30).json())
    claims = jwt.decode(
        tokens["id_token"],
        keys,
        claims_cls=CodeIDToken,
        claims_options={"iss": {"essential": True, "value": discovered["issuer"]}},
        claims_params={"nonce": nonce, "client_id": client.client_id},
    )
    claims.validate()
    return tokens, claims, browser


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_user_signs_in(server, azure, discovered, relying_party, person, method):
    client = relying_party(token_endpoint_auth_method=method, code_challenge_method="S256")
    tokens, claims, _ = signed_in(azure, discovered, client, person)
    assert claims["preferred_username"] == person.login
    assert claims["oid"] == person.object_id and claims["sub"] != person.object_id
    info = client.get(discovered["userinfo_endpoint"]).json()
    assert info["sub"] == claims["sub"] and info["name"] == claims["name"]
    renewed = client.refresh_token(discovered["token_endpoint"], refresh_token=tokens["refresh_token"])
    assert renewed["access_token"] != tokens["access_token"]


def test_the_provider_signs_the_user_out(server, azure, discovered, relying_party, person):
    client = relying_party(code_challenge_method="S256")
    tokens, _, browser = signed_in(azure, discovered, client, person)
    answer = browser.get(
        f"{discovered['end_session_endpoint']}?id_token_hint={tokens['id_token']}"
        f"&post_logout_redirect_uri={CALLBACK}&state=gone"
    )
    assert answer.headers["location"] == f"{CALLBACK}?state=gone"
    url, _ = client.create_authorization_url(
        discovered["authorization_endpoint"], prompt="none", code_verifier=generate_token(48)
    )
    assert "error=login_required" in browser.get(url).headers["location"]


def test_another_state_is_nobodys(server, azure, discovered, relying_party, person):
    client = relying_party(code_challenge_method="S256")
    verifier = generate_token(48)
    url, _ = client.create_authorization_url(discovered["authorization_endpoint"], code_verifier=verifier)
    browser = Browser(azure.ca_file)
    browser.get(url)
    answer = browser.sign_in(person.login, person.password)
    with pytest.raises(Exception, match="mismatching_state"):
        client.fetch_token(
            discovered["token_endpoint"],
            authorization_response=answer.headers["location"],
            state="another",
            code_verifier=verifier,
        )
