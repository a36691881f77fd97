"""`flamehouse migrate` from the first schema to the current one, while functions of the new version run."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from threading import Event

import pytest

from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema import migrate, state
from tests.support.servers.command import flamehouse
from tests.support.uploads.counted import Counted, once
from tools.clickhouse_http.process import clickhouse_server

GET, SET = (f"/settings.v1.SettingsService/{rpc}" for rpc in ("Get", "Set"))
JSON = {"Content-Type": "application/json"}
SETTING = json.dumps({"setting": {"name": "theme", "value": "dark", "modifiedAt": "5"}}).encode()
UPLOADS = 8
TIMEOUT_S = 60
DEFINITIONS = """
SELECT concat(table, '.', name), concat(type, ' ', default_kind, ' ', default_expression)
FROM system.columns
WHERE database = currentDatabase()
UNION ALL
SELECT name, concat(engine, ' ', sorting_key, ' ', partition_key, ' ', as_select)
FROM system.tables
WHERE database = currentDatabase()
"""
"""The definitions of columns, tables and views; new columns change none of the existing ones."""


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A server whose database has only the first migration."""
    (tmp_path / "migrations").mkdir()
    text = files("flamehouse.store.schema").joinpath("migrations", "0001.sql").read_text()
    (tmp_path / "migrations" / "0001.sql").write_text(text)
    with clickhouse_server(tmp_path) as server:
        settings = Settings(clickhouse_dsn=server.dsn, retention_days=0)
        with monkeypatch.context() as patched:
            patched.setattr(state, "MIGRATIONS", tmp_path / "migrations")
            patched.setattr(migrate, "drop_old_layout", lambda _: None)
            patched.setattr(migrate, "replace_views", lambda _: None)
            migrate.migrate(settings)
        yield settings


def definitions(settings: Settings) -> dict[str, str]:
    clickhouse = ClickHouse(settings)
    found = {name: definition for name, definition in clickhouse.rows(DEFINITIONS)}
    clickhouse.close()
    return found


def test_an_upgrade_disturbs_neither_writers_nor_readers(
    first: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(first)
    counted = Counted.on(store, first)
    client = counted.server.client
    before, begun, ended = definitions(first), Event(), Event()

    def call(path: str, body: bytes) -> tuple[int, str]:
        response = client.send("POST", path, body, JSON)
        return response.status_code, response.json().get("message", "")

    def write() -> set[int]:
        statuses = set()
        for number in range(1, UPLOADS):
            statuses.add(counted.send(number))
            begun.set()
        return statuses

    def read() -> set[int]:
        statuses = set()
        while not ended.is_set():
            request = {"start": counted.monday, "end": counted.monday + 1}
            statuses.add(counted.server.call("ProfileTypes", **request).status_code)
        return statuses

    assert counted.send(0) == 200
    for path, body in ((GET, b"{}"), (SET, SETTING)):
        status, message = call(path, body)
        assert (status, "not set up for this version of flamehouse" in message) == (503, True)
    assert "run flamehouse migrate" in caplog.text
    with ThreadPoolExecutor() as pool:
        writing, reading = pool.submit(write), pool.submit(read)
        try:
            begun.wait(TIMEOUT_S)
            done = flamehouse("migrate", CLICKHOUSE_DSN=first.clickhouse_dsn)
            assert (done.returncode, done.stderr) == (0, "")
            assert writing.result(TIMEOUT_S) == {200}
        finally:
            ended.set()
        assert reading.result(TIMEOUT_S) == {200}
    assert counted.counts() == once({*range(UPLOADS)})
    assert (call(SET, SETTING)[0], call(GET, b"{}")[0]) == (200, 200)
    # Objects that functions of the previous version use are unchanged.
    assert before.items() <= definitions(first).items()
    store.close()
