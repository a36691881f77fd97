"""The roles of `flamehouse setup-sql --qryn-input`: each needs all of its grants and can do nothing else."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.roles import grants_of
from qryn.input import Input
from tests.support.qryn.database import connected, insert
from tests.support.qryn.profiles import go_cpu
from tests.support.qryn.rows import input_row
from tests.support.queries.queries import new_tenant
from tests.support.servers.command import flamehouse
from tools.clickhouse_http.process import clickhouse_server

INGEST: Final = grants_of("flamehouse", "ingest")
QRYN: Final = grants_of("flamehouse", "qryn")
COLLECTOR: Final = grants_of("flamehouse", "collector")
POISON: Final = input_row(go_cpu(), "poison", payload=b"no pprof", tree=[], functions=[])


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ClickHouse whose tables the role `migrate` created."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with clickhouse_server(folder, grants=grants_of("flamehouse", "migrate")) as server:
        done = flamehouse("migrate", "--qryn-input", CLICKHOUSE_DSN=server.dsn)
        assert done.returncode == 0, done.stderr
    return folder


def insert_rows(folder: Path, grants: Sequence[str]) -> None:
    """Inserts a valid and an invalid row as the collector does; checks that it may not read any table."""
    with clickhouse_server(folder, grants=grants) as server:
        client = connected(server, "flamehouse")
        insert(client, [input_row(go_cpu(), "shop"), POISON])
        for table in ("qryn_rows", "qryn_rejected", "sampled_profiles"):
            with pytest.raises(DatabaseError, match="497"):
                client.query(f"SELECT count() FROM {table}")  # noqa: S608  # of this test's
        client.close()


def store_rows(folder: Path, grants: Sequence[str]) -> int:
    """Stores the waiting rows with these grants; returns the number of rows left in the table."""
    with clickhouse_server(folder, grants=grants) as server:
        settings = Settings(clickhouse_dsn=server.dsn)
        clickhouse, store = ClickHouse(settings), open_store(settings)
        services = Services(settings=settings, store=store)
        input_ = Input(clickhouse=clickhouse, services=services, tenant=new_tenant())
        try:
            input_.step(30)
            [(left,)] = clickhouse.rows("SELECT count() FROM qryn_rows")
        finally:
            store.close()
            clickhouse.close()
    return int(left)


def test_the_roles_of_the_collector_and_of_its_reader_suffice(migrated: Path) -> None:
    insert_rows(migrated, COLLECTOR)
    assert store_rows(migrated, [*INGEST, *QRYN]) == 0


@pytest.mark.parametrize("missing", ["SELECT", "ALTER DELETE", "INSERT"])
def test_rows_are_not_stored_if_any_grant_is_missing(migrated: Path, missing: str) -> None:
    insert_rows(migrated, COLLECTOR)
    kept = [re.sub(rf"{missing},? ?|, {missing}", "", grant) for grant in QRYN]
    with pytest.raises(DatabaseError, match=r"497|60"):
        store_rows(migrated, [*INGEST, *[grant for grant in kept if not grant.startswith("ON ")]])
    assert store_rows(migrated, [*INGEST, *QRYN]) == 0


def test_the_collector_needs_both_of_its_grants_to_insert(migrated: Path) -> None:
    [grant] = COLLECTOR
    for kept in (grant.replace("SELECT, ", ""), grant.replace(", INSERT", "")):
        with pytest.raises(DatabaseError, match="497"):
            insert_rows(migrated, [kept])


def test_setup_sql_has_the_grants_and_the_user_only_if_requested(tmp_path: Path) -> None:
    plain = flamehouse("setup-sql", "--secrets", str(tmp_path / "plain"), "--host", "ch.example.com")
    run = flamehouse(
        *("setup-sql", "--qryn-input", "--secrets", str(tmp_path / "qryn"), "--host", "ch.example.com")
    )
    assert "qryn" not in plain.stdout
    assert {file.stem for file in (tmp_path / "qryn").iterdir()} - {
        file.stem for file in (tmp_path / "plain").iterdir()
    } == {"collector"}
    for words in (
        "GRANT SELECT, ALTER DELETE ON flamehouse.qryn_rows TO flamehouse_qryn_role;",
        "GRANT flamehouse_collector_role TO flamehouse_collector;",
        "GRANT flamehouse_ingest_role, flamehouse_maintain_role, flamehouse_qryn_role TO flamehouse_ingest;",
    ):
        assert words in run.stdout
