"""Caches the limits of tenants."""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from flamehouse.errors import RpcError
from flamehouse.model.limits import DEFAULTS, Limits

_CACHED_S: Final = 60
_AGAIN_S: Final = 10
"""The pause after a failure to read the limits."""


class CachedLimits:
    """Caches the limits of tenants: read at most once a minute, and not for ten seconds after a failure.

    `builtin` are the defaults from the settings. `clock` is monotonic, in seconds.
    """

    def __init__(self, builtin: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._builtin = builtin
        self._clock = clock
        self._limits: Mapping[str, Limits] = {}
        self._defaults = builtin
        self._until = float("-inf")
        self._born = clock()
        self._lock = Lock()

    def of(self, tenant: str, read: Callable[[], Mapping[str, Limits]], *, at_once: bool = True) -> Limits:
        """Return the limits of a tenant, from `read` if the cache is stale.

        While one thread reads, others get the old value. If `read` fails, the last known limits apply. Unless
        `at_once`, nothing is read in the first minute, so that cold starts stay fast.
        """
        with self._lock:
            now = self._clock()
            due = now >= self._until and (at_once or now >= self._born + _CACHED_S)
            if due:
                self._until = self._clock() + _CACHED_S
        if due:
            self._refresh(read)
        return self.last(tenant)

    def last(self, tenant: str) -> Limits:
        """Return the limits of a tenant as last read."""
        own = self._limits.get(tenant)
        return own.over(self._defaults) if own else self._defaults

    def _refresh(self, read: Callable[[], Mapping[str, Limits]]) -> None:
        try:
            limits = read()
        except RpcError:
            # The error is logged with ClickHouse's other errors.
            self._until = self._clock() + _AGAIN_S
        else:
            self._defaults = limits.get(DEFAULTS, Limits()).over(self._builtin)
            self._limits = limits
