"""perf script: the events that `perf script` prints, each with its stack, the leaf's line first.

Headers (`perf script --header`), comments, blanks and lines of source code between frames are skipped. Format: man
perf-script. A stack's text is looked at once, however often it occurs.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.stack_profile import Stack, upload_of_named_stacks
from ingest.formats.stacks.text_lines import is_comment, split_lines
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_MAX_SHOWN_CHARS: Final = 80
_EVENT: Final = re.compile(r"(\S[^\n]{0,255}?)\s++(\d++)(?:/\d++)?\s++\S")
"""The command, and the ids of its process and thread, before the time and the event."""
_FRAME: Final = re.compile(r"\s*+(\w++)\s++(.+) \([^()]*(?: \(deleted\))?\)\s*+", re.ASCII)
"""The address, the symbol, and the file it is in: to the end of the line."""
_OFFSET: Final = re.compile(r"\+0x[0-9a-f]+\Z")
_SOURCE: Final = re.compile(r"\s++[^\s()]+(?::\d+| \(inlined\))\s*+")
"""A line of source code (`-F +srcline`) or an inlined function without a file beneath a frame."""


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """One profile in which each event is one sample, whose root is the command. Offsets within functions are dropped."""
    sums: Counter[tuple[str, ...]] = Counter()
    for names, count in perf_stacks(parts.get(WHOLE_BODY, b"")):
        sums[tuple(_OFFSET.sub("", name) for name in names)] += count
    return upload_of_named_stacks(request, [*sums.items()])


def perf_stacks(data: bytes) -> Iterator[Stack]:
    """The stacks, the command first, and how many events had each.

    Raises:
        RpcError: `invalid_argument` for a line that is neither an event nor a frame, and for text that is not UTF-8.
    """
    command, frames = "", list[str]()
    stacks: Counter[tuple[str, ...]] = Counter()
    for number, raw in enumerate([*split_lines(data), b""], 1):
        line = _decoded(raw)
        if not line:
            if command:
                stacks[command, *reversed(frames)] += 1
            command, frames = "", []
        elif is_comment(raw):
            continue
        elif command:
            found = _FRAME.fullmatch(line)
            if found is not None:
                frames.append(found[2])
            elif not _SOURCE.fullmatch(line):
                raise _neither(line, number)
        else:
            event = _EVENT.match(line)
            if event is None:
                raise _neither(line, number)
            command = event[1]
    yield from stacks.items()


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise invalid_argument(f"the file is not text in UTF-8: {error.reason}") from error


def _neither(line: str, number: int) -> RpcError:
    shown = line[:_MAX_SHOWN_CHARS]
    return invalid_argument(f"line {number} is neither an event nor a frame of perf script: {shown!r}")
