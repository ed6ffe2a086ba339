"""Reading the Maildir that capture mode delivers to."""

import email
import email.policy
import time


class Mailbox:
    """Finds messages by their subject. Reads each file once."""

    def __init__(self, path):
        self.path = path
        self._seen = {}

    def _refresh(self):
        for folder in ("new", "cur"):
            directory = self.path / folder
            if not directory.is_dir():
                continue
            for file in directory.iterdir():
                if file.name not in self._seen:
                    raw = file.read_bytes()
                    self._seen[file.name] = email.message_from_bytes(raw, policy=email.policy.default)

    def messages(self, subject):
        """All that have this subject now."""
        self._refresh()
        return [message for message in self._seen.values() if message["Subject"] == subject]

    def subjects(self):
        """The subjects of everything there."""
        self._refresh()
        return {str(message["Subject"]) for message in self._seen.values()}

    def wait_for(self, subject, timeout=15.0):
        """The first message with this subject, once it is there."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.messages(subject)
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"no message with subject {subject!r} after {timeout} s"
            time.sleep(0.02)

    def wait_for_all(self, subjects, timeout=60.0):
        """Waits until each of them is there."""
        deadline = time.monotonic() + timeout
        while True:
            missing = set(subjects) - self.subjects()
            if not missing:
                return
            assert time.monotonic() < deadline, f"{len(missing)} of {len(subjects)} acknowledged are not delivered: {sorted(missing)[:5]}"
            time.sleep(0.05)
