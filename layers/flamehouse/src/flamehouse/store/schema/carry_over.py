"""Carries over profiles from the layout before migration 0003: from `samples`, one row per sample, to `sampled_profiles`.

Until the old layout is dropped, flamehouse versions before and after the migration write to both layouts. Hours are
carried over one by one, newest first, and each row once. If a step is killed, another process starts over and skips
what is already carried over.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Protocol

from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.sql import SqlFile
from flamehouse.units import MAX_MS, MS_PER_HOUR, S_PER_HOUR

_SQL: Final = SqlFile(__file__)

_OLD_LAYOUT: Final = (
    ("VIEW", "profiles_view"),
    ("TABLE", "profiles"),
    ("VIEW", "samples_view"),
    ("VIEW", "samples_5m_view"),
    ("VIEW", "samples_1h_view"),
    ("TABLE", "samples"),
    ("TABLE", "samples_5m"),
    ("TABLE", "samples_1h"),
)
"""In drop order. Once `profiles` is gone, everything has been carried over; until then, `samples` is complete."""
_CARRIED: Final = frozenset({"profiles", "samples"})

_LAST_HOUR: Final = MAX_MS // MS_PER_HOUR
"""The latest hour that a profile can have."""

_IN_ORDER: Final[ServerSettings] = {
    # Aggregation in the order of the table's key needs memory for only a few profiles.
    "optimize_aggregation_in_order": 1,
    # With one thread, the same rows form the same blocks, and deduplication by token recognizes them.
    "max_threads": 1,
    "max_insert_threads": 1,
    "deduplicate_insert_select": "force_enable",
}


class Commands(Protocol):
    """Runs statements."""

    def command(self, sql: str, /) -> object:
        """Run a statement."""


def drop_old_layout(clickhouse: Commands) -> None:
    """Drop the views and tables that `sampled_profiles` replaces."""
    for kind, name in _OLD_LAYOUT:
        clickhouse.command(_SQL("drop", kind=kind, name=name))


def has_old_layout(rows: Callable[[str], Sequence[Sequence[Any]]]) -> bool:
    """Whether the database that `rows` queries still has any part of the old layout."""
    return bool(_old_tables(rows))


def _old_tables(rows: Callable[[str], Sequence[Sequence[Any]]]) -> set[str]:
    return {name for (name,) in rows(_SQL("old_tables"))}


class CarryOver:
    """Carries over the profiles in the old layout, and provides the SQL that queries read from meanwhile."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._hour = _LAST_HOUR
        self._source = "sampled_profiles"
        self._carried = False

    @property
    def source(self) -> str:
        """SQL to read profiles from: the table `sampled_profiles`, or a subquery that adds the old layout."""
        return self._source

    def begin(self) -> None:
        """Make `source` include the old layout, if there is one."""
        if self._is_needed():
            self._source = self._completed()

    def step(self, seconds: float) -> bool:
        """Carry over for about `seconds`, and drop the old layout in a later step; return whether all is done."""
        if not has_old_layout(self._clickhouse.rows):
            return True
        if self._carried or not self._is_needed():
            drop_old_layout(self._clickhouse)
            return True
        if self.carry(seconds):
            self._source = "sampled_profiles"
            # Queries that read the old layout may still be running.
            self._carried = True
        return False

    def carry(self, seconds: float) -> bool:
        """Carry over hours of profiles for about `seconds`, at least one hour; return whether everything is done."""
        if not self._is_needed():
            return True
        until = monotonic() + seconds
        for (hour,) in self._clickhouse.rows(_SQL("hours"), {"before": self._hour * MS_PER_HOUR}):
            self._carry_hour(hour)
            self._hour = hour
            if self._source != "sampled_profiles":
                self._source = self._completed()
            if monotonic() > until:
                return False
        return True

    def _is_needed(self) -> bool:
        return _old_tables(self._clickhouse.rows) >= _CARRIED

    def _completed(self) -> str:
        carried_from = f"{datetime.fromtimestamp(self._hour * S_PER_HOUR, UTC):%F %T}"
        return _SQL("source", carried_from=carried_from, samples=_SQL("samples"))

    def _carry_hour(self, hour: int) -> None:
        hours = {"from": hour * MS_PER_HOUR, "until": (hour + 1) * MS_PER_HOUR}
        missing = _SQL("missing")
        [(count, hash_)] = self._clickhouse.rows(_SQL("content", missing=missing), hours)
        if count:
            token = f"carry-over:{hour}:{count}:{hash_}"
            settings = {**_IN_ORDER, "insert_deduplication_token": token}
            sql = _SQL("carry", missing=missing, samples=_SQL("samples"))
            self._clickhouse.command(sql, hours, settings)
