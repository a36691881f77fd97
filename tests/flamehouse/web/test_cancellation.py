"""Timeouts of clients apply down to the query, and the query of a disconnected client is cancelled."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from starlette.types import ASGIApp, Message

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore, RecordedClickHouse
from tests.support.uploads.profiles import CPU_LABELS, pprof_of, sample
from tests.support.uploads.uploads import PUSH, pushed, series

PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"
JSON = {"Content-Type": "application/json"}
ENDLESS = "SELECT count() FROM system.numbers WHERE cityHash64(number) = 0"
UNDER_WAY = "SELECT count() FROM system.processes WHERE startsWith(query, {sql:String})"
SOON_S = 10
"""Much less than the settings allow a query, and much more than one may take here."""


class Endless(RecordedClickHouse):
    """A database that runs any query until it is cancelled."""

    def rows(
        self,
        sql: str,
        parameters: Parameters | None = None,  # noqa: ARG002  # of the query that does not run
        settings: ServerSettings | None = None,
    ) -> Sequence[Sequence[Any]]:
        self.statements.append(sql)
        return self._clickhouse.rows(ENDLESS, None, settings)

    def stop(self, tag: str) -> None:
        self._clickhouse.stop(tag)


@pytest.fixture
def endless(clickhouse: ClickHouse, settings: Settings) -> Iterator[ASGIApp]:
    """A server whose queries do not end; checks afterwards that none still runs."""
    database = Endless(clickhouse)
    services = Services(settings=settings, store=ClickHouseStore(database, LoneWriter(database), settings))
    yield create_app(lambda: services)
    until = time.monotonic() + SOON_S
    while clickhouse.rows(UNDER_WAY, {"sql": ENDLESS})[0][0]:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("rpc", ["ProfileTypes", "Series", "GetProfileStats", "AnalyzeQuery"])
def test_a_query_ends_at_its_clients_timeout(endless: ASGIApp, rpc: str) -> None:
    started = time.monotonic()
    response = request(
        endless, f"/querier.v1.QuerierService/{rpc}", "{}", headers={"Connect-Timeout-Ms": "1000"}
    )
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
    assert time.monotonic() - started < SOON_S


def test_a_query_past_its_deadline_is_not_sent() -> None:
    store = CannedStore()
    services = Services(settings=Settings(), store=store)
    response = request(create_app(lambda: services), PROFILE_TYPES, "{}", headers={"Connect-Timeout-Ms": "0"})
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
    assert store.calls == []


def test_a_client_timeout_above_the_limit_changes_nothing(store: ClickHouseStore, settings: Settings) -> None:
    services = Services(settings=settings, store=store)
    headers = {"Connect-Timeout-Ms": "9999999999"}
    assert request(create_app(lambda: services), PROFILE_TYPES, "{}", headers=headers).status_code == 200


def go_away(
    app: ASGIApp, fields: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, after_s: float
) -> list[Message]:
    """Sends a request (`POST /path?query`), disconnects after a while, and returns what the server sent."""
    method, _, target = fields.partition(" ")
    path, _, query = target.partition("?")
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
    }

    async def run() -> None:
        received: list[Message] = [{"type": "http.request", "body": body}]

        async def receive() -> Message:
            if received:
                return received.pop()
            await asyncio.sleep(after_s)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(run())
    return sent


def test_an_abandoned_query_is_cancelled(endless: ASGIApp) -> None:
    started = time.monotonic()
    start, body = go_away(endless, f"POST {PROFILE_TYPES}", b"{}", JSON, after_s=0.3)
    assert time.monotonic() - started < SOON_S
    assert (start["status"], json.loads(body["body"])["code"]) == (499, "canceled")


def test_a_get_request_is_cancelled_too(endless: ASGIApp) -> None:
    started = time.monotonic()
    start, _ = go_away(endless, "GET /pyroscope/label-values?label=__name__", after_s=0.3)
    assert (start["status"], time.monotonic() - started < SOON_S) == (499, True)


def test_a_query_is_cancelled_among_any_number_of_others(endless: ASGIApp) -> None:
    async def all_of_them() -> None:
        query = (
            asyncio.to_thread(go_away, endless, f"POST {PROFILE_TYPES}", b"{}", JSON, after_s=0.3)
            for _ in range(6)
        )
        await asyncio.gather(*query)

    started = time.monotonic()
    asyncio.run(all_of_them())
    assert time.monotonic() - started < 2 * SOON_S


def test_an_upload_is_stored_even_if_its_client_goes_away(
    store: ClickHouseStore, settings: Settings, tenant: str
) -> None:
    monday = some_monday_ms()
    app = create_app(lambda: Services(settings=settings, store=store))
    body = pushed(series(CPU_LABELS, pprof_of([sample("a", 7)], time_ms=monday)))
    headers = {"Content-Type": "application/proto", "X-Scope-OrgID": tenant}
    start, _ = go_away(app, f"POST {PUSH}", body, headers, after_s=0)
    assert start["status"] == 200
    assert Server.on(store, settings, tenant).flamegraph(monday, monday + 1).total == 7


def test_no_query_of_an_upload_is_cancelled_when_its_client_goes_away(endless: ASGIApp) -> None:
    body = pushed(series(CPU_LABELS, pprof_of([sample("a", 7)], time_ms=1)))
    headers = {"Content-Type": "application/proto", "Connect-Timeout-Ms": "2000"}
    start, _ = go_away(endless, f"POST {PUSH}", body, headers, after_s=0.1)
    assert start["status"] == 504


def test_a_store_that_cannot_cancel_queries_logs_it_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unreachable = Settings(clickhouse_dsn="http://user:hunter2@127.0.0.1:1", query_timeout_s=1)
    open_store(unreachable).stop("tag")
    assert caplog.messages[0] == (
        "an abandoned query was not stopped: OperationalError; it ends at its time limit"
    )
    assert "hunter2" not in caplog.text
