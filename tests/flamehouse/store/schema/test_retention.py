"""The retention as state of a database: no start, upgrade or absent setting changes it."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.errors import OperatorError
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema import migrate, retention, state
from flamehouse.store.sql import SqlFile
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server
from tests.support.servers.faults import without
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

DAY_MS = 86_400_000
RELEASES = sorted(
    file.name
    for file in files("flamehouse.store.schema").joinpath("migrations").iterdir()
    if file.name.endswith(".sql")
)
CARRY_OVER = "0003.sql"
"""Databases created with this migration or a later one have no older layout."""
TTLS = r"""
SELECT name, toInt32OrZero(extract(create_table_query, ' TTL .*?(\\d+), \'UInt32\''))
FROM system.tables
WHERE database = currentDatabase() AND create_table_query LIKE '% TTL %'
"""


@pytest.fixture
def own(settings: Settings, clickhouse: ClickHouse) -> Iterator[Settings]:
    """Settings that name a database which does not exist yet, and no retention."""
    name = f"retention_{uuid4().hex}"
    yield replace(settings, clickhouse_database=name, retention_days=None)
    clickhouse.command("DROP DATABASE IF EXISTS {name:Identifier}", {"name": name})


@pytest.fixture
def database(own: Settings) -> Iterator[ClickHouse]:
    database = ClickHouse(own)
    yield database
    database.close()


@pytest.fixture(params=RELEASES)
def released(
    request: pytest.FixtureRequest, own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A database as each release up to this one left it, which retains profiles for a year."""
    (tmp_path / "migrations").mkdir()
    for name in RELEASES[: RELEASES.index(request.param) + 1]:
        text = files("flamehouse.store.schema").joinpath("migrations", name).read_text()
        (tmp_path / "migrations" / name).write_text(text)
    with monkeypatch.context() as patched:
        patched.setattr(state, "MIGRATIONS", tmp_path / "migrations")
        if request.param < CARRY_OVER:
            patched.setattr(migrate, "drop_old_layout", lambda _: None)
            patched.setattr(migrate, "replace_views", lambda _: None)
            patched.setattr(retention, "_SQL", sql_of_then)
        patched.setattr(
            retention,
            "EXPIRIES",
            {
                table: expiry
                for table, expiry in retention.EXPIRIES.items()
                if f"TABLE IF NOT EXISTS {table}\n" in "".join(read(tmp_path))
                or f"TABLE IF NOT EXISTS {table} AS" in "".join(read(tmp_path))
            },
        )
        migrate.migrate(wanting(own, 365))
    return own


def read(folder: Path) -> Iterator[str]:
    return (file.read_text() for file in sorted((folder / "migrations").iterdir()))


def sql_of_then(part: str, **names: str) -> str:
    """Returns a part of retention.sql for the tables before `sampled_profiles`."""
    return SqlFile(retention.__file__)(part, **names).replace("sampled_profiles", "profiles")


def wanting(own: Settings, days: int | None) -> Settings:
    return replace(own, retention_days=days)


def ttls_of(database: ClickHouse) -> set[int]:
    """Returns the retention in days that the tables' TTLs enforce."""
    return {days for _, days in database.rows(TTLS)}


def recorded(database: ClickHouse) -> int | None:
    return state.state_of(database.rows).days


def server_on(database: ClickHouse, settings: Settings) -> Server:
    return Server.on(ClickHouseStore(database, LoneWriter(database), settings), settings)


def test_a_new_database_retains_profiles_for_30_days(own: Settings, database: ClickHouse) -> None:
    migrated = migrate.migrate(own)
    assert (migrated.created, migrated.retention_days, recorded(database)) == (True, 30, 30)
    assert ttls_of(database) == {30}


def test_an_upgrade_without_the_setting_deletes_nothing(released: Settings, database: ClickHouse) -> None:
    old_ms = time.time_ns() // 1_000_000 - 100 * DAY_MS
    migrate.migrate(released)
    server = server_on(database, released)
    server.push(series(labels_of(), pprof_of([sample(["main"], 7)], time_ms=old_ms)))
    for _ in range(2):
        assert migrate.migrate(released) == migrate.Migrated(created=False, retention_days=365)
    for table in retention.EXPIRIES:
        database.command(f"OPTIMIZE TABLE {table} FINAL")
    assert ttls_of(database) == {365}
    assert server.flamegraph(old_ms, old_ms + 1).total == 7


@pytest.mark.parametrize(
    ("recorded_days", "wanted", "becomes"),
    [(30, 30, 30), (30, 31, 31), (30, 0, 0), (0, 0, 0), (0, None, 0), (365, None, 365), (1, None, 1)],
)
def test_a_setting_may_lengthen_the_retention(
    own: Settings, database: ClickHouse, recorded_days: int, wanted: int | None, becomes: int
) -> None:
    migrate.migrate(wanting(own, recorded_days))
    assert migrate.migrate(wanting(own, wanted)).retention_days == becomes
    assert (recorded(database), ttls_of(database)) == (becomes, {becomes} if becomes else set())


@pytest.mark.parametrize(
    ("recorded_days", "wanted", "words"),
    [
        (365, 30, "RETENTION_DAYS is 30, but the database retains profiles for 365 days"),
        (0, 10_000, "RETENTION_DAYS is 10000, but the database retains profiles forever"),
        (2, 1, "flamehouse retention set 1d --yes"),
    ],
)
def test_a_setting_may_not_shorten_the_retention(
    own: Settings, database: ClickHouse, recorded_days: int, wanted: int, words: str
) -> None:
    migrate.migrate(wanting(own, recorded_days))
    before = ttls_of(database)
    with pytest.raises(OperatorError) as rejected:
        migrate.migrate(wanting(own, wanted))
    assert words in str(rejected.value)
    assert "\n" not in str(rejected.value)
    assert (recorded(database), ttls_of(database)) == (recorded_days, before)


@pytest.mark.parametrize("to", [1, 365])
def test_an_interrupted_change_is_undone_by_the_next_start(
    own: Settings, database: ClickHouse, to: int
) -> None:
    migrate.migrate(wanting(own, 30))
    with without(database, "uploads"), pytest.raises(ClickHouseError), retention.opened(own) as client:
        retention.apply(client, retention.recorded(client).number, to)
    assert ttls_of(database) == {30, to}
    assert migrate.migrate(own).retention_days == 30
    assert (recorded(database), ttls_of(database)) == (30, {30})


def test_a_database_without_a_recorded_retention_loses_no_profiles(
    own: Settings, database: ClickHouse
) -> None:
    migrate.migrate(wanting(own, 0))
    old_ms = time.time_ns() // 1_000_000 - 100 * DAY_MS
    server = server_on(database, own)
    server.push(series(labels_of(), pprof_of([sample(["main"], 7)], time_ms=old_ms)))
    database.command("TRUNCATE TABLE migrations")
    with pytest.raises(OperatorError, match="records no retention, and 30 days would delete 1 profiles"):
        migrate.migrate(own)
    assert ttls_of(database) == set()
    assert migrate.migrate(wanting(own, 365)).retention_days == 365


def test_profiles_that_a_shorter_retention_deletes_are_counted(own: Settings, database: ClickHouse) -> None:
    migrate.migrate(wanting(own, 0))
    now_ms = time.time_ns() // 1_000_000
    server = server_on(database, own)
    for days in (0, 5, 50, 90):
        profile = pprof_of([sample(["main", f"{days}"], 1)], time_ms=now_ms - days * DAY_MS)
        server.push(series(labels_of(), profile))
    sizes = []
    with retention.opened(own) as client:
        for days, profiles in ((0, 0), (100, 0), (60, 1), (30, 2), (1, 3)):
            expired = retention.expired_under(client, days)
            assert (expired.profiles, bool(expired.bytes)) == (profiles, bool(profiles))
            sizes.append(expired.bytes)
        assert sizes == sorted(sizes)
        oldest = time.strftime("%F", time.gmtime(now_ms / 1_000 - 90 * 86_400))
        assert expired.oldest == oldest


def test_windows_default_to_the_retention_of_the_database(own: Settings, database: ClickHouse) -> None:
    migrate.migrate(wanting(own, 2))
    for expected in (None, 2, 7):
        settings = wanting(own, expected)
        services = Services(
            settings=settings, store=ClickHouseStore(database, LoneWriter(database), settings)
        )
        windows = (services.ingest_past_s, services.query_length_s, services.query_lookback_s)
        assert windows == (2 * 86_400,) * 3
    named = replace(own, ingest_window_past_s=5, max_query_length_s=6, max_query_lookback_s=0)
    services = Services(settings=named, store=ClickHouseStore(database, LoneWriter(database), named))
    assert (services.ingest_past_s, services.query_length_s, services.query_lookback_s) == (5, 6, 0)


def test_a_difference_from_the_database_is_logged_once(
    own: Settings, database: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    migrate.migrate(wanting(own, 2))
    database.command(
        "INSERT INTO migrations SELECT argMax(number, applied) + 1, argMax(retention_days, applied), now64(9, 'UTC') "
        "FROM migrations"
    )
    store = ClickHouseStore(database, LoneWriter(database), wanting(own, 7))
    assert [store.retention_days() for _ in range(3)] == [2, 2, 2]
    latest = state.latest_number()
    assert [record.getMessage() for record in caplog.records] == [
        (
            "RETENTION_DAYS is 7, but the database retains profiles for 2 days, which applies; "
            "set it to 2, or run: flamehouse retention set 7d"
        ),
        f"the database is at migration {latest + 1}, this version of flamehouse at {latest}; update flamehouse",
    ]
