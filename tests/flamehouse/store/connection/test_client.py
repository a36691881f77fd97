"""Connections: opened on first use, used by one thread at a time, and closed without losing rows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread
from time import sleep
from uuid import uuid4

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.deadline import no_time_limit, time_limit
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection import embedded
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.embedded import embedded_path, is_embedded

RUNNING = """
SELECT query_id
FROM system.processes
WHERE query LIKE concat('%', {name:String}, '%') AND query NOT LIKE '%system.processes%'
"""
HANDLES = 4
"""The number of handles of an embedded engine that one ClickHouse object holds."""


@pytest.fixture
def own(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # keeps the engine open
    own = ClickHouse(settings)
    yield own
    own.close()


@pytest.mark.parametrize(
    ("dsn", "path"),
    [
        ("chdb://./data", "./data"),
        ("chdb:///var/lib/flamehouse", "/var/lib/flamehouse"),
        ("chdb://a b#c?d", "a b#c?d"),
    ],
)
def test_a_dsn_with_a_folder_is_an_embedded_engine(dsn: str, path: str) -> None:
    assert is_embedded(dsn)
    assert embedded_path(dsn) == path


@pytest.mark.parametrize("dsn", ["https://user:word@host:8443", "http://localhost:8123", "/data", ""])
def test_any_other_dsn_is_a_server(dsn: str) -> None:
    assert not is_embedded(dsn)


def test_no_connection_is_made_before_the_first_query(tmp_path: Path) -> None:
    for dsn in (f"chdb://{tmp_path}/nowhere", "https://nowhere.invalid:8443"):
        store = open_store(replace(Settings(), clickhouse_dsn=dsn))
        store.close()
    assert [*tmp_path.iterdir()] == []


def test_more_threads_than_handles_get_their_own_rows(own: ClickHouse) -> None:
    together = Barrier(2 * HANDLES)

    def query(number: int) -> list[int]:
        together.wait()
        sql = "SELECT {number:UInt64} + number FROM numbers(1000)"
        return [value for _ in range(5) for (value,) in own.rows(sql, {"number": number})]

    with ThreadPoolExecutor(max_workers=2 * HANDLES) as threads:
        responses = [*threads.map(query, range(0, 2_000 * HANDLES, 1_000))]
    assert responses == [[*range(first, first + 1_000)] * 5 for first in range(0, 2_000 * HANDLES, 1_000)]


def test_a_handle_is_reused_after_an_error(own: ClickHouse) -> None:
    for _ in range(2 * HANDLES):
        with pytest.raises(ClickHouseError):
            own.rows("SELECT nothing")
    assert own.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_a_killed_query_leaves_no_rows_to_the_next_one(own: ClickHouse) -> None:
    slow = "SELECT number, number FROM numbers(20000) WHERE sleepEachRow(0.001) = 0"
    tags = [uuid4().hex for _ in range(4)]
    with ThreadPoolExecutor(len(tags)) as threads:
        killed = [
            threads.submit(own.rows, slow, None, {"log_comment": tag, "max_block_size": 10}) for tag in tags
        ]
        sleep(0.3)
        for tag in tags:
            own.stop(tag)
        for each in killed:
            with pytest.raises(ClickHouseError):
                each.result()
        queries = ["SELECT number + 7 FROM numbers(3)"] * 40
        assert {tuple(rows) for rows in threads.map(own.rows, queries)} == {((7,), (8,), (9,))}


def test_settings_hold_for_one_call(own: ClickHouse) -> None:
    sql = "SELECT getSetting('max_block_size')"
    ((default,),) = own.rows(sql)
    own.command("SELECT 1", settings={"max_block_size": 7})
    assert own.rows(sql, settings={"max_block_size": 9}) == [(9,)]
    assert {own.rows(sql)[0][0] for _ in range(2 * HANDLES)} == {default}


def test_columns_are_the_rows_transposed(own: ClickHouse) -> None:
    sql = "SELECT number, toString(number) FROM numbers({count:UInt64})"
    assert [[*column] for column in own.columns(sql, {"count": 2})] == [[0, 1], ["0", "1"]]
    assert own.columns(sql, {"count": 0}) == []


def test_closing_waits_for_running_queries(settings: Settings, clickhouse: ClickHouse) -> None:
    busy = ClickHouse(settings)
    name = f"closing_{uuid4().hex}"
    responses: list[int] = []

    def query() -> None:
        sql = f"SELECT sum(sleepEachRow(0.1)) AS {name} FROM numbers(5)"  # noqa: S608
        responses.extend(value for (value,) in busy.rows(sql))

    thread = Thread(target=query)
    thread.start()
    while not clickhouse.rows(RUNNING, {"name": name}):
        sleep(0.001)
    busy.close()
    thread.join()
    assert responses == [0]


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_closing_does_not_wait_for_an_endless_query(
    settings: Settings, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_CLOSE_WAIT_S", 0.05)
    busy = ClickHouse(settings)
    name = f"endless_{uuid4().hex}"
    sql = f"SELECT sum(sleepEachRow(0.1)) AS {name} FROM numbers(10)"  # noqa: S608
    thread = Thread(target=lambda: busy.rows(sql))
    thread.start()
    while not clickhouse.rows(RUNNING, {"name": name}):
        sleep(0.001)
    assert not busy.close()
    thread.join()


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_a_closed_client_rejects_queries_at_once(settings: Settings, clickhouse: ClickHouse) -> None:  # noqa: ARG001
    closed = ClickHouse(settings)
    closed.rows("SELECT 1")
    closed.close()
    with pytest.raises(ClickHouseError, match="the database is closed"):
        closed.rows("SELECT 1")


def test_a_query_waits_for_a_handle_until_its_deadline(own: ClickHouse) -> None:
    if not own.embedded:
        pytest.skip("a server has no handles to wait for")
    sql = "SELECT sum(sleepEachRow(0.1)) FROM numbers(10)"
    with ThreadPoolExecutor(max_workers=HANDLES) as threads:
        busy = [threads.submit(own.rows, sql) for _ in range(HANDLES)]
        sleep(0.3)
        with time_limit(0.1), pytest.raises(ClickHouseError, match="every handle is in use"):
            own.rows("SELECT 1")
        with time_limit(0.1), no_time_limit():
            assert own.rows("SELECT 1") == [(1,)]
        assert [each.result() for each in busy] == [[(0,)]] * HANDLES


@pytest.mark.parametrize(("own_limit_s", "left_s", "least_s", "most_s"), [(25, 60, 22, 25), (25, 2, 1.4, 2)])
def test_a_query_gets_the_time_left_and_its_server_slightly_less(
    own: ClickHouse, own_limit_s: int, left_s: float, least_s: float, most_s: float
) -> None:
    sql = "SELECT getSetting('max_execution_time')"
    with time_limit(left_s):
        [(seconds,)] = own.rows(sql, settings={"max_execution_time": own_limit_s})
    assert least_s <= float(seconds) <= most_s
    assert own.embedded or float(seconds) < min(own_limit_s, left_s)
