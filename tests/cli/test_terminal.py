"""Commands fit their output to the terminal's width, and colour it only there."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.support.queries.shop_data import Target
from tests.support.servers.command import flamehouse
from tools.local_server import environment

COLUMNS = 50
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(*arguments: str, **environ: str) -> str:
    """Returns what the command prints on a terminal of 50 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    # COLUMNS, which test runners set, would override the terminal's width.
    inherited = {name: value for name, value in environment().items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**inherited, "TERM": "xterm-256color", **environ},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        close_fds=True,
    )
    os.close(theirs)
    text = b""
    # Reading a terminal whose programs have ended is an error.
    while piece := _read(ours):
        text += piece
    os.close(ours)
    assert process.wait(30) == 0
    return text.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


@pytest.mark.parametrize("command", ["services", "top", "flame", "series"])
def test_lines_fit_the_terminal_and_colour_stays_on_it(local: Target, command: str) -> None:
    within = ("--from", str(local.data.start), "--until", str(local.data.end))
    options = () if command == "services" else ("--type", "cpu")
    environ = {
        "FLAMEHOUSE_URL": local.url,
        "API_CREDENTIAL": local.credential,
        "FLAMEHOUSE_TENANT": local.data.client.tenant or "",
    }
    shown = on_terminal(command, *options, *within, **environ)
    plain = STYLE.sub("", shown)
    assert max(len(line) for line in plain.splitlines()) <= COLUMNS
    assert ("\x1b[" in shown) == (command != "flame")
    piped = flamehouse(command, *options, *within, **environ).stdout
    assert "\x1b" not in piped
    assert "process_cpu:cpu:nanoseconds:cpu:nanoseconds" in piped
