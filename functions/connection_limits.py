"""Limits the connections of the local server: their number, and the time to send a head and to receive a response."""

import asyncio
import resource
import time
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_HEAD_S: Final = 30
"""The time in which a client must send a request head, from the connection's start or the head's first byte."""
_SEND_S: Final = 60
"""The time in which a client must resume reading once the server has paused sending."""
_ENGINE_FILES: Final = 768
"""File descriptors reserved for the log and the engine, which uses 500 to 600 under normal load."""
_MOST_FILES: Final = 1 << 16
_LEAST_CONNECTIONS: Final = 16
_REPEAT_S: Final = 60
_OUT_OF_FILES: Final = "socket.accept() out of system resource"
"""asyncio's message for each failed accept."""

_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def connections_allowed(wanted: int) -> int:
    """Raise the limit on file descriptors; return how many of the `wanted` connections it then allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(_LEAST_CONNECTIONS, soft - _ENGINE_FILES))


class Repeated:
    """Limits the logging of a repeated event to once a minute."""

    def __init__(self) -> None:
        self._logged_s = -float(_REPEAT_S)

    def is_due(self) -> bool:
        """Return whether a minute has passed since this was last true."""
        now_s = time.monotonic()
        if now_s - self._logged_s < _REPEAT_S:
            return False
        self._logged_s = now_s
        return True


def log_failed_accepts(loop: asyncio.AbstractEventLoop) -> None:
    """Log at most once a minute that connections wait for descriptors, instead of a traceback for each attempt."""
    repeated = Repeated()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") != _OUT_OF_FILES:
            loop.default_exception_handler(context)
        elif repeated.is_due():
            log(events.CONNECTIONS_WAIT, reason=str(context.get("exception")))

    loop.set_exception_handler(handle)


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # a class chosen at run time
    """Rejects connections above a limit with 503, and closes those whose client has stalled."""

    most_connections = _LEAST_CONNECTIONS
    refusals = Repeated()
    _timer: asyncio.TimerHandle | None = None
    _has_sent = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        if len(self.connections) <= self.most_connections:
            self._wait(_HEAD_S, self._end_slow_head)
            return
        if self.refusals.is_due():
            log(events.CONNECTION_REFUSED, limit=self.most_connections)
        transport.write(_BUSY)
        transport.close()

    def data_received(self, data: bytes) -> None:
        self._has_sent = True
        super().data_received(data)
        if self._serves():
            self._stop_waiting()
        elif self._timer is None:
            self._wait(_HEAD_S, self._end_slow_head)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait(_SEND_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _serves(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_slow_head(self) -> None:
        if self._serves() or self.transport.is_closing():
            return
        if self._has_sent:
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
