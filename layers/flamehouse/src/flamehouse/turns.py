"""Limits how many threads do something at a time; first come, first served."""

from collections import deque
from threading import Event, Lock


class Turns:
    """`count` turns. Thread-safe.

    A turn that is given back passes to the thread that has waited longest; no thread that arrives later can take it.
    The other threads need not wake to compete for it, which would cost more than short work does.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Event] = deque()
        self._lock = Lock()

    def take(self, timeout_s: float) -> bool:
        """Wait for a turn; return False if none is free in time."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = Event()
            self._waiting.append(turn)
        if turn.wait(timeout_s):
            return True
        with self._lock:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
            return False

    def give_back(self) -> None:
        """End a turn."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
