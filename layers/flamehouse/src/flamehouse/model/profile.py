"""An upload as the store takes it: profiles split by series, and the symbols that their stacks are made of.

Ids of stacks, locations, mappings and functions are 64-bit hashes of what they stand for, so that the same thing
has the same id in every upload and nothing has to be looked up before it is written.
"""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, groupby
from typing import NamedTuple
from uuid import UUID

from flamehouse.model.labels import LabelSet

NO_MAPPING = 0


def hash64(data: bytes) -> int:
    """The first 64 bits of BLAKE2b: the id of whatever `data` describes in full."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def hash64_of(*parts: str | int) -> int:
    """The id of a tuple of strings and numbers; no two tuples describe themselves alike."""
    return hash64("".join(f"{len(text := str(part))}:{text}" for part in parts).encode())


class Function(NamedTuple):
    """A function as pprof knows it. Flame graphs merge by `name`, whose hash is `name_id`."""

    id: int
    name_id: int
    name: str
    system_name: str
    filename: str
    start_line: int


class Line(NamedTuple):
    """A line of a location: `function_id` is a Function's id."""

    function_id: int
    line: int
    column: int


class Location(NamedTuple):
    """A place in the code; `lines` runs from the innermost inlined function out to the one that was called.

    `name_ids` are those of its functions in the order of a stack, the called one first. A location without lines has the
    name id that it is drawn with, of which `lines` say nothing.
    """

    id: int
    name_ids: tuple[int, ...]
    address: int
    mapping_id: int
    lines: tuple[Line, ...]


class Mapping(NamedTuple):
    """A mapped file. `flags`, lowest bit first: has functions, has filenames, has line numbers, has inline frames."""

    id: int
    memory_start: int
    memory_limit: int
    file_offset: int
    filename: str
    build_id: str
    flags: int

    @property
    def has_functions(self) -> bool:
        return bool(self.flags & 1)


@dataclass(slots=True, kw_only=True)
class Symbols:
    """What the stacks of some profiles are made of, each by its id; a stack is its locations' ids, root first.

    `functions` has the names of native frames too. Consecutive frames of the same id in `merged_name_ids` are drawn as
    one; a stack without locations is drawn as `no_frames`.
    """

    stacktraces: "dict[int, array[int]]" = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=dict)
    mappings: dict[int, Mapping] = field(default_factory=dict)
    functions: dict[int, Function] = field(default_factory=dict)
    merged_name_ids: Collection[int] = frozenset()
    no_frames: "array[int]" = field(default_factory=lambda: array("Q"))

    def frames_of(self, stacktrace_id: int) -> "array[int]":
        """The name ids that a stack is drawn with, root first."""
        locations = self.locations
        stack = self.stacktraces[stacktrace_id]
        name_ids = array("Q", chain.from_iterable(locations[each].name_ids for each in stack))
        if self.merged_name_ids:
            runs = groupby(name_ids)
            name_ids = array("Q", chain.from_iterable(self._merged(*run) for run in runs))
        return name_ids or self.no_frames

    def _merged(self, name_id: int, run: Iterable[int]) -> Iterable[int]:
        return (name_id,) if name_id in self.merged_name_ids else run


# The same functions and locations come again with every profile of a process, and looking one up is several times
# cheaper than hashing it: these caches hold what some tens of services are made of.
@lru_cache(maxsize=1 << 16)
def function_of(name: str, system_name: str, filename: str, start_line: int) -> Function:
    """The function with its ids."""
    id_ = hash64_of(name, system_name, filename, start_line)
    return Function(id_, hash64(name.encode()), name, system_name, filename, start_line)


@lru_cache(maxsize=1 << 17)
def location_of(
    address: int,
    mapping_id: int,
    lines: tuple[tuple[tuple[int, int], int, int], ...],
    native_name_id: int | None = None,
) -> Location:
    """The location with its id; a line is ((function id, its name id), line number, column), the innermost first.

    `native_name_id` is what a location without lines is drawn with. It is part of the id, so that a stack's id determines
    its frames.
    """
    known = tuple(Line(function_id, line, column) for (function_id, _), line, column in lines)
    if native_name_id is not None:
        return Location(
            hash64_of(address, mapping_id, native_name_id), (native_name_id,), address, mapping_id, known
        )
    id_ = hash64_of(address, mapping_id, *chain.from_iterable(known))
    return Location(id_, tuple(name_id for (_, name_id), _, _ in reversed(lines)), address, mapping_id, known)


def mapping_of(start: int, limit: int, offset: int, filename: str, build_id: str, flags: int) -> Mapping:
    """The mapping with its id, which is never NO_MAPPING."""
    id_ = hash64_of(start, limit, offset, filename, build_id, flags) or 1
    return Mapping(id_, start, limit, offset, filename, build_id, flags)


def stacktrace_id(locations: "array[int]") -> int:
    """The id of a stack: the hash of its locations' ids, root first."""
    return hash64(locations.tobytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesProfile:
    """One profile's samples of one sample type and label set: a row a stack and span.

    `labels` are sorted by name, the private ones among them. `symbols` has at least what the stacks name. `span_ids` and
    `trace_ids` are empty where no sample has one, otherwise as long as `values`, with 0 and 16 zero bytes for a sample
    that has none.
    """

    time_ns: int
    duration_ns: int
    profile_id: UUID
    profile_type: str
    service: str
    fingerprint: int
    labels: LabelSet
    symbols: Symbols
    stacktrace_ids: "array[int]"
    values: "array[int]"
    span_ids: "array[int]" = field(default_factory=lambda: array("Q"))
    trace_ids: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One request's profiles: `id` (32 bytes) is the same for the same request, however often it is sent."""

    tenant: str
    id: bytes
    received_ns: int
    profiles: Sequence[SeriesProfile]


def fingerprint_of(labels: Iterable[tuple[str, str]]) -> int:
    """The id of a series: the hash of its sorted labels."""
    return hash64_of(*(text for pair in labels for text in pair))
