"""The server under test: started on free ports, watched, stopped, killed."""

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("GATEPOST_BINARY", REPOSITORY / "target" / "release" / "gatepost"))
LISTENERS = (
    "portal",
    "authority",
    "resource-manager",
    "graph",
    "email",
    "provisioning",
    "smtp",
    "smtps",
    "management",
)
START_TIMEOUT = 30.0
STOP_TIMEOUT = 60.0
ERROR_LINE = re.compile(r"\bERROR\b|panicked at")


def free_ports():
    """The flags that let every listener pick a free port of its own."""
    return [word for name in LISTENERS for word in (f"--{name}", "localhost:0")]


def run_command(*words, data=None, timeout=60):
    """Runs an operator command of the same binary."""
    command = [str(BINARY), *map(str, words)]
    if data is not None:
        command += ["--data", str(data)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
    )


def host_and_port(endpoint):
    """`localhost:2587` or `https://localhost:8443/x` as a pair."""
    authority = endpoint.split("://", 1)[-1].split("/", 1)[0]
    host, _, port = authority.rpartition(":")
    return host.strip("[]"), int(port)


class Server:
    """One `gatepost up` process over one data folder. Starting again after `stop` or `kill` is fine."""

    def __init__(self, data, *extra, environment=None):
        self.data = Path(data)
        self.extra = list(extra)
        self.environment = environment or {}
        self.log_path = self.data.parent / f"{self.data.name}.log"
        self.process = None
        self.printed = []
        self._lines = None
        self._reader = None

    def start(self):
        """Starts the process and returns once it has printed `ready`: the seconds that took."""
        assert BINARY.is_file(), f"{BINARY} is not built: cargo build --release"
        self.printed = []
        self._lines = queue.Queue()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "up", "--data", str(self.data), *free_ports(), *self.extra],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self.environment},
            )
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout, self._lines), daemon=True)
        self._reader.start()
        self.wait_for(lambda line: line.strip() == "ready", START_TIMEOUT)
        return time.monotonic() - began

    @staticmethod
    def _read(stream, lines):
        # The queue is this process's own: the reader of a killed one may still be ending.
        for line in stream:
            lines.put(line)
        lines.put(None)

    def wait_for(self, wanted, timeout):
        """Reads standard output up to and with the first line for which `wanted` holds."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not printed in {timeout} s\n{self.describe()}") from None
            if line is None:
                raise AssertionError(f"the server ended with {self.process.wait()}\n{self.describe()}")
            self.printed.append(line)
            if wanted(line):
                return line

    def describe(self):
        """What it printed and the end of its log, for a failed assertion."""
        log = self.log_path.read_text(errors="replace")[-4000:] if self.log_path.exists() else ""
        return f"--- printed\n{''.join(self.printed)}--- log\n{log}"

    @property
    def bootstrap(self):
        """`bootstrap.json` as it is now."""
        return json.loads((self.data / "bootstrap.json").read_text())

    @property
    def ca_file(self):
        """The CA that clients are to trust."""
        return self.bootstrap["caFile"]

    def endpoint(self, name):
        """An origin of `bootstrap.json`."""
        return self.bootstrap["endpoints"][name]

    @property
    def smtp(self):
        """Host and port of the STARTTLS listener."""
        return host_and_port(self.endpoint("smtp"))

    @property
    def smtps(self):
        """Host and port of the implicit-TLS listener."""
        return host_and_port(self.endpoint("smtps"))

    @property
    def mailbox(self):
        """The Maildir of capture mode."""
        return self.data / "mailbox"

    def status(self, field):
        """A field of `/proc/PID/status`, in KiB where it is a size."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))

    def is_running(self):
        """Whether the process is there and has not ended."""
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """SIGTERM, and the exit status that followed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not stop it in {STOP_TIMEOUT} s\n{self.describe()}") from None
        self._reader.join(5)
        return status

    def kill(self):
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def errors(self):
        """The lines of the log that no healthy run has."""
        return [line for line in self.log_path.read_text(errors="replace").splitlines() if ERROR_LINE.search(line)]

    def stop_and_check(self, *, errors_allowed=False):
        """Every test's last word: it stops cleanly, logged no error, and its folder verifies."""
        if self.is_running():
            assert self.stop() == 0, self.describe()
        if not errors_allowed:
            assert self.errors() == []
        verified = run_command("verify", data=self.data)
        assert verified.returncode == 0, verified.stdout + verified.stderr
