"""The local server in a separate process."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.local_server import environment

STOP_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """A running process: its URL, and its output when it was ready."""

    process: subprocess.Popen[str]
    url: str
    greeting: str

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal; returns the exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait(STOP_S)

    def output(self) -> str:
        """Returns the next line of its output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def start(data_dir: Path, log: IO[str] | int = subprocess.PIPE, /, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "all_in_one"],
        env={**environment(), "DATA_DIR": str(data_dir), "PORT": "0", **environ},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


@contextmanager
def running(data_dir: Path, log: IO[str] | int = subprocess.PIPE, /, **environ: str) -> Iterator[LocalServer]:
    """Runs a server that is ready and logs to `log`; kills it at the end unless the test has stopped it."""
    with start(data_dir, log, **environ) as process:
        try:
            assert process.stdout is not None
            greeting = ""
            while "Ctrl-C" not in greeting:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                greeting += line
            found = re.search(r"ready on (\S+)", greeting)
            assert found
            yield LocalServer(process=process, url=found[1], greeting=greeting)
        finally:
            process.kill()
