"""Commands fit their output to the terminal's width, and colour it only there."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence

import pytest

from tests.support.queries.shop_data import Target
from tests.support.servers.command import flamehouse
from tools.local_server import environment

COLUMNS = 50
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(arguments: Sequence[str], environ: Mapping[str, str], columns: int = COLUMNS) -> str:
    """Returns what the command prints on a terminal of this many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
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


def of(local: Target) -> dict[str, str]:
    return {
        "FLAMEHOUSE_URL": local.url,
        "API_CREDENTIAL": local.credential,
        "FLAMEHOUSE_TENANT": local.data.client.tenant or "",
    }


@pytest.mark.parametrize("command", ["services", "top", "flame", "series"])
def test_lines_fit_the_terminal_and_only_terminals_get_colour(local: Target, command: str) -> None:
    within = ("--from", str(local.data.start), "--until", str(local.data.end))
    options = () if command == "services" else ("--type", "cpu")
    environ = of(local)
    shown = on_terminal((command, *options, *within), environ)
    plain = STYLE.sub("", shown)
    assert max(len(line) for line in plain.splitlines()) <= COLUMNS
    assert ("\x1b[" in shown) == (command != "flame")
    piped = flamehouse(command, *options, *within, **environ).stdout
    assert "\x1b" not in piped
    assert "process_cpu:cpu:nanoseconds:cpu:nanoseconds" in piped


@pytest.mark.parametrize(
    ("columns", "heading"),
    [(200, "self share total share of total function"), (40, "self total function")],
)
def test_a_narrow_table_omits_shares_and_cuts_neither_values_nor_names(
    local: Target, columns: int, heading: str
) -> None:
    within = ("--from", str(local.data.start), "--until", str(local.data.end))
    shown = STYLE.sub("", on_terminal(("top", "--type", "cpu", *within), of(local), columns))
    _, _, head, *rows = filter(None, map(str.strip, shown.splitlines()))
    functions = {
        line["name"]
        for line in json.loads(flamehouse("top", "--type", "cpu", "--json", *within, **of(local)).stdout)
    }
    assert " ".join(head.split()) == heading
    assert functions <= {row.split()[-1] for row in rows}
    assert all(re.match(r"[\d.]+ [a-zµ]+\s", row) for row in rows if row.split()[-1] in functions)


def test_a_table_too_wide_for_the_terminal_becomes_blocks_of_lines(local: Target) -> None:
    within = ("--from", str(local.data.start), "--until", str(local.data.end))
    shown = STYLE.sub("", on_terminal(("top", "--type", "cpu", *within), of(local), 20))
    assert re.search(r"^function\s+\S", shown, re.MULTILINE)
    assert re.search(r"^self\s+[\d.]+\s+[a-zµ]+", shown, re.MULTILINE)
