"""The SMTP clients: each submits one message and returns its outcome in one shape."""

import base64
import email.policy
import json
import re
import smtplib
import ssl
import subprocess
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

NODE_SCRIPT = Path(__file__).resolve().parents[1] / "node" / "submit.mjs"
TO = "recipient@example.net"


@dataclass
class Outcome:
    """What became of a submission: the server's last word, and the client's own report."""

    ok: bool
    reply: str
    report: str = ""

    @property
    def message_id(self):
        """The server's id of an accepted message."""
        found = re.search(r"250 2\.0\.0 .*?([0-9a-f]{8}-[0-9a-f-]{27})", self.reply)
        assert found, f"no message id in {self.reply!r}"
        return found.group(1)


@dataclass
class Submission:
    """One message and who sends it."""

    username: str
    password: str
    sender: str
    subject: str
    to: str = TO
    header_from: str | None = None
    token: str | None = None

    def text(self):
        """The message as RFC 5322 text, header left incomplete on purpose: no Date, no Message-ID."""
        message = EmailMessage()
        message["From"] = self.header_from or self.sender
        message["To"] = self.to
        message["Subject"] = self.subject
        message.set_content("Sent by a conformance test.\n.\n..two dots\n")
        return message


def tls_context(server):
    """A client's default context that trusts the server's CA."""
    return ssl.create_default_context(cafile=server.ca_file)


def connect(server, *, implicit=False, timeout=30):
    """An smtplib connection under TLS that has not signed in."""
    if implicit:
        return smtplib.SMTP_SSL(*server.smtps, context=tls_context(server), timeout=timeout)
    connection = smtplib.SMTP(*server.smtp, timeout=timeout)
    connection.starttls(context=tls_context(server))
    return connection


def reply_of(code, text):
    """An smtplib reply as one line."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return f"{code} {text}"


def sign_in(connection, submission, mechanism):
    """AUTH with one mechanism; raises SMTPAuthenticationError."""
    connection.ehlo_or_helo_if_needed()
    connection.user, connection.password = submission.username, submission.password
    if mechanism == "PLAIN":
        connection.auth("PLAIN", connection.auth_plain)
    elif mechanism == "LOGIN":
        connection.auth("LOGIN", connection.auth_login)
    else:
        response = xoauth2(submission) if mechanism == "XOAUTH2" else oauthbearer(submission)
        # A refusal comes as a challenge with the reason in JSON, which the client answers with an empty line.
        connection.auth(mechanism, lambda challenge=None: response if challenge is None else "")


def xoauth2(submission):
    """The initial response of XOAUTH2."""
    return f"user={submission.username}\1auth=Bearer {submission.token}\1\1"


def oauthbearer(submission):
    """The initial response of OAUTHBEARER, RFC 7628 section 3.1."""
    name = submission.username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1auth=Bearer {submission.token}\1\1"


def smtplib_submit(server, submission, mechanism="PLAIN", *, implicit=False):
    """Python's own client."""
    try:
        with connect(server, implicit=implicit) as connection:
            sign_in(connection, submission, mechanism)
            return deliver(connection, submission)
    except smtplib.SMTPAuthenticationError as error:
        return Outcome(False, reply_of(error.smtp_code, error.smtp_error))


def deliver(connection, submission):
    """One mail transaction on a connection that has signed in."""
    for code, text in (connection.mail(submission.sender), connection.rcpt(submission.to)):
        if code >= 400:
            connection.rset()
            return Outcome(False, reply_of(code, text))
    code, text = connection.data(submission.text().as_bytes(policy=email.policy.SMTP))
    return Outcome(code == 250, reply_of(code, text))


def _run(command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def swaks_submit(server, submission, mechanism="PLAIN", *, implicit=False):
    """The Swiss Army Knife for SMTP."""
    host, port = server.smtps if implicit else server.smtp
    ran = _run([
        "swaks", "--server", host, "--port", str(port), "--tls-on-connect" if implicit else "--tls",
        "--tls-verify", "--tls-ca-path", server.ca_file,
        "--auth", mechanism, "--auth-user", submission.username, "--auth-password", submission.password,
        "--from", submission.sender, "--to", submission.to,
        "--header", f"Subject: {submission.subject}",
    ])
    # swaks marks what the server says: `<~` under TLS, `<~*` where it is an error.
    replies = re.findall(r"^<[~-][* ]+\s*(\d{3}[ -].*)$", ran.stdout, re.M)
    telling = [reply for reply in replies if not reply.startswith("221")]
    return Outcome(ran.returncode == 0, telling[-1] if telling else "", ran.stdout + ran.stderr)


def curl_submit(server, submission, mechanism="PLAIN", *, implicit=False):
    """curl, with a secret or with a token."""
    host, port = server.smtps if implicit else server.smtp
    command = ["curl", "--silent", "--show-error", "--verbose", "--max-time", "30", "--cacert", server.ca_file]
    command += ["--url", f"{'smtps' if implicit else 'smtp'}://{host}:{port}"]
    command += [] if implicit else ["--ssl-reqd"]
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        command += ["--user", f"{submission.username}:", "--oauth2-bearer", submission.token]
    else:
        command += ["--user", f"{submission.username}:{submission.password}"]
    command += ["--login-options", f"AUTH={mechanism}", "--mail-from", submission.sender]
    command += ["--mail-rcpt", submission.to, "--upload-file", "-"]
    ran = _run(command, submission.text().as_bytes(policy=email.policy.SMTP).decode())
    replies = [line for line in re.findall(r"^< (\d{3} .*?)\r?$", ran.stderr, re.M) if not line.startswith("221")]
    return Outcome(ran.returncode == 0, replies[-1] if replies else "", ran.stderr)


def nodemailer_submit(server, submission, mechanism="PLAIN", *, implicit=False):
    """nodemailer under Node.js."""
    host, port = server.smtps if implicit else server.smtp
    if mechanism == "XOAUTH2":
        auth = {"type": "OAuth2", "user": submission.username, "accessToken": submission.token}
    else:
        auth = {"user": submission.username, "pass": submission.password}
    transport = {
        "host": host,
        "port": port,
        "secure": implicit,
        "requireTLS": not implicit,
        "auth": auth,
        "authMethod": mechanism,
        "tls": {"ca": Path(server.ca_file).read_text()},
    }
    message = {
        "from": submission.header_from or submission.sender,
        "to": submission.to,
        "subject": submission.subject,
        "text": "Sent by a conformance test.",
        "envelope": {"from": submission.sender, "to": [submission.to]},
    }
    ran = _run(["node", str(NODE_SCRIPT)], json.dumps({"transport": transport, "message": message}))
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    return Outcome(said["ok"], said.get("response") or "", ran.stdout)


def b64(text):
    """Base64 of text, as SASL wants it on the wire."""
    return base64.b64encode(text.encode()).decode()
