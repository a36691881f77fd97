"""The locations and functions of a request's dictionary, as columns, and the subset that one profile uses.

All profiles of a request share a dictionary. Each receives a subset, so that its cost depends only on its own size.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Final, NamedTuple

from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.pb.otlp_columns_pb2 import DictionaryLists, FunctionColumns, LocationColumns
from flamehouse.pb.profile_columns_pb2 import LineColumns
from ingest.formats.otlp.numbering import Numbering
from ingest.profile.columns import LINE_SEPARATOR, Functions, Locations, aligned, flattened, joined

_LOCATION_SEPARATOR: Final = b"\x08\x00\x10\x00\x1a\x02\x08\x00"
_FUNCTION_SEPARATOR: Final = b"\x08\x00\x10\x00\x18\x00\x20\x00"


class FunctionTexts(NamedTuple):
    """The functions that a profile uses: the number, the indices of the texts, and the first line of each."""

    ids: Sequence[int]
    names: Sequence[int]
    system_names: Sequence[int]
    filenames: Sequence[int]
    start_lines: Sequence[int]

    def numbered(self, numbers: Mapping[int, int]) -> Functions:
        """Converts the functions to those of a pprof whose texts are numbered by `numbers`."""
        return Functions(
            ids=self.ids,
            names=[*map(numbers.__getitem__, self.names)],
            system_names=[*map(numbers.__getitem__, self.system_names)],
            filenames=[*map(numbers.__getitem__, self.filenames)],
            start_lines=self.start_lines,
        )


class SymbolTables:
    """The tables of one request; entries have their numbers in pprof."""

    def __init__(self, message: otlp.ProfilesDictionary) -> None:
        message.DiscardUnknownFields()
        lists = DictionaryLists.FromString(message.SerializeToString())
        self.mapping_numbers = Numbering.of("mapping_table", message.mapping_table)
        self.location_numbers = Numbering.of("location_table", message.location_table)
        self._function_numbers = Numbering.of("function_table", message.function_table)
        # The first entry is repeated after the last: if it has a value, its number is that place.
        self._read_locations([*lists.location_table, *lists.location_table[:1]])
        self._read_functions([*lists.function_table, *lists.function_table[:1]])

    def frame_count(self, locations: Sequence[int]) -> int:
        """Returns the number of frames of these locations; a location without lines has one."""
        self.location_numbers.check(locations)
        return sum(map(self._frames.__getitem__, locations))

    def locations(self, numbers: Sequence[int]) -> Locations:
        """Builds pprof locations.

        Raises RpcError(INVALID_ARGUMENT) for a missing location and for dangling references.
        """
        self.location_numbers.check(numbers)
        lines = numbers
        if self._line_counts.count(1) != len(self._line_counts):
            counts, starts = self._line_counts, self._line_starts
            lines = [*chain.from_iterable(range(starts[at], starts[at] + counts[at]) for at in numbers)]
        mappings = self.mapping_numbers.unchecked([*map(self._mapping_indices.__getitem__, numbers)])
        functions = self._function_numbers.unchecked([*map(self._function_indices.__getitem__, lines)])
        self.mapping_numbers.check(mappings)
        self._function_numbers.check(functions)
        return Locations(
            ids=numbers,
            mapping_ids=mappings,
            addresses=[*map(self._addresses.__getitem__, numbers)],
            line_counts=[*map(self._line_counts.__getitem__, numbers)],
            function_ids=functions,
            lines=[*map(self._lines.__getitem__, lines)],
            columns=[*map(self._columns.__getitem__, lines)],
        )

    def functions(self, locations: Locations) -> FunctionTexts:
        """Returns the functions that the locations refer to. A line without a function is skipped."""
        used = dict.fromkeys(locations.function_ids)
        used.pop(0, None)
        return FunctionTexts(
            [*used],
            [*map(self._names.__getitem__, used)],
            [*map(self._system_names.__getitem__, used)],
            [*map(self._filenames.__getitem__, used)],
            [*map(self._start_lines.__getitem__, used)],
        )

    def _read_locations(self, encoded: Sequence[bytes]) -> None:
        count = len(encoded)
        columns = LocationColumns.FromString(joined(encoded, _LOCATION_SEPARATOR))
        encoded_lines, self._line_counts = flattened(columns.lines[:], count)
        lines = LineColumns.FromString(joined(encoded_lines, LINE_SEPARATOR))
        self._mapping_indices = aligned(columns.mapping_index, count)
        self._addresses = aligned(columns.address, count)
        self._function_indices = aligned(lines.function_id, len(encoded_lines))
        self._lines = aligned(lines.line, len(encoded_lines))
        self._columns = aligned(lines.column, len(encoded_lines))
        self._line_starts = [0, *accumulate(self._line_counts)]
        self._frames = [lines or 1 for lines in self._line_counts]
        self.has_inlined = max(self._frames, default=1) > 1

    def _read_functions(self, encoded: Sequence[bytes]) -> None:
        count = len(encoded)
        columns = FunctionColumns.FromString(joined(encoded, _FUNCTION_SEPARATOR))
        self._names = aligned(columns.name_strindex, count)
        self._system_names = aligned(columns.system_name_strindex, count)
        self._filenames = aligned(columns.filename_strindex, count)
        self._start_lines = aligned(columns.start_line, count)
