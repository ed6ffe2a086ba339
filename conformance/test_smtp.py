"""Submission with every stock client, and the refusal that each missing link of the chain brings."""

import datetime
import json
import re
import smtplib
import time

import pytest

from gatepost_conformance.clients import (
    Submission,
    connect,
    curl_submit,
    deliver,
    nodemailer_submit,
    sign_in,
    smtplib_submit,
    swaks_submit,
)
from gatepost_conformance.sender import SENDING_ACTIONS, Sender, unique
from gatepost_conformance.server import run_command

AUTH_REFUSED = "535 5.7.3 Authentication unsuccessful"
DOMAIN_NOT_LINKED = "501 5.1.7 The specified sender domain has not been linked."
UNKNOWN_SENDER = re.compile(r"5\d\d 5\.3\.5 Email sender's username is invalid")
IN_EFFECT_WITHIN = 1.0

SECRET_CLIENTS = [
    (smtplib_submit, "PLAIN"),
    (smtplib_submit, "LOGIN"),
    (swaks_submit, "PLAIN"),
    (swaks_submit, "LOGIN"),
    (curl_submit, "PLAIN"),
    (curl_submit, "LOGIN"),
    (nodemailer_submit, "PLAIN"),
    (nodemailer_submit, "LOGIN"),
]
TOKEN_CLIENTS = [
    (smtplib_submit, "XOAUTH2"),
    (smtplib_submit, "OAUTHBEARER"),
    (curl_submit, "XOAUTH2"),
    (curl_submit, "OAUTHBEARER"),
    (nodemailer_submit, "XOAUTH2"),
]


def client_names(pairs):
    return [f"{submit.__name__.removesuffix('_submit')}-{mechanism}" for submit, mechanism in pairs]


def submission(chain, **changes):
    """A message that this chain may send."""
    values = {
        "username": chain.username,
        "password": chain.secret,
        "sender": chain.address,
        "subject": unique("subject"),
        **changes,
    }
    return Submission(**values)


def assert_accepted(outcome):
    assert outcome.ok, f"{outcome.reply}\n{outcome.report}"


def assert_refused(outcome, reply):
    assert not outcome.ok, "it was accepted"
    matches = outcome.reply == reply if isinstance(reply, str) else reply.match(outcome.reply)
    assert matches, f"{outcome.reply!r}\n{outcome.report}"


def assert_works_again(server, chain, put_right, **changes):
    """`put_right` makes the chain whole: within one second of it a message is accepted, with no restart."""
    put_right()
    deadline = time.monotonic() + IN_EFFECT_WITHIN
    while True:
        outcome = smtplib_submit(server, submission(chain, **changes))
        if outcome.ok:
            return
        assert time.monotonic() < deadline, f"still refused: {outcome.reply}"
        time.sleep(0.02)


def explain(server, username):
    """What `gatepost smtp explain` tells the operator."""
    ran = run_command("smtp", "explain", username, "--output", "json", data=server.data)
    assert ran.returncode in (0, 1), ran.stderr
    return json.loads(ran.stdout) if ran.stdout.strip() else None


# Every client


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize(("submit", "mechanism"), SECRET_CLIENTS, ids=client_names(SECRET_CLIENTS))
def test_client_sends_with_a_secret(server, shared_sender, mailbox, submit, mechanism, implicit):
    message = submission(shared_sender)
    outcome = submit(server, message, mechanism, implicit=implicit)
    assert_accepted(outcome)
    assert outcome.message_id
    delivered = mailbox.wait_for(message.subject)
    assert delivered["Date"] and delivered["Message-ID"] and delivered["Received"]


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize(("submit", "mechanism"), TOKEN_CLIENTS, ids=client_names(TOKEN_CLIENTS))
def test_client_sends_with_a_token(server, shared_sender, mailbox, submit, mechanism, implicit):
    message = submission(shared_sender, token=shared_sender.access_token(), password="")
    assert_accepted(submit(server, message, mechanism, implicit=implicit))
    mailbox.wait_for(message.subject)


@pytest.mark.parametrize("form", ["smtp-username", "dotted", "piped"])
@pytest.mark.parametrize("submit", [smtplib_submit, swaks_submit, curl_submit, nodemailer_submit])
def test_each_username_form_signs_in(server, shared_sender, mailbox, submit, form):
    message = submission(shared_sender, username=shared_sender.username_forms()[form])
    assert_accepted(submit(server, message))
    mailbox.wait_for(message.subject)


def test_username_in_email_form_signs_in(server, sender, mailbox):
    sender.username = f"printer@{sender.domain}"
    sender.username_resource = unique("printer")
    sender.put_username()
    message = submission(sender)
    assert_accepted(smtplib_submit(server, message))
    mailbox.wait_for(message.subject)


def test_body_and_dots_arrive_unchanged(server, shared_sender, mailbox):
    message = submission(shared_sender)
    assert_accepted(smtplib_submit(server, message))
    body = mailbox.wait_for(message.subject).get_content()
    assert body.splitlines() == ["Sent by a conformance test.", ".", "..two dots"]


def test_queue_show_traces_an_accepted_message(server, shared_sender, mailbox):
    message = submission(shared_sender)
    outcome = smtplib_submit(server, message)
    assert_accepted(outcome)
    mailbox.wait_for(message.subject)
    deadline = time.monotonic() + 10
    while True:
        shown = run_command("queue", "show", outcome.message_id, "--output", "json", data=server.data)
        assert shown.returncode == 0, shown.stderr
        properties = json.loads(shown.stdout)["properties"]
        if properties["state"] == "delivered":
            break
        assert time.monotonic() < deadline, shown.stdout
        time.sleep(0.05)
    assert [recipient["address"] for recipient in properties["recipients"]] == [message.to]
    assert len(properties["trace"]) >= 2, "accepted, and the attempt"


# Each missing link


def test_wrong_secret(server, sender):
    assert_refused(smtplib_submit(server, submission(sender, password="wrong" * 8)), AUTH_REFUSED)
    assert_works_again(server, sender, lambda: None)


@pytest.mark.parametrize("submit", [swaks_submit, curl_submit, nodemailer_submit])
def test_wrong_secret_with_each_client(server, sender, submit):
    outcome = submit(server, submission(sender, password="wrong" * 8))
    assert not outcome.ok
    assert AUTH_REFUSED in outcome.reply, outcome.report


def test_expired_secret(server, sender):
    now = datetime.datetime.now(datetime.UTC)
    _, expired = sender.add_secret(start=now - datetime.timedelta(days=2), end=now - datetime.timedelta(days=1))
    assert_refused(smtplib_submit(server, submission(sender, password=expired)), AUTH_REFUSED)
    _, fresh = sender.add_secret(end=now + datetime.timedelta(days=1))
    assert_works_again(server, sender, lambda: None, password=fresh)


def test_secret_expires_while_the_server_runs(server, sender):
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    _, secret = sender.add_secret(end=end)
    assert_accepted(smtplib_submit(server, submission(sender, password=secret)))
    deadline = time.monotonic() + 6
    while (outcome := smtplib_submit(server, submission(sender, password=secret))).ok:
        assert time.monotonic() < deadline, "an expired secret still signs in"
        time.sleep(0.1)
    assert_refused(outcome, AUTH_REFUSED)


def test_removed_secret(server, sender):
    key_id, secret = sender.add_secret()
    assert_accepted(smtplib_submit(server, submission(sender, password=secret)))
    sender.remove_secret(key_id)
    assert_refused(smtplib_submit(server, submission(sender, password=secret)), AUTH_REFUSED)
    assert_accepted(smtplib_submit(server, submission(sender)))


def test_no_service_principal(server, sender):
    sender.delete_service_principal()
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)

    def put_right():
        sender.make_service_principal()
        sender.assign_role()

    assert_works_again(server, sender, put_right)


def test_disabled_service_principal(server, sender):
    sender.enable(False)
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)
    assert_works_again(server, sender, lambda: sender.enable(True))


@pytest.mark.parametrize("missing", SENDING_ACTIONS)
def test_role_without_one_of_the_actions(server, sender, missing):
    sender.put_role([action for action in SENDING_ACTIONS if action != missing])
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)
    readiness = explain(server, sender.username)
    assert readiness["ready"] is False
    assert missing.lower() in json.dumps(readiness).lower(), "the operator is told which action is missing"
    assert_works_again(server, sender, lambda: sender.put_role(SENDING_ACTIONS))
    assert explain(server, sender.username)["ready"] is True


def test_no_role_assignment(server, sender):
    sender.unassign_role()
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)
    assert_works_again(server, sender, sender.assign_role)


def test_role_at_a_sibling_scope(server, sender):
    sibling = sender.make_service(unique("acs"), [sender.domain_id])
    sender.unassign_role()
    sender.assign_role(sibling)
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)
    assert_works_again(server, sender, lambda: sender.assign_role(sender.service_id))


@pytest.mark.parametrize("scope", ["group", "subscription"])
def test_role_at_a_scope_above(server, sender, scope):
    sender.unassign_role()
    above = sender.azure.subscription_scope
    if scope == "group":
        above += f"/resourceGroups/{sender.group}"
    assert_works_again(server, sender, lambda: sender.assign_role(above))


def test_domain_not_linked(server, sender):
    sender.link_domains([])
    assert_refused(smtplib_submit(server, submission(sender)), DOMAIN_NOT_LINKED)
    assert_works_again(server, sender, lambda: sender.link_domains([sender.domain_id]))


@pytest.mark.parametrize("submit", [swaks_submit, curl_submit, nodemailer_submit])
def test_domain_not_linked_with_each_client(server, sender, submit):
    sender.link_domains([])
    assert_refused(submit(server, submission(sender)), DOMAIN_NOT_LINKED)


def test_sender_domain_is_not_checked_by_suffix(server, shared_sender):
    for domain in (f"sub.{shared_sender.domain}", f"x{shared_sender.domain}", shared_sender.domain.split(".", 1)[1]):
        outcome = smtplib_submit(server, submission(shared_sender, sender=f"donotreply@{domain}"))
        assert_refused(outcome, DOMAIN_NOT_LINKED)


def test_domain_of_an_email_form_username_not_linked(server, sender):
    other_id, other = sender.make_domain(unique("email"))
    sender.link_domains([sender.domain_id, other_id])
    sender.username = f"printer@{other}"
    sender.username_resource = unique("printer")
    sender.put_username()
    assert_accepted(smtplib_submit(server, submission(sender)))
    sender.link_domains([sender.domain_id])
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)
    assert_works_again(server, sender, lambda: sender.link_domains([sender.domain_id, other_id]))


def test_sender_not_registered(server, sender):
    address = f"invoices@{sender.domain}"
    assert_refused(smtplib_submit(server, submission(sender, sender=address)), UNKNOWN_SENDER)
    assert_works_again(server, sender, lambda: sender.add_sender_username("invoices"), sender=address)


def test_header_from_not_registered(server, sender):
    outcome = smtplib_submit(server, submission(sender, header_from=f"boss@{sender.domain}"))
    assert_refused(outcome, UNKNOWN_SENDER)
    outcome = smtplib_submit(server, submission(sender, header_from="boss@example.com"))
    assert_refused(outcome, DOMAIN_NOT_LINKED)


def test_sender_address_ignores_letter_case(server, shared_sender):
    local, _, domain = shared_sender.address.partition("@")
    assert_accepted(smtplib_submit(server, submission(shared_sender, sender=f"{local.upper()}@{domain.upper()}")))


def test_smtp_username_missing(server, sender):
    sender.delete_username()
    assert_refused(smtplib_submit(server, submission(sender)), AUTH_REFUSED)
    assert_works_again(server, sender, sender.put_username)


def test_token_of_another_application(server, azure, shared_sender):
    other = Sender(azure)
    message = submission(shared_sender, token=other.access_token(), password="")
    for mechanism in ("XOAUTH2", "OAUTHBEARER"):
        assert_refused(smtplib_submit(server, message, mechanism), AUTH_REFUSED)


def test_token_for_another_audience(server, azure, shared_sender):
    message = submission(shared_sender, token=azure.token(f"{azure.arm}/.default"), password="")
    assert_refused(smtplib_submit(server, message, "XOAUTH2"), AUTH_REFUSED)


# Inside an open connection


def test_removed_assignment_stops_an_open_connection(server, sender):
    message = submission(sender)
    with connect(server) as connection:
        sign_in(connection, message, "PLAIN")
        assert_accepted(deliver(connection, message))
        sender.unassign_role()
        code, text = connection.mail(sender.address)
        assert 500 <= code < 600 and text.startswith(b"5.7."), (code, text)
        try:
            sender.assign_role()
            connection.rset()
            assert_accepted(deliver(connection, submission(sender)))
        except smtplib.SMTPServerDisconnected:
            assert_accepted(smtplib_submit(server, submission(sender)))


def test_many_messages_over_one_connection(server, shared_sender, mailbox):
    messages = [submission(shared_sender) for _ in range(20)]
    with connect(server) as connection:
        sign_in(connection, messages[0], "LOGIN")
        outcomes = [deliver(connection, message) for message in messages]
    assert all(outcome.ok for outcome in outcomes)
    assert len({outcome.message_id for outcome in outcomes}) == len(messages)
    mailbox.wait_for_all({message.subject for message in messages})


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_version(server, shared_sender, version):
    import ssl

    from gatepost_conformance.clients import tls_context

    context = tls_context(server)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    message = submission(shared_sender)
    with smtplib.SMTP(*server.smtp, timeout=30) as connection:
        connection.starttls(context=context)
        sign_in(connection, message, "PLAIN")
        assert connection.sock.version() == version.replace("_", ".")
        assert_accepted(deliver(connection, message))


def test_ehlo_keywords(server):
    with smtplib.SMTP(*server.smtp, timeout=30) as connection:
        connection.ehlo()
        assert connection.has_extn("starttls")
        assert not connection.has_extn("auth"), "AUTH only under TLS"
    with connect(server) as connection:
        connection.ehlo()
        assert not connection.has_extn("starttls")
        for keyword in ("pipelining", "size", "8bitmime", "smtputf8", "chunking", "enhancedstatuscodes"):
            assert connection.has_extn(keyword), keyword
        assert set(connection.esmtp_features["auth"].split()) == {"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}
