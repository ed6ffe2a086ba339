"""What a server costs: CPU time and memory of all its processes, read from /proc."""

import os
import threading
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """Parent and CPU ticks (with those of children that have ended) of a process, or None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    # After the command's name: state, ppid, ...; utime, stime, cutime, cstime are fields 14 to 17 of the whole.
    return int(fields[1]), sum(int(value) for value in fields[11:15])


def tree(roots):
    """These processes and all below them."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := _stat(name)):
            parents[int(name)] = found[0]
    members = set(roots)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return members & parents.keys()


def cpu_seconds(roots):
    """CPU time of the tree so far. Children that ended are in their parents' figures."""
    return sum(found[1] for pid in tree(roots) if (found := _stat(pid))) / TICKS


def memory_mib(roots):
    """Proportional set size of the tree: shared pages are counted once."""
    total = 0
    for pid in tree(roots):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


class PeakMemory:
    """Samples the tree's memory about once a second while it is entered."""

    def __init__(self, roots):
        self.roots, self.peak = roots, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self):
        while not self._stop.wait(1.0):
            self.peak = max(self.peak, memory_mib(self.roots))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.peak = max(self.peak, memory_mib(self.roots))
