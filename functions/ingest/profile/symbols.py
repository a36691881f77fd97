"""Converts the symbols of one pprof: functions, mappings and locations get ids that are the same in every upload.

The normalization is Pyroscope's: addresses in mappings with functions are dropped, so that the same line of code is the
same location in every build, and locations with neither a line nor an address are dropped.
"""

from array import array
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from collections.abc import Mapping as MappingOf
from itertools import accumulate, chain, repeat
from operator import itemgetter
from struct import Struct

from flamehouse.model.profile import (
    Symbols,
    function_of,
    location_of,
    location_of_line,
    mapping_of,
    stacktrace_id,
)
from flamehouse.model.symbols import NO_MAPPING, Function, Location, Mapping
from flamehouse.pb import profile_pb2
from ingest.profile.columns import Functions, Locations
from ingest.profile.go_names import is_go, without_shapes
from ingest.profile.native_frames import NativeFrames
from ingest.profile.validate import ValidProfile

_SPARSE = 4
"""The maximum length of a list of ids, as a multiple of the number of locations."""
_id = itemgetter(0)
"""The id of a function, a location or a mapping."""
_name_id = itemgetter(1)
"""The name id of a function."""
_pack_id = Struct("=Q").pack

type _Lines = tuple[tuple[tuple[int, int], int, int], ...]
"""The lines of a location, as for `location_of`."""


class SymbolTable:
    """Converts the location ids of one pprof's samples to stack ids, and collects their symbols in `symbols`."""

    def __init__(self, profile: ValidProfile, symbols: Symbols, max_depth: int, native_frames: str) -> None:
        pprof, columns = profile.pprof, profile.columns
        rename = without_shapes if is_go(profile.labels, pprof) else None
        functions = _functions(columns.functions, pprof.string_table[:], rename)
        mappings = _mappings(pprof)
        native = NativeFrames(native_frames)
        locations = _locations(columns.locations, functions, mappings, native)
        symbols.functions = _by_id(functions) | native.functions
        symbols.merged_name_ids = native.merged_name_ids
        symbols.mappings = _by_id(mappings)
        symbols.locations = _by_id(locations)
        self._ids = dict(zip(locations, map(_pack_id, map(_id, locations.values())), strict=True))
        self._table = _table_of(self._ids)
        self._symbols = symbols
        self._native = native
        self._max_depth = max_depth
        self._widest = max(columns.locations.line_counts, default=1) or 1

    def stacktraces(
        self, locations: Sequence[int], depths: Sequence[int], kept: Sequence[int]
    ) -> MappingOf[int, int]:
        """Return the ids of the stacks with the numbers `kept`; the stacks are concatenated in `locations`.

        Each stack is given leaf first; `depths` has their lengths. Unknown locations are omitted.
        """
        try:
            # Ids are bytes here: numbers of 64 bits cost Python several times as much.
            all_stacks = array("Q", b"".join(_entries(self._table or self._ids, locations)))
        except (IndexError, KeyError, TypeError):
            return self.stacktraces(*_without_dangling(locations, depths, self._ids), kept)
        # Reversed, every stack is root first, and the last stack is first.
        all_stacks.reverse()
        starts = [len(all_stacks) - end for end in accumulate(depths)]
        stacks = [all_stacks[starts[number] : starts[number] + depths[number]] for number in kept]
        if max(depths, default=0) * self._widest > self._max_depth:
            stacks = [self._cut(stack) for stack in stacks]
        if not all(stacks):
            self._draw_no_frames()
        ids = [*map(stacktrace_id, stacks)]
        self._symbols.stacktraces.update(zip(ids, stacks, strict=True))
        return dict(zip(kept, ids, strict=True))

    def _draw_no_frames(self) -> None:
        name_id = self._native.unknown()
        self._symbols.no_frames = array("Q", [name_id])
        self._symbols.functions |= self._native.functions

    def _cut(self, stack: "array[int]") -> "array[int]":
        """Cut the stack to its outermost `max_depth` frames; a location counts once per line."""
        budget = self._max_depth
        for kept, id_ in enumerate(stack):
            location = self._symbols.locations[id_]
            frames = len(location.lines) or 1
            if frames > budget:
                return stack[:kept] + self._outermost(location, budget)
            budget -= frames
        return stack

    def _outermost(self, location: Location, count: int) -> "array[int]":
        """Return a stack of the location with at most its `count` outermost lines; empty for no lines."""
        if not count:
            return array("Q")
        lines = zip(location.lines[-count:], reversed(location.name_ids[:count]), strict=True)
        cut = location_of(
            location.address,
            location.mapping_id,
            tuple(((line.function_id, name_id), line.line, line.column) for line, name_id in lines),
        )
        self._symbols.locations[cut.id] = cut
        return array("Q", [cut.id])


def _without_dangling(
    locations: Sequence[int], depths: Sequence[int], ids: Container[int]
) -> tuple[Sequence[int], Sequence[int]]:
    stacks = [
        [local for local in locations[end - depth : end] if local in ids]
        for depth, end in zip(depths, accumulate(depths), strict=True)
    ]
    return list(chain.from_iterable(stacks)), [len(stack) for stack in stacks]


def _table_of(ids: MappingOf[int, bytes]) -> Sequence[bytes | None]:
    """Return the ids as a list by location, which is faster to read; an empty one if the numbers of locations are too sparse."""
    last = max(ids, default=0)
    return [*map(ids.get, range(last + 1))] if last <= _SPARSE * len(ids) else ()


def _entries(
    table: Sequence[bytes | None] | MappingOf[int, bytes], numbers: Sequence[int]
) -> Iterable[bytes]:
    """Return the entries of these numbers; raise IndexError or KeyError for a number without one, which may be None too."""
    if len(numbers) < 2:
        return [table[number] for number in numbers]  # type: ignore[misc]  # None is the caller's
    entries: Iterable[bytes] = itemgetter(*numbers)(table)
    return entries


def _by_id[Symbol: (Function, Location, Mapping)](symbols: MappingOf[int, Symbol]) -> dict[int, Symbol]:
    return dict(zip(map(_id, symbols.values()), symbols.values(), strict=True))


def _functions(
    functions: Functions, strings: Sequence[str], rename: Callable[[str], str] | None
) -> dict[int, Function]:
    """Return the functions by their ids in the pprof."""
    text = strings.__getitem__
    names = map(text, functions.names)
    found = map(
        function_of,
        map(rename, names) if rename else names,
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


def _locations_of_one_line(
    columns: Locations,
    functions: MappingOf[int, Function],
    mapping_ids: Iterable[int],
    without_address: Collection[int],
) -> dict[int, Location]:
    """Return the locations by their ids in the pprof, each of which has one line with a function.

    `without_address` are the mappings whose locations are stored without their address.
    """
    called = [functions[local] for local in columns.function_ids]
    found = map(
        location_of_line,
        [
            0 if local in without_address else address
            for local, address in zip(columns.mapping_ids, columns.addresses, strict=True)
        ],
        mapping_ids,
        map(_id, called),
        map(_name_id, called),
        columns.lines,
        columns.columns,
    )
    return dict(zip(columns.ids, found, strict=True))


def _locations(
    columns: Locations,
    functions: MappingOf[int, Function],
    mappings: MappingOf[int, Mapping],
    native: NativeFrames,
) -> dict[int, Location]:
    """Return the locations by their ids in the pprof, without those with neither an address nor a function."""
    mapping_ids = [mappings[local].id if local in mappings else NO_MAPPING for local in columns.mapping_ids]
    without_address = {local for local, mapping in mappings.items() if mapping.has_functions}
    if columns.line_counts.count(1) == len(columns.ids) and functions.keys() >= {*columns.function_ids}:
        return _locations_of_one_line(columns, functions, mapping_ids, without_address)
    lines = [*_known_lines(columns, {local: function[:2] for local, function in functions.items()})]
    found = map(
        location_of,
        [
            0 if local in without_address and known else address
            for local, address, known in zip(columns.mapping_ids, columns.addresses, lines, strict=True)
        ],
        mapping_ids,
        lines,
        _native_name_ids(columns, lines, mappings, native),
    )
    return {
        local: location
        for local, address, location in zip(columns.ids, columns.addresses, found, strict=False)
        if address or location.lines
    }


def _native_name_ids(
    columns: Locations,
    lines: Sequence[_Lines],
    mappings: MappingOf[int, Mapping],
    native: NativeFrames,
) -> Iterable[int | None]:
    """Return the name id of each location that has only an address, None for the others."""
    if all(lines):
        return repeat(None)
    return [
        native.name_id(address, mappings[local].filename if local in mappings else "")
        if address and not known
        else None
        for local, address, known in zip(columns.mapping_ids, columns.addresses, lines, strict=True)
    ]


def _known_lines(columns: Locations, functions: MappingOf[int, tuple[int, int]]) -> Iterable[_Lines]:
    """Return each location's lines with known functions, as for `location_of`."""
    known = [functions[local] for local in columns.function_ids if local in functions]
    if len(known) == len(columns.function_ids) and columns.line_counts.count(1) == len(columns.line_counts):
        return zip(zip(known, columns.lines, columns.columns, strict=True), strict=True)
    lines = [*zip(columns.function_ids, columns.lines, columns.columns, strict=True)]
    ends = accumulate(columns.line_counts)
    return (
        tuple(
            (functions[local], line, column)
            for local, line, column in lines[end - count : end]
            if local in functions
        )
        for count, end in zip(columns.line_counts, ends, strict=True)
    )
