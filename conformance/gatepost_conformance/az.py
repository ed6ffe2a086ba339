"""The unmodified Azure CLI, signed in to the server under test."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
AZ = Path(os.environ.get("GATEPOST_AZ", REPOSITORY / ".venv-az" / "bin" / "az"))


@dataclass
class Ran:
    """What a command did."""

    status: int
    output: str
    errors: str

    @property
    def value(self):
        """Its output as JSON; nothing where it printed nothing."""
        return json.loads(self.output) if self.output.strip() else None


class Az:
    """One identity's command line, with a configuration folder of its own."""

    def __init__(self, server, folder, client_id=None, client_secret=None):
        known = server.bootstrap
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ARM_"))},
            "AZURE_CONFIG_DIR": str(self.folder),
            "HOME": str(self.folder),
            "REQUESTS_CA_BUNDLE": known["caFile"],
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
            "AZURE_CORE_NO_COLOR": "true",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            # A proxy of the environment is not for a server on loopback.
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
        }
        self.subscription = known["subscriptionId"]
        self("cloud", "register", "--name", "Gatepost", "--endpoint-resource-manager",
             known["endpoints"]["resourceManager"])
        self("cloud", "set", "--name", "Gatepost")
        self.logged_in = self(
            "login", "--service-principal", "--tenant", known["tenantId"],
            "--username", client_id or known["automation"]["clientId"],
            "--password", client_secret or known["automation"]["clientSecret"],
        )

    def run(self, *words):
        """Runs `az` with these words and JSON output, whatever comes of it."""
        assert AZ.is_file(), f"{AZ} is not installed: ./scripts/test"
        ran = subprocess.run(
            [str(AZ), *map(str, words), "--output", "json"],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def __call__(self, *words):
        """Runs a command that must succeed: its output."""
        ran = self.run(*words)
        assert ran.status == 0, f"az {' '.join(map(str, words))}: {ran.status}\n{ran.output}\n{ran.errors}"
        return ran.value

    def refused(self, *words, status=1):
        """Runs a command that must fail: what it said."""
        ran = self.run(*words)
        assert ran.status == status, f"az {' '.join(map(str, words))}: {ran.status}\n{ran.output}\n{ran.errors}"
        return ran.errors
