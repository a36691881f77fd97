"""The command `flamehouse`, in a separate process."""

import subprocess
import sys

from tools.local_server import environment


def flamehouse(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the command; its output is not a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env={**environment(), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
