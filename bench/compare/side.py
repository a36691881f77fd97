"""One of the two servers: its HTTP connections, and the CPU that its process uses."""

import gzip
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter, sleep
from urllib.parse import urlsplit

from bench.floor import cpu_s

_TIMEOUT_S = 120
_MAX_IDLE_S = 2
_LOOK_S = 2.0
_QUIET_CPU_S = 0.1
"""A server that uses less CPU than this in `_LOOK_S` has finished its background work."""
_LONGEST_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to one tenant; `path` includes the query string."""

    path: str
    tenant: str
    body: bytes | None = None
    """Sent by POST; None is a GET."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The wall time and the server's CPU time, in milliseconds, of a request or of a round's average upload."""

    wall_ms: float
    cpu_ms: float


class NotSupportedError(Exception):
    """The server returned an error status, which is in the message."""


class Side:
    """A server; without a `pid`, its CPU is not measured and is 0. Connections are reused."""

    def __init__(self, url: str, pid: int | None) -> None:
        self._address = urlsplit(url).netloc
        self._pid = pid
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []

    def send(self, request: Request) -> bytes:
        """Return the decompressed body of the response. Raises NotSupportedError for an error status."""
        content, encoding = self._exchange(request)
        return gzip.decompress(content) if encoding == "gzip" else content

    def time(self, request: Request) -> Taken:
        """Send a request and measure it. Raises NotSupportedError for an error status."""
        cpu, begun = self.cpu_s(), perf_counter()
        self._exchange(request)
        return Taken(wall_ms=(perf_counter() - begun) * 1_000, cpu_ms=(self.cpu_s() - cpu) * 1_000)

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the server's process has used."""
        return 0 if self._pid is None else cpu_s(self._pid)

    def settled_cpu_s(self) -> float:
        """Wait until background work has finished, at most two minutes, and return the same."""
        end, now_s = perf_counter() + _LONGEST_S, self.cpu_s()
        while perf_counter() < end:
            before_s = now_s
            sleep(_LOOK_S)
            now_s = self.cpu_s()
            if now_s - before_s < _QUIET_CPU_S:
                break
        return now_s

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop()[0].close()

    def _exchange(self, request: Request) -> tuple[bytes, str]:
        connection = self._connection()
        method = "GET" if request.body is None else "POST"
        headers = {"Accept-Encoding": "gzip", "X-Scope-OrgID": request.tenant, **request.headers}
        connection.request(method, request.path, request.body, headers)
        response = connection.getresponse()
        content = response.read()
        self._idle.append((connection, perf_counter()))
        if response.status != http.HTTPStatus.OK:
            text = content[:300].decode(errors="replace")
            raise NotSupportedError(f"{request.path}: {response.status} {text}")
        return content, response.headers.get("Content-Encoding", "")

    def _connection(self) -> http.client.HTTPConnection:
        """Return a connection that is not in use. Closes those that the server may be about to close as idle."""
        while self._idle:
            connection, used_s = self._idle.pop()
            if perf_counter() - used_s < _MAX_IDLE_S:
                return connection
            connection.close()
        return http.client.HTTPConnection(self._address, timeout=_TIMEOUT_S)
