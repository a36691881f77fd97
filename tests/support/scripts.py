"""The commands of a page of docs, run by a shell."""

import subprocess
import sys
from pathlib import Path


def run(script: str, folder: Path, environ: dict[str, str]) -> str:
    """Runs a script, which must succeed; returns its output."""
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


def commands_in(folder: Path) -> None:
    """Creates the folder's .venv/bin with `flamehouse` and `aws`, as it is after step 1 of docs/deploy.md."""
    binaries = folder / ".venv/bin"
    binaries.mkdir(parents=True)
    for name, module in (("flamehouse", "cli"), ("aws", "tools.aws_command")):
        script = binaries / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
