"""The table of locations finds what was added, and nothing else, even when full and with equal hashes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.model.profile import location_of
from flamehouse.model.symbols import Location
from ingest.profile import location_table, vector_symbols
from ingest.profile.location_table import WIDTH, LocationTable
from tests.support.uploads.parts import parts_of, values_by_stack
from tests.support.uploads.profiles import pprof_of, sample
from tests.support.uploads.uploads import YEAR_2026_NS

type Row = tuple[int, ...]

ROWS = st.lists(st.tuples(*[st.integers(0, 2) | st.just((1 << 64) - 1)] * WIDTH), max_size=30)


def location(row: Row) -> Location:
    """Returns a distinct location for each row."""
    return location_of(hash(row) % (1 << 64), 0, ())


def found(table: LocationTable, rows: Sequence[Row]) -> list[Location | None]:
    """Returns the location of each row; checks the table's ids."""
    numbers = table.find(np.array(rows, np.uint64).reshape(-1, WIDTH))
    located = [next(table.locations(np.array([number]))) if number >= 0 else None for number in numbers]
    known = [each for each in located if each]
    assert table.ids(numbers[numbers >= 0]).tolist() == [each.id for each in known]
    return located


@given(ROWS, ROWS, st.integers(1, 40), st.booleans())
def test_a_row_is_found_once_it_is_added(
    added: list[Row], others: list[Row], capacity: int, collide: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if collide:
            patch.setattr(location_table, "_FACTORS", np.zeros(WIDTH, np.uint64))
        table = LocationTable(capacity)
        for row in added * 2:
            table.add(np.array(row, np.uint64), location(row))
        distinct = [*dict.fromkeys(added)]
        held = min(capacity, 16) if collide else capacity
        expected = {row: location(row) for row in distinct[:held]}
        assert table.is_full == (len(expected) == capacity)
        assert found(table, distinct + others) == [expected.get(row) for row in distinct + others]


def test_threads_add_every_row_once() -> None:
    rows = [(0, 0, 1, line, 0) for line in range(500)]
    table = LocationTable(500)
    with ThreadPoolExecutor(8) as threads:
        for row in rows * 4:
            threads.submit(table.add, np.array(row, np.uint64), location(row))
    assert table.is_full
    assert found(table, rows) == [location(row) for row in rows]


@pytest.mark.parametrize("capacity", [1, 3, 1_000])
def test_profiles_are_stored_however_few_locations_are_cached(
    monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    monkeypatch.setattr(vector_symbols, "_CAPACITY", capacity)
    monkeypatch.setattr(vector_symbols, "_tables", vector_symbols.Tables())
    for names in ("abcde", "abfgh", "abcde"):
        [part] = parts_of(pprof_of([sample(names, 2), sample(names[:2], 3)], time_ms=YEAR_2026_NS // 10**6))
        assert values_by_stack(part) == [(";".join(names[:2]), 3), (";".join(names), 2)]
