"""The deployment's template, transformed once for all of its tests."""

import json
import subprocess
from typing import Any

import pytest

from tests.support.servers.bundle import built
from tests.support.servers.place import REPO


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    built()
    python = REPO / ".sam-venv/bin/python"
    script = REPO / "tests/support/servers/transformed.py"
    run = subprocess.run([python, script, REPO / "template.yaml"], capture_output=True, text=True, check=True)
    transformed: dict[str, Any] = json.loads(run.stdout)
    return transformed
