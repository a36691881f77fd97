"""Limits the series of a tenant per day, as a guard against labels whose values never repeat."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock

from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.store.connection.client import ClickHouse
from flamehouse.telemetry import metrics
from flamehouse.units import NS_PER_DAY, S_PER_DAY, S_PER_HOUR

_MAX_COUNTED = 2_000_000
_RETRY_AFTER_S = S_PER_HOUR
"""New series are rejected until the next UTC day, whose profiles count separately."""

_FINGERPRINTS = """
SELECT DISTINCT fingerprint
FROM series
WHERE tenant = {tenant:String} AND day = toDate({day:Int32})
LIMIT {limit:UInt64}
"""


class SeriesBudget:
    """Counts the series of each tenant and day that this process writes to, up to the limit of the tenant.

    `limit_of` returns that limit; 0 turns counting off. The count is read from the database once and then updated in
    memory, so several writers together may exceed the limit by the series that each adds. Above 2 M counted series, all
    counts are dropped and read again, so that memory does not grow from day to day.
    """

    def __init__(self, clickhouse: ClickHouse, limit_of: Callable[[str], int]) -> None:
        self._clickhouse = clickhouse
        self._limit_of = limit_of
        self._series: dict[tuple[str, int], set[int]] = {}
        self._counted = 0
        self._lock = Lock()

    @contextmanager
    def taken(self, upload: Upload) -> Iterator[None]:
        """Count the upload's series while it is stored; if the block raises, uncount those that it added.

        Raises RpcError(RESOURCE_EXHAUSTED) if its new series exceed the tenant's limit for a day.
        """
        limit = self._limit_of(upload.tenant)
        if not limit:
            yield
            return
        days: dict[int, set[int]] = {}
        for profile in upload.profiles:
            days.setdefault(profile.time_ns // NS_PER_DAY, set()).add(profile.fingerprint)
        for day in days:
            self._read(upload.tenant, day, limit)
        added = self._take(upload.tenant, days, limit)
        try:
            yield
        except BaseException:
            self._give_back(upload.tenant, added)
            raise

    def _take(self, tenant: str, days: Mapping[int, set[int]], limit: int) -> dict[int, set[int]]:
        """Count the series of each day; return the new ones."""
        with self._lock:
            for day, fingerprints in days.items():
                _check(day, fingerprints, self._known(tenant, day), limit)
            added = {day: fingerprints - self._known(tenant, day) for day, fingerprints in days.items()}
            for day, new in added.items():
                self._known(tenant, day).update(new)
                self._counted += len(new)
        return added

    def _give_back(self, tenant: str, added: Mapping[int, set[int]]) -> None:
        with self._lock:
            for day, new in added.items():
                self._known(tenant, day).difference_update(new)
                self._counted -= len(new)

    def _read(self, tenant: str, day: int, limit: int) -> None:
        """Read the day's series unless they are known. The query runs without the lock, so no thread waits for it."""
        with self._lock:
            if self._counted > _MAX_COUNTED:
                self._series, self._counted = {}, 0
            if (tenant, day) in self._series:
                return
        rows = self._clickhouse.rows(_FINGERPRINTS, {"tenant": tenant, "day": day, "limit": limit})
        with self._lock:
            known = self._series.setdefault((tenant, day), set())
            before = len(known)
            known.update(fingerprint for (fingerprint,) in rows)
            self._counted += len(known) - before + 1

    def _known(self, tenant: str, day: int) -> set[int]:
        """The series counted so far; an empty set if the counts have been dropped since."""
        return self._series.get((tenant, day), set())


def _check(day: int, fingerprints: set[int], known: set[int], limit: int) -> None:
    if len(known | fingerprints) > limit and not fingerprints <= known:
        metrics.add(metrics.LIMIT_REFUSALS, limit="series_per_day")
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"too many series: this tenant has {len(known)} on {datetime.fromtimestamp(day * S_PER_DAY, UTC):%F},"
            f" and the limit is {limit} a day (max_series_per_day);"
            " a label whose values never repeat is the usual cause",
            retry_after_s=_RETRY_AFTER_S,
        )
