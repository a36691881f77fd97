"""Converts the symbols of one pprof: functions, mappings and locations get ids that are the same in every upload.

The normalization is Pyroscope's: addresses in mappings with functions are dropped, so that the same line of code is the
same location in every build, and locations with neither a line nor an address are dropped.
"""

from array import array
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from operator import itemgetter
from struct import Struct

from flamehouse.model.profile import (
    MAX_CACHED_CHARS,
    Symbols,
    cached_function_of,
    function_of,
    location_of,
    mapping_of,
    stacktrace_ids,
)
from flamehouse.model.symbols import ID_BYTES, Function, Location, Mapping
from flamehouse.pb import profile_pb2
from ingest.profile.columns import Functions
from ingest.profile.go_names import names_of
from ingest.profile.local_locations import local_locations
from ingest.profile.native_frames import NativeFrames
from ingest.profile.packed_stacks import pack_stacks
from ingest.profile.validate import ValidProfile

_id = itemgetter(0)
"""The id of a function, a location or a mapping."""
_name_id = itemgetter(1)
"""The name id of a function."""
_pack_id = Struct("=Q").pack


class SymbolTable:
    """Converts the location ids of one pprof's samples to stack ids, and collects their symbols in `symbols`."""

    def __init__(self, profile: ValidProfile, symbols: Symbols, max_depth: int, native_frames: str) -> None:
        pprof, columns = profile.pprof, profile.columns
        strings = pprof.string_table[:]
        functions = _functions(columns.functions, names_of(profile.labels, strings), strings)
        mappings = _mappings(pprof)
        self._native = NativeFrames(native_frames)
        self._locations = local_locations(columns.locations, functions, mappings, self._native)
        self._functions = [*functions.values()]
        symbols.merged_name_ids = self._native.merged_name_ids
        symbols.all_mappings = [*mappings.values()]
        symbols.all_functions = [*self._functions, *self._native.functions.values()]
        symbols.all_locations = self._locations.locations
        self._symbols = symbols
        self._max_depth = max_depth
        self._widest = max(columns.locations.line_counts, default=1) or 1

    def stacktraces(
        self, locations: Sequence[int], depths: Sequence[int], kept: Sequence[int]
    ) -> MappingOf[int, int]:
        """Return the ids of the stacks with the numbers `kept`; `locations` has all stacks, one after the other.

        Each stack is leaf first; `depths` has their lengths. Unknown locations are omitted.
        """
        packed, depths = pack_stacks(self._locations, locations, depths)
        ends = [*accumulate(depths)]
        last = len(packed)
        stacks = [
            packed[last - ID_BYTES * ends[number] : last - ID_BYTES * (ends[number] - depths[number])]
            for number in kept
        ]
        if max(depths, default=0) * self._widest > self._max_depth:
            stacks = [self._cut(stack) for stack in stacks]
        if not all(stacks):
            self._draw_no_frames()
        ids = stacktrace_ids(stacks)
        self._symbols.stacktraces.update(zip(ids, stacks, strict=True))
        return dict(zip(kept, ids, strict=True))

    def _draw_no_frames(self) -> None:
        name_id = self._native.unknown()
        self._symbols.no_frames = array("Q", [name_id])
        self._symbols.all_functions = [*self._functions, *self._native.functions.values()]

    def _cut(self, stack: bytes) -> bytes:
        """Cut the stack to its outermost `max_depth` frames. A location counts once per line."""
        budget = self._max_depth
        for kept, id_ in enumerate(array("Q", stack)):
            location = self._by_id[id_]
            frames = len(location.lines) or 1
            if frames > budget:
                return stack[: ID_BYTES * kept] + self._outermost(location, budget)
            budget -= frames
        return stack

    @cached_property
    def _by_id(self) -> dict[int, Location]:
        return {location.id: location for location in self._locations.locations}

    def _outermost(self, location: Location, count: int) -> bytes:
        """Return the location, cut to its `count` outermost lines, as a stack; return an empty stack for 0 lines."""
        if not count:
            return b""
        lines = zip(location.lines[-count:], reversed(location.name_ids[:count]), strict=True)
        cut = location_of(
            location.address,
            location.mapping_id,
            tuple(((line.function_id, name_id), line.line, line.column) for line, name_id in lines),
        )
        self._symbols.cut_locations.append(cut)
        return _pack_id(cut.id)


def _functions(functions: Functions, names: Sequence[str], strings: Sequence[str]) -> dict[int, Function]:
    """Return the functions by their ids in the pprof; `names` is the string table for function names."""
    text = strings.__getitem__
    # `map` calls the cached function of the common case directly, without Python code in between.
    is_short = 3 * max(map(len, strings), default=0) <= MAX_CACHED_CHARS
    found = map(
        cached_function_of if is_short else function_of,
        map(names.__getitem__, functions.names),
        map(text, functions.system_names),
        map(text, functions.filenames),
        functions.start_lines,
    )
    return dict(zip(functions.ids, found, strict=True))


def _mappings(pprof: profile_pb2.Profile) -> dict[int, Mapping]:
    text = pprof.string_table
    mappings = {}
    for mapping in pprof.mapping:
        start, limit, offset = mapping.memory_start, mapping.memory_limit, mapping.file_offset
        if mapping.has_functions:
            start = limit = offset = 0
        flags = (
            mapping.has_functions
            | mapping.has_filenames << 1
            | mapping.has_line_numbers << 2
            | mapping.has_inline_frames << 3
        )
        mappings[mapping.id] = mapping_of(
            start, limit, offset, text[mapping.filename], text[mapping.build_id], flags
        )
    return mappings
