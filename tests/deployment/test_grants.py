"""The grants of docs/deploy.md: the functions can do their work with them, and not with any of them left out."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from flamehouse.settings import Settings
from flamehouse.store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from tests.support.queries.queries import Server
from tests.support.queries.valid_requests import BODIES, SERVICE, START
from tests.support.servers.command import flamehouse
from tests.support.servers.place import REPO
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import PUSH, pushed, series
from tools.clickhouse_http.process import clickhouse_server

GRANTS: Final = re.findall(
    r"^GRANT (.+) TO flamehouse;$", (REPO / "docs/deploy.md").read_text(), re.MULTILINE
)
JSON: Final = {"Content-Type": "application/json"}
SETTINGS: Final = "/settings.v1.SettingsService"
SETTING: Final = {"name": "theme", "value": "dark", "modifiedAt": "5"}
UPLOAD: Final = pushed(series(labels_of(), pprof_of([sample("ab", 7)], time_ms=START)))
REQUESTS: Final[Mapping[str, bytes]] = {
    PUSH: UPLOAD,
    **{f"{SERVICE}/{rpc}": json.dumps(body).encode() for rpc, body in BODIES.items()},
    f"{SETTINGS}/Get": b"{}",
    f"{SETTINGS}/Set": json.dumps({"setting": SETTING}).encode(),
    f"{SETTINGS}/Delete": json.dumps({"name": "theme"}).encode(),
}
"""What the functions are asked, in this order."""
NEEDED: Final[Mapping[str, Collection[str]]] = {
    "SELECT ON flamehouse.*": REQUESTS,
    "INSERT ON flamehouse.ingest": {PUSH},
    "INSERT ON flamehouse.uploads": {PUSH},
    "INSERT ON flamehouse.tenant_settings": {f"{SETTINGS}/Set"},
}
"""What cannot be done without each grant; deleting a setting that there is not changes nothing."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ClickHouse whose schema was made by a user that may do everything."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with clickhouse_server(folder) as server:
        migrate(Settings(clickhouse_dsn=server.dsn, retention_days=0))
    return folder


def statuses(folder: Path, grants: list[str]) -> dict[str, int]:
    """What each request is answered with."""
    with clickhouse_server(folder, grants=grants) as clickhouse:
        settings = Settings(clickhouse_dsn=clickhouse.dsn, retention_days=0)
        store = open_store(settings)
        client = Server.on(store, settings).client
        answers = {
            path: client.send(
                "POST", path, body, {"Content-Type": "application/proto"} if path == PUSH else JSON
            ).status_code
            for path, body in REQUESTS.items()
        }
        store.close()
    return answers


def test_the_functions_do_all_their_work_with_the_grants(migrated: Path) -> None:
    assert statuses(migrated, GRANTS) == dict.fromkeys(REQUESTS, 200)


def test_the_guide_gives_these_grants() -> None:
    assert list(NEEDED) == GRANTS


@pytest.mark.parametrize("left_out", NEEDED)
def test_no_grant_may_be_left_out(migrated: Path, caplog: pytest.LogCaptureFixture, left_out: str) -> None:
    answers = statuses(migrated, [grant for grant in GRANTS if grant != left_out])
    assert answers == {path: 503 if path in NEEDED[left_out] else 200 for path in REQUESTS}
    assert {each.getMessage() for each in caplog.records if vars(each)["event"] == "clickhouse_failed"} == {
        "ClickHouse failed: code 497 ACCESS_DENIED: its user lacks a grant of docs/deploy.md"
    }


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE sampled_profiles",
        "TRUNCATE TABLE sampled_profiles",
        "ALTER TABLE sampled_profiles DELETE WHERE 1",
        "ALTER TABLE sampled_profiles MODIFY TTL toDateTime(time) + toIntervalDay(1)",
        "INSERT INTO sampled_profiles (tenant) VALUES ('other')",
        "INSERT INTO migrations VALUES (9, 9, now())",
        "CREATE TABLE more (n UInt8) ENGINE = Memory",
        "CREATE USER another",
    ],
)
def test_the_functions_cannot_change_what_is_stored(migrated: Path, statement: str) -> None:
    with clickhouse_server(migrated, grants=GRANTS) as server:
        clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn))
        with pytest.raises(DatabaseError, match="497"):
            clickhouse.command(statement)
        clickhouse.close()


def test_the_functions_user_cannot_migrate_and_is_told_so_in_a_line(migrated: Path) -> None:
    with clickhouse_server(migrated, grants=GRANTS) as server:
        done = flamehouse("migrate", CLICKHOUSE_DSN=server.dsn)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert re.match(r"flamehouse: ClickHouse: .*Not enough privileges", done.stderr)
