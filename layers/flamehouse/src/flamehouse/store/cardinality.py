"""A guard on labels that never repeat: how many series a tenant may have on one day."""

from threading import Lock

from flamehouse.errors import Code, RpcError
from flamehouse.profile import Upload
from flamehouse.store.client import ClickHouse

_NS_PER_DAY = 86_400 * 10**9

_MAX_DAYS = 1_000
"""How many tenants' days are counted at a time; beyond that the counts are read again."""

_FINGERPRINTS = """
SELECT DISTINCT fingerprint
FROM series
WHERE tenant = {tenant:String} AND day = toDate({day:Int32})
LIMIT {limit:UInt64}
"""


class SeriesBudget:
    """Counts the series of each tenant and day that this process writes to; `limit` 0 does not count.

    The count is read once from the database and kept up here, so several writers may go beyond it by what each adds.
    """

    def __init__(self, clickhouse: ClickHouse, limit: int) -> None:
        self._clickhouse = clickhouse
        self._limit = limit
        self._series: dict[tuple[str, int], set[int]] = {}
        self._lock = Lock()

    def check(self, upload: Upload) -> None:
        """RpcError resource_exhausted if the upload brings more new series than its tenant may have on a day."""
        if not self._limit:
            return
        new: dict[int, set[int]] = {}
        for profile in upload.profiles:
            new.setdefault(profile.time_ns // _NS_PER_DAY, set()).add(profile.fingerprint)
        with self._lock:
            for day, fingerprints in new.items():
                self._add(upload.tenant, day, fingerprints)

    def _add(self, tenant: str, day: int, fingerprints: set[int]) -> None:
        known = self._series.get((tenant, day))
        if known is None:
            if len(self._series) >= _MAX_DAYS:
                self._series.clear()
            known = self._series[tenant, day] = self._stored(tenant, day)
        if len(known | fingerprints) > self._limit and not fingerprints <= known:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED,
                f"too many series: this tenant has {len(known)} today, and the limit is {self._limit} a day"
                " (max_series_per_day); a label whose values never repeat is the usual reason",
            )
        known |= fingerprints

    def _stored(self, tenant: str, day: int) -> set[int]:
        rows = self._clickhouse.rows(_FINGERPRINTS, {"tenant": tenant, "day": day, "limit": self._limit})
        return {fingerprint for (fingerprint,) in rows}
