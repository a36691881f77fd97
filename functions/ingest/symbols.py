"""The symbols of one pprof: its functions, mappings and locations under the ids that hold for every upload.

Follows Pyroscope's normalisation: what a mapping with functions says of addresses is dropped, so that the same line
of code is the same location whatever the build's layout, and locations with neither a line nor an address go.
"""

from array import array
from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from itertools import accumulate, chain

from flamehouse.incoming import IncomingProfile
from flamehouse.pb import profile_pb2
from flamehouse.profile import (
    NO_MAPPING,
    Function,
    Location,
    Mapping,
    Symbols,
    function_of,
    location_of,
    location_of_line,
    mapping_of,
    stacktrace_id,
)
from ingest.go_names import is_go, without_shapes


class SymbolTable:
    """Turns the location ids of one pprof's samples into stack ids, collecting into `symbols` what they name."""

    def __init__(self, profile: IncomingProfile, symbols: Symbols, max_depth: int) -> None:
        pprof = profile.pprof
        functions = _functions(pprof, rename=without_shapes if is_go(profile.labels, pprof) else str)
        mappings = _mappings(pprof)
        ids = {local: (function.id, function.name_id) for local, function in functions.items()}
        locations = _locations(pprof, ids, mappings)
        self._ids = {local: location.id for local, location in locations.items()}
        self._symbols = symbols
        self._max_depth = max_depth
        self._widest = max((len(location.lines) for location in locations.values()), default=1) or 1
        symbols.functions = {function.id: function for function in functions.values()}
        symbols.mappings = {mapping.id: mapping for mapping in mappings.values()}
        symbols.locations = {location.id: location for location in locations.values()}

    def stacktraces(self, locations: list[int], depths: list[int]) -> list[int]:
        """The ids of stacks that follow each other in `locations`, each leaf first, `depths` of them long.

        Locations that the pprof does not have are left out.
        """
        ids = self._ids
        if not ids.keys() >= set(locations):
            locations, depths = _without_dangling(locations, depths, ids)
        all_stacks = array("Q", [ids[local] for local in locations])
        # Backwards, every stack is root first and the last stack comes first.
        all_stacks.reverse()
        end = len(all_stacks)
        stacktraces = []
        for depth in depths:
            stack = all_stacks[end - depth : end]
            end -= depth
            if depth * self._widest > self._max_depth:
                stack = self._cut(stack)
            id_ = stacktrace_id(stack)
            self._symbols.stacktraces[id_] = stack
            stacktraces.append(id_)
        return stacktraces

    def _cut(self, stack: "array[int]") -> "array[int]":
        """Keep the outermost frames, `max_depth` of them: a location counts for its lines, whole or not at all."""
        locations = self._symbols.locations
        frames = 0
        for kept, id_ in enumerate(stack):
            frames += len(locations[id_].lines) or 1
            if frames > self._max_depth:
                return stack[:kept]
        return stack


def _without_dangling(
    locations: list[int], depths: list[int], ids: MappingOf[int, int]
) -> tuple[list[int], list[int]]:
    stacks = [
        [local for local in locations[end - depth : end] if local in ids]
        for depth, end in zip(depths, accumulate(depths), strict=True)
    ]
    return list(chain.from_iterable(stacks)), [len(stack) for stack in stacks]


def _functions(pprof: profile_pb2.Profile, rename: Callable[[str], str]) -> dict[int, Function]:
    text = pprof.string_table[:]
    return {
        function.id: function_of(
            rename(text[function.name]),
            text[function.system_name],
            text[function.filename],
            function.start_line,
        )
        for function in pprof.function
    }


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


def _locations(
    pprof: profile_pb2.Profile, functions: MappingOf[int, tuple[int, int]], mappings: MappingOf[int, Mapping]
) -> dict[int, Location]:
    """Each location by its id in the pprof; `functions` gives the id and name id of each function there."""
    mapping_ids = {local: mapping.id for local, mapping in mappings.items()}
    without_address = {local for local, mapping in mappings.items() if mapping.has_functions}
    locations = {}
    for location in pprof.location:
        local_mapping, address, lines = location.mapping_id, location.address, location.line
        kept_address = 0 if local_mapping in without_address else address
        mapping_id = mapping_ids.get(local_mapping, NO_MAPPING)
        # A location with one line is nearly every location, and has the quicker look-up of the two.
        if len(lines) == 1 and (names := functions.get(lines[0].function_id)) is not None:
            line = lines[0]
            locations[location.id] = location_of_line(
                kept_address, mapping_id, *names, line.line, line.column
            )
        elif (known := _known_lines(lines, functions)) or address:
            locations[location.id] = location_of(kept_address, mapping_id, known)
    return locations


def _known_lines(
    lines: Sequence[profile_pb2.Line], functions: MappingOf[int, tuple[int, int]]
) -> tuple[tuple[int, int, int, int], ...]:
    """The lines whose function the pprof has, as `location_of` takes them."""
    return tuple(
        (*names, line.line, line.column)
        for line in lines
        if (names := functions.get(line.function_id)) is not None
    )
