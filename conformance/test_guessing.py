"""Guessing passwords as fast as a machine can, at one account and at many, while honest clients work."""

import http.client
import json
import ssl
import statistics
import threading
import time
from urllib.parse import urlencode

import pytest

from gatepost_conformance.azure import Azure
from gatepost_conformance.browser import Person
from gatepost_conformance.server import Server, host_and_port

AZ_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SECONDS = 5
GUESSERS = 12


@pytest.fixture
def besieged(tmp_path):
    """A server of the test's own: what is locked there stays there."""
    server = Server(tmp_path / "data")
    server.start()
    yield server
    server.stop_and_check()


class Client:
    """One kept-alive connection to the token endpoint."""

    def __init__(self, azure):
        self.path = f"/{azure.tenant}/oauth2/v2.0/token"
        context = ssl.create_default_context(cafile=azure.ca_file)
        self.connection = http.client.HTTPSConnection(*host_and_port(azure.authority), context=context, timeout=60)

    def ask(self, **form):
        self.connection.request(
            "POST", self.path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())

    def password(self, azure, login, password):
        return self.ask(
            grant_type="password", client_id=AZ_CLI, username=login, password=password,
            scope=f"{azure.arm}/.default openid",
        )


def guess_for(azure, seconds, login_of):
    """Guesses from several connections: how often each answer came."""
    answers, lock, until = {}, threading.Lock(), time.monotonic() + seconds

    def work(number):
        client, turn = Client(azure), 0
        while time.monotonic() < until:
            turn += 1
            status, body = client.password(azure, login_of(number, turn), f"guess {number} {turn}")
            assert "access_token" not in body
            code = body["error_codes"][0]
            with lock:
                answers[status, code] = answers.get((status, code), 0) + 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(GUESSERS)]
    for thread in threads:
        thread.start()
    return threads, answers


@pytest.mark.parametrize("many", [False, True], ids=["one-account", "many-accounts"])
def test_guessing(besieged, many):
    azure = Azure(besieged)
    person, target = Person(azure), Person(azure)
    assert Client(azure).password(azure, person.login, person.password)[0] == 200
    before = besieged.status("VmRSS")

    def login_of(number, turn):
        return f"nobody{number}-{turn}@{target.login.split('@')[1]}" if many else target.login

    threads, answers = guess_for(azure, SECONDS, login_of)
    known = besieged.bootstrap["automation"]
    honest, took, served = Client(azure), [], 0
    while any(thread.is_alive() for thread in threads):
        begun = time.monotonic()
        status, body = honest.ask(
            grant_type="client_credentials", client_id=known["clientId"], client_secret=known["clientSecret"],
            scope=f"{azure.arm}/.default",
        )
        took.append(time.monotonic() - begun)
        assert status == 200, body
        # Somebody else, who has signed in from here before.
        status, body = honest.password(azure, person.login, person.password)
        assert status == 200, body
        served += 1
    for thread in threads:
        thread.join()

    looked_at = sum(count for (_, code), count in answers.items() if code == 50126)
    print(answers, served, max(took), statistics.median(took))
    if not many:
        assert looked_at <= 10 + GUESSERS, answers
        assert any(code == 50053 for _, code in answers), answers
    assert served >= SECONDS, "people sign in while it goes on"
    assert statistics.median(took) < 0.5, "and so do applications"
    assert besieged.status("VmRSS") - before < 200 * 1024, "KiB"
    # Whoever does not exist and whoever does are told the same.
    assert {status for status, _ in answers} <= {400, 503}
