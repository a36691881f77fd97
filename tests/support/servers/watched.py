"""A proxy between a client and a server that records what the client sent, and how long each response took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

_OWN: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request's body as sent, and the response's status and seconds."""

    body: bytes = field(repr=False)
    status: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A running proxy, and its exchanges in the order of their responses."""

    url: str
    exchanges: list[Exchange]


@contextmanager
def watched(url: str) -> Iterator[Watched]:
    """Runs a proxy to the server at a local URL, for POST requests with a Content-Length."""
    upstream = urlsplit(url).netloc
    exchanges: list[Exchange] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            began = time.monotonic()
            connection = HTTPConnection(upstream)
            connection.request("POST", self.path, body, dict(self.headers.items()))
            response = connection.getresponse()
            content = response.read()
            connection.close()
            exchanges.append(Exchange(body=body, status=response.status, seconds=time.monotonic() - began))
            self.send_response(response.status)
            headers = [pair for pair in response.getheaders() if pair[0].lower() not in _OWN]
            for name, value in (*headers, ("Content-Length", str(len(content)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Watched(url=f"http://127.0.0.1:{server.server_port}", exchanges=exchanges)
        finally:
            server.shutdown()
            thread.join()
