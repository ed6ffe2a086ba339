"""Bytes on a socket, for what no well-behaved client would send."""

import re
import socket
import ssl
import time

from gatepost_conformance.clients import b64, tls_context

REPLY_END = re.compile(rb"^\d{3}(?: .*)?\r\n\Z", re.M)
ENHANCED = re.compile(r"^[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3} ")


class Closed(Exception):
    """The server closed the connection."""


class Wire:
    """A socket, a buffer, and nothing that corrects mistakes."""

    def __init__(self, address, timeout=30):
        self.socket = socket.create_connection(address, timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def start_tls(self, server):
        """Wraps the socket; what was buffered in clear stays away from what follows."""
        self.buffer = b""
        self.socket = tls_context(server).wrap_socket(self.socket, server_hostname=server.smtp[0])

    def send(self, data):
        """All bytes, or Closed."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as error:
            raise Closed from error

    def line(self):
        """One line, without its end."""
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError, BrokenPipeError) as error:
                raise Closed from error
            if not more:
                raise Closed
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        assert line.endswith(b"\r"), f"a reply line without CR: {line!r}"
        return line[:-1].decode()

    def reply(self):
        """One reply: its lines joined."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def ask(self, command):
        """A command and its reply."""
        self.send(command.encode() + b"\r\n" if isinstance(command, str) else command)
        return self.reply()

    def is_silent(self, seconds=0.3):
        """Whether nothing more comes within this time."""
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            pass
        finally:
            self.socket.settimeout(30)
        return self.buffer == b""

    def drain(self, seconds=10):
        """The replies of so many seconds, or up to the end of the connection."""
        replies, deadline = [], time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                replies.append(self.reply())
        except (Closed, TimeoutError):
            pass
        self.socket.settimeout(30)
        return replies


def greeted(server):
    """Connected and greeted, in clear."""
    wire = Wire(server.smtp)
    assert wire.reply().startswith("220 ")
    return wire


def secured(server):
    """Under TLS, EHLO done."""
    wire = greeted(server)
    assert wire.ask("EHLO client.example").startswith("250")
    assert wire.ask("STARTTLS").startswith("220 ")
    wire.start_tls(server)
    assert wire.ask("EHLO client.example").startswith("250")
    return wire


def authenticated(server, sender):
    """Signed in."""
    wire = secured(server)
    reply = wire.ask("AUTH PLAIN " + b64(f"\0{sender.username}\0{sender.secret}"))
    assert reply.startswith("235 "), reply
    return wire


def in_data(server, sender, to="recipient@example.net"):
    """Signed in, envelope given, DATA answered with 354."""
    wire = authenticated(server, sender)
    assert wire.ask(f"MAIL FROM:<{sender.address}>").startswith("250 ")
    assert wire.ask(f"RCPT TO:<{to}>").startswith("250 ")
    assert wire.ask("DATA").startswith("354")
    return wire
