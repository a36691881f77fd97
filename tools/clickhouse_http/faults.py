"""A proxy in front of the server that injects faults: down, slow, waking, resets, a wrong password, too many parts."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar, Final

_HOP: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
_ERRORS: Final = {
    "wrong_password": (516, 403, "AUTHENTICATION_FAILED"),
    "too_many_parts": (252, 500, "TOO_MANY_PARTS"),
}
_SLOW_S: Final = 30.0
_POLL_S: Final = 0.05


class Fault(StrEnum):
    """The fault that the proxy injects into requests."""

    NONE = "none"
    DOWN = "down"
    """The connection is reset before any byte of the request is read."""
    SLOW = "slow"
    """The proxy sends no response, and ClickHouse never receives the request."""
    WAKING = "waking"
    """The response is 503, as from the proxy of ClickHouse Cloud while the service wakes up."""
    RESET_BEFORE = "reset_before"
    """The connection is reset after the request is read; ClickHouse never receives it."""
    RESET_AFTER = "reset_after"
    """The connection is reset after ClickHouse has run the statement."""
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # a fault's name
    TOO_MANY_PARTS = "too_many_parts"


@dataclass(slots=True, kw_only=True)
class FaultyClickHouse:
    """A running proxy. `fault` may change at any time; `inserts_alone` restricts it to INSERTs."""

    port: int
    fault: Fault = Fault.NONE
    inserts_alone: bool = False
    slow_s: float = _SLOW_S

    def applies(self, body: bytes) -> bool:
        """Return whether the fault applies to a request with this body."""
        return not self.inserts_alone or b"INSERT INTO" in body


class _Handler(BaseHTTPRequestHandler):
    """Forwards requests, subject to the fault of `proxy`."""

    proxy: ClassVar[FaultyClickHouse]
    upstream_port: ClassVar[int]
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.proxy.fault
        if fault is Fault.NONE or not self.proxy.applies(body):
            self._respond(self._forward(body))
        elif fault is Fault.SLOW:
            self._wait()
        elif fault is Fault.WAKING:
            self._send(503, b"<html>the service is waking up</html>", {})
        elif fault.value in _ERRORS:
            self._refuse(*_ERRORS[fault.value])
        else:
            if fault is Fault.RESET_AFTER:
                self._forward(body)
            self._reset()

    def do_GET(self) -> None:
        self.do_POST()

    def _forward(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.upstream_port)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def _respond(self, answer: tuple[HTTPResponse, bytes]) -> None:
        response, content = answer
        headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
        self._send(response.status, content, headers)

    def _refuse(self, code: int, status: int, name: str) -> None:
        text = f"Code: {code}. DB::Exception: as switched. ({name}) (version 26.9)\n"
        self._send(status, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(content)

    def _wait(self) -> None:
        until = time.monotonic() + self.proxy.slow_s
        while self.proxy.fault is Fault.SLOW and time.monotonic() < until:
            time.sleep(_POLL_S)
        self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def handle(self) -> None:
        if self.proxy.fault is Fault.DOWN:
            self._reset()
            return
        try:
            super().handle()
        except (OSError, ValueError):  # the client disconnected, or was disconnected
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, *_: object) -> None:
        """Logs no requests."""


@contextmanager
def faulty(upstream_port: int) -> Iterator[FaultyClickHouse]:
    """Run a proxy to the ClickHouse on a local port."""
    proxy = FaultyClickHouse(port=0)
    handler = type("Handler", (_Handler,), {"proxy": proxy, "upstream_port": upstream_port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    proxy.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_S}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.fault = Fault.NONE
        server.shutdown()
        thread.join()
        server.server_close()
