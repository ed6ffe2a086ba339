"""Role assignments under conditions that matter for mail: what an application may send, to whom, from where."""

import datetime
import json
import smtplib

import pytest
from azure.core.exceptions import HttpResponseError

from gatepost_conformance.clients import connect, sign_in, smtplib_submit, swaks_submit
from gatepost_conformance.sender import unique
from gatepost_conformance.server import run_command
from test_smtp import AUTH_REFUSED, assert_accepted, assert_refused, submission

MAIL = "Microsoft.Communication/EmailServices"
SENDER = f"@Request[{MAIL}:SenderAddress]"
RECIPIENT_DOMAIN = f"@Request[{MAIL}:RecipientDomain]"
RECIPIENT_COUNT = f"@Request[{MAIL}:RecipientCount]"
CLIENT = "@Environment[ClientAddress]"
NOW = "@Environment[UtcNow]"

SENDER_REFUSED = "550 5.7.1 Sending from this address is not allowed"
RECIPIENT_REFUSED = "550 5.7.1 Sending to this recipient is not allowed"
MESSAGE_REFUSED = "550 5.7.1 Sending this message is not allowed"


def moment(days):
    """A moment so many days from now, as conditions write it."""
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return when.strftime("'%Y-%m-%dT%H:%M:%S.0000000Z'")


def guarded(expression):
    """The usual form of a condition: it holds for the actions that sending takes."""
    return (
        "((!(ActionMatches{'Microsoft.Communication/CommunicationServices/*'})"
        f" AND !(ActionMatches{{'{MAIL}/write'}})) OR ({expression}))"
    )


def transaction(server, chain, recipients, *, sender=None, header_from=None):
    """A message to several recipients: the reply to each RCPT, and the last reply."""
    message = submission(chain, sender=sender or chain.address, header_from=header_from)
    with connect(server) as connection:
        sign_in(connection, message, "PLAIN")
        code, text = connection.mail(message.sender)
        assert code == 250, text
        told = [f"{code} {text.decode()}" for code, text in map(connection.rcpt, recipients)]
        code, text = connection.data(message.text().as_bytes().replace(b"\n", b"\r\n"))
        return told, f"{code} {text.decode()}"


def signs_in(server, chain):
    """Whether AUTH succeeds; its refusal must be the usual one."""
    try:
        with connect(server) as connection:
            sign_in(connection, submission(chain), "PLAIN")
            return True
    except smtplib.SMTPAuthenticationError as error:
        assert f"{error.smtp_code} {error.smtp_error.decode()}" == AUTH_REFUSED
        return False


def explained(server, username):
    """The checks of `gatepost smtp explain`, and its recent refusals."""
    ran = run_command("smtp", "explain", username, "--output", "json", data=server.data)
    told = json.loads(ran.stdout)
    return {check["name"]: check for check in told["checks"]}, told


def test_only_as_its_own_sender(server, sender):
    sender.add_sender_username("billing")
    billing = f"billing@{sender.domain}"
    made = sender.hold_to(guarded(f"{SENDER} StringEquals '{billing}'"))
    assert made.condition_version == "2.0"
    for submit in (smtplib_submit, swaks_submit):
        assert_accepted(submit(server, submission(sender, sender=billing)))
        assert_accepted(submit(server, submission(sender, sender=billing.upper())))
        assert_refused(submit(server, submission(sender)), SENDER_REFUSED)
    # The author in the header is held to it as well as the reverse-path.
    assert_refused(smtplib_submit(server, submission(sender, sender=billing, header_from=sender.address)), MESSAGE_REFUSED)
    checks, told = explained(server, sender.username)
    assert told["ready"], told
    assert "under a condition" in checks[f"{MAIL}/write"]["detail"]
    assert any("not allowed" in refusal["reason"] for refusal in told["recentRefusals"])


def test_only_to_inside_domains(server, sender, mailbox):
    sender.hold_to(guarded(f"{RECIPIENT_DOMAIN} ForAnyOfAnyValues:StringEquals {{'inside.example', 'partner.example'}}"))
    message = submission(sender, to="someone@Inside.Example")
    assert_accepted(smtplib_submit(server, message))
    mailbox.wait_for(message.subject)
    assert_refused(smtplib_submit(server, submission(sender, to="someone@outside.example")), RECIPIENT_REFUSED)
    assert_refused(smtplib_submit(server, submission(sender, to="a@inside.example.evil.example")), RECIPIENT_REFUSED)
    # One recipient is refused, the others get the message.
    told, last = transaction(server, sender, ["a@inside.example", "b@outside.example", "c@partner.example"])
    assert told[1] == RECIPIENT_REFUSED and told[0].startswith("250") and told[2].startswith("250")
    assert last.startswith("250 2.0.0 ")


def test_at_most_so_many_recipients(server, sender):
    sender.hold_to(guarded(f"{RECIPIENT_COUNT} NumericLessThanEquals 2"))
    told, last = transaction(server, sender, ["a@x.example", "b@y.example"])
    assert last.startswith("250 2.0.0 ")
    told, last = transaction(server, sender, ["a@x.example", "b@y.example", "c@z.example"])
    assert all(reply.startswith("250") for reply in told)
    assert last == MESSAGE_REFUSED


def test_only_from_a_subnet(server, sender):
    for networks, inside in [("'127.0.0.0/8', '::1'", True), ("'203.0.113.0/24', '2001:db8::/32'", False)]:
        sender.hold_to(guarded(f"{CLIENT} ForAnyOfAnyValues:IpAddressIn {{{networks}}}"))
        assert signs_in(server, sender) == inside
    sender.hold_to(guarded(f"{CLIENT} IpAddressIn '127.0.0.0/8' OR {CLIENT} IpAddressIn '::1'"))
    assert_accepted(smtplib_submit(server, submission(sender)))
    sender.hold_to(guarded(f"{CLIENT} ForAnyOfAllValues:IpAddressNotIn {{'127.0.0.0/8', '::1'}}"))
    assert not signs_in(server, sender)


def test_only_until_a_date(server, sender):
    sender.hold_to(guarded(f"{NOW} DateTimeLessThan {moment(1)}"))
    assert_accepted(smtplib_submit(server, submission(sender)))
    sender.hold_to(guarded(f"{NOW} DateTimeLessThan {moment(-1)}"))
    assert not signs_in(server, sender)
    checks, told = explained(server, sender.username)
    assert not told["ready"]
    assert not checks[f"{MAIL}/write"]["passed"]


def test_all_of_it_together(server, sender):
    sender.add_sender_username("billing")
    billing = f"billing@{sender.domain}"
    sender.hold_to(
        guarded(
            f"{SENDER} StringEqualsIgnoreCase '{billing.upper()}'"
            f" AND {RECIPIENT_DOMAIN} StringLike '*.example'"
            f" AND {RECIPIENT_COUNT} NumericLessThan 3"
            f" AND ({CLIENT} IpAddressIn '127.0.0.0/8' OR {CLIENT} IpAddressIn '::1')"
            f" AND {NOW} DateTimeLessThan {moment(1)}"
        )
    )
    told, last = transaction(server, sender, ["a@inside.example", "b@other.example"], sender=billing)
    assert last.startswith("250 2.0.0 "), (told, last)
    told, last = transaction(server, sender, ["a@inside.example", "b@other.test"], sender=billing)
    assert told[1] == RECIPIENT_REFUSED and last.startswith("250")
    told, last = transaction(server, sender, [f"{n}@inside.example" for n in range(3)], sender=billing)
    assert last == MESSAGE_REFUSED
    assert_refused(smtplib_submit(server, submission(sender, to="a@inside.example")), SENDER_REFUSED)


def test_a_change_counts_at_once_in_an_open_connection(server, sender):
    message = submission(sender, to="a@inside.example")
    inside = guarded(f"{RECIPIENT_DOMAIN} StringEquals 'inside.example'")
    with connect(server) as connection:
        sign_in(connection, message, "PLAIN")

        def attempt():
            replies = [connection.mail(message.sender)[0]]
            if replies[0] == 250:
                replies.append(connection.rcpt(message.to)[0])
            connection.rset()
            return replies

        assert attempt() == [250, 250]
        sender.hold_to(inside)
        assert attempt() == [250, 250]
        sender.hold_to(inside.replace("inside.", "elsewhere."))
        assert attempt() == [250, 550]
        sender.hold_to(guarded(f"{NOW} DateTimeLessThan {moment(-1)}"))
        assert attempt() == [535]
        sender.hold_to(None)
        assert attempt() == [250, 250]
        # Changed between MAIL and RCPT.
        sender.hold_to(inside)
        assert connection.mail(message.sender)[0] == 250
        sender.hold_to(inside.replace("inside.", "elsewhere."))
        assert connection.rcpt(message.to)[0] == 550


def test_a_second_assignment_without_a_condition_wins(server, azure, sender):
    sender.hold_to(guarded(f"{RECIPIENT_COUNT} NumericLessThan 1"))
    assert_refused(smtplib_submit(server, submission(sender)), MESSAGE_REFUSED)
    group = f"{azure.subscription_scope}/resourceGroups/{sender.group}"
    sender.assign_role(group)
    assert_accepted(smtplib_submit(server, submission(sender)))


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("@Request[x] StringEqual 'y'", "Line 1, character 13"),
        (guarded(f"{RECIPIENT_COUNT} NumericLessThan 'three'"), "expected an integer"),
        (f"{SENDER} StringEquals 'a' AND {SENDER} StringEquals 'b' OR {RECIPIENT_COUNT} NumericLessThan 1", "ambiguous"),
        (f"@Request[{MAIL}:Subject] StringEquals 'x'", f"Resource attribute {MAIL}:Subject is not valid."),
        (f"{CLIENT} IpAddressIn '10.0.0.1/8'", "'10.0.0.0/8'"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(server, sender, condition, told):
    with pytest.raises(HttpResponseError) as refused:
        sender.hold_to(condition)
    assert refused.value.status_code == 400
    assert told in refused.value.message
    # Nothing was changed.
    assert_accepted(smtplib_submit(server, submission(sender, subject=unique("unchanged"))))
