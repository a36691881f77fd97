"""A background thread that runs steps of limited duration."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

_FIRST_PAUSE_S: Final = 1
_STOP_S: Final = 30


class StepThread:
    """Runs steps until `stop`, then calls `close`. A step returns the pause before the next one, in seconds."""

    def __init__(self, name: str, step: Callable[[], float], close: Callable[[], object]) -> None:
        self._step = step
        self._close = close
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step, and wait at most 30 seconds for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._close()

    def _run(self) -> None:
        pause: float = _FIRST_PAUSE_S
        while not self._stopping.wait(pause):
            pause = self._step()
