"""Functions of the previous release work on the new schema, and new functions on the previous one.

`testdata/previous_release` has the statements of its functions, as ClickHouse received them, and the types of the
columns that their INSERTs fill. A release replaces both files.
"""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema import migrate, state
from ingest.received import Endpoint, ReceivedUpload
from tests.support.servers.place import REPO
from tests.support.uploads.counted import Counted, once
from tools.clickhouse_http.process import clickhouse_server

RELEASE: Final = REPO / "tests/testdata/previous_release"
STATEMENTS: Final = [each.strip() for each in (RELEASE / "statements.sql").read_text().split(";\n\n")]
SCHEMA: Final[dict[str, Any]] = json.loads((RELEASE / "schema.json").read_text())
PARAMETER: Final = re.compile(r"\{(\w+):([^{}]+)\}")
INSERT: Final = re.compile(r"INSERT INTO (\w+) \((.+)\)")
COLUMNS: Final = """
SELECT name, type, default_kind
FROM system.columns
WHERE database = currentDatabase() AND table = {table:String}
"""


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A database with the schema of this release."""
    with clickhouse_server(tmp_path_factory.mktemp("current")) as server:
        settings = Settings(clickhouse_dsn=server.dsn, retention_days=0)
        migrate.migrate(settings)
        clickhouse = ClickHouse(settings)
        yield clickhouse
        clickhouse.close()


@pytest.fixture
def previous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A database with the schema of the previous release."""
    (tmp_path / "migrations").mkdir()
    for number in range(1, SCHEMA["migration"] + 1):
        name = f"{number:04}.sql"
        text = files("flamehouse.store.schema").joinpath("migrations", name).read_text()
        (tmp_path / "migrations" / name).write_text(text)
    with clickhouse_server(tmp_path) as server:
        settings = Settings(clickhouse_dsn=server.dsn, retention_days=0)
        with monkeypatch.context() as patched:
            patched.setattr(state, "MIGRATIONS", tmp_path / "migrations")
            migrate.migrate(settings)
        yield settings


def value_of(type_: str) -> Any:
    """Returns any value of a type."""
    if type_.startswith("Array"):
        return []
    return "00000000-0000-0000-0000-000000000000" if type_ == "UUID" else "1"


@pytest.mark.parametrize("statement", [each for each in STATEMENTS if not each.startswith("INSERT")])
def test_the_schema_supports_the_queries_of_the_previous_release(current: ClickHouse, statement: str) -> None:
    parameters = {name: value_of(type_) for name, type_ in PARAMETER.findall(statement)}
    assert current.rows(f"EXPLAIN QUERY TREE {statement.removesuffix(';')}", parameters)


@pytest.mark.parametrize("statement", [each for each in STATEMENTS if each.startswith("INSERT")])
def test_the_schema_accepts_the_rows_of_the_previous_release(current: ClickHouse, statement: str) -> None:
    """RowBinary carries no types, so a column of another type would be misread."""
    found = INSERT.match(statement)
    assert found
    table, names = found[1], re.findall(r"`([^`]+)`", found[2])
    columns = {name: (type_, kind) for name, type_, kind in current.rows(COLUMNS, {"table": table})}
    assert {name: columns[name][0] for name in names} == {
        name: SCHEMA["columns"][table][name] for name in names
    }
    assert {columns[name][1] for name in names} <= {"", "DEFAULT", "EPHEMERAL"}


def test_functions_of_this_release_work_on_the_previous_schema(previous: Settings) -> None:
    store = open_store(previous)
    counted = Counted.on(store, previous)
    assert [counted.send(number) for number in (0, 1, 0)] == [200] * 3
    received = ReceivedUpload(
        tenant=counted.server.client.tenant, endpoint=Endpoint.PUSH, received_ns=0, body=b""
    )
    assert not store.insert_batch([(counted.upload(number), received) for number in (1, 2)])
    assert counted.counts() == once([0, 1, 2])
    assert counted.services() == ["shop"]
    store.close()
    # The upgrade that follows completes the schema, and nothing is lost.
    migrate.migrate(previous)
    store = open_store(previous)
    upgraded = counted.through(Counted.on(store, previous, counted.server.client.tenant).server)
    assert [upgraded.send(number) for number in (2, 3)] == [200, 200]
    assert upgraded.counts() == once([0, 1, 2, 3])
    store.close()
