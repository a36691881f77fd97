"""Starts a temporary local server: on a free port, with data that is deleted afterwards."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from tempfile import TemporaryDirectory

from flamehouse.settings import Settings

_STOP_S = 60
_READY = re.compile(r"ready on (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """The URL of a server, and its process."""

    url: str
    pid: int


@contextmanager
def local_server(**settings: str) -> Iterator[RunningServer]:
    """Yield a server that is ready, and stop it at the end. Raises RuntimeError if it does not start."""
    with TemporaryDirectory(prefix="flamehouse-") as data_dir, _process(data_dir, settings) as process:
        try:
            yield RunningServer(url=_url(process), pid=process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_S)


def environment() -> dict[str, str]:
    """Return this process's environment without flamehouse's settings: an exported DSN may name a real database."""
    settings = {field.name.upper() for field in fields(Settings)}
    return {name: value for name, value in os.environ.items() if name not in settings}


def _process(data_dir: str, settings: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "all_in_one"],
        env={**environment(), "HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": data_dir, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )


def _url(process: subprocess.Popen[str]) -> str:
    """Return the URL from the server's greeting. The server's further output fits into the pipe."""
    for line in process.stdout or ():
        if ready := _READY.search(line):
            return ready[1]
    raise RuntimeError(f"the server ended with status {process.wait()}")
