"""A full disk: refused for now, nothing acknowledged lost, and service again when space is back."""

import email.policy
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from gatepost_conformance.azure import Azure
from gatepost_conformance.clients import Submission, connect, deliver, sign_in, smtplib_submit
from gatepost_conformance.mailbox import Mailbox
from gatepost_conformance.sender import Sender, unique
from gatepost_conformance.server import Server

SIZE_MIB = 320
KEEP_FREE_KIB = 512


class Disk:
    """A small file system of the test's own: ext4 in a loop device, or a tmpfs of limited size."""

    def __init__(self, path):
        self.path = path
        self.image = path.parent / "disk.img"
        self.filler = path / "filler"

    def mount(self):
        self.path.mkdir()
        with self.image.open("wb") as image:
            image.truncate(SIZE_MIB * 1024 * 1024)
        loop = subprocess.run(
            f"mkfs.ext4 -q -F -m 0 '{self.image}' && mount -o loop '{self.image}' '{self.path}'",
            shell=True, capture_output=True, text=True, check=False, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"},
        )
        if loop.returncode == 0:
            return
        tmpfs = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(self.path)],
            capture_output=True, text=True, check=False,
        )
        if tmpfs.returncode != 0:
            pytest.fail(f"no small file system can be mounted here: {loop.stderr}{tmpfs.stderr}", pytrace=False)

    def unmount(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)

    def fill(self):
        """Leaves next to nothing."""
        with self.filler.open("ab", buffering=0) as filler:
            for size in (1024 * 1024, 4096):
                try:
                    while shutil.disk_usage(self.path).free > KEEP_FREE_KIB * 1024:
                        filler.write(b"\0" * size)
                except OSError:
                    continue
            os.fsync(filler.fileno())

    def make_room(self):
        self.filler.unlink()


@pytest.fixture
def disk(tmp_path):
    disk = Disk(Path(tmp_path) / "disk")
    disk.mount()
    yield disk
    disk.unmount()


def large(sender, size=1_000_000):
    """A message that needs room."""
    message = Submission(sender.username, sender.secret, sender.address, unique("subject"))
    text = message.text()
    text.set_content("x" * 76 + "\n")
    return message, text.as_bytes(policy=email.policy.SMTP) + (b"x" * 76 + b"\r\n") * (size // 78)


def submit(connection, message, raw):
    """One transaction; the reply that ended it."""
    for code, text in (connection.mail(message.sender), connection.rcpt(message.to)):
        if code >= 400:
            connection.rset()
            return code, text.decode()
    code, text = connection.data(raw)
    return code, text.decode()


def test_full_disk(disk):
    server = Server(disk.path / "data")
    server.log_path = disk.path.parent / "server.log"
    try:
        run_on_full_disk(disk, server)
    finally:
        server.kill()


def run_on_full_disk(disk, server):
    server.start()
    azure = Azure(server)
    sender = Sender(azure)
    before = Submission(sender.username, sender.secret, sender.address, unique("subject"))
    assert smtplib_submit(server, before).ok
    acknowledged = {before.subject}
    disk.fill()

    refusals = []
    with connect(server) as connection:
        sign_in(connection, before, "PLAIN")
        # What the spool set aside before is used up first; the disk holds no more than this.
        for _ in range(SIZE_MIB):
            message, raw = large(sender)
            code, text = submit(connection, message, raw)
            if code == 250:
                acknowledged.add(message.subject)
            else:
                refusals.append((code, text))
            if len(refusals) >= 3:
                break
    assert refusals, "the disk was full"
    assert all(code == 452 and text.startswith("4.3.1") for code, text in refusals), refusals

    statuses = set()
    for _ in range(400):
        reply = azure.call(
            "PUT",
            f"{azure.subscription_scope}/resourceGroups/{unique('rg')}?api-version=2025-04-01",
            json={"location": "westeurope", "tags": {f"t{n}": "x" * 250 for n in range(40)}},
        )
        statuses.add(reply.status_code)
        if reply.status_code >= 400:
            assert reply.json()["error"]["code"] and reply.json()["error"]["message"]
            break
    assert statuses <= {200, 201, 503, 507} and statuses & {503, 507}, statuses
    # Reading goes on, and signing in.
    assert sender.group in {group.name for group in azure.resources.resource_groups.list()}
    assert sender.access_token()

    disk.make_room()
    deadline = time.monotonic() + 5
    while True:
        after = Submission(sender.username, sender.secret, sender.address, unique("subject"))
        outcome = smtplib_submit(server, after)
        if outcome.ok:
            break
        assert time.monotonic() < deadline, f"still refused with space: {outcome.reply}"
        time.sleep(0.1)
    acknowledged.add(after.subject)
    azure.resources.resource_groups.create_or_update(unique("rg"), {"location": "westeurope"})
    Mailbox(server.mailbox).wait_for_all(acknowledged, 120)
    assert server.status("VmHWM") > 0, "it ran through"
    server.stop_and_check(errors_allowed=True)
