"""The systems under measurement. Each starts on an empty folder, takes authenticated mail, delivers none, stops."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from disks import command

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "conformance"))

from gatepost_conformance.azure import Azure  # noqa: E402
from gatepost_conformance.sender import Sender  # noqa: E402
from gatepost_conformance.server import Server  # noqa: E402

USER, PASSWORD, SENDER = "load@example.com", "k3yS8vQzXw5nT1rB7uJ0mC4hG9dF2aLpEoYi6sRt", "load@example.com"
POSTFIX_PORT, OPENSMTPD_PORT = 42587, 43587
PATIENCE = 15.0


def wait_until(ready, what):
    """Polls a condition."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {PATIENCE} s")
        time.sleep(0.02)


def listens(port):
    """Whether something listens on this port of the loopback address."""
    wanted = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in lines)


def gone(pid):
    """Whether a process has ended; one that nobody reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def make_certificate(folder):
    """A self-signed ECDSA P-256 certificate for localhost."""
    command(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "7", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-addext", "basicConstraints=critical,CA:FALSE",
    )


class System:
    """What the runner asks of each."""

    name = ""
    # Whether it offers PIPELINING; a client that pipelines all the same is cut off.
    pipelining = True
    username, password, sender = USER, PASSWORD, SENDER

    def __init__(self, folder, cache):
        self.folder, self.cache = Path(folder), Path(cache)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()


class Postfix(System):
    """Postfix and Dovecot's authentication service, in configuration, queue and data folders of their own."""

    name = "Postfix"
    roots, dovecot, master = (), None, None
    port = POSTFIX_PORT

    def start(self):
        home = self.folder
        make_certificate(home)
        self.ca_file = home / "cert.pem"
        for name in ("conf", "queue", "data", "dovecot/run"):
            (home / name).mkdir(parents=True)
        shutil.chown(home / "data", "postfix")
        (home / "conf" / "main.cf").write_text(self.main_cf())
        (home / "conf" / "master.cf").write_text(MASTER_CF.format(port=self.port))
        (home / "dovecot" / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (home / "dovecot" / "dovecot.conf").write_text(DOVECOT_CONF.format(home=home / "dovecot"))
        self.dovecot = subprocess.Popen(
            ["dovecot", "-F", "-c", str(home / "dovecot" / "dovecot.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until((home / "dovecot" / "auth").exists, "Dovecot's authentication socket")
        command("postfix", "-c", home / "conf", "start")
        wait_until(lambda: listens(self.port), "Postfix")
        self.master = int((home / "queue" / "pid" / "master.pid").read_text())
        self.roots = (self.master, self.dovecot.pid)

    def main_cf(self):
        defaults = dict(
            line.split(" = ", 1) for line in command("postconf", "-d").splitlines() if " = " in line
        )
        installed = "\n".join(
            f"{name} = {defaults[name]}"
            for name in ("command_directory", "daemon_directory", "shlib_directory", "meta_directory")
        )
        return f"{installed}\n" + MAIN_CF.format(home=self.folder)

    def queued(self):
        """Messages in the queue."""
        return sum(
            len(files) for name in ("incoming", "active", "deferred")
            for _, _, files in os.walk(self.folder / "queue" / name)
        )

    def stop(self):
        if self.master:
            subprocess.run(["postfix", "-c", str(self.folder / "conf"), "stop"], capture_output=True, check=False)
            wait_until(lambda: gone(self.master), "the end of Postfix")
        if self.dovecot:
            self.dovecot.terminate()
            self.dovecot.wait()


MAIN_CF = """compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = localhost.localdomain
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
local_recipient_maps =
mynetworks = 192.0.2.1/32
alias_maps =
alias_database =
biff = no
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
default_process_limit = 300
defer_transports = smtp
message_size_limit = 31457280
mailbox_size_limit = 0
smtpd_tls_cert_file = {home}/cert.pem
smtpd_tls_key_file = {home}/key.pem
smtpd_tls_protocols = >=TLSv1.2
smtpd_sasl_type = dovecot
smtpd_sasl_path = {home}/dovecot/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""

MASTER_CF = """127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
  -o smtpd_sasl_auth_enable=yes
pickup   unix n - n 60    1 pickup
cleanup  unix n - n -     0 cleanup
qmgr     unix n - n 300   1 qmgr
tlsmgr   unix - - n 1000? 1 tlsmgr
rewrite  unix - - n -     - trivial-rewrite
bounce   unix - - n -     0 bounce
defer    unix - - n -     0 bounce
trace    unix - - n -     0 bounce
proxymap unix - - n -     - proxymap
smtp     unix - - n -     - smtp
showq    unix n - n -     - showq
error    unix - - n -     - error
retry    unix - - n -     - error
anvil    unix - - n -     1 anvil
"""

DOVECOT_CONF = """base_dir = {home}/run
state_dir = {home}/run
log_path = /dev/null
protocols =
ssl = no
auth_mechanisms = plain login
disable_plaintext_auth = no
auth_cache_size = 1M
default_client_limit = 4000
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {home}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service auth {{
  client_limit = 4000
  unix_listener {home}/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
"""


class OpenSmtpd(System):
    """OpenSMTPD 7.6 in a folder with Debian 13; its queue is mounted from the run's folder."""

    name = "OpenSMTPD"
    pipelining = False
    process, roots, spool = None, (), None
    port = OPENSMTPD_PORT

    def start(self):
        self.root = self.cache / "trixie"
        if not (self.root / "usr/sbin/smtpd").exists():
            raise SystemExit("no Debian 13 folder: run with --set-up first")
        make_certificate(self.folder)
        self.ca_file = self.folder / "cert.pem"
        etc = self.root / "etc"
        for name, mode in (("cert.pem", 0o644), ("key.pem", 0o600)):
            shutil.copy(self.folder / name, etc / f"peer-{name}")
            (etc / f"peer-{name}").chmod(mode)
        digest = command("openssl", "passwd", "-1", PASSWORD).strip()
        (etc / "peer-users").write_text(f"{USER} {digest}\n")
        (etc / "smtpd.conf").write_text(SMTPD_CONF.format(port=self.port))
        # It looks up the name of each client: answered from this file, at once.
        (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (etc / "resolv.conf").write_text("lookup file\n")
        self.widen_backlog()
        queue = self.folder / "opensmtpd"
        queue.mkdir(mode=0o711)
        spool = self.root / "var/spool/smtpd"
        spool.mkdir(parents=True, exist_ok=True)
        command("mount", "--bind", queue, spool)
        self.spool = spool
        self.process = subprocess.Popen(
            ["chroot", str(self.root), "/usr/sbin/smtpd", "-F"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: listens(self.port), "OpenSMTPD")
        command("chroot", self.root, "smtpctl", "pause", "mta")
        self.roots = (self.process.pid,)

    def widen_backlog(self):
        """OpenSMTPD listens with a backlog of 5: of 100 clients at once most would wait seconds for a connection."""
        library = self.root / "usr/lib/backlog.so"
        source = self.folder / "backlog.c"
        source.write_text(BACKLOG)
        command("cc", "-shared", "-fPIC", "-O1", "-o", library, source)
        (self.root / "etc/ld.so.preload").write_text("/usr/lib/backlog.so\n")

    def queued(self):
        """Messages in the queue."""
        return sum(1 for _, _, files in os.walk(self.spool / "queue") for name in files if name == "message")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        if self.spool:
            wait_until(
                lambda: subprocess.run(["umount", str(self.spool)], capture_output=True, check=False).returncode == 0,
                "unmounting OpenSMTPD's queue",
            )


SMTPD_CONF = """pki localhost cert "/etc/peer-cert.pem"
pki localhost key "/etc/peer-key.pem"
table users file:/etc/peer-users
smtp max-message-size 30M
smtp limit max-mails 100000
listen on 127.0.0.1 port {port} tls-require pki localhost auth <users>
action "out" relay
match auth from any for any action "out"
"""


BACKLOG = """#include <sys/syscall.h>
#include <unistd.h>
int listen(int fd, int backlog) { (void)backlog; return (int)syscall(SYS_listen, fd, 4096); }
"""


class Gatepost(System):
    """This project's server, with the chain of the quickstart made by stock clients."""

    name = "Gatepost"
    server, roots = None, ()
    arguments = ("--hold-delivery",)

    def start(self):
        self.server = Server(self.folder / "data", *self.arguments)
        self.server.start()
        sender = Sender(Azure(self.server))
        self.username, self.password, self.sender = sender.username, sender.secret, sender.address
        self.ca_file = self.server.ca_file
        _, self.port = self.server.smtp
        self.roots = (self.server.process.pid,)

    def queued(self):
        """Messages accepted since the start, from the server's own counter."""
        import requests

        text = requests.get(self.server.endpoint("management") + "/metrics", timeout=10).text
        for line in text.splitlines():
            if line.startswith("gatepost_messages_accepted_total "):
                return int(line.split()[1])
        raise SystemExit("no count of accepted messages in /metrics")

    def stop(self):
        if self.server and self.server.is_running():
            self.server.process.send_signal(signal.SIGTERM)
            self.server.process.wait(60)


class GatepostCapturing(Gatepost):
    """The same with delivery to the Maildir running."""

    name = "Gatepost, capturing"
    arguments = ()


SYSTEMS = {"gatepost": Gatepost, "postfix": Postfix, "opensmtpd": OpenSmtpd, "capturing": GatepostCapturing}


def set_up(cache):
    """Debian's packages (nothing of theirs is started) and the Debian 13 folder."""
    wanted = {"postfix": "postfix", "dovecot": "dovecot-core", "debootstrap": "debootstrap", "strace": "strace", "ip": "iproute2"}
    missing = [package for program, package in wanted.items() if not shutil.which(program)]
    policy = Path("/usr/sbin/policy-rc.d")
    if missing:
        had_policy = policy.exists()
        if not had_policy:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        try:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(
                ["debconf-set-selections"], text=True, check=True,
                input="postfix postfix/main_mailer_type select No configuration\n",
            )
            command("apt-get", "update")
            command("apt-get", "install", "-y", "--no-install-recommends", *missing, env=environment)
        finally:
            if not had_policy:
                policy.unlink()
    root = Path(cache) / "trixie"
    if not (root / "usr/sbin/smtpd").exists():
        shutil.rmtree(root, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        mirror = command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()[0]
        command("debootstrap", "--variant=minbase", "--include=opensmtpd", "trixie", root, mirror)
