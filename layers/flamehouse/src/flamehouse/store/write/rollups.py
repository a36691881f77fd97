"""Makes roll-ups: one row for each series and closed hour, with the sums of its profiles and which profiles it covers.

A roll-up is a cache: queries ignore it unless it covers exactly the stored profiles. So a step may be interrupted, and
two steps may run at once.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Final

from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.sql import SqlFile
from flamehouse.units import DAYS_PER_WEEK, MAX_INT64, S_PER_DAY, S_PER_HOUR

type _Stale = tuple[str, str, int, int]
"""A tenant, a service, an hour as Unix time, and the number of profiles to roll up."""

_SQL: Final = SqlFile(__file__)

_S_PER_WEEK: Final = DAYS_PER_WEEK * S_PER_DAY
_SETTLING_S: Final = 300
"""An hour closes this long after its end: most profiles arrive by then, and each later one costs another roll-up."""
_LISTED: Final = 1_000
"""The number of stale hours that are read at a time."""
_MAX_PROFILES: Final = 4_000
"""The maximum number of profiles in an INSERT for several services, to bound its memory."""

_MAKING: Final[ServerSettings] = {
    "enable_shared_storage_snapshot_in_query": 1,
    "deduplicate_insert_select": "disable",
    # Background work: leave the other cores to clients.
    "max_threads": 1,
    "max_insert_threads": 1,
}


class Rollups:
    """Keeps the roll-ups of a database valid; `clock` returns Unix time."""

    def __init__(self, clickhouse: ClickHouse, clock: Callable[[], float] = time.time) -> None:
        self._clickhouse = clickhouse
        self._clock = clock
        self._valid: dict[int, tuple[int, int]] = {}

    def step(self, seconds: float) -> bool:
        """Make roll-ups for about `seconds`, newest first; return whether all closed hours have valid ones."""
        until = monotonic() + seconds
        closed = int(self._clock() - _SETTLING_S) // S_PER_HOUR * S_PER_HOUR
        for week, profiles in self._clickhouse.rows(_SQL("weeks")):
            # Inserts and deletes change the number of profiles; an unchanged week needs no second check.
            state = (profiles, min(closed, week + _S_PER_WEEK))
            if self._valid.get(week) != state:
                if not self._roll_up(week, state[1], until):
                    return False
                self._valid[week] = state
        return True

    def _roll_up(self, start: int, end: int, until: float) -> bool:
        """Make the missing or invalid roll-ups in [start, end), Unix time; return False if time runs out."""
        before: Sequence[_Stale] = ()
        while (stale := self._stale(start, end)) and stale != before:
            for tenant, hour, services in _batches(stale):
                if monotonic() > until:
                    return False
                self._make(tenant, hour, services)
            before = stale
        return True

    def _stale(self, start: int, end: int) -> Sequence[_Stale]:
        parameters = {"from": start, "until": end, "limit": _LISTED}
        rows = self._clickhouse.rows(_SQL("stale", covers=_SQL("covers")), parameters, _MAKING)
        return [(tenant, service, hour, profiles) for tenant, service, hour, profiles in rows]

    def _make(self, tenant: str, hour: int, services: Sequence[str]) -> None:
        sql = _SQL("make", covers=_SQL("covers"), selected=_SQL("selected"))
        parameters = {"tenant": tenant, "hour": hour, "services": services, "max_value": MAX_INT64}
        self._clickhouse.command(sql, parameters, _MAKING)


def _batches(stale: Iterable[_Stale]) -> Iterator[tuple[str, int, list[str]]]:
    """Group stale hours into batches: a tenant, an hour and some of its services."""
    for (hour, tenant), rows in groupby(stale, key=itemgetter(2, 0)):
        services: list[str] = []
        room = _MAX_PROFILES
        for _, service, _, profiles in rows:
            if services and profiles > room:
                yield tenant, hour, services
                services, room = [], _MAX_PROFILES
            services.append(service)
            room -= profiles
        yield tenant, hour, services
