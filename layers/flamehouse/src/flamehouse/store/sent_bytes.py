"""Reads how many bytes tenants have sent in a UTC day, from the ledger in which every process enters its uploads."""

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from flamehouse.errors import RpcError
from flamehouse.model.limits import Sent
from flamehouse.store.read.reader import Reader
from flamehouse.units import S_PER_DAY

_CACHED_S: Final = 60
_MAX_TENANTS: Final = 100_000
"""Above this number of tenants, all are read again, so that memory does not grow with every tenant."""

_SENT: Final = """
SELECT tenant, sum(bytes)
FROM uploads
WHERE received >= toDateTime64({since:Int64}, 9, 'UTC')
    AND ({all:Bool} OR tenant IN {tenants:Array(String)})
GROUP BY tenant
"""


def today() -> int:
    """Return the UTC day, in days since the epoch."""
    return int(time.time() // S_PER_DAY)


def sent_bytes(reader: Reader, day: int, tenants: Sequence[str] = ()) -> Sent:
    """Return the bytes of uploads since `day` (days since the epoch); for all tenants if `tenants` is empty."""
    parameters = {"since": day * S_PER_DAY, "all": not tenants, "tenants": list(tenants)}
    return {str(tenant): int(size) for tenant, size in reader.rows(_SENT, parameters)}


class SentBytes:
    """Reads a tenant's bytes at most once a minute. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def refresh(self, tenant: str, read: Callable[[], None]) -> None:
        """Call `read` unless it was called for the tenant within the last minute, even if that call failed."""
        with self._lock:
            now = self._clock()
            if now < self._until.get(tenant, now):
                return
            if len(self._until) >= _MAX_TENANTS:
                self._until.clear()
            self._until[tenant] = now + _CACHED_S
        try:
            read()
        except RpcError:
            # The error is logged with ClickHouse's other errors; this process's own count applies.
            return
