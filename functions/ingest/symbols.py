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
        functions = _functions(pprof, rename=without_shapes if is_go(profile.labels, pprof) else None)
        mappings = _mappings(pprof)
        self._symbols = symbols
        self._max_depth = max_depth
        symbols.functions = {function.id: function for function in functions.values()}
        symbols.mappings = {mapping.id: mapping for mapping in mappings.values()}
        names = {local: (function.id, function.name_id) for local, function in functions.items()}
        self._ids = _read_locations(pprof, names, mappings, symbols.locations)
        self._widest = max((len(location.lines) for location in symbols.locations.values()), default=1) or 1

    def stacktraces(self, locations: list[int], depths: list[int]) -> list[int]:
        """The ids of stacks that follow each other in `locations`, each leaf first, `depths` of them long.

        Locations that the pprof does not have are left out.
        """
        ids = self._ids
        try:
            all_stacks = array("Q", [ids[local] for local in locations])
        except KeyError:
            return self.stacktraces(*_without_dangling(locations, depths, ids))
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
        """Keep the outermost frames, `max_depth` of them: a location counts for its lines."""
        room = self._max_depth
        for kept, id_ in enumerate(stack):
            location = self._symbols.locations[id_]
            frames = len(location.lines) or 1
            if frames > room:
                return stack[:kept] + self._outermost(location, room)
            room -= frames
        return stack

    def _outermost(self, location: Location, count: int) -> "array[int]":
        """The location with no more than its `count` outermost lines, as a stack; an empty one for no lines."""
        if not count:
            return array("Q")
        lines = zip(location.lines[-count:], reversed(location.name_ids[:count]), strict=True)
        cut = location_of(
            location.address,
            location.mapping_id,
            tuple((line.function_id, name_id, line.line, line.column) for line, name_id in lines),
        )
        self._symbols.locations[cut.id] = cut
        return array("Q", [cut.id])


def _without_dangling(
    locations: list[int], depths: list[int], ids: MappingOf[int, int]
) -> tuple[list[int], list[int]]:
    stacks = [
        [local for local in locations[end - depth : end] if local in ids]
        for depth, end in zip(depths, accumulate(depths), strict=True)
    ]
    return list(chain.from_iterable(stacks)), [len(stack) for stack in stacks]


def _functions(pprof: profile_pb2.Profile, rename: Callable[[str], str] | None) -> dict[int, Function]:
    text = pprof.string_table[:]
    return {
        function.id: function_of(
            rename(text[function.name]) if rename else text[function.name],
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


def _read_locations(
    pprof: profile_pb2.Profile,
    functions: MappingOf[int, tuple[int, int]],
    mappings: MappingOf[int, Mapping],
    locations: dict[int, Location],
) -> dict[int, int]:
    """Add the pprof's locations to `locations`; the id of each by its id in the pprof.

    `functions` gives the id and name id of each function by its id in the pprof.
    """
    mapping_ids = {local: mapping.id for local, mapping in mappings.items()}
    without_address = {local for local, mapping in mappings.items() if mapping.has_functions}
    ids = {}
    for each in pprof.location:
        local_mapping, address, lines = each.mapping_id, each.address, each.line
        kept_address = 0 if local_mapping in without_address else address
        mapping_id = mapping_ids.get(local_mapping, NO_MAPPING)
        # A location with one line is nearly every location, and has the quicker look-up of the two.
        if len(lines) == 1 and (names := functions.get(lines[0].function_id)) is not None:
            line = lines[0]
            location = location_of_line(kept_address, mapping_id, *names, line.line, line.column)
        elif (known := _known_lines(lines, functions)) or address:
            location = location_of(kept_address, mapping_id, known)
        else:
            continue
        ids[each.id] = location.id
        locations[location.id] = location
    return ids


def _known_lines(
    lines: Sequence[profile_pb2.Line], functions: MappingOf[int, tuple[int, int]]
) -> tuple[tuple[int, int, int, int], ...]:
    """The lines whose function the pprof has, as `location_of` takes them."""
    return tuple(
        (*names, line.line, line.column)
        for line in lines
        if (names := functions.get(line.function_id)) is not None
    )
