"""Remembers locations of one line, and finds those of a whole profile at once.

A dictionary needs several accesses to scattered memory for each look-up. For the thousands of locations of a profile,
these would cost more than everything else. Instead, NumPy finds a row in one array by open addressing. Rows are
compared as a whole, so that an unlucky or malicious hash costs only time: after 16 places, the location is built anew.
"""

from collections.abc import Iterator
from threading import Lock
from typing import Final

import numpy as np

from flamehouse.model.symbols import Location
from ingest.profile.vectors import Numbers, Places

WIDTH: Final = 5
"""How many numbers a row has: address, mapping id, function id, line and column."""
_MAX_PLACES: Final = 16
_FACTORS: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    np.uint64,
)
_UPPER: Final = np.uint64(29)


class LocationTable:
    """Up to `capacity` locations by their rows, numbered as they were added. Thread-safe; nothing is ever removed."""

    def __init__(self, capacity: int) -> None:
        self._locations: list[Location] = []
        self._rows = np.zeros((capacity, WIDTH), np.uint64)
        self._ids = np.zeros(capacity, np.uint64)
        self._entries = np.full(2 * capacity, -1, np.int32)
        self._lock = Lock()

    @property
    def is_full(self) -> bool:
        return len(self._locations) == len(self._rows)

    def find(self, rows: Numbers) -> Places:
        """Return the number of each row's location, or -1 if the table does not have it."""
        found = np.full(len(rows), -1, np.int64)
        left, places = np.arange(len(rows)), self._first_places(rows)
        for _ in range(_MAX_PLACES):
            entries = self._entries[places]
            is_same = (entries >= 0) & (self._rows[entries] == rows[left]).all(axis=1)
            found[left[is_same]] = entries[is_same]
            goes_on = (entries >= 0) & ~is_same
            if not goes_on.any():
                break
            left, places = left[goes_on], (places[goes_on] + 1) % len(self._entries)
        return found

    def add(self, row: Numbers, location: Location) -> None:
        """Add a location, unless the table is full, has the row, or has no free place near its hash."""
        place = int(self._first_places(row[np.newaxis])[0])
        with self._lock:
            if self.is_full:
                return
            for _ in range(_MAX_PLACES):
                entry = self._entries[place]
                if entry < 0:
                    number = len(self._locations)
                    self._rows[number], self._ids[number] = row, location.id
                    self._locations.append(location)
                    # Written last, because it makes the location visible to other threads.
                    self._entries[place] = number
                    return
                if (self._rows[entry] == row).all():
                    return
                place = (place + 1) % len(self._entries)

    def ids(self, numbers: Places) -> Numbers:
        """Return the ids of the locations with these numbers."""
        return self._ids[numbers]

    def locations(self, numbers: Places) -> Iterator[Location]:
        """Return the locations with these numbers."""
        return map(self._locations.__getitem__, numbers.tolist())

    def _first_places(self, rows: Numbers) -> Places:
        mixed = (rows * _FACTORS).sum(axis=1, dtype=np.uint64)
        mixed ^= mixed >> _UPPER
        mixed *= _FACTORS[0]
        return (mixed >> _UPPER).astype(np.int64) % len(self._entries)
