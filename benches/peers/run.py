"""Measures Gatepost beside Postfix and OpenSMTPD; see README.md."""

import argparse
import contextlib
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import load  # noqa: E402
from disks import KINDS, command, only_run  # noqa: E402
from processes import PeakMemory, cpu_seconds, tree  # noqa: E402
from systems import REPOSITORY, SYSTEMS, System, set_up  # noqa: E402


@dataclass(frozen=True)
class Job:
    """What the generator does."""

    name: str
    size: int
    per_connection: int
    connections: int


JOBS = [
    Job("4 KiB, 1 per connection, 10 connections", 4096, 1, 10),
    Job("4 KiB, 100 per connection, 10 connections", 4096, 100, 10),
    Job("4 KiB, 100 per connection, 100 connections", 4096, 100, 100),
    Job("100 KiB, 100 per connection, 10 connections", 102400, 100, 10),
]
INSIDE = "GATEPOST_BENCH_NETWORK"
PEERS = ("Postfix", "OpenSMTPD")
FLUSHES = ("fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs")


@dataclass
class Figures:
    """One run of one system at one job."""

    system: str
    job: str
    messages: int
    rate: float
    p50: float
    p95: float
    p99: float
    cpu_ms: float
    memory_mib: float


def count_for(job, rate, seconds):
    """About this many seconds of messages, in whole connections, at least two for each that is open at once."""
    step = job.per_connection * job.connections
    return max(2, round(rate * seconds / step)) * step


def measure(system, job, seconds):
    """Warms up, learns the rate, then measures."""
    load.run(system, job, count_for(job, 0, 0))  # processes start, caches fill
    first = load.run(system, job, count_for(job, 500, 1))
    messages = count_for(job, first["rate"], seconds)
    before = cpu_seconds(system.roots)
    with PeakMemory(system.roots) as memory:
        report = load.run(system, job, messages)
    cpu = cpu_seconds(system.roots) - before
    return Figures(
        system.name, job.name, messages, report["rate"], report["p50"], report["p95"], report["p99"],
        1000 * cpu / messages, memory.peak,
    )


def median(figures, system, job, name):
    """The median of one figure over the rounds."""
    values = [getattr(each, name) for each in figures if (each.system, each.job) == (system, job.name)]
    return statistics.median(values) if values else None


def table(figures, names, jobs):
    """Medians as a Markdown table, with the ratio to the better peer."""
    lines = [
        "| job | system | messages/s (min to max) | p50 / p95 / p99 ms | CPU ms a message | memory MiB | to the better peer |",
        "|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        best = max((median(figures, peer, job, "rate") or 0 for peer in PEERS), default=0)
        for name in names:
            rates = [each.rate for each in figures if (each.system, each.job) == (name, job.name)]
            if not rates:
                continue
            rate = statistics.median(rates)
            latencies = " / ".join(f"{median(figures, name, job, which):.1f}" for which in ("p50", "p95", "p99"))
            ratio = f"{rate / best:.2f}" if best and name not in PEERS else ""
            lines.append(
                f"| {job.name} | {name} | {rate:,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | {latencies} "
                f"| {median(figures, name, job, 'cpu_ms'):.3f} | {median(figures, name, job, 'memory_mib'):.0f} | {ratio} |"
            )
    return "\n".join(lines)


def flushes(system, job, messages):
    """Attaches strace -c to the whole tree for one run: how many flushes it made."""
    load.run(system, job, job.per_connection * job.connections)
    attach = [word for pid in sorted(tree(system.roots)) for word in ("-p", str(pid))]
    tracer = subprocess.Popen(
        ["strace", "-f", "-c", "-e", f"trace={','.join(FLUSHES)}", *attach],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    time.sleep(1)  # until it is attached to every process
    load.run(system, job, messages)
    tracer.send_signal(signal.SIGINT)
    said, _ = tracer.communicate(timeout=60)
    counted = {}
    for line in said.splitlines():
        words = line.split()
        if words and words[-1] in FLUSHES and re.fullmatch(r"[\d.]+", words[0]):
            counted[words[-1]] = int(words[3])
    return counted


def machine():
    """What the figures were measured on."""
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) // 1024
    commit = subprocess.run(
        ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"{os.cpu_count()} cores, {model.group(1) if model else 'unknown'}, {memory} MiB, Linux {os.uname().release}, {commit}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set-up", action="store_true", help="install the peers and stop")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["gatepost", "postfix", "opensmtpd"])
    parser.add_argument("--jobs", nargs="+", type=int, choices=range(len(JOBS)), default=list(range(len(JOBS))))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="about how long each measured run takes")
    parser.add_argument("--disk", choices=KINDS, default="own")
    parser.add_argument("--no-pipelining", action="store_true", help="MAIL, RCPT and DATA one by one with every system")
    parser.add_argument("--delayed-acks", action="store_true", help="leave the kernel's delayed acknowledgements as they are")
    parser.add_argument("--flushes", action="store_true", help="count flushes with strace instead of measuring")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / "target" / "peers")
    parser.add_argument("--json", type=Path, help="write every run's figures to this file")
    return parser.parse_args()


def enter_own_network(delayed_acks):
    """Goes on in a network namespace of the run's own: no port is taken there, and its settings are the run's.

    Both peers lose about 43 ms a session to Nagle's algorithm and delayed acknowledgements after STARTTLS. In their
    favour acknowledgements are not delayed here, unless asked for.
    """
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, *sys.argv])
    command("ip", "link", "set", "lo", "up")
    for place in () if delayed_acks else ("127.0.0.0/8", "127.0.0.1"):
        command(
            "ip", "route", "change", "table", "local", "local", place, "dev", "lo",
            "proto", "kernel", "scope", "host", "src", "127.0.0.1", "quickack", "1",
        )


def main():
    chosen = arguments()
    if chosen.set_up:
        set_up(chosen.cache)
        return
    enter_own_network(chosen.delayed_acks)
    lock = only_run(chosen.cache)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # A run that is told to end ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    kinds = [SYSTEMS[name] for name in chosen.systems]
    if chosen.no_pipelining:
        System.pipelining = False
    jobs = [JOBS[number] for number in chosen.jobs]
    work = KINDS[chosen.disk](chosen.cache / "work")
    print(f"{machine()}; disk: {chosen.disk}", flush=True)
    figures = []
    with contextlib.suppress(KeyboardInterrupt):
        for number in range(1 if chosen.flushes else chosen.rounds):
            for job in jobs:
                # Another one goes first each round, so that no system always follows the same one.
                for kind in kinds[number % len(kinds):] + kinds[: number % len(kinds)]:
                    with work as folder, kind(folder, chosen.cache) as system:
                        if chosen.flushes:
                            messages = 10 * job.per_connection * job.connections
                            counted = flushes(system, job, messages)
                            print(f"{job.name}: {system.name}: {messages} messages, {sum(counted.values())} flushes {counted}", flush=True)
                            continue
                        figures.append(measure(system, job, chosen.seconds))
                        last = figures[-1]
                        print(
                            f"round {number + 1}: {last.job}: {last.system}: {last.rate:,.0f}/s, p99 {last.p99:.1f} ms, "
                            f"{last.cpu_ms:.3f} ms CPU, {last.memory_mib:.0f} MiB, {last.messages} messages",
                            flush=True,
                        )
    if figures:
        print("\n" + table(figures, [kind.name for kind in kinds], jobs))
    lock.close()
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
