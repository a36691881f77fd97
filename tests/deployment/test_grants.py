"""The roles of `flamehouse setup-sql`: each needs all of its grants and can do nothing else."""

import json
import re
import time
from array import array
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Final
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from flamehouse.model.profile import SeriesProfile, Symbols, Upload
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.maintenance import maintain
from flamehouse.store.read.reader import Reader
from flamehouse.store.schema import roles
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.schema.roles import ROLES, roles_sql
from flamehouse.store.tenant_retention import Retention, expire, may_expire, store_retention
from flamehouse.store.write.completion import without_stored_profiles
from flamehouse.store.write.ledger import stored_uploads
from ingest.maintenance import maintain_database
from tests.support.queries.queries import Server
from tests.support.queries.valid_requests import BODIES, SERVICE, START
from tests.support.servers.command import flamehouse
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import PUSH, pushed, series
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server

JSON: Final = {"Content-Type": "application/json"}
SETTINGS: Final = "/settings.v1.SettingsService"
SETTING: Final = {"name": "theme", "value": "dark", "modifiedAt": "5"}
UPLOAD: Final = pushed(series(labels_of(), pprof_of([sample("ab", 7)], time_ms=START)))
LEDGER: Final = "the ledger"
"""The worker's query before it inserts an upload that was delivered before."""
COMPLETION: Final = "the profiles of an upload"
"""The worker's query before it inserts an upload that was received long ago."""
MAINTAIN: Final = "maintain"
EXPIRE: Final = "expire"
EXPIRED: Final = (
    *("uploads", "sampled_profiles", "rollups"),
    *("stacktraces", "locations", "mappings", "functions", "series"),
)
"""The tables from which expired rows are deleted."""
UPLOADS: Final[Mapping[str, bytes]] = {PUSH: UPLOAD, LEDGER: b"", COMPLETION: b""}
QUERIES: Final[Mapping[str, bytes]] = {
    **{f"{SERVICE}/{rpc}": json.dumps(body).encode() for rpc, body in BODIES.items()},
    f"{SETTINGS}/Get": b"{}",
}
CHANGES: Final[Mapping[str, bytes]] = {
    f"{SETTINGS}/Set": json.dumps({"setting": SETTING}).encode(),
    f"{SETTINGS}/Delete": json.dumps({"name": "theme"}).encode(),
}
WORK: Final[Mapping[str, Mapping[str, bytes]]] = {
    "ingest": UPLOADS,
    "query": QUERIES,
    "admin": {**QUERIES, **CHANGES},
    "maintain": {MAINTAIN: b""},
    "expire": {EXPIRE: b""},
}
"""The requests to the functions of each role, in this order."""
NEEDED: Final[Mapping[str, Mapping[str, Collection[str]]]] = {
    "ingest": {
        "SELECT, INSERT ON flamehouse.ingest": {PUSH},
        "INSERT ON flamehouse.uploads": {PUSH},
        "SELECT ON flamehouse.uploads": {LEDGER},
        "SELECT ON flamehouse.series": {PUSH},
        "SELECT(tenant, service, time, upload_id, profile_id, profile_type, fingerprint) ON flamehouse.sampled_profiles": {
            COMPLETION
        },
        "SELECT ON flamehouse.migrations": {PUSH},
        "SELECT ON flamehouse.tenant_settings": {PUSH},
    },
    "query": {"SELECT ON flamehouse.*": QUERIES},
    "admin": {
        "SELECT ON flamehouse.*": {*QUERIES, *CHANGES},
        "INSERT ON flamehouse.tenant_settings": {f"{SETTINGS}/Set"},
    },
    "maintain": {"SELECT ON flamehouse.*": {MAINTAIN}, "INSERT ON flamehouse.rollups": {MAINTAIN}},
    "expire": {
        "SELECT ON flamehouse.*": {EXPIRE},
        **{f"ALTER DELETE ON flamehouse.{table}": {EXPIRE} for table in EXPIRED},
    },
}
"""The requests that fail without each grant. Deleting a setting that does not exist changes nothing."""
FORBIDDEN: Final = (
    "DROP TABLE sampled_profiles",
    "TRUNCATE TABLE sampled_profiles",
    "ALTER TABLE tenant_settings DELETE WHERE 1",
    "ALTER TABLE sampled_profiles MODIFY TTL toDateTime(time) + toIntervalDay(1)",
    "INSERT INTO sampled_profiles (tenant) VALUES ('other')",
    "INSERT INTO migrations VALUES (9, 9, now())",
    "CREATE TABLE more (n UInt8) ENGINE = Memory",
    "CREATE USER another",
)
"""Statements that no role may run."""
DELETE: Final = "ALTER TABLE sampled_profiles DELETE WHERE 0"
"""A statement that only the role `expire` may run."""

LIFTED: Final = (
    ("max_execution_time", 40, "452"),
    ("max_memory_usage", 0, "452"),
    ("max_result_bytes", 1 << 30, "452"),
    ("readonly", 0, "164"),
)
"""Settings beyond the bounds of the role `query`, and the error code."""


@cache
def statements() -> list[str]:
    return [line.removesuffix(";") for line in roles_sql(Settings()).splitlines() if line]


def grants_of(role: str) -> list[str]:
    return roles.grants_of("flamehouse", role)


def profile_of(role: str) -> str:
    named = (
        rf"CREATE SETTINGS PROFILE OR REPLACE flamehouse_{role}_role SETTINGS (.+) TO flamehouse_{role}_role"
    )
    found = [match[1] for each in statements() if (match := re.fullmatch(named, each))]
    return found[0] if found else ""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ClickHouse whose schema the role `migrate` created, with a profile of a past hour."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with clickhouse_server(folder, grants=grants_of("migrate")) as server:
        migrate(Settings(clickhouse_dsn=server.dsn, retention_days=0))
    with serving(folder, grants_of("ingest")) as server:
        assert requested(server, {PUSH: UPLOAD}) == {PUSH: 200}
    return folder


@pytest.fixture
def own(migrated: Path, tmp_path: Path) -> Path:
    """A copy of the folder, in which profiles may be deleted."""
    return copytree(migrated, tmp_path / "own", symlinks=True)


@contextmanager
def serving(folder: Path, grants: list[str], profile: str = "") -> Iterator[ClickHouseServer]:
    with clickhouse_server(folder, grants=grants, profile=profile) as server:
        yield server


def requested(server: ClickHouseServer, requests: Mapping[str, bytes]) -> dict[str, int]:
    """Returns the status of each request; work that is not a request counts as 200 or 503."""
    settings = Settings(clickhouse_dsn=server.dsn, retention_days=0)
    store = open_store(settings)
    client = Server.on(store, settings).client
    clickhouse = ClickHouse(settings)
    statuses = {}
    for path, body in requests.items():
        if path in {LEDGER, COMPLETION, MAINTAIN, EXPIRE}:
            statuses[path] = 200 if done_without_request(clickhouse, path) else 503
            continue
        headers = {"Content-Type": "application/proto"} if path == PUSH else JSON
        statuses[path] = client.send("POST", path, body, headers).status_code
    clickhouse.close()
    store.close()
    return statuses


def old_upload() -> Upload:
    profile = SeriesProfile(
        time_ns=0,
        duration_ns=0,
        profile_id=UUID(int=0),
        profile_type="process_cpu:cpu:nanoseconds:cpu:nanoseconds",
        service="a",
        fingerprint=1,
        labels=(),
        symbols=Symbols(),
        stacktrace_ids=array("Q"),
        values=array("q"),
    )
    return Upload(tenant="a", id=bytes(32), received_ns=0, profiles=[profile])


def done_without_request(clickhouse: ClickHouse, work: str) -> bool:
    try:
        if work == LEDGER:
            stored_uploads(clickhouse, [("a", bytes(32))])
        elif work == COMPLETION:
            without_stored_profiles(clickhouse, [old_upload()], time.time_ns())
        elif work == EXPIRE:
            [(tenant,)] = clickhouse.rows("SELECT DISTINCT tenant FROM sampled_profiles")
            expire(clickhouse, [Retention(tenant=tenant, days=1)], time.time())
            assert clickhouse.rows("SELECT count() FROM sampled_profiles") == [(0,)]
        else:
            maintain(clickhouse, 20)
            # A table without a grant appears empty to its user: without this, maintenance would have nothing to do.
            assert clickhouse.rows("SELECT count() > 0 FROM rollups") == [(1,)]
    except DatabaseError as error:
        assert "497" in str(error)  # noqa: PT017  # the work may succeed
        return False
    return True


def test_clickhouse_parses_every_statement(clickhouse: ClickHouse) -> None:
    for statement in statements():
        assert clickhouse.rows(f"EXPLAIN AST {statement}"), statement


def test_the_roles_have_no_unused_grants() -> None:
    assert {role: grants_of(role) for role in NEEDED} == {
        role: [*of_role] for role, of_role in NEEDED.items()
    }
    assert {*ROLES} == {*NEEDED, "migrate"}


@pytest.mark.parametrize(("role", "omitted"), [(role, grant) for role in NEEDED for grant in NEEDED[role]])
def test_a_role_needs_each_of_its_grants(
    own: Path, caplog: pytest.LogCaptureFixture, role: str, omitted: str
) -> None:
    kept = [grant for grant in grants_of(role) if grant != omitted] or ["SHOW TABLES ON flamehouse.*"]
    with serving(own, kept) as server:
        responses = requested(server, WORK[role])
    assert responses == {path: 503 if path in NEEDED[role][omitted] else 200 for path in WORK[role]}
    lines = {each.getMessage() for each in caplog.records if vars(each).get("event") == "clickhouse_failed"}
    assert all("its user lacks a grant of flamehouse setup-sql" in line for line in lines)


@pytest.mark.parametrize("role", NEEDED)
def test_a_role_does_its_work_and_cannot_change_what_is_stored(own: Path, role: str) -> None:
    with serving(own, grants_of(role), profile_of(role)) as server:
        assert requested(server, WORK[role]) == dict.fromkeys(WORK[role], 200)
        clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn))
        assert may_expire(clickhouse) == (role == "expire")
        for statement in FORBIDDEN if role == "expire" else (DELETE, *FORBIDDEN):
            with pytest.raises(DatabaseError, match=r"497|164"):
                clickhouse.command(statement)
        clickhouse.close()


def test_scheduled_maintenance_deletes_expired_profiles_only_as_a_user_with_the_grant(own: Path) -> None:
    with serving(own, grants_of("admin")) as server:
        clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn))
        [(tenant,)] = clickhouse.rows("SELECT DISTINCT tenant FROM sampled_profiles")
        store_retention(Reader(clickhouse=clickhouse, settings={}), Retention(tenant=tenant, days=1))
        clickhouse.close()
    for user, left in (("ingest", 1), ("maintain", 0)):
        grants = [grant for role in roles.USERS[user] for grant in grants_of(role)]
        with serving(own, grants) as server:
            settings = Settings(clickhouse_dsn=server.dsn, retention_days=0)
            store = open_store(settings)
            maintain_database(Services(settings=settings, store=store))
            store.close()
            clickhouse = ClickHouse(settings)
            assert clickhouse.rows("SELECT count() FROM sampled_profiles") == [(left,)]
            clickhouse.close()


def test_the_query_role_cannot_lift_its_limits(migrated: Path) -> None:
    with serving(migrated, grants_of("query"), profile_of("query")) as server:
        clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn, query_timeout_s=60))
        assert clickhouse.rows("SELECT 1", None, {"max_memory_usage": 1 << 30}) == [(1,)]
        for name, value, code in LIFTED:
            with pytest.raises(DatabaseError, match=code):
                clickhouse.rows("SELECT 1", None, {name: value})
        clickhouse.close()


def test_a_function_with_the_secret_of_another_role_returns_503(
    migrated: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(migrated, grants_of("query"), profile_of("query")) as server:
        assert requested(server, {PUSH: UPLOAD}) == {PUSH: 503}
    assert "or the function has another user's secret" in caplog.text


def test_a_user_that_may_not_migrate_gets_one_line(migrated: Path) -> None:
    with serving(migrated, grants_of("ingest")) as server:
        done = flamehouse("migrate", CLICKHOUSE_DSN=server.dsn)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert re.match(r"flamehouse: ClickHouse: .*Not enough privileges", done.stderr)
