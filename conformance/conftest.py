"""One server for the run. Tests that need one of their own make it with `Server`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gatepost_conformance.azure import Azure  # noqa: E402
from gatepost_conformance.mailbox import Mailbox  # noqa: E402
from gatepost_conformance.sender import Sender  # noqa: E402
from gatepost_conformance.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """The server of the run, checked when the run ends."""
    server = Server(tmp_path_factory.mktemp("server") / "data")
    server.start()
    yield server
    server.stop_and_check()


@pytest.fixture
def server(running):
    """The server of the run; each test leaves it running and without an error in its log."""
    before = len(running.errors())
    yield running
    assert running.is_running(), running.describe()
    assert running.errors()[before:] == []


@pytest.fixture(scope="session")
def azure(running):
    """The stock clients as the automation principal."""
    return Azure(running)


@pytest.fixture(scope="session")
def mailbox(running):
    """The Maildir of the run."""
    return Mailbox(running.mailbox)


@pytest.fixture
def sender(server, azure):
    """A complete sending chain of the test's own."""
    return Sender(azure)


@pytest.fixture(scope="session")
def shared_sender(running, azure):
    """A complete sending chain that no test may change."""
    return Sender(azure)


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may kill: always gone afterwards."""
    server = Server(tmp_path / "data")
    yield server
    server.kill()
