"""The templates beside the deployment's own, such as a domain's, are valid."""

import subprocess
from pathlib import Path

import pytest

from tests.support.servers.bundle import built
from tests.support.servers.place import REPO

OVERLAYS = sorted((REPO / "deploy/aws").glob("*.yaml"))


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_is_valid_and_on_the_page(overlay: Path) -> None:
    assert f"deploy/aws/{overlay.name}" in (REPO / "docs/deploy.md").read_text()
    built()
    lint = [str(REPO / ".sam-venv/bin/cfn-lint"), "--regions", "us-east-1", "--", str(overlay)]
    run = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")
