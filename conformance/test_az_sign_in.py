"""The Azure CLI, unmodified, signing a person in: by device code, by browser, by user name and password."""

import json
import os
import re
import subprocess
import sys
import threading

import pytest

from gatepost_conformance.az import AZ, Az
from gatepost_conformance.browser import Browser, Person

# What stands in for the person's browser: az calls it with the address to go to.
OPENER = """#!{python}
import os, sys
sys.path.insert(0, {library!r})
from gatepost_conformance.browser import Browser
if os.fork():
    sys.exit(0)
browser = Browser({ca_file!r})
browser.get(sys.argv[-1])
browser.sign_in({login!r}, {password!r})
browser.post_answer()
"""


@pytest.fixture(scope="module")
def person(azure):
    return Person(azure)


@pytest.fixture
def az(running, tmp_path):
    return Az(running, tmp_path / "azure")


@pytest.fixture
def browser(azure):
    return Browser(azure.ca_file)


@pytest.mark.parametrize("with_tenant", [True, False])
def test_login_by_device_code(server, azure, az, person, browser, with_tenant):
    words = ["login", "--use-device-code", "--output", "json"]
    words += ["--tenant", azure.tenant] if with_tenant else []
    running = subprocess.Popen(
        [str(AZ), *words], env=az.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )
    said, wanted = [], threading.Event()

    def listen():
        for line in running.stderr:
            said.append(line)
            if "enter the code" in line:
                wanted.set()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    assert wanted.wait(120), said
    message = "".join(said)
    page, code = re.search(r"open the page (\S+) and enter the code (\S+) to", message).groups()
    browser.enter_code(page, code, person.login, person.password)
    output = running.communicate(timeout=120)[0]
    assert running.returncode == 0, said
    known = json.loads(output)
    assert [entry["id"] for entry in known] == [azure.subscription]
    assert known[0]["user"] == {"name": person.login, "type": "user"}
    assert az("group", "list") == az("group", "list")
    me = az("rest", "--method", "get", "--url", f"{azure.graph}/v1.0/me", "--resource", azure.graph)
    assert me["userPrincipalName"] == person.login


def test_login_by_browser(server, azure, az, person, tmp_path):
    opener = tmp_path / "opener"
    library = os.path.dirname(os.path.abspath(__file__))
    opener.write_text(
        OPENER.format(
            python=sys.executable, library=library, ca_file=azure.ca_file, login=person.login, password=person.password
        )
    )
    opener.chmod(0o755)
    az.environment["BROWSER"] = f"{opener} %s"
    # Without a display az would take the device code by itself.
    az.environment["DISPLAY"] = ":0"
    known = az("login", "--tenant", azure.tenant)
    assert known[0]["user"]["name"] == person.login
    assert az("account", "show")["id"] == azure.subscription
    assert az("group", "exists", "--name", "nothing-such") is False
    az("logout")
    assert "az login" in az.refused("group", "list")


def test_wrong_password(server, azure, az, person):
    # az asks for the realm of the user on port 443 of the host, whatever the authority's port.
    said = az.refused("login", "--username", person.login, "--password", "wrong", "--tenant", azure.tenant)
    assert said
