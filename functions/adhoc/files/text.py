"""Files of text: collapsed stacks, and what `perf script` prints.

Collapsed: ingest/formats/stacks/folded.py. perf script: man perf-script.
"""

import re
from collections.abc import Iterator
from typing import Final

from adhoc.files.profile_file import ProfileFile, file_of_stacks
from flamehouse.errors import invalid_argument
from flamehouse.render.flamebearer import Shown
from flamehouse.settings import Settings
from ingest.formats.stacks.folded import sum_by_stack
from ingest.formats.stacks.stack_profile import Stack, frames_of

_SPY: Final = "unknown"
_MAX_SHOWN_CHARS: Final = 80
_MAX_LINE_CHARS: Final = 1 << 16

_EVENT: Final = re.compile(r"(\S[^\n]{0,255}?)\s++(\d++)(?:/\d++)?\s++\S")
"""The command, and the ids of its process and thread, before the time and the event."""
_FRAME: Final = re.compile(r"\s*+(\w++)\s++(.+) \([^()]*(?: \(deleted\))?\)\s*+", re.ASCII)
"""The address, the symbol, and the file it is in: to the end of the line."""


def read_collapsed(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """A stack a line, `root;child;leaf`, and behind the last space how often it was met.

    RpcError invalid_argument for a line that is none, and other than in an upload to /ingest for a negative number.
    """
    counts = sum_by_stack(data, negative=False)
    stacks = [(frames_of(stack)[: settings.max_stack_depth], count) for stack, count in counts.items()]
    return file_of_stacks(_shown(name), stacks)


def is_perf_script(text: str) -> bool:
    """Whether a text begins as `perf script` does: with an event, and a line below it."""
    first, newline, _ = text.partition("\n")
    return bool(newline) and _EVENT.match(first) is not None


def read_perf_script(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Events with a stack each, the leaf's line first, and an empty line behind it; each counts once.

    The command is the root. RpcError invalid_argument for a line that is neither.
    """
    return file_of_stacks(_shown(name), [*_perf_stacks(_lines(data), settings.max_stack_depth)])


def _perf_stacks(lines: list[str], max_depth: int) -> Iterator[Stack]:
    command, frames = "", list[str]()
    for number, line in enumerate([*lines, ""], 1):
        if not line.strip():
            if command:
                yield [command, *reversed(frames)][:max_depth], 1
            command, frames = "", []
        elif command:
            frames.append(_found(_FRAME.fullmatch(line), line, number)[2])
        else:
            command = _found(_EVENT.match(line), line, number)[1]


def _found(found: re.Match[str] | None, line: str, number: int) -> re.Match[str]:
    if found is None:
        shown = line[:_MAX_SHOWN_CHARS]
        raise invalid_argument(f"line {number} is neither an event nor a frame of perf script: {shown!r}")
    return found


def _lines(data: bytes) -> list[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_argument(f"the file is not text in UTF-8: {error.reason}") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    # An expression takes a few hundred times the length of a line at worst.
    if max(map(len, lines)) > _MAX_LINE_CHARS:
        raise invalid_argument(f"a line is longer than {_MAX_LINE_CHARS} characters")
    return lines


def _shown(name: str) -> Shown:
    """Text says nothing of its sample type: it is called as the file, and what it counts has no unit."""
    return Shown(name=name, units="", spy_name=_SPY)
