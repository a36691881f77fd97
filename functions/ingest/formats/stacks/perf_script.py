"""Reads the output of `perf script`: events, each with its stack, leaf first.

Headers (`perf script --header`), comments, blanks and lines of source code between frames are skipped. Without call
graphs (`perf record` without -g), an event's own line ends in its only frame. Repeated stacks are parsed once.

Format: man perf-script.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from flamehouse.errors import RpcError, invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.stack_profile import Stack, upload_of_named_stacks
from ingest.formats.stacks.text_lines import split_lines
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_MAX_SHOWN_CHARS: Final = 80
_COMMENTS: Final = re.compile(rb"^#(?:[ \t#!=][^\n]*)?$", re.MULTILINE)
_EVENT: Final = re.compile(
    r"[ \t]{0,64}+(\S[^\n]{0,255}?)[ \t]{1,64}+(\d{1,10}+)(?:/\d{1,10}+)?[ \t]{1,64}+\S"
)
"""The beginning of an event: the command and the ids of its process and thread, before CPU, time and event name."""
_IN_EVENT: Final = re.compile(
    r"[ \t]{0,64}+(?:\[\d{1,6}\][ \t]{1,64}+)?(?:[\d.]{1,32}+:[ \t]{1,64}+)?(?:\d{1,20}+[ \t]{1,64}+)?[^\s()]{1,200}:"
    r"([ \t]{1,64}+[0-9a-f]{4,16}[ \t]+\S.*)"
)
"""What follows the ids in the line of an event with one frame: CPU, time, period, event name and the frame."""
_TIMED_EVENT: Final = re.compile(
    _EVENT.pattern.removesuffix(r"\S") + r"(?:\[\d{1,6}\][ \t]{1,64}+)?\d{1,20}\.\d{1,9}:[ \t]"
)
"""An event with its time, which distinguishes it from a frame even if the command looks like an address, as `dd`."""
_FRAME: Final = re.compile(
    r"[ \t]*+([0-9a-f]++)[ \t]++(.+?)(?: \([^()]*(?: \(deleted\))?\))?[ \t]*+", re.ASCII
)
"""A frame, which is the whole line: the address, the symbol and its file. `-F ip,sym` omits the file."""
_OFFSET: Final = re.compile(r"\+0x[0-9a-f]+\Z")
_SOURCE: Final = re.compile(r"[ \t]++[^\s()]+(?::\d+| \(inlined\))[ \t]*+")
"""A line below a frame: source code (`-F +srcline`), or an inlined function without a file."""


class _Event(NamedTuple):
    """The command of an event, and the frame in its own line, if any."""

    command: str
    frame: str


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile: each event is a sample whose root is the command. Offsets within functions are dropped."""
    sums: Counter[tuple[str, ...]] = Counter()
    for names, count in perf_stacks(parts.get(WHOLE_BODY, b"")):
        sums[tuple(_OFFSET.sub("", name) for name in names)] += count
    return upload_of_named_stacks(request, [*sums.items()])


def perf_stacks(data: bytes) -> Iterator[Stack]:
    """Yields the stacks, the command first, with their numbers of events.

    Raises:
        RpcError: `invalid_argument` for a line that is neither an event nor a frame, and for text that is not UTF-8.
    """
    lines = split_lines(data)
    blocks = Counter[tuple[_Event, bytes]]()
    # An event's first line is unique because of its time, but many events share the lines of their stack.
    for block in _COMMENTS.sub(b"", b"\n".join(lines)).split(b"\n\n"):
        head, _, stack = block.strip(b"\n").partition(b"\n")
        if head:
            blocks[_event(_decoded(head), lines), stack] += 1
    stacks: Counter[tuple[str, ...]] = Counter()
    for (event, stack), count in blocks.items():
        for names in _stacks(event, stack, lines):
            stacks[names] += count
    yield from stacks.items()


def _event(line: str, lines: list[bytes]) -> _Event:
    event = _EVENT.match(line)
    if event is None:
        raise _neither(line, lines)
    frame = _IN_EVENT.match(line, event.end() - 1)
    return _Event(event[1], frame[1] if frame else "")


def _stacks(event: _Event, stack: bytes, lines: list[bytes]) -> Iterator[tuple[str, ...]]:
    """Yields the stack of an event, and those of the events that follow without a blank line."""
    frames: list[str] = []
    for line in _decoded(stack).split("\n"):
        if _TIMED_EVENT.match(line):
            yield _names(event, frames)
            event, frames = _event(line, lines), []
        elif (found := _FRAME.fullmatch(line)) is not None:
            frames.append(found[2])
        elif line and not _SOURCE.fullmatch(line):
            raise _neither(line, lines)
    yield _names(event, frames)


def _names(event: _Event, frames: list[str]) -> tuple[str, ...]:
    """Returns the command and its frames, leaf last; without frames, that in the event's own line is used, if any."""
    found = _FRAME.fullmatch(event.frame) if not frames else None
    return (event.command, *reversed(frames)) if found is None else (event.command, found[2])


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise invalid_argument(f"the file is not UTF-8 text: {error.reason}") from error


def _neither(line: str, lines: list[bytes]) -> RpcError:
    number = lines.index(line.encode()) + 1
    return invalid_argument(
        f"line {number} is neither an event nor a frame of perf script: {line[:_MAX_SHOWN_CHARS]!r}"
    )
