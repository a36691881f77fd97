"""A guard on labels that never repeat: how many series a tenant may have on one day."""

from datetime import UTC, datetime
from threading import Lock

from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.store.connection.client import ClickHouse

_S_PER_DAY = 86_400
_NS_PER_DAY = _S_PER_DAY * 10**9
_MAX_COUNTED = 2_000_000

_FINGERPRINTS = """
SELECT DISTINCT fingerprint
FROM series
WHERE tenant = {tenant:String} AND day = toDate({day:Int32})
LIMIT {limit:UInt64}
"""


class SeriesBudget:
    """Counts the series of each tenant and day that this process writes to; `limit` 0 does not count.

    The count is read once from the database and kept up here, so several writers may go beyond it by what each adds.
    It is read anew after 2 M series have been counted: days go by, and what is counted must not grow with them.
    """

    def __init__(self, clickhouse: ClickHouse, limit: int) -> None:
        self._clickhouse = clickhouse
        self._limit = limit
        self._series: dict[tuple[str, int], set[int]] = {}
        self._counted = 0
        self._lock = Lock()

    def check(self, upload: Upload) -> None:
        """RpcError resource_exhausted if the upload brings more new series than its tenant may have on a day."""
        if not self._limit:
            return
        days: dict[int, set[int]] = {}
        for profile in upload.profiles:
            days.setdefault(profile.time_ns // _NS_PER_DAY, set()).add(profile.fingerprint)
        with self._lock:
            if self._counted > _MAX_COUNTED:
                self._series, self._counted = {}, 0
            for day, fingerprints in days.items():
                self._check(day, fingerprints, self._known(upload.tenant, day))
            for day, fingerprints in days.items():
                known = self._known(upload.tenant, day)
                self._counted += len(fingerprints - known)
                known |= fingerprints

    def _check(self, day: int, fingerprints: set[int], known: set[int]) -> None:
        if len(known | fingerprints) > self._limit and not fingerprints <= known:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED,
                f"too many series: this tenant has {len(known)} on {datetime.fromtimestamp(day * _S_PER_DAY, UTC):%F},"
                f" and the limit is {self._limit} a day (max_series_per_day);"
                " a label whose values never repeat is the usual reason",
            )

    def _known(self, tenant: str, day: int) -> set[int]:
        known = self._series.get((tenant, day))
        if known is None:
            rows = self._clickhouse.rows(_FINGERPRINTS, {"tenant": tenant, "day": day, "limit": self._limit})
            known = self._series[tenant, day] = {fingerprint for (fingerprint,) in rows}
            self._counted += len(known) + 1
        return known
