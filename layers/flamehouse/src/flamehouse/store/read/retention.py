"""Caches the retention that the database records, and logs if settings or code disagree with the database."""

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final

from flamehouse.store.schema.state import State, as_argument, in_words, latest_number, state_of
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_TTL_S: Final = 300
"""How long a process may miss a change made by `flamehouse retention set`."""


class CachedRetention:
    """The database's retention in days, read at most once every five minutes; 0 means forever.

    `expected` is RETENTION_DAYS, or None if it is not set.
    """

    def __init__(self, expected: int | None) -> None:
        self._expected = expected
        self._days: int | None = None
        self._until = 0.0
        self._logged: set[str] = set()
        self._lock = Lock()

    def days(self, rows: Callable[[str], Sequence[Sequence[Any]]]) -> int:
        """The retention, read through `rows` unless cached. While one thread refreshes it, others get the old value."""
        now = time.monotonic()
        with self._lock:
            if self._days is not None and now < self._until:
                return self._days
            self._until = now + _TTL_S
        try:
            state = state_of(rows)
        except BaseException:
            self._until = 0.0
            raise
        self._log_differences(state)
        if state.days is None:
            # The first migration is under way: no profile is rejected as too old.
            self._until = 0.0
            return 0
        self._days = state.days
        return state.days

    def _log_differences(self, state: State) -> None:
        for line in (_other_retention(state, self._expected), _other_schema(state)):
            if line and line not in self._logged:
                self._logged.add(line)
                log(events.DATABASE_DIFFERS, detail=line)


def _other_retention(state: State, expected: int | None) -> str:
    if state.days is None or expected is None or expected == state.days:
        return ""
    return (
        f"RETENTION_DAYS is {expected}, but the database retains profiles {in_words(state.days)}, which applies; set it to "
        f"{state.days}, or run: flamehouse retention set {as_argument(expected)}"
    )


def _other_schema(state: State) -> str:
    latest = latest_number()
    if state.number == latest:
        return ""
    advice = "run: flamehouse migrate" if state.number < latest else "update flamehouse"
    return f"the database is at migration {state.number}, this version of flamehouse at {latest}; {advice}"
