"""The server: an ASGI app over an engine that checks one user's password."""

import hmac
import json
import logging
import uuid
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tools.clickhouse_http.coding import encoded
from tools.clickhouse_http.engine import Engine
from tools.clickhouse_http.failure import ServerError, error_response
from tools.clickhouse_http.statement import Account, Statement, account_of, statement_of

REQUESTS_LOG: Final = "clickhouse_http.requests"
"""The logger of received statements: one JSON object each, at level INFO."""

_log = logging.getLogger(REQUESTS_LOG)


def create_app(engine: Engine, account: Account) -> Starlette:
    """Return the app: `/` accepts statements of `account`, `/ping` needs no user."""

    async def root(request: Request) -> Response:
        if request.method == "GET" and not request.query_params:
            return PlainTextResponse("Ok.\n")
        try:
            _check(account_of(request), account)
            response = await _answer(request, engine)
        except Exception as error:  # noqa: BLE001  # every failure is reported in ClickHouse's format
            response = error_response(error, engine.version)
        response.headers["X-ClickHouse-Query-Id"] = request.query_params.get("query_id") or str(uuid.uuid4())
        response.headers["X-ClickHouse-Server-Display-Name"] = "clickhouse_http"
        return response

    return Starlette(routes=[Route("/ping", _ping), Route("/", root, methods=["GET", "POST"])])


async def _ping(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


async def _answer(request: Request, engine: Engine) -> Response:
    statement = await statement_of(request)
    _log.info("%s", _record_of(statement))
    answer = await run_in_threadpool(engine.run, statement)
    rows = answer.rows
    coding: dict[str, str] = {}
    if request.query_params.get("enable_http_compression") == "1":
        rows, coding = encoded(rows, request.headers.get("Accept-Encoding", ""))
    headers = {"X-ClickHouse-Summary": json.dumps(answer.summary), "X-ClickHouse-Timezone": "UTC", **coding}
    if statement.data is None:
        headers["X-ClickHouse-Format"] = statement.format
    return Response(rows, headers=headers, media_type="application/octet-stream")


def _record_of(statement: Statement) -> str:
    """The statement without its rows and without the values of its parameters, which may be secret."""
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
