"""Calls the project's load generator and reads what it reports."""

import json
import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("GATEPOST_LOAD", REPOSITORY / "target" / "release" / "load"))


def run(system, job, messages, *, rate=None, mailbox=None):
    """Sends `messages` of a job to a system; rates and latencies in milliseconds. A message without its 250 ends it."""
    command = [
        str(BINARY), "--json", "--server", f"127.0.0.1:{system.port}", "--server-name", "localhost",
        "--ca", str(system.ca_file), "--auth", "plain", "--username", system.username,
        "--from", system.sender, "--to", "recipient@example.net", "--size", str(job.size),
        "--connections", str(job.connections), "--per-connection", str(job.per_connection),
        "--messages", str(messages),
    ]
    command += [] if system.pipelining else ["--no-pipelining"]
    command += ["--rate", str(rate)] if rate else []
    command += ["--mailbox", str(mailbox), "--mailbox-wait", "300"] if mailbox else []
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900,
        env={**os.environ, "LOAD_SECRET": system.password},
    )
    if ran.returncode != 0:
        raise SystemExit(f"{system.name}: {job.name}: the generator failed: {ran.stdout}{ran.stderr}")
    report = json.loads(ran.stdout)
    latency = report["end_of_data"]
    return {
        "rate": report["per_second"],
        "p50": latency["p50"], "p95": latency["p95"], "p99": latency["p99"],
        "lag": report.get("delivery_lag"),
    }
