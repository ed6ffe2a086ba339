"""One tenant's administrators, who try what is another tenant's and compare the answers with those for what nobody has."""

import base64
import difflib
import json
import re
import smtplib
from dataclasses import dataclass

from gatepost_conformance.clients import Submission, connect, deliver, reply_of, sign_in
from gatepost_conformance.crossing import OWN, REFUSED
from gatepost_conformance.tenancy import GUID, nobodys, version_of

VOLATILE = re.compile(r"date|.*request-id|retry-after|etag|content-length", re.I)
"""Headers that differ from answer to answer."""
MASKS = [
    (re.compile(r'"((?:client-)?request-id|trace_id|correlation_?id|timestamp|date)"\s*:\s*"[^"]*"', re.I), r'"\1":"*"'),
    (re.compile(rf"((?:Trace|Correlation) ID:?(?:</\w+>\s*<\w+>)?\s*){GUID.pattern}", re.I), r"\1*"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "*"),
]
NEW = [
    (GUID, "*"),
    (re.compile(r'"(?:etag|@odata\.etag)"\s*:\s*"[^"]*"', re.I), '"etag":"*"'),
]
"""What differs from one new thing to another."""


@dataclass
class Finding:
    """An attempt that told more than it should."""

    attempt: str
    what: str

    def __str__(self):
        return f"{self.attempt}\n    {self.what}"


class Intruder:
    """Asks as the administrators of `tenant`, about `victim`."""

    def __init__(self, tenant, victim):
        self.tenant, self.victim = tenant, victim
        self.session = tenant.azure.session
        mine = tenant.names
        graph = tenant.graph("GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')", 200)
        self.mine = {
            **{f"my_{name}": value for name, value in mine.items()},
            "my_client": mine["automation_client"],
            "my_secret_of_automation": mine["automation_secret"],
            "my_domain_id": tenant.sender.domain_id,
            "my_token": tenant.application_token(tenant.azure.arm),
            "my_graph_id": graph["id"],
            "known_tenant": victim.names["tenant"],
            "known_domain": victim.names["tenant_domain"],
            "origin": tenant.azure.arm,
        }
        self.theirs = {
            **victim.names,
            "intruder_client": mine["automation_client"],
            "intruder_secret": mine["automation_secret"],
            "intruder_name": mine["user_name"],
            "intruder_password": tenant.admin["password"],
        }
        self.tried = 0
        self.findings = []

    # One attempt

    def try_all(self, attempts):
        """Each attempt, with each of the tokens that it wants: all about what is there, then all about what is not."""
        asked = [
            (attempt, bearer)
            for attempt in attempts
            for bearer in (("application", "user") if attempt.bearer == "both" else (attempt.bearer,))
        ]
        self.tried += len(asked)
        told, nobody = ([self.ask(*one, names) for one in asked] for names in (self.theirs, nobodys(self.theirs)))
        for (attempt, bearer), (status, real), (_, ghost) in zip(asked, told, nobody, strict=True):
            who = f"{attempt} as {bearer}"
            if attempt.expect == REFUSED and status < 400:
                self.findings.append(Finding(who, f"SUCCEEDED: {status} {real}"))
            elif status >= 500:
                self.findings.append(Finding(who, f"FAILED: {status} {real}"))
            self.compare(who, real, ghost)

    def refused(self, attempts):
        """Each attempt with what is known to exist: only that it is refused."""
        for attempt in attempts:
            self.tried += 1
            status, real = self.ask(attempt, attempt.bearer, self.theirs)
            if not 400 <= status < 500:
                self.findings.append(Finding(str(attempt), f"SUCCEEDED: {status} {real}"))

    def compare(self, who, real, ghost):
        """Notes a difference between the answer for what exists and the one for what does not."""
        if real != ghost:
            lines = difflib.unified_diff(ghost.split("\n"), real.split("\n"), "nobody's", "theirs", lineterm="", n=0)
            self.findings.append(Finding(who, "TOLD APART:\n      " + "\n      ".join(line[:800] for line in lines)))

    def ask(self, attempt, bearer, names):
        """The status, and the whole answer as text with the names masked."""
        reply = self.send(attempt, bearer, names)
        shown = [f"{reply.status_code}"]
        shown += [f"{name}: {value}" for name, value in sorted(reply.headers.items()) if not VOLATILE.fullmatch(name)]
        more = NEW if attempt.expect == OWN else []
        return reply.status_code, self.masked("\n".join([*shown, "", reply.text]), names, more)

    def send(self, attempt, bearer, names):
        """The answer itself."""
        origin = self.tenant.azure
        known = {**self.mine, **names, **self.forged(names)}
        url = {"resourceManager": origin.arm, "graph": f"{origin.graph}/v1.0", "authority": origin.authority}[attempt.edge]
        path = filled(attempt.path, known)
        if attempt.edge == "resourceManager":
            path += f"{'&' if '?' in path else '?'}api-version={version_of(path)}"
        audience = origin.graph if attempt.edge == "graph" else origin.arm
        headers = filled(attempt.headers, known)
        if bearer == "application":
            headers["Authorization"] = f"Bearer {self.tenant.application_token(audience)}"
        elif bearer == "user":
            headers["Authorization"] = f"Bearer {self.tenant.user_token(audience)}"
        elif bearer != "none":
            headers["Authorization"] = f"Bearer {filled(bearer, known)}"
        sent = {"data" if attempt.edge == "authority" else "json": filled(attempt.body, known)}
        return self.session.request(
            attempt.method, url + path, headers=headers, timeout=60, allow_redirects=False,
            **(sent if attempt.body is not None else {}),
        )

    def forged(self, names):
        """The own token with the other tenant's id where a token names its tenant."""
        token, tenant = self.mine["my_token"], names["tenant"]
        issuer = token_claims(token)["iss"].replace(self.tenant.azure.tenant, tenant)
        return {
            "forged_tid": altered(token, tid=tenant),
            "forged_iss": altered(token, iss=issuer),
            "forged_both": altered(token, tid=tenant, iss=issuer),
            "unsigned_both": altered(token, {"alg": "none", "typ": "JWT"}, tid=tenant, iss=issuer),
        }

    def masked(self, text, names, more=()):
        """An answer without what was asked with, and without what differs from answer to answer."""
        labels = {}
        for name, value in {**self.theirs, **self.mine}.items():
            labels.setdefault(value.lower(), name)
        label = {name: labels[value.lower()] for name, value in {**self.mine, **self.theirs}.items()}
        known = {*self.mine.items(), *names.items()}
        for name, value in sorted(known, key=lambda pair: -len(pair[1])):
            text = re.sub(re.escape(value), f"{{{label[name]}}}", text, flags=re.I)
        for pattern, mask in [*MASKS, *more]:
            text = pattern.sub(mask, text)
        return text

    # SMTP

    def sign_in(self, mechanism, username, password):
        """One sign-in as something of the other tenant's."""
        self.tried += 1
        who = f"smtp: AUTH {mechanism} {username} {password or 'with the own token'}"
        real, ghost = (
            self.smtp(mechanism, username, password, names) for names in (self.theirs, nobodys(self.theirs))
        )
        if not real.startswith("5"):
            self.findings.append(Finding(who, f"SUCCEEDED: {real}"))
        self.compare(who, real, ghost)

    def smtp(self, mechanism, username, password, names):
        """The reply to a sign-in."""
        known = {**self.mine, **names}
        token = None if password else self.tenant.sender.access_token()
        letter = Submission(filled(username, known), filled(password, known), "", "", token=token)
        with connect(self.tenant.server) as connection:
            try:
                sign_in(connection, letter, mechanism)
            except smtplib.SMTPAuthenticationError as error:
                return self.masked(reply_of(error.smtp_code, error.smtp_error), names)
            return "235 signed in"

    def send_as(self, sender, *, header_only=False):
        """One message in the other tenant's name, signed in as the own application."""
        self.tried += 1
        who = f"smtp: {'From:' if header_only else 'MAIL FROM'} {sender}"
        real, ghost = (self.sent(sender, header_only, names) for names in (self.theirs, nobodys(self.theirs)))
        if not real.startswith("5"):
            self.findings.append(Finding(who, f"SUCCEEDED: {real}"))
        self.compare(who, real, ghost)

    def sent(self, sender, header_only, names):
        """The last reply to a message."""
        own, address = self.tenant.sender, filled(sender, {**self.mine, **names})
        reverse_path = own.address if header_only else address
        letter = Submission(own.username, own.secret, reverse_path, "Intruder", header_from=address)
        with connect(self.tenant.server) as connection:
            sign_in(connection, letter, "PLAIN")
            return self.masked(deliver(connection, letter).reply, names)


def filled(template, names):
    """A template with its names filled in, at any depth."""
    if isinstance(template, str):
        return template.format_map(names)
    if isinstance(template, dict):
        return {key: filled(value, names) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, names) for value in template]
    return template


def token_claims(token):
    """What a token says."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def altered(token, header=None, **claims):
    """A token that says something else, under the same signature."""
    head, body, signature = token.split(".")
    pack = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")  # noqa: E731
    body = pack({**token_claims(token), **claims})
    return f"{pack(header)}.{body}." if header else f"{head}.{body}.{signature}"
