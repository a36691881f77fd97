"""Databases upgraded to the schema from any state; test_retention.py tests their retention."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from time import time, time_ns
from uuid import uuid4

import pytest

from flamehouse.pb.profile_pb2 import Mapping
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema import migrate, state
from flamehouse.store.write.rollups import Rollups
from flamehouse.store.write.writer import LoneWriter
from ingest.pipeline import replay
from tests.support.queries.queries import Server, drawn
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

DAY_MS = 86_400_000
LATEST = len([*files("flamehouse.store.schema").joinpath("migrations").iterdir()])
"""The number of the last migration, since there are no gaps."""
NEXT = """
ALTER TABLE sampled_profiles ADD COLUMN IF NOT EXISTS sum_of_squares Float64;
-- Filled from now on.
ALTER TABLE sampled_profiles_view MODIFY QUERY
SELECT
    tenant, service, time, profile_id, profile_type, fingerprint, upload_id, arraySum(values) AS total, duration, stacktrace_ids, values,
    arraySum(arrayMap(value -> toFloat64(value) * value, values)) AS sum_of_squares
FROM ingest
WHERE notEmpty(values);
"""

BOUND = re.compile(r"_CAST\((\d+), 'UInt32'\)")
"""A bound number as a table's definition shows it."""
TTL_AFTER_30_DAYS = {
    "series": "day + toIntervalDay(30 + 1)",
    "sampled_profiles": "toDateTime(time) + toIntervalDay(30)",
    "rollups": "hour + toIntervalDay(30 + 1)",
    "stacktraces": "week + toIntervalDay(30 + 7)",
    "functions": "week + toIntervalDay(30 + 7)",
    "locations": "week + toIntervalDay(30 + 7)",
    "mappings": "week + toIntervalDay(30 + 7)",
    "uploads": "toDateTime(received) + toIntervalDay(30 + 7)",
}

SCHEMA = """
SELECT name, replaceAll(create_table_query, currentDatabase(), 'here')
FROM system.tables
WHERE database = currentDatabase()
"""
TTLS = """
SELECT name, extract(create_table_query, ' TTL (.*?) SETTINGS')
FROM system.tables
WHERE database = currentDatabase() AND create_table_query LIKE '% TTL %'
"""
WEEKS = """
SELECT partition
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active AND rows > 0
"""
SORTING_KEYS = """
SELECT name, splitByString(', ', sorting_key)[1]
FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'migrations'
"""


@pytest.fixture
def own(settings: Settings, clickhouse: ClickHouse) -> Iterator[Settings]:
    """Settings that name a database which does not exist yet."""
    name = f"migrate_{uuid4().hex}"
    yield replace(settings, clickhouse_database=name, retention_days=None)
    clickhouse.command("DROP DATABASE IF EXISTS {name:Identifier}", {"name": name})


@pytest.fixture
def database(own: Settings) -> Iterator[ClickHouse]:
    """The database that `own` names."""
    database = ClickHouse(own)
    yield database
    database.close()


def of(own: Settings, *, retention_days: int | None) -> Settings:
    return replace(own, retention_days=retention_days)


def schema_of(database: ClickHouse) -> dict[str, str]:
    return {name: definition for name, definition in database.rows(SCHEMA)}


def ttls_of(database: ClickHouse) -> dict[str, str]:
    return {name: BOUND.sub(r"\1", ttl) for name, ttl in database.rows(TTLS)}


def roll_up(database: ClickHouse) -> None:
    """Makes all roll-ups, as if two hours had passed."""
    assert Rollups(database, clock=lambda: time() + 7_200).step(60)


def history_of(database: ClickHouse) -> list[tuple[int, int]]:
    rows = database.rows("SELECT number, retention_days FROM migrations ORDER BY applied")
    return [(number, retention_days) for number, retention_days in rows]


def test_a_database_that_is_up_to_date_is_left_alone(own: Settings, database: ClickHouse) -> None:
    migrate.migrate(own)
    schema, history = schema_of(database), history_of(database)
    assert {*TTL_AFTER_30_DAYS, "ingest", "migrations"} <= {*schema}
    migrate.migrate(own)
    assert (schema_of(database), history_of(database)) == (schema, history)


@pytest.mark.parametrize("applied", [1, 12, 20])
def test_an_interrupted_migration_is_completed(
    own: Settings, database: ClickHouse, clickhouse: ClickHouse, applied: int
) -> None:
    clickhouse.command("CREATE DATABASE {name:Identifier}", {"name": own.clickhouse_database})
    for statement in migrate.migration(1)[:applied]:
        database.command(statement, settings={"allow_suspicious_low_cardinality_types": 1})
    assert len(schema_of(database)) == applied
    migrate.migrate(of(own, retention_days=0))
    assert schema_of(database) == schema_of(clickhouse)


def test_retention_is_set_and_lengthened_and_removed(own: Settings, database: ClickHouse) -> None:
    migrate.migrate(of(own, retention_days=7))
    after_7_days = {table: ttl.replace("30", "7") for table, ttl in TTL_AFTER_30_DAYS.items()}
    assert ttls_of(database) == after_7_days
    migrate.migrate(of(own, retention_days=30))
    assert ttls_of(database) == TTL_AFTER_30_DAYS
    migrate.migrate(of(own, retention_days=0))
    assert ttls_of(database) == {}


def test_profiles_expire_with_the_symbols_of_their_week(own: Settings, database: ClickHouse) -> None:
    migrate.migrate(of(own, retention_days=30))
    any_time = replace(own, ingest_window_past_s=0, max_query_length_s=0, max_query_lookback_s=0)
    server = Server.on(ClickHouseStore(database, LoneWriter(database), any_time), any_time)
    now_ms = time_ns() // 1_000_000
    times = [now_ms - days * DAY_MS for days in (60, 45, 29, 0)]
    for time_ms in times:
        pprof = pprof_of(
            [sample(["main", f"at {time_ms}"], 1)], time_ms=time_ms, mapping=Mapping(id=1, filename=1)
        )
        server.push(series(labels_of(), pprof))
    roll_up(database)
    for table in TTL_AFTER_30_DAYS:
        database.command(f"OPTIMIZE TABLE {table} FINAL")
        weeks = database.rows(WEEKS, {"table": table})
        assert len({*weeks}) == (1 if table == "uploads" else 2), table
    kept = [(["main", f"at {time_ms}"], 1) for time_ms in times[2:]]
    assert server.flamegraph(times[0], now_ms + 1) == drawn(kept)
    ((_, points),) = server.series(times[0], now_ms + 1, step=0.001)
    assert points == [(time_ms, 1) for time_ms in times[2:]]


def test_the_longest_retention_retains_profiles_in_every_table(own: Settings, database: ClickHouse) -> None:
    migrate.migrate(of(own, retention_days=10_000))
    server = Server.on(ClickHouseStore(database, LoneWriter(database), own), own)
    now_ms = time_ns() // 1_000_000
    pprof = pprof_of([sample(["main"], 1)], time_ms=now_ms, mapping=Mapping(id=1, filename=1))
    server.push(series(labels_of(), pprof))
    roll_up(database)
    for table in TTL_AFTER_30_DAYS:
        database.command(f"OPTIMIZE TABLE {table} FINAL")
        assert database.rows(WEEKS, {"table": table}), table
    assert server.flamegraph(now_ms, now_ms + 1) == drawn([(["main"], 1)])


def test_a_server_that_is_too_old_is_rejected(
    own: Settings, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "OLDEST_VERSION", (99, 10))
    with pytest.raises(
        RuntimeError, match=r"^ClickHouse \d+\.[\d.]+ is too old: flamehouse needs 99\.10 or newer$"
    ):
        migrate.migrate(own)
    assert (own.clickhouse_database,) not in clickhouse.rows("SHOW DATABASES")


def test_an_upgrade_retains_stored_profiles(
    own: Settings, database: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.migrate(of(own, retention_days=0))
    assert history_of(database)[-1] == (LATEST, 0)
    store = ClickHouseStore(database, LoneWriter(database), own)
    store.open_log(tmp_path, partial(replay, Services(settings=own, store=store)), fsync=False)
    counted = Counted.on(store, own)
    counted.send(0)
    store.settle()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / f"{LATEST:04}.sql").write_text("no SQL: it is applied already")
    (tmp_path / "migrations" / f"{LATEST + 1:04}.sql").write_text(NEXT)
    monkeypatch.setattr(state, "MIGRATIONS", tmp_path / "migrations")
    migrate.migrate(own)
    assert history_of(database)[-1] == (LATEST + 1, 0)
    for number in (0, 1):
        counted.send(number)
    assert counted.counts() == once({0, 1})
    squares = "SELECT sum_of_squares FROM sampled_profiles ORDER BY sum_of_squares"
    assert database.rows(squares) == [(0,), (0,), (2,), (2,)]


def test_every_table_is_sorted_by_tenant_first(clickhouse: ClickHouse) -> None:
    keys = {table: key for table, key in clickhouse.rows(SORTING_KEYS)}
    assert keys == dict.fromkeys([*TTL_AFTER_30_DAYS, "tenant_settings"], "tenant")
