"""Reads austin: the output of the sampler of that name, with a stack per line after a header that states the mode.

Format: github.com/P403n1x87/austin, section "Collapsed stacks": `P12;T3;module:function:line 1000`. Numbers are
microseconds; in mode `memory`, bytes; in mode `full`, a time, an idle flag and bytes.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.app_name import sample_type_of
from ingest.formats.stacks.stack_profile import (
    CPU_TIME,
    WALL_TIME,
    MeasuredStacks,
    frames_of,
    upload_of_measured,
)
from ingest.formats.stacks.text_lines import is_comment, split_lines
from ingest.request.body import WHOLE_BODY
from ingest.request.json_fields import shown
from ingest.request.query import IngestRequest

_US_NS: Final = 1_000
_MODE: Final = re.compile(rb"# mode: (\w{1,20})\s*\Z")
_FULL: Final = "full"
_MEMORY: Final = "memory"
_MODES: Final = ("wall", "cpu", _MEMORY, _FULL)
_METRICS: Final = re.compile(rb"(-?\d{1,18})(?:,([01]),(-?\d{1,18}))?")

type _Sums = defaultdict[bytes, int]


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile or, in mode `full`, three: wall time, CPU time and memory. Freed memory does not count."""
    lines = split_lines(parts.get(WHOLE_BODY, b""))
    mode = next((found[1].decode() for line in lines if (found := _MODE.match(line))), "wall")
    if mode not in _MODES:
        raise invalid_argument(f"unknown austin mode '{shown(mode)}': expected one of {', '.join(_MODES)}")
    times, busy_times, sizes = _sums(lines, mode)
    memory = sample_type_of("bytes")
    measured = {
        "wall": [(WALL_TIME, times)],
        "cpu": [(CPU_TIME, times)],
        _MEMORY: [(memory, sizes)],
        _FULL: [(WALL_TIME, times), (CPU_TIME, busy_times), (memory, sizes)],
    }
    return upload_of_measured(
        request,
        [
            MeasuredStacks(sample_type=type_, count=len(sums), stacks=_named(sums))
            for type_, sums in measured[mode]
        ],
    )


def _sums(lines: list[bytes], mode: str) -> tuple[_Sums, _Sums, _Sums]:
    """Returns the nanoseconds of each stack, its nanoseconds while its thread was not idle, and its bytes."""
    times, busy_times, sizes = (defaultdict[bytes, int](int) for _ in range(3))
    for number, line in enumerate(lines, 1):
        if not line or is_comment(line):
            continue
        stack, _, numbers = line.rpartition(b" ")
        found = _METRICS.fullmatch(numbers)
        if found is None or (found[2] is not None) != (mode == _FULL):
            raise _no_metrics(number, mode)
        if mode == _MEMORY:
            sizes[stack] += int(found[1])
        else:
            times[stack] += int(found[1]) * _US_NS
        if mode == _FULL:
            busy_times[stack] += int(found[1]) * _US_NS * (found[2] == b"0")
            sizes[stack] += int(found[3])
    return times, busy_times, sizes


def _named(sums: Mapping[bytes, int]) -> Iterator[tuple[list[str], int]]:
    return ((frames_of(stack), value) for stack, value in sums.items() if value > 0)


def _no_metrics(number: int, mode: str) -> RpcError:
    expected = "time, idle state and size, such as 100,0,2048" if mode == _FULL else "an integer"
    return invalid_argument(f"line {number}: mode {mode} requires a stack, a space and {expected}")
