"""Reads V8's CPU profiles: `.cpuprofile` files of Node.js and Chrome's developer tools.

Format: the type Profiler.Profile of the Chrome DevTools Protocol. A sample is a node and its duration, a time delta in
microseconds. Without time deltas, samples are spread evenly between start and end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.stack_profile import CPU_TIME, MeasuredStacks, Stack, upload_of_measured
from ingest.request.body import WHOLE_BODY
from ingest.request.json_fields import (
    list_of,
    number_from,
    number_of,
    object_of,
    objects_of,
    parse_json,
    text_of,
)
from ingest.request.query import IngestRequest

_US_NS: Final = 1_000
_ROOT: Final = "(root)"
_ANONYMOUS: Final = "(anonymous)"
_IDLE: Final = frozenset({"(idle)"})
"""The names of nodes whose time is idle, which a CPU profile does not count."""


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile of CPU time, without idle time."""
    file = object_of(parse_json(parts.get(WHOLE_BODY, b"")), "the file")
    return upload_of_measured(request, [cpu_stacks(file)])


def cpu_stacks(profile: Mapping[str, object], labels: Mapping[str, str] | None = None) -> MeasuredStacks:
    """Returns the stacks in an object of the type Profiler.Profile, with their CPU time."""
    times = _times(profile)
    return MeasuredStacks(
        sample_type=CPU_TIME, count=len(times), stacks=_stacks(profile, times), labels=labels or {}
    )


def _stacks(profile: Mapping[str, object], times: Mapping[int, float]) -> Iterator[Stack]:
    """Yields the stacks with their nanoseconds, one at a time: a deep tree has many long ones."""
    names: dict[int, str] = {}
    parents: dict[int, int] = {}
    for node in objects_of(profile, "nodes"):
        id_ = int(number_of(node, "id"))
        names[id_] = text_of(object_of(node.get("callFrame"), "callFrame"), "functionName") or _ANONYMOUS
        if "parent" in node:
            parents[id_] = int(number_of(node, "parent"))
        for child in list_of(node, "children"):
            parents[int(number_from(child, "a child"))] = id_
    for id_, time_us in times.items():
        if id_ not in names:
            raise invalid_argument(f"a sample has the unknown node {id_}")
        if time_us > 0 and names[id_] not in _IDLE:
            yield _stack(id_, names, parents), round(time_us * _US_NS)


def _stack(id_: int, names: Mapping[int, str], parents: Mapping[int, int]) -> Sequence[str]:
    """Returns the names of a node and its ancestors, outermost first, without the root, which is not a frame."""
    stack: list[str] = []
    while id_ in names:
        stack.append(names[id_])
        if len(stack) > len(names):
            raise invalid_argument("a node is its own ancestor")
        id_ = parents.get(id_, -1)
    if stack[-1] == _ROOT and len(stack) > 1:
        stack.pop()
    return stack[::-1]


def _times(profile: Mapping[str, object]) -> Mapping[int, float]:
    """Returns the microseconds of each node with samples."""
    samples = [int(number_from(each, "a sample")) for each in list_of(profile, "samples")]
    deltas = [number_from(each, "a time delta") for each in list_of(profile, "timeDeltas")]
    if not deltas:
        time_us = number_of(profile, "endTime") - number_of(profile, "startTime")
        return {id_: time_us * count / len(samples) for id_, count in Counter(samples).items()}
    if len(samples) != len(deltas):
        raise invalid_argument(f"found {len(deltas)} timeDeltas for {len(samples)} samples")
    times: defaultdict[int, float] = defaultdict(float)
    for id_, delta in zip(samples, deltas, strict=True):
        times[id_] += delta
    return times
