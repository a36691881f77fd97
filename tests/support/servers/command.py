"""The command `flamehouse`, in a process of its own."""

import subprocess
import sys

from tools.local_server import environment


def flamehouse(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command; its output is no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env={**environment(), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
