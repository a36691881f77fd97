"""A thread-safe cache with a limit on the total size of its values."""

from collections.abc import Hashable
from threading import Lock


class Remembered[Key: Hashable, Value]:
    """Evicts the oldest values once the sizes add up to more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._values: dict[Key, tuple[Value, int]] = {}
        self._lock = Lock()

    def get(self, key: Key) -> Value | None:
        found = self._values.get(key)
        return None if found is None else found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Caches a value, unless it is larger than `most` or the key already has one."""
        with self._lock:
            if size > self._most or key in self._values:
                return
            self._values[key] = (value, size)
            self._left -= size
            while self._left < 0:
                _, freed = self._values.pop(next(iter(self._values)))
                self._left += freed
