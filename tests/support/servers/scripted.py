"""Servers that fail as a ClickHouse or the network to it may."""

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One response: after `pause_s`, a status with headers and a body. Status 0 closes the connection instead."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0


@dataclass(slots=True, kw_only=True)
class Script:
    """A server's replies in order, the last one repeated, and the number of its requests."""

    replies: Sequence[Reply]
    port: int = 0
    requests: int = 0

    @property
    def dsn(self) -> str:
        return f"http://flamehouse:the-password@127.0.0.1:{self.port}"


@contextmanager
def scripted(*replies: Reply) -> Iterator[Script]:
    """Runs a server that sends the scripted replies to any requests."""
    script = Script(replies=replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            reply = script.replies[min(script.requests, len(script.replies) - 1)]
            script.requests += 1
            time.sleep(reply.pause_s)
            if not reply.status:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            # The client may have disconnected.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(reply.body)

        do_GET = do_POST  # noqa: N815  # as the class calls it

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        script.port = server.server_port
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def closed_port() -> Iterator[int]:
    """Yields a port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    yield port


@contextmanager
def asleep() -> Iterator[int]:
    """Yields a port that accepts no connections and times out, like that of a service that is waking up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
