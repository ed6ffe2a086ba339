"""Calls the project's load generator and reads what it reports."""

import json
import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("GATEPOST_LOAD", REPOSITORY / "target" / "release" / "load"))


def run(system, job, messages):
    """Sends `messages` of a job to a system; the generator's report. Any message without its 250 ends the run."""
    raise NotImplementedError
