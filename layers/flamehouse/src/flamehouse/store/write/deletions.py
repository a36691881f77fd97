"""The register of deletions: for each tenant, the time before which profiles may have been deleted.

ClickHouse drops an INSERT with a token that it remembers, even if the rows have been deleted since. Writers therefore
verify uploads that a deletion may have affected (`replay`). `store/deletion.py` registers a deletion, waits until every
process has read the register, and only then deletes anything. The register's rows in `tenant_settings` have a tenant
that no request can name.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.profile import Upload
from flamehouse.store import UploadKey
from flamehouse.store.connection.client import READ_LATEST, ClickHouse
from flamehouse.store.connection.errors import code_of
from flamehouse.store.write.ledger import key_of
from flamehouse.units import NS_PER_MS

OWNER: Final = "deletions/"
"""The prefix of a row's `tenant` column; names of tenants contain no slash."""
_CACHED_S: Final = 10.0
WAIT_S: Final = 15.0
"""The time after which every process has read a registered deletion."""

_UNKNOWN_TABLE: Final = 60
"""ClickHouse's error code."""

_UNTIL: Final = """
SELECT tenant, max(modified_at)
FROM tenant_settings
WHERE startsWith(tenant, {owner:String})
GROUP BY tenant
"""


class Deletions:
    """The register as this process knows it, at most ten seconds old by `clock` (Unix time). Thread-safe."""

    def __init__(self, clickhouse: ClickHouse, clock: Callable[[], float] = time.time) -> None:
        self._clickhouse = clickhouse
        self._clock = clock
        self._read: tuple[float, Mapping[str, int]] = (float("-inf"), {})

    def affected(self, uploads: Iterable[Upload]) -> set[UploadKey]:
        """The uploads that may have lost rows to a deletion. Call this after the INSERT that may have been dropped."""
        until_ms = self._current()
        return {
            key_of(upload)
            for upload in uploads
            if min(each.time_ns for each in upload.profiles) < until_ms.get(upload.tenant, 0) * NS_PER_MS
        }

    def _current(self) -> Mapping[str, int]:
        """Return the register, read again if it is too old. Threads do not wait for each other: ClickHouse may hang."""
        read_at, until_ms = self._read
        now = self._clock()
        # The clock may have been set back while the function was frozen.
        if not 0 <= now - read_at < _CACHED_S:
            until_ms = self._registered()
            self._read = (now, until_ms)
        return until_ms

    def _registered(self) -> Mapping[str, int]:
        try:
            rows = self._clickhouse.rows(_UNTIL, {"owner": OWNER}, READ_LATEST)
        except ClickHouseError as error:
            if code_of(error) != _UNKNOWN_TABLE:
                raise
            # A new version accepts uploads before its migration has run; no deletion can be registered until then.
            return {}
        return {str(tenant).removeprefix(OWNER): each for tenant, each in rows}
