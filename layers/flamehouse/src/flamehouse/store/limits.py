"""Stores the limits of tenants in the table `tenant_settings`, and caches them.

Their rows have a tenant that no request can name, so no request reads or writes them as a tenant's setting.
"""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from flamehouse.errors import RpcError
from flamehouse.model.limits import Limits
from flamehouse.model.setting import Setting
from flamehouse.store.read.reader import Reader
from flamehouse.store.tenant_settings import set_setting, settings_of
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.units import NS_PER_MS

DEFAULTS: Final = ""
"""The pseudo-tenant of the default limits."""
_OWNER: Final = "limits/"
"""The prefix of the `tenant` column of a row; the names of tenants have no slash."""
_NAME: Final = "limits"
_CACHED_S: Final = 60
_AGAIN_S: Final = 10
"""The pause after limits could not be read."""

_EVERY: Final = """
SELECT tenant, argMax((value, deleted), version) AS latest
FROM tenant_settings
WHERE startsWith(tenant, {owner:String}) AND name = {name:String}
GROUP BY tenant
ORDER BY tenant
"""


def every_limits(reader: Reader) -> dict[str, Limits]:
    """Return the stored limits by tenant; those of `DEFAULTS` are the defaults.

    Invalid ones are logged and omitted.
    """
    found = {}
    for tenant, (value, deleted) in reader.rows(_EVERY, {"owner": _OWNER, "name": _NAME}):
        if deleted:
            continue
        try:
            found[str(tenant).removeprefix(_OWNER)] = Limits.parse(value)
        except (ValueError, TypeError) as error:
            log(events.LIMITS_INVALID, reason=str(error), limited=str(tenant).removeprefix(_OWNER))
    return found


def stored_limits(reader: Reader, tenant: str) -> Limits:
    """Return the stored limits of a tenant, without the defaults. Raises ValueError if they are invalid."""
    for setting in settings_of(reader, _OWNER + tenant):
        if setting.name == _NAME:
            return Limits.parse(setting.value)
    return Limits()


def store_limits(reader: Reader, tenant: str, limits: Limits) -> None:
    """Replace the limits of a tenant."""
    modified_at = time.time_ns() // NS_PER_MS
    set_setting(
        reader, _OWNER + tenant, Setting(name=_NAME, value=limits.serialize(), modified_at=modified_at)
    )


class CachedLimits:
    """Caches the limits of tenants: read at most once a minute, and not for ten seconds after a failure.

    `builtin` are the defaults from the settings. `clock` is monotonic, in seconds.
    """

    def __init__(self, builtin: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._builtin = builtin
        self._clock = clock
        self._limits: Mapping[str, Limits] = {}
        self._until = float("-inf")
        self._born = clock()
        self._lock = Lock()

    def of(self, tenant: str, read: Callable[[], Mapping[str, Limits]], *, at_once: bool = True) -> Limits:
        """Return the limits of a tenant, from `read` if the cache is stale.

        While one thread reads, others get the old value.

        If they cannot be read, the last ones apply. Unless `at_once`, nothing is read in the first minute, to spare
        cold starts.
        """
        with self._lock:
            now = self._clock()
            due = now >= self._until and (at_once or now >= self._born + _CACHED_S)
            if due:
                self._until = self._clock() + _CACHED_S
        if due:
            self._refresh(read)
        defaults = self._limits.get(DEFAULTS, Limits()).over(self._builtin)
        return self._limits.get(tenant, Limits()).over(defaults)

    def _refresh(self, read: Callable[[], Mapping[str, Limits]]) -> None:
        try:
            self._limits = read()
        except RpcError:
            # The error is logged with ClickHouse's other errors.
            self._until = self._clock() + _AGAIN_S
