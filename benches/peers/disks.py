"""Where a run keeps its queue: a folder on the machine's own file system, or a fresh journaled ext4 in a loop device."""

import shutil
import subprocess
from pathlib import Path

LOOP_SIZE = "6G"


def command(*words, **options):
    """Runs a command that must succeed; its output."""
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: {ran.stdout}{ran.stderr}")
    return ran.stdout


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
    """A new ext4 with a journal for each run: nothing is deleted file by file afterwards."""

    def __enter__(self):
        path = super().__enter__()
        self.image = path.with_suffix(".img")
        command("truncate", "-s", LOOP_SIZE, self.image)
        command("mkfs.ext4", "-q", "-F", "-O", "has_journal", "-E", "lazy_itable_init=0", self.image)
        command("mount", "-o", "loop,relatime", self.image, path)
        path.chmod(0o755)
        return path

    def __exit__(self, *_):
        command("umount", self.path)
        self.image.unlink()
        self.path.rmdir()


KINDS = {"own": Folder, "loop": Loop}
