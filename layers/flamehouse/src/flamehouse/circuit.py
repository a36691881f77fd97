"""A circuit breaker: callers do not wait for a service that failed a moment ago."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

_OPEN_S: Final = 30.0


class Circuit:
    """Closed while calls succeed, open for `open_s` seconds after a failure, then half-open: one caller tries.

    Thread-safe; `clock` counts seconds.
    """

    def __init__(self, open_s: float = _OPEN_S, clock: Callable[[], float] = monotonic) -> None:
        self._open_s = open_s
        self._clock = clock
        self._until: float | None = None
        self._lock = Lock()

    def allows(self) -> bool:
        """Return whether the caller may try; if so, it must report the outcome."""
        with self._lock:
            if self._until is None:
                return True
            if self._clock() < self._until:
                return False
            # The circuit stays open for other callers until this one reports; if it never does, the next one tries.
            self._until = self._clock() + self._open_s
            return True

    def succeeded(self) -> None:
        """Close the circuit."""
        with self._lock:
            self._until = None

    def failed(self) -> None:
        """Open the circuit."""
        with self._lock:
            self._until = self._clock() + self._open_s
