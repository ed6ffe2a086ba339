"""The commands in the documents are true: they run as they stand."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blocks(page):
    """The shell commands of a page, in their order."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_quickstart_sends_a_message(server, mailbox):
    script = "set -euo pipefail\n" + "\n".join(blocks("docs/quickstart.md"))
    environment = {
        **os.environ,
        "DATA": str(server.data),
        "PATH": f"{ROOT / 'target/release'}:{os.environ['PATH']}",
    }
    ran = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Ready to use" in ran.stdout
    mailbox.wait_for("Scanned document")


def test_links_between_the_documents_lead_somewhere():
    pages = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    pages += sorted((ROOT / "docs").rglob("*.md"))
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
