"""Connections to one ClickHouse server; each request ends at the time limit of the caller's context.

HTTP takes most of the CPU time that a small query costs this process, so requests take a short path through urllib3.
"""

from typing import Any, Final

from clickhouse_connect.driver.httputil import get_pool_manager_options
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from flamehouse.deadline import time_left

_CONNECT_TIMEOUT_S: Final = 3
_LONGEST_SEND_S: Final = 60
_MAX_HELD_BYTES: Final = 64 << 10


class TimedPool(PoolManager):
    """The connection pool of one server's client. `timeout_s` applies to requests without a time limit."""

    def __init__(self, timeout_s: int) -> None:
        super().__init__(**get_pool_manager_options())
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._timeout_s = timeout_s
        self._server: HTTPConnectionPool | None = None

    def request(self, method: str, url: str, *args: Any, **options: Any) -> BaseHTTPResponse:  # noqa: ANN401
        """Send a request; if it has no form fields, skip urllib3's parsing of the URL and choice of a pool."""
        left = time_left(self._timeout_s)
        options["timeout"] = Timeout(connect=min(_CONNECT_TIMEOUT_S, left), read=left, total=left)
        if args or "fields" in options:
            return super().request(method, url, *args, **options)
        server = self._server
        if server is None:
            server = self._server = self.connection_from_url(url)
        return server.urlopen(method, f"/{url.split('/', 3)[3]}", **options)

    def clear(self) -> None:
        """Close the connections; a later request opens a new one."""
        self._server = None
        super().clear()


class _OneSend(HTTPConnection):
    """Sends the head of a request together with a small body: sent separately, they wake the server twice."""

    _held: bytearray | None = None

    def __str__(self) -> str:
        """The server's address, with which urllib3 begins its messages about failed connections."""
        return f"{self.host}:{self.port}"

    def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        self._held = bytearray()
        try:
            super().request(*args, **options)
            self._send_held()
        finally:
            self._held = None

    def send(self, data: Any) -> None:  # noqa: ANN401
        held = self._held
        if held is not None and isinstance(data, bytes) and len(held) + len(data) <= _MAX_HELD_BYTES:
            held += data
        else:
            self._send_held()
            if self.sock is not None:
                # urllib3 applies the connect timeout to sending the body, which is too short for a large one.
                self.sock.settimeout(time_left(_LONGEST_SEND_S))
            super().send(data)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held:
            super().send(held)


class _TlsOneSend(_OneSend, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _OneSend


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsOneSend
