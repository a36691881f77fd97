"""Reads Firefox profiles: files of profiler.firefox.com, samply and other tools, and recordings of Firefox itself.

Format: the processed profile format of github.com/firefox-devtools/profiler. Its tables are columnar; the tables of
stacks, frames, functions and strings are in each thread or, in newer versions, shared. `gecko` converts recordings.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.units import NS_PER_MS
from ingest.formats import Parsed
from ingest.formats.stacks import gecko
from ingest.formats.stacks.app_name import SampleType, sample_type_of
from ingest.formats.stacks.stack_profile import WALL_TIME, MeasuredStacks, Stack, upload_of_measured
from ingest.request.body import WHOLE_BODY
from ingest.request.json_fields import (
    list_of,
    number_from,
    number_of,
    object_of,
    objects_of,
    parse_json,
    shown,
    text_of,
)
from ingest.request.query import IngestRequest

_NO_PREFIX: Final = -1
_MAX_THREADS: Final = 1_000


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns a profile per thread with samples. A sample lasts for one interval, whether its thread ran or waited."""
    file = object_of(parse_json(parts.get(WHOLE_BODY, b"")), "the file")
    interval_ns = (number_of(object_of(file.get("meta"), "meta"), "interval") or 1) * NS_PER_MS
    recorded = gecko.is_recorded(file)
    threads = [*islice(gecko.threads_of(file), _MAX_THREADS + 1)] if recorded else objects_of(file, "threads")
    if len(threads) > _MAX_THREADS:
        raise invalid_argument(f"the file has more than {_MAX_THREADS} threads")
    shared = object_of(file.get("shared"), "shared")
    profiles = [_of_thread(thread, shared, interval_ns) for thread in threads]
    return upload_of_measured(request, [profile for profile in profiles if profile.count])


def _of_thread(
    thread: Mapping[str, object], shared: Mapping[str, object], interval_ns: float
) -> MeasuredStacks:
    samples = object_of(thread.get("samples"), "samples")
    sample_type, factor = _measure(text_of(samples, "weightType"), interval_ns)
    weights = _weights(samples)
    labels = {"profile_name": text_of(thread, "name"), "process_name": text_of(thread, "processName")}
    return MeasuredStacks(
        sample_type=sample_type,
        count=len(weights),
        stacks=_stacks(weights, _tables(thread, shared), factor),
        labels={name: value for name, value in labels.items() if value},
    )


def _measure(weight_type: str, interval_ns: float) -> tuple[SampleType, float]:
    """Returns the sample type for a weight type, and the value of a weight of 1 in the sample type's unit."""
    measures = {
        "": (WALL_TIME, interval_ns),
        "samples": (WALL_TIME, interval_ns),
        "tracing-ms": (WALL_TIME, NS_PER_MS),
        "bytes": (sample_type_of("bytes"), 1),
    }
    if weight_type not in measures:
        raise invalid_argument(
            f"unknown weightType '{shown(weight_type)}': expected one of {', '.join(filter(None, measures))}"
        )
    return measures[weight_type]


def _weights(samples: Mapping[str, object]) -> Mapping[int, float]:
    """Returns the weight of each stack with samples, by its index."""
    stacks = list_of(samples, "stack")
    weights = list_of(samples, "weight") or [1] * len(stacks)
    if len(stacks) != len(weights):
        raise invalid_argument(f"found {len(weights)} weights for {len(stacks)} samples")
    sums: defaultdict[int, float] = defaultdict(float)
    for stack, weight in zip(stacks, weights, strict=True):
        if stack is not None:
            sums[int(number_from(stack, "a sample's stack"))] += number_from(weight, "a weight")
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """The tables of a thread's stacks. A stack's prefix is its caller, -1 for a root; `name` names its own frame."""

    prefixes: Sequence[int]
    frames: Sequence[int]
    functions: Sequence[int]
    names: Sequence[int]
    strings: Sequence[object]

    def name(self, stack: int) -> str:
        return str(self.strings[self.names[self.functions[self.frames[stack]]]])


def _tables(thread: Mapping[str, object], shared: Mapping[str, object]) -> _Tables:
    def table(name: str) -> Mapping[str, object]:
        return object_of(thread.get(name, shared.get(name)), name)

    stacks = table("stackTable")
    return _Tables(
        prefixes=_prefixes(stacks),
        frames=_indices(stacks, "frame"),
        functions=_indices(table("frameTable"), "func"),
        names=_indices(table("funcTable"), "name"),
        strings=_strings(thread) or _strings(shared),
    )


def _prefixes(stacks: Mapping[str, object]) -> Sequence[int]:
    """Returns the column `prefix`; newer versions have `prefixOffset` instead, the distance back to the caller."""
    offsets = _indices(stacks, "prefixOffset")
    if offsets:
        return [at - offset if offset else _NO_PREFIX for at, offset in enumerate(offsets)]
    return _indices(stacks, "prefix")


def _indices(table: Mapping[str, object], name: str) -> Sequence[int]:
    return [
        _NO_PREFIX if each is None else int(number_from(each, f"an entry of {name}"))
        for each in list_of(table, name)
    ]


def _strings(parent: Mapping[str, object]) -> Sequence[object]:
    return list_of(parent, "stringArray") or list_of(parent, "stringTable")


def _stacks(weights: Mapping[int, float], tables: _Tables, factor: float) -> Iterator[Stack]:
    """Yields the stacks with their values, one at a time: a deep tree has many long ones."""
    for stack, weight in weights.items():
        value = round(weight * factor)
        if value > 0:
            yield _names(stack, tables), value


def _names(stack: int, tables: _Tables) -> Sequence[str]:
    """Returns the names of a stack's frames, outermost first."""
    names: list[str] = []
    while stack != _NO_PREFIX:
        if len(names) == len(tables.prefixes):
            raise invalid_argument("a stack in stackTable is its own ancestor")
        try:
            names.append(tables.name(stack))
            stack = tables.prefixes[stack]
        except IndexError as error:
            raise _missing(stack) from error
        if stack < _NO_PREFIX:
            raise _missing(stack)
    return names[::-1]


def _missing(stack: int) -> RpcError:
    return invalid_argument(f"stack {stack} is not in stackTable, or its frame, function or name is missing")
