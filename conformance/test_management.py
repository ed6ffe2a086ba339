"""The management interface: plain HTTP on loopback."""

import re

import pytest


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(server, azure, path):
    assert azure.session.get(server.endpoint("management") + path, timeout=10).status_code == 200


def test_metrics_count_messages(server, azure):
    text = azure.session.get(server.endpoint("management") + "/metrics", timeout=10).text
    assert re.search(r"^gatepost_messages_accepted_total \d+$", text, re.M)


def test_idle_memory(own_server):
    own_server.start()
    assert own_server.status("VmRSS") < 60 * 1024
    own_server.stop_and_check()
