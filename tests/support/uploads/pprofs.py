"""The contents of a pprof, independent of its ids: each stack by functions, files, lines and mappings, with its value."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from flamehouse.pb.profile_pb2 import Location, Profile


class WrittenLine(NamedTuple):
    """A line of a location, innermost first: the function's name, system name, file, first line; line and column."""

    name: str
    system_name: str
    filename: str
    start_line: int
    line: int
    column: int


class WrittenLocation(NamedTuple):
    """A location: its mapping's file and build id, its address, and its lines."""

    mapping: tuple[str, str]
    address: int
    lines: tuple[WrittenLine, ...]


type WrittenStack = tuple[WrittenLocation, ...]
"""Leaf first, as in pprof."""


def stacks_in(pprof: Profile, value: int = 0) -> Counter[WrittenStack]:
    """Returns the stacks with the sums of value number `value`; AssertionError for an incomplete pprof."""
    text = pprof.string_table
    assert [*text[:1]] == [""] or pprof == Profile()
    functions = {function.id: function for function in pprof.function}
    mappings = {mapping.id: (text[mapping.filename], text[mapping.build_id]) for mapping in pprof.mapping}
    mappings[0] = ("", "")
    assert 0 not in functions
    assert len(functions) == len(pprof.function)

    def written(location: Location) -> WrittenLocation:
        lines = []
        for line in location.line:
            function = functions[line.function_id]
            names = (text[function.name], text[function.system_name], text[function.filename])
            lines.append(WrittenLine(*names, function.start_line, line.line, line.column))
        return WrittenLocation(mappings[location.mapping_id], location.address, tuple(lines))

    locations = {location.id: written(location) for location in pprof.location}
    assert 0 not in locations
    assert len(locations) == len(pprof.location)
    counted: Counter[WrittenStack] = Counter()
    for sample in pprof.sample:
        counted[tuple(locations[id_] for id_ in sample.location_id)] += sample.value[value]
    return counted


def names_of_stack(stack: WrittenStack) -> Sequence[str]:
    """Returns the names of a stack's functions, root first, including inlined ones."""
    return [line.name for location in reversed(stack) for line in reversed(location.lines)]
