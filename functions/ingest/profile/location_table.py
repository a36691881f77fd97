"""Remembers locations of one line, and finds those of a whole profile at once.

A dictionary takes several accesses to scattered memory for each look-up, which for the thousands of locations of a profile
cost more than anything else of it. Here a row is found by NumPy in one array, by open addressing. A row is compared as a
whole, so that an unlucky or malicious hash costs time alone: after a few places, its location is made anew.
"""

from collections.abc import Iterator
from threading import Lock
from typing import Final

import numpy as np

from flamehouse.model.symbols import Location
from ingest.profile.vectors import Numbers, Places

WIDTH: Final = 5
"""The numbers of a row: address, mapping id, function id, line and column."""
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
        """Return the number of each row's location, -1 for those without."""
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
        """Add a location, unless the table is full, has it, or has too many rows of the same hash."""
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
                    # Last: from now on, other threads find it.
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
