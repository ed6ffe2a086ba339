"""Where a run keeps its queue: a folder on the machine's own file system, or a fresh journaled ext4 in a loop device."""

import fcntl
import shutil
import subprocess
import time
from pathlib import Path

LOOP_MIB = 4096


def command(*words, **options):
    """Runs a command that must succeed; its output."""
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: {ran.stdout}{ran.stderr}")
    return ran.stdout


def only_run(cache):
    """Makes this the only measurement on the machine, for as long as the answer is kept; ends it if it is not."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = (cache / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("another measurement is running") from None
    return lock


class Folder:
    """A folder that is empty at the start of each run."""

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        # The peers run under users of their own.
        self.path.chmod(0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Loop(Folder):
    """A new ext4 with a journal for each run, in one image whose every block was written before.

    In a sparse image each flush would also wait for the file system below to find room.
    """

    def __enter__(self):
        path = super().__enter__()
        self.image = path.parent / "loop.img"
        if not self.image.exists():
            command("dd", "if=/dev/zero", f"of={self.image}", "bs=1M", f"count={LOOP_MIB}", "conv=fsync")
        # No discard: it would make the image sparse again.
        command("mkfs.ext4", "-q", "-F", "-O", "has_journal", "-E", "nodiscard,lazy_itable_init=0", self.image)
        command("mount", "-o", "loop,relatime,nodiscard", self.image, path)
        path.chmod(0o755)
        return path

    def __exit__(self, *_):
        # The last of a peer's processes may be ending still.
        for _ in range(100):
            if subprocess.run(["umount", self.path], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            command("umount", self.path)
        self.path.rmdir()


KINDS = {"own": Folder, "loop": Loop}
