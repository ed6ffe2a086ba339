"""`gatepost up --demo`: the quickstart, and the commands that it prints."""

import json
import re
import subprocess

import pytest

from gatepost_conformance.mailbox import Mailbox
from gatepost_conformance.server import Server, run_command

SNIPPETS = {"swaks": "Hello from swaks", "curl": "Hello from curl", "Python": "Hello from Python"}


def finish_demo(server):
    """Reads up to the end of the last printed snippet: everything printed so far."""
    server.wait_for(lambda line: line.strip() == "# with Python", 60)
    server.wait_for(lambda line: line.strip() == "EOF", 10)
    return "".join(server.printed)


def snippets_of(printed):
    """The printed commands by client, each as it stands."""
    parts = re.split(r"^# with (\w+)\n", printed, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A server on the demo's folder, which is `gatepost-data` in the current folder."""
    monkeypatch.chdir(tmp_path)
    server = Server(tmp_path / "gatepost-data", "--demo")
    yield server
    server.kill()


def test_demo_delivers_and_each_printed_command_sends_another(demo, tmp_path):
    demo.start()
    printed = finish_demo(demo)
    delivered = list((tmp_path / "gatepost-data" / "mailbox" / "new").iterdir())
    assert len(delivered) == 1, "the demo ends with its mail in the mailbox"
    mailbox = Mailbox(demo.mailbox)
    snippets = snippets_of(printed)
    assert snippets.keys() == SNIPPETS.keys()
    for client, subject in SNIPPETS.items():
        ran = subprocess.run(
            ["bash", "-c", snippets[client]], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
        )
        assert ran.returncode == 0, f"{client}: {ran.stdout}{ran.stderr}"
        message = mailbox.wait_for(subject)
        assert message["Received"] and message["Date"] and message["Message-ID"]

    explained = run_command("smtp", "explain", "demo-mailer", "--output", "json", data=demo.data)
    assert explained.returncode == 0, explained.stderr
    assert json.loads(explained.stdout)["ready"] is True

    # A second start on the same folder makes nothing new: it serves, and prints.
    assert demo.stop() == 0
    demo.start()
    again = snippets_of(finish_demo(demo))
    messages = list((tmp_path / "gatepost-data" / "mailbox" / "new").iterdir())
    assert len(messages) == 1 + len(SNIPPETS), "the second start sends nothing"
    ran = subprocess.run(["bash", "-c", again["swaks"]], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout
    demo.stop_and_check()


def test_second_server_on_a_folder_is_refused(own_server):
    own_server.start()
    second = Server(own_server.data)
    second.log_path = own_server.data.parent / "second.log"
    with pytest.raises(AssertionError, match="the server ended with 1"):
        second.start()
    assert "in use" in second.log_path.read_text() or "another" in second.log_path.read_text()
    own_server.stop_and_check()


def test_bootstrap_file_is_private_and_names_everything(own_server):
    own_server.start()
    file = own_server.data / "bootstrap.json"
    assert file.stat().st_mode & 0o777 == 0o600
    known = own_server.bootstrap
    assert {"tenantId", "tenantDomain", "subscriptionId", "caFile", "admin", "automation", "endpoints"} <= known.keys()
    assert known["admin"].keys() >= {"userPrincipalName", "password", "objectId"}
    assert known["automation"].keys() >= {"clientId", "clientSecret", "objectId"}
    identity = [known[name] for name in ("tenantId", "subscriptionId", "admin", "automation")]
    assert own_server.stop() == 0
    seconds = own_server.start()
    assert [own_server.bootstrap[name] for name in ("tenantId", "subscriptionId", "admin", "automation")] == identity
    assert seconds < 5, "a start on an existing folder"
    own_server.stop_and_check()


@pytest.mark.parametrize("arguments", [[], ["up", "--no-such-flag"], ["no-such-command"]])
def test_wrong_usage_exits_with_2(arguments):
    assert run_command(*arguments).returncode == 2
