"""Converts the locations of one pprof to locations whose ids are the same in every upload.

The normalization is Pyroscope's: addresses in mappings with functions are dropped, so that the same line of code is the
same location in every build, and locations with neither a line nor an address are dropped.
"""

from collections.abc import Container, Iterable, Sequence
from collections.abc import Mapping as MappingOf
from itertools import accumulate, repeat
from operator import itemgetter
from typing import NamedTuple

from flamehouse.model.profile import location_of, location_of_line
from flamehouse.model.symbols import NO_MAPPING, Function, Location, Mapping
from ingest.profile import vectors_used
from ingest.profile.columns import Locations
from ingest.profile.native_frames import NativeFrames

_id = itemgetter(0)
"""The id of a function or a location."""
_name_id = itemgetter(1)
"""The name id of a function."""

type _Lines = tuple[tuple[tuple[int, int], int, int], ...]
"""The lines of a location, in the form that `location_of` takes."""


class LocalLocations(NamedTuple):
    """The locations of a pprof: their numbers in it (the last of equal ones counts) and their ids."""

    numbers: Sequence[int]
    ids: Sequence[int]
    locations: Iterable[Location]


def local_locations(
    columns: Locations,
    functions: MappingOf[int, Function],
    mappings: MappingOf[int, Mapping],
    native: NativeFrames,
) -> LocalLocations:
    """Return the locations that have an address or a function."""
    if vectors_used.has_numpy():
        from ingest.profile.vector_symbols import find_locations  # noqa: PLC0415  # on Lambda there is no NumPy

        if known := find_locations(columns, functions, mappings):
            return known
    mapping_ids = [mappings[local].id if local in mappings else NO_MAPPING for local in columns.mapping_ids]
    without_address = {local for local, mapping in mappings.items() if mapping.has_functions}
    if columns.line_counts.count(1) == len(columns.ids) and functions.keys() >= {*columns.function_ids}:
        return _numbered(columns.ids, [*_of_one_line(columns, functions, mapping_ids, without_address)])
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
    kept = [
        (local, location)
        for local, address, location in zip(columns.ids, columns.addresses, found, strict=False)
        if address or location.lines
    ]
    return _numbered([local for local, _ in kept], [location for _, location in kept])


def _numbered(numbers: Sequence[int], locations: Sequence[Location]) -> LocalLocations:
    return LocalLocations(numbers, [*map(_id, locations)], locations)


def _of_one_line(
    columns: Locations,
    functions: MappingOf[int, Function],
    mapping_ids: Iterable[int],
    without_address: Container[int],
) -> Iterable[Location]:
    called = [functions[local] for local in columns.function_ids]
    addresses = [
        0 if local in without_address else address
        for local, address in zip(columns.mapping_ids, columns.addresses, strict=True)
    ]
    return map(
        location_of_line,
        addresses,
        mapping_ids,
        map(_id, called),
        map(_name_id, called),
        columns.lines,
        columns.columns,
    )


def _native_name_ids(
    columns: Locations,
    lines: Sequence[_Lines],
    mappings: MappingOf[int, Mapping],
    native: NativeFrames,
) -> Iterable[int | None]:
    """Return the name id of each location that has only an address, and None for the others."""
    if all(lines):
        return repeat(None)
    return [
        native.name_id(address, mappings[local].filename if local in mappings else "")
        if address and not known
        else None
        for local, address, known in zip(columns.mapping_ids, columns.addresses, lines, strict=True)
    ]


def _known_lines(columns: Locations, functions: MappingOf[int, tuple[int, int]]) -> Iterable[_Lines]:
    """Return each location's lines with known functions, in the form that `location_of` takes."""
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
