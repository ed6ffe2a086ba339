"""Bad input by SMTP: a clear reply with an enhanced status code or a closed connection, and nothing else harmed."""

import re
import time

import pytest

from gatepost_conformance.clients import Submission, b64, smtplib_submit
from gatepost_conformance.sender import unique
from gatepost_conformance.wire import ENHANCED, Closed, authenticated, greeted, in_data, secured

MEMORY_ALLOWED_KIB = 64 * 1024


@pytest.fixture(autouse=True)
def memory_is_bounded(server, shared_sender):
    """No bad input takes memory with it: the peak may grow by a little only. And the next client is served."""
    before = server.status("VmHWM")
    yield
    assert server.status("VmHWM") - before < MEMORY_ALLOWED_KIB
    began = time.monotonic()
    outcome = smtplib_submit(server, good(shared_sender))
    assert outcome.ok, outcome.reply
    assert time.monotonic() - began < 5, "other clients are unaffected"


def good(sender):
    return Submission(sender.username, sender.secret, sender.address, unique("subject"))


def refuse_line(wire):
    """A refusal with an enhanced status code, or the end of the connection."""
    try:
        reply = wire.reply()
    except Closed:
        return
    assert re.match(r"[45]\d\d", reply) and ENHANCED.match(reply), reply


@pytest.mark.parametrize("stage", [greeted, secured], ids=["clear", "tls"])
def test_ten_mebibytes_without_an_end_of_line(server, stage):
    with stage(server) as wire:
        try:
            for _ in range(160):
                wire.send(b"A" * 65536)
            wire.send(b"\r\n")
        except Closed:
            return
        refuse_line(wire)


def test_ten_mebibytes_without_an_end_of_line_in_the_message(server, shared_sender, mailbox):
    subject = unique("subject")
    with in_data(server, shared_sender) as wire:
        try:
            wire.send(f"From: {shared_sender.address}\r\nSubject: {subject}\r\n\r\n".encode())
            for _ in range(160):
                wire.send(b"A" * 65536)
            wire.send(b"\r\n.\r\n")
            reply = wire.reply()
        except Closed:
            return
        assert ENHANCED.match(reply), reply


@pytest.mark.parametrize(
    "end",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n\n.\r\n", b"\r\r\n.\r\r\n", b"\0\r\n.\n"],
    ids=repr,
)
def test_smuggled_end_of_data(server, shared_sender, mailbox, end):
    """What follows a false end of data is text of the same message, or the message is refused: never a second one."""
    subject, smuggled = unique("subject"), unique("smuggled")
    header = f"From: {shared_sender.address}\r\nTo: a@example.net\r\nSubject: "
    with in_data(server, shared_sender) as wire:
        wire.send(
            f"{header}{subject}\r\n\r\nbody".encode() + end
            + f"MAIL FROM:<{shared_sender.address}>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n"
              f"{header}{smuggled}\r\n\r\nsmuggled\r\n.\r\n".encode()
        )
        try:
            reply = wire.reply()
        except Closed:
            reply = "closed"
        else:
            assert ENHANCED.match(reply), reply
            if reply.startswith("250"):
                assert wire.is_silent(), "one message, one reply"
                mailbox.wait_for(subject)
            else:
                # The text of the refused message must not have been taken for commands.
                later = wire.drain(1)
                assert not any(line.startswith(("250", "354")) for line in later), later
    assert mailbox.messages(smuggled) == []


@pytest.mark.parametrize(
    "command",
    [
        b"EHLO a\0b\r\n",
        b"EHLO \xff\xfe\r\n",
        b"NO\0OP\r\n",
        b"\x80\x81\r\n",
        b"NOOP\nNOOP\r\n",
        b"NOOP\rNOOP\r\n",
        b"MAIL FROM:<a\0@b>\r\n",
        b"MAIL FROM:<\xff@example.com>\r\n",
        b"\r\n",
        b" \r\n",
        b"X" * 600 + b"\r\n",
        b"MAIL\r\n",
        b"MAIL FROM:\r\n",
        b"MAIL FROM:<a@b> SIZE=-1\r\n",
        b"MAIL FROM:<a@b> SIZE=99999999999999999999999\r\n",
        b"MAIL FROM:<a@b> NOSUCH=1\r\n",
        b"RCPT TO:<>\r\n",
        b"BDAT -1\r\n",
        b"BDAT 99999999999999999999\r\n",
        b"AUTH\r\n",
        b"AUTH NOSUCH\r\n",
        b"AUTH PLAIN =\r\n",
        b"AUTH PLAIN !!!!\r\n",
        b"STARTTLS now\r\n",
        b"VRFY\r\n",
    ],
    ids=lambda command: repr(command[:24]),
)
def test_malformed_command(server, shared_sender, command):
    with authenticated(server, shared_sender) as wire:
        wire.send(command)
        refuse_line(wire)


def test_too_many_recipients(server, shared_sender):
    with authenticated(server, shared_sender) as wire:
        assert wire.ask(f"MAIL FROM:<{shared_sender.address}>").startswith("250 ")
        wire.send(b"".join(b"RCPT TO:<r%d@example.net>\r\n" % number for number in range(1001)))
        replies = [wire.reply() for _ in range(1001)]
        refused = [reply for reply in replies if not reply.startswith("250 2.1.5")]
        assert refused and all(reply.startswith("452 4.5.3 ") for reply in refused), refused[:1]
        assert len(replies) - len(refused) >= 50
        assert wire.ask("RSET").startswith("250 2.0.0")


def test_size_beyond_the_limit_is_refused_before_the_data(server, shared_sender):
    with authenticated(server, shared_sender) as wire:
        reply = wire.ask(f"MAIL FROM:<{shared_sender.address}> SIZE=2000000000")
        assert reply.startswith("552 5.3.4 "), reply
        assert wire.ask(f"MAIL FROM:<{shared_sender.address}> SIZE=1000").startswith("250 ")


def test_data_beyond_the_limit_is_refused(server, shared_sender):
    with secured(server) as wire:
        limit = int(re.search(r"250[- ]SIZE (\d+)", wire.ask("EHLO client.example")).group(1))
    with in_data(server, shared_sender) as wire:
        line = b"A" * 998 + b"\r\n"
        chunk = line * 64
        try:
            wire.send(f"From: {shared_sender.address}\r\n\r\n".encode())
            for _ in range(limit // len(chunk) + 2):
                wire.send(chunk)
            wire.send(b".\r\n")
            reply = wire.reply()
        except Closed:
            return
        assert reply.startswith("552 5.3.4 "), reply


def test_commands_pipelined_after_starttls_are_discarded(server):
    with greeted(server) as wire:
        assert wire.ask("EHLO client.example").startswith("250")
        wire.send(b"STARTTLS\r\nNOOP injected\r\nRSET\r\n")
        try:
            reply = wire.reply()
            if not reply.startswith("220"):
                assert ENHANCED.match(reply), reply
                return
            wire.start_tls(server)
            ehlo = wire.ask("EHLO client.example")
        except (Closed, OSError):
            return
        assert ehlo.startswith("250-") and "AUTH" in ehlo
        assert wire.ask("NOOP").startswith("250 2.0.0")
        assert wire.is_silent()


def test_auth_and_mail_before_tls(server, shared_sender):
    with greeted(server) as wire:
        assert "AUTH" not in wire.ask("EHLO client.example")
        reply = wire.ask("AUTH PLAIN " + b64(f"\0{shared_sender.username}\0{shared_sender.secret}"))
        assert re.match(r"5(30|38|03|02|04) 5\.\d\.\d+ ", reply), reply
        reply = wire.ask(f"MAIL FROM:<{shared_sender.address}>")
        assert reply.startswith("530 5.7.0 ") or reply.startswith("530 5.7.57 "), reply


def test_mail_before_auth(server, shared_sender):
    with secured(server) as wire:
        assert re.match(r"530 5\.7\.\d+ ", wire.ask(f"MAIL FROM:<{shared_sender.address}>"))


def test_auth_dialogue_can_be_cancelled(server, shared_sender):
    with secured(server) as wire:
        assert wire.ask("AUTH LOGIN") == "334 " + b64("Username:")
        assert wire.ask("*").startswith("501 5.")
        assert wire.ask("AUTH PLAIN").startswith("334")
        assert wire.ask(b64(f"\0{shared_sender.username}\0{shared_sender.secret}")).startswith("235 2.7.0 ")
        assert wire.ask("AUTH PLAIN AAAA").startswith("503 5.5.1 ")


def test_failed_bearer_token_gets_a_challenge_first(server, shared_sender):
    with secured(server) as wire:
        first = wire.ask("AUTH XOAUTH2 " + b64(f"user={shared_sender.username}\1auth=Bearer x.y.z\1\1"))
        assert first.startswith("334 ")
        assert wire.ask("") == "535 5.7.3 Authentication unsuccessful"


def test_twenty_bad_passwords_in_a_row(server, shared_sender):
    """Slowed, then cut off; meanwhile another client signs in at once."""
    wrong = "AUTH PLAIN " + b64(f"\0{shared_sender.username}\0{'x' * 40}")
    with secured(server) as wire:
        wire.socket.settimeout(90)
        answered, began = 0, time.monotonic()
        try:
            for _ in range(20):
                reply = wire.ask(wrong)
                assert re.match(r"(535|421|454) [45]\.7\.\d+ ", reply), reply
                answered += 1
        except Closed:
            pass
        else:
            with pytest.raises(Closed):
                wire.ask("NOOP")
        seconds = time.monotonic() - began
        assert answered < 20, "the connection is cut off"
        assert seconds > 0.5, "and slowed before"


def test_idle_connections_do_not_keep_others_out(server, shared_sender):
    wires = [greeted(server) for _ in range(200)]
    try:
        began = time.monotonic()
        assert smtplib_submit(server, good(shared_sender)).ok
        assert time.monotonic() - began < 2
    finally:
        for wire in wires:
            wire.socket.close()


MALFORMED = {
    "no-header": "just text, no header at all\r\n",
    "empty": "",
    "no-from": "Subject: x\r\n\r\nbody\r\n",
    "two-froms": "From: {from_}\r\nFrom: {from_}\r\nSubject: x\r\n\r\nbody\r\n",
    "broken-from": "From: <<<>>\r\n\r\nbody\r\n",
    "empty-from": "From: \r\n\r\nbody\r\n",
    "colonless": "From: {from_}\r\nno colon here\r\n\r\nbody\r\n",
    "unclosed-multipart": "From: {from_}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"x\r\n\r\n--x\r\n",
    "missing-boundary": "From: {from_}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n--\r\n",
    "bad-base64": "From: {from_}\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%%\r\n",
    "nested": "From: {from_}\r\nMIME-Version: 1.0\r\n"
    + "".join(f"Content-Type: multipart/mixed; boundary={n}\r\n\r\n--{n}\r\n" for n in range(200)),
    "bad-encoded-word": "From: =?x?y?z <{from_}>\r\nSubject: =?utf-8?B?!!!?=\r\n\r\nbody\r\n",
    "long-header": "From: {from_}\r\nX-Long: " + "y" * 200_000 + "\r\n\r\nbody\r\n",
    "many-headers": "From: {from_}\r\n" + "X-Many: 1\r\n" * 20_000 + "\r\nbody\r\n",
    "control-characters": "From: {from_}\r\nSubject: a\x01\x02\x1f\r\n\r\nbody\x07\r\n",
    "group-from": "From: group: {from_};\r\nSubject: x\r\n\r\nbody\r\n",
    "comments": "From: (((((((((((((((((({from_}\r\n\r\nbody\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_message(server, shared_sender, case):
    """Accepted or refused, as long as it is said clearly and the connection goes on."""
    text = MALFORMED[case].replace("{from_}", shared_sender.address)
    with in_data(server, shared_sender) as wire:
        wire.send(text.encode() + b".\r\n")
        reply = wire.reply()
        assert ENHANCED.match(reply) and reply[0] in "25", reply
        if case in ("no-header", "empty", "no-from", "two-froms", "broken-from", "empty-from"):
            assert reply.startswith("5"), reply
        assert wire.ask("NOOP").startswith("250 2.0.0")


def test_message_with_nul_and_eight_bit_bytes(server, shared_sender):
    with in_data(server, shared_sender) as wire:
        wire.send(f"From: {shared_sender.address}\r\nSubject: x\r\n\r\n".encode() + b"a\0b\xff\xfe\r\n.\r\n")
        assert ENHANCED.match(wire.reply())


def test_bdat(server, shared_sender, mailbox):
    subject = unique("subject")
    text = f"From: {shared_sender.address}\r\nSubject: {subject}\r\n\r\none\r\n.\r\ntwo\r\n".encode()
    with authenticated(server, shared_sender) as wire:
        assert wire.ask(f"MAIL FROM:<{shared_sender.address}>").startswith("250 ")
        assert wire.ask("RCPT TO:<a@example.net>").startswith("250 ")
        assert wire.ask(b"BDAT 10\r\n" + text[:10]).startswith("250 2.0.0")
        assert wire.ask(b"BDAT %d LAST\r\n" % (len(text) - 10) + text[10:]).startswith("250 2.0.0")
    assert mailbox.wait_for(subject).get_content().splitlines() == ["one", ".", "two"]


def test_abandoned_transactions_leave_nothing(server, shared_sender, mailbox):
    subject = unique("subject")
    for _ in range(20):
        with in_data(server, shared_sender) as wire:
            wire.send(f"From: {shared_sender.address}\r\nSubject: {subject}\r\n\r\nhalf a mess".encode())
    assert smtplib_submit(server, good(shared_sender)).ok
    assert mailbox.messages(subject) == []
