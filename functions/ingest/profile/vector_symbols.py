"""Finds the locations of one pprof with NumPy, and packs the stacks of its samples."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from operator import itemgetter
from typing import Final

import numpy as np

from flamehouse.model.profile import location_of
from flamehouse.model.symbols import NO_MAPPING, Function, Location, Mapping
from ingest.profile.columns import Locations
from ingest.profile.local_locations import LocalLocations
from ingest.profile.location_table import WIDTH, LocationTable
from ingest.profile.vectors import Numbers, Places, unsigned

_SPARSE: Final = 4
"""The maximum length of a table of positions, as a multiple of the number of ids."""
_CAPACITY: Final = 1 << 17
"""Enough for the locations of some tens of services."""
_id = itemgetter(0)


class Found:
    """The locations of a pprof's rows; they are looked up in the table only if their symbols are needed."""

    def __init__(self, table: LocationTable, numbers: Places, others: MappingOf[int, Location]) -> None:
        self._table = table
        self._numbers = numbers
        self._others = others

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the locations."""
        ids = self._table.ids(self._numbers)
        for row, location in self._others.items():
            ids[row] = location.id
        return unsigned(ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Found) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]  # equal objects may refer to different tables

    def __iter__(self) -> Iterator[Location]:
        if not self._others:
            return self._table.locations(self._numbers)
        found = [*self._table.locations(self._numbers)]
        for row, location in self._others.items():
            found[row] = location
        return iter(found)


class Tables:
    """The table in use. A full table is replaced; profiles that refer to it keep it alive."""

    def __init__(self) -> None:
        self.current = LocationTable(_CAPACITY)

    def with_space(self) -> LocationTable:
        if self.current.is_full:
            self.current = LocationTable(_CAPACITY)
        return self.current


_tables = Tables()


def find_locations(
    columns: Locations, functions: MappingOf[int, Function], mappings: MappingOf[int, Mapping]
) -> LocalLocations | None:
    """Return the locations; None if one has no lines, several lines, or a line without a function."""
    called = positions(_unsigned([*functions]), _unsigned(columns.function_ids))
    if columns.line_counts.count(1) != len(columns.ids) or (called < 0).any():
        return None
    rows = np.empty((len(called), WIDTH), np.uint64)
    rows[:, :2] = _heads(columns, mappings)
    rows[:, 2] = np.fromiter(map(_id, functions.values()), np.uint64, len(functions))[called]
    rows[:, 3] = np.asarray(columns.lines, np.int64).view(np.uint64)
    rows[:, 4] = np.asarray(columns.columns, np.int64).view(np.uint64)
    table = _tables.with_space()
    numbers = table.find(rows)
    others = {}
    for row in np.flatnonzero(numbers < 0).tolist():
        address, mapping_id, *_ = rows[row].tolist()
        line = (functions[columns.function_ids[row]][:2], columns.lines[row], columns.columns[row])
        others[row] = location_of(address, mapping_id, (line,))
        table.add(rows[row], others[row])
    found = Found(table, np.maximum(numbers, 0), others)
    return LocalLocations(columns.ids, found.ids, found)


def _heads(columns: Locations, mappings: MappingOf[int, Mapping]) -> Numbers:
    """Return the address and the mapping id of each location, in the form stored for locations with functions."""
    local = positions(_unsigned([*mappings]), _unsigned(columns.mapping_ids)) + 1
    has_functions = np.array([False, *(each.has_functions for each in mappings.values())])
    heads = np.empty((len(local), 2), np.uint64)
    heads[:, 0] = np.where(has_functions[local], np.uint64(0), _unsigned(columns.addresses))
    heads[:, 1] = _unsigned([NO_MAPPING, *map(_id, mappings.values())])[local]
    return heads


def pack_stacks(
    locations: LocalLocations, numbers: Sequence[int], depths: Sequence[int]
) -> tuple[bytes, Sequence[int]]:
    """See `packed_stacks.pack_stacks`."""
    at = positions(_unsigned(locations.numbers), _unsigned(numbers))
    is_known = at >= 0
    if not is_known.all():
        known = np.concatenate((np.zeros(1, np.int64), np.cumsum(is_known)))
        counts = np.asarray(depths, np.int64)
        ends = np.cumsum(counts)
        depths = (known[ends] - known[ends - counts]).tolist()
        at = at[is_known]
    return _unsigned(locations.ids)[at][::-1].tobytes(), depths


def positions(ids: Numbers, wanted: Numbers) -> Places:
    """Return the last position of each wanted id in `ids`, or -1 for a missing one."""
    last = int(ids.max(initial=0))
    if last <= _SPARSE * len(ids):
        table = np.full(last + 2, -1, np.int64)
        table[ids] = np.arange(len(ids))
        return table[np.minimum(wanted, np.uint64(last + 1))]
    order = np.argsort(ids, kind="stable")
    at = np.searchsorted(ids[order], wanted, side="right") - 1
    found = order[at]
    return np.where((at >= 0) & (ids[found] == wanted), found, -1)


def _unsigned(numbers: Sequence[int]) -> Numbers:
    return np.asarray(numbers, np.uint64)
