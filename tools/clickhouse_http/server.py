"""The HTTP server over an engine, with one user and a thread per connection.

It uses only the standard library: a Python ASGI server takes longer for a small statement than ClickHouse itself.
"""

import hmac
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from tools.clickhouse_http.coding import encoded
from tools.clickhouse_http.engine import Engine
from tools.clickhouse_http.failure import ServerError, code_and_status, in_words
from tools.clickhouse_http.statement import Account, Request, Statement, account_of, statement_of

REQUESTS_LOG: Final = "clickhouse_http.requests"
"""The logger of received statements: one JSON object each, at level INFO."""

_TEXT: Final = {"Content-Type": "text/plain; charset=UTF-8"}
_OK: Final = b"Ok.\n"

_log = logging.getLogger(REQUESTS_LOG)


class Server(ThreadingHTTPServer):
    """Accepts statements of `account` at `/`; `/ping` needs no user."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, account: Account) -> None:
        handler = type("Handler", (_Handler,), {"engine": engine, "account": account})
        super().__init__(("127.0.0.1", port), handler)

    def handle_error(self: BaseServer, request: object, client_address: object) -> None:
        """Log nothing: the client has disconnected."""


class _Handler(BaseHTTPRequestHandler):
    engine: ClassVar[Engine]
    account: ClassVar[Account]
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, *_: object) -> None:
        """Logs no requests."""

    def _respond(self) -> None:
        target = urlsplit(self.path)
        url = dict(parse_qsl(target.query, keep_blank_values=True))
        body = self._body()
        if target.path == "/ping" or (self.command == "GET" and not url):
            self._send(HTTPStatus.OK, _OK, _TEXT)
        elif target.path != "/":
            self._send(HTTPStatus.NOT_FOUND, b"", _TEXT)
        else:
            self._run(Request(method=self.command, url=url, headers=self.headers, body=body))

    def _run(self, request: Request) -> None:
        headers = {
            "X-ClickHouse-Query-Id": request.url.get("query_id") or str(uuid.uuid4()),
            "X-ClickHouse-Server-Display-Name": "clickhouse_http",
        }
        try:
            _check(account_of(request), self.account)
            rows, more = _answer(request, self.engine)
        except Exception as error:  # noqa: BLE001  # every failure is reported in ClickHouse's format
            code, status = code_and_status(error)
            text = in_words(error, self.engine.version).encode()
            self._send(status, text, {**headers, **_TEXT, "X-ClickHouse-Exception-Code": str(code)})
        else:
            self._send(HTTPStatus.OK, rows, {**headers, **more})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            """Skip the trailers."""


def _answer(request: Request, engine: Engine) -> tuple[bytes, Mapping[str, str]]:
    """Run the statement of a request; return the body and headers of the response."""
    statement = statement_of(request)
    _log.info("%s", _record_of(statement))
    answer = engine.run(statement)
    rows = answer.rows
    coding: dict[str, str] = {}
    if request.url.get("enable_http_compression") == "1":
        rows, coding = encoded(rows, request.headers.get("Accept-Encoding", ""))
    headers = {
        "Content-Type": "application/octet-stream",
        "X-ClickHouse-Summary": json.dumps(answer.summary),
        "X-ClickHouse-Timezone": "UTC",
        **coding,
    }
    if statement.data is None:
        headers["X-ClickHouse-Format"] = statement.format
    return rows, headers


def _record_of(statement: Statement) -> str:
    """Return the statement as JSON, without its rows and its parameters' values, which may be secret."""
    return json.dumps(
        {
            "sql": statement.sql.decode(errors="replace"),
            "parameters": [*statement.parameters],
            "settings": dict(statement.settings),
        }
    )


def _check(given: Account, account: Account) -> None:
    known = given.user == account.user
    if not hmac.compare_digest(given.password.encode(), account.password.encode()) or not known:
        message = (
            f"{given.user}: Authentication failed: password is incorrect, or there is no user with such name"
        )
        raise ServerError(516, message, "AUTHENTICATION_FAILED")
