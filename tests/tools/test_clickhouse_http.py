"""The ClickHouse stand-in responds to an unmodified clickhouse-connect as a ClickHouse server does."""

import base64
from collections.abc import Iterator

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server

CODINGS = ("lz4", "zstd", "gzip", False)
LONG = list(range(10_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


def connected(server: ClickHouseServer, coding: str | bool = "lz4") -> Client:
    """Returns a client with its own defaults except for the session."""
    return clickhouse_connect.get_client(
        host="127.0.0.1",
        port=server.port,
        username=server.user,
        password=server.password,
        compress=coding,
        autogenerate_session_id=False,
    )


@pytest.mark.parametrize("coding", CODINGS)
def test_rows_survive_a_round_trip(server: ClickHouseServer, coding: str | bool) -> None:
    client = connected(server, coding)
    client.command(
        "CREATE OR REPLACE TABLE pairs (name String, number UInt64) ENGINE = MergeTree ORDER BY name"
    )
    client.insert("pairs", [["a\n", 1], ["b", 2]], column_names=["name", "number"])
    written = client.raw_insert("pairs", ["name", "number"], b"\x01c" + bytes(8), fmt="RowBinary")
    rows = client.query("SELECT name, number FROM pairs ORDER BY name").result_rows
    assert (rows, written.written_rows) == ([("a\n", 1), ("b", 2), ("c", 0)], 1)
    assert len(client.query("SELECT number FROM numbers(150000)").result_rows) == 150_000


@pytest.mark.parametrize("coding", CODINGS)
def test_every_block_of_an_insert_is_stored(server: ClickHouseServer, coding: str | bool) -> None:
    client = connected(server, coding)
    client.command("CREATE OR REPLACE TABLE long (name String) ENGINE = MergeTree ORDER BY ()")
    client.insert("long", [["x" * 100_000]] * 300, column_names=["name"])
    assert client.query("SELECT count() FROM long").result_rows == [(300,)]


@pytest.mark.parametrize(
    ("sql", "value", "row"),
    [
        ("SELECT {value:String}", "it's \\ \t\n", ("it's \\ \t\n",)),
        ("SELECT toLowCardinality({value:String})", "é", ("é",)),
        ("SELECT length({value:Array(UInt64)})", LONG, (len(LONG),)),
        ("SELECT {value:Array(String)}", ["a'", "\\"], (["a'", "\\"],)),
    ],
)
def test_parameters_are_bound_on_the_server(
    server: ClickHouseServer, sql: str, value: object, row: tuple[object, ...]
) -> None:
    assert connected(server).query(sql, parameters={"value": value}).result_rows == [row]


def test_a_field_longer_than_a_server_accepts_is_rejected(server: ClickHouseServer) -> None:
    with pytest.raises(DatabaseError) as raised:
        connected(server).query("SELECT length({value:Array(UInt64)})", parameters={"value": LONG * 3})
    assert raised.value.code == 1000


def test_a_setting_holds_for_its_statement_alone(server: ClickHouseServer) -> None:
    client = connected(server)
    sql = "SELECT getSetting('max_block_size')"
    assert client.query(sql, settings={"max_block_size": 7}).result_rows != client.query(sql).result_rows


def test_an_insert_with_a_known_token_is_dropped(server: ClickHouseServer) -> None:
    client = connected(server)
    client.command(
        """
        CREATE OR REPLACE TABLE exact (number UInt64) ENGINE = MergeTree ORDER BY number
        SETTINGS non_replicated_deduplication_window = 10
        """
    )
    for token in ("one", "one", "two"):
        settings = {"insert_deduplication_token": token, "insert_deduplicate": 1}
        client.raw_insert("exact", ["number"], bytes(8), settings=settings, fmt="RowBinary")
    assert client.command("SELECT count() FROM exact") == 2


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELECT (1", 62, 400),
        ("SELECT nothing", 47, 404),
        ("SELECT * FROM nowhere", 60, 404),
        ("SELECT match('', '(')", 427, 400),
        ("SELECT sleep(2) SETTINGS max_execution_time = 1", 159, 408),
        ("SELECT throwIf(1)", 395, 500),
    ],
)
def test_a_failure_has_its_code_and_status(
    server: ClickHouseServer, sql: str, code: int, status: int
) -> None:
    response = httpx.post(server.url, content=sql, auth=(server.user, server.password))
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")
    with pytest.raises(DatabaseError) as raised:
        connected(server).query(sql)
    assert raised.value.code == code


@pytest.mark.parametrize("way", ["basic", "headers", "url"])
@pytest.mark.parametrize(("right", "status"), [(True, 200), (False, 403)])
def test_the_password_is_required(server: ClickHouseServer, way: str, right: bool, status: int) -> None:
    user, password = server.user, server.password if right else "guess"
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {
        "basic": {"Authorization": f"Basic {basic}"},
        "headers": {"X-ClickHouse-User": user, "X-ClickHouse-Key": password},
        "url": {},
    }[way]
    url = {"user": user, "password": password} if way == "url" else {}
    response = httpx.get(server.url, params={"query": "SELECT 1", **url}, headers=headers)
    assert response.status_code == status
    assert response.headers.get("X-ClickHouse-Exception-Code") == (None if right else "516")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"query": "SELECT 1", "session_id": "mine"}, 501, 48),
        ({"query": "CREATE DATABASE mine"}, 403, 164),
        ({"query": "SELECT 1", "no_such_setting": "1"}, 404, 115),
    ],
)
def test_sessions_writing_gets_and_unknown_settings_are_rejected(
    server: ClickHouseServer, fields: dict[str, str], status: int, code: int
) -> None:
    response = httpx.get(server.url, params=fields, auth=(server.user, server.password))
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))


def test_ping_needs_no_password(server: ClickHouseServer) -> None:
    assert httpx.get(f"{server.url}/ping").text == "Ok.\n"
