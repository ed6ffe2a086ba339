"""kill -9 at random moments under load: what got its 250 is delivered at least once, and nothing is broken."""

import os
import random
import smtplib
import threading
import time

from gatepost_conformance.azure import Azure
from gatepost_conformance.clients import Submission, connect, deliver, sign_in
from gatepost_conformance.mailbox import Mailbox
from gatepost_conformance.sender import Sender

ROUNDS = int(os.environ.get("GATEPOST_CRASH_ROUNDS", "5"))
THREADS = 6


class Load:
    """Clients that send until the server dies, and remember what was acknowledged."""

    def __init__(self, server, sender, round_number):
        self.server, self.sender, self.round_number = server, sender, round_number
        self.acknowledged = []
        self.refused = []
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(THREADS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(60)

    def _message(self, subject):
        sender = self.sender
        return Submission(sender.username, sender.secret, sender.address, subject)

    def _send(self, number):
        try:
            with connect(self.server) as connection:
                sign_in(connection, self._message(""), "PLAIN")
                for count in range(100_000):
                    subject = f"crash-{self.round_number}-{number}-{count}"
                    outcome = deliver(connection, self._message(subject))
                    (self.acknowledged if outcome.ok else self.refused).append(subject)
        except (smtplib.SMTPException, OSError):
            pass  # the kill


def test_kill_at_random_moments_loses_nothing(own_server):
    seed = os.environ.get("GATEPOST_CRASH_SEED", str(time.time_ns()))
    print(f"GATEPOST_CRASH_SEED={seed}")
    chance = random.Random(seed)
    own_server.start()
    sender = Sender(Azure(own_server))
    acknowledged = set()
    for number in range(ROUNDS):
        load = Load(own_server, sender, number)
        load.start()
        time.sleep(chance.uniform(0.05, 1.5))
        own_server.kill()
        load.join()
        assert load.refused == []
        acknowledged |= set(load.acknowledged)
        seconds = own_server.start()
        assert seconds < 10, f"restart after a kill took {seconds:.1f} s"
    assert len(acknowledged) > ROUNDS * THREADS, "there was load"
    Mailbox(own_server.mailbox).wait_for_all(acknowledged, 120)
    own_server.stop_and_check()


def test_sigterm_under_load_finishes_what_it_acknowledged(own_server):
    own_server.start()
    sender = Sender(Azure(own_server))
    load = Load(own_server, sender, 0)
    load.start()
    time.sleep(1)
    assert own_server.stop() == 0
    load.join()
    assert load.acknowledged
    own_server.start()
    Mailbox(own_server.mailbox).wait_for_all(set(load.acknowledged), 60)
    own_server.stop_and_check()


def test_kill_during_control_plane_writes(own_server):
    """What ARM and Graph answered is there after the restart."""
    own_server.start()
    azure = Azure(own_server)
    made, stop = [], threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            name = f"rg-{number}"
            try:
                azure.session.put(
                    f"{azure.arm}{azure.subscription_scope}/resourceGroups/{name}?api-version=2025-04-01",
                    json={"location": "westeurope"},
                    headers={"Authorization": f"Bearer {azure.token(f'{azure.arm}/.default')}"},
                    timeout=10,
                ).raise_for_status()
            except (OSError, ValueError):
                return
            made.append(name)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.7)
    own_server.kill()
    stop.set()
    writer.join(30)
    own_server.start()
    listed = {group.name for group in Azure(own_server).resources.resource_groups.list()}
    assert made and set(made) <= listed
    own_server.stop_and_check()
